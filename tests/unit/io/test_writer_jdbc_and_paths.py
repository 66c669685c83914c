"""Writes to a database, and paths that an engine writes to over time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import TableDefinition, with_columns
from glue_secure.run import composition

LOCATION = "s3://curated/checkpoint/"


def test_a_connection_is_verified_before_rows_are_written(run_fixture, server):
    run = run_fixture.start()
    record = run.writer.write_jdbc(["a", "b"], "ops", "public.flights", options={"batchsize": "10"})
    assert (record.target, record.kind, record.format, record.rows) == (
        "ops/public.flights",
        "jdbc",
        "postgresql",
        2,
    )
    assert run_fixture.log.index("probe db.example.com:5432") < run_fixture.log.index("secret ops/postgres")
    (call,) = run_fixture.engine.asked("write_jdbc")
    assert call["url"] == "jdbc:postgresql://db.example.com:5432/ops"
    assert call["driver_options"]["sslmode"] == "verify-full"
    assert call["spark_options"] == {"batchsize": "10"}
    run.commit()
    evidence = run_fixture.evidence()
    assert [(write["kind"], write["rows"]) for write in evidence["writes"]] == [("jdbc", 2)]
    assert evidence["tls"][0]["connection"] == "ops"
    assert "hunter2" not in str(evidence)


def test_actions_of_redshift_are_not_executed_in_another_database(run_fixture, server, caplog):
    run = run_fixture.start()
    run.writer.write_jdbc(
        ["a"], "ops", "t", options={"preactions": "drop table t", "PostActions": "select 1"}
    )
    assert run_fixture.engine.asked("execute_jdbc") == []
    assert caplog.text.count("has no effect, as in Glue: it is for Amazon Redshift") == 2


@pytest.mark.parametrize("table", ["a b", "t;", "(select 1) x", "", 'x"y', "a.b.c.d"])
def test_a_table_must_be_a_name(run_fixture, server, table):
    run = run_fixture.start()
    with pytest.raises(UsageError, match="not the name of a table"):
        run.writer.write_jdbc(["a"], "ops", table)
    assert run_fixture.engine.asked("write_jdbc") == []


def test_the_database_must_be_the_connections_database(run_fixture, server):
    run = run_fixture.start()
    run.writer.write_jdbc(["a"], "ops", "t", database="ops")
    with pytest.raises(UsageError, match="option database"):
        run.writer.write_jdbc(["a"], "ops", "t", database="other")
    assert len(run_fixture.engine.asked("write_jdbc")) == 1


def test_the_call_names_the_database_if_the_connection_names_none(run_fixture, server):
    connection = run_fixture.control_plane.connections["ops"]
    url = connection.properties["JDBC_CONNECTION_URL"].rpartition("/")[0] + "/"
    properties = {**connection.properties, "JDBC_CONNECTION_URL": url}
    run_fixture.control_plane.connections["ops"] = replace(connection, properties=properties)
    run = run_fixture.start()
    run.writer.write_jdbc(["a"], "ops", "t", database="other")
    (call,) = run_fixture.engine.asked("write_jdbc")
    assert call["url"] == "jdbc:postgresql://db.example.com:5432/other"


def test_gs_s3_010_a_frame_of_another_session_is_not_written_to_a_database(run_fixture, server):
    run = run_fixture.start()
    run_fixture.engine.foreign = True
    with pytest.raises(RefusedError, match="GS-S3-010"):
        run.writer.write_jdbc(["a"], "ops", "t")


def test_a_failed_write_to_a_database_fails_the_run(run_fixture, server):
    run = run_fixture.start()
    run_fixture.engine.fails = RuntimeError("duplicate key")
    with pytest.raises(RuntimeError, match="duplicate key"):
        run.writer.write_jdbc(["a"], "ops", "t")
    with pytest.raises(GlueSecureError, match="nothing is committed"):
        run.commit()


def test_a_path_is_verified_object_by_object_and_recorded_once(run_fixture):
    run = run_fixture.start()
    path = run.writer.path_verifier(LOCATION, format="stream", kind="checkpoint")
    first, second = (S3Uri("curated", f"checkpoint/offsets/{n}") for n in (0, 1))
    run_fixture.objects.put(first, algorithm="aws:kms", key=str(run_fixture.key))
    path.verify()
    run_fixture.objects.put(second, algorithm="aws:kms", key=str(run_fixture.key))
    path.verify()
    path.verify()
    heads = [uri for call, uri in run_fixture.objects.calls if call == "HeadObject" and "checkpoint" in uri]
    assert heads == [str(first), str(second)]
    record = path.record()
    assert (record.kind, [entry.uri for entry in record.objects]) == ("checkpoint", [first, second])


def test_gs_s3_004_an_unencrypted_object_that_existed_before_fails_too(run_fixture):
    run_fixture.objects.put(S3Uri("curated", "checkpoint/metadata"), algorithm="AES256")
    path = run_fixture.start().writer.path_verifier(LOCATION, format="stream", kind="checkpoint")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        path.verify()


def test_gs_s3_007_a_deleted_object_is_accepted_and_a_denied_request_is_not(run_fixture):
    path = run_fixture.start().writer.path_verifier(LOCATION, format="stream", kind="checkpoint")
    run_fixture.objects.put(S3Uri("curated", "checkpoint/x"), algorithm="aws:kms", key=str(run_fixture.key))
    from glue_secure.core.service import NotFound

    run_fixture.objects.fail_next("HeadObject", NotFound("gone", code="404", operation="HeadObject"))
    path.verify()
    run_fixture.objects.put(S3Uri("curated", "checkpoint/y"), algorithm="aws:kms", key=str(run_fixture.key))
    run_fixture.objects.fail_next("HeadObject", ServiceError("403", code="403", operation="HeadObject"))
    with pytest.raises(VerificationError, match="GS-S3-007"):
        path.verify()


@pytest.mark.parametrize("location", ["s3://evidence/runs/", "s3://state/"])
def test_gs_s3_009_a_checkpoint_in_a_reserved_location(run_fixture, location):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        run_fixture.start().writer.path_verifier(location, format="stream", kind="checkpoint")


def test_an_environment_variable_decides_how_a_stream_ends():
    assert composition._streams_end({}) is False
    assert composition._streams_end({"GLUE_SECURE_STREAMING": "available-now"}) is True
    with pytest.raises(UsageError, match="GLUE_SECURE_STREAMING"):
        composition._streams_end({"GLUE_SECURE_STREAMING": "once"})


def test_catalog_changes_are_made_once_and_recorded(run_fixture):
    run = run_fixture.start()
    table = TableDefinition("db", "t", "s3://curated/t/", "csv", (("id", "int"),), (("month", "string"),))
    assert run.catalog.existing_table("db", "t") is None
    run.catalog.create(table)
    run.catalog.replace_columns(table, (("id", "int"),))
    run.catalog.add_partitions(table, {("1",): "s3://curated/t/month=1/"})
    run.catalog.add_partitions(table, {("1",): "s3://curated/t/month=1/"})
    run.catalog.delete_partitions(table, [("1",)])
    run.commit()
    assert [change["action"] for change in run_fixture.evidence()["catalog"]] == [
        "create-table",
        "create-partitions",
        "delete-partitions",
    ]


def test_an_update_of_columns_does_not_change_the_rest_of_the_table():
    shape = {
        "Name": "t",
        "DatabaseName": "db",
        "CreateTime": 1,
        "Parameters": {"classification": "csv"},
        "StorageDescriptor": {"Location": "s3://b/t/", "Columns": [{"Name": "a", "Type": "int"}]},
    }
    assert with_columns(shape, (("b", "string"),)) == {
        "Name": "t",
        "Parameters": {"classification": "csv"},
        "StorageDescriptor": {"Location": "s3://b/t/", "Columns": [{"Name": "b", "Type": "string"}]},
    }


def test_an_update_of_columns_preserves_the_tags_of_remaining_columns():
    column = {"Name": "A", "Type": "int", "Comment": "c", "Parameters": {"pii": "true"}}
    shape = {"Name": "t", "StorageDescriptor": {"Columns": [column]}}
    updated = with_columns(shape, (("a", "string"), ("b", "int")))["StorageDescriptor"]["Columns"]
    assert updated == [{**column, "Name": "a", "Type": "string"}, {"Name": "b", "Type": "int"}]
