"""Comments that accept a finding: ``# glue-secure: allow RULE reason``."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from glue_secure.check.model import RULES, ScriptFinding
from glue_secure.core.findings import Verdict

_COMMENT = re.compile(r"#\s*glue-secure:\s*(?P<word>\S+)(?:\s+(?P<rules>\S+))?(?:\s+(?P<reason>\S.*))?")
_FORM = "# glue-secure: allow RULE reason"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that accepts findings.

    Attributes:
        line: of the comment.
        column: of the comment, counted from 1.
        rules: the rules that it names.
        reason: why the findings are accepted.
        first: first line that it applies to.
        last: last line that it applies to.
        problem: why it has no effect, "" if it has.
    """

    line: int
    column: int
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int
    problem: str = ""


def apply(findings: Sequence[ScriptFinding], text: str, tree: ast.Module, name: str) -> list[ScriptFinding]:
    """Return the findings, marked if a comment accepts them, and a note for each comment without effect."""
    suppressions = list(suppressions_of(text, tree))
    used: set[tuple[Suppression, str]] = set()
    result = []
    for finding in findings:
        match = next(
            (
                one
                for one in suppressions
                if not one.problem and finding.rule in one.rules and one.first <= finding.line <= one.last
            ),
            None,
        )
        if match is not None:
            used.add((match, finding.rule))
            finding = replace(finding, accepted=match.reason)
        result.append(finding)
    for one in suppressions:
        unused = [rule for rule in one.rules if (one, rule) not in used]
        if one.problem or unused:
            result.append(_useless(one, unused, name))
    return result


def _useless(one: Suppression, unused: list[str], name: str) -> ScriptFinding:
    return ScriptFinding(
        "suppression",
        "",
        Verdict.FAIL,
        name,
        one.line,
        one.column,
        found=one.problem or f"no finding of {', '.join(unused)} here",
        required=f"{_FORM}, at the line of a finding",
        fix="correct the comment, or remove it",
        is_note=True,
    )


def suppressions_of(text: str, tree: ast.Module) -> Iterator[Suppression]:
    """Yield the suppressions of a script."""
    if "glue-secure:" not in text:
        return
    lines = io.StringIO(text).readlines()
    statements = list(_simple_statements(tree))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        match = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
        if match is None:
            continue
        line, offset = token.start
        first = line
        if not lines[line - 1][:offset].strip():
            first = next((at for at in range(line + 1, len(lines) + 1) if _has_code(lines[at - 1])), line)
        start, last = next(
            ((start, end) for start, end in statements if start <= first <= end), (first, first)
        )
        rules = tuple(filter(None, (match["rules"] or "").split(",")))
        reason = (match["reason"] or "").strip()
        yield Suppression(
            line, offset + 1, rules, reason, min(start, first), last, _problem(match["word"], rules, reason)
        )


def _problem(word: str, rules: tuple[str, ...], reason: str) -> str:
    unknown = [rule for rule in rules if rule not in RULES]
    if word != "allow":
        return f"glue-secure: {word}, which is not allow"
    if not rules or unknown:
        return f"no rule of that name: {', '.join(unknown) or 'no name'}"
    return "" if reason else "no reason"


def _has_code(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _simple_statements(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield first and last line of each statement without a body."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            yield node.lineno, node.end_lineno or node.lineno
