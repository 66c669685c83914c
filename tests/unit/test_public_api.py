"""SecureJob and the awsglue-compatible API without Spark."""

from __future__ import annotations

import pytest

from glue_secure import utils
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.engines.spark import runtime
from glue_secure.job import Job
from glue_secure.run import composition, start
from glue_secure.secure_job import SecureJob
from glue_secure.utils import GlueArgumentError, getResolvedOptions

ARGV = [
    "script.py",
    "--JOB_NAME",
    "curate",
    "--JOB_RUN_ID",
    "jr_1",
    "--source",
    "s3://landing/flights/",
    "--db-password",
    "s3://landing/hunter2",
    "--job-bookmark-option",
    "job-bookmark-enable",
    "--glue-secure-bookmark-uri",
    "s3://state/bookmarks/",
    "--glue-secure-evidence-uri",
    "s3://evidence/runs/",
]


@pytest.fixture(autouse=True)
def no_hooks(monkeypatch):
    """Leave the excepthook and the exit of the test process unchanged."""
    monkeypatch.setattr(start, "install_process_hooks", lambda: None)
    monkeypatch.setattr(utils, "install_process_hooks", lambda: None)
    monkeypatch.setattr(start, "end_at_exit", lambda run: None)
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")


@pytest.fixture
def services(run_fixture, monkeypatch):
    monkeypatch.setattr(composition, "services", run_fixture.services)
    monkeypatch.setattr(runtime, "create_engine", lambda spark: run_fixture.engine)
    return run_fixture


class Session:
    """A session that records ``stop`` and is not used otherwise."""

    _jsparkSession = None
    stopped = False

    def stop(self) -> None:
        self.stopped = True


def job(*names, **more):
    return SecureJob.from_argv(*names, argv=ARGV, spark=Session(), **more)


def test_a_block_without_errors_commits_and_writes_evidence(services):
    services.land("m01.csv")
    with job("source") as secure_job:
        frame = secure_job.read.s3(secure_job.args.source, format="csv", bookmark="flights")
        record = secure_job.write.s3(frame, "s3://curated/flights/", format="parquet", partition_by="month")
        assert secure_job.evidence_uri is None
    assert len(record.objects) == 1
    assert services.evidence()["outcome"] == "succeeded"
    assert services.evidence()["bookmark"]["sequence_after"] == 1
    assert secure_job.evidence_uri is not None
    assert secure_job.spark.stopped is False


def test_an_exception_is_raised_unchanged_and_nothing_is_committed(services):
    services.land("m01.csv")
    with pytest.raises(ZeroDivisionError), job("source") as secure_job:
        secure_job.read.s3(secure_job.args.source, format="csv", bookmark="flights")
        raise ZeroDivisionError
    assert services.evidence()["outcome"] == "failed"
    assert services.bookmark_keys() == []


def test_a_caught_rejection_is_raised_again_at_the_end_of_the_block(services):
    services.land("m01.csv")
    with pytest.raises(RefusedError, match="GS-S3-004"), job("source") as secure_job:
        frame = secure_job.read.s3(secure_job.args.source, format="csv", bookmark="flights")
        services.engine.algorithm = "AES256"
        with pytest.raises(RefusedError, match="GS-S3-004"):
            secure_job.write.s3(frame, "s3://curated/flights/", format="parquet")
    assert services.evidence()["outcome"] == "refused"
    assert services.bookmark_keys() == []


def test_a_block_may_commit_by_itself_once(services):
    with job("source") as secure_job:
        uri = secure_job.commit()
    assert secure_job.evidence_uri == uri
    assert len(services.evidence_keys()) == 1


def test_missing_arguments_are_named_before_any_aws_call(monkeypatch):
    monkeypatch.setattr(composition, "services", lambda: pytest.fail("asked"))
    with pytest.raises(UsageError, match="--target"):
        job("source", "target")


def test_arguments_hide_secrets_in_their_repr(services):
    secure_job = job("source", "db-password")
    assert secure_job.args.db_password == "s3://landing/hunter2"
    assert "hunter2" not in repr(secure_job.args)
    secure_job.commit()


def test_a_failed_preflight_creates_no_job(services):
    services.control_plane.run_attachments.clear()
    services.control_plane.job_attachments["curate"] = None
    with pytest.raises(RefusedError, match="GS-SEC-001"):
        job("source")


def test_csv_is_read_with_a_header_by_default(services, monkeypatch):
    seen = []
    read = type(services.engine).read_s3
    monkeypatch.setattr(
        type(services.engine),
        "read_s3",
        lambda self, objects, **options: seen.append(options["options"]) or read(self, objects, **options),
    )
    with job("source") as secure_job:
        secure_job.read.s3(secure_job.args.source, format="csv")
        secure_job.read.s3(secure_job.args.source, format="csv", options={"header": "false"})
    assert [options["header"] for options in seen] == ["true", "false"]


def test_get_resolved_options_is_awsglues():
    assert getResolvedOptions(ARGV, ["JOB_NAME", "source"])["source"] == "s3://landing/flights/"
    with pytest.raises(GlueArgumentError):
        getResolvedOptions(ARGV, ["target"])


def test_a_job_needs_a_glue_context():
    with pytest.raises(UsageError, match="Job"):
        Job(object())


@pytest.fixture
def context(monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.engines.spark.context import glue_context

    monkeypatch.setattr(glue_context, "session_as_requested", lambda spark: spark)
    return GlueContext(Session())


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.create_dynamic_frame.from_options("s3", {"paths": ["s3://landing/"]}, "csv"),
        lambda c: c.create_dynamic_frame.from_options("postgresql", {"connectionName": "ops"}),
        lambda c: c.create_dynamic_frame.from_catalog("db", "t"),
        lambda c: c.write_dynamic_frame.from_options(None, "s3", {"path": "s3://curated/"}, "parquet"),
        lambda c: c.extract_jdbc_conf("ops"),
        lambda c: Job(c).commit(),
    ],
)
def test_gs_sec_007_nothing_is_read_or_written_before_job_init(context, call):
    with pytest.raises(RefusedError, match="GS-SEC-007") as caught:
        call(context)
    assert (caught.value.control, caught.value.exit_code) == ("GS-SEC-007", 3)
    assert "job.init" in caught.value.fix


def test_job_init_starts_the_run_and_commit_ends_it(context, services, monkeypatch):
    monkeypatch.setattr("sys.argv", ARGV)
    glue_job = Job(context)
    assert not glue_job.isInitialized()
    glue_job.init("curate", getResolvedOptions(ARGV, ["JOB_NAME", "source"]))
    assert glue_job.isInitialized()
    with pytest.raises(UsageError, match="a second call"):
        glue_job.init("curate", {})
    glue_job.commit()
    assert services.evidence()["outcome"] == "succeeded"
    with pytest.raises(UsageError, match="has ended"):
        glue_job.commit()


def test_a_rejected_job_init_leaves_the_context_without_a_run(context, services, monkeypatch):
    monkeypatch.setattr("sys.argv", ARGV)
    services.change_key(services.key, state="Disabled")
    with pytest.raises(RefusedError, match="GS-KMS-002"):
        Job(context).init("curate", {})
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        context.extract_jdbc_conf("ops")


def test_job_init_with_another_name_is_a_usage_error(context, services, monkeypatch):
    monkeypatch.setattr("sys.argv", ARGV)
    with pytest.raises(UsageError, match="two jobs"):
        Job(context).init("other", {})
