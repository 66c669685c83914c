"""boto3 in a run: checked at the call, read back at commit, recorded in the evidence."""

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
    """Records the guards instead of installing them in boto3."""

    covers: list[Any] = field(default_factory=list)

    def guarded(self, on_call):
        return on_call

    def cover_default(self, on_call, is_active):
        self.covers.append((on_call, is_active))
        return lambda: self.covers.append("ended")


@pytest.fixture
def boto3(run_fixture, monkeypatch):
    fake, services = Boto3(), run_fixture.services
    monkeypatch.setattr(run_fixture, "services", lambda: replace(services(), driver_s3=fake))
    return fake


def put(run_fixture, run: Run, name="out/a", *, key=None, bucket="curated"):
    run.driver_s3.session("PutObject", {"Bucket": bucket, "Key": name})
    run_fixture.objects.put(S3Uri(bucket, name), algorithm="aws:kms", key=str(key or run_fixture.key))


def test_a_put_is_read_back_and_recorded(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    run.commit()
    written = run_fixture.evidence()["writes"]
    assert [(write["kind"], [entry["uri"] for entry in write["objects"]]) for write in written] == [
        ("boto3", ["s3://curated/out/a"])
    ]


def test_gs_s3_004_a_put_under_another_key_fails_the_run(run_fixture, boto3):
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


def test_an_incomplete_upload_leaves_no_object_to_verify(run_fixture, boto3):
    run = run_fixture.start()
    run.driver_s3.session("CreateMultipartUpload", {"Bucket": "curated", "Key": "out/never"})
    run.commit()


def test_gs_s3_005_a_rejected_put_fails_the_run_if_the_script_catches_the_error(run_fixture, boto3):
    run = run_fixture.start()
    contrary = {"Bucket": "curated", "Key": "a", "ServerSideEncryption": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.driver_s3.session("PutObject", contrary)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.commit()


def test_gs_s3_009_a_put_to_the_evidence_prefix_is_rejected(run_fixture, boto3):
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-009"):
        put(run_fixture, run, "runs/x", bucket="evidence")
    run.close(outcome="test over")


def test_a_write_after_the_run_is_rejected(run_fixture, boto3):
    run = run_fixture.start()
    guard = run.driver_s3.session
    run.commit()
    with pytest.raises(UsageError, match="has ended"):
        guard("PutObject", {"Bucket": "curated", "Key": "a"})
    assert guard("GetObject", {"Bucket": "curated", "Key": "a"}) == {}


def test_boto3s_default_session_is_guarded_until_the_run_ends(run_fixture, boto3):
    run = run_fixture.start()
    ((_, is_active),) = boto3.covers
    assert is_active()
    run.commit()
    assert not is_active()
    assert boto3.covers[-1] == "ended"
