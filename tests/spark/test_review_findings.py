"""Regression tests for bypasses that a review found."""

import contextlib
import threading

import pytest
from hadoop_settings import hadoop
from pyspark.sql import functions as F

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.embedded import fault_injection, seed
from glue_secure.embedded.account_setup import BOOKMARKS_URI, EVIDENCE_URI
from glue_secure.embedded.clients import clients

CSV = "carrier,delay\nUA,3\nAA,5\n"
SSE_C_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def test_gs_s3_010_a_frame_of_another_session_is_not_written(glue_job):
    with pytest.raises(RefusedError, match="GS-S3-010"), glue_job.job("target") as job:
        other = job.spark.newSession()
        other.conf.set("fs.s3a.encryption.algorithm", "AES256")
        other.conf.set("fs.s3a.encryption.key", "")
        job.write.s3(other.range(10), job.args.target, format="parquet")
    assert glue_job.objects() == {}


def test_commit_is_rejected_during_a_write_in_another_thread(glue_job):
    glue_job.land("a.csv", CSV)
    failures = []
    with pytest.raises(UsageError, match="in progress"), glue_job.job("source", "target") as job:
        job.read.s3(job.args.source, format="csv", bookmark="flights")
        slow = job.spark.range(4).select(F.udf(lambda n: __import__("time").sleep(2) or n, "long")("id"))

        writing = threading.Event()

        def write():
            writing.set()
            try:
                job.write.s3(slow, job.args.target, format="parquet")
            except GlueSecureError as error:
                failures.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        writing.wait()
        thread.join(0.5)  # the write takes longer
        try:
            job.commit()
        finally:
            thread.join()
    assert failures == []  # the write itself ended while the run was open
    assert glue_job.evidence()[-1]["bookmark"]["sequence_after"] == 0


@pytest.mark.parametrize(
    "target",
    [
        BOOKMARKS_URI,
        EVIDENCE_URI,
        f"{EVIDENCE_URI}job=x/",
        "s3://glue-secure-evidence/",
        "s3a://glue-secure-evidence",
    ],
)
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_gs_s3_009_no_write_touches_bookmarks_or_evidence(glue_job, target, mode):
    with pytest.raises(RefusedError, match="GS-S3-009"), glue_job.job() as job:
        job.write.s3(job.spark.range(3), target, format="csv", mode=mode)


@pytest.mark.parametrize(
    "name",
    ["fs.s3a.bucket.glue-secure-curated.encryption.key", "fs.s3a.bucket.other.server-side-encryption.key"],
)
def test_gs_s3_003_key_material_is_not_in_messages_or_evidence(glue_job, glue_spark, name):
    with hadoop(glue_spark, **{name: SSE_C_KEY}), pytest.raises(RefusedError, match="GS-S3-003") as refusal:
        glue_job.job("source")
    assert SSE_C_KEY not in str(refusal.value)
    assert SSE_C_KEY not in str(glue_job.evidence())


def test_gs_s3_003_an_access_point_does_not_redirect_a_bucket(glue_job, glue_spark):
    arn = "arn:aws:s3:us-east-1:999999999999:accesspoint/elsewhere"
    name = "fs.s3a.bucket.glue-secure-curated.accesspoint.arn"
    with hadoop(glue_spark, **{name: arn}), pytest.raises(RefusedError, match="GS-S3-003"):
        glue_job.job("source")


def test_gs_s3_008_only_s3a_serves_the_target(glue_job, glue_spark):
    settings = {
        "fs.s3a.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "fs.s3a.impl.disable.cache": "true",
        "fs.viewfs.overload.scheme.target.s3a.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.viewfs.mounttable.glue-secure-curated.linkFallback": "file:///tmp",
    }
    with (
        hadoop(glue_spark, **settings),
        pytest.raises(RefusedError, match="GS-S3-008"),
        glue_job.job("target") as job,
    ):
        job.write.s3(job.spark.range(3), job.args.target, format="csv")


@pytest.mark.parametrize(
    ("name", "value"),
    [("com.amazonaws.sdk.disableCertChecking", "false"), ("aws.endpointUrlS3", "http://localhost:1")],
)
def test_gs_s3_002_jvm_options_that_disable_certificate_checks_or_redirect_are_rejected(
    glue_job, glue_spark, name, value
):
    system = glue_spark._jvm.java.lang.System
    system.setProperty(name, value)
    try:
        with pytest.raises(RefusedError, match="GS-S3-002"):
            glue_job.job("source")
    finally:
        system.clearProperty(name)


