"""Glue's options of DynamoDB, and the encryption of tables and streams."""

from dataclasses import replace

import pytest

from glue_secure.connections.connectors.dynamodb import (
    catalog_options,
    is_dynamodb_location,
    parse_read,
    parse_write,
)
from glue_secure.connections.connectors.encryption import check_stream, check_table
from glue_secure.core.dynamodb import DynamoDbAccess, DynamoDbTable
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.kms_key import KmsKey

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/flights"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
TABLE = DynamoDbTable("flights", ARN, "ACTIVE", ("id",), "ENABLED", "KMS", KEY, read_units=10, write_units=4)
KMS_KEY = KmsKey(KmsKeyArn.parse(KEY), "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")


def test_read_options_have_awss_defaults():
    read = parse_read({"dynamodb.input.tableName": "flights"})
    assert (read.table, read.segments, read.percent, read.export) == ("flights", 1, 0.5, "")
    assert read.access == DynamoDbAccess()
    assert (read.units_per_second(TABLE), read.units_per_second(replace(TABLE, read_units=0))) == (5, 20000)


def test_write_options_have_awss_defaults_and_divide_the_capacity():
    write = parse_write({"dynamodb.output.tableName": "flights", "dynamodb.sts.roleArn": "arn:role"})
    assert (write.retries, write.access.session) == (10, "glue-dynamodb-write-sts-session")
    assert write.units_per_second(TABLE, 2) == 1
    tasks = parse_write({"dynamodb.output.tableName": "t", "dynamodb.output.numParallelTasks": "4"})
    assert tasks.units_per_second(TABLE, 2) == 0.5


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dynamodb.export": "ddb"},
        {"dynamodb.export": "hive", "dynamodb.tableArn": ARN},
        {"dynamodb.input.tableName": "t", "dynamodb.throughput.read.percent": "1.6"},
        {"dynamodb.input.tableName": "t", "dynamodb.throughput.read.percent": "much"},
        {"dynamodb.input.tableName": "t", "dynamodb.splits": "0"},
        {
            "dynamodb.export": "ddb",
            "dynamodb.tableArn": ARN,
            "dynamodb.unnestDDBJson": True,
            "dynamodb.simplifyDDBJson": "true",
        },
    ],
    ids=["no table", "no arn", "export", "percent", "text", "splits", "unnest and simplify"],
)
def test_invalid_read_options_raise_a_usage_error(options):
    with pytest.raises(UsageError):
        parse_read(options)


def test_a_data_catalog_table_names_the_dynamodb_table_by_its_arn():
    assert is_dynamodb_location(ARN)
    assert not is_dynamodb_location("s3://bucket/flights/")
    assert catalog_options(ARN, {}, writes=True) == {"dynamodb.output.tableName": ARN}
    assert parse_read(catalog_options(ARN, {"dynamodb.export": "ddb"}, writes=False)).table == ARN


@pytest.mark.parametrize(
    ("table", "key", "verdict"),
    [
        (TABLE, KMS_KEY, Verdict.PASS),
        (TABLE, replace(KMS_KEY, manager="AWS"), Verdict.FAIL),
        (TABLE, replace(KMS_KEY, state="PendingDeletion"), Verdict.FAIL),
        (replace(TABLE, sse_status="UPDATING"), KMS_KEY, Verdict.FAIL),
        (replace(TABLE, sse_status="", sse_type="", kms_key=""), None, Verdict.FAIL),
    ],
    ids=["customer key", "AWS managed key", "pending deletion", "not in force", "owned by DynamoDB"],
)
def test_gs_con_001_a_table_passes_with_an_enabled_customer_managed_key_only(table, key, verdict):
    finding = check_table(table, key)
    assert (finding.control, finding.verdict) == ("GS-CON-001", verdict)
    assert verdict is Verdict.PASS or "aws dynamodb update-table --table-name flights" in finding.fix


def test_gs_con_001_a_stream_passes_with_a_kms_key_only():
    arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
    shape = {"StreamName": "clicks", "StreamARN": arn, "EncryptionType": "KMS", "KeyId": KEY}
    assert check_stream(KinesisStream.from_api(shape)).verdict is Verdict.PASS
    plain = check_stream(KinesisStream.from_api({"StreamName": "clicks", "StreamARN": arn}))
    assert (plain.verdict, plain.found) == (Verdict.FAIL, "EncryptionType NONE")
    assert "aws kinesis start-stream-encryption --stream-name clicks" in plain.fix


def test_a_filter_has_no_effect_and_is_named_in_a_warning(caplog):
    read = parse_read({"dynamodb.input.tableName": "t", "dynamodb.filter": "begins_with(sk, 'RAW#')"})
    assert read == parse_read({"dynamodb.input.tableName": "t"})
    assert "dynamodb.filter has no effect, as in Glue: the whole table is read" in caplog.text
