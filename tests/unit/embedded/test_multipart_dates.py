"""The embedded account dates objects as S3 does."""

from __future__ import annotations

import time

import boto3
from moto import mock_aws

from glue_secure.embedded.endpoint import date_multipart_uploads


def test_an_object_has_the_date_of_the_start_of_its_multipart_upload():
    date_multipart_uploads()
    date_multipart_uploads()
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        s3.create_bucket(Bucket="landing")
        where = {"Bucket": "landing", "Key": "big"}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        time.sleep(1.1)
        s3.put_object(Bucket="landing", Key="small", Body=b"x")
        part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")
        parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        big, small = (s3.head_object(Bucket="landing", Key=key)["LastModified"] for key in ("big", "small"))
        assert big < small
        assert s3.get_object(**where)["Body"].read() == b"x"
