"""boto3 in a run: checked at the call, proved by S3's response, and recorded in the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import BOTO3, STORED, Receipt
from glue_secure.core.service import ServiceError
from glue_secure.run.run import Run
from glue_secure.verification.s3_requests import SAMPLE

ENDPOINT = "https://s3.eu-west-1.amazonaws.com"


@dataclass
class Boto3:
    """Records the guards instead of installing them in botocore."""

    guards: list[Any] = field(default_factory=list)

    def guarded(self, guard):
        return guard

    def guard_process(self, guard):
        self.guards.append(guard)


@pytest.fixture
def boto3(run_fixture, monkeypatch):
    fake, services = Boto3(), run_fixture.services
    monkeypatch.setattr(run_fixture, "services", lambda: replace(services(), driver_s3=fake))
    return fake


def check(run: Run, operation, parameters):
    return run.driver_s3.session.check_call(operation, parameters, ENDPOINT, presigned=False)


def send(run: Run, operation, parameters, response, *, status=200):
    check(run, operation, parameters)
    with run.driver_s3.session.request(operation, parameters, 1) as record:
        record(status, response, is_certain=True)


def encrypted(run_fixture, key=None):
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(key or run_fixture.key)}


def put(run_fixture, run: Run, name="out/a", *, key=None, bucket="curated", response=None):
    place = {"Bucket": bucket, "Key": name}
    check(run, "PutObject", place)
    run_fixture.objects.put(S3Uri(bucket, name), algorithm="aws:kms", key=str(key or run_fixture.key))
    send(run, "PutObject", place, encrypted(run_fixture, key) if response is None else response)


def put_without_response(run: Run, name="out/a"):
    place = {"Bucket": "curated", "Key": name}
    check(run, "PutObject", place)
    with pytest.raises(TimeoutError), run.driver_s3.session.request("PutObject", place, 1):
        raise TimeoutError


def heads(run_fixture):
    return [uri for operation, uri in run_fixture.objects.calls if operation == "HeadObject"]


def test_a_put_is_recorded_with_the_encryption_of_the_response(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    run.commit()
    written = run_fixture.evidence()["writes"]
    assert [(write["kind"], [entry["uri"] for entry in write["objects"]]) for write in written] == [
        ("boto3", ["s3://curated/out/a"])
    ]
    (entry,) = written[0]["objects"]
    assert (entry["algorithm"], entry["key"]) == ("aws:kms", str(run_fixture.key))


def test_many_puts_are_proved_by_their_responses_and_some_are_read_back(run_fixture, boto3):
    run = run_fixture.start()
    for number in range(3 * SAMPLE):
        put(run_fixture, run, f"out/{number}")
    before = len(heads(run_fixture))
    run.commit()
    assert len(heads(run_fixture)) - before == SAMPLE
    assert len(run_fixture.evidence()["writes"][0]["objects"]) == 3 * SAMPLE


def test_gs_s3_007_a_run_whose_receipts_cannot_be_read_fails_and_has_evidence(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    with run.requests.receipts._database() as database:
        database.execute("PRAGMA max_page_count = 1")  # the present number of pages
    with pytest.raises(VerificationError, match="is full"):
        run.requests.receipts.add(
            [
                Receipt(STORED, S3Uri("curated", f"out/{number}"), "PutObject", BOTO3)
                for number in range(2_000)
            ]
        )
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.commit()
    document = run_fixture.evidence()
    assert document["error"]["control"] == "GS-S3-007"
    (write,) = document["writes"]
    assert (write["kind"], write["objects"]) == ("unmanaged-unverified", [])
    assert "objects that are not listed: " in write["target"]
    assert "is full" in write["target"]


def test_gs_s3_004_a_response_with_another_key_fails_the_run(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run, key=run_fixture.other_key)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == ["unmanaged-unverified"]


def test_gs_s3_004_an_object_that_was_replaced_after_its_response_fails_the_run(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    run_fixture.objects.put(S3Uri("curated", "out/a"), algorithm="AES256")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()


def test_an_object_whose_response_names_no_encryption_is_read_back(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run, response={})
    run.commit()
    assert [entry["key"] for entry in run_fixture.evidence()["writes"][0]["objects"]] == [
        str(run_fixture.key)
    ]


def test_gs_s3_007_an_object_without_encryption_in_its_response_cannot_be_missing(run_fixture, boto3):
    run = run_fixture.start()
    place = {"Bucket": "curated", "Key": "out/a"}
    send(run, "PutObject", place, {})
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.commit()


def test_gs_s3_004_a_put_without_a_response_is_read_back(run_fixture, boto3):
    run = run_fixture.start()
    put_without_response(run)
    run_fixture.objects.put(S3Uri("curated", "out/a"), algorithm="AES256")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()


def test_a_put_without_a_response_that_stored_nothing_is_no_write(run_fixture, boto3):
    run = run_fixture.start()
    put_without_response(run)
    run.commit()
    assert run_fixture.evidence()["writes"][0]["objects"] == []


def test_an_object_that_is_deleted_again_is_not_verified(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run, response={})
    place = {"Bucket": "curated", "Key": "out/a"}
    run_fixture.objects.delete(S3Uri("curated", "out/a"))
    send(run, "DeleteObject", place, {}, status=204)
    run.commit()
    assert run_fixture.evidence()["writes"] == []


def test_gs_s3_007_a_put_that_cannot_be_read_back_stops_the_run(run_fixture, boto3):
    run = run_fixture.start()
    put(run_fixture, run)
    denied = ServiceError("HeadObject: AccessDenied", code="AccessDenied", operation="HeadObject")
    run_fixture.objects.fail_next("HeadObject", denied)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.commit()


def test_an_incomplete_upload_is_named_and_leaves_no_object_to_verify(run_fixture, boto3):
    run = run_fixture.start()
    place = {"Bucket": "curated", "Key": "out/never"}
    send(run, "CreateMultipartUpload", place, {"UploadId": "u", **encrypted(run_fixture)})
    run.commit()
    (write,) = run_fixture.evidence()["writes"]
    assert (write["target"], write["format"]) == ("s3://curated/out/never", "incomplete multipart upload")


def test_gs_s3_005_a_rejected_put_fails_the_run_if_the_script_catches_the_error(run_fixture, boto3):
    run = run_fixture.start()
    contrary = {"Bucket": "curated", "Key": "a", "ServerSideEncryption": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        check(run, "PutObject", contrary)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.commit()


def test_gs_s3_009_a_put_to_the_evidence_prefix_is_rejected(run_fixture, boto3):
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-009"):
        put(run_fixture, run, "runs/x", bucket="evidence")
    run.close(outcome="test over")


def test_a_write_after_the_run_is_rejected(run_fixture, boto3):
    run = run_fixture.start()
    run.commit()
    with pytest.raises(UsageError, match="has ended"):
        check(run, "PutObject", {"Bucket": "curated", "Key": "a"})
    assert check(run, "GetObject", {"Bucket": "curated", "Key": "a"}) == {}


def test_the_process_is_guarded_when_the_run_starts(run_fixture, boto3):
    run = run_fixture.start()
    assert boto3.guards == [run.driver_s3]
    assert run.driver_s3.is_open
    run.commit()
    assert not run.driver_s3.is_open
