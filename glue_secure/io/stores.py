"""The tables and streams behind connectors: described, checked and recorded before they are used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from glue_secure.connections.connectors.approval import ConnectorApproval
from glue_secure.connections.connectors.encryption import (
    check_stream,
    check_table,
    describe_table,
    not_readable,
)
from glue_secure.connections.connectors.options import check_options, require_served
from glue_secure.connections.connectors.table import Connector
from glue_secure.core.dynamodb import DynamoDbAccess, DynamoDbTable
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError
from glue_secure.core.evidence import ReadRecord, StoreRecord, WriteRecord
from glue_secure.core.findings import enforce, stop
from glue_secure.core.kinesis import KinesisStream
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.ports import DynamoDb, KeyService, Kinesis, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.io.read_objects import ReadObjects

Use = Literal["read", "write"]
Described = TypeVar("Described", DynamoDbTable, KinesisStream)
_ARN = re.compile(
    r"arn:[^:]+:(?P<service>[a-z]+):(?P<region>[a-z0-9-]+):\d{12}:(?:table|stream)/(?P<name>.+)"
)


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """A DynamoDB table that may be used.

    Attributes:
        table: as DescribeTable returned it.
        client: creates the client, on the driver or on an executor.
    """

    table: DynamoDbTable
    client: Callable[[], DynamoDb]


class StoreChecker:
    """Checks the options, tables and streams of connectors, and records their use.

    Args:
        dynamodb: see :class:`glue_secure.core.ports.Services`.
        kinesis: see :class:`glue_secure.core.ports.Services`.
        keys: AWS KMS.
        recorder: receives findings and records.
        read_objects: receives each write.
        operation: the context of one operation of the run.
        approval: decides about connectors whose code cannot be checked.
    """

    def __init__(
        self,
        *,
        dynamodb: Callable[[DynamoDbAccess], Callable[[], DynamoDb]] | None,
        kinesis: Callable[[str], Kinesis] | None,
        keys: KeyService,
        recorder: RunRecorder,
        read_objects: ReadObjects,
        operation: Operation,
        approval: ConnectorApproval,
    ) -> None:
        self.approval = approval
        self._dynamodb, self._kinesis, self._keys = dynamodb, kinesis, keys
        self._recorder, self._read_objects, self._operation = recorder, read_objects, operation

    def check_call(self, connector: Connector, options: Mapping[str, Any], resource: str) -> None:
        """Check the options of a call against the table of connectors.

        Raises:
            RefusedError: GS-CON-002, the connector is not served or not allowed; GS-TLS-001, -005, -007,
                -008, GS-S3-005 or -006, an option is rejected.
            VerificationError: GS-CON-002, the JAR of an allowed connector is not found.
        """
        with self._operation(ControlError):  # a failed check is always a control
            require_served(connector, resource)
            if connector.needs_entry:
                self._recorder.record(self.approval.require_allowed(options, resource))
            self._recorder.record(enforce(check_options(connector, options, resource)))

    def open_table(self, name: str, access: DynamoDbAccess, use: Use) -> OpenedTable:
        """Describe a DynamoDB table and record its encryption. A table that is written must pass GS-CON-001.

        Args:
            name: name or ARN of the table.
            access: the region and role of the call; the region of an ARN counts if the access names none.
            use: whether the run reads or writes it.

        Raises:
            RefusedError: GS-CON-001, no customer managed key encrypts a table that is written.
            VerificationError: GS-CON-001, the table or its key cannot be described.
            GlueSecureError: the table does not exist.
        """
        with self._operation_of(use):
            if self._dynamodb is None:
                raise UsageError("DynamoDB", found="a run without an AWS session", required="one")
            region, table_name = _parsed(name, "dynamodb")
            factory = self._dynamodb(
                DynamoDbAccess(access.region or region, access.role, access.session) if region else access
            )
            table = _described(lambda: factory().describe(table_name), table_name, "dynamodb:DescribeTable")
            key = self._key(table, use)
            if use == "write":
                self._recorder.record(enforce(self._recorder.tolerated([check_table(table, key)])))
            self._record_store("dynamodb", table.arn, use, describe_table(table, key), table.kms_key)
            return OpenedTable(table, factory)

    def open_stream(self, name: str, region: str, use: Use) -> KinesisStream:
        """Describe a Kinesis stream, and check and record its encryption.

        Args:
            name: name or ARN of the stream.
            region: its AWS Region; ``""`` for that of the ARN, or the run's.
            use: whether the run reads or writes it.

        Raises:
            RefusedError: GS-CON-001, the stream is not encrypted.
            VerificationError: GS-CON-001, the stream cannot be described.
            GlueSecureError: the stream does not exist.
        """
        with self._operation_of(use):
            if self._kinesis is None:
                raise UsageError("Kinesis", found="a run without an AWS session", required="one")
            client = self._kinesis(region or _parsed(name, "kinesis")[0])
            stream = _described(lambda: client.describe(name), name, "kinesis:DescribeStreamSummary")
            self._recorder.record(enforce(self._recorder.tolerated([check_stream(stream)])))
            self._record_store("kinesis", stream.arn, use, stream.encryption, stream.kms_key)
            return stream

    def _operation_of(self, use: Use) -> AbstractContextManager[None]:
        """Return the context of a read, which fails the run if a control failed, or of a write."""
        return self._operation(ControlError) if use == "read" else self._operation()

    def record_read(self, connector: str, source: str, *, transformation_ctx: str = "") -> None:
        """Record a read through a connector. Its rows are not counted."""
        self._recorder.read(ReadRecord(source, connector, connector, transformation_ctx, 0, 0, None), "")

    def record_write(self, connector: str, target: str, rows: int | None) -> WriteRecord:
        """Record a write through a connector."""
        record = self._recorder.write(WriteRecord(target, connector, rows, (), 0.0, connector))
        self._read_objects.record_write()
        return record

    def _key(self, table: DynamoDbTable, use: Use) -> KmsKey | None:
        if not table.has_kms_key:
            return None
        try:
            return self._keys.describe(table.kms_key)
        except (ServiceError, UsageError) as error:
            if use == "read":
                return None
            code = error.code if isinstance(error, ServiceError) else None
            stop(not_readable(table.arn, error, "kms:DescribeKey", code))

    def _record_store(self, kind: str, arn: str, use: Use, encryption: str, key: str) -> None:
        record = StoreRecord(kind, arn, use, encryption, key)
        if record not in self._recorder.stores:
            self._recorder.stores.append(record)


def _described(describe: Callable[[], Described], name: str, action: str) -> Described:
    try:
        return describe()
    except NotFound as error:
        raise GlueSecureError(f"{name} does not exist: {error}", aws_code=error.code) from error
    except ServiceError as error:
        stop(not_readable(name, error, action, error.code))


def _parsed(name: str, service: str) -> tuple[str, str]:
    """Return the region and the name of an ARN; ``""`` and the text itself for a name."""
    match = _ARN.fullmatch(name)
    if match is None or match["service"] != service:
        return "", name
    return match["region"], match["name"]
