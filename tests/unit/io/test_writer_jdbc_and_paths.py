"""The funnel's other two ways: rows to a database, and a place that somebody else writes to."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import TableDefinition, with_columns
from glue_secure.run import composition

PLACE = "s3://curated/checkpoint/"


def test_rows_go_through_a_connection_that_was_verified_first(run_fixture, server):
    run = run_fixture.start()
    record = run.writer.write_jdbc(["a", "b"], "ops", "public.flights", options={"batchsize": "10"})
    assert (record.target, record.kind, record.format, record.rows) == (
        "ops/public.flights",
        "jdbc",
        "postgresql",
        2,
    )
    assert run_fixture.log.index("probe db.example.com:5432") < run_fixture.log.index("secret ops/postgres")
    (asked,) = run_fixture.engine.asked("write_jdbc")
    assert asked["url"] == "jdbc:postgresql://db.example.com:5432/ops"
    assert asked["driver_options"]["sslmode"] == "verify-full"
    assert asked["spark_options"] == {"batchsize": "10"}
    run.commit()
    evidence = run_fixture.evidence()
    assert [(each["kind"], each["rows"]) for each in evidence["writes"]] == [("jdbc", 2)]
    assert evidence["tls"][0]["connection"] == "ops"
    assert "hunter2" not in str(evidence)


@pytest.mark.parametrize("table", ["a b", "t;", "(select 1) x", "", 'x"y', "a.b.c.d"])
def test_only_a_name_is_a_table(run_fixture, server, table):
    run = run_fixture.start()
    with pytest.raises(UsageError, match="not the name of a table"):
        run.writer.write_jdbc(["a"], "ops", table)
    assert run_fixture.engine.asked("write_jdbc") == []


def test_the_connections_database_is_the_one_written_to(run_fixture, server):
    run = run_fixture.start()
    run.writer.write_jdbc(["a"], "ops", "t", database="ops")
    with pytest.raises(UsageError, match="option database"):
        run.writer.write_jdbc(["a"], "ops", "t", database="other")
    assert len(run_fixture.engine.asked("write_jdbc")) == 1


def test_gs_s3_010_a_frame_of_another_session_goes_to_no_database(run_fixture, server):
    run = run_fixture.start()
    run_fixture.engine.foreign = True
    with pytest.raises(RefusedError, match="GS-S3-010"):
        run.writer.write_jdbc(["a"], "ops", "t")


def test_a_failed_write_to_a_database_spoils_the_run(run_fixture, server):
    run = run_fixture.start()
    run_fixture.engine.fails = RuntimeError("duplicate key")
    with pytest.raises(RuntimeError):
        run.writer.write_jdbc(["a"], "ops", "t")
    with pytest.raises(Exception, match="nothing is committed"):
        run.commit()


def test_a_watched_place_is_verified_object_by_object_and_told_once(run_fixture):
    run = run_fixture.start()
    watch = run.writer.path_verifier(PLACE, format="stream", kind="checkpoint")
    one, two = (S3Uri("curated", f"checkpoint/offsets/{n}") for n in (0, 1))
    run_fixture.objects.put(one, algorithm="aws:kms", key=str(run_fixture.key))
    watch.verify()
    run_fixture.objects.put(two, algorithm="aws:kms", key=str(run_fixture.key))
    watch.verify()
    watch.verify()
    heads = [uri for call, uri in run_fixture.objects.calls if call == "HeadObject" and "checkpoint" in uri]
    assert heads == [str(one), str(two)]
    record = watch.record()
    assert (record.kind, [each.uri for each in record.objects]) == ("checkpoint", [one, two])


def test_gs_s3_004_a_plain_object_in_a_watched_place_refuses_also_when_it_was_there_before(run_fixture):
    run_fixture.objects.put(S3Uri("curated", "checkpoint/metadata"), algorithm="AES256")
    watch = run_fixture.start().writer.path_verifier(PLACE, format="stream", kind="checkpoint")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        watch.verify()


def test_gs_s3_007_what_a_stream_deleted_meanwhile_is_no_failure_and_what_is_denied_is(run_fixture):
    watch = run_fixture.start().writer.path_verifier(PLACE, format="stream", kind="checkpoint")
    run_fixture.objects.put(S3Uri("curated", "checkpoint/x"), algorithm="aws:kms", key=str(run_fixture.key))
    from glue_secure.core.service import NotFound

    run_fixture.objects.fail_next("HeadObject", NotFound("gone", code="404", operation="HeadObject"))
    watch.verify()
    run_fixture.objects.put(S3Uri("curated", "checkpoint/y"), algorithm="aws:kms", key=str(run_fixture.key))
    run_fixture.objects.fail_next("HeadObject", ServiceError("403", code="403", operation="HeadObject"))
    with pytest.raises(VerificationError, match="GS-S3-007"):
        watch.verify()


@pytest.mark.parametrize("place", ["s3://evidence/runs/", "s3://state/"])
def test_gs_s3_009_no_checkpoint_among_evidence_or_bookmarks(run_fixture, place):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        run_fixture.start().writer.path_verifier(place, format="stream", kind="checkpoint")


def test_how_a_stream_ends_is_read_from_the_environment():
    assert composition._streams_end({}) is False
    assert composition._streams_end({"GLUE_SECURE_STREAMING": "available-now"}) is True
    with pytest.raises(UsageError, match="GLUE_SECURE_STREAMING"):
        composition._streams_end({"GLUE_SECURE_STREAMING": "once"})


def test_catalog_changes_are_in_the_evidence_and_happen_once(run_fixture):
    run = run_fixture.start()
    table = TableDefinition("db", "t", "s3://curated/t/", "csv", (("id", "int"),), (("month", "string"),))
    assert run.catalog.existing_table("db", "t") is None
    run.catalog.create(table)
    run.catalog.replace_columns(table, (("id", "int"),))
    run.catalog.add_partitions(table, {("1",): "s3://curated/t/month=1/"})
    run.catalog.add_partitions(table, {("1",): "s3://curated/t/month=1/"})
    run.catalog.delete_partitions(table, [("1",)])
    run.commit()
    assert [each["action"] for each in run_fixture.evidence()["catalog"]] == [
        "create-table",
        "create-partitions",
        "delete-partitions",
    ]


def test_an_update_of_columns_keeps_the_rest_of_the_table():
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


def test_an_update_of_columns_keeps_the_tags_of_those_that_stay():
    column = {"Name": "A", "Type": "int", "Comment": "c", "Parameters": {"pii": "true"}}
    shape = {"Name": "t", "StorageDescriptor": {"Columns": [column]}}
    made = with_columns(shape, (("a", "string"), ("b", "int")))["StorageDescriptor"]["Columns"]
    assert made == [{**column, "Name": "a", "Type": "string"}, {"Name": "b", "Type": "int"}]
