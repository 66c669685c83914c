"""The Data Catalog's encryption settings: planned as data, applied, read back.

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
    """AWS Glue's settings of the account's own catalog."""

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """GetDataCatalogEncryptionSettings. Raises ServiceError."""

    def put_catalog_encryption(self, settings: CatalogEncryption) -> None:
        """PutDataCatalogEncryptionSettings: all of them. Raises ServiceError."""


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """What is there and what is to be.

    Attributes:
        catalog: the account's id.
        before: the settings in force.
        after: the settings wanted.
    """

    catalog: str
    before: CatalogEncryption
    after: CatalogEncryption

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        """Name, present and wanted value of each setting that differs."""
        names = [one.name for one in fields(CatalogEncryption)]
        pairs = [(name, getattr(self.before, name), getattr(self.after, name)) for name in names]
        return tuple((name, str(old), str(new)) for name, old, new in pairs if old != new)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """GS-CAT-001 and -002 of the settings in force."""
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
    """What to change, so that metadata and passwords are encrypted under sound keys.

    Args:
        settings: AWS Glue.
        keys: AWS KMS, which is asked about every key that is to be used.
        account: the catalog's.
        region: where the keys have to be.
        key: the key of the metadata; by default the present one.
        password_key: the key of passwords; by default the present one, else that of the metadata.
        role: the role that Glue is to use the key with; by default the present one, if any.

    Raises:
        UsageError: no key is named, neither here nor in the settings.
        RefusedError: a key does not hold (GS-KMS).
        VerificationError: the settings or a key cannot be read.
    """
    before = _read(settings, account)
    metadata = key or before.key
    passwords = password_key or before.password_key or metadata
    if not metadata:
        raise UsageError(
            "--key", found="not given, and the catalog has none", required="the ARN of a customer managed key"
        )
    arns = {name: _sound(name, keys, account=account, region=region) for name in {metadata, passwords}}
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
    """Put the planned settings, and read them back.

    Raises:
        RefusedError: the settings are not those that the plan was made from (GS-CAT-004), or do not come back.
        VerificationError: they cannot be read or put.
    """
    present = _read(settings, planned.catalog)
    if present != planned.before:
        raise _other(planned.catalog, present, planned.before, "plan again: somebody changed them meanwhile")
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
            fix="call as somebody with glue:PutDataCatalogEncryptionSettings, and plan again",
            aws_code=error.code,
        ) from error
    found = _read(settings, planned.catalog)
    if found != planned.after:
        raise _other(planned.catalog, found, planned.after, "plan again, and see who else changes them")


def _read(settings: EncryptionSettings, account: str) -> CatalogEncryption:
    try:
        return settings.catalog_encryption()
    except ServiceError as error:
        raise VerificationError(
            "GS-CAT-003",
            resource=f"Data Catalog {account}",
            found=str(error),
            required="the answer of GetDataCatalogEncryptionSettings",
            fix="call as somebody with glue:GetDataCatalogEncryptionSettings",
            aws_code=error.code,
        ) from error


def _sound(name: str, keys: KeyService, *, account: str, region: str) -> str:
    arn, found = check_named_key("catalog", name, keys, region=region, account=account)
    enforce(found)
    return str(arn)


def _other(catalog: str, found: CatalogEncryption, required: CatalogEncryption, fix: str) -> RefusedError:
    return RefusedError(
        "GS-CAT-004",
        resource=f"Data Catalog {catalog}",
        found=_told(found),
        required=_told(required),
        fix=fix,
    )


def _told(settings: CatalogEncryption) -> str:
    parts = [settings.mode, settings.key, settings.role]
    passwords = f"passwords {settings.password_key}" if settings.passwords else "passwords not encrypted"
    return " ".join(part for part in [*parts, passwords] if part)
