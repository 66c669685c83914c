"""The Glue API's ``SecurityConfiguration`` as a value.

A mode that the API may add later is stored as its text, shown, and fails the checks.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-security.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EncryptionSetting:
    """One mode and its key, as the service returned them; ``""`` for a missing value."""

    mode: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class SecurityConfiguration:
    """The encryption modes and keys of a job's runs.

    Attributes:
        name: the configuration's name.
        s3: every entry of the list ``S3Encryption``.
        cloudwatch: ``CloudWatchEncryption``, None if the service returned none.
        job_bookmarks: ``JobBookmarksEncryption``, None if the service returned none.
        data_quality: ``DataQualityEncryption``, None if the service returned none.
    """

    name: str
    s3: tuple[EncryptionSetting, ...]
    cloudwatch: EncryptionSetting | None
    job_bookmarks: EncryptionSetting | None
    data_quality: EncryptionSetting | None

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> SecurityConfiguration:
        """Read the ``SecurityConfiguration`` member of a GetSecurityConfiguration response."""
        encryption = shape.get("EncryptionConfiguration") or {}
        return cls(
            name=shape.get("Name", ""),
            s3=tuple(_setting(entry, "S3EncryptionMode") for entry in encryption.get("S3Encryption") or ()),
            cloudwatch=_optional(encryption.get("CloudWatchEncryption"), "CloudWatchEncryptionMode"),
            job_bookmarks=_optional(encryption.get("JobBookmarksEncryption"), "JobBookmarksEncryptionMode"),
            data_quality=_optional(encryption.get("DataQualityEncryption"), "DataQualityEncryptionMode"),
        )


def _setting(shape: Mapping[str, Any], mode: str) -> EncryptionSetting:
    return EncryptionSetting(mode=str(shape.get(mode) or ""), key=str(shape.get("KmsKeyArn") or ""))


def _optional(shape: Mapping[str, Any] | None, mode: str) -> EncryptionSetting | None:
    return _setting(shape, mode) if shape else None
