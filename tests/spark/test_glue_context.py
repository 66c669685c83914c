"""The awsglue-compatible API on a Spark session."""

import pytest

from glue_secure import RefusedError, UsageError
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.utils import getResolvedOptions

CSV = "carrier,delay\nUA,3\nAA,5\n"


@pytest.fixture
def context(glue_spark):
    return GlueContext(glue_spark.sparkContext)


@pytest.fixture
def started(glue_job, context, monkeypatch):
    """A context after ``job.init``."""
    argv = glue_job.argv()
    monkeypatch.setattr("sys.argv", argv)
    args = getResolvedOptions(argv, ["JOB_NAME", "source", "target"])
    job = Job(context)
    job.init(args["JOB_NAME"], args)
    yield context, job, args
    context.secured_run.close(outcome="test over")


def read(context, args):
    return context.create_dynamic_frame.from_options(
        "s3",
        {"paths": [args["source"]], "recurse": True},
        format="csv",
        format_options={"withHeader": True},
        transformation_ctx="flights",
    )


def test_a_script_reads_writes_and_commits(glue_job, started, provisioned):
    context, job, args = started
    glue_job.land("a.csv", CSV)
    frame = read(context, args)
    assert frame.count() == 2
    context.write_dynamic_frame.from_options(
        frame=frame.rename_field("delay", "minutes"),
        connection_type="s3",
        connection_options={"path": args["target"], "partitionKeys": ["carrier"]},
        format="parquet",
    )
    job.commit()
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}
    assert any("/carrier=UA/" in key for key in glue_job.objects())
    assert glue_job.evidence()[-1]["outcome"] == "succeeded"
    assert glue_job.evidence()[-1]["bookmark"]["sequence_after"] == 1


def test_without_a_header_columns_are_numbered_as_in_glue(glue_job, started):
    context, _, args = started
    glue_job.land("a.csv", "UA,3\n")
    frame = context.create_dynamic_frame.from_options("s3", {"paths": [args["source"]]}, format="csv")
    assert frame.toDF().columns == ["col0", "col1"]


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.create_dynamic_frame.from_options("s3", {"paths": ["s3://bucket-a/x"]}, format="csv"),
        lambda c: c.create_dynamic_frame.from_catalog("db", "table"),
        lambda c: c.write_dynamic_frame.from_options(None, "s3", {"path": "s3://bucket-a/x"}, format="csv"),
        lambda c: c.extract_jdbc_conf("ops-postgres"),
        lambda c: Job(c).commit(),
    ],
    ids=["read", "catalog", "write", "jdbc", "commit"],
)
def test_gs_sec_007_calls_before_job_init_are_rejected(context, call):
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        call(context)


def test_unsupported_calls_are_rejected_by_name(glue_job, started):
    context, _, args = started
    with pytest.raises(UsageError, match="atachFilename"):
        context.create_dynamic_frame.from_options(
            "s3", {"paths": [args["source"]], "atachFilename": "f"}, format="csv"
        )
    with pytest.raises(UsageError, match="strictQuoting"):
        context.create_dynamic_frame.from_options(
            "s3", {"paths": [args["source"]]}, format="csv", format_options={"strictQuoting": True}
        )
    with pytest.raises(UsageError, match="push_down_predicate"):
        context.create_dynamic_frame.from_options(
            "postgresql", {"dbtable": "airlines"}, push_down_predicate="month = 1"
        )


def test_a_second_init_is_refused(started):
    _, job, args = started
    with pytest.raises(UsageError, match="second call"):
        job.init(args["JOB_NAME"], args)


def test_nothing_is_read_after_commit(glue_job, started):
    context, job, args = started
    glue_job.land("a.csv", CSV)
    job.commit()
    with pytest.raises(UsageError, match=r"before job\.commit"):
        read(context, args)


def test_a_catalog_table_in_s3_is_read_with_its_serde(glue_job, started, glue_account):
    from glue_secure.embedded.clients import clients

    context, _, _ = started
    glue_job.land("table/a.csv", "carrier;delay\nUA;3\n")
    glue = clients(glue_account)("glue")
    database = glue_job.name
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "flights",
            "Parameters": {"classification": "csv", "skip.header.line.count": "1"},
            "StorageDescriptor": {
                "Location": f"{glue_job.source}table/",
                "SerdeInfo": {"Parameters": {"field.delim": ";"}},
            },
        },
    )
    frame = context.create_dynamic_frame.from_catalog(database=database, table_name="flights")
    assert [row.asDict() for row in frame.toDF().collect()] == [{"carrier": "UA", "delay": "3"}]


def test_a_dynamic_frame_is_made_of_a_dataframe_only(context):
    with pytest.raises(UsageError, match=r"DynamicFrame\.fromDF"):
        DynamicFrame.fromDF([1, 2], context, "x")


def test_the_context_has_the_sessions_methods(context):
    assert context.sql("select 1 as one").first().one == 1
