"""Unmanaged writes that a monitor attributes to the run, with fakes of the JVM's objects."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from java_fakes import java

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.engines.spark.write_monitor.monitor import SparkWriteMonitor
from glue_secure.engines.spark.write_monitor.procedures import of_existing_objects
from glue_secure.engines.spark.write_monitor.table_lookup import CurrentDatabase

TARGET = S3Uri.parse("s3://curated/out/")
ADOPTED = of_existing_objects("DeltaTable.convertToDelta", failed=False)


@pytest.fixture
def monitor():
    counters = SimpleNamespace(get=lambda _name: None)
    registry = SimpleNamespace(getCounters=lambda: counters)
    bus = SimpleNamespace(metrics=lambda: SimpleNamespace(metricRegistry=lambda: registry))
    context = SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: SimpleNamespace(listenerBus=lambda: bus)))
    queries = SimpleNamespace(add_callback=lambda _callback: None, wait_for_listeners=lambda: None)
    system = SimpleNamespace(currentTimeMillis=lambda: 0, identityHashCode=id)
    jvm = SimpleNamespace(java=SimpleNamespace(lang=SimpleNamespace(System=system)))
    return SparkWriteMonitor(spark=SimpleNamespace(sparkContext=context, _jvm=jvm), queries=queries)


@pytest.mark.parametrize(
    ("location", "by_connector"),
    [(TARGET, False), (None, True), (None, False)],
    ids=["custom write", "connector", "database"],
)
def test_gs_s3_012_existing_objects_are_not_attributed_to_a_write_of_the_run(monitor, location, by_connector):
    with monitor.attribute_writes_to_run(location, by_connector=by_connector):
        monitor.record_conversion(
            "DeltaTable.convertToDelta", SimpleNamespace(), "parquet.`a`", refused=False
        )
    assert monitor.pending() == (ADOPTED,)


def test_a_call_whose_plan_cannot_be_read_is_a_doubt_and_not_an_error(monitor):
    monitor.record_call(SimpleNamespace(), SimpleNamespace(), failed=False)
    assert "the plan of a CALL statement could not be read (AttributeError)" in monitor._doubts
    assert monitor.pending() == ()


def test_gs_s3_012_a_script_that_calls_a_procedure_in_a_custom_write_is_not_attributed(monitor):
    with monitor.attribute_writes_to_run(TARGET):
        monitor.record_text("BEGIN CALL c.system.add_files(); END")
    (write,) = monitor.pending()
    assert write.problem.startswith("a CALL in a script or an EXECUTE IMMEDIATE")


def test_a_write_without_a_location_is_attributed_to_a_custom_write(monitor):
    with monitor.attribute_writes_to_run(TARGET):
        monitor.record(UnmanagedWrite("", "CALL rewrite_data_files", problem="unknown", stores_files=True))
    assert monitor.pending() == ()


def session_of(*namespace):
    manager = java("CatalogManager", currentCatalog=java("Catalog", name="lake"), currentNamespace=namespace)
    session = java("SparkSession", sessionState=java("SessionState", catalogManager=manager))
    session.equals = lambda other: other is session
    return session


SESSION, OTHER_SESSION = session_of("db"), session_of("other")
PLAN, OTHER_PLAN = object(), object()


@pytest.mark.parametrize(
    ("ended", "session", "plan", "failed", "is_known"),
    [
        (PLAN, SESSION, PLAN, False, True),
        (PLAN, SESSION, OTHER_PLAN, False, False),
        (PLAN, OTHER_SESSION, PLAN, False, False),
        (PLAN, SESSION, PLAN, True, False),
        (None, SESSION, PLAN, True, True),
        (None, SESSION, PLAN, False, False),
        (None, OTHER_SESSION, PLAN, True, False),
    ],
    ids=["same", "earlier", "other session", "failed before", "failed", "ended before", "other failed"],
)
def test_only_the_statement_that_has_just_ended_is_in_the_database_of_its_session(
    monitor, ended, session, plan, failed, is_known
):
    execution, seen = java("QueryExecution", sparkSession=session, executedPlan=plan), []

    def deliver():
        seen.append(monitor._lookup.database_of(execution, failed=failed))

    monitor._queries.wait_for_listeners = deliver
    monitor.record_ended_statement(SESSION, ended)
    deliver()
    assert seen == [CurrentDatabase("lake", ("db",)) if is_known else None, None]


def test_a_statement_is_not_known_to_another_thread(monitor):
    execution, seen = java("QueryExecution", sparkSession=SESSION, executedPlan=PLAN), []

    def deliver():
        thread = threading.Thread(target=lambda: seen.append(monitor._lookup.database_of(execution)))
        thread.start()
        thread.join()

    monitor._queries.wait_for_listeners = deliver
    monitor.record_ended_statement(SESSION, PLAN)
    assert seen == [None]


def test_a_statement_of_a_session_whose_catalog_does_not_load_raises_no_error(monitor):
    session, seen = SimpleNamespace(), []
    monitor._queries.wait_for_listeners = lambda: seen.append("recorded")
    monitor.record_ended_statement(session, PLAN)
    assert seen == ["recorded"]


def test_a_conversion_that_spark_refused_is_no_write_if_there_is_no_such_table(monitor):
    monitor.record_conversion("DeltaTable.convertToDelta", SimpleNamespace(), "db.missing", refused=True)
    assert monitor.pending() == ()


def test_gs_s3_012_a_conversion_that_failed_after_its_commit_adds_existing_objects(monitor):
    identifier = SimpleNamespace(database=lambda: SimpleNamespace(isDefined=lambda: False))
    parser = SimpleNamespace(parseTableIdentifier=lambda _text: identifier)
    session = SimpleNamespace(sessionState=lambda: SimpleNamespace(sqlParser=lambda: parser))
    monitor._lookup = SimpleNamespace(
        location_to_convert=lambda *_: "s3a://curated/out", has_converted=lambda _location: True
    )
    monitor.record_conversion("DeltaTable.convertToDelta", session, "db.t", refused=True)
    assert monitor.pending() == (ADOPTED,)
