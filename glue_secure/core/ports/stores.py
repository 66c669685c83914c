"""Amazon DynamoDB and Amazon Kinesis, as connectors of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.kinesis import KinesisStream

Item = Mapping[str, Mapping[str, Any]]
"""An item: attribute name → attribute value, as in ``{"id": {"S": "a"}}``."""


class DynamoDb(Protocol):
    """The operations of Amazon DynamoDB on tables. Every method raises ServiceError."""

    def describe(self, table: str) -> DynamoDbTable:
        """Return a table. Raises NotFound where it does not exist."""

    def scan(
        self, table: str, segment: int, segments: int, start: Item | None, *, consistent: bool = False
    ) -> tuple[Sequence[Item], Item | None, float]:
        """Return one page of a segment: the items, the start of the next page, and the consumed capacity."""

    def put(self, table: str, items: Sequence[Item]) -> tuple[Sequence[Item], float]:
        """Store at most 25 items. Return those that were not stored, and the consumed capacity."""


class Kinesis(Protocol):
    """The operations of Amazon Kinesis Data Streams that the checks use."""

    def describe(self, stream: str) -> KinesisStream:
        """Return a stream, by its name or ARN. Raises NotFound, ServiceError."""
