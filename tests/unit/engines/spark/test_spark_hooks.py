"""Calls that no query of Spark shows."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pyspark.sql.utils import AnalysisException

from glue_secure.engines.spark.tables.iceberg import IcebergTable
from glue_secure.engines.spark.write_monitor import spark_hooks
from glue_secure.engines.spark.write_monitor.procedures import calls_in_text, writes_of_call
from glue_secure.io.tables.history import Commit, RowChange

CONTEXT = SimpleNamespace()


@pytest.fixture
def reported(monkeypatch):
    """Return what the hooks of two runs of one Spark application receive."""
    found = []

    def convert(*words, refused):
        found.append((*words, refused))

    one, other = (
        SimpleNamespace(on_conversion=convert, on_call=found.append, on_text=found.append) for _ in range(2)
    )
    monkeypatch.setattr(
        spark_hooks, "_attached", [(CONTEXT, one), (SimpleNamespace(), one), (CONTEXT, other)]
    )
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", CONTEXT)
    return found


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        ("io.delta.tables.DeltaTable", "convertToDelta", [("DeltaTable.convertToDelta", "a", "b", False)]),
        ("io.delta.tables.DeltaTable", "forPath", []),
        ("another.DeltaTable", "convertToDelta", []),
    ],
)
def test_a_static_method_that_converts_a_table_is_reported_to_every_run(reported, name, method, expected):
    get = spark_hooks._wrap_static_method(lambda _self, _name: lambda *words: ("called", *words))
    assert get(SimpleNamespace(_fqn=name), method)("a", "b", "c") == ("called", "a", "b", "c")
    assert reported == expected * 2


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [
        (AnalysisException("[DELTA_CONVERT_NON_PARQUET_TABLE] only supports parquet tables"), True),
        (RuntimeError("lost"), False),
        (KeyboardInterrupt(), False),
    ],
    ids=["refused", "other", "interrupt"],
)
def test_a_conversion_that_failed_is_reported_because_it_may_have_committed(reported, error, is_refused):
    def fail(*_):
        raise error

    get = spark_hooks._wrap_static_method(lambda _self, _name: fail)
    with pytest.raises(type(error)):
        get(SimpleNamespace(_fqn="io.delta.tables.DeltaTable"), "convertToDelta")("a", "b")
    assert reported == [("DeltaTable.convertToDelta", "a", "b", is_refused)] * 2


def sequence(*entries):
    return SimpleNamespace(size=lambda: len(entries), apply=lambda position: entries[position])


def plan(kind, **members):
    simple_name = SimpleNamespace(getSimpleName=lambda: kind)
    values = {name: (lambda value=value: value) for name, value in members.items()}
    return SimpleNamespace(getClass=lambda: simple_name, **values)


def named(name, value):
    return plan("NamedArgumentExpression", key=name, value=value)


def execution_of(kind, *names, arguments=(), is_parameterized=False):
    """Return the execution of a parsed statement in a session whose current catalog is ``current``."""
    procedure = plan("UnresolvedProcedure", nameParts=sequence(*names))
    logical = plan(kind, procedure=procedure, args=sequence(*arguments))
    if is_parameterized:
        logical = plan("NameParameterizedQuery", child=logical)
    parser = SimpleNamespace(parseMultipartIdentifier=lambda text: sequence(*text.split(".")))
    catalog = plan("SparkCatalog", name="current")
    manager = plan("CatalogManager", currentCatalog=catalog, currentNamespace=["chosen"])
    state = plan("SessionState", sqlParser=parser, catalogManager=manager)
    session = plan("SparkSession", sessionState=state)
    return SimpleNamespace(logical=lambda: logical, sparkSession=lambda: session)


class Lookup:
    """Tables of Iceberg whose locations are their names."""

    is_prompt = True

    def iceberg_locations(self, _session, name):
        return [f"s3a://{'/'.join(name)}"]


@pytest.mark.parametrize("is_parameterized", [False, True], ids=["text", "parameters"])
@pytest.mark.parametrize("kind", ["Call", "Project"])
def test_a_call_statement_of_spark_4_is_reported_to_every_run(reported, kind, is_parameterized):
    execution = execution_of(kind, "c", "system", "add_files", is_parameterized=is_parameterized)
    run_sql(execution, "CALL c.system.add_files()")
    assert reported == ([execution] * 2 if kind == "Call" else [])


def run_sql(execution, text):
    frame = SimpleNamespace(_jdf=SimpleNamespace(queryExecution=lambda: execution))
    sql = spark_hooks._wrap_sql(lambda _self, _text: frame)
    assert sql(SimpleNamespace(sparkContext=CONTEXT), text) is frame


@pytest.mark.parametrize(
    ("text", "reports"),
    [("call c.system.rewrite_data_files('db.t')", 2), ("/* a */ CALL c.system.b()", 2), ("select recall", 0)],
)
def test_every_run_reads_the_table_of_a_call_on_spark_3_before_the_next_statement(monkeypatch, text, reports):
    finished = []
    hooks = SimpleNamespace(on_finished_call=lambda: finished.append(text))
    attached = [(CONTEXT, hooks), (SimpleNamespace(), hooks), (CONTEXT, hooks)]
    monkeypatch.setattr(spark_hooks, "_attached", attached)
    sql = spark_hooks._wrap_sql_of_spark_3(lambda _self, _text: "a frame")
    assert sql(SimpleNamespace(sparkContext=CONTEXT), text) == "a frame"
    assert finished == [text] * reports


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
        "BEGIN CALL c.system.ancestors_of('db.t'); CALL c.system.add_files(); END",
        "BEGIN CALL /* ancestors_of( */ c.system.add_files(); END",
        "BEGIN CALL c.system.rewrite_data_files('db.t'); END",
        "BEGIN CALL IDENTIFIER('c.system.add_files')(); END",
        "BEGIN CALL `ancestors_of`.system.add_files(); END",
        "EXECUTE IMMEDIATE 'CALL c.system.ancestors''_of(); '",
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
        "BEGIN CALL c.system.ancestors_of('db.t'); END",
        "begin\n call c . `system` . `Remove_Orphan_Files` (table => 'db.t');\n select 1;\nend",
        "EXECUTE IMMEDIATE 'CALL c.system.create_changelog_view(''db.t'')'",
    ],
)
def test_a_text_of_statements_that_store_nothing_unseen_is_no_write(text):
    assert calls_in_text(text) == []


@pytest.mark.parametrize("name", ["ADD_FILES", "migrate", "register_table", "snapshot"])
def test_gs_s3_012_a_call_that_adds_existing_objects_is_known_by_its_name(name):
    (write,) = writes_of_call(execution_of("Call", "c", "system", name), Lookup())
    assert write.problem == f"CALL {name.lower()}, which adds objects to a table that the run did not write"
    assert not write.stores_files


@pytest.mark.parametrize("is_parameterized", [False, True], ids=["text", "parameters"])
@pytest.mark.parametrize(
    ("names", "arguments", "location"),
    [
        (("c", "system"), [plan("Literal", value="db.t")], "s3a://c/db/t"),
        (
            ("c", "system"),
            [named("where", None), named("TABLE", plan("Literal", value="c.db.t"))],
            "s3a://c/db/t",
        ),
        (("system",), [plan("Literal", value="db.t")], "s3a://current/db/t"),
        (("system",), [plan("Literal", value="t")], "s3a://current/chosen/t"),
        (("c", "system"), [plan("Literal", value="t")], ""),
        (("c", "system"), [named("table", plan("NamedParameter"))], ""),
        (("c", "system"), [named("where", plan("Literal", value="db.t"))], ""),
    ],
    ids=["position", "name", "current catalog", "current database", "no database", "parameter", "no table"],
)
def test_a_procedure_of_spark_4_stores_its_objects_where_the_table_of_its_literal_does(
    names, arguments, location, is_parameterized
):
    execution = execution_of(
        "Call", *names, "expire_snapshots", arguments=arguments, is_parameterized=is_parameterized
    )
    (write,) = writes_of_call(execution, Lookup())
    assert write.location == location
    assert write.stores_files == write.may_store_nothing == (not location)


@pytest.mark.parametrize("name", ["ancestors_of", "create_changelog_view", "remove_orphan_files"])
def test_a_procedure_of_spark_4_that_reads_or_deletes_is_no_write(name):
    assert writes_of_call(execution_of("Call", "c", "system", name), Lookup()) == []
