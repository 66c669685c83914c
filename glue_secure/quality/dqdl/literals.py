"""Parts of rules in both directions: not-null conditions, and patterns for whole strings."""

from __future__ import annotations

import math
import re
from datetime import date

_NOT_NULL = re.compile(r"(?:\((?P<other>.*)\) AND )?`(?P<column>(?:[^`]|``)+)` IS NOT NULL", re.S | re.I)
# Wrap a pattern that is searched for, so that it matches the whole string.
_BEFORE, _AFTER = r"^[\s\S]*(?:", r")[\s\S]*$"
_BEFORE_NOT, _AFTER_NOT = r"^(?![\s\S]*(?:", r"))[\s\S]*$"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Flags that change the meaning of ^, $ or #.
_FLAGS = re.compile(r"\(\?[a-zA-Z]*[mx]")


class NotConvertibleError(ValueError):
    """A rule has no equivalent in the other format. The message contains the reason."""


def is_date(text: str) -> bool:
    """Return whether the text is a date in DQDL's format.

    Raises:
        NotConvertibleError: the text has the format of a date, but is not a valid date.
    """
    if not _DATE.fullmatch(text):
        return False
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        raise NotConvertibleError("an invalid date") from None


def number(value: int | float) -> int | float:
    """Return the number.

    Raises:
        NotConvertibleError: the number is not finite or does not fit into 64 bits.
    """
    if not math.isfinite(value) if isinstance(value, float) else abs(value) >= 2**63:
        raise NotConvertibleError("a number that does not fit into 64 bits")
    return value


def not_null(column: str, where: str | None) -> str:
    """Return the SQL condition that ``where`` is true and ``column`` is not null.

    Raises:
        NotConvertibleError: ``where`` cannot be combined safely with another condition.
    """
    clause = f"`{column.replace('`', '``')}` IS NOT NULL"
    if where is None:
        return clause
    if not _is_balanced(where) or "--" in where or "/*" in where:
        raise NotConvertibleError(
            "a row_condition with comments, or with parentheses or quotes that do not match"
        )
    return f"({where}) AND {clause}"


def without_not_null(column: str, where: str | None) -> tuple[bool, str | None]:
    """Return whether ``where`` requires that ``column`` is not null, and the other part of the condition."""
    match = _NOT_NULL.fullmatch(where or "")
    if match is None or match["column"].replace("``", "`") != column:
        return False, where
    other = match["other"]
    return (True, other) if other is None or _is_balanced(other) else (False, where)


def whole(pattern: str) -> str:
    """Return a pattern that matches each string in which ``pattern`` is found. Raises NotConvertibleError."""
    return pattern if matches_whole(pattern) else _wrap(_BEFORE, pattern, _AFTER)


def whole_not(pattern: str) -> str:
    """Return a pattern that matches each string without ``pattern``. Raises NotConvertibleError."""
    return _wrap(_BEFORE_NOT, pattern, _AFTER_NOT)


def _wrap(before: str, pattern: str, after: str) -> str:
    if _FLAGS.search(pattern) or not _is_balanced(pattern, escapes=True):
        raise NotConvertibleError("a pattern with flags m or x, or with parentheses that do not match")
    return f"{before}{pattern}{after}"


def unwrap(pattern: str) -> tuple[str, bool]:
    """Return the pattern that :func:`whole` or :func:`whole_not` wrapped, and whether it must be found."""
    for before, after, must_match in ((_BEFORE_NOT, _AFTER_NOT, False), (_BEFORE, _AFTER, True)):
        inner = pattern[len(before) : -len(after)]
        if pattern == f"{before}{inner}{after}" and _is_balanced(inner, escapes=True):
            return inner, must_match
    return pattern, True


def matches_whole(pattern: str) -> bool:
    """Return whether searching for the pattern and matching it with the whole string are equivalent."""
    if not pattern.startswith("^") or not pattern.endswith("$") or pattern.endswith(r"\$"):
        return False
    if _FLAGS.search(pattern):
        return False
    return _is_balanced(pattern, escapes=True, outside="|")


def _is_balanced(text: str, *, escapes: bool = False, outside: str = "") -> bool:
    """Return whether parentheses and quotes match. False if in doubt.

    Args:
        text: SQL, or a regular expression.
        escapes: whether the text is a regular expression with backslash escapes.
        outside: characters that must not occur outside of parentheses.
    """
    depth, quote, at = 0, "", 0
    while at < len(text):
        character = text[at]
        if escapes and character == "\\":
            if text[at + 1 : at + 2] == "Q":
                return False
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif not escapes and character == "\\":
            return False
        elif character in ("[" if escapes else "'\"`"):
            quote = "]" if escapes else character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                return False
        elif character in outside and not depth:
            return False
        at += 1
    return not depth and not quote
