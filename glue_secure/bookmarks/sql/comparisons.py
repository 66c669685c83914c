"""Parts of statements that several databases share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from glue_secure.bookmarks.sql.keys import Key

_PART = re.compile(r'(\w+)|"([^"]*)"')
NEWER = {"asc": ">", "desc": "<"}
"""The operator that selects the rows after a row, by sort order."""
OLDER = {"asc": "<", "desc": ">"}
"""The operator that selects the rows before a row, by sort order."""


class LastRow(NamedTuple):
    """Parts of the query for the key of the last row.

    Attributes:
        columns: ``key_0`` ..., the keys as they are, and ``text_0`` ..., as text.
        present: the condition that no key is null.
        ordered: the last row first.
    """

    columns: str
    present: str
    ordered: str


def last_row(
    keys: Sequence[Key],
    names: Sequence[str],
    order: str,
    text: Callable[[Key, str], str],
    *,
    measure: Callable[[Key, str], str] = lambda _key, column: column,
    quote: str = "",
) -> LastRow:
    """Return the parts of the query for the key of the last row.

    Args:
        keys: the key columns.
        names: their SQL.
        order: ``asc`` or ``desc``.
        text: returns the SQL of a column's text.
        measure: returns the SQL by which a column is sorted.
        quote: encloses the names of the result's columns.
    """
    direction = "desc" if order == "asc" else "asc"
    columns = [f"{name} as {quote}key_{at}{quote}" for at, name in enumerate(names)]
    columns += [
        f"{text(key, name)} as {quote}text_{at}{quote}"
        for at, (key, name) in enumerate(zip(keys, names, strict=True))
    ]
    return LastRow(
        ", ".join(columns),
        " and ".join(f"{name} is not null" for name in names),
        ", ".join(f"{measure(key, name)} {direction}" for key, name in zip(keys, names, strict=True)),
    )


def null_counts(
    table: str,
    names: Sequence[str],
    nullable: Sequence[str],
    identifier: Callable[[str], str],
    *,
    count: str = "count(*)",
    zero: str = "0",
    quote: str = "",
) -> str:
    """Return the columns ``nulls_0`` ..., the number of nulls of each key column, by a query of its own.

    Args:
        table: the table.
        names: of the key columns.
        nullable: those that can contain nulls.
        identifier: quotes a name.
        count: the SQL that counts rows.
        zero: the SQL of the number of nulls of the others.
        quote: encloses the names of the result's columns.
    """

    def counted(name: str) -> str:
        if name not in nullable:
            return zero
        return f"(select {count} from {table} where {identifier(name)} is null)"  # noqa: S608 - the script's own table

    return ", ".join(f"{counted(name)} as {quote}nulls_{at}{quote}" for at, name in enumerate(names))


def described(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each key column's name and its row of ``table_query``."""
    rows = {str(column["column_name"]): column for column in columns}
    return ((name, rows[name]) for name in names)


def compared_pairs(
    keys: Sequence[Key],
    values: Sequence[str],
    names: Sequence[str],
    typed: Callable[[Key, str], str],
    measure: Callable[[Key, str], str] = lambda _key, column: column,
) -> list[tuple[str, str]]:
    """Return the SQL of each column, and of the value that it is compared with."""
    return [
        (measure(key, name), typed(key, value)) for key, name, value in zip(keys, names, values, strict=True)
    ]


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
