"""SQL Server's SQL for the key columns of a bookmark; see :class:`.dialect.Dialect`.

No SQL Server has run these statements: they follow the pages below, and the tests compare their text.
SQL Server has no comparison of rows and no types of a query's columns in a catalog view. A literal has the
type of the column: SQL Server sorts ``varchar`` by other rules than ``nvarchar``, compares ``datetime`` with
``datetime2`` by more digits than it shows, and reads ``'2024-02-01'`` by the session's language.

https://learn.microsoft.com/en-us/sql/t-sql/functions/cast-and-convert-transact-sql
https://learn.microsoft.com/en-us/sql/t-sql/statements/collation-precedence-transact-sql
https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/sys-columns-transact-sql
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from glue_secure.bookmarks.sql.comparisons import (
    NEWER,
    OLDER,
    column_by_column,
    compared_pairs,
    described,
    last_row,
    name_parts,
    null_counts,
    utf16,
)
from glue_secure.bookmarks.sql.keys import Key

# sys.types.name of the system type, without floats and types that are not ordered by their text.
_KINDS = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
    "timestamp": "integer",  # rowversion: 8 bytes that grow with every change of a row
    **dict.fromkeys(("decimal", "numeric"), "decimal"),
    "date": "date",
    **dict.fromkeys(("datetime2", "datetime", "smalldatetime"), "timestamp"),
    "datetimeoffset": "timestamptz",
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar"), "string"),
    "uniqueidentifier": "uuid",
}
_REASONS = {
    **dict.fromkeys(("text", "ntext", "image", "xml"), "SQL Server cannot compare this type"),
    **dict.fromkeys(("money", "smallmoney"), "the text of the type has fewer digits than its value"),
}
# Length and style of the text; the style also reads it, in every language and date format.
_STYLES = {
    "date": (10, 23),
    "smalldatetime": (19, 120),
    "datetime": (23, 121),
    "datetime2": (27, 121),
    "datetimeoffset": (27, 121),
}
_COLLATION = re.compile(r"[A-Za-z0-9_]{1,128}\Z")
QUERIES = False
"""No catalog view has the types of a query's columns."""


def identifier(name: str) -> str:
    """Return a quoted column name."""
    return "[" + name.replace("]", "]]") + "]"


def literal(value: str) -> str:
    """Return a text as nvarchar, from hexadecimal digits: no parser finds a quote, ``?`` or ``{`` in it."""
    units = utf16(value)
    swapped = "".join(units[at + 2 : at + 4] + units[at : at + 2] for at in range(0, len(units), 4))
    return f"cast(0x{swapped} as nvarchar(4000))"


def typed(key: Key, value: str) -> str:
    """Return a key value as a literal of the column's type.

    Raises:
        ValueError: the type has no values that a bookmark can store.
    """
    if key.kind is None:
        raise ValueError(f"a bookmark cannot store values of type {key.type}")
    if key.type == "timestamp":
        return f"cast(cast({value} as bigint) as binary(8))"
    if key.kind == "integer":
        return f"cast({value} as bigint)"
    if key.kind == "decimal":
        return value
    if key.kind == "uuid":
        return f"cast('{value}' as uniqueidentifier)"
    if key.kind == "string":
        if key.type.startswith("n"):
            return literal(value)
        # The collation decides the code page of the literal.
        return f"cast({literal(value)} collate {key.collation} as varchar(8000))"
    if key.kind == "timestamptz":
        return f"cast('{value} +00:00' as datetimeoffset(7))"
    type = "datetime2(7)" if key.type == "datetime2" else key.type
    return f"convert({type}, '{value}', {_STYLES[key.type][1]})"


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """Return the condition that a row comes after the row with these values."""
    return column_by_column(_pairs(keys, values, columns), NEWER[order], or_equal=False)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """Return the condition that a row comes before the row with these values, or is that row."""
    return column_by_column(_pairs(keys, values, ()), OLDER[order], or_equal=True)


