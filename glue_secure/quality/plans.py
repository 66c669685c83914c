"""Measurement plans: the aggregates, groups or schema that decide an expectation about a frame.

Expectations without a plan are validated by Great Expectations itself (:mod:`fallback`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from glue_secure.quality.conditions import (
    COLUMN_CONDITIONS,
    RECORD_CONDITIONS,
    Arguments,
    ignored_rows,
    quoted,
)
from glue_secure.quality.expectations import is_core, to_metric_value

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROW_COUNT = "table.row_count"
NULLS = "column_values.nonnull.unexpected_count"
Values = Mapping[str, Any]
# The arguments of COLUMN_CONDITIONS that are compared with a column.
_LITERALS = ("regex", "value_set", "min_value", "max_value", "value")


@dataclass(frozen=True, slots=True)
class Group:
    """Columns whose combinations of values are counted.

    Attributes:
        columns: names of the columns.
        where: condition of the rows that are counted; None for all rows.
        where_text: text that identifies ``where``, so that equal groups are counted once.
        unique: whether to count the rows that share their combination, instead of the combinations.
    """

    columns: tuple[str, ...]
    where: Column | None = field(compare=False)
    where_text: str = ""
    unique: bool = False


@dataclass(frozen=True, slots=True)
class CountMetrics:
    """The counts of a group.

    Attributes:
        distinct: number of different combinations.
        shared: number of rows whose combination occurs more than once.
    """

    distinct: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """The measurement of one expectation.

    Attributes:
        aggregates: metric name → aggregate column.
        finish: returns the metrics for the decision, from the measured values and the counts of ``group``.
        group: the group to count, or None.
        unexpected: for a row-level rule, the condition of the rows that break it. For uniqueness, of the rows
            that can break it; whether they do depends on the counts of ``group``.
        counted: names of the metrics with the number of rows checked and of rows that break the rule.
    """

    aggregates: Mapping[str, Column]
    finish: Callable[[Values, CountMetrics | None], Values] = lambda values, counts: values  # noqa: ARG005
    group: Group | None = None
    unexpected: Column | None = None
    counted: tuple[str, str] | None = None


class Planner:
    """Creates the plans for one frame.

    Args:
        frame: the DataFrame.
        to_sql: converts a row condition of Great Expectations to SQL.
    """

    def __init__(self, frame: DataFrame, to_sql: Callable[[Any], str]) -> None:
        from pyspark.sql import functions as F

        self._frame, self._to_sql, self._functions = frame, to_sql, F
        self._types = {item.name: item.dataType for item in frame.schema.fields}
        self._names = [item.name for item in frame.schema.fields]
        # With a second argument, the result would be that argument wherever Spark's own default applies.
        self._ansi = str(frame.sparkSession.conf.get("spark.sql.ansi.enabled")).lower() == "true"

    def plan(self, kind: str, expectation: Any) -> CheckPlan | None:
        """Return the plan of an expectation, or None if it is not supported."""
        if not is_core(expectation) or getattr(expectation, "windows", None):
            return None
        arguments = expectation.configuration.kwargs
        domain, domain_text = self._domain(getattr(expectation, "row_condition", None))
        if domain_text is None:
            return None
        column = arguments.get("column")
        if column is not None and kind != "expect_column_to_exist" and not self._is_plain(column):
            return None
        try:
            return self._plan(kind, expectation, arguments, domain, domain_text)
        except (KeyError, TypeError, ValueError):
            return None

    def _plan(
        self, kind: str, expectation: Any, arguments: Arguments, domain: Column | None, domain_text: str
    ) -> CheckPlan | None:
        if kind in COLUMN_CONDITIONS:
            return self._column_condition(kind, arguments, domain)
        if kind == "expect_column_values_to_be_unique":
            return self._unique(arguments["column"], domain, domain_text)
        if kind in RECORD_CONDITIONS or kind == "expect_compound_columns_to_be_unique":
            names = arguments.get("column_list") or [arguments["column_A"], arguments["column_B"]]
            if not all(map(self._is_plain, names)):
                return None
            ignore_row_if = str(getattr(expectation.ignore_row_if, "value", expectation.ignore_row_if))
            return self._record_condition(kind, names, ignore_row_if, arguments, domain, domain_text)
        if kind in AGGREGATES:
            return self._aggregate(kind, arguments["column"], domain)
        if kind in ("expect_column_unique_value_count_to_be_between", _PROPORTION):
            return self._distinct(kind, arguments["column"], domain, domain_text)
        if kind in ("expect_table_row_count_to_equal", "expect_table_row_count_to_be_between"):
            return CheckPlan({ROW_COUNT: self._count(domain)})
        return self._schema_only(kind)

    def _domain(self, row_condition: Any) -> tuple[Column | None, str | None]:
        """Return the condition of the rule's rows, and its text, which is None if it cannot be converted."""
        if row_condition is None:
            return None, ""
        try:
            sql = self._to_sql(row_condition)
            return self._functions.coalesce(self._functions.expr(sql), self._functions.lit(False)), sql
        except Exception:
            return None, None

    def _is_plain(self, name: Any) -> bool:
        """Return whether the name has only one meaning, for Spark and for Great Expectations."""
        return isinstance(name, str) and self._names.count(name) == 1 and not set(name) & set("`.\"[]'")

    def _count(self, condition: Column | None) -> Column:
        F = self._functions
        return F.count(F.lit(1) if condition is None else F.when(condition, 1))

    def _column_condition(self, kind: str, arguments: Arguments, domain: Column | None) -> CheckPlan | None:
        metric, expected, ignores_nulls = COLUMN_CONDITIONS[kind]
        column = quoted(arguments["column"])
        if self._ansi and ignores_nulls:
            # In ANSI mode, Great Expectations reports an error for a literal of another type.
            compared = "integer" if "_lengths_" in kind else self._types[arguments["column"]].typeName()
            if not all(_comparable(arguments.get(name), compared) for name in _LITERALS):
                return None
        if "regex" in arguments and not self._compiles(arguments["regex"]):
            return None
        condition = expected(column, arguments)
        if condition is None:
            return None
        unexpected = _and(domain, column.isNotNull() & ~condition if ignores_nulls else ~condition)
        unexpected_count = f"{metric}.unexpected_count"
        aggregates = {
            ROW_COUNT: self._count(domain),
            NULLS: self._count(_and(domain, column.isNull())),
            unexpected_count: self._count(unexpected),
        }
        return CheckPlan(aggregates, unexpected=unexpected, counted=(ROW_COUNT, unexpected_count))

    def _compiles(self, pattern: Any) -> bool:
        try:
            self._frame.sparkSession._jvm.java.util.regex.Pattern.compile(pattern)
        except Exception:
            return False
        return True

    def _unique(self, name: str, domain: Column | None, domain_text: str) -> CheckPlan:
        column = quoted(name)
        where = _and(domain, column.isNotNull())
        metric = "column_values.unique.unexpected_count"
        return CheckPlan(
            {ROW_COUNT: self._count(domain), NULLS: self._count(_and(domain, column.isNull()))},
            lambda values, counts: {**values, metric: _require(counts).shared},
            Group((name,), where, f"not null: {domain_text}", unique=True),
            unexpected=where,
            counted=(ROW_COUNT, metric),
        )

    def _record_condition(
        self,
        kind: str,
        names: Sequence[str],
        ignore_row_if: str,
        arguments: Arguments,
        domain: Column | None,
        domain_text: str,
    ) -> CheckPlan | None:
        columns = [quoted(name) for name in names]
        ignored = ignored_rows(columns, ignore_row_if)
        checked = domain if ignored is None else _and(domain, ~ignored)
        rows = {ROW_COUNT: self._count(domain)}
        if kind == "expect_compound_columns_to_be_unique":
            metric = "compound_columns.unique"
            row_count, unexpected_count = f"{metric}.filtered_row_count", f"{metric}.unexpected_count"
            return CheckPlan(
                {**rows, row_count: self._count(checked)},
                lambda values, counts: {**values, unexpected_count: _require(counts).shared},
                Group(tuple(names), checked, f"{ignore_row_if}: {domain_text}", unique=True),
                unexpected=self._functions.lit(True) if checked is None else checked,
                counted=(row_count, unexpected_count),
            )
        metric, expected = RECORD_CONDITIONS[kind]
        condition = expected(columns, arguments)
        if condition is None:
            return None
        unexpected = _and(checked, ~condition)
        row_count, unexpected_count = f"{metric}.filtered_row_count", f"{metric}.unexpected_count"
        aggregates = {
            **rows,
            row_count: self._count(checked),
            unexpected_count: self._count(unexpected),
        }
        return CheckPlan(aggregates, unexpected=unexpected, counted=(row_count, unexpected_count))

    def _aggregate(self, kind: str, name: str, domain: Column | None) -> CheckPlan | None:
        metric, function = AGGREGATES[kind]
        column, data_type = quoted(name), self._types[name].typeName()
        if metric == "column.mean" and data_type not in ("decimal", "integer", "double", "float", "long"):
            return None
        if metric == "column.sum" and self._ansi and data_type in ("byte", "short", "integer", "long"):
            column = column.cast("double")
        if domain is not None:
            column = self._functions.when(domain, column)
        aggregate = getattr(self._functions, function)(column)
        if metric == "column.non_null_count":
            return CheckPlan(
                {ROW_COUNT: self._count(domain), metric: aggregate},
                lambda values, _: {
                    "column.non_null_proportion": values[metric] / values[ROW_COUNT]
                    if values[ROW_COUNT]
                    else 0
                },
            )
        return CheckPlan({metric: aggregate}, lambda values, _: {metric: to_metric_value(values[metric])})

    def _distinct(self, kind: str, name: str, domain: Column | None, domain_text: str) -> CheckPlan:
        where = _and(domain, quoted(name).isNotNull())
        group = Group((name,), where, f"not null: {domain_text}")
        if kind != _PROPORTION:
            return CheckPlan(
                {}, lambda _, counts: {"column.distinct_values.count": _require(counts).distinct}, group
            )
        present = "present"
        return CheckPlan(
            {present: self._count(where)},
            lambda values, counts: {
                "column.unique_proportion": _require(counts).distinct / values[present]
                if values[present]
                else 0
            },
            group,
        )

    def _schema_only(self, kind: str) -> CheckPlan | None:
        if kind not in _SCHEMA_KINDS or any(set(name) & set("`.") for name in self._names):
            return None
        fields = self._frame.schema.fields
        if any(item.dataType.typeName() == "struct" for item in fields):
            return None  # Great Expectations counts the fields of structs as columns
        metrics = {
            "table.columns": list(self._names),
            "table.column_count": len(self._names),
            "table.column_types": [{"name": item.name, "type": item.dataType} for item in fields],
        }
        return CheckPlan({}, lambda _, __: metrics)


