"""The login that a connection names: exactly one, and no password in plain text."""

from __future__ import annotations

import pytest

from glue_secure.connections.jdbc import plan_connection
from glue_secure.core.connection import GlueConnection, Login, LoginKind
from glue_secure.core.errors import RefusedError

RDS = "ops.c9akciq32.eu-west-1.rds.amazonaws.com"


def login(host: str = "db.example.com", authentication: str = "", secret: str = "", **more: str) -> Login:
    properties = {"JDBC_CONNECTION_URL": f"jdbc:postgresql://{host}/ops", "JDBC_ENFORCE_SSL": "true", **more}
    connection = GlueConnection("c", "JDBC", properties, authentication, secret)
    return plan_connection(connection, {}).login


def test_each_kind_of_login_is_read():
    assert login(SECRET_ID="s") == Login(LoginKind.SECRET, secret_id="s")
    assert login(authentication="BASIC", secret="arn") == Login(LoginKind.SECRET, secret_id="arn")
    assert login(USERNAME="etl") == Login(LoginKind.ENCRYPTED, user="etl")
    assert login(USERNAME="etl", ENCRYPTED_PASSWORD="c2VhbGVk") == Login(LoginKind.ENCRYPTED, user="etl")
    token = Login(LoginKind.TOKEN, user="etl", region="eu-west-1")
    assert login(RDS, "IAM", USERNAME="etl") == token
    assert login(RDS + ".cn", "iam", USERNAME="etl") == token
    china = login("ops.c9akciq32.rds.cn-north-1.amazonaws.com.cn", "IAM", USERNAME="etl")
    assert china.region == "cn-north-1"
    assert login("p.proxy-1.us-gov-west-1.rds.amazonaws.com", "IAM", USERNAME="e").region == "us-gov-west-1"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"USERNAME": "two words"},
        {"USERNAME": "etl", "PASSWORD": "hunter2"},
        {"SECRET_ID": "s", "ENCRYPTED_PASSWORD": "c2VhbGVk"},
        {"authentication": "IAM", "host": RDS},
        {"authentication": "IAM", "host": RDS, "USERNAME": "etl&Action=x"},
        {"authentication": "IAM", "host": "db.example.com", "USERNAME": "etl"},
        {"authentication": "IAM", "host": f"{RDS}.evil.example", "USERNAME": "etl"},
        {"authentication": "IAM", "host": "evil-rds.amazonaws.com", "USERNAME": "etl"},
        {"authentication": "IAM", "host": "a.b.rds.us-east-1.amazonaws.com.cn", "USERNAME": "etl"},
        {"authentication": "IAM", "host": "a.b.rds.cn-north-1.amazonaws.com", "USERNAME": "etl"},
        {"authentication": "IAM", "host": RDS, "USERNAME": "etl", "SECRET_ID": "s"},
        {"authentication": "IAM", "host": RDS, "USERNAME": "etl", "secret": "arn"},
        {"authentication": "IAM", "host": RDS, "USERNAME": "etl", "ENCRYPTED_PASSWORD": "c2VhbGVk"},
        {"authentication": "OAUTH2", "USERNAME": "etl"},
    ],
)
def test_a_missing_duplicate_or_invalid_login_is_refused(arguments):
    with pytest.raises(RefusedError) as caught:
        login(**arguments)
    assert caught.value.control == "GS-TLS-008"
    assert "hunter2" not in str(caught.value) and "c2VhbGVk" not in str(caught.value)


def test_a_secret_names_the_user_also_beside_a_user_name():
    assert login(SECRET_ID="s", USERNAME="etl") == Login(LoginKind.SECRET, secret_id="s")
