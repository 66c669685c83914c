"""A bookmark's key columns in PostgreSQL's SQL: what to ask of them, and which rows are new. Pure.

The database does all comparing: its collation orders strings, its index finds the rows. A key of several
columns is compared as a row, ``(a, b) > (x, y)``, which means ``a > x OR (a = x AND b > y)`` and, unlike that
form, lets an index over both serve it.
https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON

Sources of the rules: https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html and
https://docs.aws.amazon.com/glue/latest/dg/programming-etl-connect-bookmarks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.bookmarks.jdbc_state import MOST_KEYS, ORDERS
from glue_secure.core.errors import UsageError

KEYS, ORDER = "jobBookmarkKeys", "jobBookmarkKeysSortOrder"
# What pg_typeof calls them. Floats are left out: what is written is not what compares equal when read back.
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
_NEWER = {"asc": ">", "desc": "<"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:+-")


@dataclass(frozen=True, slots=True)
class RequestedKeys:
    """What a call says of its bookmark's key.

    Attributes:
        names: the columns, in order; empty where the call names none.
        order: ``asc`` or ``desc``.
    """

    names: tuple[str, ...] = ()
    order: str = "asc"


@dataclass(frozen=True, slots=True)
class Key:
    """One key column.

    Attributes:
        name: as the database has it.
        type: what the database calls its type.
    """

    name: str
    type: str

    @property
    def kind(self) -> str | None:
        """The kind of its values, None where a bookmark cannot keep them."""
        return _KINDS.get(self.type)


QUERIES = True
"""Whether a query can be tracked."""


def told(_key: Key, text: Any) -> Any:
    """The text that a state keeps, of the one that ``last_query`` gave."""
    return text


def keys_of(
    _columns: Sequence[Sequence[Any]], names: Sequence[str], facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """The key columns, with the types that the answer to ``keys_query`` tells."""
    return tuple(Key(name, str(facts[f"type_{at}"])) for at, name in enumerate(names))


def asked_keys(options: Mapping[str, Any]) -> tuple[RequestedKeys, dict[str, Any]]:
    """The keys that a call's options name, and the other options.

    Raises:
        UsageError: they are no list of columns, or the order is neither ``asc`` nor ``desc``.
    """
    known = {KEYS.lower(): KEYS, ORDER.lower(): ORDER}
    given = {known[name.lower()]: value for name, value in options.items() if name.lower() in known}
    rest = {name: value for name, value in options.items() if name.lower() not in known}
    names, order = given.get(KEYS, ()), given.get(ORDER, "asc")
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(KEYS, found=repr(names), required="a list of columns, for instance ['id']")
    if KEYS in given and not names:
        raise UsageError(KEYS, found="no column", required="one at least, or no such option")
    if len(set(names)) < len(names) or len(names) > MOST_KEYS:
        raise UsageError(KEYS, found=", ".join(names), required=f"each column once, at most {MOST_KEYS}")
    if str(order).lower() not in ORDERS:
        raise UsageError(ORDER, found=repr(order), required=" or ".join(ORDERS))
    return RequestedKeys(tuple(names), str(order).lower()), rest


def identifier(name: str) -> str:
    """A column's name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as an SQL literal in which nothing but letters, digits and a few harmless signs stand.

    All else is escaped by its number, quotes, backslashes and question marks among it: whoever parses the
    statement (the driver looks for ``?``, ``'``, ``{``), and whatever ``standard_conforming_strings`` says,
    finds no character that could end it.

    Raises:
        ValueError: it holds U+0000 or half a surrogate pair, which no PostgreSQL text does.
    """
    return "E'" + "".join(c if c in _PLAIN else _escaped(c) for c in value) + "'"


def typed(key: Key, value: str) -> str:
    """A key value as a literal of the type that it is compared in."""
    kind = key.kind
    if kind is None:
        raise ValueError(f"no bookmark keeps values of type {key.type}")
    # Padded text compares without its padding.
    cast = "bpchar" if key.type == "character" else _CASTS[kind]
    text = literal(value + "+00" if kind == "timestamptz" else value)
    return f"CAST({text} AS {cast})"


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """The condition that a row comes after the one with these values.

    Args:
        keys: the columns.
        values: their text.
        order: ``asc`` or ``desc``.
        columns: SQL of the columns; their quoted names by default.
    """
    return _compared(keys, values, _NEWER[order], columns)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """The condition that a row comes before the one with these values, or is it."""
    return _compared(keys, values, "<=" if order == "asc" else ">=")


def table_query(table: str) -> str:
    """Asks what the catalog says of a table. Both columns of the one row are null where the text names none.

    ``name`` is ``schema.table``; ``columns`` a JSON list of name, whether no null can be there, and the place
    in the primary key or null.
    """
    return (
        "select max(pg_catalog.format('%I.%I', n.nspname, c.relname)) as name, "
        "pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, "
        # A child table may allow what its parent does not, and a foreign table's NOT NULL is a claim.
        "a.attnotnull and (c.relkind = 'p' or c.relkind = 'r' and not c.relhassubclass), "
        "pg_catalog.array_position(i.indkey::int2[], a.attnum)) order by a.attnum)::text as columns "
        "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary "
        "where c.oid = pg_catalog.to_regclass(" + literal(table) + ")"
    )


def sequential_query(table: str, name: str) -> str:
    """Asks whether a column of numbers counts without gaps: ``sequential``, null of an empty table."""
    column = identifier(name)
    span = f"max({column})::numeric - min({column})::numeric + 1"
    return f"select {span} = count(*) as sequential from {table}"  # noqa: S608 - the script's own table


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Asks for one row of facts, and none of the table's values.

    ``type_0`` ... are the keys' types; ``nulls_0`` ... how many nulls the nullable ones hold.
    """
    types = [f"pg_catalog.pg_typeof({identifier(name)})::text as type_{at}" for at, name in enumerate(names)]
    counts = [
        f"(select count(*) from {table} where {identifier(name)} is null) as nulls_{at}"  # noqa: S608
        if name in nullable
        else f"0::bigint as nulls_{at}"
        for at, name in enumerate(names)
    ]
    # A type is known without a row; the join that never matches gives one for a table that has none.
    one = f"select {', '.join(types)} from (select 1) glue_secure_one left join {table} on false"  # noqa: S608
    return f"select t.*, {', '.join(counts)} from ({one}) t"  # noqa: S608


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Asks for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text, times in UTC.

    No row where there is none.
    """
    way = "desc" if order == "asc" else "asc"
    names = [identifier(key.name) for key in keys]
    columns = [f"{name} as key_{at}" for at, name in enumerate(names)]
    columns += [f"{_text(key)} as text_{at}" for at, key in enumerate(keys)]
    present = " and ".join(f"{name} is not null" for name in names)
    ordered = ", ".join(f"{name} {way}" for name in names)
    chosen = f"select {', '.join(columns)} from {table}"  # noqa: S608 - the script's own table, quoted columns
    return f"{chosen} where {present} order by {ordered} limit 1"


def _text(key: Key) -> str:
    name = identifier(key.name)
    return f"({name} at time zone 'UTC')::text" if key.kind == "timestamptz" else f"{name}::text"


def _compared(keys: Sequence[Key], values: Sequence[str], operator: str, columns: Sequence[str] = ()) -> str:
    names = list(columns) or [identifier(key.name) for key in keys]
    literals = [typed(key, value) for key, value in zip(keys, values, strict=True)]
    if len(names) == 1:
        return f"({names[0]} {operator} {literals[0]})"
    return f"(({', '.join(names)}) {operator} ({', '.join(literals)}))"


def _escaped(character: str) -> str:
    number = ord(character)
    if number == 0 or 0xD800 <= number < 0xE000:
        raise ValueError("a text that PostgreSQL cannot hold")
    return f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"
