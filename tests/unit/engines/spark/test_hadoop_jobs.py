"""RDD saves, found by the names of Spark's jobs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.engines.spark.write_monitor.hadoop_jobs import HadoopWriterJobs

SAVE = "runJob at SparkHadoopWriter.scala:83"


class Context:
    """A ``SparkContext`` that has started ``total`` jobs and knows the names of some of them."""

    def __init__(self):
        self.names, self.details, self.total = {}, {}, 0

    def dagScheduler(self):
        return SimpleNamespace(numTotalJobs=lambda: self.total)

    def statusStore(self):
        return SimpleNamespace(
            job=lambda number: SimpleNamespace(
                name=lambda: self.names[number],
                stageIds=lambda: SimpleNamespace(mkString=lambda _: f"{number + 1},{number}"),
            ),
            lastStageAttempt=lambda stage: SimpleNamespace(details=lambda: self.details[stage]),
        )


@pytest.fixture
def started_jobs():
    context = Context()
    jobs = HadoopWriterJobs(context)
    yield context, jobs
    jobs.close()


def test_a_save_outside_the_run_is_counted_once(started_jobs):
    context, jobs = started_jobs
    context.names, context.total = {0: "count at x.py:1", 1: SAVE, 2: SAVE}, 3
    jobs.attribute_to_run(2, 3)
    assert jobs.take() == (1, "")
    assert jobs.take() == (0, "")


def test_a_job_without_a_name_yet_is_checked_again(started_jobs):
    context, jobs = started_jobs
    context.total = 1
    jobs._check()
    context.names[0] = SAVE
    assert jobs.take() == (1, "")


def test_a_job_without_a_name_makes_the_count_uncertain(started_jobs):
    context, jobs = started_jobs
    context.total = 1
    count, doubt = jobs.take()
    assert count == 0
    assert "job 0" in doubt


def test_a_job_that_the_script_named_is_recognised_by_its_call_stack(started_jobs):
    context, jobs = started_jobs
    context.names = {0: "Save model", 1: "Save model", 2: "Save model"}
    context.details, context.total = {1: f"org.apache.{SAVE}", 2: "collect at x.py:1"}, 3
    assert jobs.take() == (1, "")
