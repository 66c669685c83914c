"""A script that is checked, and the findings that rules make of its places."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from glue_secure.check.model import ScriptFinding
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import escape_unprintable, redact_text
from glue_secure.core.script_values import UNKNOWN_TEXT, ScriptValues, parse_script

UNSHOWN = "…"
_OFF = frozenset({"false", "0", "no", "off", "none", ""})
_ON = frozenset({"true", "1", "yes", "on"})


class Script:
    """A parsed script.

    Args:
        text: the source.
        name: for the findings.
        is_module: whether another script imports this one, so that Glue does not run it by itself.
        is_guarded: whether a module that the script imports imports glue-secure.

    Raises:
        SyntaxError: Python cannot parse the script.
        ValueError: the text contains null bytes.
        RecursionError: the script is nested too deeply.
    """

    def __init__(self, text: str, name: str, *, is_module: bool = False, is_guarded: bool = False) -> None:
        self.text, self.name = text, name
        self.is_module, self.is_guarded = is_module, is_guarded
        self.values = ScriptValues(parse_script(text))
        self._lines = text.encode("utf-8").splitlines() or [b""]

    def finding(
        self,
        rule: str,
        control: str,
        node: ast.expr | ast.stmt | None,
        *,
        found: str,
        required: str,
        fix: str,
        verdict: Verdict = Verdict.FAIL,
        is_note: bool = False,
    ) -> ScriptFinding:
        """Return a finding at a node, or at the first line."""
        line, offset = (node.lineno, node.col_offset) if node is not None else (1, 0)
        before = self._lines[min(line, len(self._lines)) - 1][:offset].decode("utf-8", errors="replace")
        return ScriptFinding(
            rule, control, verdict, self.name, line, len(before) + 1, shown(found), required, fix, is_note
        )

    def is_off(self, nodes: Iterable[ast.expr]) -> bool:
        """Return whether one of the expressions may be false, empty or zero."""
        return any(text.strip().lower() in _OFF for node in nodes for text in self.values.texts(node))

    def is_false(self, nodes: Iterable[ast.expr]) -> bool:
        """Return whether one of the expressions may be false or zero; None and empty text are not."""
        return any(
            text.strip().lower() in _OFF - {"none", ""} for node in nodes for text in self.values.texts(node)
        )

    def is_on(self, nodes: Iterable[ast.expr]) -> bool:
        """Return whether one of the expressions may be true."""
        return any(text.strip().lower() in _ON for node in nodes for text in self.values.texts(node))


def imported_modules(content: bytes) -> frozenset[str] | None:
    """Return the names of the modules that a script imports, None if Python cannot parse the script."""
    try:
        tree = parse_script(content)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module)
    return frozenset(found)


def shown(text: str) -> str:
    """Return a text for a message: without secrets and control characters, on one line, not too long."""
    text = escape_unprintable(redact_text(text.replace(UNKNOWN_TEXT, UNSHOWN)))
    return text if len(text) <= 200 else f"{text[:199]}{UNSHOWN}"