def test_a_key_that_hadoop_would_normalise_is_rejected(glue_job, glue_account):
    glue_job.land("x//y.csv", CSV)
    glue_job.land("ok.csv", CSV)
    with glue_job.job("source") as job, pytest.raises(UsageError, match="differently"):
        job.read.s3(job.args.source, format="csv", bookmark="flights")
    bucket, _, prefix = glue_job.source.removeprefix("s3://").partition("/")
    clients(glue_account)("s3").delete_object(Bucket=bucket, Key=f"{prefix}x//y.csv")
    with glue_job.job("source") as job:  # the failed read has not changed the bookmark
        assert job.read.s3(job.args.source, format="csv", bookmark="flights").count() == 2


def test_a_swallowed_usage_error_of_a_write_commits_nothing(glue_job):
    glue_job.land("a.csv", CSV)
    with pytest.raises(UsageError, match="compresion"), glue_job.job("source", "target") as job:
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        with contextlib.suppress(UsageError):
            job.write.s3(rows, job.args.target, format="parquet", options={"compresion": "none"})
    assert glue_job.evidence()[-1]["bookmark"]["sequence_after"] == 0


def test_sys_exit_in_the_block_is_not_a_success(glue_job):
    with pytest.raises(GlueSecureError, match="nothing was committed"), glue_job.job():
        raise SystemExit(0)


def test_a_target_with_a_space_or_a_brace_is_written_and_verified(glue_job, provisioned):
    with glue_job.job("target") as job:
        record = job.write.s3(job.spark.range(3), f"{job.args.target}a b/c[1]/", format="csv")
    assert record.rows == 3
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}


def test_unmeasured_rows_are_none_not_zero(glue_job, glue_spark):
    glue_job.land("a.csv", CSV)
    glue_spark.conf.set("spark.sql.sources.useV1SourceList", "")
    try:
        with glue_job.job("source", "target") as job:
            job.write.s3(job.read.s3(job.args.source, format="csv"), job.args.target, format="parquet")
    finally:
        glue_spark.conf.unset("spark.sql.sources.useV1SourceList")
    assert [read["rows"] for read in glue_job.evidence()[-1]["reads"]] == [None]


def test_the_evidence_has_only_the_digest_of_a_query(glue_job, glue_account):
    seed.seed_flights(glue_account, months=())
    with glue_job.job() as job:
        job.read.jdbc(connection=seed.CONNECTION, table="(select 'hunter2' as secret) x").count()
    assert "hunter2" not in str(glue_job.evidence())
    assert "sha256:" in glue_job.evidence()[-1]["reads"][0]["source"]


def test_sql_in_catalog_parameters_is_rejected(glue_job, glue_spark, glue_account, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.embedded.clients import clients
    from glue_secure.job import Job

    glue = clients(glue_account)("glue")
    glue.create_database(DatabaseInput={"Name": glue_job.name})
    table = {
        "Name": "airlines",
        "Parameters": {"classification": "postgresql", "connectionName": seed.CONNECTION},
        "StorageDescriptor": {"Location": "db.(select 1 as injected) x"},
    }
    glue.create_table(DatabaseName=glue_job.name, TableInput=table)
    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    Job(context).init(glue_job.name)
    with pytest.raises(UsageError, match="not the name of a database table"):
        context.create_dynamic_frame.from_catalog(glue_job.name, "airlines")
    context.secured_run.close(outcome="test over")


def test_two_reads_of_one_table_are_counted_separately(glue_job, glue_account):
    seed.seed_flights(glue_account, months=())
    with glue_job.job() as job:
        first, second = (job.read.jdbc(connection=seed.CONNECTION, table="airlines") for _ in range(2))
        assert (first.count(), second.count()) == (16, 16)
    assert [read["rows"] for read in glue_job.evidence()[-1]["reads"]] == [16, 16]


def test_a_changed_connection_shows_no_password_in_its_refusal(glue_job, glue_account):
    seed.seed_flights(glue_account, months=())
    url = "jdbc:postgresql://me:hunter2hunter2@localhost:5432/db"
    with (
        fault_injection.changed_connection(glue_account, seed.CONNECTION, JDBC_CONNECTION_URL=url),
        pytest.raises(RefusedError, match="GS-TLS-008") as refusal,
        glue_job.job() as job,
    ):
        job.read.jdbc(connection=seed.CONNECTION, table="airlines")
    assert "hunter2" not in str(refusal.value)
