"""Permissions on tables of Amazon S3 Tables, by their names.

The ARN of a table has an id that S3 Tables chooses. Conditions name the namespace and the table instead.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3tables.html
https://docs.aws.amazon.com/glue/latest/dg/s3tables-catalog-prerequisites.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from glue_secure.core.policy_documents import Statement
from glue_secure.governance.policies.documents import PolicyScope, allow, equals

CATALOG = "s3tablescatalog"
"""The catalog of the Data Catalog that has the table buckets of a Region."""
_READ = ("GetTable", "GetTableData", "GetTableEncryption", "GetTableMetadataLocation")
_WRITE = (*_READ, "PutTableData", "UpdateTableMetadataLocation")
_BUCKET = ("GetNamespace", "GetTableBucket", "GetTableBucketEncryption")
_READ_GLUE = ("GetCatalog", "GetDatabase", "GetTable")
_WRITE_GLUE = (*_READ_GLUE, "UpdateTable")


@dataclass(frozen=True, slots=True)
class BucketTable:
    """A table of Amazon S3 Tables.

    Attributes:
        bucket: name of the table bucket.
        namespace: the namespace.
        name: the table's name.
    """

    bucket: str
    namespace: str
    name: str

    @staticmethod
    def parse(text: str) -> BucketTable | None:
        """Return the table of ``s3tablescatalog/BUCKET/NAMESPACE.TABLE``, None for another text."""
        catalog, _, rest = text.partition("/")
        bucket, _, table = rest.partition("/")
        namespace, _, name = table.partition(".")
        return BucketTable(bucket, namespace, name) if catalog == CATALOG and name else None


def bucket_tables(
    scope: PolicyScope, read: tuple[BucketTable, ...], written: tuple[BucketTable, ...]
) -> tuple[Statement, ...]:
    """Return statements that allow reading and writing tables, also through the catalogs of AWS Glue.

    New tables are not allowed: S3 Tables decides their encryption.

    Args:
        scope: region and account.
        read: tables that are read.
        written: tables that are read and written.
    """
    statements = []
    for number, table in enumerate(dict.fromkeys((*read, *written)), start=1):
        is_written = table in written
        bucket = scope.arn("s3tables", f"bucket/{table.bucket}")
        named = (equals("s3tables:namespace", table.namespace), equals("s3tables:tableName", table.name))
        parents = (f"catalog/{CATALOG}", f"catalog/{CATALOG}/{table.bucket}")
        own = f"{CATALOG}/{table.bucket}/{table.namespace}"
        names = ("catalog", *parents, f"database/{own}", f"table/{own}/{table.name}")
        statements += [
            allow(
                f"{'Write' if is_written else 'Read'}BucketTable{number}",
                *(f"s3tables:{action}" for action in (_WRITE if is_written else _READ)),
                on=(f"{bucket}/table/*",),
                when=named,
            ),
            allow(
                f"FindBucketTable{number}",
                *(f"glue:{action}" for action in (_WRITE_GLUE if is_written else _READ_GLUE)),
                on=tuple(scope.arn("glue", name) for name in names),
            ),
        ]
    buckets = _arns(scope, (*read, *written))
    if buckets:
        actions = (f"s3tables:{action}" for action in _BUCKET)
        statements.append(allow("ReadTableBuckets", *actions, on=buckets))
    return tuple(statements)


def table_buckets_of_run(scope: PolicyScope, tables: Iterable[BucketTable]) -> tuple[Statement, ...]:
    """Return the statement of a session policy for the table buckets of tables, none without tables.

    The role's policy limits the actions to the job's tables.
    """
    buckets = _arns(scope, tables)
    if not buckets:
        return ()
    actions = (f"s3tables:{action}" for action in (*_BUCKET, *_WRITE))
    return (allow("UseTableBuckets", *actions, on=(*buckets, *(f"{arn}/table/*" for arn in buckets))),)


def _arns(scope: PolicyScope, tables: Iterable[BucketTable]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scope.arn("s3tables", f"bucket/{table.bucket}") for table in tables))
