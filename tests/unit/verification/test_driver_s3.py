"""boto3 in a run: judged at the call, read back at the commit, shown in the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.run.run import Run


@dataclass
class Boto3:
    """Keeps the guards instead of hanging them into boto3."""

    covers: list[Any] = field(default_factory=list)

    def guarded(self, on_call):
        return on_call

    def cover_default(self, on_call, is_active):
        self.covers.append((on_call, is_active))
        return lambda: self.covers.append("ended")


@pytest.fixture
def boto3(run_fixture, monkeypatch):
    door, services = Boto3(), run_fixture.services
    monkeypatch.setattr(run_fixture, "services", lambda: replace(services(), driver_s3=door))
    return door


def put(run_fixture, run: Run, name="out/a", *, key=None, bucket="curated"):
    run.driver_s3.session("PutObject", {"Bucket": bucket, "Key": name})
    run_fixture.objects.put(S3Uri(bucket, name), algorithm="aws:kms", key=str(key or run_fixture.key))


def test_a_put_is_read_back_and_shown(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    run.commit()
    written = run_fixture.evidence()["writes"]
    assert [(write["kind"], [each["uri"] for each in write["objects"]]) for write in written] == [
        ("boto3", ["s3://curated/out/a"])
    ]


def test_gs_s3_004_a_put_that_came_out_under_another_key_fails_the_run(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run, key=run_fixture.other_key)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == ["unmanaged-unverified"]


def test_gs_s3_007_a_put_that_cannot_be_read_back_stops_the_run(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    denied = ServiceError("HeadObject: AccessDenied", code="AccessDenied", operation="HeadObject")
    run_fixture.objects.fail_next("HeadObject", denied)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.commit()


def test_an_upload_that_was_never_completed_leaves_nothing_to_look_at(run_fixture, boto3):
    run = run_fixture.start()
    run.driver_s3.session("CreateMultipartUpload", {"Bucket": "curated", "Key": "out/never"})
    run.commit()


def test_gs_s3_005_a_contrary_put_that_the_script_swallows_fails_the_run(run_fixture, boto3):
    run = run_fixture.start()
    contrary = {"Bucket": "curated", "Key": "a", "ServerSideEncryption": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.driver_s3.session("PutObject", contrary)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.commit()


def test_gs_s3_009_a_put_over_the_evidence_refuses(run_fixture, boto3):
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-009"):
        put(run_fixture, run, "runs/x", bucket="evidence")
    run.close(outcome="test over")


def test_a_write_after_the_run_refuses(run_fixture, boto3):
    run = run_fixture.start()
    guard = run.driver_s3.session
    run.commit()
    with pytest.raises(UsageError, match="has ended"):
        guard("PutObject", {"Bucket": "curated", "Key": "a"})
    assert guard("GetObject", {"Bucket": "curated", "Key": "a"}) == {}


def test_boto3s_default_session_is_covered_as_long_as_the_run_is_open(run_fixture, boto3):
    run = run_fixture.start()
    ((_, is_active),) = boto3.covers
    assert is_active()
    run.commit()
    assert not is_active()
    assert boto3.covers[-1] == "ended"
