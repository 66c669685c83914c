"""The short door: a job in a ``with`` block.

Clean exit: writes verified, bookmark committed, evidence written, in that order. An exception:
nothing is committed, and the evidence says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import SimpleNamespace, TracebackType
from typing import Any

from glue_secure.bookmarks.sql.keys import KEYS, ORDER
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.redaction import redact_settings
from glue_secure.engines.spark.formats import format_of, spark_options
from glue_secure.io.source_filter import LIMITS, parse_limits
from glue_secure.preflight.establish import establish
from glue_secure.run import composition, process_hooks
from glue_secure.run.run import Run


class JobValues(SimpleNamespace):
    """The arguments asked for, as attributes; the repr hides secrets."""

    def __repr__(self) -> str:
        return f"JobValues({redact_settings({name: str(value) for name, value in vars(self).items()})})"


class SecureJob:
    """One secured run. Use :meth:`from_argv`.

    Attributes:
        args: the arguments asked for (``job.args.source``).
        read: ``s3`` and ``jdbc``.
        write: ``s3`` and ``jdbc``.
        spark: the ``SparkSession``. What is read or written through it directly is not guarded at the call.
        boto3_session: a ``boto3.session.Session`` whose S3 writes carry the run's key and are verified.
        s3: its S3 client.
        evidence_uri: where the evidence lies, None until the run is over.
    """

    def __init__(self, *, run: Run, spark: Any, args: JobValues, owns_spark: bool) -> None:
        self._run, self.spark, self.args, self._owns_spark = run, spark, args, owns_spark
        self.read, self.write = Reader(run), Writer(run)

    @classmethod
    def from_argv(cls, *names: str, argv: Sequence[str] | None = None, spark: Any = None) -> SecureJob:
        """Establish the run from the job's arguments, before any data is touched.

        Args:
            names: arguments that the script needs, ``"source"`` for ``--source``, beside ``JOB_NAME``.
            argv: as ``sys.argv``, which is the default.
            spark: a session to use; None takes the running one or makes one.

        Raises:
            UsageError: an argument is missing.
            RefusedError, VerificationError: a control stopped the run.
        """
        process_hooks.install()
        composition.require_runtime()
        arguments = composition.arguments(list(argv) if argv is not None else None)
        values = JobValues(
            **{name.replace("-", "_"): value for name, value in arguments.require(names).items()}
        )
        identity = arguments.identity(fresh_run_id=composition.fresh_run_id())
        services = composition.services()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="glue-secure-preflight") as pool:
            # The control plane answers while the JVM starts; nothing is read or written in the meantime.
            preflight = pool.submit(establish, identity, arguments, services)
            session, owns = (spark, False) if spark is not None else _session()
            try:
                composition.require_glue_libraries(session)
                established = preflight.result()
                run = Run.start(
                    identity,
                    arguments,
                    services=services,
                    glue_commit=composition.glue_commit(session, identity, arguments),
                    engine=composition.engine(session),
                    preflight=established,
                )
            except BaseException:
                if owns:
                    session.stop()
                raise
        process_hooks.watch(run)
        return cls(run=run, spark=session, args=values, owns_spark=owns)

    @property
    def boto3_session(self) -> Any:
        """boto3 for the script: S3 writes get the run's key, contrary ones are refused (GS-S3-005)."""
        return self._run.boto3_session

    @cached_property
    def s3(self) -> Any:
        """The S3 client of :attr:`boto3_session`."""
        return self.boto3_session.client("s3")

    @property
    def evidence_uri(self) -> S3Uri | None:
        """Where the run's evidence lies."""
        return self._run.evidence_uri

    def jdbc_options(self, connection: str) -> dict[str, str]:
        """Options for Spark's own JDBC source: the connection verified, full verification in the driver.

        ``job.spark.read.format("jdbc").options(**job.jdbc_options("ops")).option("dbtable", "t").load()``.
        The evidence has the connection's TLS, and knows nothing of what is read or written with it; an option
        that the script adds is judged by nobody. Use :attr:`read` and :attr:`write` where they serve.

        Args:
            connection: the Glue connection's name.

        Returns:
            ``url``, ``driver``, ``user``, ``password`` and the driver's own. Never print or log it.
        """
        return self._run.jdbc_options(connection)

    def kafka_options(self, connection: str, options: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Options for Spark's own Kafka source and sink: brokers verified, full verification in the client.

        ``job.spark.readStream.format("kafka").options(**job.kafka_options("c", {"subscribe": "t"})).load()``.
        The evidence has what each bootstrap server showed, and knows nothing of what is read or written with
        it; an option that the script adds is judged by nobody.

        Args:
            connection: a Glue connection of type KAFKA.
            options: what is read, and how fast (``subscribe``, ``startingOffsets``, ...); what touches TLS,
                the brokers or the login is refused.

        Returns:
            Spark's options, the login among them. Never print or log it.
        """
        return self._run.kafka_options(connection, options or {})

    def commit(self) -> S3Uri:
        """End the run before the block does; afterwards it reads and writes no more."""
        return self._run.commit()

    def abandon(self) -> None:
        """End a run that is still open, committing nothing; harmless on one that is over."""
        self._run.close(outcome="abandoned")

    def __enter__(self) -> SecureJob:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                was_open = self._run.is_open
                self._run.close(error)
                if was_open and isinstance(error, SystemExit) and not error.code:
                    raise GlueSecureError(
                        "sys.exit() inside the job's block: nothing was committed\n"
                        "  fix:      let the block end by itself, or call job.commit() before sys.exit()"
                    ) from error
            elif self._run.is_open:
                self._run.commit()
        finally:
            if self._owns_spark:
                self.spark.stop()


class Reader:
    """``job.read``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def s3(
        self,
        source: str | Sequence[str],
        *,
        format: str,
        transformation_ctx: str = "",
        schema: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """A DataFrame of the objects that are new to ``transformation_ctx``.

        Args:
            source: S3 location or locations.
            format: ``csv``, ``json``, ``parquet``, ``orc``, ``avro`` or ``xml``.
            transformation_ctx: the bookmark's name for this source; ``""`` reads everything, untracked.
            schema: ``StructType`` or DDL text; None infers as Spark does.
            options: Spark's reader options for the format, each checked; and Glue's ``boundedFiles``,
                ``boundedSize``, ``maxBand``, ``maxFilesInBand``, and ``keysAscending`` (docs/bookmarks.md).
                CSV is taken to have a header.
        """
        with self._run.call():
            given = dict(options or {})
            limits = parse_limits(given)
            own = {name: value for name, value in given.items() if name not in LIMITS}
            return self._run.read_s3(
                source,
                format=format_of(format).name,
                options={**_defaults(format), **spark_options(format, own)},
                transformation_ctx=transformation_ctx,
                schema=schema,
                limits=limits,
            )

    def jdbc(
        self,
        *,
        connection: str,
        table: str,
        options: Mapping[str, Any] | None = None,
        fetchsize: int = 10_000,
        transformation_ctx: str = "",
        bookmark_keys: Sequence[str] = (),
        bookmark_order: str = "asc",
    ) -> Any:
        """A DataFrame of the rows that are new to ``transformation_ctx``, by a connection with verified TLS.

        Args:
            connection: the Glue connection's name.
            table: a table, or ``(query) alias``.
            options: the driver's harmless options; one that touches TLS refuses.
            fetchsize: rows in a round trip.
            transformation_ctx: the bookmark's name for this source; ``""`` reads everything, untracked.
            bookmark_keys: Glue's ``jobBookmarkKeys``: columns that only ever grow; none means the primary
                key, where it is one number without gaps (docs/bookmarks.md).
            bookmark_order: ``asc``, or ``desc`` where they only ever fall.
        """
        given = dict(options or {})
        if isinstance(bookmark_keys, str):
            bookmark_keys = (bookmark_keys,)
        if bookmark_keys or bookmark_order != "asc":
            both = sorted({name.lower() for name in given} & {KEYS.lower(), ORDER.lower()})
            if both:
                raise UsageError("a read of a table", found=f"{', '.join(both)} twice", required="once")
            given |= {ORDER: bookmark_order, **({KEYS: list(bookmark_keys)} if bookmark_keys else {})}
        return self._run.read_jdbc(
            connection,
            table,
            options=given,
            spark_options={"fetchsize": str(int(fetchsize))},
            transformation_ctx=transformation_ctx,
        )


class Writer:
    """``job.write``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def s3(
        self,
        frame: Any,
        target: str,
        *,
        format: str,
        mode: str = "append",
        partition_by: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
        expect: str | None = None,
        on_failure: str = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Write a DataFrame, SSE-KMS, and verify every object.

        Args:
            frame: the DataFrame.
            target: S3 location.
            format: ``csv``, ``json``, ``parquet``, ``orc`` or ``avro``.
            mode: ``append``, ``overwrite``, ``error`` or ``ignore``.
            partition_by: columns that become directories.
            options: Spark's writer options for the format, each checked.
            expect: a suite of Great Expectations that ``--glue-secure-suites`` names (docs/quality.md).
            on_failure: what a broken critical rule of it means: ``block``, ``warn`` or ``quarantine``.
            quarantine: S3 location for rows that break a rule; None takes ``--glue-secure-quarantine-uri``.

        Returns:
            The write as the evidence will have it, object by object.
        """
        with self._run.call():
            name = format_of(format).name
            given = {**_defaults(format), **spark_options(format, options or {}, writing=True)}
            return self._run.write_s3(
                self._gated(frame, target, expect, on_failure, quarantine),
                target,
                format=name,
                mode=mode,
                partition_by=list(partition_by),
                options=given,
            )

    def jdbc(
        self,
        frame: Any,
        *,
        connection: str,
        table: str,
        options: Mapping[str, Any] | None = None,
        expect: str | None = None,
        on_failure: str = "block",
        quarantine: str | None = None,
    ) -> WriteRecord:
        """Append a DataFrame to a table, by a connection with verified TLS.

        Rows that the database took before a failure stay there: there is no transaction over partitions.

        Args:
            frame: the DataFrame.
            connection: the Glue connection's name.
            table: ``TABLE`` or ``SCHEMA.TABLE``; Spark creates it where it does not exist.
            options: the driver's harmless options, and ``batchsize``, ``numPartitions``, ``isolationLevel``;
                one that touches TLS refuses.
            expect: as for :meth:`s3`, and ``on_failure`` and ``quarantine`` with it.

        Returns:
            The write as the evidence will have it.
        """
        given = {name: str(value) for name, value in (options or {}).items()}
        with self._run.call():
            frame = self._gated(frame, f"{connection}/{table}", expect, on_failure, quarantine)
            return self._run.write_jdbc(frame, connection, table, options=given)

    def _gated(
        self, frame: Any, sink: str, expect: str | None, on_failure: str, quarantine: str | None
    ) -> Any:
        if expect is not None:
            return self._run.gate(frame, sink, expect=expect, on_failure=on_failure, quarantine=quarantine)
        if on_failure != "block" or quarantine is not None:
            raise UsageError(
                f"a write to {sink}", found="on_failure or quarantine without expect", required="a suite"
            )
        return frame

    def through(self, target: str, perform: Callable[[], object], *, format: str = "native") -> WriteRecord:
        """Let a function write below ``target`` with Spark's or Hadoop's own means, and verify every object.

        For what only Spark can write: a model's ``save``, an Iceberg table's ``writeTo``.

        Args:
            target: S3 location below which everything goes.
            perform: writes; called once, in this thread.
            format: for the evidence.
        """

        def write() -> None:
            perform()

        return self._run.write_through(target, format=format, perform=write)


def _defaults(format: str) -> dict[str, str]:
    return {"header": "true"} if format_of(format).name == "csv" else {}


def _session() -> tuple[Any, bool]:
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    return (running, False) if running is not None else (SparkSession.builder.getOrCreate(), True)
