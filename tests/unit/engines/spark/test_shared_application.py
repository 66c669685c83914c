"""Whether a run is the only one of its Spark application."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from glue_secure.engines.spark.engine import SparkEngine


@pytest.fixture
def create():
    """``create(context)``: create the engine of a run of an application."""
    made = []

    def engine(context):
        made.append(SparkEngine(spark=MagicMock(sparkContext=context)))
        return made[-1]

    yield engine
    for found in made:
        found.close()


def test_runs_that_are_open_at_the_same_time_share_their_application(create):
    context = MagicMock()
    first = create(context)
    assert not first.is_shared
    second = create(context)
    assert (first.is_shared, second.is_shared) == (True, True)
    second.close()
    assert first.is_shared  # the commits of the second run stay


def test_runs_one_after_the_other_and_those_of_other_applications_do_not(create):
    context = MagicMock()
    create(context).close()
    assert not create(context).is_shared
    assert not create(MagicMock()).is_shared
