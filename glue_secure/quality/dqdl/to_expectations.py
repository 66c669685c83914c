"""Conversion of DQDL rules to expectations with the same meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.quality.dqdl.literals import (
    NotConvertibleError,
    is_date,
    matches_whole,
    number,
    unwrap,
    without_not_null,
)
from glue_secure.quality.dqdl.ruleset import (
    AnyRule,
    CompositeRule,
    DqRule,
    Expression,
    Keyword,
    RuleCondition,
    StringLiteral,
)
from glue_secure.quality.suite import RuleSeverity

Expectation = dict[str, Any]
_BETWEEN = ("min_value", "max_value", "strict_min", "strict_max")


def expectations(rule: AnyRule) -> list[Expectation]:
    """Return the expectations that together are equivalent to a rule.

    Raises:
        NotConvertibleError: there are no equivalent expectations.
    """
    if isinstance(rule, CompositeRule):
        if rule.operator == "or":
            raise NotConvertibleError("expectations cannot be combined with or")
        return _combined([expectation for part in rule.parts for expectation in expectations(part)])
    convert = _CONVERSIONS.get(rule.kind)
    if convert is None:
        raise NotConvertibleError("there is no equivalent expectation")
    allowed = _PARTS.get(rule.kind, _WHERE)
    for part in ("condition", "where", "threshold"):
        if getattr(rule, part) is not None and part not in allowed:
            raise NotConvertibleError(f"a {part} of {rule.kind}")
    return [_with_severity(expectation, rule.labels) for expectation in convert(rule)]


def _with_severity(expectation: Expectation, labels: Mapping[str, str]) -> Expectation:
    unknown = sorted(set(labels) - {"severity"})
    severity = labels.get("severity", RuleSeverity.CRITICAL.value)
    if unknown:
        raise NotConvertibleError(f"labels other than severity: {', '.join(unknown)}")
    severities = [item.value for item in RuleSeverity]
    if severity not in severities:
        raise NotConvertibleError(f"severity {severity}; supported are {', '.join(severities)}")
    return expectation if severity == RuleSeverity.CRITICAL.value else {**expectation, "severity": severity}


def _combined(expectations: list[Expectation]) -> list[Expectation]:
    """Return the expectations without duplicates, and with pairs of lower and upper bounds merged."""
    combined: list[Expectation] = []
    for expectation in expectations:
        for index, other in enumerate(combined):
            merged = other if expectation == other else _merge_bounds(other, expectation)
            if merged is not None:
                combined[index] = merged
                break
        else:
            combined.append(expectation)
    return combined


def _merge_bounds(first: Expectation, second: Expectation) -> Expectation | None:
    """Return one expectation with the bounds of both; None if they differ in anything else."""
    bounds, others = [], []
    for expectation in (first, second):
        kwargs = expectation["kwargs"]
        bounds.append({name: kwargs[name] for name in _BETWEEN if name in kwargs})
        other_arguments = {name: value for name, value in kwargs.items() if name not in _BETWEEN}
        others.append({**expectation, "kwargs": other_arguments})
    sides = [name for item in bounds for name in item if name.endswith("_value")]
    if (
        others[0] != others[1]
        or sorted(sides) != ["max_value", "min_value"]
        or "mostly" in others[0]["kwargs"]
    ):
        return None
    return {**others[0], "kwargs": {**others[0]["kwargs"], **bounds[0], **bounds[1]}}


def _expectation(kind: str, where: str | None = None, **kwargs: Any) -> Expectation:
    if where is not None:
        if '\\"' in where:
            raise NotConvertibleError('a where clause that contains \\"')
        kwargs |= {"row_condition": where, "condition_parser": "spark"}
    return {"type": kind, "kwargs": kwargs}


# Rules about the table or about a metric of a column


def _row_count(rule: DqRule) -> list[Expectation]:
    _no_columns(rule)
    condition = _condition(rule)
    if condition.operator == "=":
        return [_expectation("expect_table_row_count_to_equal", rule.where, value=_count(condition))]
    return [_expectation("expect_table_row_count_to_be_between", rule.where, **_bounds(condition))]


def _column_count(rule: DqRule) -> list[Expectation]:
    _no_columns(rule)
    condition = _condition(rule)
    if condition.operator == "=":
        return [_expectation("expect_table_column_count_to_equal", value=_count(condition))]
    bounds = _bounds(condition)
    inclusive: dict[str, Any] = {}
    # The expectation has no strict bounds.
    if "min_value" in bounds:
        low = bounds["min_value"]
        inclusive["min_value"] = math.floor(low) + 1 if bounds.get("strict_min") else math.ceil(low)
    if "max_value" in bounds:
        high = bounds["max_value"]
        inclusive["max_value"] = math.ceil(high) - 1 if bounds.get("strict_max") else math.floor(high)
    return [_expectation("expect_table_column_count_to_be_between", **inclusive)]


def _column_exists(rule: DqRule) -> list[Expectation]:
    return [_expectation("expect_column_to_exist", column=_column(rule))]


def _metric(kind: str) -> Callable[[DqRule], list[Expectation]]:
    def make(rule: DqRule) -> list[Expectation]:
        return [_expectation(kind, rule.where, column=_column(rule), **_bounds(_condition(rule)))]

    return make


# Rules about each row


def _is_complete(rule: DqRule) -> list[Expectation]:
    return [_expectation(_NOT_NULL, rule.where, column=_column(rule))]


def _is_unique(rule: DqRule) -> list[Expectation]:
    return [_unique(_columns(rule), rule.where, {})]


def _uniqueness(rule: DqRule) -> list[Expectation]:
    return [_unique(_columns(rule), rule.where, _share(_condition(rule)))]


def _is_primary_key(rule: DqRule) -> list[Expectation]:
    columns = _columns(rule)
    return [
        _unique(columns, rule.where, {}),
        *(_expectation(_NOT_NULL, rule.where, column=column) for column in columns),
    ]


def _unique(columns: list[str], where: str | None, mostly: Mapping[str, float]) -> Expectation:
    if len(columns) == 1:
        return _expectation("expect_column_values_to_be_unique", where, column=columns[0], **mostly)
    ignored = "all_values_are_missing"
    return _expectation(
        "expect_compound_columns_to_be_unique", where, column_list=columns, ignore_row_if=ignored, **mostly
    )


def _column_length(rule: DqRule) -> list[Expectation]:
    condition = _condition(rule)
    bounds = _bounds(condition)
    # In Glue, the length of null is 0.
    low, high = bounds.get("min_value", -1), bounds.get("max_value", math.inf)
    null_passes = low <= 0 <= high and not (low == 0 and bounds.get("strict_min"))
    null_passes = null_passes and not (high == 0 and bounds.get("strict_max"))
    if condition.operator == "=":
        return _of_rows(rule, "expect_column_value_lengths_to_equal", null_passes, value=_count(condition))
    return _of_rows(rule, "expect_column_value_lengths_to_be_between", null_passes, **bounds)


def _column_values(rule: DqRule) -> list[Expectation]:
    condition = _condition(rule)
    if condition.operator in ("=", "!=", "in", "not in"):
        return _membership(rule, condition)
    if condition.operator == "matches":
        (operand,) = condition.operands
        assert isinstance(operand, StringLiteral)  # noqa: S101 - the grammar permits no other
        pattern, must_match = unwrap(operand.raw)
        if pattern == operand.raw and not matches_whole(pattern):
            raise NotConvertibleError(
                "a pattern that may match a part of a string or the whole string; write ^(?:PATTERN)$"
            )
        kind = (
            "expect_column_values_to_match_regex" if must_match else "expect_column_values_to_not_match_regex"
        )
        return _of_rows(rule, kind, null_passes=False, regex=pattern)
    bounds = _bounds(condition, dates=True)
    return _of_rows(rule, "expect_column_values_to_be_between", null_passes=False, **bounds)


def _membership(rule: DqRule, condition: RuleCondition) -> list[Expectation]:
    negated = condition.operator in ("!=", "not in")
    lists_null = Keyword.NULL in condition.operands
    values = [
        value_of(operand, raw=condition.operator in ("=", "!="))
        for operand in condition.operands
        if operand is not Keyword.NULL
    ]
    if len({isinstance(value, str) for value in values}) > 1:
        raise NotConvertibleError("numbers and strings in one list")
    if not values:
        kind = _NOT_NULL if negated else "expect_column_values_to_be_null"
        return [_expectation(kind, rule.where, column=_column(rule), **_mostly(rule))]
    kind = "expect_column_values_to_not_be_in_set" if negated else "expect_column_values_to_be_in_set"
    return _of_rows(rule, kind, null_passes=negated is not lists_null, value_set=values)


def _of_rows(rule: DqRule, kind: str, null_passes: bool, **kwargs: Any) -> list[Expectation]:
    """Return an expectation, which ignores nulls, and a second one if nulls break the rule."""
    column = _column(rule)
    ignores_nulls, where = without_not_null(column, rule.where)
    mostly = _mostly(rule)
    converted = [_expectation(kind, where, column=column, **kwargs, **mostly)]
    if ignores_nulls:
        return converted
    if mostly.get("mostly", 1.0) < 1.0:
        raise NotConvertibleError(f'a threshold that counts nulls; add where "`{column}` IS NOT NULL"')
    return converted if null_passes else [*converted, _expectation(_NOT_NULL, where, column=column)]


# Parts of rules


def _columns(rule: DqRule) -> list[str]:
    if not rule.parameters:
        raise NotConvertibleError("no column")
    names = []
    for name in rule.parameters:
        if isinstance(name, Expression):
            raise NotConvertibleError(f"${name.text}: a variable")
        if "\\" in name:
            raise NotConvertibleError("a backslash in a column name")
        names.append(name)
    return names


def _column(rule: DqRule) -> str:
    columns = _columns(rule)
    if len(columns) > 1:
        raise NotConvertibleError("more than one column")
    return columns[0]


def _no_columns(rule: DqRule) -> None:
    if rule.parameters:
        raise NotConvertibleError(f"{rule.kind} with a column")


def _condition(rule: DqRule) -> RuleCondition:
    if rule.condition is None:
        raise NotConvertibleError("no condition")
    return rule.condition


def _number(operand: Any) -> int | float:
    if isinstance(operand, Expression):
        raise NotConvertibleError(f"{operand.text}: a value that Glue computes")
    if not isinstance(operand, (int, float)):
        raise NotConvertibleError("an operand that is not a number")
    return number(operand)


def _count(condition: RuleCondition) -> int:
    value = _number(condition.operands[0])
    if not float(value).is_integer():
        raise NotConvertibleError("a count that is not an integer")
    return int(value)


def _bounds(condition: RuleCondition, *, dates: bool = False) -> dict[str, Any]:
    def bound(operand: Any) -> Any:
        is_date_literal = dates and isinstance(operand, StringLiteral) and is_date(operand.raw)
        return operand.raw if is_date_literal else _number(operand)

    operator = condition.operator
    if operator == "=":
        value = bound(condition.operands[0])
        return {"min_value": value, "max_value": value}
    if operator == "between":  # DQDL excludes the bounds.
        low, high = map(bound, condition.operands)
        if isinstance(low, str) is not isinstance(high, str):
            raise NotConvertibleError("a date and a number as bounds")
        return {"min_value": low, "strict_min": True, "max_value": high, "strict_max": True}
    if operator not in (">", ">=", "<", "<="):
        raise NotConvertibleError(f"the operator {operator}")
    side = "min" if operator.startswith(">") else "max"
    limit = {f"{side}_value": bound(condition.operands[0])}
    return limit if operator.endswith("=") else {**limit, f"strict_{side}": True}


def value_of(operand: Any, *, raw: bool) -> Any:
    """Return the value of an operand.

    Args:
        operand: a number, string literal or keyword.
        raw: whether the meaning of backslashes in strings is not documented, as after ``=``.

    Raises:
        NotConvertibleError: there is no equivalent value.
    """
    if operand is Keyword.EMPTY:
        return ""
    if isinstance(operand, StringLiteral):
        if raw and "\\" in operand.raw:
            raise NotConvertibleError(
                'a backslash after =; write in ["..."], where its meaning is documented'
            )
        return re.sub(r"\\(.)", r"\1", operand.raw, flags=re.S)
    if operand is Keyword.WHITESPACES_ONLY:
        raise NotConvertibleError("WHITESPACES_ONLY")
    return _number(operand)


def _share(condition: RuleCondition) -> dict[str, float]:
    """Return ``mostly`` for a share; for ``>``, the next larger number."""
    share = float(_number(condition.operands[0]))
    if condition.operator == ">":
        share = math.nextafter(share, math.inf)
    elif condition.operator != ">=" and not (condition.operator == "=" and share == 1.0):
        raise NotConvertibleError(f"a share with {condition.operator}; supported are > and >=")
    if not 0.0 <= share <= 1.0:
        raise NotConvertibleError("a share that is not between 0 and 1")
    return {} if share == 1.0 else {"mostly": share}


def _mostly(rule: DqRule) -> dict[str, float]:
    return {} if rule.threshold is None else _share(rule.threshold)


_NOT_NULL = "expect_column_values_to_not_be_null"
_CONVERSIONS: dict[str, Callable[[DqRule], list[Expectation]]] = {
    "ColumnCount": _column_count,
    "ColumnExists": _column_exists,
    "ColumnLength": _column_length,
    "ColumnValues": _column_values,
    "Completeness": _metric("expect_column_proportion_of_non_null_values_to_be_between"),
    "DistinctValuesCount": _metric("expect_column_unique_value_count_to_be_between"),
    "IsComplete": _is_complete,
    "IsPrimaryKey": _is_primary_key,
    "IsUnique": _is_unique,
    "Mean": _metric("expect_column_mean_to_be_between"),
    "RowCount": _row_count,
    "Sum": _metric("expect_column_sum_to_be_between"),
    "Uniqueness": _uniqueness,
}
_WHERE = frozenset(("where",))
_METRIC = frozenset(("condition", "where"))
_PARTS = {
    "ColumnCount": frozenset(("condition",)),
    "ColumnExists": frozenset[str](),
    "ColumnValues": frozenset(("condition", "where", "threshold")),
    **dict.fromkeys(
        ("ColumnLength", "Completeness", "DistinctValuesCount", "Mean", "RowCount", "Sum", "Uniqueness"),
        _METRIC,
    ),
}
