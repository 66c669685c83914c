"""The start of a run checks the environment before Spark starts, and loses no error of the preflight."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.service import ServiceError
from glue_secure.run import automatic_start, composition, process_hooks, start

ARGUMENTS = JobArguments({"JOB_NAME": "curate", "glue-secure-evidence-uri": "s3://evidence/runs/"})
VARIABLES = (
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    composition.STREAMING,
)


@pytest.fixture(autouse=True)
def process(monkeypatch):
    monkeypatch.setattr(automatic_start, "_state", automatic_start._Process())
    for name in composition.os.environ.copy():
        if name in VARIABLES or name.startswith("AWS_ENDPOINT_URL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")


class SparkError(Exception):
    """Spark's own error."""


def no_session():
    raise SparkError("Spark cannot start")


def preflight_raises(monkeypatch, error):
    def established(identity, arguments, services):
        raise error

    monkeypatch.setattr(composition, "services", lambda: None)
    monkeypatch.setattr(start, "established", established)


def refusal():
    return RefusedError("GS-SC-001", resource="the job", found="nothing", required="one", fix="attach one")


def causes(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("AWS_ENDPOINT_URL", "http://s3.example", RefusedError, "GS-S3-002"),
        ("AWS_ENDPOINT_URL_S3", "http://s3.example", RefusedError, "AWS_ENDPOINT_URL_S3"),
        ("AWS_ENDPOINT_URL_KMS", "HTTP://kms.example", RefusedError, "GS-S3-002"),
        ("AWS_ENDPOINT_URL_GLUE", "http://glue.example", RefusedError, "GS-S3-002"),
        ("AWS_ENDPOINT_URL_STS", "http://sts.example", RefusedError, "GS-S3-002"),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            "http://secrets.example",
            RefusedError,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        ),
        ("AWS_ENDPOINT_URL_S3", "https://s3.example:port", UsageError, "client of s3"),
        ("AWS_CA_BUNDLE", " ", RefusedError, "AWS_CA_BUNDLE"),
        ("GLUE_SECURE_STREAMING", "once", UsageError, "available-now"),
    ],
)
def test_gs_s3_002_an_invalid_environment_stops_the_run_before_spark_starts(
    monkeypatch, name, value, error, text
):
    sessions = []
    preflight_raises(monkeypatch, refusal())
    monkeypatch.setenv(name, value)
    with pytest.raises(error, match=text):
        start.start_run(ARGUMENTS, lambda: sessions.append("started"))
    assert sessions == []


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AWS_CA_BUNDLE": "ca.pem", "AWS_ENDPOINT_URL": "https://localhost:4566"},
        {"AWS_ENDPOINT_URL": ""},
        # A variable of a service that no run calls by itself is checked when a client is created.
        {"AWS_ENDPOINT_URL_SQS": "http://sqs.example"},
        # botocore prefers the variable of the service, or uses none.
        {
            "AWS_ENDPOINT_URL": "http://any.example",
            **{
                f"AWS_ENDPOINT_URL_{service}": "https://other.example"
                for service in ("S3", "KMS", "GLUE", "STS", "SECRETS_MANAGER")
            },
        },
        {"AWS_ENDPOINT_URL": "http://any.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"},
        {"GLUE_SECURE_STREAMING": "available-now"},
    ],
)
def test_an_environment_that_the_clients_accept_is_accepted(monkeypatch, tmp_path, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    composition.check_environment()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)  # a file that does not exist
    session = composition.aws_session()
    assert session.kind in ("aws", "embedded", "custom-endpoint")


def test_the_environment_is_checked_without_boto3():
    script = (
        "import sys\nfrom glue_secure.run import composition\ncomposition.check_environment()\n"
        "print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_refusal_of_the_preflight_is_raised_if_spark_cannot_start_either(monkeypatch):
    cause = ServiceError("denied", code="AccessDenied", operation="GetJob")
    refused = refusal()
    refused.__cause__ = cause
    preflight_raises(monkeypatch, refused)
    with pytest.raises(RefusedError, match="GS-SC-001") as raised:
        start.start_run(ARGUMENTS, no_session)
    assert [type(error) for error in causes(raised.value)] == [RefusedError, ServiceError, SparkError]


def test_a_usage_error_of_the_session_is_raised_whatever_the_preflight_finds(monkeypatch):
    refused = refusal()
    preflight_raises(monkeypatch, refused)
    error = UsageError("the runtime", found="no Glue", required="GLUE_SECURE_RUNTIME=spark")

    def session():
        raise error

    with pytest.raises(UsageError) as raised:
        start.start_run(ARGUMENTS, session)
    assert list(causes(raised.value)) == [error, refused]


def test_the_line_of_a_script_is_no_line_of_the_standard_library():
    with ThreadPoolExecutor() as pool, pytest.raises(ValueError) as raised:
        pool.submit(json.loads, "no JSON").result()
    call = process_hooks.script_call(raised.value.__traceback__)
    assert call is not None
    assert call.filename == __file__


@pytest.mark.parametrize("ending", [SparkError("Spark cannot start"), KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize(
    "problem", [ServiceError("down", code="503", operation="GetJob"), ZeroDivisionError()]
)
def test_another_error_of_the_preflight_is_chained_to_the_error_of_the_session(monkeypatch, ending, problem):
    preflight_raises(monkeypatch, problem)
    reason = OSError("no Java")

    def session():
        raise ending from reason

    with pytest.raises(type(ending)) as raised:
        start.start_run(ARGUMENTS, session)
    assert list(causes(raised.value)) == [ending, reason, problem]


def test_an_interrupt_is_not_replaced_by_a_refusal(monkeypatch):
    refused = refusal()
    preflight_raises(monkeypatch, refused)

    def session():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        start.start_run(ARGUMENTS, session)
    assert refused in list(causes(raised.value))


def test_the_preflight_ends_before_the_error_of_the_session_is_raised(monkeypatch):
    begun, ended = threading.Event(), []

    def established(identity, arguments, services):
        begun.set()
        threading.Event().wait(0.2)
        ended.append("preflight")

    def session():
        begun.wait(10)
        raise SparkError("Spark cannot start")

    monkeypatch.setattr(composition, "services", lambda: None)
    monkeypatch.setattr(start, "established", established)
    with pytest.raises(SparkError) as raised:
        start.start_run(ARGUMENTS, session)
    assert ended == ["preflight"]
    assert list(causes(raised.value)) == [raised.value]
    assert not [each for each in threading.enumerate() if each.name.startswith("glue-secure-preflight")]
