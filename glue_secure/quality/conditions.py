"""Row conditions of Great Expectations as Spark columns.

Each condition is written like its metric provider for Spark, so that nulls, NaN and casts have the same
results. The tests compare every condition with Great Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from glue_secure.core import identifiers

if TYPE_CHECKING:
    from pyspark.sql import Column

Arguments = Mapping[str, Any]


class ColumnCondition(NamedTuple):
    """The condition of an expectation about the values of one column.

    Attributes:
        metric: name of the metric.
        expected: returns the condition of an expected value; None if the arguments are not supported.
        ignores_nulls: whether null is expected in any case.
    """

    metric: str
    expected: Callable[[Column, Arguments], Column | None]
    ignores_nulls: bool


class RecordCondition(NamedTuple):
    """The condition of an expectation about several columns of a row.

    Attributes:
        metric: name of the metric.
        expected: returns the condition of an expected row; None if the arguments are not supported.
    """

    metric: str
    expected: Callable[[Sequence[Column], Arguments], Column | None]


def quoted(name: str) -> Column:
    """Return the column with exactly this name."""
    from pyspark.sql import functions as F

    return F.col(identifiers.quoted(name))


def _bounded(value: Column, arguments: Arguments) -> Column | None:
    """Return whether ``value`` is within the bounds; None without bounds."""
    from pyspark.sql import functions as F

    low, high = arguments.get("min_value"), arguments.get("max_value")
    parts = []
    if low is not None:
        parts.append(value > F.lit(low) if arguments.get("strict_min") else value >= F.lit(low))
    if high is not None:
        parts.append(value < F.lit(high) if arguments.get("strict_max") else value <= F.lit(high))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


def _between(column: Column, arguments: Arguments) -> Column | None:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and high is not None and (type(low) is not type(high) or low > high):
        return None  # an error, or an order in which Python and Spark differ
    return _bounded(column, arguments)


def _lengths_between(column: Column, arguments: Arguments) -> Column | None:
    from pyspark.sql import functions as F

    for name in ("min_value", "max_value"):
        if arguments.get(name) is not None and not float(arguments[name]).is_integer():
            return None
    return _bounded(F.length(column), arguments)


def _length_equals(column: Column, arguments: Arguments) -> Column:
    from pyspark.sql import functions as F

    return F.length(column) == arguments["value"]


def _in_set(column: Column, arguments: Arguments) -> Column | None:
    from pyspark.sql import functions as F

    values = arguments.get("value_set")
    if values is None:
        return F.lit(True)
    return column.isin(list(values)) if isinstance(values, (list, tuple, set)) else None


def _not_in_set(column: Column, arguments: Arguments) -> Column | None:
    values = arguments.get("value_set")
    if values is None:
        return None
    return ~column.isin(list(values)) if isinstance(values, (list, tuple, set)) else None


def _matches(column: Column, arguments: Arguments) -> Column | None:
    return column.rlike(arguments["regex"]) if isinstance(arguments.get("regex"), str) else None


def _does_not_match(column: Column, arguments: Arguments) -> Column | None:
    return ~column.rlike(arguments["regex"]) if isinstance(arguments.get("regex"), str) else None


def _is_null(column: Column, arguments: Arguments) -> Column:  # noqa: ARG001 - same signature as the others
    return column.isNull()


def _is_not_null(column: Column, arguments: Arguments) -> Column:  # noqa: ARG001 - same signature as the others
    return column.isNotNull()


COLUMN_CONDITIONS = {
    "expect_column_values_to_not_be_null": ColumnCondition("column_values.nonnull", _is_not_null, False),
    "expect_column_values_to_be_null": ColumnCondition("column_values.null", _is_null, False),
    "expect_column_values_to_be_in_set": ColumnCondition("column_values.in_set", _in_set, True),
    "expect_column_values_to_not_be_in_set": ColumnCondition("column_values.not_in_set", _not_in_set, True),
    "expect_column_values_to_be_between": ColumnCondition("column_values.between", _between, True),
    "expect_column_values_to_match_regex": ColumnCondition("column_values.match_regex", _matches, True),
    "expect_column_values_to_not_match_regex": ColumnCondition(
        "column_values.not_match_regex", _does_not_match, True
    ),
    "expect_column_value_lengths_to_be_between": ColumnCondition(
        "column_values.value_length.between", _lengths_between, True
    ),
    "expect_column_value_lengths_to_equal": ColumnCondition(
        "column_values.value_length.equals", _length_equals, True
    ),
}
"""Type of an expectation about one column → its condition."""


def _equal(columns: Sequence[Column], arguments: Arguments) -> Column:  # noqa: ARG001 - as the others
    return columns[0].eqNullSafe(columns[1])


def _greater(columns: Sequence[Column], arguments: Arguments) -> Column:
    a, b = columns
    return (a >= b) | a.eqNullSafe(b) if arguments.get("or_equal") else a > b


def _all_different(columns: Sequence[Column], arguments: Arguments) -> Column | None:  # noqa: ARG001 - as the others
    any_equal = None
    for index, column in enumerate(columns):
        for other in columns[index + 1 :]:
            equal = column.eqNullSafe(other)
            any_equal = equal if any_equal is None else any_equal | equal
    return None if any_equal is None else ~any_equal


RECORD_CONDITIONS = {
    "expect_column_pair_values_to_be_equal": RecordCondition("column_pair_values.equal", _equal),
    "expect_column_pair_values_a_to_be_greater_than_b": RecordCondition(
        "column_pair_values.a_greater_than_b", _greater
    ),
    "expect_select_column_values_to_be_unique_within_record": RecordCondition(
        "select_column_values.unique.within_record", _all_different
    ),
}
"""Type of an expectation about several columns → its condition."""


def ignored_rows(columns: Sequence[Column], ignore_row_if: str) -> Column | None:
    """Return the condition of the rows that ``ignore_row_if`` excludes; None if it excludes no rows.

    Raises:
        KeyError: ``ignore_row_if`` has an unknown value.
    """
    requires_all = {"both_values_are_missing": True, "all_values_are_missing": True,
                    "either_value_is_missing": False, "any_value_is_missing": False}  # fmt: skip
    if ignore_row_if in ("neither", "never"):
        return None
    all_missing, condition = requires_all[ignore_row_if], columns[0].isNull()
    for column in columns[1:]:
        condition = condition & column.isNull() if all_missing else condition | column.isNull()
    return condition
