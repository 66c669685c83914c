"""Reads and writes in plain Spark. The run's reader and writer call it after their checks."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from glue_secure.columns.spark import column_tree, protected, require_functions
from glue_secure.core.catalog import CatalogColumn, PartitionValues
from glue_secure.core.columns import ColumnDecision, SchemaColumn, WrappedKey
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import EngineError, UsageError
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.ports import DYNAMIC, PARTITION_OVERWRITE_MODE, Metastore, SaveHandler
from glue_secure.core.request_guard import RequestPolicy, RequestReport
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.core.worker_encryption import WORKER_SETTINGS
from glue_secure.engines.glue_options import require_known_options
from glue_secure.engines.package_distribution import ship_package
from glue_secure.engines.spark import data_catalog
from glue_secure.engines.spark.failures import failure_of, translated_failures
from glue_secure.engines.spark.file_distribution import has_one_jvm, share_file
from glue_secure.engines.spark.formats import BY_NAME, require_text
from glue_secure.engines.spark.frame_sources import sources_below
from glue_secure.engines.spark.hadoop import HadoopSettings, versions
from glue_secure.engines.spark.jdbc_logs import suppress_jdbc_logs
from glue_secure.engines.spark.loading import load, parts_of, union
from glue_secure.engines.spark.merging import (
    MERGED,
    CsvOptions,
    MergedFrame,
    json_differences,
    load_csv,
    load_merged,
)
from glue_secure.engines.spark.object_columns import MOST_COMPARED, ObjectReader
from glue_secure.engines.spark.partitions import matching_partitions, with_partition_values
from glue_secure.engines.spark.query_listener import FinishedQueries
from glue_secure.engines.spark.request_guard import RequestGuard
from glue_secure.engines.spark.row_metrics import (
    SCAN_OPTION,
    TEXT_SCAN_PREFIX,
    UNMEASURED,
    RowMeter,
    jdbc_relation,
)
from glue_secure.engines.spark.spark_contexts import is_same_context
from glue_secure.engines.spark.tables.opening import named_table
from glue_secure.engines.spark.write_monitor.active_work import ActiveWork
from glue_secure.engines.spark.write_monitor.monitor import SparkWriteMonitor
from glue_secure.engines.spark.write_monitor.spark_hooks import (
    SparkHooks,
    attach,
    attribute_saves_to_run,
    detach,
)
from glue_secure.io.call_checks import s3_location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader, SparkSession

    from glue_secure.io.tables.operations import TableOperations

# Options that shape a read or write. Options that affect the connection are not among them.
# https://spark.apache.org/docs/3.5.6/sql-data-sources-jdbc.html
_JDBC_READ_OPTIONS = frozenset(
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
_JDBC_WRITE_OPTIONS = frozenset(("batchsize", "isolationLevel", "numPartitions", "queryTimeout"))
_REPARTITIONS = ("Repartition", "RepartitionByExpression", "RebalancePartitions")
_READ_PADDING = "spark.sql.readSideCharPadding"
_GLOB_CHARACTERS = re.compile(r"[{}\[\]*?\\]")
# The engines of the open runs of this process.
_open: list[SparkEngine] = []
_open_lock = threading.Lock()


class SparkEngine:
    """The engine port on one Spark session.

    Args:
        spark: the session.

    Attributes:
        is_shared: whether another run was open in the Spark application since this engine was created.
    """

    name = "plain-spark"
    hadoop_settings: type[HadoopSettings] = HadoopSettings

    def __init__(self, *, spark: SparkSession) -> None:
        self._spark = spark
        self._hadoop = self.hadoop_settings(spark=spark)
        self._queries = FinishedQueries(spark=spark)
        self._meter = RowMeter(spark=spark, queries=self._queries)
        self._requests = RequestGuard(spark=spark, scheme=self._hadoop.scheme)
        self._monitor: SparkWriteMonitor | None = None
        self._has_all_receipts = True
        self._hooks: SparkHooks | None = None
        self._reads = 0
        self._merged: dict[str, Sequence[str]] = {}
        self._end_catalog: Callable[[], None] | None = None
        self.is_shared = False
        with _open_lock:
            context = spark.sparkContext
            others = [other for other in _open if is_same_context(other._spark.sparkContext, context)]
            for engine in (*others, self):
                engine.is_shared |= bool(others)
            _open.append(self)

    @property
    def scheme(self) -> str:
        """The scheme of the paths that it reads and writes: ``s3a``, or ``s3`` in Glue."""
        return self._hadoop.scheme

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of Spark, Hadoop and Java."""
        return versions(self._spark)

    def apply_settings(self, plan: SettingsPlan) -> None:
        """Set the plan's Hadoop settings."""
        self._hadoop.apply(plan)

    def settings_in_force(self) -> dict[str, str]:
        """Return every ``fs.s3*`` setting that a write would use now."""
        return self._hadoop.in_force()

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Return algorithm and key of the file system client that serves this bucket."""
        return self._hadoop.client_encryption(uri)

    def java_options(self) -> Mapping[str, str]:
        """Return the options that could disable certificate checks of the JVM, by where they are set."""
        return self._hadoop.java_options()

    def worker_settings(self) -> Mapping[str, str]:
        """Return those of ``WORKER_SETTINGS`` that are set in the running session."""
        # The JVM's settings count; a session cannot change them.
        settings = self._spark.sparkContext._jsc.getConf()
        return {name: str(settings.get(name)) for name in WORKER_SETTINGS if settings.contains(name)}

    def belongs_to_session(self, frame: DataFrame) -> bool:
        """Return whether the frame belongs to the session whose settings are checked.

        A frame of ``spark.newSession()`` would be written with that session's own ``fs.s3a`` settings.
        """
        if not hasattr(frame, "_jdf"):
            raise UsageError("a write", found=type(frame).__name__, required="a DataFrame")
        return bool(frame._jdf.sparkSession().equals(self._spark._jsparkSession))

    def settings_of_stream(self, frame: DataFrame) -> dict[str, str] | None:
        """Return the ``fs.s3*`` settings of the frame's session, None if no stream of the session created it.

        A stream runs in a copy of its session, to which the frames of ``foreachBatch`` belong.
        """
        session = frame._jdf.sparkSession()
        for query in self._spark._jsparkSession.streams().active():
            if query.streamingQuery().sparkSessionForStream().equals(session):
                return self._hadoop.in_force(session)
        return None

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
    ) -> tuple[DataFrame, str]:
        """Return a frame of exactly these objects, and the id that :meth:`rows_read` counts its rows under.

        Args:
            objects: the objects to read; without any, the frame has the columns of ``schema``, or none.
            base: the location that partition columns (``month=1``) are derived from; None without a common
                location.
            format: Spark's name of the format.
            options: Spark's options.
            schema: a ``StructType`` or DDL text; None to infer it.
            empty: return the schema only, without rows.
            partition_values: columns that the Data Catalog gives to the objects' folders.
            partitions: the maximum number of partitions of the frame; 0 for one per core of the cluster.

        Raises:
            UsageError: the package that reads this format is not on the class path.
        """
        self._reads += 1
        scan = f"{TEXT_SCAN_PREFIX if format == 'text' else ''}read-{self._reads}"
        if not objects:
            from pyspark.sql.types import StructType

            return self._spark.createDataFrame([], StructType([]) if schema is None else schema), scan
        reader = self._spark.read.format(format).options(**options).option(SCAN_OPTION, scan)
        if base is not None and all(uri.key.startswith(base.as_prefix()) for uri in objects):
            reader = reader.option("basePath", base.with_scheme(self._hadoop.scheme))
        if schema is not None:
            reader = reader.schema(schema)
        paths = [_escaped_path(uri, self._hadoop.scheme) for uri in objects]
        more = f" and {len(objects) - 1} more objects" if len(objects) > 1 else ""
        with translated_failures(f"read of {objects[0]}{more} as {format}"):
            loaded, has_scan_id = self._load(
                reader, objects, paths, format, options, scan, schema is not None
            )
        frame = loaded.frame
        if format == "csv" and schema is None:
            require_text(frame.columns, f"read of {objects[0]}{more} as csv")
        self._merged[scan] = loaded.differences
        if partition_values is not None:
            frame = union(
                [
                    with_partition_values(
                        self._spark, part, partition_values, metadata=has_scan_id, scheme=self._hadoop.scheme
                    )
                    for part in parts_of(frame)
                ]
            )
        if partitions is not None:
            partitions = partitions or self._spark.sparkContext.defaultParallelism
            if frame.rdd.getNumPartitions() > partitions:
                frame = frame.coalesce(partitions)
        return (
            frame.limit(0) if empty else frame
        ), scan if has_scan_id and format != "binaryFile" else UNMEASURED

    def _load(
        self,
        reader: DataFrameReader,
        objects: Sequence[S3Uri],
        paths: Sequence[str],
        format: str,
        options: Mapping[str, str],
        scan: str,
        has_schema: bool,
    ) -> tuple[MergedFrame, bool]:
        """Return the frame of several objects, and whether its scans have the read's id and ``_metadata``."""
        locations = [uri.with_scheme(self._hadoop.scheme) for uri in objects[:MOST_COMPARED]]
        read = ObjectReader(self._spark)
        if options.get("enforceSchema") == BY_NAME:
            merged = load_csv(
                reader,
                locations,
                paths,
                read=read,
                options=CsvOptions.of(options),
                scan=scan,
                header=self._csv_header(options),
                has_schema=has_schema,
            )
            return merged, True
        is_merged = len(paths) > 1 and not any(name.lower() == "mergeschema" for name in options)
        if format in MERGED and is_merged and not has_schema:
            return load_merged(reader, format, locations, paths, read=read, scan=scan), True
        frame, has_scan_id = load(reader, format, paths)
        differences: tuple[str, ...] = ()
        if format == "json" and is_merged and not has_schema:
            differences = json_differences(
                read, locations, total=len(paths), encoding=options.get("encoding", "utf-8")
            )
        return MergedFrame(frame, differences), has_scan_id

    def _csv_header(self, options: Mapping[str, str]) -> Callable[[str], Sequence[str | None]]:
        """Return a function that reads the header of a CSV object."""
        without = {**options, "header": "false", "enforceSchema": "true"}

        def header(path: str) -> Sequence[str | None]:
            return tuple(self._spark.read.format("csv").options(**without).load(path).head() or ())

        return header

    def matching(
        self, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
    ) -> list[int]:
        """Return the positions of the partitions that match a Spark SQL predicate."""
        return matching_partitions(self._spark, keys, values, predicate)

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
    ) -> tuple[DataFrame, str]:
        """Return a frame of a table, or of a query in parentheses with an alias, and the id of the read.

        Each of ``predicates`` is read as one partition; Spark's plans do not show them. An ``empty`` frame
        has the schema and no rows.

        Raises:
            UsageError: an option is not known.
        """
        require_known_options(spark_options, _JDBC_READ_OPTIONS, f"options of a read of {table}")
        reader = self._spark.read.format("jdbc").options(**driver_options).options(**spark_options)
        reader = reader.option("driver", driver)
        reader = reader.option("user", credentials.user).option("password", credentials.password)
        # A query may quote data.
        name = table if is_table_name(table) else "a query"
        with translated_failures(f"read of {name} with {driver}"):
            frame = _jdbc_frame(reader, url, table, predicates)
            if _has_unlimited_char_column(frame):
                with self._without_padding():
                    frame = _jdbc_frame(reader, url, table, predicates)
        scan = self._meter.jdbc_scan(frame)
        return (frame.limit(0) if empty else frame), scan

    @contextmanager
    def _without_padding(self) -> Iterator[None]:
        """Let Spark plan frames that do not pad columns of type CHAR(n). The database has padded them."""
        before = self._spark.conf.get(_READ_PADDING)
        self._spark.conf.set(_READ_PADDING, "false")
        try:
            yield
        finally:
            self._spark.conf.set(_READ_PADDING, str(before))

    def write_s3(
        self,
        frame: DataFrame,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        """Write below the target. Return the number of rows, None if it was not measured."""
        path = target.with_scheme(self._hadoop.scheme)
        self._meter.take_written(path)  # forget the rows of an earlier write
        writer = frame.write.format(format).mode(mode).options(**options)
        if partition_by:
            writer = writer.partitionBy(*partition_by)
        with translated_failures(f"write to {target}"):
            writer.save(path)
        return self._meter.take_written(path)

    def write_jdbc(
        self,
        frame: DataFrame,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
        only_create: bool = False,
    ) -> int | None:
        """Append to a table, which Spark creates if it is missing. Return the number of rows, or None.

        With ``only_create``, no row is written.

        Raises:
            UsageError: an option is not known.
        """
        require_known_options(spark_options, _JDBC_WRITE_OPTIONS, f"options of a write to {table}")
        observed, observation = self._meter.observe(frame.limit(0) if only_create else frame)
        writer = observed.write.format("jdbc").mode("append").options(**driver_options, **spark_options)
        writer = writer.option("url", url).option("driver", driver).option("dbtable", table)
        writer = writer.option("user", credentials.user).option("password", credentials.password)
        with translated_failures(f"write to {table} with {driver}"):
            writer.save()
        return self._meter.take_observed(observation)

    def execute_jdbc(
        self,
        statements: Sequence[str],
        *,
        url: str,
        driver: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
    ) -> None:
        """Execute SQL statements over one connection of the driver's process, each in its own transaction."""
        jvm = self._spark._jvm
        properties = jvm.java.util.Properties()
        login = {"user": credentials.user, "password": credentials.password}
        for name, value in {**driver_options, **login}.items():
            properties.setProperty(name, value)
        registry = jvm.org.apache.spark.sql.execution.datasources.jdbc.DriverRegistry
        with translated_failures(f"statements of the call with {driver}"):
            registry.register(driver)
            connection = registry.get(driver).connect(url, properties)
            try:
                for text in statements:
                    statement = connection.createStatement()
                    statement.execute(text)
                    statement.close()
            finally:
                connection.close()

    def share_file(self, name: str, content: bytes) -> str:
        """Copy a public file to the driver and every executor. Return the path, valid on all of them."""
        return share_file(self._spark, name, content)

    def on_executors(self, task: Callable[[Any], Any], parts: Sequence[Any]) -> Sequence[Any] | None:
        """Return the results of ``task`` for each part, computed in Python on the executors.

        Return None if Spark would run only one task at a time.
        """
        context = self._spark.sparkContext
        if context.defaultParallelism < 2:
            return None
        return list(context.parallelize(parts, len(parts)).map(task).collect())

    def failure_of(self, error: BaseException, resource: str) -> EngineError | None:
        """Return an error of Spark in a few lines; None for an error of another origin."""
        return failure_of(error, resource)

    def is_certainly_empty(self, frame: DataFrame) -> bool:
        """Return whether Spark's optimiser proves, without a job, that the frame has no rows."""
        plan = frame._jdf.queryExecution().optimizedPlan()
        # A repartition at the root stays in the plan even if there are no rows to distribute.
        while plan.getClass().getSimpleName() in _REPARTITIONS:
            plan = plan.child()
        return bool(plan.getClass().getSimpleName() == "LocalRelation" and plan.data().isEmpty())

    def is_empty(self, frame: DataFrame) -> bool:
        """Return whether the frame has no rows. This runs a Spark job."""
        return bool(frame.isEmpty())

    def sources_deleted_by_overwrite(
        self, frame: DataFrame, target: S3Uri, *, partition_by: Sequence[str], options: Mapping[str, str]
    ) -> Sequence[S3Uri]:
        """Return the locations that the frame reads and that an overwrite would delete first.

        A dynamic partition overwrite replaces the partitions after Spark has computed the frame.
        """
        setting = str(self._spark.conf.get("spark.sql.sources.partitionOverwriteMode"))
        if partition_by and options.get(PARTITION_OVERWRITE_MODE, setting).lower() == DYNAMIC:
            return ()
        return sources_below(frame, target)

    def merged_columns(self, scan: str) -> Sequence[str]:
        """Return a text for each column in which the objects of a read differ, for the evidence."""
        return self._merged.get(scan, ())

    def rows_read(self, scan: str) -> int | None:
        """Return the most rows that one scan of a read has delivered; None if they were not measured."""
        return self._meter.rows(scan)

    def first_row(self, frame: DataFrame, columns: Sequence[str] = ()) -> Mapping[str, Any]:
        """Return the first row of a small frame, ``{}`` if it is empty. ``columns`` restricts the columns."""
        row = (frame.select(*columns) if columns else frame).first()
        return row.asDict() if row is not None else {}

    def all_rows(self, frame: DataFrame) -> Sequence[Mapping[str, Any]]:
        """Return all rows of a small frame."""
        return [row.asDict() for row in frame.collect()]

    def column_types(self, frame: DataFrame) -> Sequence[tuple[str, str]]:
        """Return name and type of each column, as Spark's ``simpleString`` names it."""
        return list(frame.dtypes)

    def columns(self, frame: DataFrame) -> tuple[str, ...]:
        """Return the names of a frame's columns."""
        return tuple(frame.columns)

    def jar_of(self, name: str) -> Path | None:
        """Return the JAR that Spark's class loader loads a class from, None if class or file is missing."""
        try:
            path = _jar_of(self._spark._jvm, name)
        except (Py4JError, AttributeError):
            return None
        return path if path.is_file() else None

    def suppress_jdbc_logs(self) -> bool:
        """Keep Spark from logging JDBC passwords on the driver. Return whether it logs none."""
        return suppress_jdbc_logs(self._spark._jvm)

    @contextmanager
    def attribute_writes_to_run(
        self, location: S3Uri | None, *, by_connector: bool = False, commands: int = 1
    ) -> Iterator[None]:
        """Attribute writes below ``location`` (None: to a database) inside the block to the run.

        With ``by_connector``, a write by a connector whose location is unknown is attributed, too. The block
        writes to one location with at most ``commands`` commands.
        """
        monitor = self._write_monitor()
        attributed = monitor.attribute_writes_to_run(location, by_connector=by_connector, commands=commands)
        with attribute_saves_to_run(), attributed:
            yield

    def guard_requests(self, policy: RequestPolicy) -> str:
        """Check the S3 requests of every JVM against a policy; see :meth:`RequestGuard.open`."""
        problem = self._requests.open(policy, self._hadoop.in_force())
        self._note_missing_receipts(problem)
        return problem

    def guard_python_workers(self, folder: str, on_executors: Mapping[str, str]) -> str:
        """Guard botocore in the Python workers of functions that are made from now on.

        Spark starts other workers for another ``PYTHONPATH``, so workers of earlier functions are not reused.

        Args:
            folder: for workers on this machine; ``""`` if nothing is to be guarded.
            on_executors: see :meth:`ChildProcesses.on_executors`.

        Returns:
            ``"folder"``: every worker uses the folder. ``"request guard"``: the request guard of each
            executor makes its folder. ``""``: workers are not guarded.
        """
        context = self._spark.sparkContext
        if not folder:
            return ""
        by_executors = not has_one_jvm(self._spark) and self._requests.guard_python_workers(on_executors)
        if by_executors:
            ship_package(self._spark)
            folder = on_executors["folder"]
        elif not str(context.master).startswith("local"):
            return ""
        entries = filter(None, context.environment.get("PYTHONPATH", "").split(os.pathsep))
        context.environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([folder, *entries]))
        return "request guard" if by_executors else "folder"

    def end_writes(self, seconds: float) -> Sequence[str]:
        """Refuse storing S3 requests from now on; see :meth:`RequestGuard.end_writes`."""
        return self._requests.end_writes(seconds)

    def resume_writes(self) -> None:
        """Allow storing S3 requests again."""
        self._requests.resume_writes()

    def take_requests(self) -> RequestReport:
        """Return what S3 requests showed since the last call; not more than fits in memory."""
        report = self._requests.take()
        self._note_missing_receipts(*report.gaps)
        return report

    def requests_catalog(self) -> bool:
        """Return whether the session's own settings make the Data Catalog the metastore of Spark SQL."""
        return data_catalog.is_requested(self._spark)

    def serve_catalog(self, metastore: Metastore) -> bool:
        """Let Spark SQL use this Data Catalog until the run ends.

        Returns:
            True: plain Spark has no other client of the Data Catalog.

        Raises:
            UsageError: the session has no Hive support.
        """
        self._end_catalog = data_catalog.serve(self._spark, metastore)
        return True

    def monitor_writes(self, save: SaveHandler) -> None:
        """Start to record writes outside glue-secure; RDD saves go through ``save``."""
        self._hooks = SparkHooks(
            save=save,
            on_checkpoint_directory=self._record_checkpoint_directory,
            on_save=self._write_monitor().record_save,
            on_stream=self._write_monitor().record_stream,
            on_session=lambda session: self._queries.add_session(session._jsparkSession),
            on_call=self._write_monitor().record_call,
            on_text=self._write_monitor().record_text,
            before_statement=self._write_monitor().record_earlier_queries,
            after_statement=self._write_monitor().record_ended_statement,
            on_conversion=self._write_monitor().record_conversion,
            settings_with=self._hadoop.settings_with,
        )
        attach(self._spark.sparkContext, self._hooks)

    def unmanaged_writes(self) -> UnmanagedWriteReport:
        """Return every unmanaged write since the last call, and why some may be missing."""
        return self._write_monitor().take()

    def written_table(self, write: UnmanagedWrite) -> TableOperations | None:
        """Return the table of Iceberg or Delta Lake that a script wrote to, None if it is not known."""
        return named_table(self._spark, write.table)

    def active_work(self, seconds: float) -> Sequence[str]:
        """Return the SQL executions, streams and jobs that are active after a wait of at most ``seconds``."""
        return ActiveWork(spark=self._spark).wait(seconds)

    def pending_unmanaged_writes(self) -> Sequence[UnmanagedWrite]:
        """Return the unmanaged writes recorded so far, without a call to the JVM."""
        return self._monitor.pending() if self._monitor is not None else ()

    def column_tree(self, frame: DataFrame) -> tuple[SchemaColumn, ...]:
        """Return every column of a frame and every nested field, parents first."""
        return column_tree(frame.schema)

    def protect_columns(
        self, frame: DataFrame, decisions: Sequence[ColumnDecision], *, policy: str, key: WrappedKey | None
    ) -> DataFrame:
        """Return the frame with each decision applied when it is computed. ``policy`` names the policy."""
        return protected(frame, decisions, policy=policy, key=key)

    def require_column_functions(self) -> None:
        """Raise UsageError if pandas or pyarrow is missing."""
        require_functions()

    def close(self) -> None:
        """Remove hooks and listeners from the session. The session stays open."""
        with _open_lock:
            _open[:] = [other for other in _open if other is not self]
        if self._hooks is not None:
            detach(self._hooks)
        if self._monitor is not None:
            self._monitor.close()
        self._queries.close()
        self._requests.close()
        if self._end_catalog is not None:
            self._end_catalog()
        self._hadoop.restore()

    def _write_monitor(self) -> SparkWriteMonitor:
        if self._monitor is None:
            self._monitor = SparkWriteMonitor(spark=self._spark, queries=self._queries)
            self._note_missing_receipts()
        return self._monitor

    def _note_missing_receipts(self, *reasons: str) -> None:
        self._has_all_receipts = self._has_all_receipts and not any(reasons)
        if self._monitor is not None and not self._has_all_receipts:
            self._monitor.read_versions_of_tables()

    def _record_checkpoint_directory(self, location: str) -> None:
        """Record a checkpoint directory. Raises RefusedError (GS-S3-006) if it is not in S3."""
        s3_location(location, "checkpoints in")
        self._write_monitor().record(UnmanagedWrite(location, "checkpoint"))


