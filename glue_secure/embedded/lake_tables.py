"""The example of ``docs/lake-formation.md``: its tables, without data, and its permissions file."""

from __future__ import annotations

from contextlib import suppress

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import CURATED
from glue_secure.embedded.clients import clients

DATABASE = "sales"
COLUMNS = {"customers": ("id", "region", "email", "name"), "orders": ("id", "amount")}
PERMISSIONS = """\
schema = 1

[settings]                     # grants have no effect while IAMAllowedPrincipals has Super
close_to_iam = ["sales"]
close_defaults = true

[principals]
analyst = "arn:aws:iam::123456789012:role/analyst"
privacy = "arn:aws:iam::123456789012:role/privacy"
billing = "arn:aws:iam::123456789012:role/billing"

[lf_tags]
classification = ["public", "internal", "confidential"]
pii = ["true", "false"]

[[assign]]                     # tables and columns inherit the tags of the database
database = "sales"
tags = { classification = "internal", pii = "false" }

[[assign]]                     # a table's value overrides the inherited value
database = "sales"
table = "customers"
tags = { classification = "confidential" }

[[assign]]                     # a column's value overrides both
database = "sales"
table = "customers"
columns = ["email", "name"]
tags = { pii = "true" }

[[grants]]                     # all keys must match, each by any of its values
principal = "privacy"
tables_with = { classification = ["confidential"], pii = ["true"] }
permissions = ["SELECT"]

[[grants]]
principal = "analyst"
tables_with = { classification = ["public", "internal"], pii = ["false"] }
permissions = ["SELECT"]

[[grants]]                     # by resource name instead of tags
principal = "billing"
database = "sales"
table = "customers"
columns = ["id"]
permissions = ["SELECT"]
"""
"""The permissions file, as on the page."""


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
