"""The summary of finished objects: differences of two sets, and its text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.bookmarks.finished_set import Difference, FinishedSet, identifier

NUMBERS = st.integers(0, 2**32)


def numbers_of(entry, seeds):
    return frozenset(identifier(entry(f"{seed}", 1)) for seed in seeds)


def set_of(numbers):
    found = FinishedSet()
    for number in numbers:
        found.add(number)
    return found


@pytest.mark.parametrize(("added", "removed"), [(0, 0), (1, 0), (0, 1), (30, 0), (15, 15), (0, 50), (60, 0)])
def test_small_differences_of_large_sets_are_decoded(entry, added, removed):
    both, new, gone = (
        numbers_of(entry, range(*ends)) for ends in ((5000,), (5000, 5000 + added), (-removed, 0))
    )
    difference = set_of(both | new).difference(set_of(both | gone))
    assert difference == Difference(new, gone)


def test_a_difference_that_cannot_be_decoded_is_never_a_wrong_one(entry):
    generator = random.Random(7)
    undecoded = 0
    for count in range(1, 300, 3):
        new = numbers_of(entry, (generator.random() for _ in range(count)))
        difference = set_of(new).difference(FinishedSet())
        undecoded += difference is None
        assert difference in (None, Difference(new, frozenset()))
    assert undecoded > 50


@given(st.sets(NUMBERS, max_size=200))
def test_the_text_of_a_set_is_bounded_and_gives_the_same_set(seeds):
    numbers = [identifier_of(seed) for seed in seeds]
    text = set_of(numbers).to_text()
    assert len(text) <= 3360
    same = FinishedSet.from_text(text)
    assert (same.to_text(), same.size) == (text, len(numbers))
    assert same.difference(set_of(numbers)) == Difference(frozenset(), frozenset())


@pytest.mark.parametrize("text", ["x", "AAAA", "", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4"])
def test_other_texts_are_rejected(text):
    with pytest.raises(ValueError, match=r".+"):
        FinishedSet.from_text(text)


def identifier_of(seed):
    from datetime import datetime, timezone

    from glue_secure.core.identifiers import S3Uri
    from glue_secure.core.objects import ObjectSummary

    return identifier(ObjectSummary(S3Uri("b", str(seed)), 1, datetime(2026, 1, 1, tzinfo=timezone.utc), "e"))
