"""AWS Glue: jobs, security configurations, connections, tables and catalog settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.arguments import without_dashes
from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.connection import GlueConnection
from glue_secure.core.redaction import redact_text
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition, with_columns

_PARTITIONS_AT_ONCE = 100  # limit of BatchCreatePartition; BatchDeletePartition accepts 25
_DELETIONS_AT_ONCE = 25


class GlueControlPlane:
    """Reads and changes jobs, connections and tables. Implements ``ports.ControlPlane``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """Return the run's configuration, which StartJobRun may set, else the job's (GetJobRun, GetJob)."""
        if run_id is not None:
            with translate_errors("GetJobRun"):
                run = self._client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"]
            if run.get("SecurityConfiguration"):
                return str(run["SecurityConfiguration"])
        else:
            run = {}
        with translate_errors("GetJob"):
            job = self._client.get_job(JobName=job_name)["Job"]
        if not job.get("SecurityConfiguration"):
            return None
        changed, started = job.get("LastModifiedOn"), run.get("StartedOn")
        if changed and started and changed > started:
            # The run names no configuration, and the job's may have been set after the run started.
            raise ServiceError(
                f"the run names no security configuration, and the job was changed at {changed}, "
                f"after the run's start at {started}",
                code="JobChangedAfterStart",
                operation="GetJob",
            )
        return str(job["SecurityConfiguration"])

    def default_arguments(self, job_name: str) -> dict[str, str]:
        """Return a job's default and non-overridable arguments, without ``--`` (GetJob)."""
        with translate_errors("GetJob"):
            job = self._client.get_job(JobName=job_name)["Job"]
        return {
            **without_dashes(job.get("DefaultArguments")),
            **without_dashes(job.get("NonOverridableArguments")),
        }

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """Return a security configuration (GetSecurityConfiguration)."""
        with translate_errors("GetSecurityConfiguration"):
            answer = self._client.get_security_configuration(Name=name)
        return SecurityConfiguration.from_api(answer["SecurityConfiguration"])

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """Return the encryption settings of a catalog (GetDataCatalogEncryptionSettings)."""
        with translate_errors("GetDataCatalogEncryptionSettings"):
            answer = self._client.get_data_catalog_encryption_settings(**_catalog(catalog_id))
        return CatalogEncryption.from_api(answer["DataCatalogEncryptionSettings"])

    def put_catalog_encryption(self, settings: CatalogEncryption) -> None:
        """Set the encryption of the account's catalog (PutDataCatalogEncryptionSettings)."""
        with translate_errors("PutDataCatalogEncryptionSettings"):
            self._client.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings.to_api())

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """Return a connection without its password (GetConnection)."""
        with translate_errors("GetConnection"):
            answer = self._client.get_connection(Name=name, HidePassword=True, **_catalog(catalog_id))
        return GlueConnection.from_api(answer["Connection"])

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """Return the job's connections (GetJob); without a job all but NETWORK (GetConnections)."""
        if job_name is not None:
            with translate_errors("GetJob"):
                job = self._client.get_job(JobName=job_name)["Job"]
            return tuple(str(name) for name in (job.get("Connections") or {}).get("Connections") or ())
        names: list[str] = []
        arguments: dict[str, Any] = {"HidePassword": True}
        while True:
            with translate_errors("GetConnections"):
                page = self._client.get_connections(**arguments)
            shapes = page.get("ConnectionList") or ()
            names += [str(shape["Name"]) for shape in shapes if shape.get("ConnectionType") != "NETWORK"]
            if not page.get("NextToken"):
                return tuple(names)
            arguments["NextToken"] = page["NextToken"]

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """Return what a read needs of a table (GetTable)."""
        with translate_errors("GetTable"):
            answer = self._client.get_table(DatabaseName=database, Name=name, **_catalog(catalog_id))
        return CatalogTable.from_api(answer["Table"])

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """Yield partitions (GetPartitions). The service evaluates ``expression``."""
        arguments: dict[str, Any] = {"DatabaseName": database, "TableName": name, **_catalog(catalog_id)}
        if expression:
            arguments["Expression"] = expression
        while True:
            with translate_errors("GetPartitions"):
                page = self._client.get_partitions(**arguments)
            yield from map(CatalogPartition.from_api, page.get("Partitions", ()))
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]

    def table_definition(self, database: str, name: str) -> TableDefinition:
        """Return what a write needs of a table (GetTable)."""
        with translate_errors("GetTable"):
            answer = self._client.get_table(DatabaseName=database, Name=name)
        return TableDefinition.from_api(answer["Table"])

    def create_table(self, table: TableDefinition) -> None:
        """Create a table (CreateTable)."""
        with translate_errors("CreateTable"):
            self._client.create_table(DatabaseName=table.database, TableInput=table.to_api())

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """Replace the columns of a table (GetTable, UpdateTable). Everything else stays."""
        with translate_errors("GetTable"):
            shape = self._client.get_table(DatabaseName=database, Name=name)["Table"]
        with translate_errors("UpdateTable"):
            self._client.update_table(DatabaseName=database, TableInput=with_columns(shape, columns))

    def partition_locations(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """Return the location of every partition, by its values (GetPartitions)."""
        locations: dict[tuple[str, ...], str] = {}
        arguments: dict[str, Any] = {"DatabaseName": database, "TableName": name}
        while True:
            with translate_errors("GetPartitions"):
                page = self._client.get_partitions(**arguments)
            for shape in page.get("Partitions", ()):
                location = (shape.get("StorageDescriptor") or {}).get("Location") or ""
                locations[tuple(str(value) for value in shape["Values"])] = str(location)
            if not page.get("NextToken"):
                return locations
            arguments["NextToken"] = page["NextToken"]

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """Register partitions (BatchCreatePartition). Existing partitions are not changed."""
        inputs = [
            {"Values": list(values), "StorageDescriptor": table.storage(location)}
            for values, location in partitions.items()
        ]
        for begin in range(0, len(inputs), _PARTITIONS_AT_ONCE):
            with translate_errors("BatchCreatePartition"):
                answer = self._client.batch_create_partition(
                    DatabaseName=table.database,
                    TableName=table.name,
                    PartitionInputList=inputs[begin : begin + _PARTITIONS_AT_ONCE],
                )
            raise_first_failure("BatchCreatePartition", answer, ignored="AlreadyExistsException")

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions (BatchDeletePartition). Missing partitions are ignored."""
        for begin in range(0, len(values), _DELETIONS_AT_ONCE):
            batch = values[begin : begin + _DELETIONS_AT_ONCE]
            with translate_errors("BatchDeletePartition"):
                answer = self._client.batch_delete_partition(
                    DatabaseName=database,
                    TableName=name,
                    PartitionsToDelete=[{"Values": list(partition)} for partition in batch],
                )
            raise_first_failure("BatchDeletePartition", answer, ignored="EntityNotFoundException")


def _catalog(catalog_id: str | None) -> dict[str, str]:
    return {"CatalogId": catalog_id} if catalog_id else {}


def raise_first_failure(operation: str, answer: Mapping[str, Any], *, ignored: str = "") -> None:
    """Raise ServiceError for the first failed partition of a batch call.

    The error code ``ignored`` is not a failure.
    """
    for failure in answer.get("Errors") or ():
        detail = failure.get("ErrorDetail") or {}
        code = str(detail.get("ErrorCode", ""))
        if code != ignored:
            text = redact_text(str(detail.get("ErrorMessage", "")))
            raise ServiceError(
                f"{operation} {failure.get('PartitionValues')}: {code}: {text}",
                code=code,
                operation=operation,
            )
