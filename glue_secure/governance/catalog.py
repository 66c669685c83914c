"""Plan, apply and verify the Data Catalog's encryption settings.

https://docs.aws.amazon.com/glue/latest/dg/encrypt-glue-data-catalog.html
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol

from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Finding, enforce
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import KeyService
from glue_secure.core.service import ServiceError


class EncryptionSettings(Protocol):
    """Reads and writes the encryption settings of a Data Catalog."""

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """Return the settings (GetDataCatalogEncryptionSettings). Raises ServiceError."""

    def put_catalog_encryption(self, settings: CatalogEncryption) -> None:
        """Replace all settings (PutDataCatalogEncryptionSettings). Raises ServiceError."""


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """Current and planned encryption settings of a Data Catalog.

    Attributes:
        catalog: the account id.
        before: the current settings.
        after: the planned settings.
    """

    catalog: str
    before: CatalogEncryption
    after: CatalogEncryption

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        """Name, current and planned value of each setting that differs."""
        names = [field.name for field in fields(CatalogEncryption)]
        pairs = [(name, getattr(self.before, name), getattr(self.after, name)) for name in names]
        return tuple((name, str(old), str(new)) for name, old, new in pairs if old != new)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of GS-CAT-001 and GS-CAT-002 for the current settings."""
        return check_metadata(self.before, self.catalog), check_passwords(self.before, self.catalog)


def plan(
    settings: EncryptionSettings,
    keys: KeyService,
    *,
    account: str,
    region: str,
    key: str = "",
    password_key: str = "",
    role: str = "",
) -> CatalogPlan:
    """Plan the encryption of metadata and connection passwords under verified keys.

    Args:
        settings: access to the settings.
        keys: AWS KMS, to check every key of the plan.
        account: the catalog's account id.
        region: the region of the keys.
        key: key for metadata; default: the current key.
        password_key: key for passwords; default: the current key, else the key for metadata.
        role: role that Glue uses for the key; default: the current role, if any.

    Raises:
        UsageError: there is no key, neither in the arguments nor in the settings.
        RefusedError: a key fails a check (GS-KMS).
        VerificationError: the settings or a key cannot be read.
    """
    before = _read(settings, account)
    metadata = key or before.key
    passwords = password_key or before.password_key or metadata
    if not metadata:
        raise UsageError(
            "--key",
            found="no key, in the options or in the catalog's settings",
            required="the ARN of a customer managed key",
            fix="--key ARN",
        )
    arns = {name: _verified_key(name, keys, account=account, region=region) for name in {metadata, passwords}}
    role = role or before.role
    after = replace(
        before,
        mode="SSE-KMS-WITH-SERVICE-ROLE" if role else "SSE-KMS",
        key=arns[metadata],
        role=role,
        passwords=True,
        password_key=arns[passwords],
    )
    return CatalogPlan(account, before, after)


def apply(settings: EncryptionSettings, planned: CatalogPlan) -> None:
    """Write the planned settings, and read them to verify the change.

    Raises:
        RefusedError: the settings have changed since the plan, or are not the planned ones after the
            change (GS-CAT-004).
        VerificationError: the settings cannot be read or written.
    """
    present = _read(settings, planned.catalog)
    if present != planned.before:
        fix = "plan again; the settings have changed since the plan"
        raise _mismatch(planned.catalog, present, planned.before, fix)
    if not planned.changes:
        return
    try:
        settings.put_catalog_encryption(planned.after)
    except ServiceError as error:
        raise VerificationError(
            "GS-CAT-004",
            resource=f"Data Catalog {planned.catalog}",
            found=str(error),
            required="PutDataCatalogEncryptionSettings succeeds",
            fix="use a role that has glue:PutDataCatalogEncryptionSettings, and plan again",
            aws_code=error.code,
        ) from error
    present = _read(settings, planned.catalog)
    if present != planned.after:
        fix = "plan again; another user may have changed the settings"
        raise _mismatch(planned.catalog, present, planned.after, fix)


def _read(settings: EncryptionSettings, account: str) -> CatalogEncryption:
    try:
        return settings.catalog_encryption()
    except ServiceError as error:
        raise VerificationError(
            "GS-CAT-003",
            resource=f"Data Catalog {account}",
            found=str(error),
            required="a response of GetDataCatalogEncryptionSettings",
            fix="use a role that has glue:GetDataCatalogEncryptionSettings",
            aws_code=error.code,
        ) from error


def _verified_key(name: str, keys: KeyService, *, account: str, region: str) -> str:
    arn, findings = check_named_key("catalog", name, keys, region=region, account=account)
    enforce(findings)
    return str(arn)


def _mismatch(catalog: str, found: CatalogEncryption, required: CatalogEncryption, fix: str) -> RefusedError:
    return RefusedError(
        "GS-CAT-004",
        resource=f"Data Catalog {catalog}",
        found=_describe(found),
        required=_describe(required),
        fix=fix,
    )


def _describe(settings: CatalogEncryption) -> str:
    parts = [settings.mode, settings.key, settings.role]
    passwords = f"passwords {settings.password_key}" if settings.passwords else "passwords not encrypted"
    return " ".join(part for part in [*parts, passwords] if part)
