"""Credentials are read, or rejected without showing them."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta, timezone

import pytest
from botocore.stub import Stubber

from glue_secure.aws.secrets import CredentialStore
from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import NotFound, ServiceError


@pytest.fixture
def secrets(stubbed) -> tuple[CredentialStore, Stubber]:
    client, stubber = stubbed("secretsmanager")
    return CredentialStore(client=lambda service: client), stubber


def test_username_and_password_are_read(secrets):
    store, stubber = secrets
    answer = {"SecretString": '{"username": "me", "password": "hunter2", "engine": "postgres"}'}
    stubber.add_response("get_secret_value", answer, {"SecretId": "ops/postgres"})
    found = store.credentials("ops/postgres")
    assert (found.user, found.password) == ("me", "hunter2")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "answer",
    [
        {"SecretString": "hunter2"},
        {"SecretString": '{"username": "me", "password": "hunter2"'},
        {"SecretString": '{"username": "me", "password": "hunter2"} trailing'},
        {"SecretString": '{"username": "hunter2"}'},
        {"SecretString": '{"password": "hunter2"}'},
        {"SecretString": '["hunter2"]'},
        {"SecretString": '"hunter2"'},
        {"SecretString": "null"},
        {"SecretString": '{"username": {"a": "hunter2"}, "password": 1}'},
        {"SecretBinary": b"hunter2"},
        {},
    ],
)
def test_a_secret_of_another_form_is_refused_without_showing_it(secrets, answer):
    store, stubber = secrets
    stubber.add_response("get_secret_value", answer)
    with pytest.raises(UsageError) as caught:
        store.credentials("ops/postgres")
    error = caught.value
    assert "ops/postgres" in str(error)
    printed = "".join(traceback.format_exception(error))
    # Frames show source lines, never values; the printed error and its causes are checked.
    for text in (
        str(error),
        repr(error),
        repr(error.args),
        repr(error.__cause__),
        repr(error.__context__),
        printed,
    ):
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDeniedException", ServiceError), ("ResourceNotFoundException", NotFound)],
)
def test_access_denied_and_not_found_are_distinguished(secrets, code, kind):
    store, stubber = secrets
    stubber.add_client_error("get_secret_value", code)
    with pytest.raises(ServiceError) as caught:
        store.credentials("ops/postgres")
    assert type(caught.value) is kind
    assert caught.value.operation == "GetSecretValue"


@pytest.fixture
def sealed(stubbed):
    clients = {name: stubbed(name) for name in ("glue", "kms")}
    return CredentialStore(client=lambda name: clients[name][0]), clients["glue"][1], clients["kms"][1]


def connection(**properties):
    return {"Connection": {"Name": "ops", "ConnectionProperties": properties}}


ASKED = {"Name": "ops", "HidePassword": False}


def test_the_catalogs_encrypted_password_is_decrypted_by_its_key(sealed, key):
    store, glue, kms = sealed
    glue.add_response("get_connection", connection(ENCRYPTED_PASSWORD="c2VhbGVk"), ASKED | {"CatalogId": "1"})
    kms.add_response("decrypt", {"Plaintext": b"hunter2", "KeyId": str(key)}, {"CiphertextBlob": b"sealed"})
    found = store.encrypted_password("ops", "me", "1")
    assert (found.user, found.password, found.expires) == ("me", "hunter2", None)
    assert found.origin == f"ENCRYPTED_PASSWORD under {key}"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"ENCRYPTED_PASSWORD": "hunter2!"},
        {"PASSWORD": "hunter2"},
        {"PASSWORD": "hunter2", "ENCRYPTED_PASSWORD": "c2VhbGVk"},
    ],
)
def test_a_password_in_plain_text_is_rejected(sealed, properties):
    store, glue, _ = sealed
    glue.add_response("get_connection", connection(**properties), ASKED)
    with pytest.raises(ServiceError) as caught:
        store.encrypted_password("ops", "me", None)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_denied_key_and_a_password_that_is_not_text_are_errors(sealed, key):
    store, glue, kms = sealed
    glue.add_response("get_connection", connection(ENCRYPTED_PASSWORD="c2VhbGVk"), ASKED)
    kms.add_client_error("decrypt", "AccessDeniedException")
    with pytest.raises(ServiceError) as caught:
        store.encrypted_password("ops", "me", None)
    assert caught.value.code == "AccessDeniedException"
    glue.add_response("get_connection", connection(ENCRYPTED_PASSWORD="c2VhbGVk"), ASKED)
    kms.add_response("decrypt", {"Plaintext": b"\xffhunter2", "KeyId": str(key)})
    with pytest.raises(ServiceError, match="not UTF-8 text") as caught:
        store.encrypted_password("ops", "me", None)
    assert caught.value.__cause__ is None


def test_a_token_is_a_signed_request_for_server_and_user_valid_for_fifteen_minutes(client_of):
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    host = "ops.c9akciq32.eu-central-1.rds.amazonaws.com"
    found = CredentialStore(client=client_of).token(host, 5432, "etl", "eu-central-1", now)
    assert found.password.startswith(f"{host}:5432/?")
    for part in (
        "Action=connect",
        "DBUser=etl",
        "X-Amz-Expires=900",
        "eu-central-1%2Frds-db",
        "X-Amz-Signature=",
    ):
        assert part in found.password
    assert found.expires == now + timedelta(minutes=15)
    assert found.password not in repr(found)
    assert found.password.rpartition("=")[2] not in redact_text(found.password)
