"""A KMS key's metadata as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from glue_secure.core.identifiers import KmsKeyArn


@dataclass(frozen=True, slots=True)
class KmsKey:
    """The part of ``KeyMetadata`` of DescribeKey that controls check.

    Attributes:
        arn: ARN of the key, also if it was requested by an alias.
        state: ``Enabled``, ``Disabled``, ``PendingDeletion``, ...
        manager: ``CUSTOMER`` or ``AWS``.
        usage: ``ENCRYPT_DECRYPT``, ``SIGN_VERIFY``, ...
        spec: ``SYMMETRIC_DEFAULT``, ``RSA_2048``, ...
        deletion_date: ISO 8601 date of the scheduled deletion, ``""`` without one.
    """

    arn: KmsKeyArn
    state: str
    manager: str
    usage: str
    spec: str
    deletion_date: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> KmsKey:
        """Return the value of a DescribeKey response's ``KeyMetadata``."""
        deletion = shape.get("DeletionDate")
        return cls(
            arn=KmsKeyArn.parse(str(shape.get("Arn", ""))),
            state=str(shape.get("KeyState", "")),
            manager=str(shape.get("KeyManager", "")),
            usage=str(shape.get("KeyUsage", "")),
            spec=str(shape.get("KeySpec") or shape.get("CustomerMasterKeySpec") or ""),
            deletion_date=deletion.date().isoformat() if isinstance(deletion, datetime) else "",
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs a job's evidence, and its algorithm in KMS's spelling."""

    arn: KmsKeyArn
    algorithm: str


@dataclass(frozen=True, slots=True)
class RunKeys:
    """The keys of a run's security configuration.

    Attributes:
        s3: key of every object that the run writes.
        bookmark: key of the job bookmark.
        cloudwatch: key of CloudWatch Logs.
        data_quality: key of data quality results; None if the configuration has no such entry.
        named_for_evidence: key of the argument for the evidence's encryption; None for the key of ``s3``.
        evidence_signing: key that signs the evidence; None if it is not signed.
    """

    s3: KmsKeyArn
    bookmark: KmsKeyArn
    cloudwatch: KmsKeyArn
    data_quality: KmsKeyArn | None = None
    named_for_evidence: KmsKeyArn | None = None
    evidence_signing: SigningKey | None = None

    @property
    def evidence(self) -> KmsKeyArn:
        """The key that the run's evidence is encrypted with."""
        return self.named_for_evidence or self.s3

    def by_purpose(self) -> dict[str, KmsKeyArn]:
        """Return the keys by their names in the evidence."""
        keys = {
            "s3": self.s3,
            "job-bookmarks": self.bookmark,
            "cloudwatch": self.cloudwatch,
            "data-quality": self.data_quality,
            "evidence": self.named_for_evidence,
            "evidence-signing": self.evidence_signing.arn if self.evidence_signing else None,
        }
        return {purpose: key for purpose, key in keys.items() if key is not None}
