"""Reads of tables by their commits, with a bookmark of one position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue_secure.bookmarks.session import BookmarkSession, another_kind
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.state import SourceState
from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.evidence import ReadRecord
from glue_secure.core.findings import enforce
from glue_secure.core.ports import Engine, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.spark_conf import SettingsPlan, check_settings
from glue_secure.io.call_checks import s3_location
from glue_secure.io.read_objects import ReadObjects
from glue_secure.io.tables.history import History
from glue_secure.io.tables.increment import (
    ERROR,
    ON_CHANGE,
    READ_CHANGES,
    Increment,
    Selection,
    plan_increment,
    until_position,
)
from glue_secure.io.tables.operations import TableOperations
from glue_secure.verification.source_requirements import SourceChecker

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LOG = redacting_logger(__name__)


@dataclass(frozen=True, eq=False)
class TableReader:
    """Reads tables of Iceberg, Delta Lake and Hudi.

    Attributes:
        plan: the settings that must be in force.
        engine: the Spark session.
        bookmarks: the run's bookmark.
        recorder: receives the records.
        read_objects: receives whether a read selected nothing.
        sources: checks the requirements of the policy file.
        operation: the context of one operation of the run.
    """

    plan: SettingsPlan
    engine: Engine
    bookmarks: BookmarkSession
    recorder: RunRecorder
    read_objects: ReadObjects
    sources: SourceChecker
    operation: Operation

    def read(
        self,
        table: TableOperations,
        *,
        transformation_ctx: str = "",
        on_change: str = ERROR,
        by_lake_formation: bool = False,
    ) -> DataFrame:
        """Return the rows that commits have added since the bookmark, or all rows.

        The commits come from the table's metadata: nothing is listed.

        Args:
            table: the table.
            transformation_ctx: the transformation context; ``""`` reads all rows, without a bookmark.
            on_change: the action if rows were changed or replaced since the bookmark, or if the bookmark's
                commit expired or was rolled back: ``error``, or ``read_all`` rows. ``read_changes`` returns
                every change of a row, from the change data feed of Delta Lake.
            by_lake_formation: whether the objects are read with credentials of Lake Formation.

        Raises:
            UsageError: the new rows cannot be determined; see ``on_change``.
            RefusedError: GS-S3-001 to -003, -006, -013, -014.
        """
        with self.operation(ControlError), self.bookmarks.withdrawn_on_error(transformation_ctx):
            if on_change not in ON_CHANGE:
                raise UsageError("on_change", found=repr(on_change), required=", ".join(ON_CHANGE))
            if on_change == READ_CHANGES:
                _require_change_feed(table)
            locations = [s3_location(location, "read of") for location in table.locations]
            enforce(check_settings(self.plan, self.engine.settings_in_force()))
            encryption = self.sources.check_locations(locations, by_lake_formation=by_lake_formation)
            is_tracked = self.bookmarks.tracks(transformation_ctx)
            increment, history = self._plan(table, transformation_ctx if is_tracked else "", on_change)
            frame = table.read(increment)
            self.recorder.read(
                ReadRecord(
                    str(locations[0]),
                    "s3",
                    table.format,
                    transformation_ctx if is_tracked else "",
                    objects=None,
                    bytes=None,
                    rows=None,
                    encryption=encryption,
                    table=table.name,
                    since=increment.since,
                    until=increment.until,
                ),
                "",
            )
            if increment.selection is Selection.NOTHING:
                self.read_objects.selected_nothing = True
            if increment.removed:
                _LOG.warning(
                    "table %s: %d commits since the bookmark removed rows; what was made of these rows stays",
                    table.name,
                    increment.removed,
                )
            if is_tracked:
                self._propose(table, transformation_ctx, increment, history)
            return frame

    def _plan(
        self, table: TableOperations, transformation_ctx: str, on_change: str
    ) -> tuple[Increment, History]:
        as_changes = on_change == READ_CHANGES
        if not transformation_ctx:
            history = table.history(None)
            return plan_increment(table.name, history, None, on_change=on_change), history
        stored = self.bookmarks.state_of(transformation_ctx)
        if isinstance(stored, SkippedSourceState):
            history = table.history(None)
            return Increment(Selection.NOTHING, "", history.last, as_changes=as_changes), history
        state = _of_table(table, transformation_ctx, stored)
        history = table.history(None if state is None else state.position)
        if self.bookmarks.is_range:
            until = _of_table(table, transformation_ctx, self.bookmarks.until(transformation_ctx))
            if until is None:
                return Increment(Selection.NOTHING, "", "", as_changes=as_changes), history
            if state is None:
                history = table.history("")
            history = until_position(history, until.position, "" if state is None else state.position)
        increment = plan_increment(
            table.name,
            history,
            state,
            on_change=on_change,
            job=self.bookmarks.job,
            transformation_ctx=transformation_ctx,
        )
        if increment.reason:
            _LOG.warning("table %s is read completely: %s", table.name, increment.reason)
        return increment, history

    def _propose(
        self, table: TableOperations, transformation_ctx: str, increment: Increment, history: History
    ) -> None:
        """Propose the position that was read up to; nothing if no commit is new."""
        is_new = bool(increment.until) and increment.until != increment.since
        position = (table.format, table.name, history.table_id, increment.until)
        self.bookmarks.propose(transformation_ctx, TableSourceState(*position) if is_new else None)


def _require_change_feed(table: TableOperations) -> None:
    """Raise UsageError if the table has no change data feed."""
    statement = table.change_feed_statement
    if statement:
        raise UsageError(
            f"on_change={READ_CHANGES!r} of table {table.name}",
            found="no change data feed",
            required="a feed that has every commit since the bookmark",
            fix=f"turn it on before the first read with the bookmark: {statement}",
        )


def _of_table(
    table: TableOperations, transformation_ctx: str, stored: SourceState | None
) -> TableSourceState | None:
    """Return the state of a table. Raises UsageError if it belongs to another source."""
    if stored is None:
        return None
    if not isinstance(stored, TableSourceState) or stored.format != table.format:
        raise another_kind(transformation_ctx, stored, f"a table of {table.format}")
    if stored.table != table.name:
        raise UsageError(
            f"the bookmark of transformation_ctx {transformation_ctx!r}",
            found=f"the state of table {stored.table}",
            required=f"the state of table {table.name}, or none",
            fix="give the new table its own transformation_ctx",
        )
    return stored
