"""Amazon Kinesis data streams as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KinesisStream:
    """``StreamDescriptionSummary`` of DescribeStreamSummary.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StreamDescriptionSummary.html

    Attributes:
        name: the stream's name.
        arn: its ARN.
        encryption: ``KMS`` or ``NONE``.
        kms_key: ARN, id or alias of the KMS key, ``""`` without one.
    """

    name: str
    arn: str
    encryption: str
    kms_key: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> KinesisStream:
        """Return the value of a DescribeStreamSummary response's ``StreamDescriptionSummary``."""
        return cls(
            name=str(shape.get("StreamName", "")),
            arn=str(shape.get("StreamARN", "")),
            encryption=str(shape.get("EncryptionType") or "NONE"),
            kms_key=str(shape.get("KeyId") or ""),
        )
