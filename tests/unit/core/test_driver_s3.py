"""S3 calls of the driver: the run's key is added, another encryption is rejected."""

from __future__ import annotations

import pytest

from glue_secure.core.driver_s3 import (
    WRITES,
    guarded_parameters,
    is_checked,
    is_storing,
    receipts_of,
    require_known_service,
)
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.target_encryption import EncryptionRules

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
RULES = EncryptionRules.of_key(KEY)
PLACE = {"Bucket": "curated", "Key": "out/a"}


@pytest.mark.parametrize("operation", sorted(WRITES))
def test_a_write_gets_the_runs_key(operation):
    wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(KEY)}
    assert guarded_parameters(operation, PLACE, RULES) == wanted
    assert guarded_parameters(operation, {**PLACE, **wanted}, RULES) == wanted
    assert guarded_parameters(operation, {**PLACE, "SSEKMSKeyId": KEY.key_id}, RULES) == wanted


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2", "UploadPart", "DeleteObject"])
def test_other_calls_are_not_changed(operation):
    assert guarded_parameters(operation, PLACE, RULES) == {}


@pytest.mark.parametrize("operation", ["PutObjectInOtherWay", "RenameObject", "UpdateObjectEncryption"])
def test_an_operation_that_stores_in_another_way_and_an_unknown_one_are_refused(operation):
    assert is_storing(operation, PLACE)
    with pytest.raises(RefusedError, match="GS-S3-005") as refusal:
        guarded_parameters(operation, PLACE, RULES)
    assert "put_object" in refusal.value.fix


@pytest.mark.parametrize("operation", ["GetObjectInOtherWay", "ListNewThings", "HeadNewThing"])
def test_an_unknown_operation_that_reads_is_not_checked(operation):
    assert not is_checked(operation)
    assert guarded_parameters(operation, PLACE, RULES) == {}


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
        guarded_parameters(operation, {**PLACE, **contrary}, RULES)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("PutBucketEncryption", {}),
        ("PutObjectAnnotation", {}),
        ("DeleteBucketEncryption", {}),
        ("UpdateObjectEncryption", {}),
        ("RestoreObject", {"RestoreRequest": {"OutputLocation": {}}}),
    ],
)
def test_gs_s3_005_calls_that_change_stored_objects_are_rejected(operation, parameters):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        guarded_parameters(operation, {**PLACE, **parameters}, RULES)


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("PutObject", {}, True),
        ("UploadPart", {}, True),
        ("RestoreObject", {"RestoreRequest": {"OutputLocation": {}}}, True),
        ("RestoreObject", {"RestoreRequest": {"Days": 1}}, False),
        ("CreateSession", {}, False),
        ("DeleteObject", {}, False),
        ("GetObject", {}, False),
    ],
)
def test_storing_calls_are_known(operation, parameters, expected):
    assert is_storing(operation, parameters) is expected


def test_the_deleted_objects_of_one_request_are_those_without_an_error():
    objects = [{"Key": "a"}, {"Key": "b"}, {"Key": "c", "VersionId": "v1"}]
    deleted = receipts_of(
        "DeleteObjects",
        {"Bucket": "curated", "Delete": {"Objects": objects, "Quiet": True}},
        {"Errors": [{"Key": "b", "Code": "AccessDenied"}]},
        size=None,
        time=0,
    )
    assert [receipt.uri for receipt in deleted] == [S3Uri("curated", "a")]


def test_a_deleted_version_says_nothing_about_the_object():
    parameters = {**PLACE, "VersionId": "v1"}
    assert receipts_of("DeleteObject", parameters, {}, size=None, time=0) == []


@pytest.mark.parametrize(
    ("endpoint", "account"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "https://s3.eu-west-1.amazonaws.com"),
        ("https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", "https://s3.eu-west-1.amazonaws.com"),
        ("https://127.0.0.1:5001", "https://127.0.0.1:5001"),
    ],
)
def test_gs_s3_002_amazon_s3_and_the_run_s_own_service_are_accepted(endpoint, account):
    require_known_service("PutObject", "curated", endpoint, account)


@pytest.mark.parametrize("endpoint", ["https://minio.example.com", "https://127.0.0.1:5002"])
def test_gs_s3_002_another_service_is_rejected(endpoint):
    with pytest.raises(RefusedError, match="GS-S3-002"):
        require_known_service("PutObject", "curated", endpoint, "https://127.0.0.1:5001")
