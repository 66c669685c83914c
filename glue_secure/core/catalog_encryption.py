"""Encryption settings of a Data Catalog, and the checks of them.

The settings cover databases, tables, table versions, partitions, connections and user-defined functions:
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
        key: ARN, id or alias of the key for metadata.
        role: the role with which Glue uses the key, in the mode with a service role.
        passwords: whether passwords of connections are encrypted, and returned encrypted.
        password_key: ARN, id or alias of the key for passwords.
    """

    mode: str = "DISABLED"
    key: str = ""
    role: str = ""
    passwords: bool = False
    password_key: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CatalogEncryption:
        """Read the ``DataCatalogEncryptionSettings`` member of a response."""
        at_rest = shape.get("EncryptionAtRest") or {}
        connection = shape.get("ConnectionPasswordEncryption") or {}
        return cls(
            mode=str(at_rest.get("CatalogEncryptionMode") or "DISABLED"),
            key=str(at_rest.get("SseAwsKmsKeyId") or ""),
            role=str(at_rest.get("CatalogEncryptionServiceRole") or ""),
            passwords=connection.get("ReturnConnectionPasswordEncrypted") is True,
            password_key=str(connection.get("AwsKmsKeyId") or ""),
        )

    def to_api(self) -> dict[str, Any]:
        """Return the request of PutDataCatalogEncryptionSettings."""
        at_rest = {"CatalogEncryptionMode": self.mode}
        connection: dict[str, Any] = {"ReturnConnectionPasswordEncrypted": self.passwords}
        for name, value, setting in (
            ("SseAwsKmsKeyId", self.key, at_rest),
            ("CatalogEncryptionServiceRole", self.role, at_rest),
            ("AwsKmsKeyId", self.password_key, connection),
        ):
            if value:
                setting[name] = value
        return {"EncryptionAtRest": at_rest, "ConnectionPasswordEncryption": connection}


def check_metadata(settings: CatalogEncryption, catalog: str) -> Finding:
    """Check that metadata is encrypted under a named key (GS-CAT-001)."""
    resource = f"Data Catalog {catalog} EncryptionAtRest"
    modes = {CatalogEncryptionMode.SSE_KMS, CatalogEncryptionMode.SSE_KMS_WITH_SERVICE_ROLE}
    if settings.mode in modes and settings.key:
        return passed("GS-CAT-001", resource, f"{settings.mode} {settings.key}")
    return failed(
        "GS-CAT-001",
        resource,
        found=settings.mode + (" without a key" if settings.mode in modes else ""),
        required="SSE-KMS or SSE-KMS-WITH-SERVICE-ROLE with a customer managed key",
        fix=f"{_FIX}; existing metadata is encrypted when it is written again",
    )


def check_passwords(settings: CatalogEncryption, catalog: str) -> Finding:
    """Check that passwords of connections are encrypted under a named key (GS-CAT-002)."""
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
