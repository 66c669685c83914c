"""Calls that no query of Spark shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyspark.sql.utils import AnalysisException

from glue_secure.engines.spark.tables.iceberg import IcebergTable
from glue_secure.engines.spark.write_monitor import spark_hooks
from glue_secure.engines.spark.write_monitor.plans import calls_in_text, write_of_call
from glue_secure.io.tables.history import Commit, RowChange

CONTEXT = SimpleNamespace()


@pytest.fixture
def reported(monkeypatch):
    """Return what the hooks of two runs of one Spark application receive."""
    found = []
    one, other = (
        SimpleNamespace(on_existing_objects=found.append, on_call=found.append, on_text=found.append)
        for _ in range(2)
    )
    monkeypatch.setattr(
        spark_hooks, "_attached", [(CONTEXT, one), (SimpleNamespace(), one), (CONTEXT, other)]
    )
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", CONTEXT)
    return found


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        ("io.delta.tables.DeltaTable", "convertToDelta", ["DeltaTable.convertToDelta"]),
        ("io.delta.tables.DeltaTable", "forPath", []),
        ("another.DeltaTable", "convertToDelta", []),
    ],
)
def test_a_static_method_that_adds_existing_objects_is_reported_to_every_run(
    reported, name, method, expected
):
    get = spark_hooks._wrap_static_method(lambda _self, _name: lambda *words: ("called", *words))
    assert get(SimpleNamespace(_fqn=name), method)("a", "b") == ("called", "a", "b")
    assert reported == expected * 2


@pytest.mark.parametrize(
    ("error", "is_reported"),
    [
        (AnalysisException("[DELTA_CONVERT_NON_PARQUET_TABLE] only supports parquet tables"), False),
        (AnalysisException("MetaException: the table cannot be altered"), True),
        (RuntimeError("lost"), True),
        (KeyboardInterrupt(), True),
    ],
    ids=["refused", "catalog", "other", "interrupt"],
)
def test_a_conversion_that_failed_is_reported_unless_delta_refused_it(reported, error, is_reported):
    def fail(*_):
        raise error

    get = spark_hooks._wrap_static_method(lambda _self, _name: fail)
    with pytest.raises(type(error)):
        get(SimpleNamespace(_fqn="io.delta.tables.DeltaTable"), "convertToDelta")("a")
    assert reported == ["DeltaTable.convertToDelta"] * (2 if is_reported else 0)


def execution_of(kind, *names):
    parts = SimpleNamespace(size=lambda: len(names), apply=lambda position: names[position])
    logical = SimpleNamespace(
        getClass=lambda: SimpleNamespace(getSimpleName=lambda: kind),
        procedure=lambda: SimpleNamespace(nameParts=lambda: parts),
    )
    return SimpleNamespace(logical=lambda: logical)


@pytest.mark.parametrize("kind", ["Call", "Project"])
def test_a_call_statement_of_spark_4_is_reported_to_every_run(reported, kind):
    execution = execution_of(kind, "c", "system", "add_files")
    run_sql(execution, "CALL c.system.add_files()")
    assert reported == ([execution] * 2 if kind == "Call" else [])


def run_sql(execution, text):
    frame = SimpleNamespace(_jdf=SimpleNamespace(queryExecution=lambda: execution))
    sql = spark_hooks._wrap_sql(lambda _self, _text: frame)
    assert sql(SimpleNamespace(sparkContext=CONTEXT), text) is frame


def test_a_publication_by_cherrypick_is_reported_to_no_run(reported, monkeypatch):
    frame = SimpleNamespace(collect=lambda: [{"current_snapshot_id": 7}])
    frame._jdf = SimpleNamespace(queryExecution=lambda: execution_of("Call", "c", "system", "cherrypick"))
    sql = spark_hooks._wrap_sql(lambda _self, _text: frame)
    session = SimpleNamespace(sql=lambda text: sql(SimpleNamespace(sparkContext=CONTEXT), text))
    table = IcebergTable(session, "c", "db", "t")
    monkeypatch.setattr(IcebergTable, "_point_main", lambda *_, **__: False)
    commits = [Commit("5", RowChange.ADDED, "append")]
    assert list(table.publish_branch("b", "4", commits)) == ["7"]
    assert reported == []


@pytest.mark.parametrize("kind", ["CompoundBody", "UnresolvedExecuteImmediate"])
def test_the_text_of_a_script_or_an_execute_immediate_is_reported_to_every_run(reported, kind):
    run_sql(execution_of(kind), "a text")
    assert reported == ["a text"] * 2


@pytest.mark.parametrize(
    ("text", "is_reported"),
    [
        ("BEGIN CALL c.system.add_files(); SELECT 1/0; END", True),
        ("EXECUTE IMMEDIATE v INTO x", True),
        ("EXECUTE IMMEDIATE 'CALL c.system.add_files()'", False),
        ("SELECT call FROM t", False),
    ],
)
def test_the_text_of_a_statement_that_failed_is_reported_if_a_part_may_have_run(reported, text, is_reported):
    def fail(_self, _text):
        raise RuntimeError("failed")

    with pytest.raises(RuntimeError, match="failed"):
        spark_hooks._wrap_sql(fail)(SimpleNamespace(sparkContext=CONTEXT), text)
    assert reported == [text] * (2 if is_reported else 0)


@pytest.mark.parametrize(
    "text",
    [
        "EXECUTE IMMEDIATE 'CALL c.system.add_files()'",
        "begin call c.system.add_files(); end",
        "BEGIN EXECUTE IMMEDIATE 'select 1'; CALL c.system.add_files(); END",
        "EXECUTE IMMEDIATE 'CA''LL c.system.add_files()'",
        "EXECUTE IMMEDIATE v",
        "EXECUTE IMMEDIATE :text",
        "EXECUTE IMMEDIATE 'CA' || 'LL c.system.add_files()'",
        "EXECUTE IMMEDIATE 'CA' 'LL c.system.add_files()'",
        "EXECUTE IMMEDIATE '\\u0043ALL c.system.add_files()'",
        "BEGIN EXECUTE IMMEDIATE 'select 1'; EXECUTE IMMEDIATE v; END",
    ],
)
def test_gs_s3_012_a_text_that_may_call_a_procedure_may_add_existing_objects(text):
    (write,) = calls_in_text(text)
    assert write.problem.endswith("which may add objects to a table that the run did not write")
    assert write.adopts


@pytest.mark.parametrize(
    "text",
    [
        "EXECUTE IMMEDIATE 'select 1'",
        "execute immediate r'select 1' into x;",
        "EXECUTE IMMEDIATE 'insert into t values (''a'', ?)' USING 1",
        "EXECUTE IMMEDIATE \"insert into t values ('a')\"",
        "BEGIN EXECUTE IMMEDIATE 'select 1'; INSERT INTO t SELECT caller FROM callers; END",
    ],
)
def test_a_text_of_other_statements_is_no_write(text):
    assert calls_in_text(text) == []


@pytest.mark.parametrize("name", ["ADD_FILES", "migrate", "register_table", "snapshot"])
def test_gs_s3_012_a_call_that_adds_existing_objects_is_known_by_its_name(name):
    (write,) = write_of_call(execution_of("Call", "c", "system", name))
    assert write.problem == f"CALL {name.lower()}, which adds objects to a table that the run did not write"
    assert not write.stores_files


def test_the_location_of_a_call_statement_of_spark_4_is_unknown():
    (write,) = write_of_call(execution_of("Call", "c", "system", "rewrite_data_files"))
    assert (write.location, write.stores_files) == ("", True)
    assert write_of_call(execution_of("Call", "c", "system", "ancestors_of")) == []
