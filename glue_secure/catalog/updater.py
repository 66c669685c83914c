"""Changes of the Data Catalog after a write: tables, columns and partitions. Each change is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from glue_secure.core.errors import GlueSecureError
from glue_secure.core.evidence import CatalogRecord
from glue_secure.core.ports import Catalog
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition

Partitions = Mapping[tuple[str, ...], str]
"""A partition's values → its location."""


class CatalogUpdater:
    """Changes the Data Catalog for a run's writes. Every method raises GlueSecureError if a call fails.

    Args:
        catalog: the Data Catalog.
        recorder: receives each change.
    """

    def __init__(self, *, catalog: Catalog, recorder: RunRecorder) -> None:
        self._catalog, self._recorder = catalog, recorder

    def table(self, database: str, name: str) -> TableDefinition:
        """Return a table. Raises GlueSecureError if it does not exist."""
        with self._describing_errors(f"read table {database}.{name}"):
            return self._catalog.table_definition(database, name)

    def existing_table(self, database: str, name: str) -> TableDefinition | None:
        """Return a table, None if it does not exist."""
        with self._describing_errors(f"read table {database}.{name}"):
            try:
                return self._catalog.table_definition(database, name)
            except NotFound:
                return None

    def create(self, table: TableDefinition) -> None:
        """Create a table."""
        with self._describing_errors(f"create table {table.database}.{table.name}"):
            self._catalog.create_table(table)
        names = tuple(name for name, _ in (*table.columns, *table.partition_keys))
        self._record(table, "create-table", names)

    def replace_columns(self, table: TableDefinition, columns: Columns) -> None:
        """Replace the columns of a table, if they differ."""
        if columns == table.columns:
            return
        with self._describing_errors(f"update table {table.database}.{table.name}"):
            self._catalog.replace_columns(table.database, table.name, columns)
        self._record(table, "update-schema", tuple(name for name, _ in columns))

    def partitions(self, table: TableDefinition) -> Partitions:
        """Return the location of every partition, by the partition's values."""
        with self._describing_errors(f"read the partitions of {table.database}.{table.name}"):
            return self._catalog.partition_locations(table.database, table.name)

    def add_partitions(self, table: TableDefinition, partitions: Partitions) -> None:
        """Register the partitions that the catalog does not have."""
        existing = self.partitions(table)
        new = {values: location for values, location in partitions.items() if values not in existing}
        if not new:
            return
        with self._describing_errors(f"create partitions of {table.database}.{table.name}"):
            self._catalog.create_partitions(table, new)
        self._record(table, "create-partitions", tuple("/".join(values) for values in sorted(new)))

    def delete_partitions(self, table: TableDefinition, partitions: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions from a table."""
        if not partitions:
            return
        with self._describing_errors(f"delete partitions of {table.database}.{table.name}"):
            self._catalog.delete_partitions(table.database, table.name, partitions)
        self._record(table, "delete-partitions", tuple("/".join(values) for values in sorted(partitions)))

    def _record(self, table: TableDefinition, action: str, details: tuple[str, ...]) -> None:
        self._recorder.catalog.append(CatalogRecord(f"{table.database}.{table.name}", action, details))

    @contextmanager
    def _describing_errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            raise GlueSecureError(f"cannot {action}: {error}", aws_code=error.code) from error
