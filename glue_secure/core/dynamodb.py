"""Amazon DynamoDB tables as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OWNED_BY_DYNAMODB = "a key that DynamoDB owns"
"""Description of the encryption of a table without ``SSEDescription``."""
ON_DEMAND_UNITS = 40000
"""Capacity that AWS Glue assumes for a table in on-demand mode."""


@dataclass(frozen=True, slots=True)
class DynamoDbAccess:
    """How a job reaches the tables of a call.

    Attributes:
        region: the AWS Region; ``""`` for the run's.
        role: ARN of the IAM role to assume; ``""`` for the job's role.
        session: name of the STS session of that role.
    """

    region: str = ""
    role: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class DynamoDbTable:
    """``Table`` of DescribeTable.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSEDescription.html

    Attributes:
        name: the table's name.
        arn: its ARN.
        status: ``ACTIVE``, ``UPDATING``, ...
        key_names: attributes of the primary key.
        sse_status: ``ENABLED``, ...; ``""`` for a table under a key that DynamoDB owns.
        sse_type: ``KMS`` or ``""``.
        kms_key: ARN of the KMS key, ``""`` without one.
        read_units: provisioned read capacity; 0 in on-demand mode.
        write_units: provisioned write capacity; 0 in on-demand mode.
    """

    name: str
    arn: str
    status: str
    key_names: tuple[str, ...]
    sse_status: str = ""
    sse_type: str = ""
    kms_key: str = ""
    read_units: int = 0
    write_units: int = 0

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> DynamoDbTable:
        """Return the value of a DescribeTable response's ``Table``."""
        sse = shape.get("SSEDescription") or {}
        throughput = shape.get("ProvisionedThroughput") or {}
        return cls(
            name=str(shape.get("TableName", "")),
            arn=str(shape.get("TableArn", "")),
            status=str(shape.get("TableStatus", "")),
            key_names=tuple(str(key["AttributeName"]) for key in shape.get("KeySchema") or ()),
            sse_status=str(sse.get("Status") or ""),
            sse_type=str(sse.get("SSEType") or ""),
            kms_key=str(sse.get("KMSMasterKeyArn") or ""),
            read_units=int(throughput.get("ReadCapacityUnits") or 0),
            write_units=int(throughput.get("WriteCapacityUnits") or 0),
        )

    @property
    def has_kms_key(self) -> bool:
        """Whether a KMS key encrypts the table now."""
        return (self.sse_status, self.sse_type) == ("ENABLED", "KMS") and bool(self.kms_key)
