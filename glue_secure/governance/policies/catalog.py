"""Identity policies for the Data Catalog, with all ARNs of the hierarchy that each action needs.

"All operations performed on a Data Catalog resource require permission on the resource and all the
ancestors of that resource. All delete operations require permission also on all children."
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
# For sinks with enableUpdateCatalog (new tables, columns and partitions), and for purging partitions. The
# table and its partitions are read before each change.
WRITE_TABLE = (
    "glue:GetTable",
    "glue:GetPartitions",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
)
# Databases that Spark reads with the Data Catalog as its metastore: default at the start of a session
# (https://docs.aws.amazon.com/glue/latest/dg/data-quality-trouble.html), that of global temporary views, and
# delta, because Spark takes delta.`s3://...` for a table of this database before it takes it for a location.
SPARK_DATABASES = ("default", "delta", "global_temp")
_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,255}\Z")


def table_arns(scope: PolicyScope, database: str, *tables: str) -> tuple[str, ...]:
    """Return the ARNs of catalog, database and tables: the resources with all their ancestors.

    Raises:
        UsageError: a name is empty or contains a character that widens the ARN (``*``, ``?``, ``/``).
    """
    for name in (database, *tables):
        if not _NAME.match(name):
            raise UsageError(
                "a name in the Data Catalog",
                found=repr(name),
                required="letters, digits, '_', '-' and '.', without wildcards",
            )
    table_resources = (scope.arn("glue", f"table/{database}/{table}") for table in tables)
    return (scope.arn("glue", "catalog"), scope.arn("glue", f"database/{database}"), *table_resources)


def full_access_on_table(scope: PolicyScope, database: str, table: str) -> Policy:
    """Return a policy for all 18 actions on one table, its versions and its partitions."""
    return Policy((allow("FullAccessOnTable", *FULL_TABLE, on=table_arns(scope, database, table)),))


def read_tables(scope: PolicyScope, database: str, *tables: str) -> Statement:
    """Return a statement that allows reading tables and their partitions."""
    return allow(f"Read{_sid(database)}", *READ_TABLE, on=table_arns(scope, database, *tables))


def write_tables(scope: PolicyScope, database: str, *tables: str) -> Statement:
    """Return a statement that allows creating tables, changing columns, and adding and purging partitions."""
    return allow(f"Write{_sid(database)}", *WRITE_TABLE, on=table_arns(scope, database, *tables))


def spark_metastore(
    scope: PolicyScope, tables: Iterable[tuple[str, tuple[str, ...]]]
) -> tuple[Statement, ...]:
    """Return statements for Spark SQL with the Data Catalog as its metastore, which reads databases.

    Args:
        scope: region and account.
        tables: pairs of a database and its tables.
    """
    pairs = tuple(tables)
    names = dict.fromkeys((*(database for database, _ in pairs), *SPARK_DATABASES))
    databases = tuple(scope.arn("glue", f"database/{name}") for name in names)
    statements = [allow("LookUpDatabases", "glue:GetDatabase", on=(scope.arn("glue", "catalog"), *databases))]
    if pairs:
        arns = dict.fromkeys(arn for database, own in pairs for arn in table_arns(scope, database, *own))
        statements.append(allow("LookUpPartitions", "glue:GetPartition", on=tuple(arns)))
    return tuple(statements)


def delete_database(scope: PolicyScope, database: str) -> Policy:
    """Return a policy for deleting a database, which also needs permission on its tables and functions."""
    children = (
        scope.arn("glue", f"table/{database}/*"),
        scope.arn("glue", f"userDefinedFunction/{database}/*"),
    )
    arns = (*table_arns(scope, database), *children)
    return Policy((allow("DeleteDatabaseWithItsChildren", "glue:DeleteDatabase", on=arns),))


def _sid(text: str) -> str:
    return "".join(character for character in text.title() if character.isalnum() and character.isascii())
