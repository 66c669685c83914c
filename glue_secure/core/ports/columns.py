"""What a column policy reads from AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from glue_secure.core.columns import Tag, WrappedKey


class ColumnSource(Protocol):
    """Data keys from AWS KMS; tags from the Data Catalog and Lake Formation."""

    def open_key(self, key: WrappedKey) -> bytes:
        """Return the plaintext data key. Raises ServiceError."""

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Return the tags of a table's columns by lower-case column name. Raises NotFound, ServiceError."""
