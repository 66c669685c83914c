"""Reading and writing in plain Spark. Only the funnels call it: it guards nothing itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError

from glue_secure.columns.spark import column_tree, protected, require_functions
from glue_secure.core.catalog import CatalogColumn, PartitionValues
from glue_secure.core.columns import ColumnDecision, SchemaColumn, WrappedKey
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import SaveHandler
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.core.worker_encryption import WORKER_SETTINGS
from glue_secure.engines.spark.file_distribution import share_file
from glue_secure.engines.spark.hadoop import HadoopSettings, versions
from glue_secure.engines.spark.loading import AGREEING, load, load_agreeing
from glue_secure.engines.spark.partitions import labelled, matching
from glue_secure.engines.spark.row_metrics import READ_MARK, TEXT_MARK, UNMEASURED, RowMeter
from glue_secure.engines.spark.write_monitor.entry_points import attach, detach, suppress_write_monitoring
from glue_secure.engines.spark.write_monitor.monitor import SparkWriteMonitor
from glue_secure.io.call_checks import s3_location

# What shapes a read, and nothing that connects:
# https://spark.apache.org/docs/3.5.6/sql-data-sources-jdbc.html
_JDBC_READER = frozenset(
    (
        "customSchema",
        "fetchsize",
        "lowerBound",
        "numPartitions",
        "partitionColumn",
        "preferTimestampNTZ",
        "pushDownAggregate",
        "pushDownLimit",
        "pushDownOffset",
        "pushDownPredicate",
        "pushDownTableSample",
        "queryTimeout",
        "upperBound",
    )
)
_JDBC_WRITER = frozenset(("batchsize", "isolationLevel", "numPartitions", "queryTimeout"))
_DISTRIBUTIONS = ("Repartition", "RepartitionByExpression", "RebalancePartitions")

_PATTERN = re.compile(r"[{}\[\]*?\\]")


class SparkEngine:
    """Satisfies ``ports.Engine`` on one Spark session.

    Args:
        spark: the session (``pyspark.sql.SparkSession``).
    """

    name = "plain-spark"
    hadoop_settings: type[HadoopSettings] = HadoopSettings

    def __init__(self, *, spark: Any) -> None:
        self._spark = spark
        self._hadoop = self.hadoop_settings(spark=spark)
        self._meter = RowMeter(spark=spark)
        self._natives: SparkWriteMonitor | None = None
        self._points: _Points | None = None
        self._reads = 0

    @property
    def scheme(self) -> str:
        """Of the paths that it reads and writes."""
        return self._hadoop.scheme

    @property
    def versions(self) -> Mapping[str, str]:
        """Spark, Hadoop and Java."""
        return versions(self._spark)

    def apply_settings(self, plan: SettingsPlan) -> None:
        """Set the plan's Hadoop settings."""
        self._hadoop.apply(plan)

    def settings_in_force(self) -> dict[str, str]:
        """Every ``fs.s3*`` setting as a write would see it now."""
        return self._hadoop.in_force()

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Algorithm and key of the client that serves this bucket."""
        return self._hadoop.client_encryption(uri)

    def java_options(self) -> Mapping[str, str]:
        """What could switch certificate checks of the JVM off, by the name of where it stands."""
        return self._hadoop.java_options()

    def worker_settings(self) -> Mapping[str, str]:
        """Those of ``WORKER_SETTINGS`` that are set, as the session that runs has them."""
        # The JVM's, which counts; a session's own settings cannot change these.
        settings = self._spark.sparkContext._jsc.getConf()
        return {name: str(settings.get(name)) for name in WORKER_SETTINGS if settings.contains(name)}

    def belongs_to_session(self, frame: Any) -> bool:
        """Whether the frame belongs to the session whose settings are looked at.

        A frame of ``spark.newSession()`` would be written with that session's own ``fs.s3a`` settings.
        """
        if not hasattr(frame, "_jdf"):
            raise UsageError("a write", found=type(frame).__name__, required="a DataFrame")
        return bool(frame._jdf.sparkSession().equals(self._spark._jsparkSession))

    def read_s3(
        self,
        objects: Sequence[S3Uri],
        *,
        base: S3Uri | None,
        format: str,
        options: Mapping[str, str],
        schema: Any = None,
        empty: bool = False,
        partition_values: PartitionValues | None = None,
        partitions: int | None = None,
    ) -> tuple[Any, str]:
        """A frame of exactly these objects, and the mark that its rows are counted under.

        Args:
            objects: what to read; none gives a frame without columns.
            base: where partition directories (``month=1``) begin; None where sources share no such place.
            format: Spark's name of it.
            options: Spark's options.
            schema: a ``StructType`` or DDL text, or None to infer.
            empty: read the objects for their schema only.
            partition_values: columns that the objects' folders give.
            partitions: how many partitions the frame has at most.

        Raises:
            UsageError: the package that reads this format is not on the class path.
        """
        self._reads += 1
        mark = f"{TEXT_MARK if format == 'text' else ''}read-{self._reads}"
        if not objects and schema is None:
            from pyspark.sql.types import StructType

            return self._spark.createDataFrame([], StructType([])), mark
        if not objects:
            return self._spark.createDataFrame([], schema), mark
        reader = self._spark.read.format(format).options(**options).option(READ_MARK, mark)
        if base is not None and all(found.key.startswith(base.as_prefix()) for found in objects):
            reader = reader.option("basePath", base.with_scheme(self._hadoop.scheme))
        if schema is not None:
            reader = reader.schema(schema)
        paths = [_literal(found, self._hadoop.scheme) for found in objects]
        if options.get("enforceSchema") == AGREEING:
            frame, measured = load_agreeing(reader, paths), True
        else:
            frame, measured = load(reader, format, paths)
        if partition_values is not None:
            frame = labelled(
                self._spark, frame, partition_values, metadata=measured, scheme=self._hadoop.scheme
            )
        if partitions is not None and frame.rdd.getNumPartitions() > partitions:
            frame = frame.coalesce(partitions)
        return (frame.limit(0) if empty else frame), mark if measured else UNMEASURED

    def matching(
        self, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
    ) -> list[int]:
        """Positions of the partitions whose values meet a Spark SQL predicate."""
        return matching(self._spark, keys, values, predicate)

    def read_jdbc(
        self,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
        predicates: Sequence[str] = (),
        empty: bool = False,
    ) -> tuple[Any, str]:
        """A frame of a table, or of a query in parentheses with an alias.

        Each of ``predicates`` is read as a partition of its own; no plan of Spark shows them. An
        ``empty`` frame has the schema, and no rows.

        Raises:
            UsageError: an option that is not known.
        """
        unknown = sorted(set(spark_options) - _JDBC_READER)
        if unknown:
            raise UsageError(
                f"options of a read of {table}",
                found=", ".join(unknown),
                required=", ".join(sorted(_JDBC_READER)),
                fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
            )
        reader = self._spark.read.format("jdbc").options(**driver_options).options(**spark_options)
        reader = reader.option("driver", driver)
        reader = reader.option("user", credentials.user).option("password", credentials.password)
        if predicates:
            frame = reader.jdbc(url, table, predicates=list(predicates))
        else:
            frame = reader.option("url", url).option("dbtable", table).load()
        mark = self._meter.mark_jdbc(frame)
        return (frame.limit(0) if empty else frame), mark

    def write_s3(
        self,
        frame: Any,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        """Write the frame below the target; the rows written, or None when nothing measured them."""
        path = target.with_scheme(self._hadoop.scheme)
        self._meter.take_written(path)
        writer = frame.write.format(format).mode(mode).options(**options)
        if partition_by:
            writer = writer.partitionBy(*partition_by)
        writer.save(path)
        return self._meter.take_written(path)

    def write_jdbc(
        self,
        frame: Any,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
    ) -> int | None:
        """Append to a table, which Spark creates where it does not exist."""
        unknown = sorted(set(spark_options) - _JDBC_WRITER)
        if unknown:
            raise UsageError(
                f"options of a write to {table}",
                found=", ".join(unknown),
                required=", ".join(sorted(_JDBC_WRITER)),
                fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
            )
        observed, mark = self._meter.observe(frame)
        writer = observed.write.format("jdbc").mode("append").options(**driver_options, **spark_options)
        writer = writer.option("url", url).option("driver", driver).option("dbtable", table)
        writer.option("user", credentials.user).option("password", credentials.password).save()
        return self._meter.take_observed(mark)

    def share_file(self, name: str, content: bytes) -> str:
        """Place a public file on the driver and every executor; the one path under which all find it."""
        return share_file(self._spark, name, content)

    def on_executors(self, task: Callable[[Any], Any], parts: Sequence[Any]) -> Sequence[Any] | None:
        """What ``task`` makes of each part, in Python on the executors; None where only one would run."""
        context = self._spark.sparkContext
        if context.defaultParallelism < 2:
            return None
        return list(context.parallelize(parts, len(parts)).map(task).collect())

    def is_certainly_empty(self, frame: Any) -> bool:
        """Whether Spark's optimiser proves, without running anything, that the frame has no rows."""
        plan = frame._jdf.queryExecution().optimizedPlan()
        # A repartition at the root stays in the plan even when nothing is left to distribute.
        while plan.getClass().getSimpleName() in _DISTRIBUTIONS:
            plan = plan.child()
        return bool(plan.getClass().getSimpleName() == "LocalRelation" and plan.data().isEmpty())

    def rows_read(self, mark: str) -> int | None:
        """Rows that the scans of one read have delivered so far."""
        self._meter.settle()
        return self._meter.rows(mark)

    def first_row(self, frame: Any, columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """The first row of a small frame, ``{}`` when there is none; those columns only, where named."""
        row = (frame.select(*columns) if columns else frame).first()
        return row.asDict() if row is not None else {}

    def columns(self, frame: Any) -> tuple[str, ...]:
        """Names of a frame's columns."""
        return tuple(frame.columns)

    def jar_digest(self, name: str) -> str:
        """SHA-256 of the jar that Spark takes a class from; ``""`` where there is no such class or file."""
        try:
            return digest(_jar_of(self._spark._jvm, name).read_bytes())
        except (Py4JError, AttributeError, OSError):
            return ""

    @contextmanager
    def attribute_writes_to_run(self, location: S3Uri | None) -> Iterator[None]:
        """What is written below ``location`` (None: to a database) in the block is a guarded call's own."""
        with suppress_write_monitoring(), self._watch().claiming(location):
            yield

    def monitor_writes(self, save: SaveHandler) -> None:
        """Watch from now on what the session writes by itself; RDD saves are led through ``save``."""
        self._points = _Points(save, self._watch(), self._meter)
        attach(self._spark.sparkContext, self._points)

    def unmanaged_writes(self) -> UnmanagedWriteReport:
        """Every native write since the last look, and what makes it doubtful."""
        return self._watch().take()

    def pending_unmanaged_writes(self) -> Sequence[UnmanagedWrite]:
        """Native writes that were noted so far."""
        return self._natives.pending() if self._natives is not None else ()

    def _watch(self) -> SparkWriteMonitor:
        if self._natives is None:
            self._natives = SparkWriteMonitor(spark=self._spark, settle=self._meter.settle)
            self._meter.look = self._natives.look
        return self._natives

    def column_tree(self, frame: Any) -> tuple[SchemaColumn, ...]:
        """Every column of a frame and every field within, parents first."""
        return column_tree(frame.schema)

    def protect_columns(
        self, frame: Any, decisions: Sequence[ColumnDecision], *, policy: str, key: WrappedKey | None
    ) -> Any:
        """The frame with each decision carried out when it is computed."""
        return protected(frame, decisions, policy=policy, key=key)

    def require_column_functions(self) -> None:
        """Refuse where pandas or pyarrow is missing."""
        require_functions()

    def close(self) -> None:
        """Take off what was hung on the session; the session itself is its owner's."""
        if self._points is not None:
            detach(self._points)
        if self._natives is not None:
            self._natives.close()
        self._meter.close()


class _Points:
    """Satisfies ``entry_points.SparkHooks``: where Python's entry points lead while a run is open."""

    def __init__(self, save: SaveHandler, watch: SparkWriteMonitor, meter: RowMeter) -> None:
        self.save, self._watch, self._meter = save, watch, meter

    def checkpoints(self, place: str) -> None:
        """Refuse a place that is not S3 (GS-S3-006), else see that it is verified."""
        s3_location(place, "checkpoints in")
        self._watch.note(UnmanagedWrite(place, "checkpoint"))

    def streaming(self, query: Any) -> None:
        """Take a stream in."""
        self._watch.stream(query)

    def session(self, session: Any) -> None:
        """Hear of its queries as well."""
        self._meter.listen_to(session._jsparkSession)


def _literal(uri: S3Uri, scheme: str) -> str:
    """The object's path with pattern characters escaped: a key is a name, and ``a[1].csv`` means itself.

    Spark's own switch for that, ``__globPaths__``, reads every object several times in 3.5.6 as soon as
    one name of several holds such a character.
    """
    return _PATTERN.sub(r"\\\g<0>", uri.with_scheme(scheme))


def _jar_of(jvm: Any, name: str) -> Path:
    """Where Spark's own registry of drivers finds a class."""
    found = jvm.org.apache.spark.util.Utils.getContextOrSparkClassLoader().loadClass(name)
    place = found.getProtectionDomain().getCodeSource().getLocation().toURI()
    return Path(str(jvm.java.nio.file.Paths.get(place)))
