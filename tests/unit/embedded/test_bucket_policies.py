"""The embedded account evaluates the conditions of bucket policies."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from glue_secure.embedded.bucket_policies import serve_bucket_policies

KEY, OTHER = (
    f"arn:aws:kms:us-east-1:123456789012:key/{digit * 8}-1111-1111-1111-111111111111" for digit in "12"
)
ENCRYPTED = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
DENIALS = {
    "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": KEY},
}


def deny(actions="s3:PutObject", **condition):
    return {
        "Sid": "OnlyOneKey",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": "arn:aws:s3:::zone-b/*",
        **({"Condition": condition} if condition else {}),
    }


@pytest.fixture
def bucket():
    """``bucket(STATEMENT, ...)``: S3 with a bucket of that policy."""
    serve_bucket_policies()
    serve_bucket_policies()
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        s3.create_bucket(Bucket="zone-b")

        def create(*statements):
            policy = {"Version": "2012-10-17", "Statement": list(statements)}
            s3.put_bucket_policy(Bucket="zone-b", Policy=json.dumps(policy))
            return s3

        yield create


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    ("arguments", "stored"),
    [
        (ENCRYPTED, True),
        ({}, False),
        ({"ServerSideEncryption": "AES256"}, False),
        ({**ENCRYPTED, "SSEKMSKeyId": OTHER}, False),
    ],
)
def test_a_condition_on_the_key_decides_about_each_upload(bucket, arguments, stored, existing):
    s3 = bucket(deny(**DENIALS))
    if existing:
        s3.put_object(Bucket="zone-b", Key="a", Body=b"x", **ENCRYPTED)
    if stored:
        s3.put_object(Bucket="zone-b", Key="a", Body=b"x", **arguments)
        assert s3.get_object(Bucket="zone-b", Key="a")["SSEKMSKeyId"] == KEY
    else:
        with pytest.raises(ClientError, match="403"):
            s3.put_object(Bucket="zone-b", Key="a", Body=b"x", **arguments)


def test_the_first_request_of_a_multipart_upload_is_checked_and_its_parts_are_not(bucket):
    s3 = bucket(deny(**DENIALS))
    with pytest.raises(ClientError, match="403"):
        s3.create_multipart_upload(Bucket="zone-b", Key="big")
    where = {"Bucket": "zone-b", "Key": "big"}
    upload = s3.create_multipart_upload(**where, **ENCRYPTED)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(**where)["Body"].read() == b"x"


def test_a_denied_deletion_of_several_objects_leaves_them(bucket):
    s3 = bucket(deny("s3:DeleteObject"))
    s3.put_object(Bucket="zone-b", Key="a", Body=b"x")
    answer = s3.delete_objects(Bucket="zone-b", Delete={"Objects": [{"Key": "a"}]})
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert s3.get_object(Bucket="zone-b", Key="a")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "statement",
    [
        deny(DateLessThan={"aws:CurrentTime": "2999-01-01T00:00:00Z"}),
        {**deny(), "NotAction": "s3:GetObject"},
    ],
)
def test_a_statement_that_is_not_understood_denies(bucket, statement):
    with pytest.raises(ClientError, match="403"):
        bucket(statement).put_object(Bucket="zone-b", Key="a", Body=b"x", **ENCRYPTED)
