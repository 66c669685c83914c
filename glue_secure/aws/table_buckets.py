"""Amazon S3 Tables: how table buckets and tables are encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.table_buckets import StoredEncryption


class S3TableBuckets:
    """Implements ``ports.TableBuckets``.

    Args:
        client: a boto3 client of S3 Tables.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def bucket_encryption(self, arn: str) -> StoredEncryption:
        """Return how new tables of a table bucket are encrypted (GetTableBucketEncryption)."""
        with translate_errors("GetTableBucketEncryption"):
            return _encryption(self._client.get_table_bucket_encryption(tableBucketARN=arn))

    def table_encryption(self, arn: str, namespace: str, name: str) -> StoredEncryption:
        """Return how a table is encrypted (GetTableEncryption)."""
        with translate_errors("GetTableEncryption"):
            return _encryption(
                self._client.get_table_encryption(tableBucketARN=arn, namespace=namespace, name=name)
            )


def _encryption(answer: Mapping[str, Any]) -> StoredEncryption:
    found = answer["encryptionConfiguration"]
    return StoredEncryption(str(found["sseAlgorithm"]), str(found.get("kmsKeyArn") or ""))