def table_query(table: str) -> str:
    """Return the query for a table's description, with the columns' system types and collations.

    A view's ``is_nullable`` may be older than its tables, so only a table's columns count as not null.
    """
    parts = [text for text, _quoted in name_parts(table)]
    views = f"{identifier(parts[0])}.sys" if len(parts) == 3 else "sys"
    named = literal(".".join(map(identifier, parts)))
    prefix = f"{literal(parts[0] + '.')} + " if len(parts) == 3 else ""
    return (
        f"select {prefix}s.name + '.' + o.name as table_name, c.name as column_name, "  # noqa: S608 - hexadecimal literals
        "c.column_id as position, "
        "case when c.is_nullable = 0 and o.type = 'U' then 1 else 0 end as not_null, "
        "k.key_ordinal as primary_position, type_name(c.system_type_id) as type, "
        f"c.collation_name as collation from {views}.objects o "
        f"join {views}.schemas s on s.schema_id = o.schema_id "
        f"join {views}.columns c on c.object_id = o.object_id "
        f"left join {views}.indexes i on i.object_id = o.object_id and i.is_primary_key = 1 "
        f"left join {views}.index_columns k on k.object_id = o.object_id and k.index_id = i.index_id "
        "and k.column_id = c.column_id "
        f"where o.object_id = object_id({named}) and o.type in ('U', 'V')"
    )


def sequential_query(table: str, name: str) -> str:
    """Return the query whether numbers have no gaps: ``sequential``, null for an empty table."""
    column = identifier(name)
    span = f"cast(max({column}) as decimal(38)) - cast(min({column}) as decimal(38)) + 1"
    return (
        "select case when count_big(*) = 0 then null "  # noqa: S608 - the script's own table
        f"when {span} = count_big(*) then 1 else 0 end as sequential from {table}"
    )


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Return the query for ``nulls_0`` ..., the number of nulls of each key column."""
    return f"select {null_counts(table, names, nullable, identifier, count='count_big(*)')}"


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text in UTC."""
    last = last_row(keys, [f"t.{identifier(key.name)}" for key in keys], order, _text)
    selected = f"select top (1) {last.columns} from {table} t"  # noqa: S608 - the script's own table
    return f"{selected} where {last.present} order by {last.ordered}"


def state_text(_key: Key, text: Any) -> Any:
    """Return the text unchanged."""
    return text


def keys_of(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str], _facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """Return the key columns, with the types and collations that ``table_query`` returned."""
    return tuple(
        key_of(name, str(column["type"]), str(column["collation"] or ""))
        for name, column in described(columns, names)
    )


def key_of(name: str, type: str, collation: str = "") -> Key:
    """Return the key column of that name, SQL Server type and collation."""
    kind, reason = _KINDS.get(type), _REASONS.get(type, "")
    if kind == "string" and not type.startswith("n") and not _COLLATION.match(collation):
        kind, reason = None, "SQL Server names no collation for the column"
    return Key(name, type, kind, collation, reason)


def _text(key: Key, column: str) -> str:
    if key.kind in ("integer", "decimal"):
        number = f"cast({column} as bigint)" if key.type == "timestamp" else column
        return f"cast({number} as varchar(50))"
    if key.kind == "uuid":
        return f"lower(cast({column} as char(36)))"
    if key.kind == "string":
        return f"cast({column} as nvarchar(max))"
    length, style = _STYLES[key.type]
    if key.kind == "timestamptz":
        column = f"cast(switchoffset({column}, '+00:00') as datetime2(7))"
    return f"convert(varchar({length}), {column}, {style})"


def _pairs(keys: Sequence[Key], values: Sequence[str], columns: Sequence[str]) -> list[tuple[str, str]]:
    return compared_pairs(keys, values, list(columns) or [identifier(key.name) for key in keys], typed)
