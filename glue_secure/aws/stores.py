"""Amazon DynamoDB and Amazon Kinesis, as connectors of a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.ports.stores import Item
from glue_secure.core.service import ServiceError

_THROTTLED = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")


class DynamoDbTables:
    """Implements ``ports.DynamoDb``.

    Args:
        client: a boto3 client of DynamoDB.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def describe(self, table: str) -> DynamoDbTable:
        """Return a table (DescribeTable)."""
        with translate_errors("DescribeTable"):
            answer = self._client.describe_table(TableName=table)
        return DynamoDbTable.from_api(answer["Table"])

    def scan(
        self, table: str, segment: int, segments: int, start: Item | None, *, consistent: bool = False
    ) -> tuple[Sequence[Item], Item | None, float]:
        """Return one page of a segment (Scan)."""
        more = {"ExclusiveStartKey": dict(start)} if start else {}
        with translate_errors("Scan"):
            answer = self._client.scan(
                TableName=table,
                Segment=segment,
                TotalSegments=segments,
                ConsistentRead=consistent,
                ReturnConsumedCapacity="TOTAL",
                **more,
            )
        return answer["Items"], answer.get("LastEvaluatedKey"), _units(answer.get("ConsumedCapacity"))

    def put(self, table: str, items: Sequence[Item]) -> tuple[Sequence[Item], float]:
        """Store at most 25 items (BatchWriteItem). A throttled request stores none."""
        requests = [{"PutRequest": {"Item": dict(item)}} for item in items]
        try:
            with translate_errors("BatchWriteItem"):
                answer = self._client.batch_write_item(
                    RequestItems={table: requests}, ReturnConsumedCapacity="TOTAL"
                )
        except ServiceError as error:
            if error.code in _THROTTLED:
                return items, 0.0
            raise
        left = [
            request["PutRequest"]["Item"] for request in answer.get("UnprocessedItems", {}).get(table, ())
        ]
        return left, sum(map(_units, answer.get("ConsumedCapacity") or ()))


class KinesisStreams:
    """Implements ``ports.Kinesis``.

    Args:
        client: a boto3 client of Kinesis.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def describe(self, stream: str) -> KinesisStream:
        """Return a stream (DescribeStreamSummary)."""
        name = {"StreamARN": stream} if stream.startswith("arn:") else {"StreamName": stream}
        with translate_errors("DescribeStreamSummary"):
            answer = self._client.describe_stream_summary(**name)
        return KinesisStream.from_api(answer["StreamDescriptionSummary"])


def _units(consumed: Any) -> float:
    return float((consumed or {}).get("CapacityUnits") or 0.0)
