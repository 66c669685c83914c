"""SecureJob: a run of a job as a ``with`` block.

If the block ends normally, the run verifies its writes, commits the bookmark and writes the evidence, in this
order. If the block raises an exception, nothing is committed, and the evidence records the exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal

from glue_secure.bookmarks.sql.keys import KEYS, ORDER
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.redaction import redact_settings
from glue_secure.core.typed_arguments import ArgsT, parse_arguments
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.engines.spark.data_catalog import session_as_requested
from glue_secure.engines.spark.formats import format_of, matched_by_name, spark_options
from glue_secure.io.source_filter import FILTERS, LIMITS, parse_limits, parse_source_filter
from glue_secure.io.tables.merge import Merge, WhenMatched, WhenNotMatched
from glue_secure.io.tables.operations import Publish, TableFormat, TableMode
from glue_secure.io.writer import WriteMode
from glue_secure.run.run import Run
from glue_secure.run.start import read_arguments, start_run

if TYPE_CHECKING:
    from boto3.session import Session
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

ReadFormat = Literal["csv", "json", "parquet", "orc", "avro", "xml"]
WriteFormat = Literal["csv", "json", "parquet", "orc", "avro"]
OnFailure = Literal["block", "warn", "quarantine"]
OnChange = Literal["error", "read_all", "read_changes"]
BookmarkOrder = Literal["asc", "desc"]


class JobValues(SimpleNamespace):
    """Job arguments as attributes, all text. Its repr redacts secrets."""

    def __repr__(self) -> str:
        return f"JobValues({redact_settings({name: str(value) for name, value in vars(self).items()})})"


def _failure_context(called: SecureJob[Any] | Writer) -> AbstractContextManager[None]:
    """Return the operation of the run in which a usage error of a call is raised."""
    return called._run.operation()


def _read_context(reader: Reader) -> AbstractContextManager[None]:
    """Return the operation of the run in which a usage error of a read is raised."""
    return reader._run.operation(ControlError)


@check_argument_types(_failure_context)
class SecureJob(Generic[ArgsT]):
    """A run of a job. Create it with ``from_args`` or ``from_argv``.

    Attributes:
        args: the job's arguments (``job.args.source``).
        spark: the ``SparkSession``. Writes through it are verified when the run commits; reads are not
            checked.
        read: reads S3 and databases.
        write: writes to S3 and databases.
    """

    args: ArgsT
    spark: SparkSession
    read: Reader
    write: Writer

    def __init__(self, *, run: Run, session: _Session, args: ArgsT) -> None:
        self._run, self._session, self.args = run, session, args
        self.spark = session.get()
        self.read, self.write = Reader(run, self.spark), Writer(run)

    @classmethod
    def from_args(
        cls, args: type[ArgsT], *, argv: Sequence[str] | None = None, spark: SparkSession | None = None
    ) -> SecureJob[ArgsT]:
        """Start the run. No data is read or written before it returns.

        Args:
            args: a dataclass of the job's arguments, for example ``source: str`` and ``days: int = 7``.
                Fields without a default are required; see
                ``glue_secure.core.typed_arguments.parse_arguments``.
            argv: arguments in the form of ``sys.argv``, which is the default.
            spark: the session; by default the active session, or a new one that the job stops.

        Raises:
            UsageError: an argument is missing or invalid.
            RefusedError, VerificationError: a control stopped the run.
        """
        arguments = read_arguments(argv)
        return cls._start(arguments, parse_arguments(arguments, args), spark)

    @classmethod
    def from_argv(
        cls, *names: str, argv: Sequence[str] | None = None, spark: SparkSession | None = None
    ) -> SecureJob[JobValues]:
        """Start the run with arguments that are all required and all text.

        Args:
            names: names of the job's arguments: ``"source"`` for ``--source``.
            argv: arguments in the form of ``sys.argv``, which is the default.
            spark: the session; by default the active session, or a new one that the job stops.

        Raises:
            UsageError: an argument is missing.
            RefusedError, VerificationError: a control stopped the run.
        """
        arguments = read_arguments(argv)
        values = {name.replace("-", "_"): value for name, value in arguments.require(names).items()}
        job: type[SecureJob[JobValues]] = SecureJob
        return job._start(arguments, JobValues(**values), spark)

    @classmethod
    def _start(cls, arguments: JobArguments, args: ArgsT, spark: SparkSession | None) -> SecureJob[ArgsT]:
        session = _Session(spark, arguments)
        try:
            run = start_run(arguments, session.get)
        except BaseException:
            session.stop()
            raise
        return cls(run=run, session=session, args=args)

    @property
    def boto3_session(self) -> Session:
        """A boto3 session whose S3 writes are encrypted under the run's key, and verified at commit.

        Calls that ask for other encryption are rejected (GS-S3-005).
        """
        return self._run.driver_s3.session

    @cached_property
    def s3(self) -> Any:
        """The S3 client of ``boto3_session``."""
        return self.boto3_session.client("s3")

    @property
    def evidence_uri(self) -> S3Uri | None:
        """The location of the run's evidence, None until the run has ended."""
        return self._run.evidence_uri

    def jdbc_options(self, connection: str) -> dict[str, str]:
        """Return options of Spark's JDBC source for a connection whose TLS is verified.

        The options make the JDBC driver verify the server in each connection that it opens.

        ``job.spark.read.format("jdbc").options(**job.jdbc_options("ops")).option("dbtable", "t").load()``.
        The evidence has the TLS facts of the connection, but no record of the reads and writes. Options that
        the script adds are not checked. Prefer ``read`` and ``write``.

        Args:
            connection: name of the Glue connection.

        Returns:
            ``url``, ``driver``, ``user``, ``password`` and options of the driver. ``print`` and ``repr``
            hide the password; do not print or log a copy.

        Raises:
            RefusedError, VerificationError: a check of GS-TLS or GS-CAT stopped the connection.
        """
        return self._run.reader.jdbc_options(connection)

    def kafka_options(self, connection: str, options: Mapping[str, object] | None = None) -> dict[str, str]:
        """Return options of Spark's Kafka source and sink for a connection whose brokers are verified.

        The options make Kafka's client verify the broker in each connection that it opens.

        ``job.spark.readStream.format("kafka").options(**job.kafka_options("c", {"subscribe": "t"})).load()``.
        The evidence has the TLS facts of each bootstrap server, but no record of the reads and writes.
        Options that the script adds are not checked.

        Args:
            connection: name of a Glue connection of type KAFKA.
            options: topics and rates (``subscribe``, ``startingOffsets``, ...). Options that concern TLS,
                brokers or the login are rejected.

        Returns:
            Options of Spark, with the login. ``print`` and ``repr`` hide it; do not print or log a copy.

        Raises:
            RefusedError, VerificationError: a check of GS-TLS or GS-CAT stopped the connection.
        """
        return self._run.reader.kafka_options(connection, options or {})

    def commit(self) -> S3Uri:
        """Verify, commit and write the evidence before the block ends. Ends the run.

        Returns:
            The location of the evidence.

        Raises:
            GlueSecureError: as ``Run.commit`` does.
        """
        return self._run.commit()

    def abandon(self) -> None:
        """End the run without a commit, and write the evidence. Does nothing if the run has ended."""
        self._run.close(outcome="abandoned")

    def __enter__(self) -> SecureJob[ArgsT]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                was_open = self._run.is_open
                cause = self._run.close(error)
                if cause is not None and cause is not error:
                    raise cause
                if was_open and isinstance(error, SystemExit) and not error.code:
                    raise GlueSecureError(
                        "sys.exit() inside the job's block: nothing was committed\n"
                        "  fix:      let the block end, or call job.commit() before sys.exit()"
                    ) from error
            elif self._run.is_open:
                self._run.commit()
        finally:
            self._session.stop()


