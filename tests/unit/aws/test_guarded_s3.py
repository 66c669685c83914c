"""Sessions for scripts: every S3 write that botocore sends or signs has the key."""

from __future__ import annotations

import io
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse

from glue_secure.aws.guarded_s3 import GuardedSession, cover_default_session
from glue_secure.core.driver_s3 import guarded_parameters
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import KmsKeyArn

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
ALGORITHM, KEY_ID = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
UPLOAD = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"


def guard(operation, parameters):
    return guarded_parameters(operation, parameters, KEY)


def prepared(session):
    session.set_config_variable("region", "eu-west-1")
    session.set_credentials("a", "b")
    return session


@pytest.fixture
def session():
    return GuardedSession(core=prepared(botocore.session.Session()), on_call=guard)


class Body(io.BytesIO):
    def stream(self, **_):
        yield self.read()


def sending(client):
    """The requests that a client would send; each is answered here."""
    sent = []

    def answer(request, **_):
        sent.append(request)
        body = UPLOAD if request.url.endswith("?uploads") else b"<CopyObjectResult/>"
        return AWSResponse(request.url, 200, {"ETag": '"e"'}, Body(body))

    client.meta.events.register("before-send.s3", answer)
    return sent


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def headers_of(request):
    return {name.lower(): text(value) for name, value in request.headers.items()}


def put(client):
    client.put_object(Bucket="curated", Key="a", Body=b"x")


def begin_parts(client):
    client.create_multipart_upload(Bucket="curated", Key="a")


def copy(client):
    client.copy_object(Bucket="curated", Key="a", CopySource="landing/a")


def upload(client):
    client.upload_fileobj(io.BytesIO(b"x"), "curated", "a")


@pytest.mark.parametrize("act", [put, begin_parts, copy, upload])
def test_every_write_request_has_the_key(session, act):
    client = session.client("s3")
    sent = sending(client)
    act(client)
    found = headers_of(sent[0])
    assert (found[ALGORITHM], found[KEY_ID]) == ("aws:kms", str(KEY))


def test_a_large_upload_begins_with_the_key_and_its_parts_name_none(session):
    client = session.client("s3")
    sent = sending(client)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=1, use_threads=False)
    client.upload_fileobj(io.BytesIO(b"x" * 6_000_000), "curated", "a", Config=config)
    assert headers_of(sent[0])[KEY_ID] == str(KEY)
    assert not any(KEY_ID in headers_of(request) for request in sent[1:])


def test_the_resource_interface_is_guarded_too(session):
    resource = session.resource("s3")
    sent = sending(resource.meta.client)
    resource.Object("curated", "a").put(Body=b"x")
    assert headers_of(sent[0])[KEY_ID] == str(KEY)


def test_a_presigned_put_signs_the_headers_so_that_its_user_must_send_them(session):
    url = session.client("s3").generate_presigned_url("put_object", Params={"Bucket": "curated", "Key": "a"})
    query = parse_qs(urlsplit(url).query)
    assert {ALGORITHM, KEY_ID} <= set(query["X-Amz-SignedHeaders"][0].split(";"))


def test_gs_s3_005_a_presigned_put_with_another_encryption_is_rejected(session):
    params = {"Bucket": "curated", "Key": "a", "ServerSideEncryption": "AES256"}
    with pytest.raises(RefusedError, match="GS-S3-005"):
        session.client("s3").generate_presigned_url("put_object", Params=params)


def test_gs_s3_005_a_presigned_post_is_rejected(session):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        session.client("s3").generate_presigned_post("curated", "a")


def test_gs_s3_005_a_put_with_another_encryption_sends_nothing(session):
    client = session.client("s3")
    sent = sending(client)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        client.put_object(Bucket="curated", Key="a", Body=b"x", ServerSideEncryption="AES256")
    assert not sent


@pytest.mark.parametrize(
    "arguments", [{"verify": False}, {"use_ssl": False}, {"endpoint_url": "http://127.0.0.1:1"}], ids=str
)
def test_gs_s3_002_a_client_without_verified_tls_is_rejected(session, arguments):
    with pytest.raises(RefusedError, match="GS-S3-002"):
        session.client("s3", **arguments)


def test_reads_are_not_changed(session):
    client = session.client("s3")
    sent = sending(client)
    client.head_object(Bucket="curated", Key="a")
    assert KEY_ID not in headers_of(sent[0])


@pytest.fixture
def no_default_session(monkeypatch):
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def test_clients_of_the_default_session_are_guarded_until_the_end(no_default_session):
    active = [True]
    end = cover_default_session(guard, lambda: active[0])
    client = boto3.client("s3")
    sent = sending(client)
    put(client)
    assert headers_of(sent[0])[KEY_ID] == str(KEY)
    with pytest.raises(RefusedError, match="GS-S3-005"):
        client.generate_presigned_post("curated", "a")
    active[0] = False
    put(client)
    assert KEY_ID not in headers_of(sent[1])
    assert client.generate_presigned_post("curated", "a")["fields"]["key"] == "a"
    end()
    assert boto3.DEFAULT_SESSION is None


def test_a_default_session_of_the_script_is_unchanged(no_default_session):
    boto3.setup_default_session()
    mine = boto3.DEFAULT_SESSION
    cover_default_session(guard, lambda: True)()
    assert boto3.DEFAULT_SESSION is mine
    client = boto3.client("s3")
    sent = sending(client)
    put(client)
    assert KEY_ID not in headers_of(sent[0])
