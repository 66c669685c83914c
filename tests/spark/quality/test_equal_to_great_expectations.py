"""What one pass decides is what Great Expectations decides, for every supported type."""

from __future__ import annotations

import random

import pytest
from quality_frames import SCHEMA, conditioned, rows, rules, suite

from glue_secure.quality import fallback
from glue_secure.quality.checker import ONE_PASS, Checker
from glue_secure.quality.plans import SUPPORTED

# size, share of nulls
FRAMES = ((0, 0.0), (40, 0.2))
MORE = ((1, 0.0), (1, 1.0), (3, 0.5), (7, 0.0), (9, 1.0), (30, 0.05), (60, 0.4), (200, 0.1))


def compare(spark, seed, size, nulls):
    """Outcomes that differ, and the types that one pass decided."""
    chance = random.Random(seed)
    frame = spark.createDataFrame(rows(chance, size, nulls), SCHEMA).coalesce(2)
    checker = Checker(suite(conditioned(chance, rules(chance))))
    found = checker.check(frame)
    told = fallback.run(frame, checker._expectations)
    differ = [
        (ours, theirs)
        for ours, theirs in zip(found.outcomes, told, strict=True)
        if ours.passed is not theirs.passed
        or (theirs.unexpected is not None and ours.unexpected not in (None, theirs.unexpected))
    ]
    assert found.jobs == 2
    return differ, {one.rule.kind for one in found.outcomes if one.by == ONE_PASS}


@pytest.mark.parametrize("frame", FRAMES)
def test_outcomes_and_counts_are_those_of_great_expectations(glue_spark, frame):
    differ, decided = compare(glue_spark, 1, *frame)
    assert differ == []
    assert decided == SUPPORTED


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("frame", MORE)
def test_the_same_for_many_frames(glue_spark, frame, seed):
    assert compare(glue_spark, seed, *frame)[0] == []
