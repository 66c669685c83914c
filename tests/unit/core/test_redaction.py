"""A corpus of texts with a secret in them, and none of it survives."""

from __future__ import annotations

from pathlib import Path

import pytest

import glue_secure
from glue_secure.core.redaction import (
    REDACTED,
    SecretOptions,
    is_secret_name,
    redact_settings,
    redact_text,
    redacting_logger,
)

PACKAGE = Path(glue_secure.__file__).parent

SECRET = "hunter2Zq"
TEXTS = [
    f"postgresql://me:{SECRET}@host:5432/db",
    f"https://me:{SECRET}@host/",
    f"redis://:{SECRET}@host/0",
    f"https://me:p@{SECRET}@host/",
    f"https://me:a/{SECRET}@host/",
    f"https://me:{SECRET}%40x@host and https://you:{SECRET}@host2",
    f"jdbc:postgresql://host/db?user=me&password={SECRET}",
    f"jdbc:postgresql://host/db?PASSWORD={SECRET}&ssl=true",
    f"jdbc:postgresql://host/db?sslpassword={SECRET}",
    f"jdbc:sqlserver://host;user=me;password={SECRET};encrypt=true",
    f"jdbc:sqlserver://host;password={{a;{SECRET}}};encrypt=true",
    f"Pwd={SECRET};",
    f"passwd={SECRET}",
    f"password = {SECRET}",
    f"password: {SECRET}",
    f'{{"username": "me", "password": "{SECRET}"}}',
    f'{{"password":"a \\" b {SECRET}"}}',
    f"{{'password': 'a b {SECRET}'}}",
    f"password='ab'{SECRET}",
    f'password="ab"{SECRET}&x=1',
    f"password={{ab}}{SECRET};x",
    f"aws_secret_access_key={SECRET}",
    f"fs.s3a.secret.key={SECRET}",
    f"fs.s3a.access.key={SECRET}",
    f"secret={SECRET}",
    f"fs.s3a.session.token={SECRET}",
    f"https://bucket.s3.amazonaws.com/a?X-Amz-Security-Token={SECRET}&x=1",
    f"https://bucket.s3.amazonaws.com/a?X-Amz-Signature={SECRET}",
    f"api_key={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Basic {SECRET}",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}",
    f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{SECRET}\n-----END ENCRYPTED PRIVATE KEY----- after",
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_secret_survives(text):
    redacted = redact_text(text)
    assert SECRET not in redacted
    assert REDACTED in redacted
    assert redact_text(redacted) == redacted


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_access_keys_are_known_by_their_form(key):
    assert redact_text(f"found {key} there") == f"found {REDACTED} there"


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111",
        "s3://bucket/a@b/part-0.parquet",
        "https://127.0.0.1:5000",
        "https://localhost:5000/a?mail=me@example.com",
        "jdbc:postgresql://host:5432/db",
        "password authentication failed for user me",
        "option password (value not shown)",
        "--JOB_NAME curate --SECURITY_CONFIGURATION strict",
        "SECRET_ID=ops/postgres",
        "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    ],
)
def test_text_without_a_secret_is_not_redacted(text):
    assert redact_text(text) == text


def test_only_the_secret_in_a_text_is_redacted():
    redacted = redact_text(f"jdbc:postgresql://host/db?user=me&password={SECRET}&ssl=true")
    assert redacted == f"jdbc:postgresql://host/db?user=me&password={REDACTED}&ssl=true"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "javax.net.ssl.trustStorePassword",
        "PWD",
        "fs.s3a.secret.key",
        "fs.s3a.access.key",
        "fs.s3a.session.token",
        "AWS_SECRET_ACCESS_KEY",
        "api-key",
        "private_key",
        "db-passwd",
        "Authorization",
    ],
)
def test_names_of_secrets_are_known(name):
    assert is_secret_name(name)
    assert redact_settings({name: SECRET}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name", ["SECRET_ID", "secretId", "fs.s3a.encryption.key", "fs.s3a.aws.credentials.provider", "source"]
)
def test_names_that_resemble_secret_names_are_not_redacted(name):
    assert not is_secret_name(name)


def test_settings_are_redacted_by_content_too():
    assert redact_settings({"url": f"https://me:{SECRET}@host"}) == {"url": f"https://{REDACTED}@host"}


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "xoxb-1234567890-abcdefghij",
        "sk_live_abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    ],
)
def test_tokens_are_known_by_their_form(token):
    assert redact_text(f"found {token} there") == f"found {REDACTED} there"


def test_log_messages_of_a_module_are_redacted(caplog):
    redacting_logger("glue_secure.test").warning("%s of %d", f"https://me:{SECRET}@host/", 2)
    redacting_logger("glue_secure.test").warning(f"100 % password={SECRET}")
    assert SECRET not in caplog.text
    assert f"{REDACTED}@host/ of 2" in caplog.text
    assert "100 % password=" in caplog.text


def test_no_module_creates_a_logger_without_redaction():
    """``get_logger`` of the GlueContext redacts by itself; loggers of others are only made quieter.

    The text of an error of Spark has a statement that a script can use.
    """
    makers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "getLogger(" in path.read_text(encoding="utf-8")
    }
    assert makers == {
        "core/errors.py",
        "core/log_suppression.py",
        "core/redaction.py",
        "embedded/endpoint.py",
        "engines/spark/metastore_client.py",
        "engines/spark/jdbc_logs.py",
        "quality/expectations.py",
        "engines/spark/context/logger.py",
    }


def test_options_with_a_login_hide_it_but_can_be_passed():
    jaas = 'ScramLoginModule required username="me" password="hunter2";'
    options = SecretOptions({"kafka.sasl.jaas.config": jaas, "subscribe": "t", "password": "hunter2"})
    assert "hunter2" not in f"{options} {options!r} {options}" and "'subscribe': 't'" in repr(options)
    assert dict(**options) == {"kafka.sasl.jaas.config": jaas, "subscribe": "t", "password": "hunter2"}
