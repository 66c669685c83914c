"""Databases, tables and partitions of the Glue API as objects of the Hive metastore, and back."""

import json
from datetime import datetime, timezone

import pytest

from glue_secure import UsageError
from glue_secure.catalog import hive_objects

STORAGE = {
    "Columns": [
        {"Name": "id", "Type": "bigint", "Comment": "key"},
        {"Name": "tags", "Type": "array<string>"},
    ],
    "Location": "s3://lake/t/",
    "InputFormat": "in",
    "OutputFormat": "out",
    "Compressed": False,
    "NumberOfBuckets": 2,
    "SerdeInfo": {"SerializationLibrary": "serde", "Parameters": {"field.delim": ";"}},
    "BucketColumns": ["id"],
    "SortColumns": [{"Column": "id", "SortOrder": 1}],
    "Parameters": {"a": "b"},
}
TABLE = {
    "Name": "t",
    "DatabaseName": "lake",
    "Owner": "owner",
    "Retention": 0,
    "StorageDescriptor": STORAGE,
    "PartitionKeys": [{"Name": "dt", "Type": "string"}],
    "Parameters": {"classification": "csv", "empty": ""},
    "TableType": "EXTERNAL_TABLE",
}


def test_a_table_survives_the_way_to_hive_and_back():
    created = datetime(2026, 1, 1, tzinfo=timezone.utc)
    text = hive_objects.table_json({**TABLE, "CreateTime": created, "VersionId": "3", "CatalogId": "1"})
    assert json.loads(text)["1"] == {"str": "t"}
    assert json.loads(text)["4"] == {"i32": int(created.timestamp())}
    assert hive_objects.table_input(text) == TABLE


@pytest.mark.parametrize(
    ("kind", "hive"),
    [(None, "EXTERNAL_TABLE"), ("GOVERNED", "EXTERNAL_TABLE"), ("VIRTUAL_VIEW", "VIRTUAL_VIEW")],
)
def test_a_table_of_the_api_has_the_members_that_hive_reads(kind, hive):
    shape = hive_objects.table_input(
        hive_objects.table_json(
            {"Name": "t", "DatabaseName": "lake", **({"TableType": kind} if kind else {})}
        )
    )
    assert shape["TableType"] == hive
    assert shape["StorageDescriptor"] == {
        "Columns": [],
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {"Parameters": {}},
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": {},
    }


def test_partitions_survive_the_way_to_hive_and_back():
    partition = {"Values": ["2024", "ü/ "], "StorageDescriptor": STORAGE, "Parameters": {"x": "y"}}
    named = {**partition, "DatabaseName": "lake", "TableName": "t"}
    assert hive_objects.partition_inputs(hive_objects.partitions_json([named, named])) == [partition] * 2


def test_empty_texts_that_the_api_rejects_are_left_out():
    database = {"Name": "Lake", "Description": "", "LocationUri": "s3://lake/"}
    text = hive_objects.database_json(database)
    assert hive_objects.database_input(text) == {
        "Name": "lake",
        "LocationUri": "s3://lake/",
        "Parameters": {},
    }


def test_text_of_another_form_is_a_usage_error():
    with pytest.raises(UsageError, match="Hive metastore"):
        hive_objects.table_input('{"1": []}')
