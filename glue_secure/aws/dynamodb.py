"""Amazon DynamoDB: the high-water mark of a bookmark, one item of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.service import ServiceError


class DynamoDbHighWaterMarkStore:
    """Implements ``ports.HighWaterMarkStore``.

    Args:
        client: a boto3 client of DynamoDB.
        table: the table's name; its partition key is a text attribute named ``bookmark``.
        bookmark: the value of that key.
    """

    def __init__(self, *, client: Any, table: str, bookmark: str) -> None:
        self._client, self._table = client, table
        self._key = {"bookmark": {"S": bookmark}}

    @property
    def location(self) -> str:
        """``dynamodb:TABLE``."""
        return f"dynamodb:{self._table}"

    def key_of_table(self) -> str:
        """Return the KMS key of the table (DescribeTable), ``""`` if it has none or is not active.

        ``SSEDescription`` is missing for a table under a key that DynamoDB owns.
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSEDescription.html
        """
        with translate_errors("DescribeTable"):
            answer = self._client.describe_table(TableName=self._table)
        table = answer.get("Table") or {}
        sse = table.get("SSEDescription") or {}
        if table.get("TableStatus") != "ACTIVE" or (sse.get("Status"), sse.get("SSEType")) != (
            "ENABLED",
            "KMS",
        ):
            return ""
        return str(sse.get("KMSMasterKeyArn") or "")

    def read(self) -> HighWaterMark | None:
        """Return the mark (GetItem, strongly consistent). Raises ServiceError for an item of another form."""
        with translate_errors("GetItem"):
            answer = self._client.get_item(TableName=self._table, Key=self._key, ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else _mark(item)

    def advance(self, mark: HighWaterMark) -> None:
        """Store the mark if there is none or a smaller one (UpdateItem)."""
        with translate_errors("UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET #s = :s, #d = :d",
                ConditionExpression="attribute_not_exists(#s) OR #s < :s",
                ExpressionAttributeNames={"#s": "sequence", "#d": "digest"},
                ExpressionAttributeValues={":s": {"N": str(mark.sequence)}, ":d": {"S": mark.digest}},
            )


def _mark(item: Mapping[str, Any]) -> HighWaterMark:
    try:
        sequence, digest = int(item["sequence"]["N"]), item["digest"]["S"]
    except (KeyError, TypeError, ValueError):
        sequence, digest = -1, ""
    if sequence < 0 or not isinstance(digest, str) or (sequence == 0) != (digest == ""):
        raise ServiceError("GetItem: no high-water mark", code="MalformedItem", operation="GetItem")
    return HighWaterMark(sequence, digest)
