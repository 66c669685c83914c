"""AWS Glue: the Data Catalog and the jobs API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.connection import GlueConnection
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.table_definition import Columns, TableDefinition


class Catalog(Protocol):
    """The operations of the Data Catalog that a run uses.

    ``catalog_id`` names another account's catalog. Every method raises ServiceError; those that name an
    entity raise NotFound where it does not exist.
    """

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """Return the encryption settings of the catalog."""

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """Return a connection."""

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """Return what a read needs of a table."""

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """Yield the partitions that match an expression of GetPartitions; ``""`` matches all."""

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """Return what a write needs of a table."""

    def create_table(self, table: TableDefinition) -> None:
        """Create a table in S3. Raises NotFound where the database does not exist."""

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Replace the columns of a table. Everything else of the table stays."""

    def partition_locations(self, database: str, name: str) -> Mapping[tuple[str, ...], str]:
        """Return the location of every partition, by the partition's values."""

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Register partitions. An existing partition is not changed."""

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions from a table. A partition that does not exist is ignored."""


class ControlPlane(Catalog, Protocol):
    """The Data Catalog and the operations on jobs and security configurations."""

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """Return the security configuration's name of the run, else of the job; None without one."""

    def default_arguments(self, job_name: str) -> Mapping[str, str]:
        """Return ``DefaultArguments`` of a job, by name without ``--``."""

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """Return a security configuration."""

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """Return the names of a job's connections; without a job, of all that are not of type NETWORK."""
