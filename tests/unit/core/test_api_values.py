"""The other frozen mirrors of API shapes: keys, connections, tables."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import UsageError
from glue_secure.core.kms_key import KmsKey


def test_a_key_is_read_from_describe_key(key_arn):
    shape = {
        "Arn": str(key_arn),
        "KeyState": "PendingDeletion",
        "KeyManager": "CUSTOMER",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "DeletionDate": datetime(2026, 2, 1, 3, tzinfo=timezone.utc),
    }
    assert KmsKey.from_api(shape) == KmsKey(
        key_arn, "PendingDeletion", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "2026-02-01"
    )


def test_the_older_name_of_the_key_spec_is_read_and_missing_members_are_empty(key_arn):
    assert KmsKey.from_api({"Arn": str(key_arn), "CustomerMasterKeySpec": "RSA_2048"}) == KmsKey(
        key_arn, "", "", "", "RSA_2048"
    )


def test_key_metadata_without_an_arn_is_refused():
    with pytest.raises(UsageError):
        KmsKey.from_api({"KeyState": "Enabled"})


def test_a_connections_properties_and_a_password_stay_out_of_the_repr():
    connection = GlueConnection.from_api(
        {"Name": "db", "ConnectionType": "JDBC", "ConnectionProperties": {"PASSWORD": "hunter2"}}
    )
    assert connection.properties == {"PASSWORD": "hunter2"}
    assert "hunter2" not in repr(connection)
    assert "hunter2" not in repr(Credentials("me", "hunter2"))
    assert GlueConnection.from_api({}) == GlueConnection("", "", {})


def test_a_table_is_read_with_its_serde_and_parameters():
    table = CatalogTable.from_api(
        {
            "DatabaseName": "ops",
            "Name": "flights",
            "Parameters": {"classification": "CSV", "skip.header.line.count": "1"},
            "StorageDescriptor": {
                "Location": "s3://landing/flights/",
                "Parameters": {"classification": "json"},
                "SerdeInfo": {"Parameters": {"field.delim": ";"}},
            },
        }
    )
    assert (table.location, table.classification, table.connection) == ("s3://landing/flights/", "csv", "")
    assert table.serde == {"field.delim": ";"}
    assert table.parameters["skip.header.line.count"] == "1"
    assert CatalogTable.from_api({}) == CatalogTable("", "", "", "", "", {}, {})
