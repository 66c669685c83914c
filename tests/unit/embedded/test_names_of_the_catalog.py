"""The embedded account stores and finds databases and tables in lower case, as Glue does."""

from __future__ import annotations

import boto3
from moto import mock_aws

from glue_secure.embedded.endpoint import fold_names_of_the_catalog


def test_names_of_databases_and_tables_are_folded_and_no_others():
    fold_names_of_the_catalog()
    fold_names_of_the_catalog()
    with mock_aws():
        glue = boto3.client("glue", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        glue.create_database(DatabaseInput={"Name": "Lake", "Parameters": {"Owner": "Ann"}})
        columns = [{"Name": "Id", "Type": "int"}]
        definition = {"Name": "Flights", "StorageDescriptor": {"Columns": columns}}
        glue.create_table(DatabaseName="LAKE", TableInput=definition)
        part = {"Values": ["UA"], "StorageDescriptor": {"Columns": columns}}
        glue.create_partition(DatabaseName="Lake", TableName="FLIGHTS", PartitionInput=part)
        database = glue.get_database(Name="lake")["Database"]
        assert (database["Name"], database["Parameters"]) == ("lake", {"Owner": "Ann"})
        table = glue.get_table(DatabaseName="Lake", Name="Flights")["Table"]
        assert (table["DatabaseName"], table["Name"]) == ("lake", "flights")
        assert table["StorageDescriptor"]["Columns"] == columns
        partition = glue.get_partition(DatabaseName="lake", TableName="flights", PartitionValues=["UA"])
        assert partition["Partition"]["Values"] == ["UA"]
        glue.update_table(DatabaseName="lake", TableInput={**definition, "Description": "new"})
        assert [each["Name"] for each in glue.get_tables(DatabaseName="LAKE")["TableList"]] == ["flights"]
        glue.delete_table(DatabaseName="lake", Name="FLIGHTS")
        glue.delete_database(Name="LAKE")
        assert glue.get_databases()["DatabaseList"] == []
