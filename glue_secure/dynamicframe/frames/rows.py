"""``split_rows``, ``join``, ``union`` and ``mergeDynamicFrame``.

Source: "DynamicFrame class" (split_rows, join, union, mergeDynamicFrame), "Join class" and "AWS Glue Scala
DynamicFrame class" (splitRows) of the AWS Glue developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import DATES_AND_TIMES, NUMBERS, widen
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.paths import Path, format_path, parse, parse_all

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

OPERATORS = ("!=", "=", "<=", "<", ">=", ">")


def split_rows(table: Table, comparison_dict: Mapping[str, Mapping[str, Any]]) -> tuple[Table, Table]:
    """Return the rows that satisfy all comparisons, and all other rows.

    Null satisfies no comparison, so a row with null is in the second table. A choice satisfies a comparison
    if the alternative that is set can be compared and satisfies it.

    Args:
        table: the frame.
        comparison_dict: path → operator (``!=``, ``=``, ``<=``, ``<``, ``>=``, ``>``) → constant.

    Raises:
        UsageError: an operator or field is unknown, or a constant cannot be compared to the field's type.
    """
    tests = []
    for text, comparisons in comparison_dict.items():
        value = _value(table, parse(text), "split_rows")
        for operator, constant in comparisons.items():
            operator = "=" if operator == "==" else operator
            if operator not in OPERATORS:
                raise UsageError("split_rows", found=repr(operator), required=", ".join(OPERATORS))
            tests.append(_condition(value, operator, constant, text))
    condition = " and ".join(f"coalesce({test}, false)" for test in tests) or "true"
    with ex.substitution_disabled(table.data.sparkSession, condition):
        matching, others = table.data.filter(condition), table.data.filter(f"not ({condition})")
    return table.with_data(matching, table.schema), table.with_data(others, table.schema)


def join(left: Table, right: Table, paths1: str | Iterable[str], paths2: str | Iterable[str]) -> Table:
    """Return the equality join of two tables. Null does not equal null.

    The result has the fields of the left table, then those of the right one. A right field whose name the
    left table has too is renamed with a leading dot (``.zip``).

    Raises:
        UsageError: the tables have different numbers of keys, a key is unknown, or two keys cannot be
            compared.
    """
    keys1, keys2 = parse_all(paths1), parse_all(paths2)
    if len(keys1) != len(keys2) or not keys1:
        raise UsageError(
            "join",
            found=f"{len(keys1)} and {len(keys2)} keys",
            required="the same number of keys, at least one",
        )
    names = [field.name for field in left.schema]
    renamed: list[glue.Field] = []
    for field in right.schema:
        name = field.name
        while name in names:
            name = f".{name}"
        names.append(name)
        renamed.append(glue.Field(name, field.dataType))
    pairs = [
        _comparable(_value(left, key1, "join"), _value(right, key2, "join"))
        for key1, key2 in zip(keys1, keys2, strict=True)
    ]
    left_data = _with_keys(left, "l", [pair[0] for pair in pairs])
    right_data = _with_keys(right, "r", [pair[1] for pair in pairs])
    joined = left_data.join(right_data, _keys_equal(left_data, right_data, len(pairs)), "inner")
    schema = glue.StructType([*left.schema, *renamed])
    columns = [f"__l{i}" for i in range(len(left.schema.fields))]
    columns += [f"__r{i}" for i in range(len(right.schema.fields))]
    data = ex.select(
        joined,
        *[f"{column} AS {ex.identifier(field.name)}" for column, field in zip(columns, schema, strict=True)],
    )
    return Table(data, schema, (*left.errors, *right.errors))


def union(first: Table, second: Table) -> Table:
    """Return the rows of both tables, with fields matched by name.

    A field that one table lacks is null in its rows. A field whose type differs becomes a choice.
    """
    schema = glue.merge_structs(first.schema, second.schema)
    data = _widened(first, schema).unionByName(_widened(second, schema))
    return Table(data, schema, (*first.errors, *second.errors))


def merge(
    source: Table,
    stage: Table,
    primary_keys: str | Iterable[str],
    options: Mapping[str, Any] | None = None,
) -> Table:
    """Return the rows of the stage, and the rows of the source whose key the stage does not contain.

    Duplicates on either side remain. Null in a key matches nothing. The schemas may differ.

    Raises:
        UsageError: there are options, no keys, or a key that one of the tables does not have.
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
    left = _with_keys(source, "l", [pair[0] for pair in pairs])
    right = ex.select(stage.data, *[f"{pair[1].sql} AS `__rk{i}`" for i, pair in enumerate(pairs)])
    unmatched = ex.select(
        left.join(right, _keys_equal(left, right, len(pairs)), "left_anti"),
        *[f"`__l{i}` AS {ex.identifier(field.name)}" for i, field in enumerate(source.schema)],
    )
    return union(source.with_data(unmatched, source.schema), stage)


def _keys_equal(left: DataFrame, right: DataFrame, count: int) -> Column:
    """Return the join condition for the key columns of :func:`_with_keys`."""
    condition = left["__lk0"] == right["__rk0"]
    for index in range(1, count):
        condition = condition & (left[f"__lk{index}"] == right[f"__rk{index}"])
    return condition


