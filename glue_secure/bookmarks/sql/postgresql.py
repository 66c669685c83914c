"""PostgreSQL's SQL for the key columns of a bookmark; see :class:`.dialect.Dialect`.

The database makes every comparison: its collation orders strings, and its index finds the rows. A key of
several columns is compared as a row, ``(a, b) > (x, y)``, which means ``a > x OR (a = x AND b > y)`` and
which, unlike that form, can use an index over both columns.
https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glue_secure.bookmarks.sql.comparisons import NEWER, last_row, null_counts
from glue_secure.bookmarks.sql.keys import Key

# Types as pg_typeof names them. Floats are excluded: a float may differ from the value of its own text.
_KINDS = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "decimal",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "text": "string",
    "character varying": "string",
    "character": "string",
    "uuid": "uuid",
}
_CASTS = {
    "integer": "bigint",
    "decimal": "numeric",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "string": "text",
    "uuid": "uuid",
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:+-")


QUERIES = True
"""PostgreSQL returns the types of a query's columns, so queries can be tracked."""


def key_of(name: str, type: str) -> Key:
    """Return the key column of that name and PostgreSQL type."""
    return Key(name, type, _KINDS.get(type))


def keys_of(
    _columns: Sequence[Mapping[str, Any]], names: Sequence[str], facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """Return the key columns, with the types that ``keys_query`` returned."""
    return tuple(key_of(name, str(facts[f"type_{at}"])) for at, name in enumerate(names))


def state_text(_key: Key, text: Any) -> Any:
    """Return the text unchanged."""
    return text


def identifier(name: str) -> str:
    """Return a quoted column name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as an SQL literal of letters, digits and a few signs that have no meaning in SQL.

    Every other character is escaped by its number, also quotes, backslashes and question marks. The literal
    therefore ends where it should for every parser (the driver searches for ``?``, ``'`` and ``{``) and for
    every value of ``standard_conforming_strings``.

    Raises:
        ValueError: the text contains U+0000 or an unpaired surrogate, which PostgreSQL cannot store.
    """
    return "E'" + "".join(c if c in _PLAIN else _escaped(c) for c in value) + "'"


def typed(column: Key, value: str) -> str:
    """Return a key value as a literal of the type that it is compared in."""
    kind = column.kind
    if kind is None:
        raise ValueError(f"a bookmark cannot store values of type {column.type}")
    # Padded text is compared without its padding.
    cast = "bpchar" if column.type == "character" else _CASTS[kind]
    text = literal(value + "+00" if kind == "timestamptz" else value)
    return f"CAST({text} AS {cast})"


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """Return the condition that a row comes after the row with these values."""
    return _compared(keys, values, NEWER[order], columns)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """Return the condition that a row comes before the row with these values, or is that row."""
    return _compared(keys, values, "<=" if order == "asc" else ">=")


def table_query(table: str) -> str:
    """Return the query for a table's description, from PostgreSQL's catalog."""
    return (
        "select pg_catalog.format('%I.%I', n.nspname, c.relname) as table_name, "
        "a.attname::text as column_name, a.attnum as position, "
        # A child table may allow nulls, and NOT NULL of a foreign table is not enforced.
        "a.attnotnull and (c.relkind = 'p' or c.relkind = 'r' and not c.relhassubclass) as not_null, "
        "pg_catalog.array_position(i.indkey::int2[], a.attnum) as primary_position "
        "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary "
        "where c.oid = pg_catalog.to_regclass(" + literal(table) + ")"
    )


def sequential_query(table: str, name: str) -> str:
    """Return the query whether numbers have no gaps: ``sequential``, null for an empty table."""
    column = identifier(name)
    span = f"max({column})::numeric - min({column})::numeric + 1"
    return f"select {span} = count(*) as sequential from {table}"  # noqa: S608 - the script's own table


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Return the query for ``type_0`` ..., the keys' types, and ``nulls_0`` ..., their numbers of nulls."""
    types = [f"pg_catalog.pg_typeof({identifier(name)})::text as type_{at}" for at, name in enumerate(names)]
    counts = null_counts(table, names, nullable, identifier, zero="0::bigint")
    # The join that never matches returns a row, and so the types, for an empty table too.
    types_row = f"select {', '.join(types)} from (select 1) glue_secure_row left join {table} on false"  # noqa: S608
    return f"select t.*, {counts} from ({types_row}) t"  # noqa: S608


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text in UTC."""
    last = last_row(keys, [identifier(key.name) for key in keys], order, _text)
    selected = f"select {last.columns} from {table}"  # noqa: S608 - the script's own table, quoted columns
    return f"{selected} where {last.present} order by {last.ordered} limit 1"


def _text(key: Key, name: str) -> str:
    return f"({name} at time zone 'UTC')::text" if key.kind == "timestamptz" else f"{name}::text"


def _compared(keys: Sequence[Key], values: Sequence[str], operator: str, columns: Sequence[str] = ()) -> str:
    names = list(columns) or [identifier(column.name) for column in keys]
    literals = [typed(column, value) for column, value in zip(keys, values, strict=True)]
    if len(names) == 1:
        return f"({names[0]} {operator} {literals[0]})"
    return f"(({', '.join(names)}) {operator} ({', '.join(literals)}))"


def _escaped(character: str) -> str:
    number = ord(character)
    if number == 0 or 0xD800 <= number < 0xE000:
        raise ValueError("a text that PostgreSQL cannot store")
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"
