"""AWS Glue's Data Catalog as Spark SQL uses it: a Hive metastore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Shape = Mapping[str, Any]
"""A ``Database``, ``Table`` or ``Partition`` of the Glue API, or the input of a call."""


class Metastore(Protocol):
    """The operations on databases, tables and partitions that Spark SQL needs, with the Glue API's shapes.

    Every method raises ServiceError; those that name an entity raise NotFound where it does not exist.
    """

    def databases(self) -> Iterator[Shape]:
        """Yield the databases."""

    def database(self, name: str) -> Shape:
        """Return a database."""

    def create_database(self, database: Shape) -> None:
        """Create a database from a ``DatabaseInput``."""

    def update_database(self, name: str, database: Shape) -> None:
        """Replace a database by a ``DatabaseInput``."""

    def delete_database(self, name: str) -> None:
        """Delete a database with its tables."""

    def table_shapes(self, database: str) -> Iterator[Shape]:
        """Yield the tables of a database."""

    def table_shape(self, database: str, name: str) -> Shape:
        """Return a table."""

    def create_table_shape(self, database: str, table: Shape) -> None:
        """Create a table from a ``TableInput``."""

    def update_table(self, database: str, table: Shape) -> None:
        """Replace the table that a ``TableInput`` names."""

    def delete_table(self, database: str, name: str) -> None:
        """Delete a table with its partitions. Its files are not deleted."""

    def partition_shapes(self, database: str, table: str, expression: str = "") -> Iterator[Shape]:
        """Yield the partitions that match an expression of GetPartitions; ``""`` matches all."""

    def partition_shape(self, database: str, table: str, values: Sequence[str]) -> Shape:
        """Return the partition with these values."""

    def create_partition_shapes(self, database: str, table: str, partitions: Sequence[Shape]) -> None:
        """Create partitions from ``PartitionInput``. Raises ServiceError AlreadyExistsException."""

    def update_partition(self, database: str, table: str, values: Sequence[str], partition: Shape) -> None:
        """Replace a partition, which may get other values."""

    def delete_partition(self, database: str, table: str, values: Sequence[str]) -> None:
        """Delete a partition. Its files are not deleted."""
