"""Row counts of the run's scans and writes, from Spark's own metrics.

The plans of finished queries are walked on the caller's thread. A count that was not measured is None, not 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.core.redaction import redacting_logger
from glue_secure.engines.spark.query_listener import FinishedQueries

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCAN_OPTION = "glueSecureRead"
"""A private reader option with the id of a read. It is part of the relation's options in every plan."""
TEXT_SCAN_PREFIX = "text-"
"""The prefix of the id of a read as text. Other formats scan text only to infer their schema."""
UNMEASURED = ""
"""The id of a read whose relation has no such option."""
# The rows of a JDBC write are observed under names with this prefix.
_OBSERVATION_PREFIX = "glueSecureWrite"
_LOG = redacting_logger(__name__)


def part_of_scan(scan: str, number: int) -> str:
    """Return the id of one part of a read that consists of several scans."""
    return f"{scan}.{number}"


class RowMeter:
    """Counts the rows that scans and writes of one Spark session moved.

    Args:
        spark: the session.
        queries: the session's finished queries.
    """

    def __init__(self, *, spark: SparkSession, queries: FinishedQueries) -> None:
        self._spark, self._queries = spark, queries
        self._read: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._observed: dict[str, int] = {}
        self._observations = 0
        self._jdbc_options: list[Any] = []
        self._failure: str | None = None
        queries.add_callback(self._count)

    def rows(self, scan: str) -> int | None:
        """Return the most rows that one scan of a read has delivered; None if they were not measured.

        Each computation of a frame scans its source again, so the sum would count rows several times. The
        parts of a read (:func:`part_of_scan`) count together.
        """
        if not self._is_measured() or scan == UNMEASURED:
            return None
        parts = [rows for name, rows in self._read.items() if name.startswith(f"{scan}.")]
        return self._read.get(scan, 0) + sum(parts)

    def take_written(self, path: str) -> int | None:
        """Return and forget the rows of the last write to a path; None if they were not measured."""
        return self._written.pop(path.rstrip("/"), None) if self._is_measured() else None

    def take_observed(self, observation: str) -> int | None:
        """Return and forget the rows that passed an observed frame; None if they were not measured."""
        return self._observed.pop(observation, None) if self._is_measured() else None

    def observe(self, frame: DataFrame) -> tuple[DataFrame, str]:
        """Return the frame with a row count, and its name for :meth:`take_observed`.

        A JDBC write has no metric of its own.
        """
        from pyspark.sql import functions as F

        self._observations += 1
        observation = f"{_OBSERVATION_PREFIX}-{self._observations}"
        return frame.observe(observation, F.count(F.lit(1)).alias("rows")), observation

    def jdbc_scan(self, frame: DataFrame) -> str:
        """Return the id of a JDBC read: the identity of its options object, which all of its plans share.

        The options of a JDBC read are passed to the driver, so they cannot contain an id.
        """
        options = jdbc_relation(frame).jdbcOptions()
        # A reference, so that the JVM does not give the identity to another object.
        self._jdbc_options.append(options)
        return self._identity(options)

    def _is_measured(self) -> bool:
        self._queries.wait_for_listeners()
        return self._failure is None and self._queries.failure is None

    def _count(self, execution: Any, failed: bool) -> None:
        """Count one finished query. The rows of a failed query do not count."""
        if failed or self._failure is not None:
            return
        try:
            self._count_observed(execution.observedMetrics())
            self._count_plan(execution.executedPlan())
        except Exception as error:  # a plan of an unknown kind
            self._fail(type(error).__name__)

    def _fail(self, reason: str) -> None:
        if self._failure is None:
            self._failure = reason
            _LOG.warning("rows are no longer counted: %s", reason)

    def _count_observed(self, metrics: Any) -> None:
        names = metrics.keysIterator()
        while names.hasNext():
            name = str(names.next())
            if name.startswith(_OBSERVATION_PREFIX):
                self._observed[name] = int(metrics.apply(name).getLong(0))

    def _count_plan(self, plan: Any) -> None:
        """Add the scans of a plan to their reads, and the rows of a write command to its path."""
        nodes = [plan]
        while nodes:
            node = nodes.pop()
            name = node.getClass().getSimpleName()
            if name == "AdaptiveSparkPlanExec":
                nodes.append(node.executedPlan())
                continue
            if name.endswith("QueryStageExec"):  # a shuffle, a broadcast, a cached table; a result in Spark 4
                nodes.append(node.plan())
                continue
            if name == "InMemoryTableScanExec":  # a cached frame: the scans that filled the cache
                nodes.append(node.relation().cachedPlan())
            if name == "ReusedExchangeExec":
                continue  # counted where it ran
            if name == "FileSourceScanExec":
                self._add_read(_file_scan(node.relation()), node)
            elif name == "BatchScanExec" and not _is_of_iceberg(node.scan()):
                self._fail("a scan of data source version 2, which has no id of its read")
            elif name == "RowDataSourceScanExec":
                self._add_read(self._scan_of_jdbc_relation(node.relation()), node)
            elif name == "DataWritingCommandExec":
                self._add_written(node.cmd())
            children = node.children()
            nodes.extend(children.apply(position) for position in range(children.size()))

    def _add_read(self, scan: str | None, node: Any) -> None:
        rows = output_rows(node.metrics())
        if scan is not None and rows is not None:
            self._read[scan] = max(rows, self._read.get(scan, 0))

    def _add_written(self, command: Any) -> None:
        rows = output_rows(command.metrics())
        if rows is not None and command.getClass().getSimpleName() == "InsertIntoHadoopFsRelationCommand":
            self._written[str(command.outputPath()).rstrip("/")] = rows

    def _scan_of_jdbc_relation(self, relation: Any) -> str | None:
        is_jdbc = relation.getClass().getSimpleName() == "JDBCRelation"
        return self._identity(relation.jdbcOptions()) if is_jdbc else None

    def _identity(self, options: Any) -> str:
        return f"jdbc-{self._spark._jvm.java.lang.System.identityHashCode(options)}"


def jdbc_relation(frame: DataFrame) -> Any:
    """Return the relation of a frame that Spark's JDBC source has just made.

    With a column of type CHAR(n), the plan is a projection that pads its values, over the relation.
    """
    return frame._jdf.queryExecution().analyzed().collectLeaves().head().relation()


def _is_of_iceberg(scan: Any) -> bool:
    # No read of objects or of a database scans a table of Iceberg, whose rows are not counted.
    return str(scan.getClass().getName()).startswith("org.apache.iceberg.")


def output_rows(metrics: Any) -> int | None:
    """Return Spark's metric ``numOutputRows``; None if there is none."""
    metric = metrics.get("numOutputRows")
    return int(metric.get().value()) if metric.isDefined() else None


def _file_scan(relation: Any) -> str | None:
    option = relation.options().get(SCAN_OPTION)
    scan = str(option.get()) if option.isDefined() else None
    if relation.fileFormat().getClass().getSimpleName() != "TextFileFormat":
        return scan
    # CSV and JSON scan text to infer their schema. That is not a read.
    return scan if scan is not None and scan.startswith(TEXT_SCAN_PREFIX) else None
