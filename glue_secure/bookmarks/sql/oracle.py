"""Oracle's SQL for the key columns of a bookmark; see :class:`.dialect.Dialect`.

No Oracle server has run these statements: they follow the pages below, and the tests compare their text.
Oracle sorts text by the session's NLS_SORT, which the driver derives from the locale of its JVM, and compares
it by NLS_COMP. Both are therefore set in the expression: text is in the order of its bytes. Numbers and dates
are written with their own format, so that no NLS parameter changes them. The empty text is null. DATE has a
time of day.

https://docs.oracle.com/en/database/oracle/oracle-database/19/nlspg/linguistic-sorting-and-matching.html
https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/Data-Types.html
https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/Format-Models.html
https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/ALL_TAB_COLUMNS.html
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

# ALL_TAB_COLUMNS.DATA_TYPE, without binary floats and types that are not ordered by their text.
_KINDS = {
    **dict.fromkeys(("NUMBER", "FLOAT"), "decimal"),  # FLOAT is a NUMBER, with decimal digits
    "DATE": "timestamp",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    **dict.fromkeys(("CHAR", "VARCHAR2", "NCHAR", "NVARCHAR2"), "string"),
}
_REASONS = {
    "TIMESTAMP WITH LOCAL TIME ZONE": "its order is that of local times of the database, where one hour of "
    "autumn may occur twice",
    **dict.fromkeys(("CLOB", "NCLOB", "LONG"), "Oracle cannot compare this type"),
}
_PRECISION = re.compile(r"\(\d+\)")
_MOST_BYTES = 1999
"""NLSSORT returns at most 2000 bytes: those of the text, and one after them."""
_MOST_DIGITS = 38
"""Oracle truncates a numeric literal with more digits. A NUMBER may have 40."""
_UNITS = 200  # of a literal: a literal in SQL has at most 4000 characters, and each unit needs five
_CALENDAR = "'NLS_CALENDAR=GREGORIAN'"
_DAY_TIME = "SYYYY-MM-DD HH24:MI:SS"
QUERIES = False
"""No catalog view has the types of a query's columns."""


def identifier(name: str) -> str:
    """Return a quoted column name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as NVARCHAR2, from hexadecimal digits: no parser finds a quote, ``?`` or ``{`` in it."""
    units = utf16(value)
    escaped = [f"\\{units[at : at + 4]}" for at in range(0, len(units), 4)]
    parts = [
        f"unistr('{''.join(escaped[at : at + _UNITS])}')" for at in range(0, max(len(escaped), 1), _UNITS)
    ]
    return " || ".join(parts)


def typed(key: Key, value: str) -> str:
    """Return a key value as a literal, in the form that ``measure`` compares it.

    Raises:
        ValueError: the type has no values that a bookmark can store.
    """
    if key.kind == "decimal":
        return value
    if key.kind == "string":
        text = literal(value) if key.type.startswith("N") else f"to_char({literal(value)})"
        return measure(key, text)
    if key.type == "DATE":
        return f"to_date('{value}', 'YYYY-MM-DD HH24:MI:SS', {_CALENDAR})"
    if key.kind == "timestamp":
        return f"timestamp '{value}'"
    if key.kind == "timestamptz":
        return f"timestamp '{value} +00:00'"
    raise ValueError(f"a bookmark cannot store values of type {key.type}")


def measure(key: Key, expression: str) -> str:
    """Return the SQL by which a column or text is compared and sorted."""
    return f"nlssort({expression}, 'NLS_SORT=BINARY')" if key.kind == "string" else expression


def after(keys: Sequence[Key], values: Sequence[str], order: str, columns: Sequence[str] = ()) -> str:
    """Return the condition that a row comes after the row with these values."""
    return column_by_column(_pairs(keys, values, columns), NEWER[order], or_equal=False)


def up_to(keys: Sequence[Key], values: Sequence[str], order: str) -> str:
    """Return the condition that a row comes before the row with these values, or is that row."""
    return column_by_column(_pairs(keys, values, ()), OLDER[order], or_equal=True)


