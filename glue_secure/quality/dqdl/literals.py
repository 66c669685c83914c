"""What both directions say alike: rows that are not null, and patterns that fit a whole text."""

from __future__ import annotations

import math
import re
from datetime import date

_NOT_NULL = re.compile(r"(?:\((?P<rest>.*)\) AND )?`(?P<column>(?:[^`]|``)+)` IS NOT NULL", re.S | re.I)
# A pattern found anywhere, as one that fits a whole text.
_BEFORE, _AFTER = r"^[\s\S]*(?:", r")[\s\S]*$"
_BEFORE_NOT, _AFTER_NOT = r"^(?![\s\S]*(?:", r"))[\s\S]*$"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Flags that change what ^, $ or # mean.
_FLAGS = re.compile(r"\(\?[a-zA-Z]*[mx]")


class NotConvertibleError(ValueError):
    """The other form cannot say it; the message says why."""


def is_date(text: str) -> bool:
    """Whether it is a day, as DQDL writes one."""
    if not _DATE.fullmatch(text):
        return False
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        raise NotConvertibleError("a day that is none") from None


def number(value: int | float) -> int | float:
    """The number. Raises NotConvertibleError where no column has it."""
    if not math.isfinite(value) if isinstance(value, float) else abs(value) >= 2**63:
        raise NotConvertibleError("a number beyond 64 bits")
    return value


def not_null(column: str, where: str | None) -> str:
    """Return SQL for ``where`` and ``column`` is not null."""
    clause = f"`{column.replace('`', '``')}` IS NOT NULL"
    if where is None:
        return clause
    if not _is_whole(where) or "--" in where or "/*" in where:
        raise NotConvertibleError("a row_condition whose parentheses, quotes or comments cannot be followed")
    return f"({where}) AND {clause}"


def without_not_null(column: str, where: str | None) -> tuple[bool, str | None]:
    """Whether ``where`` asks that ``column`` is not null, and what it asks beside that."""
    found = _NOT_NULL.fullmatch(where or "")
    if found is None or found["column"].replace("``", "`") != column:
        return False, where
    rest = found["rest"]
    return (True, rest) if rest is None or _is_whole(rest) else (False, where)


def whole(pattern: str) -> str:
    """A pattern that is searched for, as one that fits the whole text. Raises NotConvertibleError."""
    return pattern if fits_whole(pattern) else _within(_BEFORE, pattern, _AFTER)


def whole_not(pattern: str) -> str:
    """A pattern that fits each text in which ``pattern`` is not found. Raises NotConvertibleError."""
    return _within(_BEFORE_NOT, pattern, _AFTER_NOT)


def _within(before: str, pattern: str, after: str) -> str:
    if _FLAGS.search(pattern) or not _is_whole(pattern, escapes=True):
        raise NotConvertibleError("a pattern whose groups cannot be told")
    return f"{before}{pattern}{after}"


def searched(pattern: str) -> tuple[str, bool]:
    """What ``whole`` or ``whole_not`` was made of, and whether it is to be found."""
    for before, after, found in ((_BEFORE_NOT, _AFTER_NOT, False), (_BEFORE, _AFTER, True)):
        inner = pattern[len(before) : -len(after)]
        if pattern == f"{before}{inner}{after}" and _is_whole(inner, escapes=True):
            return inner, found
    return pattern, True


def fits_whole(pattern: str) -> bool:
    """Whether searching for it and holding it against the whole text is one and the same."""
    if not pattern.startswith("^") or not pattern.endswith("$") or pattern.endswith(r"\$"):
        return False
    if _FLAGS.search(pattern):
        return False
    return _is_whole(pattern, escapes=True, outside="|")


def _is_whole(text: str, *, escapes: bool = False, outside: str = "") -> bool:
    """Whether its parentheses are its own, as far as it can be told; ``outside`` stands in none of them."""
    depth, quote, at = 0, "", 0
    while at < len(text):
        one = text[at]
        if escapes and one == "\\":
            if text[at + 1 : at + 2] == "Q":
                return False
            at += 1
        elif quote:
            quote = "" if one == quote else quote
        elif not escapes and one == "\\":
            return False
        elif one in ("[" if escapes else "'\"`"):
            quote = "]" if escapes else one
        elif one == "(":
            depth += 1
        elif one == ")":
            depth -= 1
            if depth < 0:
                return False
        elif one in outside and not depth:
            return False
        at += 1
    return not depth and not quote
