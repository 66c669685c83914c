"""Database credentials: AWS Secrets Manager, encrypted passwords of connections, IAM tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.json_documents import parse_json
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

TOKEN_LIFETIME = timedelta(minutes=15)
"""How long RDS accepts a token for a new session. Open sessions continue after it."""


class CredentialStore:
    """Implements ``ports.SecretStore``.

    Args:
        client: returns the client of a service: ``secretsmanager``, ``glue``, ``kms``, ``rds``. It is called
            only for the services that a connection needs.
    """

    def __init__(self, *, client: Callable[[str], Any]) -> None:
        self._client = client

    def credentials(self, secret_id: str) -> Credentials:
        """Return the credentials of a secret in the JSON form of RDS and Glue (GetSecretValue)."""
        with translate_errors("GetSecretValue"), suppress_client_logs():
            answer = self._client("secretsmanager").get_secret_value(SecretId=secret_id)
        try:
            fields = parse_json(answer.get("SecretString") or "")
            user, password = fields["username"], fields["password"]
        except (ValueError, KeyError, TypeError):
            user = password = None
        if not isinstance(user, str) or not isinstance(password, str):
            # No cause: the error of json quotes the text.
            raise UsageError(
                f"secret {secret_id}",
                found="not a JSON object with text fields username and password",
                required='{"username": "...", "password": "..."}',
                fix="store the credentials in the JSON form of RDS and Glue",
            ) from None
        return Credentials(user, password, origin="AWS Secrets Manager")

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """Return the decrypted ``ENCRYPTED_PASSWORD`` of a connection (GetConnection, Decrypt).

        A catalog that returns the password in plain text (``ReturnConnectionPasswordEncrypted`` false) is
        rejected: every principal that may read the connection may read the password.
        """
        catalog = {"CatalogId": catalog_id} if catalog_id else {}
        with translate_errors("GetConnection"), suppress_client_logs():
            shape = self._client("glue").get_connection(Name=connection, HidePassword=False, **catalog)
        properties = shape["Connection"].get("ConnectionProperties") or {}
        if properties.get("PASSWORD"):
            raise ServiceError(
                f"the Data Catalog returns the password of connection {connection} in plain text",
                code="PasswordNotEncrypted",
                operation="GetConnection",
            )
        try:
            encrypted = base64.b64decode(properties.get("ENCRYPTED_PASSWORD", ""), validate=True)
        except binascii.Error:
            encrypted = b""
        if not encrypted:
            raise ServiceError(
                f"connection {connection} has no ENCRYPTED_PASSWORD, or one that is not base64",
                code="NoEncryptedPassword",
                operation="GetConnection",
            )
        with translate_errors("Decrypt"), suppress_client_logs():
            answer = self._client("kms").decrypt(CiphertextBlob=encrypted)
        try:
            password = answer["Plaintext"].decode("utf-8")
        except UnicodeDecodeError:
            # No cause: it contains the password.
            raise ServiceError(
                f"the password of connection {connection} is not UTF-8 text",
                code="NoText",
                operation="Decrypt",
            ) from None
        return Credentials(user, password, origin=f"ENCRYPTED_PASSWORD under {answer['KeyId']}")

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """Return a signed request as the password. It is signed locally, without a call of AWS."""
        with translate_errors("generate_db_auth_token"), suppress_client_logs():
            token = self._client("rds").generate_db_auth_token(
                DBHostname=host, Port=port, DBUsername=user, Region=region
            )
        return Credentials(
            user, token, expires=now + TOKEN_LIFETIME, origin="a token of IAM database authentication"
        )
