"""A bookmark's key columns in the SQL of MySQL and MariaDB; see :mod:`glue_secure.bookmarks.sql.keys`. Pure.

MySQL has no index for ``(a, b) > (x, y)``, so a key of several columns is compared column by column. It tells
types of a table's columns and of no query's, so that queries are not tracked. TIMESTAMP is a moment, shown in
the session's zone, in which an hour of autumn comes twice; it is compared as seconds since 1970, beside a
range a day wider that an index serves.
https://dev.mysql.com/doc/refman/8.0/en/datetime.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from glue_secure.bookmarks.sql.keys import Key

# information_schema.columns.data_type. Left out: floats, and what is ordered by something else than its text.
_KINDS = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), "integer"),
    "decimal": "decimal",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamptz",
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), "string"),
}
# Tables whose NOT NULL is no mere claim.
_ENGINES = "'InnoDB', 'Aria', 'MyISAM'"
_START, _DAY = datetime(1970, 1, 1, tzinfo=timezone.utc), 90_000
# What is allowed where no mode forbids it, and no literal names.
_NO_DAY = "0000-00-00"
QUERIES = False
"""Whether a query can be tracked."""


@dataclass(frozen=True, slots=True)
class MySqlKey(Key):
    """One key column."""

    @property
    def kind(self) -> str | None:
        """The kind of its values, None where a bookmark cannot keep them."""
        return _KINDS.get(self.type)


def identifier(name: str) -> str:
    """A column's name, quoted."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str) -> str:
    """A text as a literal of hexadecimal digits alone; the column's collation compares it."""
    return f"_utf8mb4 x'{value.encode().hex()}'"


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """The condition that a row comes after the one with these values."""
    return _compared(keys, values, ">" if order == "asc" else "<", columns, or_equal=False)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """The condition that a row comes before the one with these values, or is it."""
    return _compared(keys, values, "<" if order == "asc" else ">", (), or_equal=True)


def table_query(table: str) -> str:
    """Asks what the catalog says of a table: ``name``, and ``columns``, a JSON list.

    Of each column its name, whether no null can be there, its place in the primary key or null, its type and
    its place in the table, which the list is not ordered by.
    """
    schema, _, name = table.rpartition(".")
    where = f"cast(c.table_name as binary) = {literal(name)} and "
    where += (
        f"cast(c.table_schema as binary) = {literal(schema)}" if schema else "c.table_schema = database()"
    )
    return (
        "select max(concat(c.table_schema, '.', c.table_name)) as name, "  # noqa: S608 - hexadecimal literals
        "cast(json_arrayagg(json_array(c.column_name, "
        f"c.is_nullable = 'NO' and t.table_type = 'BASE TABLE' and t.engine in ({_ENGINES}), "
        "k.ordinal_position, c.data_type, c.ordinal_position)) as char) as columns "
        "from information_schema.columns c join information_schema.tables t "
        "on t.table_schema = c.table_schema and t.table_name = c.table_name "
        "left join information_schema.key_column_usage k on k.constraint_name = 'PRIMARY' "
        "and k.table_schema = c.table_schema and k.table_name = c.table_name "
        f"and k.column_name = c.column_name where {where}"
    )


def sequential_query(table: str, name: str) -> str:
    """Asks whether a column of numbers counts without gaps: ``sequential``, null of an empty table."""
    column = identifier(name)
    span = f"cast(max({column}) as decimal(65)) - cast(min({column}) as decimal(65)) + 1"
    return f"select {span} = count(*) as sequential from {table}"  # noqa: S608 - the script's own table


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Asks how many nulls the nullable ones hold: ``nulls_0`` ..."""
    counts = [
        f"(select count(*) from {table} where {identifier(name)} is null) as nulls_{at}"  # noqa: S608
        if name in nullable
        else f"0 as nulls_{at}"
        for at, name in enumerate(names)
    ]
    return f"select {', '.join(counts)}"


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Asks for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text. No row for none."""
    way = "desc" if order == "asc" else "asc"
    names = [identifier(key.name) for key in keys]
    columns = [f"{name} as key_{at}" for at, name in enumerate(names)]
    columns += [
        f"cast({_measure(key, identifier(key.name))} as char) as text_{at}" for at, key in enumerate(keys)
    ]
    present = " and ".join(f"{name} is not null" for name in names)
    ordered = ", ".join(f"{name} {way}" for name in names)
    chosen = f"select {', '.join(columns)} from {table}"  # noqa: S608 - the script's own table, quoted columns
    return f"{chosen} where {present} order by {ordered} limit 1"


def told(key: Key, text: Any) -> Any:
    """The text that a state keeps, of the one that ``last_query`` gave."""
    if not isinstance(text, str) or text.startswith(_NO_DAY):
        return None
    if key.kind == "timestamptz":
        at = _START + timedelta(microseconds=int(Decimal(text) * 1_000_000))
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")
    return text


def keys_of(
    columns: Sequence[Sequence[Any]], names: Sequence[str], _facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """The key columns, with the types that the catalog tells of the table."""
    types = {name: str(rest[2]) for name, *rest in columns}
    return tuple(MySqlKey(name, types[name]) for name in names)


def _measure(key: Key, column: str) -> str:
    return f"unix_timestamp({column})" if key.kind == "timestamptz" else column


def _typed(key: Key, value: str) -> str:
    """A key value as a literal; the forms of ``jdbc_state.KINDS`` let nothing else be a number or a time."""
    if key.kind in ("integer", "decimal"):
        return value
    if key.kind == "date":
        return f"date '{value}'"
    if key.kind == "timestamp":
        return f"timestamp '{value}'"
    if key.kind == "timestamptz":
        return str(_seconds(value))
    return literal(value)


def _seconds(value: str) -> Decimal:
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in value else "%Y-%m-%d %H:%M:%S"
    at = datetime.strptime(value, form).replace(tzinfo=timezone.utc)
    return Decimal((at - _START) // timedelta(microseconds=1)) / 1_000_000


def _compared(
    keys: Sequence[Key], values: Sequence[str], operator: str, columns: Sequence[str], *, or_equal: bool
) -> str:
    """``a > x or a = x and (b > y or b = y and ...)``, and ``a >= x`` for an index."""
    names = list(columns) or [identifier(key.name) for key in keys]
    found = ""
    for key, name, value in reversed(list(zip(keys, names, values, strict=True))):
        measure, bound = _measure(key, name), _typed(key, value)
        if not found:
            found = f"{measure} {operator}{'=' if or_equal else ''} {bound}"
        else:
            found = f"({measure} {operator} {bound} or {measure} = {bound} and {found})"
    first, edge = keys[0], _typed(keys[0], values[0])
    if first.kind == "timestamptz":
        wide = _seconds(values[0]) + (-_DAY if operator == ">" else _DAY)
        edge = f"from_unixtime({max(wide, Decimal(0))})"
    elif len(keys) == 1:
        return f"({found})"
    return f"({names[0]} {operator}= {edge} and {found})"
