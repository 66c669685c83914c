"""Conversion of expectations to DQDL rules with the same meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from glue_secure.quality.dqdl.literals import NotConvertibleError, is_date, not_null, number, whole, whole_not
from glue_secure.quality.dqdl.ruleset import (
    AnyRule,
    CompositeRule,
    DqRule,
    Keyword,
    Operand,
    RuleCondition,
    StringLiteral,
)
from glue_secure.quality.suite import Rule, RuleSeverity

# DQDL's lexer reads such strings as dates or times.
_DATE_OR_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d|\d?\d:\d\d (AM|PM)")
_COMMON = frozenset(("row_condition", "condition_parser"))
_BETWEEN = frozenset(("min_value", "max_value", "strict_min", "strict_max"))


def rules(rule: Rule) -> AnyRule:
    """Return the rule that is equivalent to an expectation.

    Raises:
        NotConvertibleError: DQDL has no equivalent rule.
    """
    conversion = _CONVERSIONS.get(rule.kind)
    if conversion is None:
        raise NotConvertibleError("DQDL has no equivalent rule")
    make, names = conversion
    arguments = {name: value for name, value in rule.arguments.items() if value is not None}
    unknown = sorted(set(arguments) - names - _COMMON)
    if unknown:
        raise NotConvertibleError(f"{', '.join(unknown)}: not supported")
    converted: AnyRule = make(arguments, _where(arguments))
    return converted if rule.severity is RuleSeverity.CRITICAL else _with_severity(converted, rule.severity)


def _with_severity(rule: AnyRule, severity: RuleSeverity) -> AnyRule:
    if isinstance(rule, CompositeRule):
        return replace(rule, parts=tuple(_with_severity(part, severity) for part in rule.parts))
    return replace(rule, labels={"severity": severity.value})


def _where(arguments: Mapping[str, Any]) -> str | None:
    condition, parser = arguments.get("row_condition"), arguments.get("condition_parser", "spark")
    if condition is None:
        return None
    if isinstance(condition, Mapping) and condition.get("type") == "pass_through":
        condition = condition.get("pass_through_filter")
    if not isinstance(condition, str) or not condition or parser != "spark":
        raise NotConvertibleError("a row_condition that is not Spark SQL")
    if '"' in condition or condition.endswith("\\"):
        raise NotConvertibleError("a row_condition with a double quote, or with a backslash at its end")
    return condition


# Rules about the table or about a metric of a column


def _row_count_equal(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return DqRule("RowCount", (), RuleCondition("=", (_number(arguments.get("value")),)), where)


def _row_count(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _bounded(DqRule("RowCount", (), where=where), arguments)


def _column_count_equal(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _no_where(DqRule("ColumnCount", (), RuleCondition("=", (_number(arguments.get("value")),))), where)


def _column_count(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _no_where(_bounded(DqRule("ColumnCount"), arguments), where)


def _column_exists(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _no_where(DqRule("ColumnExists", _column(arguments)), where)


def _no_where(rule: AnyRule, where: str | None) -> AnyRule:
    if where is not None:
        raise NotConvertibleError("a row_condition in a rule that does not apply to rows")
    return rule


def _metric(kind: str) -> Callable[[Mapping[str, Any], str | None], AnyRule]:
    def make(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
        return _bounded(DqRule(kind, _column(arguments), where=where), arguments)

    return make


# Rules about each row


def _is_complete(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    if _mostly(arguments) is None:
        return DqRule("IsComplete", _column(arguments), where=where)
    condition = RuleCondition("!=", (Keyword.NULL,))
    return DqRule("ColumnValues", _column(arguments), condition, where, _mostly(arguments))


def _is_null(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return DqRule(
        "ColumnValues", _column(arguments), RuleCondition("=", (Keyword.NULL,)), where, _mostly(arguments)
    )


def _unique(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _uniqueness(_column(arguments), arguments, where)


def _compound(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    columns = arguments.get("column_list")
    if not isinstance(columns, (list, tuple)) or len(columns) < 2:
        raise NotConvertibleError("a column_list with fewer than two columns")
    if arguments.get("ignore_row_if", "all_values_are_missing") != "all_values_are_missing":
        raise NotConvertibleError("an ignore_row_if other than all_values_are_missing")
    return _uniqueness(tuple(_name(column) for column in columns), arguments, where)


def _uniqueness(columns: tuple[str, ...], arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    share = _mostly(arguments)
    if share is None:
        return DqRule("IsUnique", columns, where=where)
    return DqRule("Uniqueness", columns, share, where)


def _in_set(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _of_rows(arguments, where, RuleCondition("in", _values(arguments)))


def _not_in_set(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    condition = RuleCondition("not in", _values(arguments))
    if _mostly(arguments) is None:  # which null meets in DQDL as well
        return DqRule("ColumnValues", _column(arguments), condition, where)
    return _of_rows(arguments, where, condition)


def _between(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _bounded(_of_rows(arguments, where), arguments, dates=True)


def _matches(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _of_rows(arguments, where, RuleCondition("matches", (_pattern(arguments, whole),)))


def _does_not_match(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _of_rows(arguments, where, RuleCondition("matches", (_pattern(arguments, whole_not),)))


def _lengths(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _bounded(_of_rows(arguments, where, kind="ColumnLength"), arguments)


def _length(arguments: Mapping[str, Any], where: str | None) -> AnyRule:
    return _of_rows(
        arguments, where, RuleCondition("=", (_number(arguments.get("value")),)), kind="ColumnLength"
    )


def _of_rows(
    arguments: Mapping[str, Any],
    where: str | None,
    condition: RuleCondition | None = None,
    *,
    kind: str = "ColumnValues",
) -> DqRule:
    """Return a rule that ignores nulls, as expectations do."""
    (column,) = _column(arguments)
    return DqRule(kind, (column,), condition, not_null(column, where), _mostly(arguments))


# Parts of rules


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or set(value) & set('"\\'):
        raise NotConvertibleError("a column name with a double quote or a backslash")
    if _DATE_OR_TIME.fullmatch(value):
        raise NotConvertibleError("a column name that DQDL reads as a date")
    return value


def _column(arguments: Mapping[str, Any]) -> tuple[str]:
    if "column" not in arguments:
        raise NotConvertibleError("no column")
    return (_name(arguments["column"]),)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotConvertibleError("a value that is not a number")
    return number(value)


def _bound(value: Any, *, dates: bool) -> Operand:
    return StringLiteral(value) if dates and isinstance(value, str) and is_date(value) else _number(value)


def _bounded(rule: DqRule, arguments: Mapping[str, Any], *, dates: bool = False) -> AnyRule:
    """Return the rule with the bounds; two rules if one cannot express both."""
    low, high = ("min_value", ">", "strict_min"), ("max_value", "<", "strict_max")
    if not all(isinstance(arguments.get(name, False), bool) for name in ("strict_min", "strict_max")):
        raise NotConvertibleError("a strict_min or strict_max that is not a boolean")
    conditions = []
    for name, operator, strict in (low, high):
        if name in arguments:
            symbol = operator if arguments.get(strict) else f"{operator}="
            conditions.append(RuleCondition(symbol, (_bound(arguments[name], dates=dates),)))
    if not conditions:
        raise NotConvertibleError("no bound")
    if len(conditions) == 1:
        return replace(rule, condition=conditions[0])
    operands = (*conditions[0].operands, *conditions[1].operands)
    if [condition.operator for condition in conditions] == [">", "<"]:
        return replace(rule, condition=RuleCondition("between", operands))
    if rule.threshold is not None:
        raise NotConvertibleError("mostly with two bounds that are not both strict")
    return CompositeRule("and", tuple(replace(rule, condition=condition) for condition in conditions))


def _mostly(arguments: Mapping[str, Any]) -> RuleCondition | None:
    share = _number(arguments.get("mostly", 1))
    if not 0 <= share <= 1:
        raise NotConvertibleError("a mostly that is not between 0 and 1")
    return None if share == 1 else RuleCondition(">=", (share,))


def _values(arguments: Mapping[str, Any]) -> tuple[Operand, ...]:
    values = arguments.get("value_set")
    if not isinstance(values, list) or not values:
        raise NotConvertibleError("no value_set")
    if len({isinstance(value, str) for value in values}) > 1:
        raise NotConvertibleError("numbers and strings in one value_set")
    if len({isinstance(value, str) and is_date(value) for value in values}) > 1:
        raise NotConvertibleError("dates and other strings in one value_set")
    return tuple(_string(value) if isinstance(value, str) else _number(value) for value in values)


def _string(value: str) -> Operand:
    if not value:
        return Keyword.EMPTY
    if _DATE_OR_TIME.fullmatch(value) and not is_date(value):
        raise NotConvertibleError("a string that DQDL reads as a time")
    return StringLiteral(re.sub(r'(["\\])', r"\\\1", value))


def _pattern(arguments: Mapping[str, Any], wrap: Callable[[str], str]) -> StringLiteral:
    pattern = arguments.get("regex")
    if not isinstance(pattern, str) or re.search(r'(^|[^\\])(\\\\)*"', pattern):
        raise NotConvertibleError(r"no regex, or a double quote without a backslash in it; write \"")
    if re.search(r"(^|[^\\])(\\\\)*\\$", pattern):
        raise NotConvertibleError("a regex that ends in a backslash")
    return StringLiteral(wrap(pattern))


_MakeRule = Callable[[Mapping[str, Any], "str | None"], AnyRule]


def _table(*rows: tuple[str, _MakeRule, tuple[str, ...]]) -> dict[str, tuple[_MakeRule, frozenset[str]]]:
    return {f"expect_{kind}": (make, frozenset(names)) for kind, make, names in rows}


_ROWS, _BOUNDS = ("column", "mostly"), tuple(sorted(_BETWEEN))
_CONVERSIONS = _table(
    ("table_row_count_to_equal", _row_count_equal, ("value",)),
    ("table_row_count_to_be_between", _row_count, _BOUNDS),
    ("table_column_count_to_equal", _column_count_equal, ("value",)),
    ("table_column_count_to_be_between", _column_count, ("min_value", "max_value")),
    ("column_to_exist", _column_exists, ("column",)),
    ("column_values_to_not_be_null", _is_complete, _ROWS),
    ("column_values_to_be_null", _is_null, _ROWS),
    ("column_values_to_be_unique", _unique, _ROWS),
    ("compound_columns_to_be_unique", _compound, ("column_list", "ignore_row_if", "mostly")),
    ("column_values_to_be_in_set", _in_set, (*_ROWS, "value_set")),
    ("column_values_to_not_be_in_set", _not_in_set, (*_ROWS, "value_set")),
    ("column_values_to_be_between", _between, (*_ROWS, *_BOUNDS)),
    ("column_values_to_match_regex", _matches, (*_ROWS, "regex")),
    ("column_values_to_not_match_regex", _does_not_match, (*_ROWS, "regex")),
    ("column_value_lengths_to_be_between", _lengths, ("column", *_BOUNDS)),
    ("column_value_lengths_to_equal", _length, ("column", "value")),
    ("column_mean_to_be_between", _metric("Mean"), ("column", *_BOUNDS)),
    ("column_sum_to_be_between", _metric("Sum"), ("column", *_BOUNDS)),
    (
        "column_unique_value_count_to_be_between",
        _metric("DistinctValuesCount"),
        ("column", *_BOUNDS),
    ),
    (
        "column_proportion_of_non_null_values_to_be_between",
        _metric("Completeness"),
        ("column", *_BOUNDS),
    ),
)
