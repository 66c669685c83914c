"""The checker and Great Expectations have the same outcomes and counts, for every supported type."""

from __future__ import annotations

import random

import pytest
from quality_frames import RAISING, SCHEMA, rows, rules, suite, with_conditions

from glue_secure.quality import fallback
from glue_secure.quality.checker import GREAT_EXPECTATIONS, ONE_PASS, Checker
from glue_secure.quality.plans import COLUMN_CONDITIONS, SUPPORTED

ANSI = "spark.sql.ansi.enabled"
# rows, share of nulls, expectations of each type
FRAMES = ((0, 0.0, 1), (40, 0.2, 2))
MORE = ((1, 0.0), (1, 1.0), (3, 0.5), (7, 0.0), (9, 1.0), (30, 0.05), (60, 0.4), (200, 0.1))


def sample(rng, expectations, forms):
    """Return at most ``forms`` expectations of each type; None returns all."""
    by_kind = {}
    for expectation in expectations:
        by_kind.setdefault(expectation[0], []).append(expectation)
    return [
        expectation
        for group in by_kind.values()
        for expectation in (group if forms is None else rng.sample(group, min(forms, len(group))))
    ]


def compare(spark, seed, size, nulls, forms=None):
    """Return the outcomes that differ, and the types that were decided without fallback."""
    rng = random.Random(seed)
    frame = spark.createDataFrame(rows(rng, size, nulls), SCHEMA).coalesce(2)
    checker = Checker(suite(with_conditions(rng, sample(rng, rules(rng), forms))))
    result = checker.check(frame)
    reports = fallback.validate(frame, checker.expectations)
    differ = [
        (ours, theirs)
        for ours, theirs in zip(result.outcomes, reports, strict=True)
        if ours.passed is not theirs.passed
        or (theirs.unexpected is not None and ours.unexpected not in (None, theirs.unexpected))
    ]
    assert result.jobs == 3  # aggregates, uniqueness and distinct values, for any number of rules
    return differ, {outcome.rule.kind for outcome in result.outcomes if outcome.by == ONE_PASS}


@pytest.fixture
def ansi(request, glue_spark):
    """Switch ANSI SQL on or off; ``None`` is Spark's default, on since Spark 4."""
    if request.param is None:
        glue_spark.conf.unset(ANSI)
    else:
        glue_spark.conf.set(ANSI, request.param)
    yield request.param or glue_spark.conf.get(ANSI)
    glue_spark.conf.unset(ANSI)


@pytest.mark.parametrize(
    ("frame", "ansi"),
    [
        (FRAMES[0], None),
        (FRAMES[1], None),
        *(pytest.param(FRAMES[1], value, marks=pytest.mark.long) for value in ("false", "true")),
    ],
    indirect=["ansi"],
)
def test_outcomes_and_counts_are_those_of_great_expectations(glue_spark, frame, ansi):
    differ, decided = compare(glue_spark, 1, *frame)
    assert differ == []
    # With ANSI SQL, Great Expectations decides literals of another type than their column.
    with_literals = {kind for kind, (*_, ignores_nulls) in COLUMN_CONDITIONS.items() if ignores_nulls}
    assert decided >= (SUPPORTED if ansi == "false" else SUPPORTED - with_literals)


@pytest.mark.parametrize("ansi", [None, "false", "true"], indirect=True)
def test_a_literal_of_another_type_is_decided_as_great_expectations_decides_it(glue_spark, ansi):
    frame = glue_spark.createDataFrame(rows(random.Random(1), 9, 0.2), SCHEMA).coalesce(1)
    arguments = {"column": "s", "value_set": [1, 12]}
    checker = Checker(suite([("expect_column_values_to_not_be_in_set", arguments)]))
    (outcome,), (report,) = checker.check(frame).outcomes, fallback.validate(frame, checker.expectations)
    assert outcome.passed is report.passed
    assert outcome.by == (GREAT_EXPECTATIONS if ansi == "true" else ONE_PASS)


def test_an_expectation_that_raises_is_undecided_and_does_not_affect_others(glue_spark):
    frame = glue_spark.createDataFrame(rows(random.Random(1), 3, 0), SCHEMA).coalesce(1)
    median = (
        "expect_column_median_to_be_between",
        {"column": "l", "min_value": -(10**12), "max_value": 10**12},
    )
    null = ("expect_column_values_to_not_be_null", {"column": "i"})
    outcomes = Checker(suite([*RAISING, median, null])).check(frame).outcomes
    assert [outcome.passed for outcome in outcomes] == [None] * len(RAISING) + [True, True]
    assert [outcome.by for outcome in outcomes[-2:]] == [GREAT_EXPECTATIONS, ONE_PASS]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("frame", MORE)
def test_outcomes_are_equal_for_many_frames(glue_spark, frame, seed):
    assert compare(glue_spark, seed, *frame)[0] == []
