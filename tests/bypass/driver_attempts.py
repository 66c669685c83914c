"""Bypass attempts through botocore on the driver: ``job.s3``, ``job.boto3_session`` and other clients."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import subprocess as processes
import sys
import urllib.request

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig


def _location(bypass, name="a"):
    return {"Bucket": bypass.bucket, "Key": f"{bypass.prefix}/{name}"}


def put_object(bypass):
    bypass.job.s3.put_object(**_location(bypass), Body=b"x")


def upload_in_parts(bypass):
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 2**20)
    location = _location(bypass)
    bypass.job.s3.upload_fileobj(
        io.BytesIO(b"x" * 6 * 2**20), location["Bucket"], location["Key"], Config=config
    )


def copy_object(bypass):
    source = bypass.bench.land("b.csv", "x\n").removeprefix("s3://")
    bypass.job.s3.copy_object(**_location(bypass), CopySource=source)


def resource_object(bypass):
    location = _location(bypass)
    bypass.job.boto3_session.resource("s3").Object(location["Bucket"], location["Key"]).put(Body=b"x")


def presigned_put(bypass):
    url = bypass.job.s3.generate_presigned_url("put_object", Params=_location(bypass))
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": bypass.key,
    }
    request = urllib.request.Request(url, data=b"x", method="PUT", headers=headers)
    urllib.request.urlopen(request, context=_trust(bypass)).read()


def _trust(bypass):
    import ssl

    return ssl.create_default_context(cafile=str(bypass.bench.account.ca_pem))


def put_aes256(bypass):
    bypass.job.s3.put_object(**_location(bypass), Body=b"x", ServerSideEncryption="AES256")


def put_another_key(bypass):
    bypass.job.s3.put_object(
        **_location(bypass), Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=bypass.other
    )


def put_customer_key(bypass):
    bypass.job.s3.put_object(
        **_location(bypass), Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32
    )


def copy_to_the_aws_key(bypass):
    source = bypass.bench.land("b.csv", "x\n").removeprefix("s3://")
    bypass.job.s3.copy_object(**_location(bypass), CopySource=source, SSEKMSKeyId="alias/aws/s3")


def presigned_aes256(bypass):
    params = {**_location(bypass), "ServerSideEncryption": "AES256"}
    bypass.job.s3.generate_presigned_url("put_object", Params=params)


def presigned_form(bypass):
    location = _location(bypass)
    bypass.job.s3.generate_presigned_post(location["Bucket"], location["Key"])


def change_the_buckets_default(bypass):
    bypass.job.s3.delete_bucket_encryption(Bucket=bypass.bucket)


def put_over_the_evidence(bypass):
    bypass.job.s3.put_object(Bucket="glue-secure-evidence", Key="evidence/x", Body=b"x")


def client_without_verification(bypass):
    bypass.job.boto3_session.client("s3", verify=False)


def client_without_tls(bypass):
    bypass.job.boto3_session.client("s3", endpoint_url="http://127.0.0.1:9")


def contrary_put_swallowed(bypass):
    from glue_secure import GlueSecureError

    with contextlib.suppress(GlueSecureError):
        put_aes256(bypass)


def object_replaced_behind_it(bypass):
    put_object(bypass)
    bypass.aws("s3").put_object(**_location(bypass), Body=b"x", ServerSideEncryption="AES256")


def default_session(bypass):
    boto3.client("s3").put_object(**_location(bypass), Body=b"x")


def default_session_aes256(bypass):
    boto3.client("s3").put_object(**_location(bypass), Body=b"x", ServerSideEncryption="AES256")


def setup_default_session(bypass):
    boto3.setup_default_session()
    try:
        default_session(bypass)
    finally:
        boto3.DEFAULT_SESSION = None


def session_of_the_script(bypass):
    boto3.session.Session().client("s3").put_object(**_location(bypass), Body=b"x")


def client_of_botocore(bypass):
    botocore.session.get_session().create_client("s3").put_object(**_location(bypass), Body=b"x")


def client_made_before(bypass):
    bypass.client_made_before.put_object(**_location(bypass), Body=b"x")


def alias_of_the_key(bypass):
    name = f"alias/of-{bypass.bench.name}"
    bypass.aws("kms").create_alias(AliasName=name, TargetKeyId=bypass.key)
    bypass.job.s3.put_object(**_location(bypass), Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=name)


def _put(bucket, prefix, **encryption):
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/a", Body=b"x", **encryption)


def subprocess(bypass, **encryption):
    location = {**_location(bypass), **encryption}
    code = f"import boto3; boto3.client('s3').put_object(**{location!r}, Body=b'x')"
    return processes.run([sys.executable, "-c", code], check=not encryption).returncode


def subprocess_aes256(bypass):
    assert subprocess(bypass, ServerSideEncryption="AES256") != 0


def forked_process(bypass):
    process = multiprocessing.get_context("fork").Process(target=_put, args=(bypass.bucket, bypass.prefix))
    process.start()
    process.join()
    assert process.exitcode == 0


def _on_executor(bypass, **encryption):
    location = {**_location(bypass), **encryption}

    def put(_rows):
        import boto3

        boto3.client("s3").put_object(**location, Body=b"x")

    bypass.spark.sparkContext.parallelize([1], 1).foreachPartition(put)


def executor(bypass):
    _on_executor(bypass)


def executor_aes256(bypass):
    from py4j.protocol import Py4JJavaError

    with contextlib.suppress(Py4JJavaError):
        _on_executor(bypass, ServerSideEncryption="AES256")


def executor_udf(bypass):
    location = _location(bypass)

    def put(batches):
        import boto3

        for batch in batches:
            boto3.client("s3").put_object(**location, Body=b"x")
            yield batch

    bypass.spark.range(0, 1, 1, 1).mapInPandas(put, "id long").collect()
