"""The Data Catalog of a run: used only if it is encrypted, and every use is recorded.

The encryption settings are read before the first call, so a run that does not use the catalog does not read
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.connection import GlueConnection
from glue_secure.core.findings import Finding, enforce, passed, stop, unknown
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import Catalog, KeyService
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition


class EncryptedCatalog:
    """A ``ports.Catalog`` that checks the encryption of each catalog before the first call to it.

    Every method raises RefusedError (GS-CAT, GS-KMS) or VerificationError if a check fails.

    Args:
        catalog: AWS Glue.
        keys: AWS KMS.
        account: the run's account, whose catalog is used if a call names no other.
        region: the run's Region.
        recorder: receives findings and the names of used objects.
    """

    def __init__(
        self, catalog: Catalog, *, keys: KeyService, account: str, region: str, recorder: RunRecorder
    ) -> None:
        self._catalog, self._keys, self._recorder = catalog, keys, recorder
        self._account, self._region = account, region
        self._checked: dict[str, CatalogEncryption] = {}
        self._password_encryption_checked: set[str] = set()
        self._lock = Lock()

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """Return the settings of a catalog, checked once a run (GS-CAT-001, -003, GS-KMS)."""
        account = catalog_id or self._account
        with self._lock:
            if account not in self._checked:
                with self._recorder.timed("catalog"):
                    settings, finding = self._read_settings(account, catalog_id)
                    self._recorder.record([finding])
                    findings = [check_metadata(settings, account)]
                    if settings.key:
                        findings += self._check_key("catalog", settings.key, account)
                    self._recorder.record(enforce(self._recorder.tolerated(findings)))
                self._checked[account] = settings
            return self._checked[account]

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """Return a connection, after the encryption of connection passwords was checked (GS-CAT-002)."""
        settings, account = self.catalog_encryption(catalog_id), catalog_id or self._account
        with self._lock:
            if account not in self._password_encryption_checked:
                findings = [check_passwords(settings, account)]
                if settings.password_key not in ("", settings.key):
                    findings += self._check_key("connection-passwords", settings.password_key, account)
                self._recorder.record(enforce(self._recorder.tolerated(findings)))
                self._password_encryption_checked.add(account)
        connection = self._catalog.connection(name, catalog_id)
        self._recorder.touch("connection", name)
        return connection

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """Return what a read needs of a table."""
        self.catalog_encryption(catalog_id)
        table = self._catalog.table(database, name, catalog_id)
        self._record_table(database, name, table.version)
        return table

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """Yield the partitions that match an expression of GetPartitions."""
        self.catalog_encryption(catalog_id)
        for partition in self._catalog.list_partitions(database, name, expression, catalog_id):
            self._recorder.touch("partition", f"{database}.{name}")
            yield partition

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """Return what a write needs of a table."""
        self.catalog_encryption()
        table = self._catalog.table_definition(database, name)
        self._record_table(database, name, table.version)
        return table

    def create_table(self, table: TableDefinition) -> None:
        """Create a table in S3."""
        self.catalog_encryption()
        self._catalog.create_table(table)
        self._recorder.touch("database", table.database, "write")
        self._recorder.touch("table", f"{table.database}.{table.name}", "write")

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Replace the columns of a table."""
        self.catalog_encryption()
        self._catalog.replace_columns(database, name, columns)
        self._recorder.touch("table", f"{database}.{name}", "write")

    def partition_locations(self, database: str, name: str) -> Mapping[tuple[str, ...], str]:
        """Return the location of every partition, by the partition's values."""
        self.catalog_encryption()
        locations = self._catalog.partition_locations(database, name)
        if locations:
            self._recorder.touch("partition", f"{database}.{name}", count=len(locations))
        return locations

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Register partitions."""
        self.catalog_encryption()
        self._catalog.create_partitions(table, partitions)
        self._recorder.touch("partition", f"{table.database}.{table.name}", "write", len(partitions))

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions from a table."""
        self.catalog_encryption()
        self._catalog.delete_partitions(database, name, values)
        self._recorder.touch("partition", f"{database}.{name}", "write", len(values))

    def _record_table(self, database: str, name: str, version: str) -> None:
        self._recorder.touch("database", database)
        self._recorder.touch("table", f"{database}.{name}")
        if version:
            self._recorder.touch("table-version", f"{database}.{name}@{version}")

    def _read_settings(self, account: str, catalog_id: str | None) -> tuple[CatalogEncryption, Finding]:
        """Return the settings of a catalog, and that they could be read (GS-CAT-003)."""
        resource = f"Data Catalog {account}"
        try:
            settings = self._catalog.catalog_encryption(catalog_id)
        except ServiceError as error:
            stop(
                unknown(
                    "GS-CAT-003",
                    resource,
                    found=str(error),
                    required="the answer of GetDataCatalogEncryptionSettings",
                    fix="give the job's role glue:GetDataCatalogEncryptionSettings on the catalog",
                    aws_code=error.code,
                )
            )
        return settings, passed("GS-CAT-003", resource, settings.mode)

    def _check_key(self, purpose: str, name: str, account: str) -> list[Finding]:
        return check_named_key(purpose, name, self._keys, region=self._region, account=account)[1]
