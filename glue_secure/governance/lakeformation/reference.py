"""What Lake Formation accepts: the permissions on each kind of resource, principals, and limits.

Sources: the table by resource type in
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html; for CREATE_LF_TAG and
CREATE_LF_TAG_EXPRESSION https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-adding-tag-creator.html;
for named expressions https://docs.aws.amazon.com/lake-formation/latest/dg/managing-tag-expressions.html; for
functions ``UserDefinedFunction`` in https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_Resource.html.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from glue_secure.governance.lakeformation.model import Grant, Kind
from glue_secure.governance.lakeformation.model import Permission as P

_DATABASE = frozenset((P.ALL, P.ALTER, P.CREATE_TABLE, P.DESCRIBE, P.DROP))
_TABLE = frozenset((P.ALL, P.ALTER, P.DELETE, P.DESCRIBE, P.DROP, P.INSERT, P.SELECT))
_FUNCTION = frozenset((P.ALL, P.ALTER, P.DESCRIBE, P.DROP, P.EXECUTE))

ALLOWED: dict[Kind, frozenset[P]] = {
    Kind.CATALOG: frozenset(
        (
            P.ALL,
            P.ALTER,
            P.CREATE_CATALOG,
            P.CREATE_DATABASE,
            P.CREATE_LF_TAG,
            P.CREATE_LF_TAG_EXPRESSION,
            P.DESCRIBE,
            P.DROP,
        )
    ),
    Kind.NESTED_CATALOG: frozenset(
        (P.ALL, P.ALTER, P.CREATE_CATALOG, P.CREATE_DATABASE, P.DESCRIBE, P.DROP, P.SUPER_USER)
    ),
    Kind.DATABASE: _DATABASE,
    Kind.TABLE: _TABLE,
    Kind.ALL_TABLES: _TABLE,
    Kind.COLUMNS: frozenset((P.SELECT,)),
    Kind.OTHER_COLUMNS: frozenset((P.SELECT,)),
    Kind.CELLS: frozenset((P.DESCRIBE, P.DROP, P.SELECT)),
    Kind.FUNCTION: _FUNCTION,
    Kind.ALL_FUNCTIONS: _FUNCTION,
    Kind.LOCATION: frozenset((P.DATA_LOCATION_ACCESS,)),
    Kind.TAG: frozenset((P.ALTER, P.ASSOCIATE, P.DESCRIBE, P.DROP, P.GRANT_WITH_LF_TAG_EXPRESSION)),
    Kind.EXPRESSION: frozenset((P.ALTER, P.DESCRIBE, P.DROP, P.GRANT_WITH_LF_TAG_EXPRESSION)),
    Kind.DATABASES_WITH: _DATABASE,
    Kind.TABLES_WITH: _TABLE,
}
"""SUPER_USER cannot be granted on the default catalog."""

IN_NESTED_CATALOGS = (
    Kind.DATABASE,
    Kind.TABLE,
    Kind.ALL_TABLES,
    Kind.COLUMNS,
    Kind.OTHER_COLUMNS,
    Kind.FUNCTION,
    Kind.ALL_FUNCTIONS,
)
"""Resources of nested catalogs (S3 Tables, Redshift) that the file can name."""

NOT_FOR_OTHER_ACCOUNTS = frozenset((P.ALL.value, P.DROP.value))
"""Permissions on a database that cannot be granted to another account or an organization."""

NOT_PRINCIPALS = re.compile(r"arn:[^:]+:(?:iam::[^:]*:(?:group/|policy/|instance-profile/|root\Z)|s3:|sts:)")
"""ARNs that cannot get permissions: IAM groups, policies, root, buckets, and sessions of a role.

https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_DataLakePrincipal.html
"""

MOST_TAGS = 50
"""LF-Tags of one resource. https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html"""

MOST_VALUES = 1000
"""Values of one LF-Tag (same page)."""

MOST_FILTERS = 100
"""Data cell filters of a table that a principal can have SELECT on.

https://docs.aws.amazon.com/lake-formation/latest/dg/data-filtering-notes.html
"""

MOST_BYTES = 900
"""Bytes of an LF-Tag expression inside a grant. A named expression has no such limit."""

IMPLICIT_ON = {
    Kind.LOCATION: frozenset((P.DATA_LOCATION_ACCESS,)),
    Kind.CATALOG: frozenset((P.CREATE_DATABASE,)),
}
"""Permissions that each data lake administrator has implicitly, beside DESCRIBE on every resource.

They cannot be revoked from an administrator, and an explicit grant of them changes nothing.
https://docs.aws.amazon.com/lake-formation/latest/dg/implicit-permissions.html
"""

SOME_COLUMNS = (Kind.COLUMNS, Kind.OTHER_COLUMNS)
"""Resources that are a part of a table, without a data cell filter."""

NOT_BESIDE_COLUMNS = frozenset((P.ALL, P.ALTER, P.DELETE, P.DESCRIBE, P.DROP, P.INSERT, P.SELECT))
"""Permissions on a table that a principal cannot have beside SELECT on some of the table's columns.

"A principal with the SELECT permission on a subset of columns in a table cannot be granted the ALTER,
DROP, DELETE, or INSERT permission on that table", nor the reverse, and "you can't grant DESCRIBE to a user
who has partial select on a table" (the permissions reference). ALL includes these. With SELECT on the whole
table, the list of columns restricts nothing.
"""


def is_implicit(grant: Grant, administrators: Collection[str], readers: Collection[str]) -> bool:
    """Return whether the grant gives an administrator only permissions that every administrator has."""
    if grant.principal in administrators:
        implicit = IMPLICIT_ON.get(grant.resource.kind, frozenset()) | {P.DESCRIBE}
        return grant.permissions | grant.grantable <= implicit
    return grant.principal in readers and grant.permissions <= {P.DESCRIBE} and not grant.grantable


TableOfGrant = tuple[str, str, str, str, str]
"""Principal, catalog, database, table and condition of a grant."""

NOT_MANAGED = {
    "row_policy": "AWS does not document which permissions a row-level security policy supports; attach it "
    "to tables with [[row_attachments]]",
    "view": "grant on a view as on a table: database and table",
    "resource_link": "grant on a resource link as on a table: database and table, with DESCRIBE or DROP",
    "any_resource": "the principal of a grant on all resources of a type is a function, not a role or user",
}
"""Members of an entry that the file does not have, and the reason or replacement."""


def table_of_grant(grant: Grant) -> TableOfGrant | None:
    """Return the table of a grant on a table or some of its columns, else None."""
    resource = grant.resource
    on_table = resource.kind is Kind.TABLE and NOT_BESIDE_COLUMNS & (grant.permissions | grant.grantable)
    if resource.kind in SOME_COLUMNS or on_table:
        return grant.principal, resource.catalog, resource.database, resource.name, grant.condition
    return None
