"""S3 calls of the driver: the run's key is added, another encryption is rejected."""

from __future__ import annotations

import pytest

from glue_secure.core.driver_s3 import WRITES, guarded_parameters
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
PLACE = {"Bucket": "curated", "Key": "out/a"}


@pytest.mark.parametrize("operation", sorted(WRITES))
def test_a_write_gets_the_runs_key(operation):
    wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(KEY)}
    assert guarded_parameters(operation, PLACE, KEY) == wanted
    assert guarded_parameters(operation, {**PLACE, **wanted}, KEY) == wanted
    assert guarded_parameters(operation, {**PLACE, "SSEKMSKeyId": KEY.key_id}, KEY) == wanted


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2", "UploadPart", "DeleteObject"])
def test_other_calls_are_not_changed(operation):
    assert guarded_parameters(operation, PLACE, KEY) == {}


@pytest.mark.parametrize("operation", sorted(WRITES | {"UploadPart", "CreateSession"}))
@pytest.mark.parametrize(
    "contrary",
    [
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms:dsse"},
        {"ServerSideEncryption": ""},
        {"SSEKMSKeyId": "alias/aws/s3"},
        {"SSEKMSKeyId": str(KEY).replace("eu-west-1", "eu-west-2")},
        {"SSEKMSEncryptionContext": "e30="},
        {"SSECustomerAlgorithm": "AES256"},
        {"Bucket": "arn:aws:s3:eu-west-1:123456789012:accesspoint/a"},
    ],
    ids=str,
)
def test_gs_s3_005_another_encryption_is_rejected(operation, contrary):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        guarded_parameters(operation, {**PLACE, **contrary}, KEY)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("PutBucketEncryption", {}),
        ("DeleteBucketEncryption", {}),
        ("UpdateObjectEncryption", {}),
        ("RestoreObject", {"RestoreRequest": {"OutputLocation": {}}}),
    ],
)
def test_gs_s3_005_calls_that_change_stored_objects_are_rejected(operation, parameters):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        guarded_parameters(operation, {**PLACE, **parameters}, KEY)
