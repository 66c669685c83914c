"""The Data Catalog of a run for Spark SQL: used only if it is encrypted, and every use is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from glue_secure.catalog.encrypted_catalog import EncryptedCatalog
from glue_secure.core.errors import ControlError
from glue_secure.core.evidence import CatalogRecord
from glue_secure.core.ports import Operation
from glue_secure.core.ports.metastore import Metastore, Shape
from glue_secure.core.recorder import RunRecorder


class EncryptedMetastore:
    """A ``ports.Metastore`` that checks the encryption of the catalog before the first call.

    Every method raises RefusedError (GS-CAT, GS-KMS) or VerificationError if a check fails. The run has then
    failed.

    Args:
        metastore: AWS Glue.
        catalog: checks the encryption.
        recorder: receives the names of used objects, and each change.
        operation: the context of one operation of the run.
    """

    def __init__(
        self, metastore: Metastore, *, catalog: EncryptedCatalog, recorder: RunRecorder, operation: Operation
    ) -> None:
        self._metastore, self._catalog = metastore, catalog
        self._recorder, self._operation = recorder, operation
        self._is_checked = False

    def require_encryption(self) -> None:
        """Check the encryption of the catalog, once."""
        if not self._is_checked:
            with self._operation(ControlError):
                self._catalog.catalog_encryption()
            self._is_checked = True

    def databases(self) -> Iterator[Shape]:
        """Yield the databases."""
        self.require_encryption()
        yield from self._metastore.databases()

    def database(self, name: str) -> Shape:
        """Return a database."""
        self.require_encryption()
        shape = self._metastore.database(name)
        self._recorder.touch("database", name)
        return shape

    def create_database(self, database: Shape) -> None:
        """Create a database."""
        with self._change("database", str(database["Name"]), "create-database"):
            self._metastore.create_database(database)

    def update_database(self, name: str, database: Shape) -> None:
        """Replace a database."""
        with self._change("database", name, "update-database"):
            self._metastore.update_database(name, database)

    def delete_database(self, name: str) -> None:
        """Delete a database with its tables."""
        with self._change("database", name, "delete-database"):
            self._metastore.delete_database(name)

    def table_shapes(self, database: str) -> Iterator[Shape]:
        """Yield the tables of a database."""
        self.require_encryption()
        self._recorder.touch("database", database)
        yield from self._metastore.table_shapes(database)

    def table_shape(self, database: str, name: str) -> Shape:
        """Return a table."""
        self.require_encryption()
        shape = self._metastore.table_shape(database, name)
        self._recorder.touch("database", database)
        self._recorder.touch("table", f"{database}.{name}")
        if shape.get("VersionId"):
            self._recorder.touch("table-version", f"{database}.{name}@{shape['VersionId']}")
        return shape

    def create_table_shape(self, database: str, table: Shape) -> None:
        """Create a table."""
        with self._change("table", f"{database}.{table['Name']}", "create-table", _columns(table)):
            self._metastore.create_table_shape(database, table)

    def update_table(self, database: str, table: Shape) -> None:
        """Replace a table."""
        with self._change("table", f"{database}.{table['Name']}", "update-table", _columns(table)):
            self._metastore.update_table(database, table)

    def delete_table(self, database: str, name: str) -> None:
        """Delete a table with its partitions."""
        with self._change("table", f"{database}.{name}", "delete-table"):
            self._metastore.delete_table(database, name)

    def partition_shapes(self, database: str, table: str, expression: str = "") -> Iterator[Shape]:
        """Yield the partitions that match an expression."""
        self.require_encryption()
        for shape in self._metastore.partition_shapes(database, table, expression):
            self._recorder.touch("partition", f"{database}.{table}")
            yield shape

    def partition_shape(self, database: str, table: str, values: Sequence[str]) -> Shape:
        """Return the partition with these values."""
        self.require_encryption()
        shape = self._metastore.partition_shape(database, table, values)
        self._recorder.touch("partition", f"{database}.{table}")
        return shape

    def create_partition_shapes(self, database: str, table: str, partitions: Sequence[Shape]) -> None:
        """Create partitions."""
        details = tuple("/".join(partition["Values"]) for partition in partitions)
        with self._change("partition", f"{database}.{table}", "create-partitions", details):
            self._metastore.create_partition_shapes(database, table, partitions)

    def update_partition(self, database: str, table: str, values: Sequence[str], partition: Shape) -> None:
        """Replace a partition."""
        with self._change("partition", f"{database}.{table}", "update-partition", ("/".join(values),)):
            self._metastore.update_partition(database, table, values, partition)

    def delete_partition(self, database: str, table: str, values: Sequence[str]) -> None:
        """Delete a partition."""
        with self._change("partition", f"{database}.{table}", "delete-partitions", ("/".join(values),)):
            self._metastore.delete_partition(database, table, values)

    @contextmanager
    def _change(self, kind: str, name: str, action: str, details: tuple[str, ...] = ()) -> Iterator[None]:
        self.require_encryption()
        yield
        self._recorder.touch(kind, name, "write", max(len(details), 1))
        self._recorder.catalog.append(CatalogRecord(name, action, details))


def _columns(table: Shape) -> tuple[str, ...]:
    columns = (table.get("StorageDescriptor") or {}).get("Columns") or ()
    return tuple(str(column["Name"]) for column in (*columns, *(table.get("PartitionKeys") or ())))
