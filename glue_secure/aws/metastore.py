"""AWS Glue's Data Catalog as a metastore. Implements ``ports.Metastore``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.aws.glue import raise_first_failure
from glue_secure.core.ports.metastore import Shape

_PARTITIONS_AT_ONCE = 100  # limit of BatchCreatePartition


class GlueMetastore:
    """Reads and changes databases, tables and partitions.

    Args:
        client: boto3's Glue client.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def databases(self) -> Iterator[Shape]:
        """Yield the databases (GetDatabases)."""
        return self._pages("GetDatabases", "DatabaseList")

    def database(self, name: str) -> Shape:
        """Return a database (GetDatabase)."""
        with translate_errors("GetDatabase"):
            shape: Shape = self._client.get_database(Name=name)["Database"]
        return shape

    def create_database(self, database: Shape) -> None:
        """Create a database (CreateDatabase)."""
        with translate_errors("CreateDatabase"):
            self._client.create_database(DatabaseInput=dict(database))

    def update_database(self, name: str, database: Shape) -> None:
        """Replace a database (UpdateDatabase)."""
        with translate_errors("UpdateDatabase"):
            self._client.update_database(Name=name, DatabaseInput=dict(database))

    def delete_database(self, name: str) -> None:
        """Delete a database with its tables (DeleteDatabase)."""
        with translate_errors("DeleteDatabase"):
            self._client.delete_database(Name=name)

    def table_shapes(self, database: str) -> Iterator[Shape]:
        """Yield the tables of a database (GetTables)."""
        return self._pages("GetTables", "TableList", DatabaseName=database)

    def table_shape(self, database: str, name: str) -> Shape:
        """Return a table (GetTable)."""
        with translate_errors("GetTable"):
            shape: Shape = self._client.get_table(DatabaseName=database, Name=name)["Table"]
        return shape

    def create_table_shape(self, database: str, table: Shape) -> None:
        """Create a table (CreateTable)."""
        with translate_errors("CreateTable"):
            self._client.create_table(DatabaseName=database, TableInput=dict(table))

    def update_table(self, database: str, table: Shape) -> None:
        """Replace a table (UpdateTable)."""
        with translate_errors("UpdateTable"):
            self._client.update_table(DatabaseName=database, TableInput=dict(table))

    def delete_table(self, database: str, name: str) -> None:
        """Delete a table (DeleteTable)."""
        with translate_errors("DeleteTable"):
            self._client.delete_table(DatabaseName=database, Name=name)

    def partition_shapes(self, database: str, table: str, expression: str = "") -> Iterator[Shape]:
        """Yield partitions (GetPartitions)."""
        arguments = {"Expression": expression} if expression else {}
        return self._pages("GetPartitions", "Partitions", DatabaseName=database, TableName=table, **arguments)

    def partition_shape(self, database: str, table: str, values: Sequence[str]) -> Shape:
        """Return a partition (GetPartition)."""
        with translate_errors("GetPartition"):
            shape: Shape = self._client.get_partition(
                DatabaseName=database, TableName=table, PartitionValues=list(values)
            )["Partition"]
        return shape

    def create_partition_shapes(self, database: str, table: str, partitions: Sequence[Shape]) -> None:
        """Create partitions (BatchCreatePartition). Raises ServiceError for the first that exists."""
        for begin in range(0, len(partitions), _PARTITIONS_AT_ONCE):
            with translate_errors("BatchCreatePartition"):
                answer = self._client.batch_create_partition(
                    DatabaseName=database,
                    TableName=table,
                    PartitionInputList=list(partitions[begin : begin + _PARTITIONS_AT_ONCE]),
                )
            raise_first_failure("BatchCreatePartition", answer)

    def update_partition(self, database: str, table: str, values: Sequence[str], partition: Shape) -> None:
        """Replace a partition (UpdatePartition)."""
        with translate_errors("UpdatePartition"):
            self._client.update_partition(
                DatabaseName=database,
                TableName=table,
                PartitionValueList=list(values),
                PartitionInput=dict(partition),
            )

    def delete_partition(self, database: str, table: str, values: Sequence[str]) -> None:
        """Delete a partition (DeletePartition)."""
        with translate_errors("DeletePartition"):
            self._client.delete_partition(
                DatabaseName=database, TableName=table, PartitionValues=list(values)
            )

    def _pages(self, operation: str, member: str, **arguments: Any) -> Iterator[Shape]:
        method = getattr(self._client, _method_name(operation))
        while True:
            with translate_errors(operation):
                page = method(**arguments)
            yield from page.get(member) or ()
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]


def _method_name(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
