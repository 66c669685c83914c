"""Runs of a job with faults of every kind, against a model with perfect memory: see simulated_job."""

import logging
from collections import Counter

import pytest
from simulated_job import simulate

# What every sufficiently large number of seeds contains; otherwise the model tests less than it says.
EVENTS = {
    "adopted",
    "damage: another",
    "damage: bit",
    "damage: cut",
    "damage: empty",
    "damage: gone",
    "damage: longer",
    "damage: random",
    "host of a connection changed",
    "long uploads",
    "merged columns",
    "refused: a column of two types",
    "refused: another database",
    "refused: invalid objects",
    "repairs",
    "rewinds",
    "run clean ok",
    "run evidence VerificationError",
}
MANY, PART = 20_000, 500


def play(seeds):
    events = Counter()
    for seed in seeds:
        try:
            events.update(simulate(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return events


@pytest.fixture(autouse=True)
def quiet():
    """Without the warnings of every simulated run."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_no_object_or_row_is_lost_or_read_twice_whatever_fails():
    assert play(range(60)).keys() >= EVENTS


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, MANY, PART))
def test_no_object_or_row_is_lost_or_read_twice_in_many_more_histories(first):
    assert play(range(first, first + PART)).keys() >= EVENTS
