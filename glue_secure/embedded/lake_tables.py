"""The tables of the Lake Formation example in ``docs/lake-formation.md``: definitions without data."""

from __future__ import annotations

from contextlib import suppress

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients

DATABASE = "sales"
COLUMNS = {"customers": ("id", "region", "email", "name"), "orders": ("id", "amount")}


def define_lake_tables(account: EmbeddedAccount) -> None:
    """Create the database ``sales`` and its tables ``customers`` and ``orders``, unless they exist."""
    glue = clients(account)("glue")
    location = f"s3://{CURATED}/{DATABASE}"
    with suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": DATABASE, "LocationUri": f"{location}/"})
    for table, columns in COLUMNS.items():
        storage = {
            "Columns": [{"Name": column, "Type": "string"} for column in columns],
            "Location": f"{location}/{table}/",
        }
        with suppress(glue.exceptions.AlreadyExistsException):
            glue.create_table(
                DatabaseName=DATABASE,
                TableInput={
                    "Name": table,
                    "TableType": "EXTERNAL_TABLE",
                    "StorageDescriptor": storage,
                    "Parameters": {"classification": "parquet"},
                },
            )
