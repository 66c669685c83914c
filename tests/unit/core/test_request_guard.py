"""Events of the JVM as values."""

from __future__ import annotations

import json

import pytest

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.request_guard import RequestPolicy, refusal_in, report_of
from glue_secure.core.target_encryption import EncryptionRules

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
REFUSED = {
    "event": "refused",
    "control": "GS-S3-005",
    "resource": "PutObject to s3://lake/a",
    "found": "AES256 without a key",
    "required": f"aws:kms {KEY}",
    "fix": "remove the encryption settings of this write",
}
# As Py4J prints the exception that S3A made of the SDK's.
MESSAGE = f"""An error occurred while calling o70.parquet.
: java.nio.file.AccessDeniedException: a/_temporary/0: PUT 0-byte object  on a: \
com.amazonaws.services.s3.model.AmazonS3Exception: GS-S3-005 PutObject to s3://lake/a
  found:    AES256 without a key
  required: aws:kms {KEY}
  fix:      remove the encryption settings of this write (Service: Amazon S3; Status Code: 403; Error Code: \
AccessDenied; Request ID: null; S3 Extended Request ID: null; Proxy: null), S3 Extended Request ID: null
\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:255)
Caused by: com.amazonaws.services.s3.model.AmazonS3Exception: GS-S3-005 PutObject to s3://lake/a
  found:    AES256 without a key
"""


def test_an_event_becomes_a_receipt():
    event = {
        "event": "stored",
        "operation": "CopyObject",
        "bucket": "lake",
        "key": "t/part é",
        "algorithm": "aws:kms",
        "kms_key": KEY,
        "bucket_key": "true",
        "etag": "e1",
        "checksum": "CRC64NVME:AAAAAAAAAAA=",
        "source": "/lake/t/_temporary/part",
        "client": "executor 3",
        "time": 5,
        "stage": 2,
        "task": 7,
    }
    (receipt,) = report_of([json.dumps(event)]).receipts

    assert receipt.uri == S3Uri("lake", "t/part é")
    assert (receipt.algorithm, receipt.key, receipt.bucket_key) == ("aws:kms", KEY, True)
    assert (receipt.etag, receipt.checksum) == ("e1", "CRC64NVME:AAAAAAAAAAA=")
    assert (receipt.encryption().etag, receipt.encryption().checksum) == ("e1", "CRC64NVME:AAAAAAAAAAA=")
    assert (receipt.size, receipt.stage, receipt.task, receipt.client) == (None, 2, 7, "executor 3")


def test_a_refused_request_becomes_the_error_of_its_control():
    (refusal,) = report_of([json.dumps(REFUSED)]).refusals

    assert (refusal.control, refusal.found) == ("GS-S3-005", "AES256 without a key")


@pytest.mark.parametrize(
    ("event", "gaps"),
    [
        ({"event": "tested", "client": "executor 1"}, ()),
        ({"event": "tested", "client": "executor 1", "text": "no"}, ("executor 1: no",)),
        ({"event": "incomplete", "text": "executor 2 was lost"}, ("driver: executor 2 was lost",)),
    ],
)
def test_a_gap_is_reported_with_its_reason(event, gaps):
    assert report_of([json.dumps(event)]).gaps == gaps


def test_the_refusal_is_found_in_the_message_of_spark():
    refusal = refusal_in(MESSAGE)

    assert refusal is not None
    assert refusal.control == "GS-S3-005"
    assert refusal.fix == "remove the encryption settings of this write"
    assert "Service" not in str(refusal)


def test_another_message_quotes_no_refusal():
    assert refusal_in("java.lang.OutOfMemoryError: GS-S3-005 is a control") is None


def test_a_service_that_is_not_aws_is_named_with_its_port():
    policy = RequestPolicy(
        "jr_1",
        EncryptionRules.of_key(KmsKeyArn.parse(KEY)),
        (),
        "https://localhost:8443",
        S3Uri("evidence", "runs"),
    )
    assert policy.message(scheme="s3a", settings={})["hosts"] == ["localhost:8443"]
