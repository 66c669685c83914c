"""Amazon Redshift's SQL for the key columns of a bookmark; see :class:`.dialect.Dialect`.

Redshift began as PostgreSQL 8.0, which compares rows ``(a, b) > (x, y)`` wrongly and has no ``pg_typeof``.
``CAST('1.5' AS numeric)`` is 2, so numbers are plain literals. Primary keys are not enforced, so one is the
default key only if no value repeats. The statements have been run on PostgreSQL with Redshift's driver, not
on a Redshift cluster.

https://docs.aws.amazon.com/redshift/latest/dg/c_redshift-and-postgres-sql.html
https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html
"""

from __future__ import annotations

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
)
from glue_secure.bookmarks.sql.keys import Key

# Types as format_type names them, without floats and types that are not ordered by their text.
_KINDS = {
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    "numeric": "decimal",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    **dict.fromkeys(("character varying", "character", "text"), "string"),
}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:+-_")
QUERIES = False
"""Redshift has no function that returns a value's type."""


def identifier(name: str) -> str:
    """Return a quoted column name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as a literal that has no quote, backslash, ``?`` or ``{``, which a parser could find.

    https://docs.aws.amazon.com/redshift/latest/dg/r_FROM_VARBYTE.html

    Raises:
        ValueError: the text contains U+0000 or an unpaired surrogate, which Redshift cannot store.
    """
    if set(value) <= _PLAIN:
        return f"'{value}'"
    if "\x00" in value:
        raise ValueError("a text that Redshift cannot store")
    return f"from_varbyte(from_hex('{value.encode().hex()}'), 'utf-8')"


def typed(key: Key, value: str) -> str:
    """Return a key value as a literal of the type that it is compared in.

    Raises:
        ValueError: the type has no values that a bookmark can store.
    """
    if key.kind in ("integer", "decimal"):
        return value
    if key.kind == "date":
        return f"date '{value}'"
    if key.kind == "timestamp":
        return f"timestamp '{value}'"
    if key.kind == "timestamptz":
        return f"cast('{value}+00' as timestamptz)"
    if key.kind == "string":
        # char is compared without its padding.
        return f"cast({literal(value)} as char(4096))" if key.type == "character" else literal(value)
    raise ValueError(f"a bookmark cannot store values of type {key.type}")


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """Return the condition that a row comes after the row with these values."""
    return column_by_column(_pairs(keys, values, columns), NEWER[order], or_equal=False)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """Return the condition that a row comes before the row with these values, or is that row."""
    return column_by_column(_pairs(keys, values, ()), OLDER[order], or_equal=True)


def table_query(table: str) -> str:
    """Return the query for a table's description, from PostgreSQL's catalog on the leader node.

    Names are in lower case, as Redshift reads them. A table of another database, of a datashare or of
    Spectrum is not in this catalog.
    """
    parts = [text if quoted else text.lower() for text, quoted in name_parts(table)]
    where = f"c.relname = {_name(parts[-1])} and "
    if len(parts) > 1:
        where += f"n.nspname = {_name(parts[-2])}"
    else:
        where += "pg_catalog.pg_table_is_visible(c.oid)"
    if len(parts) > 2:
        where += f" and current_database() = {_name(parts[0])}"
    return (
        "select n.nspname || '.' || c.relname as table_name, a.attname as column_name, "  # noqa: S608 - quoted names
        "a.attnum as position, case when a.attnotnull and c.relkind = 'r' then 1 else 0 end as not_null, "
        "case when k.conrelid is null then null else a.attnum end as primary_position, "
        "pg_catalog.format_type(a.atttypid, null) as type "
        "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p' "
        f"and a.attnum = any(k.conkey) where c.relkind in ('r', 'v') and {where}"
    )


def sequential_query(table: str, name: str) -> str:
    """Return the query whether numbers have no gaps and do not repeat: ``sequential``, or null."""
    column = identifier(name)
    span = f"cast(max({column}) as numeric(38)) - cast(min({column}) as numeric(38)) + 1"
    return (
        "select case when count(*) = 0 then null "  # noqa: S608 - the script's own table
        f"when {span} = count(*) and count(distinct {column}) = count(*) then 1 else 0 end as sequential "
        f"from {table}"
    )


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Return the query for ``nulls_0`` ..., the number of nulls of each key column."""
    if not set(names) & set(nullable):
        return "select " + ", ".join(f"0 as nulls_{at}" for at in range(len(names)))
    counts = [
        f"count(*) - count({identifier(name)}) as nulls_{at}" if name in nullable else f"0 as nulls_{at}"
        for at, name in enumerate(names)
    ]
    return f"select {', '.join(counts)} from {table}"  # noqa: S608 - the script's own table


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text in UTC."""
    last = last_row(keys, [f"t.{identifier(key.name)}" for key in keys], order, _text)
    selected = f"select {last.columns} from {table} t"  # noqa: S608 - the script's own table
    return f"{selected} where {last.present} order by {last.ordered} limit 1"


def state_text(_key: Key, text: Any) -> Any:
    """Return the text unchanged."""
    return text


def keys_of(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str], _facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """Return the key columns, with the types that ``table_query`` returned."""
    return tuple(key_of(name, str(column["type"])) for name, column in described(columns, names))


def key_of(name: str, type: str) -> Key:
    """Return the key column of that name and Redshift type."""
    return Key(name, type, _KINDS.get(type))


def _name(text: str) -> str:
    """Return a name as a literal for the leader node, which has no ``from_varbyte``."""
    escaped = "".join(f"' || chr({ord(one)}) || '" if one in "'\\?{" else one for one in text)
    return f"('{escaped}')" if escaped != text else f"'{text}'"


def _text(key: Key, column: str) -> str:
    moment = f"({column} at time zone 'UTC')" if key.kind == "timestamptz" else column
    return f"cast({moment} as varchar(65535))"


def _pairs(keys: Sequence[Key], values: Sequence[str], columns: Sequence[str]) -> list[tuple[str, str]]:
    return compared_pairs(keys, values, list(columns) or [identifier(key.name) for key in keys], typed)
