"""What Great Expectations expects of one row, as Spark columns.

Each is written as its Spark metric provider writes it, so that nulls, NaN and casts come out alike; the
tests hold every one against Great Expectations itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Arguments = Mapping[str, Any]


def quoted(name: str) -> Any:
    """The column of exactly that name."""
    from pyspark.sql import functions as F

    return F.col("`" + name.replace("`", "``") + "`")


def _bounded(value: Any, given: Arguments) -> Any:
    """``value`` between the bounds that are given; None where there are none."""
    from pyspark.sql import functions as F

    low, high = given.get("min_value"), given.get("max_value")
    parts = []
    if low is not None:
        parts.append(value > F.lit(low) if given.get("strict_min") else value >= F.lit(low))
    if high is not None:
        parts.append(value < F.lit(high) if given.get("strict_max") else value <= F.lit(high))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


def _between(column: Any, given: Arguments) -> Any:
    low, high = given.get("min_value"), given.get("max_value")
    if low is not None and high is not None and (type(low) is not type(high) or low > high):
        return None  # an error, or no order that Python and Spark agree on
    return _bounded(column, given)


def _lengths_between(column: Any, given: Arguments) -> Any:
    from pyspark.sql import functions as F

    for name in ("min_value", "max_value"):
        if given.get(name) is not None and not float(given[name]).is_integer():
            return None
    return _bounded(F.length(column), given)


def _length_equals(column: Any, given: Arguments) -> Any:
    from pyspark.sql import functions as F

    return F.length(column) == given["value"]


def _in_set(column: Any, given: Arguments) -> Any:
    from pyspark.sql import functions as F

    values = given.get("value_set")
    if values is None:
        return F.lit(True)
    return column.isin(list(values)) if isinstance(values, (list, tuple, set)) else None


def _not_in_set(column: Any, given: Arguments) -> Any:
    return ~_in_set(column, given) if given.get("value_set") is not None else None


def _matches(column: Any, given: Arguments) -> Any:
    return column.rlike(given["regex"]) if isinstance(given.get("regex"), str) else None


def _does_not_match(column: Any, given: Arguments) -> Any:
    return ~column.rlike(given["regex"]) if isinstance(given.get("regex"), str) else None


def _is_null(column: Any, given: Arguments) -> Any:  # noqa: ARG001 - the others look at them
    return column.isNull()


def _is_not_null(column: Any, given: Arguments) -> Any:  # noqa: ARG001
    return column.isNotNull()


# Type → the name of its metric, the condition, and whether nulls are left out of it.
OF_COLUMN: dict[str, tuple[str, Callable[[Any, Arguments], Any], bool]] = {
    "expect_column_values_to_not_be_null": ("column_values.nonnull", _is_not_null, False),
    "expect_column_values_to_be_null": ("column_values.null", _is_null, False),
    "expect_column_values_to_be_in_set": ("column_values.in_set", _in_set, True),
    "expect_column_values_to_not_be_in_set": ("column_values.not_in_set", _not_in_set, True),
    "expect_column_values_to_be_between": ("column_values.between", _between, True),
    "expect_column_values_to_match_regex": ("column_values.match_regex", _matches, True),
    "expect_column_values_to_not_match_regex": ("column_values.not_match_regex", _does_not_match, True),
    "expect_column_value_lengths_to_be_between": (
        "column_values.value_length.between",
        _lengths_between,
        True,
    ),
    "expect_column_value_lengths_to_equal": ("column_values.value_length.equals", _length_equals, True),
}


def _equal(columns: Sequence[Any], given: Arguments) -> Any:  # noqa: ARG001
    return columns[0].eqNullSafe(columns[1])


def _greater(columns: Sequence[Any], given: Arguments) -> Any:
    a, b = columns
    return (a >= b) | a.eqNullSafe(b) if given.get("or_equal") else a > b


def _different(columns: Sequence[Any], given: Arguments) -> Any:  # noqa: ARG001
    found = None
    for at, one in enumerate(columns):
        for other in columns[at + 1 :]:
            same = one.eqNullSafe(other)
            found = same if found is None else found | same
    return None if found is None else ~found


OF_COLUMNS: dict[str, tuple[str, Callable[[Sequence[Any], Arguments], Any]]] = {
    "expect_column_pair_values_to_be_equal": ("column_pair_values.equal", _equal),
    "expect_column_pair_values_a_to_be_greater_than_b": ("column_pair_values.a_greater_than_b", _greater),
    "expect_select_column_values_to_be_unique_within_record": (
        "select_column_values.unique.within_record",
        _different,
    ),
}


def ignored(columns: Sequence[Any], rule: str) -> Any:
    """The rows that ``ignore_row_if`` leaves out; None for none of them.

    Raises:
        KeyError: a rule that is not known here.
    """
    every = {"both_values_are_missing": True, "all_values_are_missing": True,
             "either_value_is_missing": False, "any_value_is_missing": False}  # fmt: skip
    if rule in ("neither", "never"):
        return None
    all_of, found = every[rule], columns[0].isNull()
    for one in columns[1:]:
        found = found & one.isNull() if all_of else found | one.isNull()
    return found