def table_query(table: str) -> str:
    """Return the query for a table's description, with the columns' types and their lengths in bytes.

    A name without quotes is in upper case, as Oracle reads it. Columns of a view count as nullable, and a
    primary key counts only if Oracle enforces it.
    """
    parts = [_name(text, quoted) for text, quoted in name_parts(table)]
    owner = parts[-2] if len(parts) > 1 else "sys_context('USERENV', 'CURRENT_SCHEMA')"
    others = " and 1 = 0" if len(parts) > 2 else ""  # a table's name has two parts
    return (
        "select c.owner || '.' || c.table_name as \"table_name\", "  # noqa: S608 - hexadecimal literals
        'c.column_name as "column_name", c.column_id as "position", '
        "case when c.nullable = 'N' and t.table_name is not null then 1 else 0 end as \"not_null\", "
        'k.position as "primary_position", c.data_type as "type", c.data_length as "length" '
        "from all_tab_columns c "
        "left join all_tables t on t.owner = c.owner and t.table_name = c.table_name "
        "left join all_constraints p on p.owner = c.owner and p.table_name = c.table_name "
        "and p.constraint_type = 'P' and p.status = 'ENABLED' and p.validated = 'VALIDATED' "
        "left join all_cons_columns k on k.owner = p.owner and k.constraint_name = p.constraint_name "
        "and k.column_name = c.column_name "
        f"where c.owner = {owner} and c.table_name = {parts[-1]}{others}"
    )


def sequential_query(table: str, name: str) -> str:
    """Return the query whether numbers have no gaps: ``sequential``, null for an empty table."""
    column = identifier(name)
    return (
        "select case when count(*) = 0 then null "  # noqa: S608 - the script's own table
        f'when max({column}) - min({column}) + 1 = count(*) then 1 else 0 end as "sequential" from {table}'
    )


def keys_query(table: str, names: Sequence[str], *, nullable: Sequence[str]) -> str:
    """Return the query for ``nulls_0`` ..., the number of nulls of each key column."""
    counts = null_counts(table, names, nullable, identifier, quote='"')
    return f"select {counts} from dual"  # noqa: S608 - quoted columns, the script's own table


def last_query(table: str, keys: Sequence[Key], order: str) -> str:
    """Return the query for the key of the last row: ``key_0`` ... as it is, ``text_0`` ... as text in UTC."""
    names = [f"t.{identifier(key.name)}" for key in keys]
    last = last_row(keys, names, order, _text, measure=measure, quote='"')
    selected = f"select {last.columns} from {table} t where {last.present} order by {last.ordered}"  # noqa: S608 - the script's own table
    return f"select * from ({selected}) where rownum = 1"  # noqa: S608


def state_text(key: Key, text: Any) -> Any:
    """Return the text that a state stores; None for a number with more digits than a literal can have.

    Oracle writes no 0 before a decimal point, and a blank or a sign before a year.
    """
    if not isinstance(text, str):
        return None
    if key.kind == "decimal":
        if sum(character.isdigit() for character in text.strip("-0.")) > _MOST_DIGITS:
            return None
        return re.sub(r"^(-?)\.", r"\g<1>0.", text)
    return text.removeprefix(" ") if key.kind in ("timestamp", "timestamptz") else text


def keys_of(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str], _facts: Mapping[str, Any]
) -> tuple[Key, ...]:
    """Return the key columns, with the types that ``table_query`` returned."""
    return tuple(
        key_of(name, str(column["type"]), int(column["length"] or 0))
        for name, column in described(columns, names)
    )


def key_of(name: str, type: str, length: int = 0) -> Key:
    """Return the key column of that name and Oracle type.

    Args:
        name: the column's name.
        type: ``DATA_TYPE``.
        length: ``DATA_LENGTH``, in bytes.
    """
    plain = _PRECISION.sub("", type)
    kind, reason = _KINDS.get(plain), _REASONS.get(plain, "")
    if kind == "string" and length > _MOST_BYTES:
        kind, reason = None, f"Oracle's NLSSORT compares texts of at most {_MOST_BYTES} bytes exactly"
    return Key(name, type, kind, reason=reason)


def _name(text: str, quoted: bool) -> str:
    name = f"to_char({literal(text)})"
    return name if quoted else f"upper({name})"


def _text(key: Key, column: str) -> str:
    if key.kind == "decimal":
        return f"to_char({column}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"
    if key.kind == "string":
        return column
    if key.type == "DATE":
        return f"to_char({column}, '{_DAY_TIME}', {_CALENDAR})"
    moment = f"sys_extract_utc({column})" if key.kind == "timestamptz" else column
    return f"to_char({moment}, '{_DAY_TIME}.FF9', {_CALENDAR})"


def _pairs(keys: Sequence[Key], values: Sequence[str], columns: Sequence[str]) -> list[tuple[str, str]]:
    names = list(columns) or [identifier(key.name) for key in keys]
    return compared_pairs(keys, values, names, typed, measure)