_PROPORTION = "expect_column_proportion_of_unique_values_to_be_between"
AGGREGATES = {
    "expect_column_mean_to_be_between": ("column.mean", "mean"),
    "expect_column_min_to_be_between": ("column.min", "min"),
    "expect_column_max_to_be_between": ("column.max", "max"),
    "expect_column_sum_to_be_between": ("column.sum", "sum"),
    "expect_column_stdev_to_be_between": ("column.standard_deviation", "stddev_samp"),
    "expect_column_proportion_of_non_null_values_to_be_between": ("column.non_null_count", "count"),
}
"""Type of an expectation → name of its metric and of Spark's aggregate function."""
_SCHEMA_KINDS = frozenset(
    (
        "expect_column_to_exist",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_in_type_list",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    )
)
SUPPORTED = frozenset(
    (
        *COLUMN_CONDITIONS,
        *RECORD_CONDITIONS,
        *AGGREGATES,
        *_SCHEMA_KINDS,
        _PROPORTION,
        "expect_column_unique_value_count_to_be_between",
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    )
)
"""The types of expectations that have a plan; the tests compare each with Great Expectations."""


def _and(domain: Column | None, condition: Column) -> Column:
    return condition if domain is None else domain & condition


def _require(counts: CountMetrics | None) -> CountMetrics:
    assert counts is not None  # noqa: S101 - the plan has a group
    return counts


def _comparable(literal: Any, data_type: str) -> bool:
    """Return whether Spark compares the literal with a column of this type without a cast that can fail."""
    values = literal if isinstance(literal, (list, tuple)) else [literal]
    if data_type in ("string", "char", "varchar"):
        return all(value is None or isinstance(value, str) for value in values)
    return all(not isinstance(value, str) or (data_type == "date" and _is_date(value)) for value in values)


def _is_date(text: str) -> bool:
    """Return whether the text is a date that Spark reads as Python does, such as ``2026-12-31``."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
