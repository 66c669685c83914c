"""The description of a Data Catalog database through GlueContext in local Spark, on the embedded account."""

import json

import pytest

from glue_secure import UsageError
from glue_secure.context import GlueContext
from glue_secure.embedded.clients import clients
from glue_secure.job import Job

SOURCE = "com.amazonaws.services.glue.connections.DataCatalogConnection"


@pytest.fixture
def started(glue_job, glue_spark, monkeypatch):
    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    context.job = Job(context)
    context.job.init(glue_job.name)
    yield context
    context.secured_run.close(outcome="test over")


def test_a_database_its_tables_and_partitions_are_rows(started, glue_job, glue_account):
    glue, database = clients(glue_account)("glue"), glue_job.name.replace("-", "_")
    column = {"Name": "n", "Type": "int"}
    storage = {"Columns": [column], "Location": "s3://b/t/", "Parameters": {"Some.Key": "Value"}}
    glue.create_database(DatabaseInput={"Name": database, "LocationUri": "s3://b/"})
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "t",
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": "day", "Type": "string"}],
        },
    )
    glue.create_partition(
        DatabaseName=database,
        TableName="t",
        PartitionInput={"Values": ["2026-01-31"], "StorageDescriptor": storage},
    )
    frame = started.create_dynamic_frame.from_options(
        SOURCE, {"catalog.name": "datacatalog", "catalog.database": database, "catalog.region": "us-east-1"}
    )
    rows = {row["type"]: row for row in map(json.loads, frame.toDF().toJSON().collect())}
    assert rows["database"]["items"][0]["name"] == database
    table, partition = rows["table"]["items"][0], rows["partition"]["items"][0]
    assert (rows["table"]["database"], rows["partition"]["table"]) == (database, "t")
    assert (table["name"], table["partitionKeys"]) == ("t", [{"name": "day", "type": "string"}])
    assert table["storageDescriptor"] == {
        "columns": [{"name": "n", "type": "int"}], "location": "s3://b/t/",
        "parameters": {"Some.Key": "Value"},
    }  # fmt: skip
    assert int(table["createTime"]) > 1_700_000_000_000
    assert (partition["values"], partition["namespaceName"]) == (["2026-01-31"], database)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "catalog.database"),
        ({"catalog.database": "d", "catalog.region": "eu-west-1"}, "the run's region, us-east-1"),
    ],
)
def test_a_call_that_names_no_database_of_the_region_is_rejected(started, options, text):
    with pytest.raises(UsageError, match=text):
        started.create_dynamic_frame.from_options(SOURCE, options)


def test_the_data_catalog_is_no_target(started):
    frame = started.create_dynamic_frame.from_rdd([{"a": 1}], "rows")
    with pytest.raises(UsageError, match="a write to com"):
        started.write_dynamic_frame.from_options(frame, SOURCE, {"catalog.database": "d"})
