"""Conditions on the rows of a table that several databases share."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PART = re.compile(r'(\w+)|"([^"]*)"')
NEWER = {"asc": ">", "desc": "<"}
"""The operator that selects the rows after a row, by sort order."""
OLDER = {"asc": "<", "desc": ">"}
"""The operator that selects the rows before a row, by sort order."""


def column_by_column(
    pairs: Sequence[tuple[str, str]], operator: str, *, or_equal: bool, within: str = ""
) -> str:
    """Return ``(a > x or a = x and (b > y or b = y and ...))``, for databases that do not compare rows.

    Args:
        pairs: the SQL of each column, and of the value that it is compared with.
        operator: ``>`` or ``<``.
        or_equal: whether the row with exactly these values is selected, too.
        within: a condition that every selected row meets and that can use an index; by default ``a >= x`` for
            several columns.
    """
    condition = ""
    for column, bound in reversed(pairs):
        if not condition:
            condition = f"{column} {operator}{'=' if or_equal else ''} {bound}"
        else:
            condition = f"({column} {operator} {bound} or {column} = {bound} and {condition})"
    if not within and len(pairs) > 1:
        within = f"{pairs[0][0]} {operator}= {pairs[0][1]}"
    return f"({within} and {condition})" if within else f"({condition})"


def name_parts(table: str) -> list[tuple[str, bool]]:
    """Return the parts of a table's name, and whether each is quoted; see ``is_table_name``."""
    return [(plain or quoted, not plain) for plain, quoted in _PART.findall(table)]


def utf16(text: str) -> str:
    """Return the UTF-16 code units of a text as hexadecimal digits, most significant byte first.

    Raises:
        ValueError: the text contains U+0000 or an unpaired surrogate, which databases cannot store.
    """
    if "\x00" in text:
        raise ValueError("a text that a database cannot store")
    return text.encode("utf-16-be").hex()
