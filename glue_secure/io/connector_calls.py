"""Calls of Glue's own connectors: checked and recorded, and made by awsglue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from glue_secure.catalog.encrypted_catalog import EncryptedCatalog
from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.connections.connectors.dynamodb import parse_read, parse_write
from glue_secure.connections.connectors.options import (
    check_connection,
    require_source,
    required_option,
    with_forced_options,
)
from glue_secure.connections.connectors.streams import kafka_source_options, kafka_topic, kinesis_stream
from glue_secure.connections.connectors.table import Connector
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import enforce
from glue_secure.core.ports import Engine, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.stores import StoreChecker, Use
from glue_secure.io.writer import DataWriter

Result = TypeVar("Result")
_TARGETS = ("collection", "dbtable", "table", "tablename", "query")


@dataclass(frozen=True, slots=True)
class ConnectorCall:
    """A call of a connector.

    Attributes:
        connector: the connector.
        options: all options of the call, also those of a Data Catalog table.
        resource: the subject of errors.
    """

    connector: Connector
    options: Mapping[str, Any]
    resource: str

    def forced(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options to pass to awsglue: ``options`` with the connector's forced ones."""
        return with_forced_options(self.connector, options)


class ConnectorCalls:
    """Checks a call of a connector, lets awsglue read or write, and records it.

    Args:
        stores: describes tables and streams.
        connections: reads and verifies connections.
        catalog: checks the encryption of the Data Catalog.
        writer: verifies an export of a DynamoDB table at commit.
        columns: the run's column policy.
        recorder: receives findings.
        engine: attributes writes to the run.
        operation: the context of one operation of the run.
        temporary: ``--TempDir``, ``""`` if the job has none.
    """

    def __init__(
        self,
        *,
        stores: StoreChecker,
        connections: ConnectionManager,
        catalog: EncryptedCatalog,
        writer: DataWriter,
        columns: ColumnPolicyEnforcer,
        recorder: RunRecorder,
        engine: Engine,
        operation: Operation,
        temporary: str,
    ) -> None:
        self._stores, self._connections, self._writer = stores, connections, writer
        self._catalog = catalog
        self._columns, self._recorder, self._engine = columns, recorder, engine
        self._operation, self._temporary = operation, temporary

    def read(
        self, call: ConnectorCall, perform: Callable[[], Result], *, transformation_ctx: str = ""
    ) -> Result:
        """Return what ``perform`` reads, after the call is checked. Only a failed control fails the run.

        Raises:
            RefusedError, VerificationError: GS-CON-001, -002, GS-TLS, GS-S3-005, -006.
            UsageError: a required option is missing.
        """
        with self._operation(ControlError):
            source = self._checked(call, "read")
            result = perform()
            self._stores.record_read(call.connector.name, source, transformation_ctx=transformation_ctx)
            return result

    def write(self, call: ConnectorCall, perform: Callable[[], object]) -> WriteRecord:
        """Let ``perform`` write, after the call is checked; raises as :meth:`read`, and GS-COL-005."""
        with self._operation():
            target = self._checked(call, "write")
            self._columns.reject_unprotectable_sink(target)
            with self._engine.attribute_writes_to_run(None):
                perform()
            return self._stores.record_write(call.connector.name, target, None)

    def check_sink(self, call: ConnectorCall) -> None:
        """Check a call that only creates a sink; raises as :meth:`write`."""
        with self._operation():
            self._checked(call, "write")

    def _checked(self, call: ConnectorCall, use: Use) -> str:
        """Check a call and return what it reads or writes, for the evidence."""
        connector, options, resource = call.connector, call.options, call.resource
        self._stores.check_call(connector, options, resource)
        if connector.name == "dynamodb":
            return self._dynamodb(options, use)
        if connector.name == "kinesis":
            stream, region = kinesis_stream(options, resource)
            return self._stores.open_stream(stream, region, use).arn
        if connector.name == "datacatalog":
            require_source(connector, resource, writes=use == "write")
            self._catalog.catalog_encryption()
            return required_option(options, "catalog.database", resource)
        connection = required_option(options, "connectionName", resource)
        if connector.name == "kafka":
            topic = kafka_topic(options, resource)
            self._connections.kafka_options(connection, kafka_source_options(options))
            return f"{connection}/{topic}"
        glue_connection = self._connections.read(connection)
        self._recorder.record(enforce(check_connection(connector, glue_connection)))
        names = {name.lower(): name for name in options}
        target = next((name for name in _TARGETS if name in names), "")
        shown = str(options[names[target]]) if target not in ("", "query") else target or "(no table)"
        return f"{connection}/{shown}"

    def _dynamodb(self, options: Mapping[str, Any], use: Use) -> str:
        if use == "write":
            write = parse_write(options)
            return self._stores.open_table(write.table, write.access, use).table.arn
        read = parse_read(options)
        if read.export:
            location = f"s3://{read.bucket}/{read.prefix}" if read.bucket else self._temporary
            if not location:
                raise UsageError(
                    "dynamodb.export",
                    found="no dynamodb.s3.bucket, and no --TempDir",
                    required="the location of the export's objects",
                    fix='add "dynamodb.s3.bucket" and "dynamodb.s3.prefix" to connection_options',
                )
            if read.export == "ddb":
                self._writer.verify_at_commit(location, format="dynamodb-export")
        return self._stores.open_table(read.table, read.access, use).table.arn
