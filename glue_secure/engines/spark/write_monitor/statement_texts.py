"""The procedures that a text of statements calls: a script or an ``EXECUTE IMMEDIATE`` of Spark 4.

Only Spark's parser knows the statements. The text is divided into parts as Spark's lexer divides it
(``SqlBaseLexer.g4``). A text that the lexer may divide otherwise counts as one that may call any procedure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

_PARTS = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`)"""
    r"""|(?P<word>\w+)"""
    r"""|(?P<left_out>--(?:\\\n|[^\r\n])*|/\*(?!\+)(?:(?!/\*|\*/).)*\*/|\s+)"""
    r"""|(?P<unknown>/\*(?!\+)|://|['"`])"""
    r"""|(?P<sign>.)""",
    re.DOTALL,
)
# A literal without escapes may end elsewhere than one with escapes. Spark replaces ${...} by a setting.
_RAW_LITERAL = re.compile(r"""(?<![A-Za-z0-9_])R['"]""", re.IGNORECASE)
_VARIABLE = "${"
_CALL = re.compile(r"\bCALL\b", re.IGNORECASE)
_IMMEDIATE = re.compile(r"\bIMMEDIATE\b", re.IGNORECASE)
_NAME = re.compile(r"\w+|[`\"].+", re.DOTALL)
_NAMES = re.compile(r"'(?:(?:\w+|`[^`]+`)\.)*(?:(?P<name>\w+)|`(?P<quoted>[^`]+)`)'")
# What may be between a column or a table named "call" and a bracket.
_AFTER_A_COLUMN = ("and", "as", "between", "from", "in", "like", "not", "on", "or", "using", "values")
_AFTER_A_STATEMENT = (";", "INTO", "USING")


@dataclass(frozen=True, slots=True)
class CalledProcedures:
    """Procedures that a text calls.

    Attributes:
        names: their last names in lower case; ``""`` for one that is not known.
        executes_unknown_text: whether the text executes a statement that is not a literal in it.
    """

    names: tuple[str, ...] = ()
    executes_unknown_text: bool = False


def called_procedures(text: str) -> CalledProcedures:
    """Return the procedures that a text of statements may call."""
    parts = _parts_of(text)
    if parts is None:
        is_call = _CALL.search(text) is not None
        is_unknown = _VARIABLE in text or _IMMEDIATE.search(text) is not None
        return CalledProcedures(("",) if is_call else (), is_unknown)
    names: list[str] = []
    is_unknown = False
    for position, part in enumerate(parts):
        rest = parts[position + 1 :]
        if part.upper() == "CALL":
            names += _called(rest)
        elif part.upper() == "IMMEDIATE" and position and parts[position - 1].upper() == "EXECUTE":
            statements = _executed(rest)
            is_unknown = is_unknown or not statements
            for found in map(called_procedures, statements):
                names += found.names
                is_unknown = is_unknown or found.executes_unknown_text
    return CalledProcedures(tuple(dict.fromkeys(names)), is_unknown)


def _parts_of(text: str) -> list[str] | None:
    """Return the words, literals and signs of a text; None if Spark may divide it otherwise."""
    if _VARIABLE in text or ("\\" in text and _RAW_LITERAL.search(text)):
        return None
    matches = list(_PARTS.finditer(text))
    if any(match["unknown"] for match in matches):
        return None
    return [match[0] for match in matches if not match["left_out"]]


def _called(parts: Sequence[str]) -> list[str]:
    """Return the name of the procedure that parts after ``CALL`` call; an empty list if they call none."""
    if len(parts) > 1 and parts[0].upper() == "IDENTIFIER" and parts[1] == "(":
        match = _NAMES.fullmatch(parts[2]) if list(parts[3:5]) == [")", "("] else None
        return [(match["name"] or match["quoted"]).lower() if match else ""]
    names = parts[:1]
    while len(parts) > len(names) + 1 and parts[len(names)] == ".":
        names = parts[: len(names) + 2]
    if list(parts[len(names) : len(names) + 1]) != ["("] or not all(map(_NAME.fullmatch, names[::2])):
        return []
    if len(names) == 1 and names[0].lower() in _AFTER_A_COLUMN:
        return []
    return [names[-1].strip('`"').lower()]


def _executed(parts: Sequence[str]) -> list[str]:
    """Return the texts that parts after ``EXECUTE IMMEDIATE`` may execute; an empty list if they are unknown.

    Releases of Spark differ in whether a doubled quote in a literal is a quote or nothing.
    """
    if parts and parts[0].upper() == "R":
        parts = parts[1:]
    literals = list(takewhile(lambda part: part[0] in "'\"", parts))
    after = parts[len(literals) :]
    has_one_quote = len({literal[0] for literal in literals}) == 1
    if not has_one_quote or (after and after[0].upper() not in _AFTER_A_STATEMENT):
        return []
    contents = [literal[1:-1] for literal in literals]
    # With a setting of Spark, a word in double quotes is the name of a variable.
    if any("\\" in content for content in contents) or not any(map(str.isspace, "".join(contents))):
        return []
    statement, quote = "".join(contents), literals[0][0]
    return [statement.replace(quote * 2, replaced) for replaced in ("", quote)]
