"""With every logger at DEBUG, no password and no data key is logged."""

from __future__ import annotations

import base64
import io
import json
import logging
from datetime import datetime, timezone

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from glue_secure.aws.kms import KmsKeyService, strict_master_key_provider
from glue_secure.aws.secrets import CredentialStore
from glue_secure.aws.session import AwsSession
from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext

PLAINTEXT = b"a data key of thirty two bytes!!"
WIRE = {
    "GetSecretValue": {
        "Name": "ops",
        "SecretString": json.dumps({"username": "me", "password": "hunter2"}),
    },
    "GenerateDataKey": {
        "CiphertextBlob": base64.b64encode(b"sealed").decode(),
        "Plaintext": base64.b64encode(PLAINTEXT).decode(),
    },
    "Decrypt": {"Plaintext": base64.b64encode(PLAINTEXT).decode()},
    "GetConnection": {"Connection": {"ConnectionProperties": {"ENCRYPTED_PASSWORD": "c2VhbGVk"}}},
    "DescribeKey": {"KeyMetadata": {"KeyId": "hunter2"}},
}


class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()


@pytest.fixture
def session(clean_environment, key):
    """A session whose clients parse real answers, so that they log what they would log on the wire."""
    inner = boto3.session.Session(region_name="eu-west-1")

    def answer(request, **_):
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        body = {**WIRE[operation], "KeyId": str(key)} if operation != "DescribeKey" else WIRE[operation]
        return AWSResponse(request.url, 200, {}, Raw(json.dumps(body).encode()))

    inner.events.register("before-send", answer)
    return AwsSession(session=inner)


@pytest.fixture
def logged():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = ("", "botocore", "botocore.parsers", "urllib3", "py4j")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield stream.getvalue
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def without_secrets(text: str) -> bool:
    return not any(
        secret in text
        for secret in ("hunter2", base64.b64encode(PLAINTEXT).decode(), PLAINTEXT.decode(), repr(PLAINTEXT))
    )


def test_this_test_detects_a_logged_secret(session, logged):
    session.client("kms").describe_key(KeyId="x")
    assert not without_secrets(logged())


def test_a_password_is_not_logged(session, logged):
    found = CredentialStore(client=session.client).credentials("ops")
    assert found.password == "hunter2"
    assert without_secrets(logged())


def test_an_encrypted_password_and_a_token_are_not_logged(session, logged, monkeypatch):
    store = CredentialStore(client=session.client)
    assert store.encrypted_password("ops", "me", None).password == PLAINTEXT.decode()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    host = "ops.c9akciq32.eu-west-1.rds.amazonaws.com"
    token = store.token(host, 5432, "etl", "eu-west-1", datetime(2026, 1, 1, tzinfo=timezone.utc)).password
    assert without_secrets(logged()) and "c2VhbGVk" not in logged()
    assert token.rpartition("=")[2] not in logged()


def test_the_data_key_of_a_probe_is_not_logged(session, logged, key):
    KmsKeyService(client=session.client("kms")).probe(key)
    assert without_secrets(logged())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_data_key_of_a_bookmark_is_not_logged(session, logged, key):
    provider = strict_master_key_provider(key, botocore_session=session.botocore)
    envelope = Envelope(provider, key, EnvelopeContext("job", "123456789012", "eu-west-1"))
    sealed = envelope.seal(b"state", resource="bookmark")
    assert envelope.open(sealed, resource="bookmark").body == b"state"
    assert without_secrets(logged())
