"""Columns as SQL expressions beside their Glue types.

SQL text, because ``try_cast`` is public in SQL from Spark 3.5 to 4.1, but as a method of Column in 4 only.
Nothing here reads data: every function gives an expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

LOG = redacting_logger("glue_secure.frames")
_SUBSTITUTES = "spark.sql.variable.substitute"
_LITERALLY = RLock()


@dataclass(frozen=True, slots=True)
class Value:
    """An SQL expression and the Glue type of what it gives."""

    sql: str
    kind: glue.DataType


Fields = list[tuple[str, Value]]
"""Names and values of a struct or a table, in their order."""


def identifier(name: str) -> str:
    """The name as SQL writes it, whatever it holds."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """The text as an SQL literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def sql_type(kind: glue.DataType) -> str:
    """The Spark SQL type that stores it."""
    if isinstance(kind, glue.ArrayType):
        return f"array<{sql_type(kind.elementType)}>"
    if isinstance(kind, glue.MapType):
        return f"map<string,{sql_type(kind.valueType)}>"
    if isinstance(kind, glue.StructType):
        return "struct<" + ",".join(f"{identifier(f.name)}:{sql_type(f.dataType)}" for f in kind) + ">"
    if isinstance(kind, glue.ChoiceType):
        parts = [f"{identifier(name)}:{sql_type(kind.choices[name])}" for name in sorted(kind.choices)]
        return "struct<" + ",".join(parts) + ">"
    if isinstance(kind, glue.DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    names = {"long": "bigint", "short": "smallint", "byte": "tinyint", "null": "void", "unknown": "void"}
    return names.get(kind.typeName(), "string" if kind.typeName() == "enum" else kind.typeName())


def nothing(kind: glue.DataType) -> Value:
    """A null of that type."""
    return Value(f"cast(null as {sql_type(kind)})", kind)


def columns(table: Table) -> Fields:
    """The table's columns."""
    return [(field.name, Value(identifier(field.name), field.dataType)) for field in table.schema]


def project(table: Table, fields: Fields) -> Table:
    """A table of these fields, computed from that table's columns.

    Raises:
        UsageError: two of them have the same name.
    """
    require_distinct([name for name, _ in fields])
    data = select(table.data, *[f"{value.sql} AS {identifier(name)}" for name, value in fields])
    return table.with_data(data, glue.StructType([glue.Field(name, value.kind) for name, value in fields]))


def select(data: Any, *expressions: str) -> Any:
    """The DataFrame of these expressions, each read as it is written."""
    with as_written(data.sparkSession, *expressions):
        return data.selectExpr(*expressions)


@contextmanager
def as_written(session: Any, *texts: str) -> Iterator[None]:
    """Keep Spark from putting values in for ``${...}`` in SQL texts that are parsed inside.

    Names of fields come from the data, and Spark would read ``${env:AWS_SECRET_ACCESS_KEY}`` in one as the
    driver's variable of that name, and print it where the field is not found. Only such texts change the
    session's setting, and only until they are parsed.
    """
    if not any("${" in text for text in texts):
        yield
        return
    with _LITERALLY:
        before = session.conf.get(_SUBSTITUTES)
        session.conf.set(_SUBSTITUTES, "false")
        try:
            yield
        finally:
            session.conf.set(_SUBSTITUTES, before)


def require_distinct(names: list[str]) -> None:
    """Refuse a result with two fields of one name; Glue would lose one of them."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            "the fields of a DynamicFrame",
            found=f"more than one field {', '.join(map(repr, twice))}",
            required="distinct names",
            fix="rename one of them first (rename_field)",
        )


def fields(value: Value) -> Fields:
    """The fields of a struct."""
    assert isinstance(value.kind, glue.StructType)  # noqa: S101 - callers looked at the type
    return [(f.name, Value(f"{value.sql}.{identifier(f.name)}", f.dataType)) for f in value.kind]


def struct(value: Value, parts: Fields) -> Value:
    """A struct of other fields in the place of a value; null where the value is."""
    made = make_struct(parts)
    return Value(f"if({value.sql} is null, null, {made.sql})", made.kind)


def make_struct(parts: Fields) -> Value:
    """A struct of these fields, never null."""
    require_distinct([name for name, _ in parts])
    arguments = ", ".join(f"{text(name)}, {part.sql}" for name, part in parts)
    kind = glue.StructType([glue.Field(name, part.kind) for name, part in parts])
    return Value(f"named_struct({arguments})", kind)


def elements(value: Value, change: Callable[[Value], Value]) -> Value:
    """An array with each element changed."""
    assert isinstance(value.kind, glue.ArrayType)  # noqa: S101 - callers looked at the type
    variable = _variable(value.sql)
    changed = change(Value(variable, value.kind.elementType))
    if changed.sql == variable:
        return Value(value.sql, type(value.kind)(changed.kind))
    return Value(f"transform({value.sql}, {variable} -> {changed.sql})", type(value.kind)(changed.kind))


def entries(value: Value, change: Callable[[Value], Value]) -> Value:
    """A map with each value changed."""
    assert isinstance(value.kind, glue.MapType)  # noqa: S101 - callers looked at the type
    variable = _variable(value.sql)
    changed = change(Value(variable, value.kind.valueType))
    if changed.sql == variable:
        return Value(value.sql, glue.MapType(changed.kind))
    body = f"transform_values({value.sql}, (__key, {variable}) -> {changed.sql})"
    return Value(body, glue.MapType(changed.kind))


def alternatives(value: Value) -> Fields:
    """The alternatives of a choice, by name; each is null where another one is set."""
    assert isinstance(value.kind, glue.ChoiceType)  # noqa: S101 - callers looked at the type
    names = sorted(value.kind.choices)
    return [(name, Value(f"{value.sql}.{identifier(name)}", value.kind.choices[name])) for name in names]


def choice(value: Value, parts: Fields) -> Value:
    """A choice of other alternatives in the place of a choice."""
    kept = sorted(parts, key=lambda part: part[0])
    made = struct(value, kept)
    return Value(made.sql, glue.ChoiceType([part.kind for _, part in kept]))


def inside(value: Value, change: Callable[[Value], Value | None]) -> Value | None:
    """Change the struct that a name after this value means: its own, its elements', or an alternative's.

    Gives None when the change leaves nothing. Maps are not entered, as in Glue.
    """
    kind = value.kind
    if isinstance(kind, glue.StructType):
        return change(value)
    if isinstance(kind, glue.ArrayType):
        if inside(Value("x", kind.elementType), change) is None:
            return None
        return elements(value, lambda element: inside(element, change) or element)
    if isinstance(kind, glue.ChoiceType):
        parts = [(name, inside(part, change)) for name, part in alternatives(value)]
        kept = [(name, part) for name, part in parts if part is not None]
        if len(kept) < 2:
            return kept[0][1] if kept else None
        return choice(value, kept)
    return value


def missing(what: str, path: str) -> None:
    """Say in the log that a named field is not there; Glue passes over it in silence."""
    LOG.warning("%s: the frame has no field %s; nothing was done for it", what, path)


def _variable(sql: str) -> str:
    """A lambda's variable that the expression does not use yet."""
    return f"__e{max((int(found) for found in re.findall(r'__e([0-9]+)', sql)), default=-1) + 1}"
