"""The audit as a job: what it stores, in what order, and when the run fails. tests/spark runs it as a job."""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from audited_estates import corrected, violating
from botocore.exceptions import ClientError, EndpointConnectionError
from recorded_account import ACCOUNT, REGION, RecordedAccount

from glue_secure.audit import scheduled
from glue_secure.audit.evaluation import AUDITED
from glue_secure.core.errors import RefusedError, UsageError, VerificationError

EVIDENCE = ["--JOB_NAME", "estate_audit", "--glue-secure-evidence-uri", "s3://evidence/evidence/"]
LOCATION = "s3://artifacts/glue-secure/baseline.toml"
LAST_DAY = datetime.now(timezone.utc).date() + timedelta(days=90)
BASELINE = "schema = 1\n" + "".join(
    f'[[accepted]]\ncontrol = "{control}"\nresource = "*"\nreason = "the account is migrated"\n'
    f'owner = "data@example.com"\nexpires = {LAST_DAY}\nverdict = "{verdict}"\n'
    for control in AUDITED
    for verdict in ("FAIL", "UNKNOWN")
)


class FakeJob:
    """A run whose S3 client stores in memory, and which records its end."""

    def __init__(self):
        self.events, self.stored, self.baseline = [], {}, BASELINE.encode()
        self.s3 = self

    def get_object(self, *, Bucket, Key):
        assert f"s3://{Bucket}/{Key}" == LOCATION
        if isinstance(self.baseline, Exception):
            raise self.baseline
        return {"Body": io.BytesIO(self.baseline)}

    def put_object(self, *, Bucket, Key, Body, ContentType, IfNoneMatch):
        # Evidence cannot be replaced: its bucket denies an upload without this header.
        assert (ContentType, IfNoneMatch) == ("application/json", "*")
        self.stored[f"s3://{Bucket}/{Key}"] = json.loads(Body)
        self.events.append("stored")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.events.append("committed" if error[0] is None else "abandoned")


@pytest.fixture
def job(monkeypatch):
    made = FakeJob()
    monkeypatch.setattr(scheduled, "SecureJob", SimpleNamespace(from_argv=lambda argv: made))
    return made


@pytest.fixture
def account(monkeypatch):
    def use(responses, **options):
        recorded = RecordedAccount(responses, **options)
        one = SimpleNamespace(account=ACCOUNT, region=REGION, partition="aws", client_of=recorded.client_of)
        monkeypatch.setattr(scheduled, "audited_accounts", lambda session: iter([one]))

    return use


def run(*more):
    return scheduled.main(["audit.py", *EVIDENCE, *more], session=object())


def test_an_account_without_violations_has_a_report_in_the_bucket_of_the_evidence(job, account):
    account(corrected())
    location = run()
    assert str(location).startswith("s3://evidence/audits/job=estate_audit/2")
    assert (list(job.stored), job.events) == ([str(location)], ["stored", "committed"])
    document = job.stored[str(location)]
    assert (document["schema"], document["exit_code"]) == ("glue-secure/audit/1", 0)


@pytest.mark.parametrize(
    ("responses", "denied", "error"),
    [(violating, (), RefusedError), (corrected, {"glue:GetCrawlers"}, VerificationError)],
)
def test_the_run_fails_after_the_report_is_stored(job, account, responses, denied, error):
    account(responses(), denied=denied)
    with pytest.raises(error, match=r"\d (FAIL|UNKNOWN)") as raised:
        run()
    assert job.events == ["stored", "committed"]
    ((location, document),) = job.stored.items()
    assert document["headline"] in str(raised.value)
    assert location in raised.value.fix


def test_what_the_baseline_file_accepts_does_not_fail_the_run(job, account):
    account(violating())
    run("--baseline", LOCATION)
    (document,) = job.stored.values()
    assert document["exit_code"] == 0
    assert {one["accepted_by"] for one in document["findings"] if one["verdict"] == "FAIL"}


def test_a_baseline_file_with_another_digest_accepts_nothing(job, account):
    account(violating())
    digest = hashlib.sha256(BASELINE.encode()).hexdigest()
    with pytest.raises(UsageError, match="--baseline_sha256") as raised:
        run("--baseline", LOCATION, "--baseline_sha256", "0" * 64)
    assert f"baseline_sha256 {digest}" in raised.value.fix
    assert (job.stored, job.events) == ({}, ["abandoned"])
    run("--baseline", LOCATION, "--baseline_sha256", digest.upper())
    assert job.events == ["abandoned", "stored", "committed"]


def test_a_run_whose_baseline_file_is_fixed_to_none_reads_none(job, account):
    account(violating())
    with pytest.raises(RefusedError):
        run("--baseline", "none")
    (document,) = job.stored.values()
    assert document["exit_code"] == 3


def test_a_run_without_a_location_for_evidence_is_rejected(job):
    with pytest.raises(UsageError, match="glue-secure-evidence-uri"):
        scheduled.main(["audit.py", "--JOB_NAME", "estate_audit"])
    assert job.events == []


def test_a_name_that_utf_8_cannot_encode_is_escaped_in_the_report(job, account):
    estate = corrected()
    estate["GetJobs"][0]["Name"] = "etl\ud800"
    estate["GetJobRuns"]["etl\ud800"] = []
    account(estate)
    with suppress(RefusedError, VerificationError):
        run()
    (document,) = job.stored.values()
    assert r"etl\ud800" in {one["name"] for one in document["findings"]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (ClientError({"Error": {"Code": "NoSuchKey", "Message": "no key"}}, "GetObject"), "NoSuchKey"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "denied"}}, "GetObject"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="https://s3"), "GetObject"),
        (b"schema = 1 # \xff", "text that is not UTF-8"),
    ],
)
def test_a_baseline_file_that_cannot_be_read_is_an_error_of_usage(job, account, content, found):
    account(violating())
    job.baseline = content
    with pytest.raises(UsageError, match=found) as raised:
        run("--baseline", LOCATION)
    assert LOCATION in str(raised.value)
    assert (job.stored, job.events) == ({}, ["abandoned"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--baseline", LOCATION, "--baseline_sha256", ""), "64 hexadecimal digits"),
        (("--baseline", LOCATION, "--baseline_sha256", "0" * 63), "64 hexadecimal digits"),
        (("--baseline_sha256", "0" * 64), "no baseline file"),
        (("--baseline", "none", "--baseline_sha256", "0" * 64), "no baseline file"),
    ],
)
def test_a_digest_that_pins_no_baseline_file_stops_the_run_before_it_starts(job, account, words, found):
    account(corrected())
    with pytest.raises(UsageError, match=found):
        run(*words)
    assert (job.stored, job.events) == ({}, [])
