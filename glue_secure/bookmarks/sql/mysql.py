"""SQL of MySQL and MariaDB for the key columns of a bookmark; see :class:`.dialect.Dialect`.

MySQL cannot use an index for ``(a, b) > (x, y)``, so a key of several columns is compared column by column.
It returns the types of a table's columns and not of a query's, so queries are not tracked. TIMESTAMP is a
moment, shown in the session's time zone, where one hour of autumn occurs twice; it is compared as seconds
since 1970, beside a range that is a day wider and can use an index.
https://dev.mysql.com/doc/refman/8.0/en/datetime.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from glue_secure.bookmarks.sql.comparisons import (
    NEWER,
    OLDER,
    column_by_column,
    compared_pairs,
    described,
    last_row,
    null_counts,
)
from glue_secure.bookmarks.sql.keys import Key

# information_schema.columns.data_type, without floats and types that are not ordered by their text.
_KINDS = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), "integer"),
    "decimal": "decimal",
    "date": "date",
    "datetime": "timestamp",
    "timestamp": "timestamptz",
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), "string"),
}
# Storage engines that enforce NOT NULL.
_ENGINES = "'InnoDB', 'Aria', 'MyISAM'"
_START, _DAY = datetime(1970, 1, 1, tzinfo=timezone.utc), 90_000
# MySQL stores this date unless its SQL mode forbids it; no literal can express it.
_ZERO_DATE = "0000-00-00"
QUERIES = False
"""MySQL does not return the types of a query's columns."""


def key_of(name: str, type: str) -> Key:
    """Return the key column of that name and MySQL type."""
    return Key(name, type, _KINDS.get(type))


def identifier(name: str) -> str:
    """Return a quoted column name."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str) -> str:
    """Return a text as a literal of hexadecimal digits, which the column's collation compares."""
    return f"_utf8mb4 x'{value.encode().hex()}'"


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """Return the condition that a row comes after the row with these values."""
    return _compared(keys, values, NEWER[order], columns, or_equal=False)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """Return the condition that a row comes before the row with these values, or is that row."""
    return _compared(keys, values, OLDER[order], (), or_equal=True)


def table_query(table: str) -> str:
    """Return the query for a table's description, with the columns' types, from ``information_schema``."""
    schema, _, name = table.rpartition(".")
    where = f"cast(c.table_name as binary) = {literal(name)} and "
    where += (
        f"cast(c.table_schema as binary) = {literal(schema)}" if schema else "c.table_schema = database()"
    )
    return (
        "select concat(c.table_schema, '.', c.table_name) as table_name, "  # noqa: S608 - hexadecimal literals
        "c.column_name as column_name, c.ordinal_position as position, "
        f"c.is_nullable = 'NO' and t.table_type = 'BASE TABLE' and t.engine in ({_ENGINES}) as not_null, "
        "k.ordinal_position as primary_position, c.data_type as type "
        "from information_schema.columns c join information_schema.tables t "
        "on t.table_schema = c.table_schema and t.table_name = c.table_name "
        "left join information_schema.key_column_usage k on k.constraint_name = 'PRIMARY' "
        "and k.table_schema = c.table_schema and k.table_name = c.table_name "
        f"and k.column_name = c.column_name where {where}"
    )


def sequential_query(table: str, name: str) -> str:
    """Return the query whether numbers have no gaps: ``sequential``, null for an empty table."""
    column = identifier(name)
    span = f"cast(max({column}) as decimal(65)) - cast(min({column}) as decimal(65)) + 1"
    return f"select {span} = count(*) as sequential from {table}"  # noqa: S608 - the script's own table


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Return the query for ``nulls_0`` ..., the number of nulls of each key column."""
    return f"select {null_counts(table, names, nullable, identifier)}"


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text."""
    last = last_row(keys, [identifier(key.name) for key in keys], order, _text)
    selected = f"select {last.columns} from {table}"  # noqa: S608 - the script's own table, quoted columns
    return f"{selected} where {last.present} order by {last.ordered} limit 1"


def state_text(key: Key, text: Any) -> Any:
    """Return the text that a state stores; None for a zero date, which has no literal."""
    if not isinstance(text, str) or text.startswith(_ZERO_DATE):
        return None
    if key.kind == "timestamptz":
        at = _START + timedelta(microseconds=int(Decimal(text) * 1_000_000))
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")
    if key.kind in ("integer", "decimal"):
        return f"{Decimal(text):f}"  # without the zeros of a zerofill column
    return text


def keys_of(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str], _facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """Return the key columns, with the types that ``table_query`` returned."""
    return tuple(key_of(name, str(column["type"])) for name, column in described(columns, names))


def _text(key: Key, column: str) -> str:
    return f"cast({_measure(key, column)} as char)"


def _measure(key: Key, column: str) -> str:
    return f"unix_timestamp({column})" if key.kind == "timestamptz" else column


def _typed(key: Key, value: str) -> str:
    """Return a key value as a literal. ``jdbc_state.KINDS`` has checked the form of numbers and times."""
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
    names = list(columns) or [identifier(key.name) for key in keys]
    pairs = compared_pairs(keys, values, names, _typed, _measure)
    within = ""
    if keys[0].kind == "timestamptz":
        widened = _seconds(values[0]) + (-_DAY if operator == ">" else _DAY)
        within = f"{names[0]} {operator}= from_unixtime({max(widened, Decimal(0))})"
    return column_by_column(pairs, operator, or_equal=or_equal, within=within)