@check_argument_types(_read_context)
class Reader:
    """Reads S3 and databases, as ``job.read``."""

    def __init__(self, run: Run, spark: SparkSession) -> None:
        self._run, self._spark = run, spark

    def s3(
        self,
        source: str | Sequence[str],
        *,
        format: ReadFormat,
        bookmark: str = "",
        schema: StructType | str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> DataFrame:
        """Return a DataFrame of the objects that are new to the bookmark.

        If there are no new objects, the frame is empty and has the source's columns.

        Args:
            source: S3 location or locations.
            format: format of the objects.
            bookmark: name of the bookmark's transformation context for this source; ``""`` reads every
                object, without a bookmark.
            schema: ``StructType`` or DDL text; None infers the schema as Spark does.
            options: options of Spark's reader for the format; and ``boundedFiles``, ``boundedSize``,
                ``maxBand``, ``maxFilesInBand``, ``keysAscending``, ``recurse`` (default true),
                ``exclusions``, ``excludeStorageClasses`` and ``skipInvalidObjects`` (docs/bookmarks.md).
                CSV is read with a header by default. Unknown options are rejected.

        Raises:
            UsageError: an unknown format or option.
            RefusedError: GS-S3-001 to -003, -005, -006.
            GlueSecureError: a location cannot be listed.
        """
        run = self._run
        with run.operation(ControlError):
            all_options = dict(options or {})
            limits = parse_limits(all_options)
            source_filter = parse_source_filter(
                {"recurse": True} | {name: all_options[name] for name in FILTERS & all_options.keys()},
                recursive=False,
            )
            others = {*LIMITS, *FILTERS}
            format_options = {name: value for name, value in all_options.items() if name not in others}
            frame: DataFrame = run.reader.read_s3(
                source,
                format=format_of(format).name,
                options=matched_by_name(
                    format_of(format).name, {**_defaults(format), **spark_options(format, format_options)}
                ),
                transformation_ctx=bookmark,
                schema=schema,
                source_filter=source_filter,
                limits=limits,
            )
        return frame

    def jdbc(
        self,
        *,
        connection: str,
        table: str,
        options: Mapping[str, object] | None = None,
        fetch_size: int = 10_000,
        bookmark: str = "",
        bookmark_keys: str | Sequence[str] = (),
        bookmark_order: BookmarkOrder = "asc",
    ) -> DataFrame:
        """Return a DataFrame of the rows that are new to the bookmark, read over verified TLS.

        Args:
            connection: name of the Glue connection.
            table: a table, or ``(query) alias``.
            options: options of the driver and of Glue's parallel read. Options that concern TLS are rejected.
            fetch_size: rows in one round trip.
            bookmark: name of the bookmark's transformation context for this source; ``""`` reads every row,
                without a bookmark.
            bookmark_keys: columns whose values only increase (Glue's ``jobBookmarkKeys``). The default is the
                primary key, if it is a single numeric column without gaps (docs/bookmarks.md).
            bookmark_order: ``asc``, or ``desc`` if the values only decrease.

        Raises:
            UsageError: an invalid option, or the bookmark cannot use these keys.
            RefusedError, VerificationError: a check of GS-TLS or GS-CAT stopped the connection.
        """
        values = dict(options or {})
        _reject_duplicates(values, "read", fetchsize="fetch_size")
        keys = [bookmark_keys] if isinstance(bookmark_keys, str) else list(bookmark_keys)
        if keys or bookmark_order != "asc":
            _reject_duplicates(values, "read", **{KEYS: "bookmark_keys", ORDER: "bookmark_order"})
            values |= {ORDER: bookmark_order, **({KEYS: keys} if keys else {})}
        frame: DataFrame = self._run.reader.read_jdbc(
            connection,
            table,
            options=values,
            spark_options={"fetchsize": str(int(fetch_size))},
            transformation_ctx=bookmark,
        )
        return frame

    def table(
        self,
        table: str,
        *,
        bookmark: str = "",
        on_change: OnChange = "error",
        push_down_predicate: str = "",
    ) -> DataFrame:
        """Return a DataFrame of a table of the Data Catalog; with a bookmark, of the rows that are new to it.

        The format follows from the table: Iceberg, Delta Lake, Hudi, files in S3, or a table behind a Glue
        connection. The bookmark of Iceberg, Delta Lake and Hudi is the commit up to which the table was read
        (docs/tables.md).

        Args:
            table: ``DATABASE.TABLE``.
            bookmark: name of the bookmark's transformation context for this source; ``""`` reads every row,
                without a bookmark.
            on_change: for Iceberg, Delta Lake and Hudi, the action if the new rows cannot be determined,
                because rows were changed or replaced since the bookmark, or because the bookmark's commit
                expired or was rolled back: ``error``, or ``read_all`` rows of the table. ``read_changes``
                returns each change of a row since the bookmark, from the change data feed of Delta Lake, with
                ``_change_type``, ``_commit_version`` and ``_commit_timestamp``; the first read returns every
                row as an ``insert``.
            push_down_predicate: Spark SQL. For a table of files, it selects partitions by their columns, and
                other partitions are not listed.

        Raises:
            UsageError: the new rows cannot be determined; or the table's format is not supported.
            RefusedError, VerificationError: a check of GS-S3, GS-CAT or GS-TLS stopped the read.
        """
        from glue_secure.engines.spark.tables.writing import read_table

        with self._run.operation(ControlError):
            return read_table(
                self._run,
                self._spark,
                table,
                transformation_ctx=bookmark,
                on_change=on_change,
                push_down_predicate=push_down_predicate,
            )


@check_argument_types(_failure_context)
class Writer:
    """Writes to S3 and databases, as ``job.write``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def s3(
        self,
        frame: DataFrame,
        target: str,
        *,
        format: WriteFormat,
        mode: WriteMode = "append",
        partition_by: str | Sequence[str] = (),
        options: Mapping[str, object] | None = None,
        overwrite_with_nothing: bool = False,
        quality_suite: str | None = None,
        on_failure: OnFailure = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Write a DataFrame with SSE-KMS, and verify every object.

        Args:
            frame: the DataFrame.
            target: S3 location.
            format: format of the objects.
            mode: Spark's save mode: what the write does if the target has objects. ``overwrite_partitions``
                replaces only the partitions that the frame has rows for; it needs ``partition_by``.
            partition_by: partition column or columns.
            options: options of Spark's writer for the format. Unknown options are rejected.
            overwrite_with_nothing: whether ``mode="overwrite"`` deletes the target's objects if the frame has
                no rows, for example because nothing is new to the bookmark. By default they stay.
            quality_suite: a Great Expectations suite that ``--glue-secure-suites`` names (docs/quality.md).
            on_failure: the action if a critical rule of the suite is broken: ``block`` raises an error,
                ``warn`` writes all rows, ``quarantine`` writes the rows that break the rule to ``quarantine``
                and the others to ``target``.
            quarantine: S3 location for rows that break a critical rule; None for the value of
                ``--glue-secure-quarantine-uri``.

        Returns:
            The record of the write in the evidence, with every object.

        Raises:
            UsageError: an unknown format, mode, option or partition column; or an overwrite of objects that
                the frame reads.
            RefusedError: before the write GS-S3-001 to -003, -005, -006, -008 to -010, GS-COL, GS-DQ; after
                the write GS-S3-004.
            VerificationError: GS-S3-007, GS-DQ-002.
        """
        run = self._run
        with run.operation():
            format_options = {**_defaults(format), **spark_options(format, options or {}, writing=True)}
            return run.writer.write_s3(
                self._check_quality(frame, target, quality_suite, on_failure, quarantine),
                target,
                format=format_of(format).name,
                mode=mode,
                partition_by=[partition_by] if isinstance(partition_by, str) else list(partition_by),
                options=format_options,
                overwrite_with_nothing=overwrite_with_nothing,
            )

    def jdbc(
        self,
        frame: DataFrame,
        *,
        connection: str,
        table: str,
        options: Mapping[str, object] | None = None,
        batch_size: int = 10_000,
        quality_suite: str | None = None,
        on_failure: OnFailure = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Append a DataFrame to a table over verified TLS.

        There is no transaction over all partitions of the frame: rows that were committed before a failure
        stay in the table.

        Args:
            frame: the DataFrame.
            connection: name of the Glue connection.
            table: ``TABLE`` or ``SCHEMA.TABLE``; Spark creates it if it does not exist.
            options: options of the driver, and ``numPartitions`` and ``isolationLevel``. Options that concern
                TLS are rejected.
            batch_size: rows in one round trip.
            quality_suite: as in ``s3``.
            on_failure: as in ``s3``.
            quarantine: as in ``s3``.

        Returns:
            The record of the write in the evidence.

        Raises:
            UsageError: an invalid table or option.
            RefusedError, VerificationError: GS-TLS, GS-CAT, GS-S3-010, GS-COL, GS-DQ.
        """
        values = {name: str(value) for name, value in (options or {}).items()}
        with self._run.operation():
            _reject_duplicates(values, "write", batchsize="batch_size")
            sink = f"{connection}/{table}"
            frame = self._check_quality(frame, sink, quality_suite, on_failure, quarantine)
            values["batchsize"] = str(int(batch_size))
            return self._run.writer.write_jdbc(frame, connection, table, options=values)

    def table(
        self,
        frame: DataFrame,
        table: str,
        *,
        mode: TableMode = "append",
        format: TableFormat = "iceberg",
        location: str = "",
        partition_by: str | Sequence[str] = (),
        options: Mapping[str, object] | None = None,
        overwrite_with_nothing: bool = False,
        publish: Publish = "at_once",
        quality_suite: str | None = None,
        on_failure: OnFailure = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Write a DataFrame to a table of the Data Catalog, and verify every object.

        The format follows from the table. If an object of a commit is not encrypted as required, the table is
        returned to the commit before, unless another writer has committed since; the error says which.

        Args:
            frame: the DataFrame.
            table: ``DATABASE.TABLE``.
            mode: ``append`` rows; ``overwrite`` all rows, or those of the partitions that the frame has rows
                for (``overwrite_partitions``); or ``create`` the table.
            format: format of a table that is created.
            location: S3 location of a table that is created.
            partition_by: partition column or columns of a table that is created.
            options: options of Spark's writer for the format.
            overwrite_with_nothing: as in ``s3``.
            publish: ``at_once``; or ``after_audit`` for a table of Iceberg (write-audit-publish): the rows
                are written to a branch, verified and checked against ``quality_suite`` as they are stored.
                The job's commit makes them visible after every write of the run is verified.
            quality_suite: as in ``s3``.
            on_failure: as in ``s3``. Rows are quarantined before they are written.
            quarantine: as in ``s3``.

        Returns:
            The record of the write in the evidence, with every object and the commits.

        Raises:
            UsageError: the table, the mode or an option does not fit.
            RefusedError: before the write GS-S3-001 to -003, -005, -006, -008 to -010, -013, GS-COL, GS-DQ;
                after it GS-S3-004.
            VerificationError: GS-S3-007, GS-DQ-002.
        """
        from glue_secure.engines.spark.tables.writing import write_table

        with self._run.operation():
            frame, audit = self._audited(frame, table, publish, quality_suite, on_failure, quarantine)
            return write_table(
                self._run,
                frame,
                table,
                mode=mode,
                format=format,
                location=location,
                partition_by=[partition_by] if isinstance(partition_by, str) else list(partition_by),
                options=options,
                overwrite_with_nothing=overwrite_with_nothing,
                publish=publish,
                audit=audit,
            )

    def merge(
        self,
        frame: DataFrame,
        table: str,
        *,
        on: str | Sequence[str],
        when_matched: WhenMatched = "update",
        when_not_matched: WhenNotMatched = "insert",
        delete_when: str = "",
        publish: Publish = "at_once",
        quality_suite: str | None = None,
        on_failure: OnFailure = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Merge a DataFrame into a table of Iceberg, Delta Lake or Hudi, and verify every object.

        Args:
            frame: the DataFrame, with at most one row for each row of the table.
            table: ``DATABASE.TABLE``.
            on: column or columns that identify a row. For Hudi, the table's record key.
            when_matched: ``update`` the other columns that frame and table have, ``delete`` or ``ignore`` the
                row, or the SQL expression of each column to update, over ``source`` and ``target``.
            when_not_matched: ``insert`` the columns that frame and table have, ``ignore`` the row, or the SQL
                expression of each column to insert, over ``source``.
            delete_when: SQL condition over ``source``. Rows of the table that match such a row are deleted,
                and such rows are not inserted: ``"source.op = 'D'"``.
            publish: as in ``table``.
            quality_suite: as in ``s3``.
            on_failure: as in ``table``.
            quarantine: as in ``s3``.

        Returns:
            The record of the write in the evidence, with every object and the commits.

        Raises:
            UsageError: a column does not exist, or the table's format cannot merge like this.
            RefusedError, VerificationError: as in ``table``.
        """
        from glue_secure.engines.spark.tables.writing import merge_table

        with self._run.operation():
            keys = (on,) if isinstance(on, str) else tuple(on)
            merge = Merge(keys, when_matched, when_not_matched, delete_when)
            frame, audit = self._audited(frame, table, publish, quality_suite, on_failure, quarantine)
            return merge_table(self._run, frame, table, merge, publish=publish, audit=audit)

    def custom(self, target: str, write: Callable[[], object], *, format: str = "custom") -> WriteRecord:
        """Call a function that writes to S3 through Spark or Hadoop, and verify every object that it wrote.

        For formats that only Spark can write, for example a model's ``save`` or an Iceberg table's
        ``writeTo``.

        Args:
            target: S3 location below which the function writes.
            write: the function. It is called once, in the calling thread.
            format: name of the format in the evidence.

        Returns:
            The record of the write in the evidence, with every object.

        Raises:
            RefusedError: before the write GS-S3-001 to -003, -006, -008, -009, GS-COL-005; after it
                GS-S3-004.
            VerificationError: GS-S3-007.
        """

        def perform() -> None:
            write()

        return self._run.writer.write_custom(target, format=format, perform=perform)

    def _audited(
        self,
        frame: DataFrame,
        table: str,
        publish: str,
        suite: str | None,
        on_failure: OnFailure,
        quarantine: str | None,
    ) -> tuple[DataFrame, Callable[[DataFrame], object] | None]:
        """Return the frame to write, and the check of the rows as they are stored on a branch, or None."""
        if publish != "after_audit" or suite is None or on_failure == "quarantine":
            return self._check_quality(frame, table, suite, on_failure, quarantine), None
        run = self._run

        def audit(stored: DataFrame) -> object:
            return run.check_quality(stored, table, suite=suite, on_failure=on_failure, quarantine=quarantine)

        return frame, audit

    def _check_quality(
        self, frame: DataFrame, sink: str, suite: str | None, on_failure: OnFailure, quarantine: str | None
    ) -> DataFrame:
        if suite is None:
            if on_failure != "block" or quarantine is not None:
                raise UsageError(
                    f"a write to {sink}",
                    found="on_failure or quarantine without quality_suite",
                    required="quality_suite",
                    fix="pass quality_suite, or remove on_failure and quarantine",
                )
            return frame
        self._run.guard.require_same_session(frame, sink)
        return self._run.check_quality(frame, sink, suite=suite, on_failure=on_failure, quarantine=quarantine)


class _Session:
    """The job's Spark session; the job stops it only if the job created it."""

    def __init__(self, spark: SparkSession | None, arguments: JobArguments) -> None:
        self._spark, self._is_owned = spark, False
        self._arguments = arguments

    def get(self) -> SparkSession:
        if self._spark is not None and not hasattr(self._spark, "_jsparkSession"):
            raise UsageError("spark", found=type(self._spark).__name__, required="a SparkSession, or None")
        if self._spark is None:
            from pyspark.sql import SparkSession

            self._spark = SparkSession.getActiveSession()
            if self._spark is None:
                self._spark, self._is_owned = SparkSession.builder.getOrCreate(), True
            self._spark = session_as_requested(self._spark, self._arguments)
        return self._spark

    def stop(self) -> None:
        if self._spark is not None and self._is_owned:
            self._spark.stop()


def _defaults(format: str) -> dict[str, str]:
    return {"header": "true"} if format.lower() == "csv" else {}


def _reject_duplicates(options: Mapping[str, object], call: str, **parameters: str) -> None:
    """Raise UsageError for options that the method has as a parameter. ``parameters`` is option=parameter."""
    names = {name.lower() for name in options}
    for option, parameter in parameters.items():
        if option.lower() in names:
            raise UsageError(
                f"a {call} of a table",
                found=f"the option {option}",
                required=f"the parameter {parameter}",
                fix=f"pass {parameter}=, not options={{{option!r}: ...}}",
            )
