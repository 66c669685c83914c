"""Rules of DQDL as expectations: the same rows, the same bounds, or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.quality.dqdl.literals import (
    NotConvertibleError,
    fits_whole,
    is_date,
    number,
    searched,
    without_not_null,
)
from glue_secure.quality.dqdl.ruleset import Composite, Computed, Condition, DqRule, Quoted, Tree, Word
from glue_secure.quality.suite import Severity

Expectation = dict[str, Any]
_BETWEEN = ("min_value", "max_value", "strict_min", "strict_max")


def expectations(tree: Tree) -> list[Expectation]:
    """What together means what the rule means.

    Raises:
        NotConvertibleError: expectations cannot say it.
    """
    if isinstance(tree, Composite):
        if tree.joined == "or":
            raise NotConvertibleError("an expectation has no or")
        return _as_one([each for part in tree.parts for each in expectations(part)])
    make = _KINDS.get(tree.kind)
    if make is None:
        raise NotConvertibleError("there is no expectation for it")
    allowed = _PARTS.get(tree.kind, _WHERE)
    for part in ("condition", "where", "threshold"):
        if getattr(tree, part) is not None and part not in allowed:
            raise NotConvertibleError(f"a {part} of {tree.kind}")
    return [_with_severity(one, tree.labels) for one in make(tree)]


def _with_severity(one: Expectation, labels: Mapping[str, str]) -> Expectation:
    unknown = sorted(set(labels) - {"severity"})
    severity = labels.get("severity", Severity.CRITICAL.value)
    if unknown:
        raise NotConvertibleError(f"labels that a suite has not: {', '.join(unknown)}")
    if severity not in {each.value for each in Severity}:
        raise NotConvertibleError(
            f"severity {severity}; there are {', '.join(each.value for each in Severity)}"
        )
    return one if severity == Severity.CRITICAL.value else {**one, "severity": severity}


def _as_one(found: list[Expectation]) -> list[Expectation]:
    """Each once; a lower bound and an upper one of the same thing as one expectation."""
    kept: list[Expectation] = []
    for one in found:
        for at, other in enumerate(kept):
            joined = other if one == other else _joined(other, one)
            if joined is not None:
                kept[at] = joined
                break
        else:
            kept.append(one)
    return kept


def _joined(one: Expectation, other: Expectation) -> Expectation | None:
    bounds, others = [], []
    for each in (one, other):
        kwargs = each["kwargs"]
        bounds.append({name: kwargs[name] for name in _BETWEEN if name in kwargs})
        rest = {name: value for name, value in kwargs.items() if name not in _BETWEEN}
        others.append({**each, "kwargs": rest})
    sides = [name for each in bounds for name in each if name.endswith("_value")]
    if (
        others[0] != others[1]
        or sorted(sides) != ["max_value", "min_value"]
        or "mostly" in others[0]["kwargs"]
    ):
        return None
    return {**others[0], "kwargs": {**others[0]["kwargs"], **bounds[0], **bounds[1]}}


def _made(kind: str, where: str | None = None, **kwargs: Any) -> Expectation:
    if where is not None:
        if '\\"' in where:
            raise NotConvertibleError('a where with \\" in it')
        kwargs |= {"row_condition": where, "condition_parser": "spark"}
    return {"type": kind, "kwargs": kwargs}


# Of the whole table, or of one figure of a column.


def _row_count(rule: DqRule) -> list[Expectation]:
    _no_columns(rule)
    condition = _condition(rule)
    if condition.operator == "=":
        return [_made("expect_table_row_count_to_equal", rule.where, value=_count(condition))]
    return [_made("expect_table_row_count_to_be_between", rule.where, **_bounds(condition))]


def _column_count(rule: DqRule) -> list[Expectation]:
    _no_columns(rule)
    condition = _condition(rule)
    if condition.operator == "=":
        return [_made("expect_table_column_count_to_equal", value=_count(condition))]
    bounds = _bounds(condition)
    given: dict[str, Any] = {}
    # This expectation has no strict bounds.
    if "min_value" in bounds:
        low = bounds["min_value"]
        given["min_value"] = math.floor(low) + 1 if bounds.get("strict_min") else math.ceil(low)
    if "max_value" in bounds:
        high = bounds["max_value"]
        given["max_value"] = math.ceil(high) - 1 if bounds.get("strict_max") else math.floor(high)
    return [_made("expect_table_column_count_to_be_between", **given)]


def _column_exists(rule: DqRule) -> list[Expectation]:
    return [_made("expect_column_to_exist", column=_column(rule))]


def _figure(kind: str) -> Callable[[DqRule], list[Expectation]]:
    def make(rule: DqRule) -> list[Expectation]:
        return [_made(kind, rule.where, column=_column(rule), **_bounds(_condition(rule)))]

    return make


# Of each row.


def _is_complete(rule: DqRule) -> list[Expectation]:
    return [_made(_NOT_NULL, rule.where, column=_column(rule))]


def _is_unique(rule: DqRule) -> list[Expectation]:
    return [_unique(_columns(rule), rule.where, {})]


def _uniqueness(rule: DqRule) -> list[Expectation]:
    return [_unique(_columns(rule), rule.where, _share(_condition(rule)))]


def _is_primary_key(rule: DqRule) -> list[Expectation]:
    columns = _columns(rule)
    return [
        _unique(columns, rule.where, {}),
        *(_made(_NOT_NULL, rule.where, column=column) for column in columns),
    ]


def _unique(columns: list[str], where: str | None, mostly: Mapping[str, float]) -> Expectation:
    if len(columns) == 1:
        return _made("expect_column_values_to_be_unique", where, column=columns[0], **mostly)
    ignored = "all_values_are_missing"
    return _made(
        "expect_compound_columns_to_be_unique", where, column_list=columns, ignore_row_if=ignored, **mostly
    )


def _column_length(rule: DqRule) -> list[Expectation]:
    condition = _condition(rule)
    bounds = _bounds(condition)
    # Glue takes a null for a text of no length.
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
        assert isinstance(operand, Quoted)  # noqa: S101 - the grammar has nothing else there
        pattern, found = searched(operand.raw)
        if pattern == operand.raw and not fits_whole(pattern):
            raise NotConvertibleError(
                "a pattern that may be meant to fit a part or the whole; write ^(?:PATTERN)$"
            )
        kind = "expect_column_values_to_match_regex" if found else "expect_column_values_to_not_match_regex"
        return _of_rows(rule, kind, null_passes=False, regex=pattern)
    bounds = _bounds(condition, dates=True)
    return _of_rows(rule, "expect_column_values_to_be_between", null_passes=False, **bounds)


def _membership(rule: DqRule, condition: Condition) -> list[Expectation]:
    negated = condition.operator in ("!=", "not in")
    null = Word.NULL in condition.operands
    values = [
        _value(one, raw=condition.operator in ("=", "!="))
        for one in condition.operands
        if one is not Word.NULL
    ]
    if len({isinstance(value, str) for value in values}) > 1:
        raise NotConvertibleError("numbers and texts in one list")
    if not values:
        kind = _NOT_NULL if negated else "expect_column_values_to_be_null"
        return [_made(kind, rule.where, column=_column(rule), **_mostly(rule))]
    kind = "expect_column_values_to_not_be_in_set" if negated else "expect_column_values_to_be_in_set"
    return _of_rows(rule, kind, null_passes=negated is not null, value_set=values)


def _of_rows(rule: DqRule, kind: str, null_passes: bool, **kwargs: Any) -> list[Expectation]:
    """An expectation, which leaves nulls out, and what else says of nulls what the rule says."""
    column = _column(rule)
    left_out, where = without_not_null(column, rule.where)
    mostly = _mostly(rule)
    made = [_made(kind, where, column=column, **kwargs, **mostly)]
    if left_out:
        return made
    if mostly.get("mostly", 1.0) < 1.0:
        raise NotConvertibleError(f'a threshold in which nulls count; add where "`{column}` IS NOT NULL"')
    return made if null_passes else [*made, _made(_NOT_NULL, where, column=column)]


# Parts of a rule.


def _columns(rule: DqRule) -> list[str]:
    if not rule.parameters:
        raise NotConvertibleError("no column")
    found = []
    for name in rule.parameters:
        if isinstance(name, Computed):
            raise NotConvertibleError(f"${name.text}: a variable")
        if "\\" in name:
            raise NotConvertibleError("a backslash in the name of a column")
        found.append(name)
    return found


def _column(rule: DqRule) -> str:
    columns = _columns(rule)
    if len(columns) > 1:
        raise NotConvertibleError("more than one column")
    return columns[0]


def _no_columns(rule: DqRule) -> None:
    if rule.parameters:
        raise NotConvertibleError(f"{rule.kind} of a column")


def _condition(rule: DqRule) -> Condition:
    if rule.condition is None:
        raise NotConvertibleError("no condition")
    return rule.condition


def _number(operand: Any) -> int | float:
    if isinstance(operand, Computed):
        raise NotConvertibleError(f"{operand.text}: computed when the rule runs")
    if not isinstance(operand, (int, float)):
        raise NotConvertibleError("something else than a number in the condition")
    return number(operand)


def _count(condition: Condition) -> int:
    value = _number(condition.operands[0])
    if not float(value).is_integer():
        raise NotConvertibleError("a count with a fraction")
    return int(value)


def _bounds(condition: Condition, *, dates: bool = False) -> dict[str, Any]:
    def bound(operand: Any) -> Any:
        is_day = dates and isinstance(operand, Quoted) and is_date(operand.raw)
        return operand.raw if is_day else _number(operand)

    operator = condition.operator
    if operator == "=":
        value = bound(condition.operands[0])
        return {"min_value": value, "max_value": value}
    if operator == "between":  # In DQDL its bounds lie outside.
        low, high = map(bound, condition.operands)
        if isinstance(low, str) is not isinstance(high, str):
            raise NotConvertibleError("a day and a number for bounds")
        return {"min_value": low, "strict_min": True, "max_value": high, "strict_max": True}
    if operator not in (">", ">=", "<", "<="):
        raise NotConvertibleError(f"{operator} for bounds")
    side = "min" if operator.startswith(">") else "max"
    found = {f"{side}_value": bound(condition.operands[0])}
    return found if operator.endswith("=") else {**found, f"strict_{side}": True}


def _value(operand: Any, *, raw: bool) -> Any:
    if operand is Word.EMPTY:
        return ""
    if isinstance(operand, Quoted):
        if raw and "\\" in operand.raw:
            raise NotConvertibleError(
                'a backslash after =; write in ["..."], where it is known what it means'
            )
        return re.sub(r"\\(.)", r"\1", operand.raw, flags=re.S)
    if operand is Word.WHITESPACES_ONLY:
        raise NotConvertibleError("WHITESPACES_ONLY")
    return _number(operand)


def _share(condition: Condition) -> dict[str, float]:
    """``mostly`` of at least that share; the next number above it where it must be passed."""
    share = float(_number(condition.operands[0]))
    if condition.operator == ">":
        share = math.nextafter(share, math.inf)
    elif condition.operator != ">=" and not (condition.operator == "=" and share == 1.0):
        raise NotConvertibleError(f"a share {condition.operator}; there are > and >=")
    if not 0.0 <= share <= 1.0:
        raise NotConvertibleError("a share outside 0 to 1")
    return {} if share == 1.0 else {"mostly": share}


def _mostly(rule: DqRule) -> dict[str, float]:
    return {} if rule.threshold is None else _share(rule.threshold)


_NOT_NULL = "expect_column_values_to_not_be_null"
_KINDS: dict[str, Callable[[DqRule], list[Expectation]]] = {
    "ColumnCount": _column_count,
    "ColumnExists": _column_exists,
    "ColumnLength": _column_length,
    "ColumnValues": _column_values,
    "Completeness": _figure("expect_column_proportion_of_non_null_values_to_be_between"),
    "DistinctValuesCount": _figure("expect_column_unique_value_count_to_be_between"),
    "IsComplete": _is_complete,
    "IsPrimaryKey": _is_primary_key,
    "IsUnique": _is_unique,
    "Mean": _figure("expect_column_mean_to_be_between"),
    "RowCount": _row_count,
    "Sum": _figure("expect_column_sum_to_be_between"),
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
