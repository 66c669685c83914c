"""Runs receive the finished queries of their session, and leave no callback on it when they end."""

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import UsageError
from glue_secure.engines.spark import query_listener


def listener_count(spark):
    return len(spark._jsparkSession.listenerManager().listListeners())


def wait_for_listeners(spark):
    spark._jsc.sc().listenerBus().waitUntilEmpty()


def callbacks(spark):
    """The callbacks of the session's one listener."""
    (listener,) = (known for known in query_listener._listeners if known.session.equals(spark._jsparkSession))
    return list(listener.callbacks)


def test_many_runs_leave_one_listener_without_callbacks(glue_job, glue_spark):
    glue_job.land("a.csv", "carrier\nUA\n")
    counts = []
    for _ in range(3):
        with glue_job.job() as job:
            job.write.s3(job.read.s3(glue_job.source, format="csv"), glue_job.target, format="parquet")
        counts.append(listener_count(glue_spark))
    assert len(set(counts)) == 1
    assert callbacks(glue_spark) == []


def test_a_run_that_does_not_start_leaves_no_callback(glue_job, glue_spark):
    with glue_job.job("target"):
        pass
    before = callbacks(glue_spark)
    with pytest.raises(UsageError, match="glue-secure-bookmarks"):
        glue_job.job("target", glue_secure_bookmarks="native")
    assert callbacks(glue_spark) == before


def test_callbacks_receive_successes_and_failures_until_they_are_removed(glue_spark):
    received = {"first": [], "second": []}
    remove = {
        name: query_listener.add_query_listener(
            glue_spark._jsparkSession, lambda _, failed, name=name: received[name].append(failed)
        )
        for name in received
    }
    try:
        glue_spark.range(1).collect()
        wait_for_listeners(glue_spark)
        remove["first"]()
        remove["first"]()
        with pytest.raises(SPARK_ERRORS, match="no"):
            glue_spark.range(1).selectExpr("raise_error('no')").collect()
        wait_for_listeners(glue_spark)
    finally:
        remove["second"]()
    glue_spark.range(1).collect()
    wait_for_listeners(glue_spark)
    assert received == {"first": [False], "second": [False, True]}


def test_a_listener_that_a_script_removed_is_registered_again(glue_spark):
    received = []
    query_listener.add_query_listener(glue_spark._jsparkSession, lambda *_: received.append("before"))()
    glue_spark._jsparkSession.listenerManager().clear()
    removals = [
        query_listener.add_query_listener(glue_spark._jsparkSession, lambda *_: received.append("after"))
        for _ in range(2)
    ]
    try:
        glue_spark.range(1).collect()
        wait_for_listeners(glue_spark)
    finally:
        for remove in removals:
            remove()
    assert received == ["after", "after"]
