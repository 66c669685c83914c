"""How many rows each guarded scan and write moved, from Spark's own metrics.

A listener hands over the query execution of every finished action; the plan is walked afterwards,
on the caller's thread. Where the listener cannot be had the answer is None: not measured, not zero.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from glue_secure.core.redaction import redacting_logger
from glue_secure.engines.spark.query_listener import listen

# A private reader option: it rides in the relation's options and tells one read from another.
READ_MARK = "glueSecureRead"
TEXT_MARK = "text-"
"""How the mark of a read as text begins: other reads look at text only to infer their schema."""
UNMEASURED = ""
"""The mark of a read whose source carries no mark."""
# The rows of a JDBC write are counted under names that begin so.
OBSERVED = "glueSecureWrite"
_HELD_AT_MOST = 64
# Milliseconds that Spark's listeners may take to catch up; its own 10 s are too few on a busy machine.
_CATCH_UP_MS = 120_000
_LOG = redacting_logger(__name__)


class RowMeter:
    """Collects finished query executions of one Spark session.

    Args:
        spark: the session.

    Attributes:
        look: called with each query execution that finished, and whether it failed.
    """

    def __init__(self, *, spark: Any) -> None:
        self._spark = spark
        self._lock = threading.Lock()
        self._executions: list[tuple[Any, bool]] = []
        self.look: Callable[[Any, bool], None] | None = None
        self._rows: dict[str, int] = defaultdict(int)
        self._written: dict[str, int] = {}
        self._held: list[Any] = []
        self._observed: dict[str, int] = {}
        self._observations = 0
        self._failure: str | None = None
        self._closed = False
        self._stops: list[Callable[[], None]] = []
        try:
            from pyspark.java_gateway import ensure_callback_server_started

            ensure_callback_server_started(spark.sparkContext._gateway)
            self.listen_to(spark._jsparkSession)
        except Exception as error:
            self._give_up(type(error).__name__)

    def _give_up(self, why: str) -> None:
        if self._failure is not None:
            return  # the first reason is the one to tell
        self._failure = why
        _LOG.warning("rows are not counted any more: %s", why)

    def listen_to(self, session: Any) -> None:
        """Hear of the queries of another session too (the JVM's ``SparkSession``)."""
        self._stops.append(listen(session, self.add))

    def add(self, execution: Any, failed: bool) -> None:
        """Called on the callback thread. What failed wrote nothing that counts, and bytes all the same."""
        with self._lock:
            self._executions.append((execution, failed))
            waiting = len(self._executions)
        if waiting >= _HELD_AT_MOST:  # a job of many actions must not keep all their plans
            self._count_finished()

    def settle(self) -> None:
        """Wait for Spark's listener bus and count what finished."""
        if self._closed:
            return
        try:
            self._spark._jsc.sc().listenerBus().waitUntilEmpty(_CATCH_UP_MS)
        except Exception as error:
            self._give_up(type(error).__name__)
            return
        self._count_finished()

    def _count_finished(self) -> None:
        with self._lock:
            executions, self._executions = self._executions, []
        if self.look is not None:
            for execution, failed in executions:
                self.look(execution, failed)
        if self._failure is not None:
            return
        try:
            for execution in (execution for execution, failed in executions if not failed):
                self._note_observed(execution.observedMetrics())
                self._count(execution.executedPlan())
        except Exception as error:  # a plan of a kind that is not known here: not measured
            self._give_up(type(error).__name__)

    def take_written(self, path: str) -> int | None:
        """Rows that the last write to this path wrote, once; None when nothing measured it."""
        self.settle()
        return None if self._failure is not None else self._written.pop(path.rstrip("/"), None)

    def observe(self, frame: Any) -> tuple[Any, str]:
        """``frame`` with its rows counted as they pass, and the mark they are counted under.

        A JDBC write has no metric of its own.
        """
        from pyspark.sql import functions as F

        self._observations += 1
        mark = f"{OBSERVED}-{self._observations}"
        return frame.observe(mark, F.count(F.lit(1)).alias("rows")), mark

    def take_observed(self, mark: str) -> int | None:
        """Rows that passed an observed frame, once; None when nothing measured them."""
        self.settle()
        return None if self._failure is not None else self._observed.pop(mark, None)

    def _note_observed(self, metrics: Any) -> None:
        names = metrics.keysIterator()
        while names.hasNext():
            name = str(names.next())
            if name.startswith(OBSERVED):
                self._observed[name] = int(metrics.apply(name).getLong(0))

    def rows(self, mark: str) -> int | None:
        """Rows that the scans of this read delivered so far; None when nothing measured them."""
        return None if self._failure is not None or mark == UNMEASURED else self._rows.get(mark, 0)

    def close(self) -> None:
        """Hear of no more queries."""
        self._closed, self._failure = True, self._failure or "closed"
        for stop in self._stops:
            stop()

    def _count(self, plan: Any) -> None:
        """Add the scans below ``plan`` to their reads, and what a write command wrote to its path."""
        waiting = [plan]
        while waiting:
            node = waiting.pop()
            kind = node.getClass().getSimpleName()
            if kind == "AdaptiveSparkPlanExec":
                waiting.append(node.executedPlan())
                continue
            if kind.endswith(
                "QueryStageExec"
            ):  # of a shuffle, a broadcast, a cached table; a result in Spark 4
                waiting.append(node.plan())
                continue
            if kind == "ReusedExchangeExec":
                continue  # what it reuses was counted where it ran
            if kind == "FileSourceScanExec":
                self._add(self._mark(node.relation()), node)
            elif kind == "BatchScanExec":
                self._give_up("a scan of data source version 2, which carries no mark")
            elif kind == "RowDataSourceScanExec":
                self._add(self._jdbc_mark(node.relation()), node)
            elif kind == "DataWritingCommandExec":
                self._note_write(node.cmd())
            children = node.children()
            waiting.extend(children.apply(position) for position in range(children.size()))

    def _note_write(self, command: Any) -> None:
        rows = _metric(command, "numOutputRows")
        if rows is not None and command.getClass().getSimpleName() == "InsertIntoHadoopFsRelationCommand":
            self._written[str(command.outputPath())] = rows

    @staticmethod
    def _mark(relation: Any) -> str | None:
        found = relation.options().get(READ_MARK)
        mark = str(found.get()) if found.isDefined() else None
        if relation.fileFormat().getClass().getSimpleName() != "TextFileFormat":
            return mark
        # The look at the first lines by which CSV and JSON infer their schema is no read.
        return mark if mark is not None and mark.startswith(TEXT_MARK) else None

    def mark_jdbc(self, frame: Any) -> str:
        """Tell the scans of one JDBC read apart: by its options object, which every plan of it shares.

        Options of a JDBC read go to the driver, so no mark can ride in them.
        """
        options = frame._jdf.queryExecution().analyzed().relation().jdbcOptions()
        self._held.append(options)  # while it lives, its identity is nobody else's
        return self._identity(options)

    def _jdbc_mark(self, relation: Any) -> str | None:
        known = relation.getClass().getSimpleName() == "JDBCRelation"
        return self._identity(relation.jdbcOptions()) if known else None

    def _identity(self, options: Any) -> str:
        return f"jdbc-{self._spark._jvm.java.lang.System.identityHashCode(options)}"

    def _add(self, mark: str | None, node: Any) -> None:
        rows = _metric(node, "numOutputRows")
        if mark is not None and rows is not None:
            self._rows[mark] += rows


def _metric(node: Any, name: str) -> int | None:
    found = node.metrics().get(name)
    return int(found.get().value()) if found.isDefined() else None
