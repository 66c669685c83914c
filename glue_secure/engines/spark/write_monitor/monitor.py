"""Everything a session writes by itself, gathered while the run goes on and handed over when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.engines.spark.write_monitor.hadoop_jobs import HadoopWriterJobs
from glue_secure.engines.spark.write_monitor.plans import native_writes

# A command without a job: it reads a setting.
_CANARY = "SET glueSecure.canary"
_QUEUES = ("queue.shared.numDroppedEvents", "queue.appStatus.numDroppedEvents")
# Sinks of streams that leave nothing behind.
_KEEP_NOTHING = ("Memory", "Console", "Noop")
_SAVE = "an RDD save, or another save by Hadoop's output format, past RDD.saveAs* of Python"


@dataclass(eq=False)
class _Noted:
    number: int
    write: UnmanagedWrite


class SparkWriteMonitor:
    """Native writes of one Spark session, and of the sessions made from it while the run is open.

    Args:
        spark: the session.
        settle: waits for Spark's listeners, and takes in what they brought.

    Attributes:
        seen: how many query executions the listener has handed over.
    """

    def __init__(self, *, spark: Any, settle: Callable[[], None]) -> None:
        self._spark, self.settle = spark, settle
        self._scala = spark.sparkContext._jsc.sc()
        self._lock = threading.Lock()
        self._noted: list[_Noted] = []
        self._number = 0
        self._doubts: list[str] = []
        self._streams: list[Any] = []
        self.seen = 0
        self._dropped = self._drops()
        self._jobs: HadoopWriterJobs | None
        try:
            self._jobs = HadoopWriterJobs(self._scala)
        except Exception as error:
            self._jobs = None
            self.doubt(f"Spark's list of jobs cannot be had ({type(error).__name__})")

    def look(self, execution: Any, failed: bool) -> None:
        """Take in what one finished query wrote."""
        self.seen += 1
        try:
            writes = native_writes(execution, failed=failed)
        except Exception as error:  # a plan of a kind that nobody has met
            self.doubt(f"a query's plan could not be read ({type(error).__name__})")
            return
        for write in writes:
            self.note(write)

    def note(self, write: UnmanagedWrite) -> None:
        """Take in one write."""
        with self._lock:
            self._number += 1
            self._noted.append(_Noted(self._number, write))

    def doubt(self, reason: str) -> None:
        """Remember that something may have been missed."""
        with self._lock:
            self._doubts.append(reason)

    def stream(self, query: Any) -> None:
        """Take in a stream that a script started: its sink's place and its checkpoint's."""
        underneath = query._jsq.streamingQuery()
        sink = str(underneath.sink().toString())
        if any(word in sink for word in _KEEP_NOTHING):
            return
        self.note(UnmanagedWrite(str(underneath.resolvedCheckpointRoot()), "checkpoint"))
        if sink.startswith("FileSink[") and sink.endswith("]"):
            self.note(UnmanagedWrite(sink.removeprefix("FileSink[")[:-1], "stream"))
        elif not sink.startswith("Foreach"):  # what those write is seen by itself, or runs on executors
            self.note(UnmanagedWrite("", "stream", problem=f"a stream into {sink.partition('(')[0]}"))
        with self._lock:
            self._streams.append(query)

    @contextmanager
    def claiming(self, location: S3Uri | None) -> Iterator[None]:
        """What is written below ``location`` while the block runs is a guarded call's own.

        Writes that do not tell where they went are claimed with it, and RDD saves. Two writes to one place
        are not told apart, so both stay native, and are verified once more.

        Args:
            location: where the guarded call writes; None claims writes to a database.
        """
        self.settle()
        with self._lock:
            first = self._number
        job = self._jobs.total() if self._jobs is not None else 0
        try:
            yield
        finally:
            self.settle()
            if self._jobs is not None:
                self._jobs.claim(job, self._jobs.total())
            with self._lock:
                mine = [n for n in self._noted if n.number > first and _is_below(n.write, location)]
                places = [n.write.location for n in mine]
                for noted in mine:
                    if not noted.write.location or places.count(noted.write.location) == 1:
                        self._noted.remove(noted)

    def take(self) -> UnmanagedWriteReport:
        """Everything since the last look. A query of its own shows whether the listener still hears."""
        self._prove()
        checkpoints = self._scala.getCheckpointDir()
        if checkpoints.isDefined():
            self.note(UnmanagedWrite(str(checkpoints.get()), "checkpoint"))
        dropped = self._drops()
        if dropped != self._dropped:
            self.doubt(f"Spark dropped {dropped - self._dropped} events of its listeners")
        if self._jobs is not None:
            saves, doubt = self._jobs.take()
            for _ in range(saves):
                self.note(UnmanagedWrite("", "rdd", problem=_SAVE))
            if doubt:
                self.doubt(doubt)
        if any(query.isActive for query in self._streams):
            self.doubt("a stream is still running")
        with self._lock:
            noted, self._noted = self._noted, []
            doubts, self._doubts = self._doubts, []
        return UnmanagedWriteReport(tuple(dict.fromkeys(n.write for n in noted)), tuple(doubts))

    def pending(self) -> tuple[UnmanagedWrite, ...]:
        """What was noted so far, without asking the JVM."""
        with self._lock:
            return tuple(noted.write for noted in self._noted)

    def close(self) -> None:
        """Stop looking."""
        if self._jobs is not None:
            self._jobs.close()

    def _prove(self) -> None:
        self.settle()  # what finished before must not pass for the answer
        before = self.seen
        try:
            self._spark._jsparkSession.sql(_CANARY)
            self.settle()
            if self.seen == before:
                self.doubt("the query listener does not hear the session's queries")
        except Exception as error:
            self.doubt(f"the query listener cannot be asked ({type(error).__name__})")

    def _drops(self) -> int:
        counters = self._scala.listenerBus().metrics().metricRegistry().getCounters()
        found = [counters.get(name) for name in _QUEUES]
        return sum(int(counter.getCount()) for counter in found if counter is not None)


def _is_below(write: UnmanagedWrite, location: S3Uri | None) -> bool:
    if location is None or not write.location:
        return write.location.startswith("jdbc:") or (not write.location and location is not None)
    try:
        place = S3Uri.parse(write.location)
    except UsageError:
        return False
    return place.bucket == location.bucket and place.as_prefix().startswith(location.as_prefix())
