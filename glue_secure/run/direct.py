"""The part of a run that reads and writes by itself, through its two funnels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from glue_secure.core.errors import ControlError
from glue_secure.core.evidence import StreamRecord, WriteRecord
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.catalog_reader import CatalogReader
from glue_secure.io.reader import DataReader
from glue_secure.io.writer import DataWriter
from glue_secure.verification.path_verifier import PathVerifier


class Direct:
    """Reads and writes of this project's own engine; what fails in one spoils the run."""

    reader: DataReader
    catalog_reader: CatalogReader
    writer: DataWriter
    _recorder: RunRecorder
    call: Callable[..., AbstractContextManager[None]]

    def read_s3(self, source: str | Sequence[str], **arguments: Any) -> Any:
        """See :meth:`DataReader.read_s3`."""
        with self.call():
            return self.reader.read_s3(source, **arguments)

    def read_jdbc(self, connection: str, table: str, **arguments: Any) -> Any:
        """See :meth:`DataReader.read_jdbc`."""
        with self.call(ControlError):
            return self.reader.read_jdbc(connection, table, **arguments)

    def read_table(self, database: str, name: str, **arguments: Any) -> Any:
        """See :meth:`CatalogReader.read_table`."""
        with self.call():
            return self.catalog_reader.read_table(database, name, **arguments)

    def jdbc_options(self, connection: str) -> dict[str, str]:
        """See :meth:`DataReader.jdbc_options`."""
        with self.call(ControlError):
            return self.reader.jdbc_options(connection)

    def kafka_options(self, connection: str, options: Mapping[str, object]) -> dict[str, str]:
        """See :meth:`DataReader.kafka_options`."""
        with self.call(ControlError):
            return self.reader.kafka_options(connection, options)

    def jdbc_conf(self, connection: str, catalog_id: str | None = None) -> dict[str, Any]:
        """See :meth:`DataReader.jdbc_conf`."""
        with self.call(ControlError):
            return self.reader.jdbc_conf(connection, catalog_id)

    def write_s3(self, frame: Any, target: str, **arguments: Any) -> WriteRecord:
        """See :meth:`DataWriter.write_s3`."""
        with self.call():
            return self.writer.write_s3(frame, target, **arguments)

    def write_jdbc(self, frame: Any, connection: str, table: str, **arguments: Any) -> WriteRecord:
        """See :meth:`DataWriter.write_jdbc`."""
        with self.call():
            return self.writer.write_jdbc(frame, connection, table, **arguments)

    def path_verifier(self, target: str, *, format: str, kind: str) -> PathVerifier:
        """See :meth:`DataWriter.path_verifier`."""
        return self.writer.path_verifier(target, format=format, kind=kind)

    def note_stream(self, record: StreamRecord) -> None:
        """Put a stream that ended into the evidence."""
        self._recorder.streams.append(record)
