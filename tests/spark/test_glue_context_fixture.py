"""Users' tests: a GlueContext works without a deployed job, with patched readers and with mocked contexts."""

from __future__ import annotations

from unittest.mock import MagicMock, Mock, patch

import pytest

from glue_secure.context import GlueContext
from glue_secure.core.errors import RefusedError
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.embedded.account_setup import CURATED, LANDING
from glue_secure.embedded.clients import clients
from glue_secure.job import Job
from glue_secure.testing.harness import JobTestHarness


def main(context, source, target):
    """A job as users write it, which their tests call."""
    job = Job(context)
    job.init("orders_of_a_user", {"JOB_NAME": "orders_of_a_user", "JOB_RUN_ID": "jr-unittest"})
    rows = context.create_dynamic_frame.from_options(
        "s3", {"paths": [source]}, "csv", {"withHeader": True}, transformation_ctx="rows"
    )
    context.write_dynamic_frame.from_options(rows, "s3", {"path": target}, "json")
    job.commit()
    return rows.count()


@pytest.fixture
def source(glue_account):
    name = "fixture/rows.csv"
    clients(glue_account)("s3").put_object(Bucket=LANDING, Key=name, Body=b"id\n1\n2\n")
    return f"s3://{LANDING}/fixture/"


def test_a_context_reads_and_writes_without_a_job(glue_context, source, glue_account):
    rows = glue_context.create_dynamic_frame.from_options(
        "s3", {"paths": [source]}, "csv", {"withHeader": True}
    )
    assert rows.count() == 2
    target = {"path": f"s3://{CURATED}/fixture/"}
    glue_context.write_dynamic_frame.from_options(rows, "s3", target, "json")
    s3 = clients(glue_account)("s3")
    listed = s3.list_objects_v2(Bucket=CURATED, Prefix="fixture/")["Contents"]
    heads = [s3.head_object(Bucket=CURATED, Key=entry["Key"]) for entry in listed]
    assert {head["ServerSideEncryption"] for head in heads} == {"aws:kms"}


def test_a_job_that_is_not_registered_runs_twice_on_one_context(glue_context, source):
    for number in range(2):
        assert main(glue_context, source, f"s3://{CURATED}/fixture-jobs/{number}/") == 2


def test_a_patched_reader_and_mocked_contexts_make_frames(glue_context, glue_spark):
    frame = DynamicFrame.fromDF(glue_spark.range(3), glue_context, "rows")
    with patch.object(glue_context.create_dynamic_frame, "from_catalog", return_value=frame) as reader:
        rows = glue_context.create_dynamic_frame.from_catalog(database="d", table_name="t")
        assert rows.toDF().count() == 3
    reader.assert_called_once_with(database="d", table_name="t")
    for mock in (Mock(spec=glue_context, wraps=glue_context), MagicMock(), MagicMock(spec=GlueContext)):
        assert DynamicFrame.fromDF(glue_spark.range(3), mock, "x").toDF().count() == 3
    with patch("glue_secure.context.GlueContext") as mocked:
        import glue_secure.context

        assert glue_secure.context.GlueContext() is mocked.return_value
    assert glue_secure.context.GlueContext is GlueContext


def test_outside_of_the_fixture_a_context_still_needs_job_init(glue_spark, source):
    context = GlueContext(glue_spark.sparkContext)
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        context.create_dynamic_frame.from_options("s3", {"paths": [source]}, "csv")


def test_rdds_of_a_test_use_its_session_after_a_test_created_another(glue_account, glue_spark):
    glue_spark.newSession()
    harness = JobTestHarness(account=glue_account, spark=glue_spark, name="job-after-another-session")
    with harness.job() as job:
        frame = job.spark.sparkContext.parallelize([(1, "UA")]).toDF(["id", "carrier"])
        job.write.s3(frame, harness.target, format="parquet")
    assert {one["algorithm"] for one in harness.objects().values()} == {"aws:kms"}
    harness.close()
