"""What one pass decides is what Great Expectations decides, for every supported type."""

from __future__ import annotations

import random

import pytest
from quality_frames import RAISING, SCHEMA, conditioned, rows, rules, suite

from glue_secure.quality import fallback
from glue_secure.quality.checker import AS_IT_IS, ONE_PASS, Checker
from glue_secure.quality.plans import SUPPORTED

# size, share of nulls, forms of each type
FRAMES = ((0, 0.0, 1), (40, 0.2, 2))
MORE = ((1, 0.0), (1, 1.0), (3, 0.5), (7, 0.0), (9, 1.0), (30, 0.05), (60, 0.4), (200, 0.1))


def some(chance, found, forms):
    """At most so many rules of each type; all of them without a number."""
    by_kind = {}
    for rule in found:
        by_kind.setdefault(rule[0], []).append(rule)
    return [
        rule
        for listed in by_kind.values()
        for rule in (listed if forms is None else chance.sample(listed, min(forms, len(listed))))
    ]


def compare(spark, seed, size, nulls, forms=None):
    """Outcomes that differ, and the types that one pass decided."""
    chance = random.Random(seed)
    frame = spark.createDataFrame(rows(chance, size, nulls), SCHEMA).coalesce(2)
    checker = Checker(suite(conditioned(chance, some(chance, rules(chance), forms))))
    found = checker.check(frame)
    told = fallback.run(frame, checker._expectations)
    differ = [
        (ours, theirs)
        for ours, theirs in zip(found.outcomes, told, strict=True)
        if ours.passed is not theirs.passed
        or (theirs.unexpected is not None and ours.unexpected not in (None, theirs.unexpected))
    ]
    assert found.jobs == 3  # aggregates, uniqueness, different values: however many rules
    return differ, {one.rule.kind for one in found.outcomes if one.by == ONE_PASS}


@pytest.mark.parametrize("frame", FRAMES)
def test_outcomes_and_counts_are_those_of_great_expectations(glue_spark, frame):
    differ, decided = compare(glue_spark, 1, *frame)
    assert differ == []
    assert decided == SUPPORTED


def test_what_raises_there_is_undecided_and_takes_nobody_with_it(glue_spark):
    frame = glue_spark.createDataFrame(rows(random.Random(1), 3, 0), SCHEMA).coalesce(1)
    median = (
        "expect_column_median_to_be_between",
        {"column": "l", "min_value": -(10**12), "max_value": 10**12},
    )
    null = ("expect_column_values_to_not_be_null", {"column": "i"})
    found = Checker(suite([*RAISING, median, null])).check(frame).outcomes
    assert [one.passed for one in found] == [None] * len(RAISING) + [True, True]
    assert [one.by for one in found[-2:]] == [AS_IT_IS, ONE_PASS]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("frame", MORE)
def test_the_same_for_many_frames(glue_spark, frame, seed):
    assert compare(glue_spark, seed, *frame)[0] == []
