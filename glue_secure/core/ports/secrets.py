"""Database credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from glue_secure.core.connection import Credentials


class SecretStore(Protocol):
    """Sources of database credentials. Every method raises ServiceError."""

    def credentials(self, secret_id: str) -> Credentials:
        """Return ``username`` and ``password`` of a JSON secret. Raises NotFound, UsageError."""

    def encrypted_password(self, connection: str, user: str, catalog_id: str | None) -> Credentials:
        """Return the decrypted ``ENCRYPTED_PASSWORD`` of a connection in the Data Catalog."""

    def token(self, host: str, port: int, user: str, region: str, now: datetime) -> Credentials:
        """Return a token of IAM database authentication."""
