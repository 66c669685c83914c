"""GlueContext's own methods, which its readers and writers call."""

import pytest

from glue_secure import RefusedError
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.embedded.clients import clients
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

ROWS = [("UA", 3), ("AA", 5)]


@pytest.fixture
def context(glue_spark):
    return GlueContext(glue_spark.sparkContext)


def test_a_context_is_made_from_another_one_and_from_an_sql_context(context):
    assert GlueContext(context).spark_session is context.spark_session
    assert GlueContext(context._sql_context).spark_session is context.spark_session


@pytest.fixture
def started(glue_job, context, monkeypatch):
    argv = glue_job.argv()
    monkeypatch.setattr("sys.argv", argv)
    args = getResolvedOptions(argv, ["JOB_NAME", "target"])
    Job(context).init(args["JOB_NAME"], args)
    yield context, args["target"]
    context.secured_run.close(outcome="test over")


@pytest.fixture
def frame(context, glue_spark):
    return DynamicFrame.fromDF(
        glue_spark.createDataFrame(ROWS, "carrier string, delay int"), context, "flights"
    )


def test_scripts_read_records_under_the_name_that_awsglue_has_for_them(frame):
    assert sorted(frame._rdd.collect(), key=str) == [
        {"carrier": "AA", "delay": 5}, {"carrier": "UA", "delay": 3},
    ]  # fmt: skip
    assert frame.filter(lambda record: False)._rdd.take(1) == []


def rows(dataframe):
    return sorted(map(tuple, dataframe.collect()))


def test_frames_written_by_options_are_read_by_options(started, frame, glue_job, provisioned):
    context, target = started
    context.write_dynamic_frame_from_options(frame, "s3", {"path": target}, "parquet")
    context.write_from_options(frame, "s3", {"path": target}, "parquet")
    read = context.create_dynamic_frame_from_options("s3", {"paths": [target]}, "parquet")
    assert rows(read.toDF()) == sorted(ROWS * 2)
    assert rows(context.create_data_frame_from_options("s3", {"paths": [target]}, "parquet")) == sorted(
        ROWS * 2
    )
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}


def test_frames_written_by_catalog_are_read_by_catalog(started, frame, glue_job, glue_account, provisioned):
    context, target = started
    database = glue_job.name
    clients(glue_account)("glue").create_database(DatabaseInput={"Name": database})
    sink = context.getSink("s3", path=target, enableUpdateCatalog=True)
    sink.setFormat("parquet")
    sink.setCatalogInfo(database, "flights")
    assert sink.write(frame) is frame
    context.write_dynamic_frame_from_catalog(frame, database, "flights")
    context.write_data_frame_from_catalog(frame.toDF(), database, "flights")
    expected = sorted(ROWS * 3)
    assert rows(context.create_dynamic_frame_from_catalog(database, "flights").toDF()) == expected
    assert rows(context.create_data_frame_from_catalog(database, "flights")) == expected
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}


@pytest.mark.parametrize(
    "call",
    [
        lambda c, f: c.create_dynamic_frame_from_options("s3", {"paths": ["s3://bucket-a/x"]}, "csv"),
        lambda c, f: c.create_data_frame_from_options("s3", {"paths": ["s3://bucket-a/x"]}, "csv"),
        lambda c, f: c.create_dynamic_frame_from_catalog("db", "table"),
        lambda c, f: c.create_data_frame_from_catalog("db", "table"),
        lambda c, f: c.write_dynamic_frame_from_options(f, "s3", {"path": "s3://bucket-a/x"}, "csv"),
        lambda c, f: c.write_dynamic_frame_from_catalog(f, "db", "table"),
        lambda c, f: c.write_data_frame_from_catalog(f.toDF(), "db", "table"),
        lambda c, f: c.write_dynamic_frame_from_jdbc_conf(f, "ops-postgres", {"dbtable": "x"}),
        lambda c, f: c.write_from_jdbc_conf(f, "ops-postgres", {"dbtable": "x"}),
    ],
)
def test_gs_sec_007_methods_of_the_context_before_job_init_are_rejected(context, frame, call):
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        call(context, frame)
