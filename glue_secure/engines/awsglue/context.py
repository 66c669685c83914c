"""GlueContext in Glue: awsglue's, with every read and write going through the run.

Two checks apply. Each method here checks the options of a call before awsglue's method runs. And the JVM
object that awsglue's methods use is a proxy (``jvm_call_guard.py``), whose methods are allowed for one call
on one thread. Arguments reach the JVM as awsglue sends them, with ``enforceSSL`` added for JDBC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from awsglue.context import GlueContext as AwsGlueContext

from glue_secure.connections.connectors.catalog import catalog_connector
from glue_secure.connections.redshift_load import with_location
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.ignored_options import Place
from glue_secure.core.options import whole_number
from glue_secure.core.redaction import SecretOptions
from glue_secure.engines.awsglue.frames import DynamicFrame, wrap, wrap_frame
from glue_secure.engines.awsglue.jvm_call_guard import (
    GuardedScalaContext,
    JvmCallGuard,
    block_unknown_methods,
    require_glue_classes,
)
from glue_secure.engines.awsglue.options import (
    JdbcTarget,
    S3Target,
    Target,
    parse_connection,
    parse_sink,
    parse_source,
    validate_options,
    with_enforced_ssl,
    without_unread_locations,
)
from glue_secure.engines.awsglue.sources_and_sinks import (
    DataSink,
    DataSource,
    StreamingDataSource,
    wrap_sink,
    wrap_source,
)
from glue_secure.engines.awsglue.spark_jdbc import (
    SparkJdbcSink,
    SparkJdbcSource,
    reads_with_spark,
    reject_bookmark,
)
from glue_secure.engines.awsglue.spark_sources_and_sinks import (
    SparkSink,
    SparkSource,
    SparkStreamingSource,
    to_dynamic_frame,
)
from glue_secure.engines.awsglue.tables import TableSink, TableSource
from glue_secure.engines.glue_options import require_known_options, require_run_account, require_table_name
from glue_secure.engines.package_distribution import ship_package
from glue_secure.engines.run_context import RunContext
from glue_secure.engines.spark.lake_tables import LakeSink, LakeTable, lake_format, lake_table
from glue_secure.io.call_checks import s3_location
from glue_secure.io.connector_calls import ConnectorCall
from glue_secure.io.partitioned_reads import source_of
from glue_secure.preflight.fine_grained import refuse_rdds_in
from glue_secure.run.before_init import expect_init

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["GlueContext"]

Options = dict[str, Any]

# Public names of awsglue 5.0 to 6.0 that access no data, or access it through methods defined here.
_KNOWN_METHODS = frozenset(
    [
        "add_ingestion_time_columns",
        "cancel_transaction",
        "commit_transaction",
        "convert_resolve_option",
        "create_data_frame_from_options",
        "create_dynamic_frame_from_options",
        "create_sample_dynamic_frame_from_options",
        "currentTimeMillis",
        "get_catalog_schema_as_spark_schema",
        "get_logger",
        "start_transaction",
        "write_dynamic_frame_from_jdbc_conf",
        "write_dynamic_frame_from_options",
        "write_from_options",
    ]
)


class GlueContext(RunContext, AwsGlueContext):  # type: ignore[misc]
    """awsglue's GlueContext. Reads and writes raise RefusedError (GS-SEC-007) if there is no run.

    The run starts here if the script has ``--JOB_NAME``, otherwise with ``job.init``.

    Args:
        sparkContext: a ``SparkContext`` or ``SparkSession``; None uses or creates the session.
        options: Glue's ``minPartitions`` and ``targetPartitions``.
    """

    def __init__(self, sparkContext: SparkContext | SparkSession | None = None, **options: Any) -> None:
        require_known_options(options, ("minPartitions", "targetPartitions"), "GlueContext")
        expect_init()
        self._jvm_guard = JvmCallGuard()
        super().__init__(sparkContext, **options)
        contexts = (self._ssql_ctx, self._glue_scala_context)
        if not all(isinstance(context, GuardedScalaContext) for context in contexts):
            raise UsageError(
                "GlueContext",
                found="an awsglue that creates the JVM's context in another way, so that it is not guarded",
                required="awsglue as in Glue 5.0 to 6.0",
            )
        ship_package(self.spark_session)
        self.start_run_automatically()

    def _get_glue_scala_context(self, **options: Any) -> GuardedScalaContext:
        require_glue_classes(self._jvm)
        return GuardedScalaContext(super()._get_glue_scala_context(**options), self._jvm_guard)

    # Reads

    def getSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> DataSource:
        """Return a DataSource, for ``setFormat`` and ``getFrame``."""
        create = super().getSource
        source: DataSource = self._get_source(
            "getSource", create, connection_type, format, transformation_ctx, push_down_predicate, options
        )
        return source

    def getStreamingSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> StreamingDataSource:
        """Return a StreamingDataSource, which ``create_data_frame`` reads through."""
        create = super().getStreamingSource
        source: StreamingDataSource = self._get_source(
            "getStreamingSource",
            create,
            connection_type,
            format,
            transformation_ctx,
            push_down_predicate,
            options,
        )
        return source

    def create_dynamic_frame_from_rdd(
        self,
        data: RDD | list[Any],
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Return a DynamicFrame of an RDD."""
        refuse_rdds_in(self, "create_dynamic_frame.from_rdd")
        frame = super().create_dynamic_frame_from_rdd(data, name, schema, sample_ratio, transformation_ctx)
        return wrap_frame(frame)

    def create_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Return a DynamicFrame of a Data Catalog table, in S3 or behind a Glue connection."""
        call, create = "create_dynamic_frame.from_catalog", super().create_dynamic_frame_from_catalog
        target, options = self._parse_table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )

        def read() -> Any:
            return create(
                database, table_name, redshift_tmp_dir, transformation_ctx, push_down_predicate, options,
                catalog_id, **kwargs,
            )  # fmt: skip

        if isinstance(target, LakeTable):
            rows = self._read_lake_table(call, target, additional_options, push_down_predicate)
            return to_dynamic_frame(rows, self, table_name or "")
        if self._reads_with_spark(call, target):
            frame = self._read_table(call, target, transformation_ctx, additional_options)
            return to_dynamic_frame(frame, self, table_name or "")
        return wrap_frame(self._read(call, "getCatalogSource", target, transformation_ctx, read))

    def create_data_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DataFrame:
        """Return a DataFrame of a Data Catalog table, in S3 or behind a Glue connection."""
        call, create = "create_data_frame.from_catalog", super().create_data_frame_from_catalog
        target, options = self._parse_table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )

        def read() -> Any:
            return create(
                database, table_name, redshift_tmp_dir, transformation_ctx, push_down_predicate, options,
                catalog_id, **kwargs,
            )  # fmt: skip

        if isinstance(target, LakeTable):
            return self._read_lake_table(call, target, additional_options, push_down_predicate)
        if self._reads_with_spark(call, target):
            return self._read_table(call, target, transformation_ctx, additional_options)
        return self._read(call, "getCatalogSource", target, transformation_ctx, read)

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        sample_options: Options | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        erieTxId: str = "",
        asOfTime: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """Return a DynamicFrame of at most ``num`` records of a Data Catalog table."""
        call = "create_sample_dynamic_frame_from_catalog"
        create = super().create_sample_dynamic_frame_from_catalog
        target, options = self._parse_table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )
        sample_options = {} if sample_options is None else sample_options

        def read() -> Any:
            return create(
                database, table_name, num, sample_options, redshift_tmp_dir, transformation_ctx,
                push_down_predicate, options, catalog_id, erieTxId, asOfTime, **kwargs,
            )  # fmt: skip

        if isinstance(target, LakeTable):
            rows = self._read_lake_table(call, target, additional_options, push_down_predicate)
            return to_dynamic_frame(rows.limit(whole_number("num", num, least=1)), self, table_name or "")
        if self._reads_with_spark(call, target):
            frame = self._read_table(call, target, "", additional_options)
            return to_dynamic_frame(frame.limit(whole_number("num", num, least=1)), self, table_name or "")
        return wrap_frame(self._read(call, "getCatalogSource", target, transformation_ctx, read))

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> Options:
        """Return what ``spark.read.jdbc`` needs for a Glue connection. ``fullUrl`` requires verified TLS."""
        with self.operation("extract_jdbc_conf", ControlError) as run:
            require_run_account(run, "extract_jdbc_conf", catalog_id)
            verified = run.reader.jdbc_conf(connection_name)
            with self._jvm_guard.allow("extractJDBCConf"):
                conf = super().extract_jdbc_conf(connection_name, catalog_id)
            names = ("fullUrl", "enforceSSL", "skipCustomJDBCCertValidation")
            return SecretOptions({**dict(conf), **{name: verified[name] for name in names}})

    # Writes

    def getSink(
        self, connection_type: str, format: str | None = None, transformation_ctx: str = "", **options: Any
    ) -> DataSink | SparkSink:
        """Return a DataSink, for ``setFormat``, ``setCatalogInfo`` and ``writeFrame``."""
        with self.operation("getSink") as run:
            lake = lake_format(connection_type, format)
            if lake:
                return TableSink(self, lake, options)
            options = without_unread_locations(connection_type, options, Place.S3_SINK)
            target = parse_sink(connection_type, format, options)
            if isinstance(target, JdbcTarget) and reads_with_spark(run, target):
                return SparkJdbcSink(self, target)
            if isinstance(target, JdbcTarget):
                run.connections.open_for_glue(target.connection, target.options)
                options = with_enforced_ssl(options)
            elif isinstance(target, ConnectorCall):
                run.connector_calls.check_sink(target)
                options = target.forced(options)
            else:
                location = s3_location(target.locations[0], "write")
                run.guard.reject_reserved_location(location, "write to")
            with self._jvm_guard.allow("getSink"):
                sink = super().getSink(connection_type, format, transformation_ctx, **options)
            return wrap_sink(sink, target, options)

    def write_dynamic_frame_from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write to a Data Catalog table and verify every new object below its location."""
        call, write = "write_dynamic_frame.from_catalog", super().write_dynamic_frame_from_catalog
        with self.operation(call):
            target, options = self._parse_table(
                call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
            )

            def perform() -> Any:
                with self._jvm_guard.allow("getCatalogSink"):
                    return write(
                        frame, database, table_name, redshift_tmp_dir, transformation_ctx, options,
                        catalog_id, **kwargs,
                    )  # fmt: skip

            if isinstance(target, LakeTable):
                self._write_lake_table(call, frame.toDF(), target, options)
                return frame
            if self._reads_with_spark(call, target):
                return SparkJdbcSink(self, self._sink_of_table(target)).writeFrame(frame)
            return wrap(self.write_verified(target, perform, lambda: int(frame.count())))

    def write_data_frame_from_catalog(
        self,
        frame: DataFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write a DataFrame to a Data Catalog table and verify every new object below its location."""
        call, write = "write_data_frame.from_catalog", super().write_data_frame_from_catalog
        with self.operation(call):
            target, options = self._parse_table(
                call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
            )

            def perform() -> Any:
                with self._jvm_guard.allow("getCatalogSink"):
                    return write(
                        frame, database, table_name, redshift_tmp_dir, transformation_ctx, options,
                        catalog_id, **kwargs,
                    )  # fmt: skip

            if isinstance(target, LakeTable):
                self._write_lake_table(call, frame, target, options)
                return frame
            if self._reads_with_spark(call, target):
                return SparkJdbcSink(self, self._sink_of_table(target)).writeDataFrame(frame, self)
            return self.write_verified(target, perform, lambda: int(frame.count()))

    def write_from_jdbc_conf(
        self,
        frame_or_dfc: Any,
        catalog_connection: str,
        connection_options: Options | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> Any:
        """Write to a table behind a Glue connection, after its TLS is verified."""
        call, write = "write_dynamic_frame.from_jdbc_conf", super().write_from_jdbc_conf
        with self.operation(call) as run:
            require_run_account(run, call, catalog_id)
            self._validate_temporary_location(redshift_tmp_dir, "write")
            options = with_location(connection_options or {}, redshift_tmp_dir)
            target = parse_connection(catalog_connection, options, f"sink of {catalog_connection}")
            if self._reads_with_spark(call, target):
                return SparkJdbcSink(self, target).write(frame_or_dfc)

            def perform() -> Any:
                with self._jvm_guard.allow("getJDBCSink"):
                    return write(
                        frame_or_dfc, catalog_connection, with_enforced_ssl(options), redshift_tmp_dir,
                        transformation_ctx, catalog_id,
                    )  # fmt: skip

            return wrap(self.write_verified(target, perform, lambda: 0))

    def write_verified(self, target: Target, perform: Callable[[], Any], count: Callable[[], int]) -> Any:
        """Let awsglue write, verify every new object of the target, and return awsglue's result.

        Args:
            target: what is written.
            perform: writes.
            count: returns the number of rows; called only if no object is new.
        """
        run = self.require_run("a sink's write")
        results = []
        if isinstance(target, S3Target):
            run.writer.write_custom(
                target.locations[0],
                format=target.format,
                perform=lambda: results.append(perform()),
                count=count,
            )
        elif isinstance(target, ConnectorCall):
            run.connector_calls.write(target, lambda: results.append(perform()))
        else:
            run.writer.write_jdbc_custom(
                target.connection,
                target.table,
                options=target.options,
                perform=lambda: results.append(perform()),
            )
        return results[0]

    # Purges and transitions

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Options | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Delete a table's objects.

        Raises:
            RefusedError: GS-S3-009, the location overlaps bookmarks or evidence.
        """
        options = {} if options is None else options
        purge = super().purge_table
        with self.operation("purge_table") as run:
            require_run_account(run, "purge_table", catalog_id)
            table = run.reader.catalog_table(database, table_name)

            def perform() -> None:
                with self._jvm_guard.allow("purgeTable"):
                    purge(database, table_name, options, transformation_ctx, catalog_id)

            self._validate_purge_options(options)
            run.housekeeping.purge_custom(table.location, target=f"{database}.{table_name}", perform=perform)

    def purge_s3_path(
        self, s3_path: str, options: Options | None = None, transformation_ctx: str = ""
    ) -> None:
        """Delete the objects below an S3 location.

        Raises:
            RefusedError: GS-S3-009, the location overlaps bookmarks or evidence.
        """
        options = {} if options is None else options
        purge = super().purge_s3_path
        with self.operation("purge_s3_path") as run:

            def perform() -> None:
                with self._jvm_guard.allow("purgeS3Path"):
                    purge(s3_path, options, transformation_ctx)

            self._validate_purge_options(options)
            run.housekeeping.purge_custom(s3_path, target=s3_path, perform=perform)

    def transition_table(
        self,
        database: str,  # noqa: ARG002 - Glue's signature, here and below
        table_name: str,  # noqa: ARG002
        transition_to: str,  # noqa: ARG002
        options: Options | None = None,  # noqa: ARG002
        transformation_ctx: str = "",  # noqa: ARG002
        catalog_id: str | None = None,  # noqa: ARG002
    ) -> None:
        """Raise UsageError; see :meth:`transition_s3_path`."""
        self._reject_transition("transition_table")

    def transition_s3_path(
        self,
        s3_path: str,  # noqa: ARG002
        transition_to: str,  # noqa: ARG002
        options: Options | None = None,  # noqa: ARG002
        transformation_ctx: str = "",  # noqa: ARG002
    ) -> None:
        """Raise UsageError: S3 Batch Operations copies after the call, so the copies cannot be verified."""
        self._reject_transition("transition_s3_path")

    # Streams

    def forEachBatch(
        self,
        frame: DataFrame,
        batch_function: Callable[[DataFrame, int], Any],
        options: Options | None = None,
    ) -> Any:
        """Call ``batch_function`` for each micro-batch. The checkpoint's objects are verified at commit."""
        options = {} if options is None else options
        with self.operation("forEachBatch") as run:
            missing = [name for name in ("windowSize", "checkpointLocation") if not options.get(name)]
            if missing:
                raise UsageError(
                    "options of forEachBatch",
                    found=", ".join(sorted(options)) or "no options",
                    required=", ".join(missing),
                )
            run.writer.verify_at_commit(str(options["checkpointLocation"]), format="checkpoint")
            return super().forEachBatch(frame, batch_function, options)

    def getSampleStreamingDynamicFrame(
        self,
        frame: DataFrame,
        options: Options | None = None,
        batch_function: Callable[[DataFrame, int], Any] | None = None,
    ) -> DynamicFrame:
        """Return a DynamicFrame of what a stream delivers within a polling time."""
        options = {} if options is None else options
        with self.operation("getSampleStreamingDynamicFrame", ControlError):
            sample = super().getSampleStreamingDynamicFrame(frame, options, batch_function)
            return wrap_frame(sample)

    # Shared steps

    def _get_source(
        self,
        call: str,
        create: Callable[..., Any],
        connection_type: str,
        format: str | None,
        transformation_ctx: str,
        push_down_predicate: str,
        options: Options,
    ) -> Any:
        lake = lake_format(connection_type, format)
        if lake:
            self.require_run(call)
            return _for_call(call, TableSource(self, lake, options))
        with self.operation(call, ControlError):
            options = without_unread_locations(connection_type, options, Place.S3_SOURCE)
            target = parse_source(connection_type, format, options)
        if isinstance(target, JdbcTarget) and self._reads_with_spark(call, target):
            name = str(options.get("dbtable") or connection_type)
            return _for_call(call, SparkJdbcSource(self, target, transformation_ctx, name))
        if isinstance(target, JdbcTarget):
            options = with_enforced_ssl(options)
        elif isinstance(target, ConnectorCall):
            options = target.forced(options)
        source = self._read(
            call,
            "getSource",
            target,
            transformation_ctx,
            lambda: create(connection_type, format, transformation_ctx, push_down_predicate, **options),
        )
        return wrap_source(source, options)

    def _read(
        self,
        call: str,
        jvm_method: str,
        target: Target,
        transformation_ctx: str,
        read: Callable[[], Any],
    ) -> Any:
        """Let awsglue create a frame or source through ``jvm_method``, after the target is checked."""

        def perform() -> Any:
            with self._jvm_guard.allow(jvm_method):
                return read()

        run = self.require_run(call)
        if isinstance(target, S3Target):
            return run.reader.read_custom(
                target.locations,
                format=target.format,
                perform=perform,
                transformation_ctx=transformation_ctx,
            )
        if isinstance(target, ConnectorCall):
            return run.connector_calls.read(target, perform, transformation_ctx=transformation_ctx)
        return run.reader.read_jdbc_custom(
            target.connection, target.table, options=target.options, perform=perform
        )

    def _reads_with_spark(self, call: str, target: Target) -> bool:
        """Return whether Spark's JDBC source reads and writes the target; see ``spark_jdbc.py``."""
        if not isinstance(target, JdbcTarget):
            return False
        with self.operation(call, ControlError) as run:
            return reads_with_spark(run, target)

    def _read_lake_table(
        self,
        call: str,
        table: LakeTable,
        additional_options: Options | None,
        push_down_predicate: str,
    ) -> DataFrame:
        """Read a table with Spark's source of its format."""
        with self.operation(call, ControlError) as run:
            options = additional_options or {}
            return table.read(run, self.spark_session, options, push_down_predicate)

    def _read_table(
        self, call: str, target: Target, transformation_ctx: str, additional_options: Options | None
    ) -> DataFrame:
        """Read a Data Catalog table behind such a connection with Spark's JDBC source."""
        assert isinstance(target, JdbcTarget)  # noqa: S101 - the caller has checked this
        with self.operation(call) as run:
            reject_bookmark(run, transformation_ctx, f"connection {target.connection}")
            # A crawler writes the location as database.schema.table; the connection names the database.
            name = target.table.partition(".")[2] or target.table
            table, options = source_of({"dbtable": name, **dict(additional_options or {})})
            return run.reader.read_jdbc(
                target.connection, table, options=options, transformation_ctx=transformation_ctx
            )

    def _write_lake_table(self, call: str, frame: DataFrame, target: LakeTable, options: Options) -> None:
        """Append a DataFrame to a table, and verify every object of the commit."""
        with self.operation(call) as run:
            LakeSink(target, options, syncs_itself=True).write(run, frame)

    def _sink_of_table(self, target: Target) -> JdbcTarget:
        """Return the sink of a Data Catalog table, whose location is ``database.schema.table``."""
        assert isinstance(target, JdbcTarget)  # noqa: S101 - the caller has checked this
        database, _, name = target.table.partition(".")
        options = {**({"database": database} if name else {}), **target.options}
        return JdbcTarget(target.connection, name or database, options)

    def _parse_table(
        self,
        call: str,
        database: str | None,
        table_name: str | None,
        redshift_tmp_dir: str,
        additional_options: Mapping[str, Any] | None,
        catalog_id: str | None,
        kwargs: Mapping[str, Any],
    ) -> tuple[Target | LakeTable, Options]:
        """Return the target of a Data Catalog table, and the options to pass to awsglue.

        Spark's sources read and write tables of Iceberg, Delta Lake and Hudi, so that their commits can be
        verified and undone. Glue reads and writes those of Delta Lake and Hudi that are registered with Lake
        Formation, because only Glue has its credentials for them.
        """
        with self.operation(call, ControlError) as run:
            database, name = require_table_name(call, database, table_name, kwargs.get("name_space"))
            require_run_account(run, call, catalog_id)
            self._validate_temporary_location(redshift_tmp_dir, call)
            table = run.reader.catalog_table(database, name)
            options = dict(additional_options or {})
            resource = f"table {database}.{name}"
            found = catalog_connector(table, options, writes=call.startswith("write"))
            if found is not None:
                connector_call = ConnectorCall(found[0], found[1], resource)
                return connector_call, connector_call.forced(options)
            if table.connection:
                if call.startswith("write"):
                    options = with_location(options, redshift_tmp_dir)
                parsed = parse_connection(table.connection, options, resource)
                target = JdbcTarget(table.connection, table.location, parsed.options)
                return target, with_enforced_ssl(options)
            lake = lake_table(table)
            if lake is not None and (lake.format == "iceberg" or not lake.in_lake):
                return lake, options
            place = Place.CATALOG_S3_SINK if call.startswith("write") else Place.CATALOG_SOURCE
            options = without_unread_locations("s3", options, place)
            validate_options(options, resource)
            return S3Target((table.location,), table.classification or "table"), options

    def _validate_temporary_location(self, location: str, call: str) -> None:
        """Raise RefusedError if ``redshift_tmp_dir`` is not in S3 (GS-S3-006) or is reserved (GS-S3-009)."""
        if location:
            action = f"{call} with redshift_tmp_dir"
            self.require_run(call).guard.reject_reserved_location(s3_location(location, action), action)

    def _validate_purge_options(self, options: Options) -> None:
        """Check the options of a purge, and verify the manifest's objects at commit."""
        manifest = options.get("manifestFilePath")
        others = {name: value for name, value in options.items() if name != "manifestFilePath"}
        validate_options(others, "purge")
        if manifest:
            self.require_run("purge").writer.verify_at_commit(str(manifest), format="csv")

    def _reject_transition(self, call: str) -> None:
        with self.operation(call):
            raise UsageError(
                call,
                found="copies that S3 makes after the call has returned",
                required="writes that can be verified before the run ends",
                fix="give the bucket a lifecycle rule that moves the objects to the storage class",
            )


def _for_call(call: str, source: SparkSource) -> SparkSource | SparkStreamingSource:
    """Return what awsglue's ``getSource`` or ``getStreamingSource`` returns."""
    return SparkStreamingSource(source) if call == "getStreamingSource" else source


block_unknown_methods(GlueContext, AwsGlueContext, _KNOWN_METHODS)
