"""A run starts without job.init, from the arguments of the script."""

from __future__ import annotations

import pytest

from glue_secure import utils
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.engines.spark import data_catalog, runtime
from glue_secure.job import Job
from glue_secure.run import automatic_start, composition, start
from glue_secure.run.before_init import BeforeInit

ARGUMENTS = {
    "JOB_NAME": "curate",
    "JOB_RUN_ID": "jr_1",
    "job-bookmark-option": "job-bookmark-enable",
    "glue-secure-bookmark-uri": "s3://state/bookmarks/",
    "glue-secure-evidence-uri": "s3://evidence/runs/",
}


class Session:
    _jsparkSession = None


def argv(**changes):
    values = {**ARGUMENTS, **changes}
    return ["job.py", *(word for name, value in values.items() if value for word in (f"--{name}", value))]


@pytest.fixture
def script(run_fixture, monkeypatch):
    """The process of a job script, with a run in memory."""
    monkeypatch.setattr(automatic_start, "_state", automatic_start._Process())
    monkeypatch.setattr(automatic_start, "_session", Session)
    monkeypatch.setattr(start, "install_process_hooks", lambda: None)
    monkeypatch.setattr(utils, "install_process_hooks", lambda: None)
    monkeypatch.setattr(start, "end_at_exit", lambda run: None)
    monkeypatch.setattr(composition, "services", run_fixture.services)
    monkeypatch.setattr(runtime, "create_engine", lambda spark: run_fixture.engine)
    monkeypatch.setattr(data_catalog, "is_requested", lambda spark: False)
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")
    monkeypatch.setattr("sys.argv", argv())
    run_fixture.land("m01.csv")
    return run_fixture


def new_context():
    from glue_secure.context import GlueContext

    return GlueContext(Session())


def read(context):
    return context.secured_run.reader.read_s3(
        "s3://landing/flights/", format="csv", transformation_ctx="flights"
    )


def test_a_context_starts_the_run_and_its_end_is_verified_without_a_bookmark(script):
    run = new_context().secured_run
    assert (run.identity.job, run.awaits_init) == ("curate", True)
    assert new_context().secured_run is run
    script.land("m02.csv")
    assert read(new_context()) == ["m01.csv", "m02.csv"]
    assert run.end_without_commit() is False
    assert script.evidence()["outcome"] == "ended without job.commit()"
    assert script.evidence()["bookmark"]["contexts"] == {}
    assert script.bookmark_keys() == []


def test_job_init_joins_the_run_and_uses_its_bookmark(script):
    context = new_context()
    job = Job(context)
    assert not job.isInitialized()
    run = context.secured_run
    job.init("curate", dict(ARGUMENTS))
    assert job.isInitialized()
    assert context.secured_run is run
    with pytest.raises(UsageError, match="a second call"):
        job.init("curate", {})
    assert read(context) == ["m01.csv"]
    job.commit()
    assert script.evidence()["bookmark"]["sequence_after"] == 1


def test_a_commit_without_init_writes_the_evidence(script):
    context = new_context()
    assert read(context) == ["m01.csv"]
    Job(context).commit()
    assert script.evidence()["outcome"] == "succeeded"
    assert script.bookmark_keys() == []


@pytest.mark.parametrize(
    ("init", "found"),
    [
        (("other", {}), "two jobs"),
        (("curate", {"JOB_RUN_ID": "jr_2"}), "two values"),
        (("curate", {"glue-secure-columns": "s3://config/columns.toml"}), "--glue-secure-columns"),
    ],
)
def test_job_init_cannot_change_what_the_run_started_with(init, found, script):
    with pytest.raises(UsageError, match=found):
        Job(new_context()).init(*init)


@pytest.mark.parametrize("name", ["JOB_NAME", "glue-secure-evidence-uri"])
def test_gs_sec_007_names_the_argument_without_which_no_run_starts(name, script, monkeypatch):
    monkeypatch.setattr("sys.argv", argv(**{name: ""}))
    monkeypatch.delenv("GLUE_SECURE_EVIDENCE_URI", raising=False)
    context = new_context()
    assert context.secured_run is None
    with pytest.raises(RefusedError, match=f"GS-SEC-007.*(?s:.*)add --{name}"):
        context.create_dynamic_frame.from_options("s3", {"paths": ["s3://landing/"]}, "csv")
    with pytest.raises(RefusedError, match=f"GS-SEC-007.*(?s:.*)add --{name}"):
        put(BeforeInit())


def put(guard):
    parameters = {"Bucket": "curated", "Key": "a", "Body": b"x"}
    return guard.check_call("PutObject", parameters, "https://s3.eu-west-1.amazonaws.com", presigned=False)


def test_the_first_boto3_call_that_stores_starts_the_run(script):
    guard = BeforeInit()
    assert guard.check_call("GetObject", {"Bucket": "curated"}, "https://s3", presigned=False) == {}
    assert automatic_start.waiting_run() is None
    added = put(guard)
    assert added == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(script.key)}
    assert new_context().secured_run is automatic_start.waiting_run()


def test_a_refused_run_is_refused_again(script):
    script.change_key(script.key, state="Disabled")
    for _ in range(2):
        with pytest.raises(RefusedError, match="GS-KMS-002"):
            new_context()


def test_after_a_run_of_job_init_no_run_starts_by_itself(script, monkeypatch):
    monkeypatch.setattr("sys.argv", argv(JOB_NAME=""))
    job = Job(new_context())
    job.init("curate", {})
    monkeypatch.setattr("sys.argv", argv())
    assert new_context().secured_run is None
    job.commit()


def test_a_test_process_starts_no_run_by_itself(script):
    automatic_start.forbid()
    assert new_context().secured_run is None


def test_a_failed_read_or_a_usage_error_that_the_script_handles_does_not_stop_the_commit(script):
    context = new_context()
    job = Job(context)
    job.init("curate", {})
    with pytest.raises(Exception, match="no_such"):
        context.create_dynamic_frame.from_catalog("lake", "no_such")
    with pytest.raises(UsageError, match="withNothing"):
        context.create_dynamic_frame.from_options(
            "s3", {"paths": ["s3://landing/flights/"]}, "json", {"withNothing": False}
        )
    script.engine.read_s3, original = None, script.engine.read_s3
    with pytest.raises(TypeError):
        read(context)
    script.engine.read_s3 = original
    assert read(context) == ["m01.csv"]
    job.commit()
    assert script.evidence()["outcome"] == "succeeded"
    assert script.evidence()["bookmark"]["sequence_after"] == 1


@pytest.mark.parametrize(
    "bookmark",
    [
        {"job-bookmark-option": None},
        {"job-bookmark-option": None, "continuation-option": "continuation-ignore"},
        {"job-bookmark-option": None, "continuation-option": "continuation-enabled"},
    ],
)
def test_job_init_joins_with_the_result_of_getresolvedoptions(script, monkeypatch, bookmark):
    monkeypatch.setattr("sys.argv", argv(**bookmark))
    arguments = utils.getResolvedOptions(argv(**bookmark), ["JOB_NAME"])
    context = new_context()
    job = Job(context)
    job.init(arguments["JOB_NAME"], arguments)
    assert job.isInitialized()
    job.commit()
    assert script.evidence()["outcome"] == "succeeded"
