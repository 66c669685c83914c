"""The control plane: AWS Glue's API, as far as a run asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.catalog import CatalogPartition, CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.connection import GlueConnection
from glue_secure.core.redaction import redact_text
from glue_secure.core.security_configuration import SecurityConfiguration
from glue_secure.core.service import ServiceError
from glue_secure.core.table_definition import Columns, TableDefinition, with_columns

_PARTITIONS_AT_ONCE = 100  # BatchCreatePartition's own limit; BatchDeletePartition takes 25
_DELETIONS_AT_ONCE = 25


class GlueControlPlane:
    """Reads jobs, runs, configurations, connections and tables. Satisfies ``ports.ControlPlane``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def attached_configuration(self, job_name: str, run_id: str | None) -> str | None:
        """The run's configuration (StartJobRun may override the job's), else the job's."""
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
            # The run names none, and the job may have got its configuration only after the run began.
            raise ServiceError(
                f"the run names no security configuration, and the job was changed at {changed}, "
                f"after the run's start at {started}",
                code="JobChangedAfterStart",
                operation="GetJob",
            )
        return str(job["SecurityConfiguration"])

    def default_arguments(self, job_name: str) -> dict[str, str]:
        """GetJob: the job's default arguments, those that nobody may override over them, without ``--``."""
        with translate_errors("GetJob"):
            job = self._client.get_job(JobName=job_name)["Job"]
        both = {**(job.get("DefaultArguments") or {}), **(job.get("NonOverridableArguments") or {})}
        return {str(name).removeprefix("--"): str(value) for name, value in both.items()}

    def security_configuration(self, name: str) -> SecurityConfiguration:
        """GetSecurityConfiguration."""
        with translate_errors("GetSecurityConfiguration"):
            answer = self._client.get_security_configuration(Name=name)
        return SecurityConfiguration.from_api(answer["SecurityConfiguration"])

    def catalog_encryption(self, catalog_id: str | None = None) -> CatalogEncryption:
        """GetDataCatalogEncryptionSettings."""
        with translate_errors("GetDataCatalogEncryptionSettings"):
            answer = self._client.get_data_catalog_encryption_settings(**_catalog(catalog_id))
        return CatalogEncryption.from_api(answer["DataCatalogEncryptionSettings"])

    def put_catalog_encryption(self, settings: CatalogEncryption) -> None:
        """PutDataCatalogEncryptionSettings, of the account's own catalog."""
        with translate_errors("PutDataCatalogEncryptionSettings"):
            self._client.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings.to_api())

    def connection(self, name: str, catalog_id: str | None = None) -> GlueConnection:
        """GetConnection, without the password: it comes from Secrets Manager."""
        with translate_errors("GetConnection"):
            answer = self._client.get_connection(Name=name, HidePassword=True, **_catalog(catalog_id))
        return GlueConnection.from_api(answer["Connection"])

    def connection_names(self, job_name: str | None = None) -> tuple[str, ...]:
        """GetJob: the job's connections; without a job GetConnections, page by page, all but NETWORK."""
        if job_name is not None:
            with translate_errors("GetJob"):
                job = self._client.get_job(JobName=job_name)["Job"]
            return tuple(str(name) for name in (job.get("Connections") or {}).get("Connections") or ())
        found: list[str] = []
        arguments: dict[str, Any] = {"HidePassword": True}
        while True:
            with translate_errors("GetConnections"):
                page = self._client.get_connections(**arguments)
            shapes = page.get("ConnectionList") or ()
            found += [str(one["Name"]) for one in shapes if one.get("ConnectionType") != "NETWORK"]
            if not page.get("NextToken"):
                return tuple(found)
            arguments["NextToken"] = page["NextToken"]

    def table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """GetTable."""
        with translate_errors("GetTable"):
            answer = self._client.get_table(DatabaseName=database, Name=name, **_catalog(catalog_id))
        return CatalogTable.from_api(answer["Table"])

    def list_partitions(
        self, database: str, name: str, expression: str = "", catalog_id: str | None = None
    ) -> Iterator[CatalogPartition]:
        """GetPartitions, page by page; ``expression`` is judged by the service."""
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
        """GetTable, with what a write needs of it."""
        with translate_errors("GetTable"):
            answer = self._client.get_table(DatabaseName=database, Name=name)
        return TableDefinition.from_api(answer["Table"])

    def create_table(self, table: TableDefinition) -> None:
        """CreateTable."""
        with translate_errors("CreateTable"):
            self._client.create_table(DatabaseName=table.database, TableInput=table.to_api())

    def replace_columns(self, database: str, name: str, columns: Columns) -> None:
        """GetTable and UpdateTable: other columns, everything else as it is."""
        with translate_errors("GetTable"):
            shape = self._client.get_table(DatabaseName=database, Name=name)["Table"]
        with translate_errors("UpdateTable"):
            self._client.update_table(DatabaseName=database, TableInput=with_columns(shape, columns))

    def partition_locations(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """GetPartitions, page by page: values → location."""
        found: dict[tuple[str, ...], str] = {}
        arguments: dict[str, Any] = {"DatabaseName": database, "TableName": name}
        while True:
            with translate_errors("GetPartitions"):
                page = self._client.get_partitions(**arguments)
            for shape in page.get("Partitions", ()):
                location = (shape.get("StorageDescriptor") or {}).get("Location") or ""
                found[tuple(str(value) for value in shape["Values"])] = str(location)
            if not page.get("NextToken"):
                return found
            arguments["NextToken"] = page["NextToken"]

    def create_partitions(self, table: TableDefinition, partitions: Mapping[tuple[str, ...], str]) -> None:
        """BatchCreatePartition; one that exists already is left as it is."""
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
            _raise_first("BatchCreatePartition", answer, fine="AlreadyExistsException")

    def delete_partitions(self, database: str, name: str, values: Sequence[tuple[str, ...]]) -> None:
        """BatchDeletePartition; one that is gone already is fine."""
        for begin in range(0, len(values), _DELETIONS_AT_ONCE):
            some = values[begin : begin + _DELETIONS_AT_ONCE]
            with translate_errors("BatchDeletePartition"):
                answer = self._client.batch_delete_partition(
                    DatabaseName=database,
                    TableName=name,
                    PartitionsToDelete=[{"Values": list(each)} for each in some],
                )
            _raise_first("BatchDeletePartition", answer, fine="EntityNotFoundException")


def _catalog(catalog_id: str | None) -> dict[str, str]:
    return {"CatalogId": catalog_id} if catalog_id else {}


def _raise_first(operation: str, answer: Mapping[str, Any], *, fine: str) -> None:
    """Raise for the first partition that the service did not take; ``fine`` is no failure."""
    for failure in answer.get("Errors") or ():
        detail = failure.get("ErrorDetail") or {}
        code = str(detail.get("ErrorCode", ""))
        if code != fine:
            text = redact_text(str(detail.get("ErrorMessage", "")))
            raise ServiceError(
                f"{operation} {failure.get('PartitionValues')}: {code}: {text}",
                code=code,
                operation=operation,
            )
