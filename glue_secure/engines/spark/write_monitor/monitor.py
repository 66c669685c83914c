"""Writes that a Spark session makes outside glue-secure, recorded while a run is open."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.engines.spark.failures import failure_of
from glue_secure.engines.spark.query_listener import FinishedQueries
from glue_secure.engines.spark.write_monitor.hadoop_jobs import HadoopWriterJobs, own_store
from glue_secure.engines.spark.write_monitor.plans import ObservedTables, writes_of
from glue_secure.engines.spark.write_monitor.procedures import (
    calls_in_text,
    writes_of_call,
    writes_of_conversion,
)
from glue_secure.engines.spark.write_monitor.table_lookup import TableLookup

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

# A command that reads a setting and runs no job.
_PROBE = "SET glueSecure.canary"
_DROP_COUNTERS = ("queue.shared.numDroppedEvents", "queue.appStatus.numDroppedEvents")
# Classes of the sinks of streams that store nothing.
_EPHEMERAL_SINKS = re.compile(
    r"org\.apache\.spark\.sql\..*\.(MemorySink|ConsoleTable\$|ConsoleSink|NoopTable\$)"
)
# Spark deletes a checkpoint that it chose itself, if the sink stores nothing.
_TEMPORARY_CHECKPOINT = re.compile(r"/temporary-[0-9a-f-]{36}$")
_RDD_SAVE = "an RDD save, or another save by Hadoop's output format, not through Python's RDD.saveAs*"


@dataclass(eq=False)
class _Recorded:
    number: int
    write: UnmanagedWrite


class SparkWriteMonitor:
    """Unmanaged writes of a Spark session, and of the sessions created from it while the run is open.

    Args:
        spark: the session.
        queries: the session's finished queries.
    """

    def __init__(self, *, spark: SparkSession, queries: FinishedQueries) -> None:
        self._spark, self._queries = spark, queries
        self._scala_context = spark.sparkContext._jsc.sc()
        self._lock = threading.Lock()
        self._recorded: list[_Recorded] = []
        self._number = 0
        self._doubts: list[str] = []
        self._tables = ObservedTables()
        self._lookup = TableLookup(spark)
        self._streams: list[tuple[StreamingQuery, str]] = []
        self._queries_seen = 0
        self._dropped_events = self._count_dropped_events()
        self._jobs: HadoopWriterJobs | None = None
        try:
            self._jobs = HadoopWriterJobs(self._scala_context, own_store(spark))
        except Exception as error:
            self._doubt(f"Spark's list of jobs cannot be read ({type(error).__name__})")
        queries.add_callback(self._record_query)

    def read_versions_of_tables(self) -> None:
        """Report writes to tables of Iceberg at the locations of each version of the table from now on.

        Without S3's responses to requests, no other statement names the objects of an earlier version.
        """
        self._lookup.reads_versions = True

    def record(self, write: UnmanagedWrite) -> None:
        """Record a write."""
        with self._lock:
            self._number += 1
            self._recorded.append(_Recorded(self._number, write))

    def record_save(self, location: str, method: str) -> None:
        """Record an RDD save inside a write of the run, which may go elsewhere."""
        problem = "" if location else f"{method} without a location"
        self.record(UnmanagedWrite(location, method, problem=problem, stores_files=True))

    def record_call(self, statement: Any, session: Any, *, failed: bool) -> None:
        """Record the write of a ``CALL`` statement of Spark 4 that has just ended.

        Args:
            statement: the parsed statement.
            session: the JVM's ``SparkSession``.
            failed: whether it failed, perhaps after its commit.
        """
        self._record_plan(
            "the plan of a CALL statement",
            lambda: writes_of_call(statement, session, self._lookup, failed=failed),
        )

    def record_earlier_queries(self) -> None:
        """Record the writes of the queries that have ended."""
        self._queries.wait_for_listeners()

    def record_ended_statement(self, session: Any, plan: Any) -> None:
        """Record the writes of a ``CALL`` or a ``CONVERT TO DELTA`` that has just ended.

        Args:
            session: the JVM's ``SparkSession``.
            plan: the statement's physical plan; None if it failed.
        """
        with self._lookup.promptly(session, plan):
            self._queries.wait_for_listeners()

    def record_text(self, text: str) -> None:
        """Record the calls of procedures that the text of a script or an ``EXECUTE IMMEDIATE`` may make."""
        for write in calls_in_text(text):
            self.record(write)

    def record_conversion(self, method: str, session: Any, identifier: str, *, refused: bool) -> None:
        """Record a call of a method that converts a table of Parquet to Delta Lake.

        Args:
            method: the method's name.
            session: the JVM's ``SparkSession``.
            identifier: the table, as in SQL.
            refused: whether Spark refused the call when it analysed it.
        """
        for write in writes_of_conversion(method, session, identifier, self._lookup, refused=refused):
            self.record(write)

    def record_stream(self, query: StreamingQuery) -> None:
        """Record the locations of a stream's sink and checkpoint."""
        java_query = query._jsq.streamingQuery()
        checkpoint = str(java_query.resolvedCheckpointRoot())
        is_ephemeral = _EPHEMERAL_SINKS.fullmatch(str(java_query.sink().getClass().getName())) is not None
        if is_ephemeral and _TEMPORARY_CHECKPOINT.search(checkpoint):
            return
        with self._lock:
            self._streams.append((query, checkpoint))
        self.record(UnmanagedWrite(checkpoint, "checkpoint"))
        if is_ephemeral:
            return
        sink = str(java_query.sink().toString())
        if sink.startswith("FileSink[") and sink.endswith("]"):
            self.record(UnmanagedWrite(sink.removeprefix("FileSink[")[:-1], "stream"))
        elif not sink.startswith("Foreach"):
            # The writes of foreachBatch are recorded by themselves; those of foreach run on executors.
            problem = f"a stream into {sink.partition('(')[0]}"
            self.record(UnmanagedWrite("", "stream", problem=problem))

    @contextmanager
    def attribute_writes_to_run(
        self, location: S3Uri | None, *, by_connector: bool = False, commands: int = 1
    ) -> Iterator[None]:
        """Attribute the writes of the block to the run, so that they are not reported as unmanaged.

        These are writes below ``location``, writes to an unknown location, and RDD saves. More writes to the
        same location than the block makes cannot be distinguished, so all stay unmanaged and are verified
        once more. Objects that a write adds to a table and that exist already are not verified by the run's
        write, so that such a write stays unmanaged, too.

        Args:
            location: where the run writes; None for a database.
            by_connector: whether a connector writes, whose location is unknown. Writes of files count as
                unmanaged all the same.
            commands: the most commands of Spark by which the block writes to one location.
        """
        self._queries.wait_for_listeners()
        with self._lock:
            first_number = self._number
        first_job = self._jobs.started() if self._jobs is not None else 0
        try:
            yield
        finally:
            self._queries.wait_for_listeners()
            if self._jobs is not None:
                self._jobs.attribute_to_run(first_job, self._jobs.started())
            with self._lock:
                of_block = [
                    recorded
                    for recorded in self._recorded
                    if recorded.number > first_number
                    and not recorded.write.adopts
                    and (
                        _is_below(recorded.write, location)
                        or (by_connector and not recorded.write.location and not recorded.write.stores_files)
                    )
                ]
                locations = [recorded.write.location for recorded in of_block]
                for recorded in of_block:
                    if not recorded.write.location or locations.count(recorded.write.location) <= commands:
                        self._recorded.remove(recorded)

    def take(self) -> UnmanagedWriteReport:
        """Return every unmanaged write since the last call, and why some may be missing."""
        self._probe_listener()
        checkpoint_directory = self._scala_context.getCheckpointDir()
        if checkpoint_directory.isDefined():
            self.record(UnmanagedWrite(str(checkpoint_directory.get()), "checkpoint"))
        dropped = self._count_dropped_events()
        if dropped != self._dropped_events:
            self._doubt(f"Spark dropped {dropped - self._dropped_events} events of its listeners")
        if self._jobs is not None:
            saves, doubt = self._jobs.take()
            for _ in range(saves):
                self.record(UnmanagedWrite("", "rdd", problem=_RDD_SAVE, stores_files=True))
            if doubt:
                self._doubt(doubt)
        self._record_failed_streams()
        with self._lock:
            recorded, self._recorded = self._recorded, []
            doubts, self._doubts = self._doubts, []
        # Of equal writes the last one counts: a failed write may be followed by one that succeeds.
        writes = list(dict.fromkeys(entry.write for entry in reversed(recorded)))
        return UnmanagedWriteReport(tuple(reversed(writes)), tuple(doubts), tuple(self._tables.emptied))

    def pending(self) -> tuple[UnmanagedWrite, ...]:
        """Return the writes recorded so far, without a call to the JVM."""
        with self._lock:
            return tuple(recorded.write for recorded in self._recorded)

    def close(self) -> None:
        """Stop recording."""
        if self._jobs is not None:
            self._jobs.close()

    def _record_failed_streams(self) -> None:
        """Record a failed write to the checkpoint of each stream that failed and was not started again."""
        with self._lock:
            streams = list(self._streams)
        last = {checkpoint: query for query, checkpoint in streams}
        for checkpoint, query in last.items():
            if not query.isActive and query.exception() is not None:
                self.record(UnmanagedWrite(checkpoint, "checkpoint", failed=True))

    def _record_query(self, execution: Any, failed: bool) -> None:
        """Record the writes of a finished query."""
        self._queries_seen += 1
        self._record_plan(
            "a query's plan",
            lambda: writes_of(execution, failed=failed, tables=self._tables, lookup=self._lookup),
        )

    def _record_plan(self, plan: str, read: Callable[[], Iterable[UnmanagedWrite]]) -> None:
        """Record the writes that ``read`` returns, or a doubt if it cannot read the plan."""
        try:
            writes = read()
        except Exception as error:  # a plan of an unknown kind
            self._doubt(f"{plan} could not be read ({type(error).__name__})")
            return
        for write in writes:
            self.record(write)

    def _doubt(self, reason: str) -> None:
        """Record that a write may have been missed."""
        with self._lock:
            self._doubts.append(reason)

    def _probe_listener(self) -> None:
        """Run a query to check that the session's listener still receives queries."""
        self._queries.wait_for_listeners()  # earlier queries must not count as the probe
        before = self._queries_seen
        try:
            self._spark._jsparkSession.sql(_PROBE)
            self._queries.wait_for_listeners()
            if self._queries_seen == before:
                self._doubt("the query listener does not receive the session's queries")
        except Exception as error:
            failure = failure_of(error, "the test of the query listener")
            # For example a default catalog that does not load. The query reads no data.
            reason = type(error).__name__ if failure is None else failure.cause
            self._doubt(f"the query listener could not be tested, because a query failed: {reason}")

    def _count_dropped_events(self) -> int:
        counters = self._scala_context.listenerBus().metrics().metricRegistry().getCounters()
        present = [counters.get(name) for name in _DROP_COUNTERS]
        return sum(int(counter.getCount()) for counter in present if counter is not None)


def _is_below(write: UnmanagedWrite, location: S3Uri | None) -> bool:
    """Return whether a write may be the one that the run made to ``location`` (None: to a database)."""
    if location is None or not write.location:
        return write.location.startswith("jdbc:") or (not write.location and location is not None)
    try:
        written = S3Uri.parse(write.location)
    except UsageError:
        return False
    return written.bucket == location.bucket and written.as_prefix().startswith(location.as_prefix())
