"""A secret is read, or refused without a letter of it."""

from __future__ import annotations

import traceback

import pytest
from botocore.stub import Stubber

from glue_secure.aws.secrets import SecretsManagerStore
from glue_secure.core.errors import UsageError
from glue_secure.core.service import NotFound, ServiceError


@pytest.fixture
def secrets(stubbed) -> tuple[SecretsManagerStore, Stubber]:
    client, stubber = stubbed("secretsmanager")
    return SecretsManagerStore(client=client), stubber


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
    # Frames show source lines, never values; what is printed of the error and its causes is looked at.
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
def test_denied_and_not_there_are_two_things(secrets, code, kind):
    store, stubber = secrets
    stubber.add_client_error("get_secret_value", code)
    with pytest.raises(ServiceError) as caught:
        store.credentials("ops/postgres")
    assert type(caught.value) is kind
    assert caught.value.operation == "GetSecretValue"
