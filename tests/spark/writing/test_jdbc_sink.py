"""JDBC sinks: rows through a Glue connection, TLS as the database reports it, and no exposed secrets."""

import json
import logging

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection

CONNECTION = "writer-postgres"


@pytest.fixture
def table(started, writer):
    """A name that no other test writes to."""
    return "written_" + started.bench.name.replace("-", "_")


@pytest.fixture
def database_name(glue_account):
    return glue_account.postgres.database


def frame(context, count=5):
    data = context.spark_session.range(count).selectExpr("id", "concat('n', id) as name")
    return DynamicFrame.fromDF(data, context, "rows")


def stored(started, table):
    return started.context.secured_run.reader.read_jdbc(CONNECTION, table)


def test_from_jdbc_conf_appends_and_the_evidence_says_so(started, table, database_name):
    context, dynamic_frame = started.context, frame(started.context)
    long_name, short_name = (
        context.write_dynamic_frame_from_jdbc_conf,
        context.write_dynamic_frame.from_jdbc_conf,
    )
    # The location is for Redshift only, but Glue's tutorials pass it for every engine.
    for write, redshift_tmp_dir in ((long_name, ""), (short_name, "s3://curated-bucket/tmp/")):
        result = write(
            dynamic_frame,
            CONNECTION,
            {"dbtable": table, "database": database_name},
            redshift_tmp_dir=redshift_tmp_dir,
        )
        assert result is dynamic_frame
    assert stored(started, table).count() == 10
    started.job.commit()
    evidence = started.bench.evidence()[-1]
    assert [
        (write["target"], write["kind"], write["format"], write["rows"]) for write in evidence["writes"]
    ] == [(f"{CONNECTION}/{table}", "jdbc", "postgresql", 5)] * 2
    (tls,) = evidence["tls"]
    assert (tls["protocol"], tls["source"]) == ("TLSv1.3", "pg_stat_ssl")


def test_gs_tls_010_the_database_saw_tls_on_every_session_that_inserted(started, table, superuser):
    superuser(f"create table {table} (id bigint, name text, tls text default tls_of_session())")
    superuser(f"grant insert, select on {table} to writer")
    started.context.write_dynamic_frame.from_options(
        frame(started.context),
        "postgresql",
        {"useConnectionProperties": "true", "connectionName": CONNECTION, "dbtable": table},
    )
    assert superuser(f"select distinct tls, count(*) from {table} group by tls") == [("TLSv1.3", 5)]


def test_a_user_without_write_permission_fails_the_run(started, table):
    with pytest.raises(SPARK_ERRORS, match="read-only transaction"):
        started.context.write_dynamic_frame.from_jdbc_conf(
            frame(started.context), "ops-postgres", {"dbtable": table}
        )
    with pytest.raises(GlueSecureError, match="nothing is committed"):
        started.job.commit()


def test_no_password_in_log_plan_or_evidence(started, table, writer, caplog):
    with caplog.at_level(logging.DEBUG):
        started.context.write_dynamic_frame.from_jdbc_conf(
            frame(started.context), CONNECTION, {"dbtable": table}
        )
    assert writer.password not in caplog.text
    started.job.commit()
    assert writer.password not in json.dumps(started.bench.evidence())


def test_a_sink_and_a_collection_write_to_tables_of_their_names(started, table):
    context = started.context
    sink = context.getSink(
        "postgresql", connectionName=CONNECTION, useConnectionProperties="true", dbtable=f"{table}_a"
    )
    sink.writeFrame(frame(context, 2))
    frames = DynamicFrameCollection({f"{table}_b": frame(context, 3)}, context)
    context.write_from_jdbc_conf(frames, CONNECTION, {"bulkSize": "2"})
    assert (stored(started, f"{table}_a").count(), stored(started, f"{table}_b").count()) == (2, 3)


def test_a_catalog_table_behind_the_connection_is_written(started, table, aws, database, database_name):
    def register(name, location):
        aws("glue").create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "Parameters": {"classification": "postgresql", "connectionName": CONNECTION},
                "StorageDescriptor": {"Location": location},
            },
        )

    register("good", f"{database_name}.public.{table}")
    started.context.write_dynamic_frame.from_catalog(frame(started.context), database, "good")
    assert stored(started, table).count() == 5
    register("other", f"elsewhere.public.{table}")
    with pytest.raises(UsageError, match="option database"):
        started.context.write_dynamic_frame.from_catalog(frame(started.context), database, "other")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"dbtable": "t; drop table airlines"}, UsageError, "not the name of a table"),
        ({"dbtable": "(select 1) x"}, UsageError, "not the name of a table"),
        ({}, UsageError, "no dbtable"),
        ({"dbtable": "t", "database": "elsewhere"}, UsageError, "option database"),
        ({"dbtable": "t", "createTableOptions": "tablespace x"}, UsageError, "createTableOptions"),
        ({"dbtable": "t", "truncate": "true"}, UsageError, "truncate"),
        ({"dbtable": "t", "bulkSize": "none"}, UsageError, "bulkSize"),
        ({"dbtable": "t", "password": "hunter2"}, RefusedError, "GS-TLS-008"),
        ({"dbtable": "t", "enforceSSL": "false"}, RefusedError, "GS-TLS-005"),
        ({"dbtable": "t", "sslmode": "require"}, RefusedError, "GS-TLS-005"),
        ({"dbtable": "t", "url": "jdbc:postgresql://x/y"}, RefusedError, "GS-TLS-005"),
        ({"dbtable": "t", "nonsense": "1"}, RefusedError, "GS-TLS-005"),
    ],
)
def test_an_option_that_is_not_known_or_weakens_is_refused(started, writer, options, error, match):
    with pytest.raises(error, match=match) as refusal:
        started.context.write_dynamic_frame.from_jdbc_conf(frame(started.context), CONNECTION, options)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("redshift_tmp_dir", ["hdfs://host/x", "/tmp/x"])
def test_gs_s3_006_a_redshift_tmp_dir_that_is_not_in_s3_is_refused(started, writer, redshift_tmp_dir):
    with pytest.raises(RefusedError, match="GS-S3-006"):
        started.context.write_dynamic_frame.from_jdbc_conf(
            frame(started.context), CONNECTION, {"dbtable": "t"}, redshift_tmp_dir=redshift_tmp_dir
        )


def test_a_database_needs_a_connection(started, writer):
    with pytest.raises(RefusedError, match="GS-TLS-008"):
        started.context.write_dynamic_frame.from_options(
            frame(started.context), "postgresql", {"url": "jdbc:postgresql://x/y", "dbtable": "t"}
        )


def test_a_column_type_without_a_database_type_is_rejected(started, writer):
    data = started.context.spark_session.sql("select named_struct('a', 1) as s")
    with pytest.raises(UsageError, match="column s"):
        started.context.write_dynamic_frame.from_jdbc_conf(
            DynamicFrame.fromDF(data, started.context, "x"), CONNECTION, {"dbtable": "t"}
        )
