"""Runs hear of their session's queries, and leave nothing on it when they end."""

import pytest

from glue_secure import UsageError
from glue_secure.engines.spark import query_listener


def listeners(spark):
    return len(spark._jsparkSession.listenerManager().listListeners())


def settle(spark):
    spark._jsc.sc().listenerBus().waitUntilEmpty()


def test_many_runs_leave_one_listener_without_callbacks(glue_job, glue_spark):
    glue_job.land("a.csv", "carrier\nUA\n")
    seen = []
    for _ in range(3):
        with glue_job.job() as job:
            job.write.s3(job.read.s3(glue_job.source, format="csv"), glue_job.target, format="parquet")
        seen.append(listeners(glue_spark))
    assert len(set(seen)) == 1
    (listener,) = (
        each for each in query_listener._listeners if each.session.equals(glue_spark._jsparkSession)
    )
    assert listener.ears == []


def test_a_run_that_does_not_start_leaves_no_callback(glue_job, glue_spark):
    with glue_job.job("target"):
        pass
    (listener,) = (
        each for each in query_listener._listeners if each.session.equals(glue_spark._jsparkSession)
    )
    before = list(listener.ears)
    with pytest.raises(UsageError, match="glue-secure-bookmarks"):
        glue_job.job("target", glue_secure_bookmarks="native")
    assert listener.ears == before


def test_callbacks_receive_successes_and_failures_until_they_are_removed(glue_spark):
    told = {"first": [], "second": []}
    leave = {
        name: query_listener.listen(
            glue_spark._jsparkSession, lambda _, failed, name=name: told[name].append(failed)
        )
        for name in told
    }
    try:
        glue_spark.range(1).collect()
        settle(glue_spark)
        leave["first"]()
        leave["first"]()
        try:
            glue_spark.range(1).selectExpr("raise_error('no')").collect()
        except Exception as error:
            assert "no" in str(error)
        settle(glue_spark)
    finally:
        leave["second"]()
    glue_spark.range(1).collect()
    settle(glue_spark)
    assert told == {"first": [False], "second": [False, True]}


def test_a_listener_that_a_script_removed_is_registered_again(glue_spark):
    told = []
    query_listener.listen(glue_spark._jsparkSession, lambda *_: told.append("before"))()
    glue_spark._jsparkSession.listenerManager().clear()
    leave = [
        query_listener.listen(glue_spark._jsparkSession, lambda *_: told.append("after")) for _ in range(2)
    ]
    try:
        glue_spark.range(1).collect()
        settle(glue_spark)
    finally:
        for each in leave:
            each()
    assert told == ["after", "after"]
