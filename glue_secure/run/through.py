"""The part of a run that guards what an engine does by itself: awsglue's own sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from glue_secure.columns.enforcer import Protected
from glue_secure.connections.manager import ConnectionManager, OpenedConnection
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.errors import ControlError
from glue_secure.core.evidence import HousekeepingRecord, WriteRecord
from glue_secure.core.ports import Engine
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.locations import s3_location
from glue_secure.io.reader import DataReader
from glue_secure.io.writer import DataWriter, Watch


class Through:
    """Reads and writes that somebody else performs, between this project's guard and its verification."""

    _reads: DataReader
    _writes: DataWriter
    _connections: ConnectionManager
    _watches: list[Watch]
    _recorder: RunRecorder
    _engine: Engine
    call: Callable[..., AbstractContextManager[None]]

    def read_through(self, sources: Sequence[str], **arguments: Any) -> Any:
        """See :meth:`DataReader.read_through`."""
        with self.call():
            return self._reads.read_through(sources, **arguments)

    def write_through(self, target: str, **arguments: Any) -> WriteRecord:
        """See :meth:`DataWriter.write_through`."""
        with self.call():
            return self._writes.write_through(target, **arguments)

    def protect(self, frame: Any, sink: str) -> Protected:
        """See :meth:`DataWriter.protect`; for a sink that gives a frame another form."""
        with self.call():
            return self._writes.protect(frame, sink)

    def reject_unprotectable_sink(self, sink: str) -> None:
        """See :meth:`DataWriter.reject_unprotectable_sink`."""
        with self.call():
            self._writes.reject_unprotectable_sink(sink)

    def watch_until_commit(self, target: str, *, format: str) -> None:
        """Guard ``target`` for what an engine writes there while frames are computed, in nobody's sight.

        What lies there already is overlooked; what appears is verified before the bookmark moves.
        """
        with self.call():
            watch = self._writes.watch(target, format=format, kind="s3")
            if all(watch.location != known.location for known in self._watches):
                watch.overlook()
                self._watches.append(watch)

    def purge_through(self, place: str, *, target: str, perform: Callable[[], None]) -> None:
        """Let an engine delete objects below ``place``, unless bookmarks or evidence lie there (GS-S3-009).

        Args:
            place: S3 location.
            target: what the evidence calls it: the location, or ``database.table``.
            perform: deletes.
        """
        with self.call():
            location = s3_location(place, "purge of")
            self._writes.reject_reserved_location(location, "purge of")
            before = {found.uri: found.size for found in self._writes.listed(location)}
            perform()
            after = {found.uri for found in self._writes.listed(location)}
            gone = tuple(uri for uri in before if uri not in after)
            self._recorder.housekeeping.append(
                HousekeepingRecord(
                    target, "purge", "", gone, sum(before[uri] for uri in gone), len(before) - len(gone), ()
                )
            )

    def reject_reserved_location(self, place: str, doing: str) -> None:
        """Refuse a place that bookmarks or evidence lie in (GS-S3-009), or that is not S3 (GS-S3-006)."""
        self._writes.reject_reserved_location(s3_location(place, doing), doing)

    def open_connection(self, name: str, options: Mapping[str, str]) -> OpenedConnection:
        """See :meth:`ConnectionManager.open_for_glue`."""
        with self.call(ControlError):
            return self._connections.open_for_glue(name, options)

    def own_tables(self) -> AbstractContextManager[None]:
        """What goes to a database while the block runs is a guarded call's own."""
        return self._engine.attribute_writes_to_run(None)

    def note_jdbc(self, connection: str, table: str, engine: str, *, reading: bool) -> None:
        """Note a read or write of a table that the engine itself makes, over an opened connection."""
        self._reads.note_jdbc(connection, table, engine, reading=reading)

    def catalog_table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """See :meth:`DataReader.catalog_table`."""
        with self.call(ControlError):
            return self._reads.catalog_table(database, name, catalog_id)

    def _settle(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.verify()
            watch.end()
