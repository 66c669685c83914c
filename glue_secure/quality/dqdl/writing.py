"""Expectations as rules of DQDL: the same rows, the same bounds, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from glue_secure.quality.dqdl.literals import NotConvertibleError, is_date, not_null, number, whole, whole_not
from glue_secure.quality.dqdl.ruleset import Composite, Condition, DqRule, Operand, Quoted, Tree, Word
from glue_secure.quality.suite import Rule, Severity

# What DQDL's lexer takes for a date or a time of day wherever it stands between quotes.
_DATED = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d|\d?\d:\d\d (AM|PM)")
_COMMON = frozenset(("row_condition", "condition_parser"))
_BETWEEN = frozenset(("min_value", "max_value", "strict_min", "strict_max"))


def rules(rule: Rule) -> Tree:
    """What means what the expectation means.

    Raises:
        NotConvertibleError: DQDL cannot say it.
    """
    known = _KINDS.get(rule.kind)
    if known is None:
        raise NotConvertibleError("DQDL has no rule for it")
    make, names = known
    given = {name: value for name, value in rule.arguments.items() if value is not None}
    unknown = sorted(set(given) - names - _COMMON)
    if unknown:
        raise NotConvertibleError(f"{', '.join(unknown)}: not served")
    tree: Tree = make(given, _where(given))
    return tree if rule.severity is Severity.CRITICAL else _labelled(tree, rule.severity)


def _labelled(tree: Tree, severity: Severity) -> Tree:
    if isinstance(tree, Composite):
        return replace(tree, parts=tuple(_labelled(part, severity) for part in tree.parts))
    return replace(tree, labels={"severity": severity.value})


def _where(given: Mapping[str, Any]) -> str | None:
    condition, parser = given.get("row_condition"), given.get("condition_parser", "spark")
    if condition is None:
        return None
    if isinstance(condition, Mapping) and condition.get("type") == "pass_through":
        condition = condition.get("pass_through_filter")
    if not isinstance(condition, str) or not condition or parser != "spark":
        raise NotConvertibleError("a row_condition that is not Spark's SQL")
    if '"' in condition or condition.endswith("\\"):
        raise NotConvertibleError("a double quote in row_condition, or a backslash at its end")
    return condition


# Of the whole table, or of one figure of a column.


def _row_count_equal(given: Mapping[str, Any], where: str | None) -> Tree:
    return DqRule("RowCount", (), Condition("=", (_number(given.get("value")),)), where)


def _row_count(given: Mapping[str, Any], where: str | None) -> Tree:
    return _bounded(DqRule("RowCount", (), where=where), given)


def _column_count_equal(given: Mapping[str, Any], where: str | None) -> Tree:
    return _no_where(DqRule("ColumnCount", (), Condition("=", (_number(given.get("value")),))), where)


def _column_count(given: Mapping[str, Any], where: str | None) -> Tree:
    return _no_where(_bounded(DqRule("ColumnCount"), given), where)


def _column_exists(given: Mapping[str, Any], where: str | None) -> Tree:
    return _no_where(DqRule("ColumnExists", _column(given)), where)


def _no_where(tree: Tree, where: str | None) -> Tree:
    if where is not None:
        raise NotConvertibleError("row_condition of a rule that is about no rows")
    return tree


def _figure(kind: str) -> Callable[[Mapping[str, Any], str | None], Tree]:
    def make(given: Mapping[str, Any], where: str | None) -> Tree:
        return _bounded(DqRule(kind, _column(given), where=where), given)

    return make


# Of each row.


def _is_complete(given: Mapping[str, Any], where: str | None) -> Tree:
    if _mostly(given) is None:
        return DqRule("IsComplete", _column(given), where=where)
    condition = Condition("!=", (Word.NULL,))
    return DqRule("ColumnValues", _column(given), condition, where, _mostly(given))


def _is_null(given: Mapping[str, Any], where: str | None) -> Tree:
    return DqRule("ColumnValues", _column(given), Condition("=", (Word.NULL,)), where, _mostly(given))


def _unique(given: Mapping[str, Any], where: str | None) -> Tree:
    return _uniqueness(_column(given), given, where)


def _compound(given: Mapping[str, Any], where: str | None) -> Tree:
    columns = given.get("column_list")
    if not isinstance(columns, (list, tuple)) or len(columns) < 2:
        raise NotConvertibleError("a column_list of fewer than two")
    if given.get("ignore_row_if", "all_values_are_missing") != "all_values_are_missing":
        raise NotConvertibleError("an ignore_row_if other than all_values_are_missing")
    return _uniqueness(tuple(_name(one) for one in columns), given, where)


def _uniqueness(columns: tuple[str, ...], given: Mapping[str, Any], where: str | None) -> Tree:
    share = _mostly(given)
    if share is None:
        return DqRule("IsUnique", columns, where=where)
    return DqRule("Uniqueness", columns, share, where)


def _in_set(given: Mapping[str, Any], where: str | None) -> Tree:
    return _of_rows(given, where, Condition("in", _values(given)))


def _not_in_set(given: Mapping[str, Any], where: str | None) -> Tree:
    condition = Condition("not in", _values(given))
    if _mostly(given) is None:  # nulls pass there as well
        return DqRule("ColumnValues", _column(given), condition, where)
    return _of_rows(given, where, condition)


def _between(given: Mapping[str, Any], where: str | None) -> Tree:
    return _bounded(_of_rows(given, where), given, dates=True)


def _matches(given: Mapping[str, Any], where: str | None) -> Tree:
    return _of_rows(given, where, Condition("matches", (_pattern(given, whole),)))


def _does_not_match(given: Mapping[str, Any], where: str | None) -> Tree:
    return _of_rows(given, where, Condition("matches", (_pattern(given, whole_not),)))


def _lengths(given: Mapping[str, Any], where: str | None) -> Tree:
    return _bounded(_of_rows(given, where, kind="ColumnLength"), given)


def _length(given: Mapping[str, Any], where: str | None) -> Tree:
    return _of_rows(given, where, Condition("=", (_number(given.get("value")),)), kind="ColumnLength")


def _of_rows(
    given: Mapping[str, Any],
    where: str | None,
    condition: Condition | None = None,
    *,
    kind: str = "ColumnValues",
) -> DqRule:
    """A rule that leaves nulls out, as expectations do."""
    (column,) = _column(given)
    return DqRule(kind, (column,), condition, not_null(column, where), _mostly(given))


# Parts of a rule.


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or set(value) & set('"\\'):
        raise NotConvertibleError("a column's name with a double quote or a backslash")
    if _DATED.fullmatch(value):
        raise NotConvertibleError("a column's name that DQDL takes for a date")
    return value


def _column(given: Mapping[str, Any]) -> tuple[str]:
    if "column" not in given:
        raise NotConvertibleError("no column")
    return (_name(given["column"]),)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotConvertibleError("a bound that is no number")
    return number(value)


def _bound(value: Any, *, dates: bool) -> Operand:
    return Quoted(value) if dates and isinstance(value, str) and is_date(value) else _number(value)


def _bounded(rule: DqRule, given: Mapping[str, Any], *, dates: bool = False) -> Tree:
    """The rule with the bounds; two rules where one cannot say both."""
    low, high = ("min_value", ">", "strict_min"), ("max_value", "<", "strict_max")
    if not all(isinstance(given.get(name, False), bool) for name in ("strict_min", "strict_max")):
        raise NotConvertibleError("a strict_min or strict_max that is neither true nor false")
    found = []
    for name, operator, strict in (low, high):
        if name in given:
            mark = operator if given.get(strict) else f"{operator}="
            found.append(Condition(mark, (_bound(given[name], dates=dates),)))
    if not found:
        raise NotConvertibleError("no bound")
    if len(found) == 1:
        return replace(rule, condition=found[0])
    operands = (*found[0].operands, *found[1].operands)
    if [one.operator for one in found] == [">", "<"]:
        return replace(rule, condition=Condition("between", operands))
    if rule.threshold is not None:
        raise NotConvertibleError("mostly with two bounds of which one is not strict")
    return Composite("and", tuple(replace(rule, condition=one) for one in found))


def _mostly(given: Mapping[str, Any]) -> Condition | None:
    share = _number(given.get("mostly", 1))
    if not 0 <= share <= 1:
        raise NotConvertibleError("mostly outside 0 to 1")
    return None if share == 1 else Condition(">=", (share,))


def _values(given: Mapping[str, Any]) -> tuple[Operand, ...]:
    values = given.get("value_set")
    if not isinstance(values, list) or not values:
        raise NotConvertibleError("no value_set")
    if len({isinstance(value, str) for value in values}) > 1:
        raise NotConvertibleError("numbers and texts in one value_set")
    if len({isinstance(value, str) and is_date(value) for value in values}) > 1:
        raise NotConvertibleError("dates and other texts in one value_set")
    return tuple(_quoted(value) if isinstance(value, str) else _number(value) for value in values)


def _quoted(value: str) -> Operand:
    if not value:
        return Word.EMPTY
    if _DATED.fullmatch(value) and not is_date(value):
        raise NotConvertibleError("a text that DQDL takes for a time of day")
    return Quoted(re.sub(r'(["\\])', r"\\\1", value))


def _pattern(given: Mapping[str, Any], form: Callable[[str], str]) -> Quoted:
    pattern = given.get("regex")
    if not isinstance(pattern, str) or re.search(r'(^|[^\\])(\\\\)*"', pattern):
        raise NotConvertibleError(r"no regex, or a double quote in it without a backslash; write \"")
    if re.search(r"(^|[^\\])(\\\\)*\\$", pattern):
        raise NotConvertibleError("a regex that ends in a backslash")
    return Quoted(form(pattern))


_Make = Callable[[Mapping[str, Any], "str | None"], Tree]


def _table(*rows: tuple[str, _Make, tuple[str, ...]]) -> dict[str, tuple[_Make, frozenset[str]]]:
    return {f"expect_{kind}": (make, frozenset(names)) for kind, make, names in rows}


_ROWS, _BOUNDS = ("column", "mostly"), tuple(sorted(_BETWEEN))
_KINDS = _table(
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
    ("column_mean_to_be_between", _figure("Mean"), ("column", *_BOUNDS)),
    ("column_sum_to_be_between", _figure("Sum"), ("column", *_BOUNDS)),
    (
        "column_unique_value_count_to_be_between",
        _figure("DistinctValuesCount"),
        ("column", *_BOUNDS),
    ),
    (
        "column_proportion_of_non_null_values_to_be_between",
        _figure("Completeness"),
        ("column", *_BOUNDS),
    ),
)
