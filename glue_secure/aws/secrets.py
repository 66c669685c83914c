"""Database credentials: AWS Secrets Manager, the Data Catalog's encrypted passwords, IAM's tokens."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

TOKEN_LIFETIME = timedelta(minutes=15)
"""RDS takes a token for a new session that long; a session that is open goes on."""


class CredentialStore:
    """Satisfies ``ports.SecretStore``.

    Args:
        client: makes or finds the client of a service: ``secretsmanager``, ``glue``, ``kms``, ``rds``. Only
            what a connection needs is asked for.
    """

    def __init__(self, *, client: Callable[[str], Any]) -> None:
        self._client = client

    def credentials(self, secret_id: str) -> Credentials:
        """GetSecretValue; the secret is the JSON that RDS and Glue use, with username and password."""
        with translate_errors("GetSecretValue"), suppress_client_logs():
            answer = self._client("secretsmanager").get_secret_value(SecretId=secret_id)
        try:
            fields = json.loads(answer.get("SecretString") or "")
            user, password = fields["username"], fields["password"]
        except (ValueError, KeyError, TypeError):
            user = password = None
        if not isinstance(user, str) or not isinstance(password, str):
            # The cause is cut off: json's error quotes the text that it could not read.
            raise UsageError(
                f"secret {secret_id}",
                found="no JSON object with text fields username and password",
                required='{"username": "...", "password": "..."}',
                fix="store the credentials in the form that RDS and Glue use",
            ) from None
        return Credentials(user, password, origin="AWS Secrets Manager")

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """GetConnection with the password as the catalog keeps it, and Decrypt.

        A catalog that hands the password out in plain text (``ReturnConnectionPasswordEncrypted`` false) is
        refused: everybody who may read the connection may read that.
        """
        catalog = {"CatalogId": catalog_id} if catalog_id else {}
        with translate_errors("GetConnection"), suppress_client_logs():
            shape = self._client("glue").get_connection(Name=connection, HidePassword=False, **catalog)
        properties = shape["Connection"].get("ConnectionProperties") or {}
        if properties.get("PASSWORD"):
            raise ServiceError(
                f"the Data Catalog gives the password of connection {connection} in plain text",
                code="PasswordNotEncrypted",
                operation="GetConnection",
            )
        try:
            sealed = base64.b64decode(properties.get("ENCRYPTED_PASSWORD", ""), validate=True)
        except binascii.Error:
            sealed = b""
        if not sealed:
            raise ServiceError(
                f"connection {connection} has no ENCRYPTED_PASSWORD, or one that is not base64",
                code="NoEncryptedPassword",
                operation="GetConnection",
            )
        with translate_errors("Decrypt"), suppress_client_logs():
            opened = self._client("kms").decrypt(CiphertextBlob=sealed)
        try:
            password = opened["Plaintext"].decode("utf-8")
        except UnicodeDecodeError:
            # The cause is cut off: it holds the password.
            raise ServiceError(
                f"the password of connection {connection} is no text", code="NoText", operation="Decrypt"
            ) from None
        return Credentials(user, password, origin=f"ENCRYPTED_PASSWORD under {opened['KeyId']}")

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """A signed request in the place of a password; nothing is asked of AWS for it."""
        with translate_errors("generate_db_auth_token"), suppress_client_logs():
            token = self._client("rds").generate_db_auth_token(
                DBHostname=host, Port=port, DBUsername=user, Region=region
            )
        return Credentials(
            user, token, expires=now + TOKEN_LIFETIME, origin="a token of IAM database authentication"
        )
