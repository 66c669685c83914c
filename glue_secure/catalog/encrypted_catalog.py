"""The one way of a run to the Data Catalog: encrypted, or not at all; and what is touched is noted.

Whether the catalog is encrypted is asked at the first touch, so a run that touches none asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock

from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.connection import GlueConnection
from glue_secure.core.findings import Finding, enforce, passed, unknown
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import Catalog, KeyService
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition


class EncryptedCatalog:
    """A Data Catalog behind its encryption's check. It satisfies ``ports.Catalog``.

    Every call raises RefusedError (GS-CAT, GS-KMS) or VerificationError before it is made.

    Args:
        catalog: AWS Glue.
        keys: AWS KMS.
        account: the run's own account, whose catalog is meant where a call names none.
        region: the run's.
        recorder: where findings and touched objects are noted.
    """

    def __init__(
        self, catalog: Catalog, *, keys: KeyService, account: str, region: str, recorder: RunRecorder
    ) -> None:
        self._catalog, self._keys, self._recorder = catalog, keys, recorder
        self._account, self._region = account, region
        self._held: dict[str, CatalogEncryption] = {}
        self._passwords: set[str] = set()
        self._lock = Lock()

    def encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """The settings of a catalog, held against GS-CAT-001 and GS-KMS once a run."""
        own = catalog_id or self._account
        with self._lock:
            if own not in self._held:
                with self._recorder.timed("catalog"):
                    settings = self._read(own, catalog_id)
                    found = [check_metadata(settings, own)]
                    if settings.key:
                        found += self._key("catalog", settings.key, own)
                    self._recorder.record(enforce(found))
                self._held[own] = settings
            return self._held[own]

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """GetConnection, once passwords of connections are known to be encrypted too (GS-CAT-002)."""
        settings, own = self.encryption(catalog_id), catalog_id or self._account
        with self._lock:
            if own not in self._passwords:
                found = [check_passwords(settings, own)]
                if settings.password_key not in ("", settings.key):
                    found += self._key("connection-passwords", settings.password_key, own)
                self._recorder.record(enforce(found))
                self._passwords.add(own)
        connection = self._catalog.connection(name, catalog_id)
        self._recorder.touch("connection", name)
        return connection

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """GetTable."""
        self.encryption(catalog_id)
        table = self._catalog.table(database, name, catalog_id)
        self._touch_table(database, name, table.version)
        return table

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """GetPartitions, page by page."""
        self.encryption(catalog_id)
        for partition in self._catalog.list_partitions(database, name, expression, catalog_id):
            self._recorder.touch("partition", f"{database}.{name}")
            yield partition

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """GetTable, with what a write needs of it."""
        self.encryption()
        table = self._catalog.table_definition(database, name)
        self._touch_table(database, name, table.version)
        return table

    def create_table(self, table: TableDefinition) -> None:
        """CreateTable."""
        self.encryption()
        self._catalog.create_table(table)
        self._recorder.touch("database", table.database, "write")
        self._recorder.touch("table", f"{table.database}.{table.name}", "write")

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """UpdateTable."""
        self.encryption()
        self._catalog.replace_columns(database, name, columns)
        self._recorder.touch("table", f"{database}.{name}", "write")

    def partition_locations(self, database: str, name: str) -> Mapping[tuple[str, ...], str]:
        """GetPartitions."""
        self.encryption()
        found = self._catalog.partition_locations(database, name)
        if found:
            self._recorder.touch("partition", f"{database}.{name}", count=len(found))
        return found

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """BatchCreatePartition."""
        self.encryption()
        self._catalog.create_partitions(table, partitions)
        self._recorder.touch("partition", f"{table.database}.{table.name}", "write", len(partitions))

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """BatchDeletePartition."""
        self.encryption()
        self._catalog.delete_partitions(database, name, values)
        self._recorder.touch("partition", f"{database}.{name}", "write", len(values))

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """The settings; the gate holds them, it does not pass them by."""
        return self.encryption(catalog_id)

    def _touch_table(self, database: str, name: str, version: str) -> None:
        self._recorder.touch("database", database)
        self._recorder.touch("table", f"{database}.{name}")
        if version:
            self._recorder.touch("table-version", f"{database}.{name}@{version}")

    def _read(self, own: str, catalog_id: str | None) -> CatalogEncryption:
        resource = f"Data Catalog {own}"
        try:
            settings = self._catalog.catalog_encryption(catalog_id)
        except ServiceError as error:
            enforce(
                [
                    unknown(
                        "GS-CAT-003",
                        resource,
                        found=str(error),
                        required="the answer of GetDataCatalogEncryptionSettings",
                        fix="give the job's role glue:GetDataCatalogEncryptionSettings on the catalog",
                        aws_code=error.code,
                    )
                ]
            )
            raise  # enforce has raised already
        self._recorder.record([passed("GS-CAT-003", resource, settings.mode)])
        return settings

    def _key(self, purpose: str, name: str, account: str) -> list[Finding]:
        return check_named_key(purpose, name, self._keys, region=self._region, account=account)[1]
