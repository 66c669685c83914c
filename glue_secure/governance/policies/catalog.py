"""Identity policies for the Data Catalog, with the whole hierarchy of ARNs that each action needs.

"All operations performed on a Data Catalog resource require permission on the resource and all the
ancestors of that resource. All delete operations require permission also on all children."
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from __future__ import annotations

import re

from glue_secure.core.errors import UsageError
from glue_secure.core.policy_documents import Policy, Statement
from glue_secure.governance.policies.documents import PolicyScope, allow

READ_TABLE = (
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetTableVersion",
    "glue:GetTableVersions",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
)
# In the order of "Grant full access to a table and all partitions" in the Glue Developer Guide.
FULL_TABLE = (
    "glue:CreateTable",
    "glue:GetTable",
    "glue:GetTables",
    "glue:UpdateTable",
    "glue:DeleteTable",
    "glue:BatchDeleteTable",
    "glue:GetTableVersion",
    "glue:GetTableVersions",
    "glue:DeleteTableVersion",
    "glue:BatchDeleteTableVersion",
    "glue:CreatePartition",
    "glue:BatchCreatePartition",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
    "glue:UpdatePartition",
    "glue:DeletePartition",
    "glue:BatchDeletePartition",
)
# What UpdateTable, schema changes and partitions of a sink with enableUpdateCatalog need, and a purge.
WRITE_TABLE = (
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
)
_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,255}\Z")


def table_arns(scope: PolicyScope, database: str, *tables: str) -> tuple[str, ...]:
    """Catalog, database and tables: the resource with all its ancestors.

    Raises:
        UsageError: a name that would widen the ARN (``*``, ``?``, ``/``, empty).
    """
    for name in (database, *tables):
        if not _NAME.match(name):
            raise UsageError(
                "a name in the Data Catalog",
                found=repr(name),
                required="letters, digits, '_', '-' and '.': no wildcard, so that nothing else is granted",
            )
    below = (scope.arn("glue", f"table/{database}/{table}") for table in tables)
    return (scope.arn("glue", "catalog"), scope.arn("glue", f"database/{database}"), *below)


def full_access_on_table(scope: PolicyScope, database: str, table: str) -> Policy:
    """Everything on one table, its versions and its partitions: 18 actions on three ARNs."""
    return Policy((allow("FullAccessOnTable", *FULL_TABLE, on=table_arns(scope, database, table)),))


def read_tables(scope: PolicyScope, database: str, *tables: str) -> Statement:
    """Reading tables and their partitions."""
    return allow(f"Read{_sid(database)}", *READ_TABLE, on=table_arns(scope, database, *tables))


def write_tables(scope: PolicyScope, database: str, *tables: str) -> Statement:
    """Making tables, changing their columns, adding and purging their partitions."""
    return allow(f"Write{_sid(database)}", *WRITE_TABLE, on=table_arns(scope, database, *tables))


def delete_database(scope: PolicyScope, database: str) -> Policy:
    """Deleting a database: a delete needs the children too, here every table and function of it."""
    children = (
        scope.arn("glue", f"table/{database}/*"),
        scope.arn("glue", f"userDefinedFunction/{database}/*"),
    )
    arns = (*table_arns(scope, database), *children)
    return Policy((allow("DeleteDatabaseWithItsChildren", "glue:DeleteDatabase", on=arns),))


def _sid(text: str) -> str:
    return "".join(sign for sign in text.title() if sign.isalnum() and sign.isascii())
