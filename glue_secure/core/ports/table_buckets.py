"""Amazon S3 Tables."""

from __future__ import annotations

from typing import Protocol

from glue_secure.core.table_buckets import StoredEncryption


class TableBuckets(Protocol):
    """The operations of Amazon S3 Tables that a run uses. Every method raises ServiceError."""

    def bucket_encryption(self, arn: str) -> StoredEncryption:
        """Return how new tables of a table bucket are encrypted (GetTableBucketEncryption)."""

    def table_encryption(self, arn: str, namespace: str, name: str) -> StoredEncryption:
        """Return how a table is encrypted (GetTableEncryption)."""
