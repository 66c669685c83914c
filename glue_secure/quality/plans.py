"""What each expectation needs of a frame: columns of one aggregation, groups to count, or the schema alone.

A plan is made for an expectation that is supported; None sends it to Great Expectations as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.quality import conditions
from glue_secure.quality.conditions import quoted
from glue_secure.quality.expectations import as_reported, is_core

ROW_COUNT = "table.row_count"
NULLS = "column_values.nonnull.unexpected_count"
Values = Mapping[str, Any]
Schema = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns whose combinations of values are counted, over the rows that ``where`` keeps.

    Attributes:
        columns: their names.
        where: a Spark column; None for all rows.
        same: what tells it from another group, so that each is counted once.
        unique: whether rows that share their combination are counted, not the combinations.
    """

    columns: tuple[str, ...]
    where: Any = field(compare=False)
    same: str = ""
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """How many combinations there are, or how many rows share theirs with another row."""

    distinct: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How one expectation is measured.

    Attributes:
        aggregates: name of a metric → aggregate column.
        finish: measured values, and what was counted → the metrics that the decision needs.
        group: what must be counted beside them.
        unexpected: of a row-level rule: true for the rows that break it. Of uniqueness: for those that
            could, which ``group`` then tells apart.
        counted: metrics of which the evidence may tell: rows looked at, and rows that break the rule.
    """

    aggregates: Mapping[str, Any]
    finish: Callable[[Values, Counted | None], Values] = lambda values, counted: values  # noqa: ARG005
    group: Group | None = None
    unexpected: Any = None
    counted: tuple[str, str] | None = None


class Planner:
    """Makes plans for one frame.

    Args:
        frame: the DataFrame.
        clause: a row condition of Great Expectations → SQL.
    """

    def __init__(self, frame: Any, clause: Callable[[Any], str]) -> None:
        from pyspark.sql import functions as F

        self._frame, self._clause, self._f = frame, clause, F
        self.schema: Schema = tuple((each.name, each.dataType) for each in frame.schema.fields)
        self._names = [name for name, _ in self.schema]
        self.ansi = str(frame.sparkSession.conf.get("spark.sql.ansi.enabled", "false")).lower() == "true"

    def plan(self, kind: str, expectation: Any) -> Plan | None:
        """The plan of one expectation; None where it is not supported as it stands."""
        if not is_core(expectation) or getattr(expectation, "windows", None):
            return None
        given = expectation.configuration.kwargs
        domain, same = self._domain(getattr(expectation, "row_condition", None))
        if same is None:
            return None
        column = given.get("column")
        if column is not None and kind != "expect_column_to_exist" and not self._is_plain(column):
            return None
        try:
            return self._made(kind, expectation, given, domain, same)
        except (KeyError, TypeError, ValueError):
            return None

    def _made(self, kind: str, expectation: Any, given: Any, domain: Any, same: str) -> Plan | None:
        if kind in conditions.OF_COLUMN:
            return self._of_column(kind, given, domain)
        if kind == "expect_column_values_to_be_unique":
            return self._unique(given["column"], domain, same)
        if kind in conditions.OF_COLUMNS or kind == "expect_compound_columns_to_be_unique":
            names = given.get("column_list") or [given["column_A"], given["column_B"]]
            if not all(map(self._is_plain, names)):
                return None
            rule = str(getattr(expectation.ignore_row_if, "value", expectation.ignore_row_if))
            return self._of_columns(kind, names, rule, given, domain, same)
        if kind in AGGREGATES:
            return self._aggregate(kind, given["column"], domain)
        if kind in ("expect_column_unique_value_count_to_be_between", _PROPORTION):
            return self._distinct(kind, given["column"], domain, same)
        if kind in ("expect_table_row_count_to_equal", "expect_table_row_count_to_be_between"):
            return Plan({ROW_COUNT: self._count(domain)})
        return self._schema(kind)

    def _domain(self, row_condition: Any) -> tuple[Any, str | None]:
        """Which rows the rule is about, and the text of it; a text of None where that is unclear."""
        if row_condition is None:
            return None, ""
        try:
            text = self._clause(row_condition)
            return self._f.coalesce(self._f.expr(text), self._f.lit(False)), text
        except Exception:
            return None, None

    def _is_plain(self, name: Any) -> bool:
        """Whether it names one column, and Great Expectations cannot read it in another way."""
        return isinstance(name, str) and self._names.count(name) == 1 and not set(name) & set("`.\"[]'")

    def _count(self, condition: Any) -> Any:
        return self._f.count(self._f.lit(1) if condition is None else self._f.when(condition, 1))

    def _of_column(self, kind: str, given: Any, domain: Any) -> Plan | None:
        metric, condition, skips_null = conditions.OF_COLUMN[kind]
        column = quoted(given["column"])
        data_type = dict(self.schema)[given["column"]].typeName()
        if self.ansi and condition is not conditions._is_null and condition is not conditions._is_not_null:
            # Under ANSI a literal of another type is an error in Great Expectations as well, at its place.
            literal = "regex" if "regex" in given else "value_set" if "value_set" in given else "min_value"
            if not _comparable(given.get(literal), data_type):
                return None
        if "regex" in given and not self._compiles(given["regex"]):
            return None
        expected = condition(column, given)
        if expected is None:
            return None
        unexpected = column.isNotNull() & ~expected if skips_null else ~expected
        unexpected = self._within(domain, unexpected)
        name = f"{metric}.unexpected_count"
        nulls = self._within(domain, column.isNull())
        measured = {
            ROW_COUNT: self._count(domain),
            NULLS: self._count(nulls),
            name: self._count(unexpected),
        }
        return Plan(measured, unexpected=unexpected, counted=(ROW_COUNT, name))

    def _compiles(self, pattern: Any) -> bool:
        try:
            self._frame.sparkSession._jvm.java.util.regex.Pattern.compile(pattern)
        except Exception:
            return False
        return True

    def _within(self, domain: Any, condition: Any) -> Any:
        return condition if domain is None else domain & condition

    def _unique(self, name: str, domain: Any, same: str) -> Plan:
        column = quoted(name)
        where = self._within(domain, column.isNotNull())
        metric = "column_values.unique.unexpected_count"
        return Plan(
            {ROW_COUNT: self._count(domain), NULLS: self._count(self._within(domain, column.isNull()))},
            lambda values, counted: {**values, metric: _of(counted).shared},
            Group((name,), where, f"not null: {same}", unique=True),
            unexpected=where,
            counted=(ROW_COUNT, metric),
        )

    def _of_columns(
        self, kind: str, names: Any, rule: str, given: Any, domain: Any, same: str
    ) -> Plan | None:
        columns = [quoted(name) for name in names]
        left_out = conditions.ignored(columns, rule)
        looked_at = domain if left_out is None else self._within(domain, ~left_out)
        rows = {ROW_COUNT: self._count(domain)}
        if kind == "expect_compound_columns_to_be_unique":
            metric = "compound_columns.unique"
            filtered, name = f"{metric}.filtered_row_count", f"{metric}.unexpected_count"
            return Plan(
                {**rows, filtered: self._count(looked_at)},
                lambda values, counted: {**values, name: _of(counted).shared},
                Group(tuple(names), looked_at, f"{rule}: {same}", unique=True),
                unexpected=self._f.lit(True) if looked_at is None else looked_at,
                counted=(filtered, name),
            )
        metric, condition = conditions.OF_COLUMNS[kind]
        expected = condition(columns, given)
        if expected is None:
            return None
        unexpected = self._within(looked_at, ~expected)
        filtered, name = f"{metric}.filtered_row_count", f"{metric}.unexpected_count"
        measured = {**rows, filtered: self._count(looked_at), name: self._count(unexpected)}
        return Plan(measured, unexpected=unexpected, counted=(filtered, name))

    def _aggregate(self, kind: str, name: str, domain: Any) -> Plan | None:
        metric, function = AGGREGATES[kind]
        column, data_type = quoted(name), dict(self.schema)[name].typeName()
        if metric == "column.mean" and data_type not in ("decimal", "integer", "double", "float", "long"):
            return None
        if metric == "column.sum" and self.ansi and data_type in ("byte", "short", "integer", "long"):
            column = column.cast("double")
        if domain is not None:
            column = self._f.when(domain, column)
        made = getattr(self._f, function)(column)
        if metric == "column.non_null_count":
            return Plan(
                {ROW_COUNT: self._count(domain), metric: made},
                lambda values, _: {
                    "column.non_null_proportion": values[metric] / values[ROW_COUNT]
                    if values[ROW_COUNT]
                    else 0
                },
            )
        return Plan({metric: made}, lambda values, _: {metric: as_reported(values[metric])})

    def _distinct(self, kind: str, name: str, domain: Any, same: str) -> Plan:
        column = quoted(name)
        where = self._within(domain, column.isNotNull())
        group = Group((name,), where, f"not null: {same}")
        if kind != _PROPORTION:
            return Plan({}, lambda _, counted: {"column.distinct_values.count": _of(counted).distinct}, group)
        present = "present"
        return Plan(
            {present: self._count(where)},
            lambda values, counted: {
                "column.unique_proportion": _of(counted).distinct / values[present] if values[present] else 0
            },
            group,
        )

    def _schema(self, kind: str) -> Plan | None:
        if kind not in _SCHEMA or any(set(name) & set("`.") for name in self._names):
            return None
        if any(data_type.typeName() == "struct" for _, data_type in self.schema):
            return None  # Great Expectations counts their fields as columns
        told = {
            "table.columns": list(self._names),
            "table.column_count": len(self._names),
            "table.column_types": [{"name": name, "type": data_type} for name, data_type in self.schema],
        }
        return Plan({}, lambda _, __: told)


_PROPORTION = "expect_column_proportion_of_unique_values_to_be_between"
# Type → the name of its metric, and Spark's function.
AGGREGATES = {
    "expect_column_mean_to_be_between": ("column.mean", "mean"),
    "expect_column_min_to_be_between": ("column.min", "min"),
    "expect_column_max_to_be_between": ("column.max", "max"),
    "expect_column_sum_to_be_between": ("column.sum", "sum"),
    "expect_column_stdev_to_be_between": ("column.standard_deviation", "stddev_samp"),
    "expect_column_proportion_of_non_null_values_to_be_between": ("column.non_null_count", "count"),
}
_SCHEMA = frozenset(
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
        *conditions.OF_COLUMN,
        *conditions.OF_COLUMNS,
        *AGGREGATES,
        *_SCHEMA,
        _PROPORTION,
        "expect_column_unique_value_count_to_be_between",
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    )
)
"""The types that one pass decides."""


def _of(counted: Counted | None) -> Counted:
    assert counted is not None  # noqa: S101 - a plan with a group is given its count
    return counted


def _comparable(literal: Any, data_type: str) -> bool:
    """Whether Spark compares them without a cast that may fail."""
    values = literal if isinstance(literal, (list, tuple)) else [literal]
    text = data_type in ("string", "char", "varchar")
    return all(one is None or isinstance(one, str) is text for one in values)