def _jdbc_frame(reader: DataFrameReader, url: str, table: str, predicates: Sequence[str]) -> DataFrame:
    if predicates:
        return reader.jdbc(url, table, predicates=list(predicates))
    return reader.option("url", url).option("dbtable", table).load()


def _has_unlimited_char_column(frame: DataFrame) -> bool:
    """Return whether the frame has a ``bpchar`` column of PostgreSQL without a length.

    The driver reports the greatest integer as its length, and Spark would pad each value to it.
    """
    return f"char({2**31 - 1})" in jdbc_relation(frame).schema().json()


def _escaped_path(uri: S3Uri, scheme: str) -> str:
    """Return the object's path with glob characters escaped, so that ``a[1].csv`` is that object.

    Spark's own option to disable globs, ``__globPaths__``, reads every object several times in 3.5.6 if one
    of several names has such a character.
    """
    return _GLOB_CHARACTERS.sub(r"\\\g<0>", uri.with_scheme(scheme))


def _jar_of(jvm: Any, name: str) -> Path:
    """Return the JAR that Spark's class loader loads a class from."""
    java_class = jvm.org.apache.spark.util.Utils.getContextOrSparkClassLoader().loadClass(name)
    location = java_class.getProtectionDomain().getCodeSource().getLocation().toURI()
    return Path(str(jvm.java.nio.file.Paths.get(location)))
