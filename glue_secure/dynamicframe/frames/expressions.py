"""Columns as SQL expressions with their Glue types.

The expressions are SQL strings, because ``try_cast`` is available in SQL from Spark 3.5 to 4.1, but as a
method of Column in Spark 4 only. No function of this module runs a Spark job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOG = redacting_logger("glue_secure.frames")
_SUBSTITUTION_SETTING = "spark.sql.variable.substitute"
_SUBSTITUTION_LOCK = RLock()


@dataclass(frozen=True, slots=True)
class Value:
    """An SQL expression and the Glue type of its result."""

    sql: str
    kind: glue.DataType


Fields = list[tuple[str, Value]]
"""The ordered fields of a struct or table: names and values."""


def identifier(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """Return the text as an SQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def sql_type(kind: glue.DataType) -> str:
    """Return the name of the Spark SQL type that stores a Glue type."""
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


def null(kind: glue.DataType) -> Value:
    """Return a null of this type."""
    return Value(f"cast(null as {sql_type(kind)})", kind)


def columns(table: Table) -> Fields:
    """Return the table's columns."""
    return [(field.name, Value(identifier(field.name), field.dataType)) for field in table.schema]


def project(table: Table, fields: Fields) -> Table:
    """Return a table of these fields, computed from the columns of ``table``.

    Raises:
        UsageError: two fields have the same name.
    """
    require_distinct([name for name, _ in fields])
    data = select(table.data, *[f"{value.sql} AS {identifier(name)}" for name, value in fields])
    return table.with_data(data, glue.StructType([glue.Field(name, value.kind) for name, value in fields]))


def select(data: DataFrame, *expressions: str) -> DataFrame:
    """Return the DataFrame of these SQL expressions. ``${...}`` in them is not substituted."""
    with substitution_disabled(data.sparkSession, *expressions):
        return data.selectExpr(*expressions)


@contextmanager
def substitution_disabled(session: SparkSession, *texts: str) -> Iterator[None]:
    """Disable Spark's substitution of ``${...}`` for SQL strings that are parsed in this context.

    Field names come from the data. Spark would replace ``${env:AWS_SECRET_ACCESS_KEY}`` in one by the
    driver's environment variable, and print its value if the field is not found. The session's setting is
    changed only for strings that contain ``${``, and only while they are parsed.
    """
    if not any("${" in text for text in texts):
        yield
        return
    with _SUBSTITUTION_LOCK:
        before = session.conf.get(_SUBSTITUTION_SETTING)
        session.conf.set(_SUBSTITUTION_SETTING, "false")
        try:
            yield
        finally:
            session.conf.set(_SUBSTITUTION_SETTING, before)


def require_distinct(names: list[str]) -> None:
    """Raise UsageError for two fields of one name. Glue would lose one of them."""
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise UsageError(
            "the fields of a DynamicFrame",
            found=f"more than one field {', '.join(map(repr, duplicates))}",
            required="distinct names",
            fix="rename one of them first (rename_field)",
        )


def fields(value: Value) -> Fields:
    """Return the fields of a struct."""
    assert isinstance(value.kind, glue.StructType)  # noqa: S101 - callers check the type
    return [(f.name, Value(f"{value.sql}.{identifier(f.name)}", f.dataType)) for f in value.kind]


def struct(value: Value, parts: Fields) -> Value:
    """Return a struct of these fields that is null where ``value`` is null."""
    nonnull = make_struct(parts)
    return Value(f"if({value.sql} is null, null, {nonnull.sql})", nonnull.kind)


def make_struct(parts: Fields) -> Value:
    """Return a struct of these fields that is never null."""
    require_distinct([name for name, _ in parts])
    arguments = ", ".join(f"{text(name)}, {part.sql}" for name, part in parts)
    kind = glue.StructType([glue.Field(name, part.kind) for name, part in parts])
    return Value(f"named_struct({arguments})", kind)


def elements(value: Value, change: Callable[[Value], Value]) -> Value:
    """Return an array with ``change`` applied to each element."""
    assert isinstance(value.kind, glue.ArrayType)  # noqa: S101 - callers check the type
    variable = _variable(value.sql)
    changed = change(Value(variable, value.kind.elementType))
    if changed.sql == variable:
        return Value(value.sql, type(value.kind)(changed.kind))
    return Value(f"transform({value.sql}, {variable} -> {changed.sql})", type(value.kind)(changed.kind))


def entries(value: Value, change: Callable[[Value], Value]) -> Value:
    """Return a map with ``change`` applied to each value."""
    assert isinstance(value.kind, glue.MapType)  # noqa: S101 - callers check the type
    variable = _variable(value.sql)
    changed = change(Value(variable, value.kind.valueType))
    if changed.sql == variable:
        return Value(value.sql, glue.MapType(changed.kind))
    body = f"transform_values({value.sql}, (__key, {variable}) -> {changed.sql})"
    return Value(body, glue.MapType(changed.kind))


def alternatives(value: Value) -> Fields:
    """Return the alternatives of a choice, ordered by name. All but one are null in each row."""
    assert isinstance(value.kind, glue.ChoiceType)  # noqa: S101 - callers check the type
    names = sorted(value.kind.choices)
    return [(name, Value(f"{value.sql}.{identifier(name)}", value.kind.choices[name])) for name in names]


def choice(value: Value, parts: Fields) -> Value:
    """Return a choice of these alternatives that is null where ``value`` is null."""
    ordered = sorted(parts, key=lambda part: part[0])
    stored = struct(value, ordered)
    return Value(stored.sql, glue.ChoiceType([part.kind for _, part in ordered]))


def change_struct(value: Value, change: Callable[[Value], Value | None]) -> Value | None:
    """Apply ``change`` to the struct that a name after this value refers to.

    This is the value itself, the elements of an array, or the alternatives of a choice. As in Glue, maps are
    not entered. Returns None if nothing remains after the change.
    """
    kind = value.kind
    if isinstance(kind, glue.StructType):
        return change(value)
    if isinstance(kind, glue.ArrayType):
        if change_struct(Value("x", kind.elementType), change) is None:
            return None
        return elements(value, lambda element: change_struct(element, change) or element)
    if isinstance(kind, glue.ChoiceType):
        parts = [(name, change_struct(part, change)) for name, part in alternatives(value)]
        remaining = [(name, part) for name, part in parts if part is not None]
        if len(remaining) < 2:
            return remaining[0][1] if remaining else None
        return choice(value, remaining)
    return value


def warn_missing(operation: str, path: str) -> None:
    """Log a warning about a field that does not exist. Glue ignores such a field without a message."""
    LOG.warning("%s: the frame has no field %s; it is ignored", operation, path)


def _variable(sql: str) -> str:
    """Return a name for a lambda variable that the expression does not use yet."""
    return f"__e{max((int(number) for number in re.findall(r'__e([0-9]+)', sql)), default=-1) + 1}"
