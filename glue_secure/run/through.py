"""The part of a run that guards what an engine does by itself: awsglue's own sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from glue_secure.columns.enforcer import ColumnPolicyEnforcer, ProtectedFrame
from glue_secure.connections.manager import ConnectionManager, OpenedConnection
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.errors import ControlError
from glue_secure.core.evidence import ReadRecord, WriteRecord
from glue_secure.core.ports import Engine
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.call_checks import s3_location
from glue_secure.io.housekeeping import Housekeeping
from glue_secure.io.reader import DataReader
from glue_secure.io.writer import DataWriter
from glue_secure.verification.target_guard import TargetGuard


class Through:
    """Forwards to the reader and the writer; deleted when the callers use them."""

    reader: DataReader
    writer: DataWriter
    connections: ConnectionManager
    columns: ColumnPolicyEnforcer
    housekeeping: Housekeeping
    guard: TargetGuard
    _recorder: RunRecorder
    _engine: Engine
    call: Callable[..., AbstractContextManager[None]]

    def read_through(self, sources: Sequence[str], **arguments: Any) -> Any:
        """See :meth:`DataReader.read_custom`."""
        return self.reader.read_custom(sources, **arguments)

    def write_through(self, target: str, **arguments: Any) -> WriteRecord:
        """See :meth:`DataWriter.write_custom`."""
        return self.writer.write_custom(target, **arguments)

    def protect(self, frame: Any, sink: str) -> ProtectedFrame:
        """See :meth:`ColumnPolicyEnforcer.protect`."""
        return self.columns.protect(frame, sink)

    def reject_unprotectable_sink(self, sink: str) -> None:
        """See :meth:`ColumnPolicyEnforcer.reject_unprotectable_sink`."""
        self.columns.reject_unprotectable_sink(sink)

    def watch_until_commit(self, target: str, *, format: str) -> None:
        """See :meth:`DataWriter.verify_at_commit`."""
        self.writer.verify_at_commit(target, format=format)

    def purge_through(self, place: str, *, target: str, perform: Callable[[], None]) -> None:
        """See :meth:`Housekeeping.purge_custom`."""
        self.housekeeping.purge_custom(place, target=target, perform=perform)

    def reject_reserved_location(self, place: str, action: str) -> None:
        """See :meth:`TargetGuard.reject_reserved_location`."""
        self.guard.reject_reserved_location(s3_location(place, action), action)

    def open_connection(self, name: str, options: Mapping[str, str]) -> OpenedConnection:
        """See :meth:`ConnectionManager.open_for_glue`."""
        with self.call(ControlError):
            return self.connections.open_for_glue(name, options)

    def own_tables(self) -> AbstractContextManager[None]:
        """See :meth:`Engine.attribute_writes_to_run`."""
        return self._engine.attribute_writes_to_run(None)

    def note_jdbc(self, connection: str, table: str, engine: str, *, reading: bool) -> None:
        """Record a read or write of a table by Glue itself."""
        target = f"{connection}/{table}"
        if reading:
            self._recorder.read(ReadRecord(target, "jdbc", engine, "", 0, 0, None), "")
        else:
            self._recorder.writes.append(WriteRecord(target, engine, None, (), 0.0, "jdbc"))

    def catalog_table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """See :meth:`DataReader.catalog_table`."""
        return self.reader.catalog_table(database, name, catalog_id)
