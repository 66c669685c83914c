"""Generated frames and suites, for tests that compare the gate with Great Expectations."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from glue_secure.quality.suite import Suite

# Expectations for which Great Expectations raises an exception with any rows.
RAISING = (
    ("expect_column_values_to_be_between", {"column": "i", "min_value": 2, "max_value": 1}),
    ("expect_column_values_to_be_between", {"column": "w", "min_value": 0, "max_value": 1}),
    ("expect_column_mean_to_be_between", {"column": "h", "min_value": 0}),
    ("expect_column_values_to_not_be_null", {"column": "nope"}),
)
SCHEMA = (
    "i int, l bigint, h smallint, d double, f float, e decimal(10,2), s string, x string, t date, "
    "ts timestamp, b boolean, n string, z double, w array<int>, `odd name` int"
)
COLUMNS = ("i", "l", "h", "d", "f", "e", "s", "x", "t", "ts", "b", "n", "z", "odd name")
NUMBERS = ("i", "l", "d", "f", "e", "z", "odd name")
_DAY, _MOMENT = date(2024, 1, 1), datetime(2024, 1, 1, 12)


def rows(rng: random.Random, size: int, nulls: float) -> list[tuple]:
    """Return rows of ``SCHEMA``, in which ``n`` is always null."""

    def row() -> tuple:
        values = (
            rng.randint(-3, 3),
            rng.randint(0, 10**12),
            rng.randint(0, 5),
            rng.choice([0.0, -0.0, 1.5, 2.5, float("nan"), float("inf"), -7.25]),
            rng.choice([0.5, 0.1, float("nan")]),
            Decimal(rng.randint(-300, 300)) / 100,
            rng.choice(["", "a", "ab", "abc", "A1", "é", "a b", "12"]),
            rng.choice(["a", "ab", "12", "x"]),
            _DAY + timedelta(days=rng.randint(0, 5)),
            _MOMENT + timedelta(hours=rng.randint(0, 5)),
            rng.random() < 0.5,
            None,
            float(rng.randint(1, 4)),
            [rng.randint(0, 2)],
            rng.randint(0, 100),
        )
        return tuple(None if rng.random() < nulls else value for value in values[:11]) + values[11:]

    return [row() for _ in range(size)]


def rules(rng: random.Random) -> list[tuple[str, dict]]:
    """Return expectations of every supported type, most of them with several sets of arguments."""
    expectations: list[tuple[str, dict]] = []

    def add(kind: str, **arguments) -> None:
        expectations.append((kind, arguments))

    for column in COLUMNS:
        add("expect_column_values_to_not_be_null", column=column)
        add("expect_column_values_to_be_null", column=column, mostly=0.3)
        add("expect_column_values_to_be_unique", column=column)
        add("expect_column_unique_value_count_to_be_between", column=column, min_value=1, max_value=5)
        add("expect_column_proportion_of_unique_values_to_be_between", column=column, min_value=0.3)
        add("expect_column_proportion_of_non_null_values_to_be_between", column=column, min_value=0.8)
        add("expect_column_values_to_be_of_type", column=column, type_="StringType")
    for column, values in (
        ("i", [0, 1, 2]), ("i", [1, None]), ("s", ["a", "ab"]), ("d", [1.5, 0.0]), ("e", [1, 2.5]), ("s", []),
        ("t", ["2024-01-01"]), ("b", [True]), ("n", ["a"]), ("i", ["1"]), ("s", [1, 12]),
        ("ts", ["2024-01-01"]),
    ):  # fmt: skip
        add("expect_column_values_to_be_in_set", column=column, value_set=values)
        add("expect_column_values_to_not_be_in_set", column=column, value_set=values, mostly=0.5)
    for column, low, high in (
        ("i", -1, 2), ("i", None, 1), ("l", 10, None), ("d", -1, 2.0), ("d", 0, 0), ("e", 0, 2),
        ("f", 0.1, 0.5),
        ("t", "2024-01-02", "2024-01-04"), ("ts", "2024-01-01 13:00:00", None), ("x", 1, 20),
        ("n", 0, 1), ("h", 1, 4), ("z", 1.5, 3.5),
    ):  # fmt: skip
        bounds = {
            name: value for name, value in (("min_value", low), ("max_value", high)) if value is not None
        }
        strict = {f"strict_{name[:3]}": rng.random() < 0.3 for name in bounds}
        add("expect_column_values_to_be_between", column=column, **bounds, **strict)
        if column in (*NUMBERS, "t", "ts", "s", "n"):
            add("expect_column_min_to_be_between", column=column, **bounds)
            add("expect_column_max_to_be_between", column=column, **bounds)
    for column in NUMBERS:
        add("expect_column_mean_to_be_between", column=column, min_value=-1, max_value=2)
        add("expect_column_sum_to_be_between", column=column, min_value=0)
        add("expect_column_stdev_to_be_between", column=column, min_value=0.5, strict_min=True)
    for regex in ("^a", "[0-9]+", "b$", "^$"):
        add("expect_column_values_to_match_regex", column="s", regex=regex)
        add("expect_column_values_to_not_match_regex", column="s", regex=regex, mostly=0.7)
    add("expect_column_values_to_match_regex", column="i", regex="1")
    for column in ("s", "i", "n"):
        add("expect_column_value_lengths_to_be_between", column=column, min_value=1, max_value=2)
        add("expect_column_value_lengths_to_be_between", column=column, max_value=2, strict_max=True)
        add("expect_column_value_lengths_to_equal", column=column, value=1)
    for ignore in ("both_values_are_missing", "either_value_is_missing", "neither"):
        add("expect_column_pair_values_to_be_equal", column_A="s", column_B="x", ignore_row_if=ignore)
        greater = {"column_A": "i", "column_B": "h", "ignore_row_if": ignore}
        add("expect_column_pair_values_a_to_be_greater_than_b", **greater, or_equal=True)
        add("expect_column_pair_values_a_to_be_greater_than_b", **greater, mostly=0.4)
    for ignore in ("all_values_are_missing", "any_value_is_missing", "never"):
        for columns in (["i", "s"], ["d", "e", "t"]):
            add("expect_compound_columns_to_be_unique", column_list=columns, ignore_row_if=ignore)
        add(
            "expect_select_column_values_to_be_unique_within_record",
            column_list=["i", "h"],
            ignore_row_if=ignore,
        )
    add("expect_table_row_count_to_be_between", min_value=1, max_value=50)
    add("expect_table_row_count_to_equal", value=7)
    add("expect_table_column_count_to_equal", value=15)
    add("expect_table_column_count_to_be_between", max_value=3)
    add("expect_table_columns_to_match_set", column_set=["i", "s"], exact_match=False)
    add("expect_table_columns_to_match_set", column_set=["i", "s"])
    add("expect_table_columns_to_match_ordered_list", column_list=[*COLUMNS[:13], "w", "odd name"])
    add("expect_column_to_exist", column="i")
    add("expect_column_to_exist", column="nope")
    add("expect_column_to_exist", column="l", column_index=1)
    add("expect_column_values_to_be_in_type_list", column="i", type_list=["IntegerType", "LongType"])
    add("expect_column_values_to_be_in_type_list", column="e", type_list=["DoubleType"])
    return expectations


def with_conditions(rng: random.Random, expectations: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """Return the expectations, some of them with row conditions in the format of GX 1.9 and later."""
    conditions = (
        {"type": "comparison", "column": {"name": "i"}, "operator": ">", "parameter": 0},
        {"type": "nullity", "column": {"name": "s"}, "is_null": False},
        {"type": "pass_through", "pass_through_filter": "l > 5 and s is not null"},
    )
    result = []
    for kind, arguments in expectations:
        applies = kind.startswith("expect_column") and kind not in ("expect_column_to_exist",)
        if applies and "type" not in kind and rng.random() < 0.25:
            arguments = {**arguments, "row_condition": rng.choice(conditions)}
        result.append((kind, arguments))
    return result


def suite(expectations: list[tuple[str, dict]], name: str = "generated") -> Suite:
    """Return a suite of these expectations."""
    items = [{"type": kind, "kwargs": arguments} for kind, arguments in expectations]
    return Suite.parse(json.dumps({"name": name, "expectations": items}).encode(), location=f"{name}.json")
