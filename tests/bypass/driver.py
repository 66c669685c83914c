"""Ways out through boto3 in the driver: ``job.s3``, ``job.boto3_session`` and clients of the script's own."""

from __future__ import annotations

import io
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig


def _place(way, name="a"):
    return {"Bucket": way.bucket, "Key": f"{way.prefix}/{name}"}


def put_object(way):
    way.job.s3.put_object(**_place(way), Body=b"x")


def upload_in_parts(way):
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 2**20)
    place = _place(way)
    way.job.s3.upload_fileobj(io.BytesIO(b"x" * 6 * 2**20), place["Bucket"], place["Key"], Config=config)


def copy_object(way):
    source = way.bench.land("b.csv", "x\n").removeprefix("s3://")
    way.job.s3.copy_object(**_place(way), CopySource=source)


def resource_object(way):
    place = _place(way)
    way.job.boto3_session.resource("s3").Object(place["Bucket"], place["Key"]).put(Body=b"x")


def presigned_put(way):
    url = way.job.s3.generate_presigned_url("put_object", Params=_place(way))
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": way.key,
    }
    request = urllib.request.Request(url, data=b"x", method="PUT", headers=headers)
    urllib.request.urlopen(request, context=_trust(way)).read()


def _trust(way):
    import ssl

    return ssl.create_default_context(cafile=str(way.bench.account.ca_bundle))


def put_aes256(way):
    way.job.s3.put_object(**_place(way), Body=b"x", ServerSideEncryption="AES256")


def put_another_key(way):
    way.job.s3.put_object(**_place(way), Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=way.other)


def put_customer_key(way):
    way.job.s3.put_object(**_place(way), Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)


def copy_to_the_aws_key(way):
    source = way.bench.land("b.csv", "x\n").removeprefix("s3://")
    way.job.s3.copy_object(**_place(way), CopySource=source, SSEKMSKeyId="alias/aws/s3")


def presigned_aes256(way):
    params = {**_place(way), "ServerSideEncryption": "AES256"}
    way.job.s3.generate_presigned_url("put_object", Params=params)


def presigned_form(way):
    place = _place(way)
    way.job.s3.generate_presigned_post(place["Bucket"], place["Key"])


def change_the_buckets_default(way):
    way.job.s3.delete_bucket_encryption(Bucket=way.bucket)


def put_over_the_evidence(way):
    way.job.s3.put_object(Bucket="glue-secure-evidence", Key="evidence/x", Body=b"x")


def client_without_verification(way):
    way.job.boto3_session.client("s3", verify=False)


def client_without_tls(way):
    way.job.boto3_session.client("s3", endpoint_url="http://127.0.0.1:9")


def contrary_put_swallowed(way):
    import contextlib

    from glue_secure import GlueSecureError

    with contextlib.suppress(GlueSecureError):
        put_aes256(way)


def object_replaced_behind_it(way):
    put_object(way)
    way.aws("s3").put_object(**_place(way), Body=b"x", ServerSideEncryption="AES256")


def default_session(way):
    boto3.client("s3").put_object(**_place(way), Body=b"x")


def default_session_aes256(way):
    boto3.client("s3").put_object(**_place(way), Body=b"x", ServerSideEncryption="AES256")
