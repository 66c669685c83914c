"""Rows split, joined, united and merged.

Source: "DynamicFrame class" (split_rows, join, union, mergeDynamicFrame), "Join class" and "AWS Glue Scala
DynamicFrame class" (splitRows) of the AWS Glue developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import MOMENTS, NUMBERS, lift
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.merging import merge_structs
from glue_secure.dynamicframe.types.paths import Path, parse, parse_all, show

OPERATORS = ("!=", "=", "<=", "<", ">=", ">")


def split_rows(table: Table, comparison_dict: Mapping[str, Mapping[str, Any]]) -> tuple[Table, Table]:
    """The rows for which every comparison holds, and all others.

    A null holds in no comparison, so its row is in the second table. A choice holds when the alternative
    that is set can be compared and does.

    Args:
        table: the frame.
        comparison_dict: paths to operators (``!=``, ``=``, ``<=``, ``<``, ``>=``, ``>``) to constants.

    Raises:
        UsageError: an unknown operator or field, or a constant that the field's type cannot be compared to.
    """
    tests = []
    for text, comparisons in comparison_dict.items():
        value = _value(table, parse(text), "split_rows")
        for operator, constant in comparisons.items():
            operator = "=" if operator == "==" else operator
            if operator not in OPERATORS:
                raise UsageError("split_rows", found=repr(operator), required=", ".join(OPERATORS))
            tests.append(_holds(value, operator, constant, text))
    condition = " and ".join(f"coalesce({test}, false)" for test in tests) or "true"
    with ex.as_written(table.data.sparkSession, condition):
        held, others = table.data.filter(condition), table.data.filter(f"not ({condition})")
    return table.with_data(held, table.schema), table.with_data(others, table.schema)


def join(one: Table, other: Table, paths1: str | Iterable[str], paths2: str | Iterable[str]) -> Table:
    """Every pair of rows whose keys are equal; null equals nothing.

    The first frame's fields, then the second's; a name that both have gets a dot before it in the second
    (``.zip``).

    Raises:
        UsageError: keys of different numbers, unknown ones, or of types that cannot be equal.
    """
    keys1, keys2 = parse_all(paths1), parse_all(paths2)
    if len(keys1) != len(keys2) or not keys1:
        raise UsageError(
            "join", found=f"{len(keys1)} and {len(keys2)} keys", required="as many keys in both, at least one"
        )
    names = [field.name for field in one.schema]
    renamed: list[glue.Field] = []
    for field in other.schema:
        name = field.name
        while name in names:
            name = f".{name}"
        names.append(name)
        renamed.append(glue.Field(name, field.dataType))
    pairs = [
        _comparable(_value(one, a, "join"), _value(other, b, "join"))
        for a, b in zip(keys1, keys2, strict=True)
    ]
    left = _keyed(one, "l", [pair[0] for pair in pairs])
    right = _keyed(other, "r", [pair[1] for pair in pairs])
    condition = left["__lk0"] == right["__rk0"]
    for index in range(1, len(pairs)):
        condition = condition & (left[f"__lk{index}"] == right[f"__rk{index}"])
    joined = left.join(right, condition, "inner")
    schema = glue.StructType([*one.schema, *renamed])
    sides = [f"__l{i}" for i in range(len(one.schema.fields))]
    sides += [f"__r{i}" for i in range(len(other.schema.fields))]
    data = ex.select(
        joined, *[f"{side} AS {ex.identifier(field.name)}" for side, field in zip(sides, schema, strict=True)]
    )
    return Table(data, schema, (*one.errors, *other.errors))


def union(one: Table, other: Table) -> Table:
    """The rows of both, fields by name.

    What only one frame has is null in the other's rows; what differs in type becomes a choice.
    """
    schema = merge_structs(one.schema, other.schema)
    first, second = _widened(one, schema), _widened(other, schema)
    return Table(first.unionByName(second), schema, (*one.errors, *other.errors))


def merge(
    source: Table,
    stage: Table,
    primary_keys: str | Iterable[str],
    options: Mapping[str, Any] | None = None,
) -> Table:
    """The stage's rows, and those of the source whose key the stage does not have.

    Duplicates stay, on either side. A null in a key matches nothing. The schemas may differ.

    Raises:
        UsageError: an option was given, or a key that one of the frames does not have.
    """
    if options:
        raise UsageError("mergeDynamicFrame", found=f"options {sorted(options)}", required="no options")
    keys = parse_all(primary_keys)
    if not keys:
        raise UsageError("mergeDynamicFrame", found="no primary keys", required="at least one")
    pairs = [
        _comparable(_value(source, key, "mergeDynamicFrame"), _value(stage, key, "mergeDynamicFrame"))
        for key in keys
    ]
    left = _keyed(source, "l", [pair[0] for pair in pairs])
    right = ex.select(stage.data, *[f"{pair[1].sql} AS `__rk{i}`" for i, pair in enumerate(pairs)])
    condition = left["__lk0"] == right["__rk0"]
    for index in range(1, len(pairs)):
        condition = condition & (left[f"__lk{index}"] == right[f"__rk{index}"])
    kept = ex.select(
        left.join(right, condition, "left_anti"),
        *[f"`__l{i}` AS {ex.identifier(field.name)}" for i, field in enumerate(source.schema)],
    )
    return union(source.with_data(kept, source.schema), stage)


def _value(table: Table, path: Path, what: str) -> ex.Value:
    """The value at a path of structs."""
    fields, value = ex.columns(table), None
    for step in path:
        value = dict(fields).get(step.name)
        if value is None or step.depth:
            value = None
            break
        fields = ex.fields(value) if isinstance(value.kind, glue.StructType) else []
    if value is None:
        raise UsageError(
            what, found=f"no field {show(path)}", required="a field of the frame, not inside an array",
            fix="the frame has " + ", ".join(field.name for field in table.schema),
        )  # fmt: skip
    return value


def _keyed(table: Table, side: str, keys: list[ex.Value]) -> Any:
    columns = [f"{value.sql} AS `__{side}{i}`" for i, (_, value) in enumerate(ex.columns(table))]
    return ex.select(table.data, *columns, *[f"{key.sql} AS `__{side}k{i}`" for i, key in enumerate(keys)])


def _comparable(one: ex.Value, other: ex.Value) -> tuple[ex.Value, ex.Value]:
    """Both keys in one type; a text beside another type is cast to it, null where it does not cast."""
    for value in (one, other):
        if isinstance(value.kind, (glue.ChoiceType, glue.MapType)):
            raise UsageError(
                "a key", found=f"a {value.kind.typeName()}", required="a field of one type",
                fix="resolveChoice it first",
            )  # fmt: skip
    a, b = one.kind.typeName(), other.kind.typeName()
    if one.kind == other.kind or (a in NUMBERS and b in NUMBERS) or (a in MOMENTS and b in MOMENTS):
        return one, other
    if "null" in (a, b):
        kind = other.kind if a == "null" else one.kind
        return (ex.nothing(kind), other) if a == "null" else (one, ex.nothing(kind))
    if a == "string" and isinstance(other.kind, glue.AtomicType):
        return ex.Value(f"try_cast({one.sql} as {ex.sql_type(other.kind)})", other.kind), other
    if b == "string" and isinstance(one.kind, glue.AtomicType):
        return one, ex.Value(f"try_cast({other.sql} as {ex.sql_type(one.kind)})", one.kind)
    raise UsageError(
        "a key", found=f"{a} in one frame, {b} in the other", required="types that can be equal",
        fix="cast one of them first (apply_mapping)",
    )  # fmt: skip


def _widened(table: Table, schema: glue.StructType) -> Any:
    own = dict(ex.columns(table))
    parts = [
        (f.name, lift(own[f.name], f.dataType) if f.name in own else ex.nothing(f.dataType)) for f in schema
    ]
    return ex.select(table.data, *[f"{value.sql} AS {ex.identifier(name)}" for name, value in parts])


def _holds(value: ex.Value, operator: str, constant: Any, path: str) -> str:
    if isinstance(value.kind, glue.ChoiceType):
        tests = [_test(part, operator, constant) for _, part in ex.alternatives(value)]
        found = [f"coalesce({test}, false)" for test in tests if test is not None]
        if found:
            return f"({' or '.join(found)})"
    else:
        test = _test(value, operator, constant)
        if test is not None:
            return test
    raise UsageError(
        "split_rows",
        found=f"{path} {operator} {constant!r} of type {value.kind.typeName()}",
        required="a constant that the field's type can be compared to",
    )


def _test(value: ex.Value, operator: str, constant: Any) -> str | None:
    """The comparison in SQL; None where type and constant cannot be compared."""
    kind = value.kind.typeName()
    if isinstance(constant, bool):
        return f"{value.sql} {operator} {str(constant).lower()}" if kind == "boolean" else None
    if isinstance(constant, (datetime, date)):
        moment = f"try_cast({ex.text(str(constant))} as {kind})"
        return f"{value.sql} {operator} {moment}" if kind in MOMENTS else None
    number = _number(constant)
    if kind in NUMBERS:
        return None if number is None else f"{value.sql} {operator} {number}"
    if kind == "string" and isinstance(constant, str):
        return f"{value.sql} {operator} {ex.text(constant)}"
    if kind == "string" and number is not None:
        return f"try_cast({value.sql} as double) {operator} {number}"
    if kind in MOMENTS and isinstance(constant, str):
        return f"{value.sql} {operator} try_cast({ex.text(constant)} as {kind})"
    if isinstance(value.kind, glue.NullType):
        return "false"
    return None


def _number(constant: Any) -> str | None:
    """The constant as an SQL number of its own size."""
    try:
        found = Decimal(str(constant).strip())
    except (InvalidOperation, ValueError):
        return None
    if not found.is_finite() or abs(found) >= Decimal(10) ** 37:
        return None
    if isinstance(constant, float):
        return f"{constant!r}D"
    return str(int(found)) + ("L" if abs(found) < 2**63 else "BD") if found == int(found) else f"{found:f}BD"