def _value(table: Table, path: Path, operation: str) -> ex.Value:
    """Return the value at a path that enters structs only."""
    fields, value = ex.columns(table), None
    for step in path:
        value = dict(fields).get(step.name)
        if value is None or step.depth:
            value = None
            break
        fields = ex.fields(value) if isinstance(value.kind, glue.StructType) else []
    if value is None:
        raise UsageError(
            operation, found=f"no field {format_path(path)}",
            required="a field of the frame that is not inside an array",
            fix="use one of: " + ", ".join(field.name for field in table.schema),
        )  # fmt: skip
    return value


def _with_keys(table: Table, side: str, keys: list[ex.Value]) -> DataFrame:
    """Return the columns as ``__<side>0``, ``__<side>1``, ... and the keys as ``__<side>k0``, ..."""
    columns = [f"{value.sql} AS `__{side}{i}`" for i, (_, value) in enumerate(ex.columns(table))]
    return ex.select(table.data, *columns, *[f"{key.sql} AS `__{side}k{i}`" for i, key in enumerate(keys)])


def _comparable(left: ex.Value, right: ex.Value) -> tuple[ex.Value, ex.Value]:
    """Return both keys in one type.

    A string is cast to the other key's type, null where it cannot be cast.
    """
    for value in (left, right):
        if isinstance(value.kind, (glue.ChoiceType, glue.MapType)):
            raise UsageError(
                "a key", found=f"a {value.kind.typeName()}", required="a field of one type",
                fix="call resolveChoice for the field first",
            )  # fmt: skip
    names = {left.kind.typeName(), right.kind.typeName()}
    if left.kind == right.kind or names <= NUMBERS or names <= DATES_AND_TIMES:
        return left, right
    if isinstance(left.kind, glue.NullType):
        return ex.null(right.kind), right
    if isinstance(right.kind, glue.NullType):
        return left, ex.null(left.kind)
    if isinstance(left.kind, glue.StringType) and isinstance(right.kind, glue.AtomicType):
        return ex.Value(f"try_cast({left.sql} as {ex.sql_type(right.kind)})", right.kind), right
    if isinstance(right.kind, glue.StringType) and isinstance(left.kind, glue.AtomicType):
        return left, ex.Value(f"try_cast({right.sql} as {ex.sql_type(left.kind)})", left.kind)
    raise UsageError(
        "a key",
        found=f"{left.kind.typeName()} in one frame, {right.kind.typeName()} in the other",
        required="types that can be compared",
        fix="cast one of them first (apply_mapping)",
    )  # fmt: skip


def _widened(table: Table, schema: glue.StructType) -> DataFrame:
    columns = dict(ex.columns(table))
    parts = [
        (f.name, widen(columns[f.name], f.dataType) if f.name in columns else ex.null(f.dataType))
        for f in schema
    ]
    return ex.select(table.data, *[f"{value.sql} AS {ex.identifier(name)}" for name, value in parts])


def _condition(value: ex.Value, operator: str, constant: Any, path: str) -> str:
    if isinstance(value.kind, glue.ChoiceType):
        tests = [_test(part, operator, constant) for _, part in ex.alternatives(value)]
        conditions = [f"coalesce({test}, false)" for test in tests if test is not None]
        if conditions:
            return f"({' or '.join(conditions)})"
    else:
        test = _test(value, operator, constant)
        if test is not None:
            return test
    raise UsageError(
        "split_rows",
        found=f"{path} {operator} {constant!r} of type {value.kind.typeName()}",
        required="a constant that can be compared to the field's type",
    )


def _test(value: ex.Value, operator: str, constant: Any) -> str | None:
    """Return the comparison in SQL, or None if type and constant cannot be compared."""
    kind = value.kind.typeName()
    if isinstance(constant, bool):
        return f"{value.sql} {operator} {str(constant).lower()}" if kind == "boolean" else None
    if isinstance(constant, (datetime, date)):
        literal = f"try_cast({ex.text(str(constant))} as {kind})"
        return f"{value.sql} {operator} {literal}" if kind in DATES_AND_TIMES else None
    number = _number(constant)
    if kind in NUMBERS:
        return None if number is None else f"{value.sql} {operator} {number}"
    if kind == "string" and isinstance(constant, str):
        return f"{value.sql} {operator} {ex.text(constant)}"
    if kind == "string" and number is not None:
        return f"try_cast({value.sql} as double) {operator} {number}"
    if kind in DATES_AND_TIMES and isinstance(constant, str):
        return f"{value.sql} {operator} try_cast({ex.text(constant)} as {kind})"
    if isinstance(value.kind, glue.NullType):
        return "false"
    return None


def _number(constant: Any) -> str | None:
    """Return the constant as an SQL number literal, or None if it is not a number of at most 37 digits."""
    try:
        number = Decimal(str(constant).strip())
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 37:
        return None
    if isinstance(constant, float):
        return f"{constant!r}D"
    if number == int(number):
        return str(int(number)) + ("L" if abs(number) < 2**63 else "BD")
    return f"{number:f}BD"
