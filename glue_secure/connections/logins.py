"""The login that a connection names. Credentials are fetched later, after the server was verified.

A connection uses exactly one of: a secret of Secrets Manager; ENCRYPTED_PASSWORD, which the Data Catalog
encrypts with a KMS key; a token of IAM database authentication.
https://docs.aws.amazon.com/glue/latest/webapi/API_ConnectionPasswordEncryption.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.connection import GlueConnection, Login, LoginKind
from glue_secure.core.findings import Finding, failed, passed

_LOGINS = "SECRET_ID, or USERNAME with ENCRYPTED_PASSWORD, or AuthenticationType IAM with USERNAME"
_USER = re.compile(r"[A-Za-z0-9_@.$-]{1,63}")
# In the regions of China, rds comes before the region: NAME.ID.rds.cn-north-1.amazonaws.com.cn.
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]+"
_RDS_HOST = re.compile(
    rf"[a-z0-9-]+(?:\.[a-z0-9-]+)?\.(?:(?P<region>{_REGION})\.rds\.amazonaws\.com(?:\.cn)?"
    r"|rds\.(?P<china>cn-[a-z]+-[0-9]+)\.amazonaws\.com\.cn)"
)
_TOKEN_ENGINES = ("postgresql", "mysql", "mariadb")


def login_of(connection: GlueConnection, properties: Mapping[str, str], *, host: str) -> Login:
    """Return the login that the connection names, after :func:`check_login` passed.

    With SECRET_ID, the user's name is the secret's; USERNAME has no effect.
    """
    user, secret = properties.get("USERNAME", ""), properties.get("SECRET_ID", "")
    if connection.authentication.upper() == "IAM":
        match = _RDS_HOST.fullmatch(host)
        region = (match["region"] or match["china"]) if match else ""
        return Login(LoginKind.TOKEN, user=user, region=region)
    if secret:
        return Login(LoginKind.SECRET, secret_id=secret)
    return Login(LoginKind.ENCRYPTED, user=user)


def check_login(
    connection: GlueConnection, properties: Mapping[str, str], *, engine: str, host: str
) -> Finding:
    """GS-TLS-008: the connection names exactly one login, and a token only for a server that accepts tokens.

    Args:
        connection: the connection.
        properties: :func:`~glue_secure.connections.properties.properties_of` the connection.
        engine: name of its engine.
        host: its server.
    """
    user, secret = properties.get("USERNAME", ""), properties.get("SECRET_ID", "")
    resource = f"connection {connection.name}"
    if connection.authentication.upper() == "IAM":
        if connection.secret or secret or "ENCRYPTED_PASSWORD" in properties:
            return _failed(
                resource, "AuthenticationType IAM with a secret or a password", "a token, or a secret"
            )
        if engine not in _TOKEN_ENGINES or not _RDS_HOST.fullmatch(host):
            return _failed(
                resource,
                f"AuthenticationType IAM with {engine} at {host}",
                "a host of RDS or Aurora (NAME.ID.REGION.rds.amazonaws.com) with "
                f"{', '.join(_TOKEN_ENGINES)}",
            )
        if not _USER.fullmatch(user):
            return _failed(
                resource, "AuthenticationType IAM without a valid USERNAME", "the database user's name"
            )
        return passed("GS-TLS-008", resource, f"a token of IAM database authentication for user {user}")
    if secret and "ENCRYPTED_PASSWORD" in properties:
        return _failed(resource, "SECRET_ID and ENCRYPTED_PASSWORD", "one password, stored in one place")
    if secret:
        return passed("GS-TLS-008", resource, f"user and password in the secret {secret}")
    if not _USER.fullmatch(user):
        # GetConnection is called with HidePassword, so ENCRYPTED_PASSWORD may be missing here.
        return _failed(resource, "no SECRET_ID" + (", and an invalid USERNAME" if user else ""), _LOGINS)
    return passed("GS-TLS-008", resource, f"user {user}, password encrypted by the Data Catalog")


def _failed(resource: str, found: str, required: str) -> Finding:
    return failed(
        "GS-TLS-008",
        resource,
        found=found,
        required=required,
        fix="store user and password in AWS Secrets Manager, and set SECRET_ID to the secret",
    )
