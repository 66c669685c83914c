"""Changes of the Data Catalog that belong to a write: tables, columns, partitions; each in the evidence."""

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


class CatalogUpdater:
    """The Data Catalog as a run's writes see it.

    Args:
        control_plane: AWS Glue.
        recorder: where each change is noted.
    """

    def __init__(self, *, control_plane: Catalog, recorder: RunRecorder) -> None:
        self._control_plane, self._recorder = control_plane, recorder

    def table(self, database: str, name: str) -> TableDefinition:
        """The table. Raises GlueSecureError when it cannot be read."""
        with self._told(f"read table {database}.{name}"):
            return self._control_plane.table_definition(database, name)

    def existing(self, database: str, name: str) -> TableDefinition | None:
        """The table, None when there is none; what cannot be read is an error."""
        try:
            return self._control_plane.table_definition(database, name)
        except NotFound:
            return None
        except ServiceError as error:
            text = f"cannot read table {database}.{name}: {error}"
            raise GlueSecureError(text, aws_code=error.code) from error

    def create(self, table: TableDefinition) -> None:
        """Create a table."""
        with self._told(f"create table {table.database}.{table.name}"):
            self._control_plane.create_table(table)
        self._note(table, "create-table", tuple(name for name, _ in (*table.columns, *table.partition_keys)))

    def replace_columns(self, table: TableDefinition, columns: Columns) -> None:
        """Give a table other columns, when they are other ones."""
        if columns == table.columns:
            return
        with self._told(f"update table {table.database}.{table.name}"):
            self._control_plane.replace_columns(table.database, table.name, columns)
        self._note(table, "update-schema", tuple(name for name, _ in columns))

    def partitions(self, table: TableDefinition) -> Partitions:
        """Values → location of every partition."""
        with self._told(f"read the partitions of {table.database}.{table.name}"):
            return self._control_plane.partition_locations(table.database, table.name)

    def add_partitions(self, table: TableDefinition, partitions: Partitions) -> None:
        """Register the partitions that the catalog does not have."""
        known = self.partitions(table)
        new = {values: place for values, place in partitions.items() if values not in known}
        if not new:
            return
        with self._told(f"create partitions of {table.database}.{table.name}"):
            self._control_plane.create_partitions(table, new)
        self._note(table, "create-partitions", tuple("/".join(values) for values in sorted(new)))

    def delete_partitions(self, table: TableDefinition, values: Sequence[tuple[str, ...]]) -> None:
        """Take partitions off the table."""
        if not values:
            return
        with self._told(f"delete partitions of {table.database}.{table.name}"):
            self._control_plane.delete_partitions(table.database, table.name, values)
        self._note(table, "delete-partitions", tuple("/".join(each) for each in sorted(values)))

    def _note(self, table: TableDefinition, action: str, details: tuple[str, ...]) -> None:
        self._recorder.catalog.append(CatalogRecord(f"{table.database}.{table.name}", action, details))

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            raise GlueSecureError(f"cannot {what}: {error}", aws_code=error.code) from error
