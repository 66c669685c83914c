"""Calls that no query of Spark shows."""

from __future__ import annotations

from collections import UserString
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

    def call(statement, _session, *, failed):
        found.append((statement, "failed") if failed else statement)

    one, other = (
        SimpleNamespace(
            on_conversion=convert,
            on_call=call,
            on_text=found.append,
            before_statement=lambda: None,
            after_statement=lambda *_: None,
        )
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


def statement(kind, *names, arguments=(), is_parameterized=False):
    """Return a parsed statement."""
    procedure = plan("UnresolvedProcedure", nameParts=sequence(*names))
    logical = plan(kind, procedure=procedure, args=sequence(*arguments))
    if is_parameterized:
        logical = plan("NameParameterizedQuery", child=logical)
    return logical


def session_of(parse=None):
    """Return a session whose current catalog is ``current``, and whose parser is a function."""
    parser = SimpleNamespace(
        parseMultipartIdentifier=lambda text: sequence(*text.split(".")), parsePlan=parse
    )
    catalog = plan("SparkCatalog", name="current")
    manager = plan("CatalogManager", currentCatalog=catalog, currentNamespace=["chosen"])
    return plan("SparkSession", sessionState=plan("SessionState", sqlParser=parser, catalogManager=manager))


def frame_of(logical):
    executed = plan("CommandResult", commandPhysicalPlan="physical")
    execution = SimpleNamespace(logical=lambda: logical, commandExecuted=lambda: executed)
    return SimpleNamespace(_jdf=SimpleNamespace(queryExecution=lambda: execution))


def explained(logical):
    return plan("ExplainCommand", logicalPlan=logical)


def writes_of(call):
    return writes_of_call(call, session_of(), Lookup(), failed=False)


class Lookup:
    """Tables of Iceberg whose locations are their names."""

    def iceberg_locations(self, _session, name):
        return [f"s3a://{'/'.join(name)}"]


@pytest.mark.parametrize("is_parameterized", [False, True], ids=["text", "parameters"])
@pytest.mark.parametrize("kind", ["Call", "Project"])
def test_a_call_statement_of_spark_4_is_reported_to_every_run(reported, kind, is_parameterized):
    parsed = statement(kind, "c", "system", "add_files", is_parameterized=is_parameterized)
    run_sql(parsed, "CALL c.system.add_files()")
    call = parsed.child() if is_parameterized else parsed
    assert reported == ([call] * 2 if kind == "Call" else [])


def test_a_call_that_is_explained_is_not_reported_because_spark_does_not_execute_it(reported):
    run_sql(explained(statement("Call", "c", "system", "add_files")), "EXPLAIN CALL c.system.add_files()")
    assert reported == []


def wrapped(function, *, executes_calls_early=True):
    return spark_hooks._wrap_sql(function, executes_calls_early=executes_calls_early)


def python_session(parse=None):
    return SimpleNamespace(sparkContext=CONTEXT, _jsparkSession=session_of(parse))


def run_sql(logical, text):
    frame = frame_of(logical)
    assert wrapped(lambda _self, _text: frame)(python_session(), text) is frame


@pytest.fixture
def ended(monkeypatch):
    """Return the statements that two runs of one application were called for, before and after."""
    found = []
    hooks = SimpleNamespace(
        before_statement=lambda: found.append("before"), after_statement=lambda _, plan: found.append(plan)
    )
    attached = [(CONTEXT, hooks), (SimpleNamespace(), hooks), (CONTEXT, hooks)]
    monkeypatch.setattr(spark_hooks, "_attached", attached)
    return found


@pytest.mark.parametrize("executes_calls_early", [False, True], ids=["Spark 3", "Spark 4"])
@pytest.mark.parametrize(
    ("text", "is_reported"),
    [
        ("call c.system.rewrite_data_files('db.t')", True),
        ("/* a */ CALL c.system.b()", True),
        ("convert to delta db.t", True),
        ("${statement}", True),
        ("select recall", False),
    ],
)
def test_every_run_reads_the_table_of_a_statement_before_the_next_statement(
    ended, text, is_reported, executes_calls_early
):
    frame = frame_of(statement("Project"))
    sql = wrapped(lambda _self, _text: frame, executes_calls_early=executes_calls_early)
    assert sql(python_session(), text) is frame
    assert ended == (["before", "before", "physical", "physical"] if is_reported else [])


def test_every_run_reads_the_table_of_a_conversion_that_failed_before_the_next_statement(ended):
    def fail(*_):
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        wrapped(fail, executes_calls_early=False)(python_session(), "convert to delta db.t")
    assert ended == ["before", "before", None, None]


def formatted_sql(execute):
    """Return ``sql`` that formats its text as PySpark does."""
    format = spark_hooks._wrap_format(lambda _self, text, **values: text.format(**values))

    def sql(_self, text, **values):
        return execute(format(None, text, **values))

    return wrapped(sql)


def test_the_text_that_spark_gets_is_reported_and_not_its_template(reported):
    sql = formatted_sql(lambda _text: frame_of(statement("UnresolvedExecuteImmediate")))
    quoted = UserString("CALL c.system.add_files()")
    sql(python_session(), 'EXECUTE IMMEDIATE "{q}"', q=quoted)
    assert reported == ['EXECUTE IMMEDIATE "CALL c.system.add_files()"'] * 2


def test_the_text_of_a_statement_inside_another_is_not_taken_for_it(reported):
    class Value(UserString):
        def __format__(self, _spec):
            sql(python_session(), "SELECT {n}", n=1)
            return "CALL c.system.add_files()"

    def execute(text):
        kind = "Project" if text.startswith("SELECT") else "CompoundBody"
        return frame_of(statement(kind))

    sql = formatted_sql(execute)
    sql(python_session(), "BEGIN {q}; END", q=Value(""))
    assert reported == ["BEGIN CALL c.system.add_files(); END"] * 2


def test_a_text_with_another_text_for_python_is_reported_as_spark_gets_it(reported):
    class Text(str):
        def __str__(self):
            return "SELECT 1"

    run_sql(statement("CompoundBody"), Text("BEGIN CALL c.system.add_files(); END"))
    assert reported == ["BEGIN CALL c.system.add_files(); END"] * 2


def test_a_publication_by_cherrypick_is_reported_to_no_run(reported, monkeypatch):
    frame = frame_of(statement("Call", "c", "system", "cherrypick"))
    frame.collect = lambda: [{"current_snapshot_id": 7}]
    sql = wrapped(lambda _self, _text: frame)
    session = SimpleNamespace(sql=lambda text: sql(python_session(), text))
    table = IcebergTable(session, "c", "db", "t")
    monkeypatch.setattr(IcebergTable, "_point_main", lambda *_, **__: False)
    commits = [Commit("5", RowChange.ADDED, "append")]
    assert list(table.publish_branch("b", "4", commits)) == ["7"]
    assert reported == []


@pytest.mark.parametrize("kind", ["CompoundBody", "UnresolvedExecuteImmediate"])
def test_the_text_of_a_script_or_an_execute_immediate_is_reported_to_every_run(reported, kind):
    run_sql(statement(kind), "a text")
    assert reported == ["a text"] * 2


def test_the_text_of_an_execute_immediate_that_is_explained_is_reported_because_spark_executes_it(reported):
    run_sql(explained(statement("UnresolvedExecuteImmediate")), "EXPLAIN EXECUTE IMMEDIATE 'a text'")
    assert reported == ["EXPLAIN EXECUTE IMMEDIATE 'a text'"] * 2


LOST, REFUSED = RuntimeError("failed"), AnalysisException("failed")


@pytest.mark.parametrize(
    ("text", "kind", "error", "is_reported"),
    [
        ("BEGIN CALL c.system.add_files(); SELECT 1/0; END", "CompoundBody", REFUSED, True),
        ("EXECUTE IMMEDIATE v INTO x", "UnresolvedExecuteImmediate", REFUSED, True),
        ("EXECUTE IMMEDIATE v INTO x", None, REFUSED, True),
        ("EXECUTE IMMEDIATE v", "UnresolvedExecuteImmediate", LOST, True),
        ("EXECUTE IMMEDIATE v", "UnresolvedExecuteImmediate", REFUSED, False),
        ("EXECUTE IMMEDIATE", None, LOST, False),
        ("SELECT call FROM t", "Project", LOST, False),
    ],
)
def test_the_text_of_a_statement_that_failed_is_reported_if_a_part_may_have_run(
    reported, text, kind, error, is_reported
):
    fail_sql(text, kind and statement(kind), error)
    assert reported == [text] * (2 if is_reported else 0)


def fail_sql(text, parsed, error):
    def fail(_self, _text):
        raise error

    def parse(_text):
        if parsed is None:
            raise ValueError("not a statement")
        return parsed

    with pytest.raises(type(error), match="failed"):
        wrapped(fail)(python_session(parse), text)


@pytest.mark.parametrize("error", [LOST, REFUSED], ids=["after its commit", "refused"])
def test_a_call_that_failed_is_reported_because_it_may_have_committed(reported, error):
    call = statement("Call", "c", "system", "add_files")
    fail_sql("CALL c.system.add_files()", call, error)
    assert reported == ([(call, "failed")] * 2 if error is LOST else [])


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
        "BEGIN CALL c.system.rewrite_table_path('db.t'); END",
        "BEGIN CALL IDENTIFIER('c.system.add_files')(); END",
        "BEGIN CALL IDENTIFIER('c.' || 'system.add_files')(); END",
        "BEGIN CALL `c``d`.system.add_files(); END",
        'BEGIN CALL "c"."system"."add_files"(); END',
        "BEGIN SELECT 1 AS abc://--; CALL c.system.add_files(); END",
        "BEGIN /* ' /* */ */ CALL c.system.add_files(); -- '\n END",
        "BEGIN SELECT r'\\'; CALL c.system.add_files('x'); END",
        "BEGIN SELECT '\\''; CALL c.system.add_files(); SELECT '\\''; END",
        "BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND CALL c.system.add_files(); SELECT 1; END",
        "BEGIN SELECT 1 -- a\\\n ' \n; CALL c.system.add_files(); -- '\n END",
        "EXECUTE IMMEDIATE '${statement}'",
        'EXECUTE IMMEDIATE "variable"',
        'EXECUTE IMMEDIATE \'select 1 \' "CA""LL c.system.add_files()"',
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
        "EXECUTE IMMEDIATE 'select 1' -- done",
        "EXECUTE IMMEDIATE /* it's */ 'select 1' /* done */ INTO v",
        "BEGIN SELECT 'call center', \"call\"; SELECT call FROM t WHERE call IN (1, 2) ORDER BY call; END",
        "BEGIN -- it's a call\n SELECT regexp_count(a, '\\\\d'); EXECUTE IMMEDIATE 'select 1'; END",
        "BEGIN SELECT immediate FROM t; END",
    ],
)
def test_a_text_of_statements_that_store_nothing_unseen_is_no_write(text):
    assert calls_in_text(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN CALL c.system.expire_snapshots('db.t'); CALL c.system.expire_snapshots('db.u'); END",
        "BEGIN CALL IDENTIFIER('c.system.expire_snapshots')('db.t'); END",
        "EXECUTE IMMEDIATE 'CALL c.system.expire_snapshots(''db.t'')'",
    ],
)
def test_a_text_that_calls_a_procedure_of_a_table_is_a_write_that_may_store_nothing(text):
    (write,) = calls_in_text(text)
    assert write.problem == "CALL expire_snapshots, whose location is unknown"
    assert (write.adopts, write.stores_files, write.may_store_nothing) == (False, True, True)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (plan("Literal", value="c.system.expire_snapshots"), ""),
        (plan("Literal", value="c.system.add_files"), "CALL add_files, which adds objects"),
        (plan("Concat"), "CALL IDENTIFIER of a name that is not a literal, which adds objects"),
    ],
    ids=["of a table", "adopting", "expression"],
)
def test_a_procedure_of_spark_4_may_be_named_by_identifier(expression, problem):
    procedure = plan("PlanWithUnresolvedIdentifier", identifierExpr=expression)
    arguments = sequence(plan("Literal", value="db.t"))
    (write,) = writes_of(plan("Call", procedure=procedure, args=arguments))
    assert write.problem.startswith(problem)
    assert write.adopts == bool(problem)
    assert write.location == ("" if problem else "s3a://c/db/t")


@pytest.mark.parametrize("name", ["ADD_FILES", "migrate", "register_table", "snapshot"])
def test_gs_s3_012_a_call_that_adds_existing_objects_is_known_by_its_name(name):
    (write,) = writes_of(statement("Call", "c", "system", name))
    assert write.problem == f"CALL {name.lower()}, which adds objects to a table that the run did not write"
    assert not write.stores_files


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
    names, arguments, location
):
    (write,) = writes_of(statement("Call", *names, "expire_snapshots", arguments=arguments))
    assert write.location == location
    assert write.stores_files == write.may_store_nothing == (not location)


@pytest.mark.parametrize("name", ["ancestors_of", "create_changelog_view", "remove_orphan_files"])
def test_a_procedure_of_spark_4_that_reads_or_deletes_is_no_write(name):
    assert writes_of(statement("Call", "c", "system", name)) == []
