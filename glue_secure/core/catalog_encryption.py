"""How a Data Catalog is encrypted, as a frozen value, and what a run demands of it.

The setting covers databases, tables, table versions, partitions, connections and user-defined functions:
https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from glue_secure.core.findings import Finding, failed, passed

_FIX = "glue-secure catalog apply --key KEY-ARN --password-key KEY-ARN"


class CatalogEncryptionMode(str, Enum):
    """``EncryptionAtRest.CatalogEncryptionMode`` of the Glue API."""

    DISABLED = "DISABLED"
    SSE_KMS = "SSE-KMS"
    SSE_KMS_WITH_SERVICE_ROLE = "SSE-KMS-WITH-SERVICE-ROLE"


@dataclass(frozen=True, slots=True)
class CatalogEncryption:
    """``DataCatalogEncryptionSettings`` of the Glue API.

    Attributes:
        mode: ``DISABLED``, ``SSE-KMS`` or ``SSE-KMS-WITH-SERVICE-ROLE``.
        key: what names the key of the metadata: an ARN, an id or an alias.
        role: the role that Glue uses the key with, in the mode that has one.
        passwords: whether passwords of connections are encrypted and returned so.
        password_key: what names their key.
    """

    mode: str = "DISABLED"
    key: str = ""
    role: str = ""
    passwords: bool = False
    password_key: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CatalogEncryption:
        """Read the ``DataCatalogEncryptionSettings`` member of a response."""
        rest = shape.get("EncryptionAtRest") or {}
        connection = shape.get("ConnectionPasswordEncryption") or {}
        return cls(
            mode=str(rest.get("CatalogEncryptionMode") or "DISABLED"),
            key=str(rest.get("SseAwsKmsKeyId") or ""),
            role=str(rest.get("CatalogEncryptionServiceRole") or ""),
            passwords=connection.get("ReturnConnectionPasswordEncrypted") is True,
            password_key=str(connection.get("AwsKmsKeyId") or ""),
        )

    def to_api(self) -> dict[str, Any]:
        """The same as PutDataCatalogEncryptionSettings takes it."""
        rest = {"CatalogEncryptionMode": self.mode}
        connection: dict[str, Any] = {"ReturnConnectionPasswordEncrypted": self.passwords}
        for name, value, where in (
            ("SseAwsKmsKeyId", self.key, rest),
            ("CatalogEncryptionServiceRole", self.role, rest),
            ("AwsKmsKeyId", self.password_key, connection),
        ):
            if value:
                where[name] = value
        return {"EncryptionAtRest": rest, "ConnectionPasswordEncryption": connection}


def check_metadata(settings: CatalogEncryption, catalog: str) -> Finding:
    """GS-CAT-001: metadata is encrypted under a key that is named."""
    resource = f"Data Catalog {catalog} EncryptionAtRest"
    modes = {CatalogEncryptionMode.SSE_KMS, CatalogEncryptionMode.SSE_KMS_WITH_SERVICE_ROLE}
    if settings.mode in modes and settings.key:
        return passed("GS-CAT-001", resource, f"{settings.mode} {settings.key}")
    return failed(
        "GS-CAT-001",
        resource,
        found=settings.mode + (" without a key" if settings.mode in modes else ""),
        required="SSE-KMS or SSE-KMS-WITH-SERVICE-ROLE with a customer managed key",
        fix=f"{_FIX}; what lies in the catalog already is encrypted when it is written again",
    )


def check_passwords(settings: CatalogEncryption, catalog: str) -> Finding:
    """GS-CAT-002: passwords of connections are encrypted under a key that is named."""
    resource = f"Data Catalog {catalog} ConnectionPasswordEncryption"
    if settings.passwords and settings.password_key:
        return passed("GS-CAT-002", resource, settings.password_key)
    return failed(
        "GS-CAT-002",
        resource,
        found="on without a key" if settings.passwords else "off",
        required="on, with a customer managed key",
        fix=_FIX,
    )
