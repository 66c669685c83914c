"""Which credentials a connection names. Pure: they are named here, and fetched when the server is known.

Three ways, one of them for each connection: a secret of Secrets Manager; ENCRYPTED_PASSWORD, which the Data
Catalog keeps under a KMS key; a token of IAM database authentication.
https://docs.aws.amazon.com/glue/latest/webapi/API_ConnectionPasswordEncryption.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from glue_secure.core.connection import GlueConnection, Login, LoginKind
from glue_secure.core.errors import RefusedError, UsageError

_WANTED = "SECRET_ID, or USERNAME beside ENCRYPTED_PASSWORD, or AuthenticationType IAM with USERNAME"
_USER = re.compile(r"[A-Za-z0-9_@.$-]{1,63}")
_RDS = re.compile(
    r"[a-z0-9-]+(?:\.[a-z0-9-]+)?\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9]+)\.rds\.amazonaws\.com(?:\.cn)?"
)
_WITH_TOKENS = ("postgresql", "mysql", "mariadb")


def login_of(connection: GlueConnection, properties: Mapping[str, str], *, engine: str, host: str) -> Login:
    """How the connection logs in.

    Args:
        connection: the connection.
        properties: of ``check_properties``.
        engine: its engine's name.
        host: its server.

    Raises:
        RefusedError: GS-TLS-008, no credentials are named, or two, or a token for a server that takes none.
        UsageError: USERNAME stands beside SECRET_ID.
    """
    kind = connection.authentication.upper()
    user = properties.get("USERNAME", "")
    secret = properties.get("SECRET_ID", "")
    if kind == "IAM":
        if connection.secret or secret or "ENCRYPTED_PASSWORD" in properties:
            _refuse(
                connection, "AuthenticationType IAM beside a secret or a password", "a token, or a secret"
            )
        return _token(connection, user, engine, host)
    if secret and "ENCRYPTED_PASSWORD" in properties:
        _refuse(connection, "SECRET_ID and ENCRYPTED_PASSWORD", "one password, kept in one place")
    if secret and user:
        raise UsageError(
            f"connection {connection.name} names its user twice",
            found="USERNAME and SECRET_ID",
            required="SECRET_ID only; the secret holds the user's name",
            fix="remove USERNAME from the connection",
        )
    if secret:
        return Login(LoginKind.SECRET, secret_id=secret)
    if not _USER.fullmatch(user):
        # GetConnection is asked to hide the password, so ENCRYPTED_PASSWORD need not show here.
        _refuse(connection, "no SECRET_ID" + (", and an odd USERNAME" if user else ""), _WANTED)
    return Login(LoginKind.ENCRYPTED, user=user)


def _token(connection: GlueConnection, user: str, engine: str, host: str) -> Login:
    match = _RDS.fullmatch(host)
    if engine not in _WITH_TOKENS or match is None:
        _refuse(
            connection,
            f"AuthenticationType IAM with {engine} at {host}",
            f"a host of RDS or Aurora (NAME.ID.REGION.rds.amazonaws.com) with {', '.join(_WITH_TOKENS)}",
        )
    if not _USER.fullmatch(user):
        _refuse(
            connection, "AuthenticationType IAM without a USERNAME, or with an odd one", "the database's user"
        )
    return Login(LoginKind.TOKEN, user=user, region=match["region"])


def _refuse(connection: GlueConnection, found: str, required: str) -> NoReturn:
    raise RefusedError(
        "GS-TLS-008",
        resource=f"connection {connection.name}",
        found=found,
        required=required,
        fix="put user and password into AWS Secrets Manager, and name the secret by SECRET_ID",
    )
