"""The tasks that scan and put items, on a table in memory."""

import pytest

from glue_secure.connections.connectors.dynamodb import parse_read
from glue_secure.core.dynamodb import DynamoDbTable
from glue_secure.core.service import ServiceError
from glue_secure.engines.spark.connectors import dynamodb
from glue_secure.engines.spark.connectors.dynamodb import PutItems, ScanSegment
from glue_secure.testing.fakes import FakeDynamoDb

TABLE = DynamoDbTable("flights", "arn", "ACTIVE", ("id",))
FAST = 1e9


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    seconds = []
    monkeypatch.setattr(dynamodb.time, "sleep", seconds.append)
    return seconds


def put(fake, rows, retries=3, units=FAST):
    return sum(PutItems(lambda: fake, "flights", ("id",), lambda row: row, retries, units)(rows))


def scan(fake, segments=1, units=FAST, **options):
    read = parse_read({"dynamodb.input.tableName": "flights", "dynamodb.splits": segments, **options})
    task = ScanSegment(lambda: fake, "flights", read, units)
    return [record for segment in range(segments) for record in task(segment)]


def test_every_item_of_every_page_and_segment_is_read_once():
    fake = FakeDynamoDb(TABLE)
    rows = [{"id": str(number), "n": number} for number in range(60)]
    assert put(fake, rows) == 60
    assert sorted(scan(fake, segments=7), key=lambda row: row["n"]) == rows


def test_the_last_of_two_records_with_one_key_is_stored():
    fake = FakeDynamoDb(TABLE)
    assert put(fake, [{"id": "a", "n": 1}, {"id": "a", "n": 2}]) == 2
    assert scan(fake) == [{"id": "a", "n": 2}]


def test_items_that_are_not_processed_are_put_again(pauses):
    fake = FakeDynamoDb(TABLE, throttled=3)
    put(fake, [{"id": "a"}])
    assert scan(fake) == [{"id": "a"}]
    assert pauses == [0.1, 0.2, 0.4]


def test_a_write_fails_after_its_retries():
    with pytest.raises(ServiceError, match="1 items of table flights were not processed after 2 retries"):
        put(FakeDynamoDb(TABLE, throttled=3), [{"id": "a"}], retries=2)


def test_reads_and_writes_wait_for_their_part_of_the_capacity(pauses):
    fake = FakeDynamoDb(TABLE)
    put(fake, [{"id": "last"}], units=0.01)
    assert pauses == []  # the last request of a task delays nothing
    put(fake, [{"id": str(number)} for number in range(26)], units=25)
    assert pauses == [pytest.approx(1, abs=0.2)]
    fake = FakeDynamoDb(TABLE)
    put(fake, [{"id": str(number)} for number in range(4)])
    scan(fake, units=1)
    assert pauses[-1] == pytest.approx(2, abs=0.2)


def test_an_export_yields_dynamodb_json():
    fake = FakeDynamoDb(TABLE)
    put(fake, [{"id": "a", "n": 1}])
    options = {"dynamodb.export": "ddb", "dynamodb.tableArn": "arn"}
    assert scan(fake, **options) == [{"Item": {"id": {"S": "a"}, "n": {"N": "1"}}}]
