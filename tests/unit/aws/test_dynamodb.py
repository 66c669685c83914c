"""The high-water mark in DynamoDB: read consistently, moved on condition, its table's key named or not."""

from __future__ import annotations

import pytest

from glue_secure.aws.dynamodb import DynamoDbHighWaterMarkStore
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

BOOKMARK = "123456789012/eu-west-1/curate s3://state/bookmarks/"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"


@pytest.fixture
def marks(stubbed):
    client, stubber = stubbed("dynamodb")
    return DynamoDbHighWaterMarkStore(client=client, table="marks", bookmark=BOOKMARK), stubber


def item(sequence: object, digest: object = "ab") -> dict:
    return {"bookmark": {"S": BOOKMARK}, "sequence": {"N": str(sequence)}, "digest": {"S": digest}}


def test_a_read_is_consistent(marks):
    mark, stubber = marks
    asked = {"TableName": "marks", "Key": {"bookmark": {"S": BOOKMARK}}, "ConsistentRead": True}
    stubber.add_response("get_item", {"Item": item(7)}, asked)
    stubber.add_response("get_item", {}, asked)
    assert mark.read() == HighWaterMark(7, "ab")
    assert mark.read() is None


@pytest.mark.parametrize(
    "found", [item(-1), item("1.5"), item(0), item(3, ""), {"bookmark": {"S": BOOKMARK}}]
)
def test_a_malformed_dynamodb_item_is_an_error(marks, found):
    mark, stubber = marks
    stubber.add_response("get_item", {"Item": found})
    with pytest.raises(ServiceError) as caught:
        mark.read()
    assert caught.value.code == "MalformedItem"


def test_an_advance_is_conditional(marks):
    mark, stubber = marks
    asked = {
        "TableName": "marks",
        "Key": {"bookmark": {"S": BOOKMARK}},
        "UpdateExpression": "SET #s = :s, #d = :d",
        "ConditionExpression": "attribute_not_exists(#s) OR #s < :s",
        "ExpressionAttributeNames": {"#s": "sequence", "#d": "digest"},
        "ExpressionAttributeValues": {":s": {"N": "8"}, ":d": {"S": "cd"}},
    }
    stubber.add_response("update_item", {}, asked)
    mark.advance(HighWaterMark(8, "cd"))
    stubber.add_client_error("update_item", "ConditionalCheckFailedException")
    with pytest.raises(PreconditionFailed):
        mark.advance(HighWaterMark(8, "cd"))


@pytest.mark.parametrize(
    ("sse", "key"),
    [
        ({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": KEY}, KEY),
        ({"Status": "UPDATING", "SSEType": "KMS", "KMSMasterKeyArn": KEY}, ""),
        ({"Status": "DISABLED", "SSEType": "KMS", "KMSMasterKeyArn": KEY}, ""),
        ({"Status": "ENABLED", "SSEType": "AES256"}, ""),
        ({"Status": "ENABLED", "SSEType": "KMS"}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_key_of_the_table_is_named_only_when_it_is_known(marks, sse, key):
    mark, stubber = marks
    table = {"TableStatus": "ACTIVE"} | ({} if sse is None else {"SSEDescription": sse})
    stubber.add_response("describe_table", {"Table": table}, {"TableName": "marks"})
    assert mark.key_of_table() == key


def test_a_missing_table_is_not_found(marks):
    mark, stubber = marks
    for operation in ("describe_table", "get_item", "update_item"):
        stubber.add_client_error(operation, "ResourceNotFoundException")
    for call in (mark.key_of_table, mark.read, lambda: mark.advance(HighWaterMark(1, "ab"))):
        with pytest.raises(NotFound):
            call()
