"""GlueContext: awsglue's methods, on plain Spark.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from glue_secure.connections.connectors.table import connector_of
from glue_secure.connections.engines.registry import JDBC_TYPES
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.ignored_options import warn_of_ignored
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.glue_options import (
    read_arguments,
    require_known_options,
    require_run_account,
    require_table_name,
)
from glue_secure.engines.package_distribution import ship_package
from glue_secure.engines.run_context import RunContext, failure_context
from glue_secure.engines.spark.connectors.source import connector_sink
from glue_secure.engines.spark.context.awsglue_calls import reject_call_of_awsglue
from glue_secure.engines.spark.context.housekeeping import (
    purge_selection,
    reject_predicate,
    table_locations,
    transition_selection,
)
from glue_secure.engines.spark.context.logger import GlueLogger
from glue_secure.engines.spark.context.readers_and_writers import (
    DataFrameReader,
    DataFrameWriter,
    DynamicFrameReader,
    DynamicFrameWriter,
    FrameT,
)
from glue_secure.engines.spark.context.sinks import CatalogSink, DataSink, JdbcSink, S3Sink, Sink
from glue_secure.engines.spark.context.sources import (
    DataSource,
    StreamingDataSource,
    parse_catalog_source,
    parse_source,
)
from glue_secure.engines.spark.context.streaming import for_each_batch, sample_stream
from glue_secure.engines.spark.data_catalog import session_as_requested
from glue_secure.preflight.fine_grained import refuse_rdds_in
from glue_secure.run import test_mode
from glue_secure.run.before_init import expect_init

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext
    from pyspark.sql import DataFrame, SparkSession, SQLContext
    from pyspark.sql.types import StructType

    from glue_secure.engines.spark.context.streaming import BatchFunction

Options = Mapping[str, Any] | None

_TIME_PARTS = ("year", "month", "day", "hour", "minute")
_GRANULARITIES = _TIME_PARTS[2:]
_GOVERNED_TABLES = "https://docs.aws.amazon.com/lake-formation/latest/dg/governed-tables.html"


@check_argument_types(failure_context)
class GlueContext(RunContext):
    """Reads and writes of a job. All of them raise RefusedError (GS-SEC-007) if there is no run.

    The run starts here if the script has ``--JOB_NAME``, otherwise with ``job.init``.

    Args:
        sparkContext: a ``SparkContext`` or ``SparkSession``; None uses or creates the session.
        options: Glue's ``minPartitions`` and ``targetPartitions``; they have no effect in plain Spark.

    Attributes:
        spark_session: the ``SparkSession``. Reads through it are not checked. Writes through it are verified
            when the run commits.
        create_dynamic_frame: readers ``from_options``, ``from_catalog`` and ``from_rdd``.
        create_data_frame: readers ``from_options`` and ``from_catalog`` of Spark's DataFrames.
        write_dynamic_frame: writers ``from_options``, ``from_catalog`` and ``from_jdbc_conf``.
        write_data_frame: writer ``from_catalog``.
    """

    def __init__(self, sparkContext: SparkContext | SparkSession | None = None, **options: Any) -> None:
        require_known_options(options, ("minPartitions", "targetPartitions"), "GlueContext")
        if not test_mode.is_enabled():
            expect_init()
        self.spark_session = session_as_requested(_session_of(sparkContext))
        ship_package(self.spark_session)
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.create_data_frame = DataFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)
        self.write_data_frame = DataFrameWriter(self)
        self.start_run_automatically()

    def __getattr__(self, name: str) -> Any:
        # Glue's class is a SQLContext. What the session has of it (sql, read, table, ...) is the session's.
        if name == "spark_session" or name.startswith("_"):
            reject_call_of_awsglue(name)
            if name in ("_jsc", "_jvm"):
                return getattr(self.spark_session.sparkContext, name)
            if name == "_ssql_ctx":
                return self._sql_context
            raise AttributeError(name)
        owner = self.spark_session if hasattr(self.spark_session, name) else self._sql_context
        try:
            return getattr(owner, name)
        except AttributeError as error:
            raise AttributeError(f"'GlueContext' object has no attribute {name!r}") from error

    @cached_property
    def _sql_context(self) -> SQLContext:
        """Spark's SQLContext: ``tableNames``, ``registerDataFrameAsTable``, ``setConf``, ..."""
        import warnings

        from pyspark.sql import SQLContext

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it is deprecated, and Glue's class is one
            return SQLContext(self.spark_session.sparkContext, self.spark_session)

    # Reads

    def getSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> DataSource:
        """Return a source to set the format of and to take frames from. Nothing is read yet.

        Args:
            connection_type: ``s3`` (with ``paths=[...]``), a database engine (through a Glue connection),
                ``dynamodb`` or ``kafka``.
            format: ``csv``, ``json``, ``parquet``, ``orc``, ``avro`` or ``xml``; or use ``setFormat``.
            transformation_ctx: the transformation context, the name of this source's bookmark.
            push_down_predicate: not allowed here; use ``from_catalog``.
            options: Glue's ``connection_options``.

        Raises:
            UsageError: the plain-Spark runtime does not offer the source.
        """
        self.require_run("getSource")
        source, name = parse_source(
            connection_type, format, transformation_ctx, push_down_predicate, options,
            spark=self.spark_session,
        )  # fmt: skip
        return DataSource(source, self, name)

    def getStreamingSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> StreamingDataSource:
        """Return a source of DataFrames over files, or of a Kafka stream. Kinesis needs Glue.

        Raises:
            UsageError: the plain-Spark runtime does not offer the source.
        """
        self.require_run("getStreamingSource")
        source, name = parse_source(
            connection_type, format, transformation_ctx, push_down_predicate, options,
            spark=self.spark_session,
        )  # fmt: skip
        return StreamingDataSource(source, self, name, call="getStreamingSource")

    def create_dynamic_frame_from_rdd(
        self,
        data: RDD | list[Any],
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature; an RDD has no bookmark
    ) -> DynamicFrame:
        """Return a DynamicFrame of an RDD, or of a list of records.

        Args:
            data: dicts, Rows, or tuples with a schema.
            name: the frame's name.
            schema: a StructType (Spark's or Glue's), column names, or DDL text; None infers the types.
            sample_ratio: greater than 0 and at most 1. It has no effect: types are inferred from all records.

        Raises:
            RefusedError: GS-LF-007, the job runs under fine-grained access control.
            UsageError: ``sample_ratio`` is out of range.
        """
        from glue_secure.dynamicframe.frames.records import from_records
        from glue_secure.dynamicframe.frames.table import Table

        refuse_rdds_in(self, "create_dynamic_frame.from_rdd")
        if sample_ratio is not None and not 0 < float(sample_ratio) <= 1:
            raise UsageError("from_rdd", found=f"sample_ratio {sample_ratio!r}", required="between 0 and 1")
        if isinstance(schema, (str, list, tuple)):
            return DynamicFrame(Table.of(self.spark_session.createDataFrame(data, schema)), self, name)
        return DynamicFrame(from_records(self.spark_session, data, schema), self, name)

    def create_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Glue's signature
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Return a Data Catalog table, in S3 or behind a Glue connection, as a DynamicFrame.

        Args:
            database: the database; ``name_space`` is Glue's older name of this argument.
            table_name: the table.
            redshift_tmp_dir: ignored; reads use no temporary files.
            transformation_ctx: the transformation context.
            push_down_predicate: Spark SQL over the partition columns; other partitions are not listed.
            additional_options: ``catalogPartitionPredicate``, ``recurse``, ``exclusions``, ``hashfield`` ...
            catalog_id: the account of the Data Catalog.
            kwargs: ``name_space``, ``minPartitions``, ``targetPartitions``.
        """
        call = "create_dynamic_frame.from_catalog"
        self.require_run(call)
        source = parse_catalog_source(
            call, database, table_name, transformation_ctx, push_down_predicate, additional_options,
            catalog_id, kwargs, spark=self.spark_session,
        )  # fmt: skip
        return DataSource(source, self, source.table, call=call).getFrame(**kwargs)

    def create_data_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Glue's signature
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DataFrame:
        """Return a Data Catalog table as Spark's DataFrame; arguments as for the DynamicFrame."""
        call = "create_data_frame.from_catalog"
        self.require_run(call)
        source = parse_catalog_source(
            call, database, table_name, transformation_ctx, push_down_predicate, additional_options,
            catalog_id, kwargs, spark=self.spark_session,
        )  # fmt: skip
        read_arguments(kwargs, call)
        return DataSource(source, self, source.table, call=call).getDataFrame()

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        sample_options: Options = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Glue's signature
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = None,
        catalog_id: str | None = None,
        erieTxId: str = "",
        asOfTime: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """Return at most ``num`` records of a Data Catalog table. No bookmark changes.

        Args:
            sample_options: ``maxSamplePartitions`` and ``maxSampleFilesPerPartition``, 10 each by default.
            erieTxId: for governed tables, which AWS withdrew; must be empty.
            asOfTime: for governed tables, which AWS withdrew; must be empty.
        """
        call = "create_sample_dynamic_frame_from_catalog"
        self.require_run(call)
        if erieTxId or asOfTime:
            raise UsageError(
                call,
                found="erieTxId" if erieTxId else "asOfTime",
                required="neither: AWS withdrew governed tables",
            )
        source = parse_catalog_source(
            call, database, table_name, transformation_ctx, push_down_predicate, additional_options,
            catalog_id, kwargs, spark=self.spark_session,
        )  # fmt: skip
        read_arguments(kwargs, call)
        options = dict(sample_options or {})
        return DataSource(source, self, source.table, call=call).getSampleFrame(num, **options)

    def create_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Options = None,
        format: str | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """Read S3 (``connection_type="s3"``, ``{"paths": [...]}``) or a table through a Glue connection.

        A table is read with ``connection_type="postgresql"`` (or another engine) and
        ``{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}``.
        """
        call = "create_dynamic_frame.from_options"
        self.require_run(call)
        source, name = parse_source(
            connection_type, format, transformation_ctx, push_down_predicate, connection_options or {},
            spark=self.spark_session,
        )  # fmt: skip
        data_source = DataSource(source, self, name, call=call)
        if format is not None:
            data_source.setFormat(format, **dict(format_options or {}))
        elif format_options:
            warn_of_ignored("format_options", call, "the call has no format")
        return data_source.getFrame(**kwargs)

    def create_data_frame_from_options(
        self,
        connection_type: str,
        connection_options: Options = None,
        format: str | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DataFrame:
        """Read files, a table or a Kafka stream as Spark's DataFrame. Kinesis needs Glue."""
        read_arguments(kwargs, "create_data_frame.from_options")
        source = self.getStreamingSource(
            connection_type,
            format,
            transformation_ctx,
            push_down_predicate,
            **dict(connection_options or {}),
        )
        if format is not None:
            source.setFormat(format, **dict(format_options or {}))
        return source.getFrame()

    def create_sample_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Options = None,
        num: int | None = None,
        sample_options: Options = None,
        format: str | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """Return at most ``num`` records of an S3 or JDBC source. No bookmark changes.

        ``sample_options`` are those of :meth:`create_sample_dynamic_frame_from_catalog`.
        """
        call = "create_sample_dynamic_frame_from_options"
        self.require_run(call)
        read_arguments(kwargs, call)
        source, name = parse_source(
            connection_type, format, transformation_ctx, push_down_predicate, connection_options or {},
            spark=self.spark_session,
        )  # fmt: skip
        data_source = DataSource(source, self, name, call=call)
        if format is not None:
            data_source.setFormat(format, **dict(format_options or {}))
        return data_source.getSampleFrame(num, **dict(sample_options or {}))

    def get_catalog_schema_as_spark_schema(
        self, database: str | None = None, table_name: str | None = None, catalog_id: str | None = None
    ) -> StructType:
        """Return the columns of a Data Catalog table, partition columns last, as Spark's StructType."""
        from glue_secure.dynamicframe.frames.schema import to_spark

        return to_spark(self.get_catalog_schema(database, table_name, catalog_id))

    def get_catalog_schema(
        self, database: str | None = None, table_name: str | None = None, catalog_id: str | None = None
    ) -> glue.StructType:
        """Return the columns of a Data Catalog table, partition columns last, in Glue's types.

        Raises:
            GlueSecureError: the table cannot be read from the catalog.
            UsageError: the table is not named, or a column's type is not a Hive type.
        """
        from glue_secure.dynamicframe.types.hive import schema_of

        run = self.require_run("get_catalog_schema")
        if not database or not table_name:
            required = "database and table_name"
            raise UsageError("get_catalog_schema", found=f"{database!r}, {table_name!r}", required=required)
        table = run.reader.catalog_table(database, table_name, catalog_id)
        return schema_of((*table.columns, *table.partition_keys))

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> dict[str, Any]:
        """Return what ``spark.read.jdbc`` needs for a Glue connection. ``fullUrl`` requires verified TLS.

        Returns:
            ``user``, ``password``, ``vendor``, ``url`` (without the database), ``fullUrl``, ``enforceSSL``,
            ``customJDBCCert``, ``customJDBCCertString`` and ``skipCustomJDBCCertValidation``, as in Glue.
        """
        with self.operation("extract_jdbc_conf", ControlError) as run:
            return run.reader.jdbc_conf(connection_name, catalog_id)

    # Writes

    def getSink(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature; sinks have no bookmark here
        **options: Any,
    ) -> DataSink:
        """Return a sink: ``s3``, a database through a Glue connection, ``dynamodb`` or ``kafka``.

        Glue takes ``format`` for parquet and orc only. Here it may be any format.
        """
        with self.operation("getSink"):
            return DataSink(self, _parse_sink(connection_type, options, format, {}))

    def write_dynamic_frame_from_options(
        self,
        frame: FrameT,
        connection_type: str,
        connection_options: Options = None,
        format: str | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",
    ) -> FrameT:
        """Append to S3 (``{"path": ..., "partitionKeys": [...]}``) or to a database table; return ``frame``.

        A table is written with ``connection_type="postgresql"`` (or another engine) and
        ``{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}``. Every object that
        is written to S3 is verified.
        """
        self.write_from_options(
            frame, connection_type, connection_options, format, format_options, transformation_ctx
        )
        return frame

    def write_from_options(
        self,
        frame_or_dfc: DynamicFrame | DynamicFrameCollection,
        connection_type: str,
        connection_options: Options = None,
        format: str | Mapping[str, Any] | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        **kwargs: Any,
    ) -> DynamicFrame | DynamicFrameCollection:
        """Write a frame, or each frame of a collection to the folder or table of its name.

        Args:
            kwargs: ``accumulator_size``.

        Returns:
            ``frame_or_dfc``.
        """
        with self.operation("write_dynamic_frame.from_options"):
            accumulator_size = kwargs.pop("accumulator_size", 0)
            require_known_options(kwargs, ("accumulator_size",), "write_from_options")
            sink = _parse_sink(
                connection_type, dict(connection_options or {}), _format_name(format), format_options or {}
            )
            data_sink = DataSink(self, sink, call="write")
            data_sink.setAccumulableSize(accumulator_size)
            return data_sink.write(frame_or_dfc)

    def write_dynamic_frame_from_catalog(
        self,
        frame: DynamicFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Append to a Data Catalog table, in S3 or behind a Glue connection; return ``frame``.

        Args:
            frame: what to write.
            database: the database; ``name_space`` is Glue's older name of this argument.
            table_name: the table.
            redshift_tmp_dir: an S3 location, for a table behind a connection only; nothing is written there.
            additional_options: ``partitionKeys``, ``compression``, ``enableUpdateCatalog``,
                ``updateBehavior``.
            catalog_id: the run's account, or None.
            kwargs: ``name_space``.
        """
        with self.operation("write_dynamic_frame.from_catalog"):
            sink = _parse_catalog_sink(database, table_name, kwargs, additional_options, redshift_tmp_dir)
            return DataSink(self, sink, call="from_catalog", catalog_id=catalog_id).writeFrame(frame)

    def write_data_frame_from_catalog(
        self,
        frame: DataFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DataFrame:
        """Append a DataFrame to a Data Catalog table; arguments as for the DynamicFrame."""
        with self.operation("write_data_frame.from_catalog"):
            sink = _parse_catalog_sink(database, table_name, kwargs, additional_options, redshift_tmp_dir)
            data_sink = DataSink(self, sink, call="from_catalog", catalog_id=catalog_id)
            return data_sink.writeDataFrame(frame, self)

    def write_dynamic_frame_from_jdbc_conf(
        self,
        frame: FrameT,
        catalog_connection: str,
        connection_options: Options = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> FrameT:
        """Append to a table through a Glue connection; return ``frame``.

        ``connection_options`` are ``dbtable`` and ``database``, which must be the one of the connection.
        """
        self.write_from_jdbc_conf(
            frame, catalog_connection, connection_options, redshift_tmp_dir, transformation_ctx, catalog_id
        )
        return frame

    def write_from_jdbc_conf(
        self,
        frame_or_dfc: DynamicFrame | DynamicFrameCollection,
        catalog_connection: str,
        connection_options: Options = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        catalog_id: str | None = None,
    ) -> DynamicFrame | DynamicFrameCollection:
        """Append a frame, or each frame of a collection to the table of its name; return the argument."""
        call = "write_dynamic_frame.from_jdbc_conf"
        with self.operation(call):
            sink = JdbcSink.parse(
                catalog_connection,
                connection_options or {},
                redshift_tmp_dir=redshift_tmp_dir,
                resource=f"connection_options of a write through connection {catalog_connection}",
            )
            return DataSink(self, sink, call="from_jdbc_conf", catalog_id=catalog_id).write(frame_or_dfc)

    # Purges and transitions

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Options = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Delete a table's objects, and each partition of the catalog that has no objects left.

        Args:
            database: the table's database.
            table_name: a table in S3.
            options: ``retentionPeriod`` in hours (168 by default; 0 deletes all), ``partitionPredicate``
                (Spark SQL over the partition columns), ``excludeStorageClasses`` (none by default),
                ``manifestFilePath``.
            transformation_ctx: the folder below ``manifestFilePath``.
            catalog_id: the run's account, or None.

        Raises:
            RefusedError: GS-S3-009, the location overlaps bookmarks or evidence; nothing was deleted.
            UsageError: an option is not known or invalid.
        """
        with self.operation("purge_table") as run:
            selection = purge_selection(options, transformation_ctx)
            require_run_account(run, "purge_table", catalog_id)
            table, locations = table_locations(run, self.spark_session, database, table_name, options)
            remaining = run.housekeeping.purge(f"{database}.{table_name}", list(locations), selection)
            emptied = [values for location, values in locations.items() if values and not remaining[location]]
            run.catalog.delete_partitions(table, emptied)

    def purge_s3_path(self, s3_path: str, options: Options = None, transformation_ctx: str = "") -> None:
        """Delete the objects below an S3 location; options as for :meth:`purge_table`."""
        with self.operation("purge_s3_path") as run:
            selection = purge_selection(options, transformation_ctx)
            reject_predicate(options)
            run.housekeeping.purge(str(s3_path), [str(s3_path)], selection)

    def transition_table(
        self,
        database: str,
        table_name: str,
        transition_to: str,
        options: Options = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Move a table's objects to another storage class, encrypted with the run's key.

        Args:
            database: the table's database.
            table_name: a table in S3.
            transition_to: a storage class such as ``STANDARD_IA``.
            options: as for :meth:`purge_table`; ``accountId`` and ``roleArn`` are required, as in Glue. In
                Glue, S3 Batch Operations copies with that role. Here the run copies: the account must be the
                run's, and the role is not assumed.
            transformation_ctx: the folder below ``manifestFilePath``.
            catalog_id: the run's account, or None.

        Raises:
            RefusedError: GS-S3-009, the location overlaps bookmarks or evidence.
            UsageError: an option is not known or invalid.
        """
        with self.operation("transition_table") as run:
            selection = transition_selection(run, transition_to, options, transformation_ctx)
            require_run_account(run, "transition_table", catalog_id)
            _, locations = table_locations(run, self.spark_session, database, table_name, options)
            target = f"{database}.{table_name}"
            run.housekeeping.transition(target, list(locations), transition_to, selection)

    def transition_s3_path(
        self, s3_path: str, transition_to: str, options: Options = None, transformation_ctx: str = ""
    ) -> None:
        """Move the objects below an S3 location; arguments as for :meth:`transition_table`."""
        with self.operation("transition_s3_path") as run:
            selection = transition_selection(run, transition_to, options, transformation_ctx)
            reject_predicate(options)
            run.housekeeping.transition(str(s3_path), [str(s3_path)], transition_to, selection)

    # Streams

    def forEachBatch(self, frame: DataFrame, batch_function: BatchFunction, options: Options = None) -> None:
        """Call ``batch_function(data_frame, batch_id)`` for each micro-batch that has rows.

        The stream runs until the job is stopped, as in Glue. With the environment variable
        ``GLUE_SECURE_STREAMING=available-now`` it processes the available data and returns. ``data_frame``
        belongs to the run's session, so writes of it can go through the run. The function runs on another
        thread.

        Args:
            frame: a streaming DataFrame of the run's session.
            batch_function: handles a batch. An exception, after the retries, ends the stream and marks the
                run as failed. A GlueSecureError, and a read or write of the run that failed, is not retried.
            options: ``windowSize`` (``"100 seconds"``) and ``checkpointLocation`` (S3) are required;
                ``batchMaxRetries`` (3; 0 to 100), ``persistDataFrame`` (true), ``storageLevel``
                (``MEMORY_AND_DISK``).

        Raises:
            RefusedError: GS-S3-001 to -003, -006, -008, -009 before the start; GS-S3-004 for an object of the
                checkpoint.
            VerificationError: GS-S3-007.
        """
        with self.operation("forEachBatch") as run:
            for_each_batch(run, self.spark_session, frame, batch_function, options)

    def getSampleStreamingDynamicFrame(
        self, frame: DataFrame, options: Options = None, batch_function: BatchFunction | None = None
    ) -> DynamicFrame:
        """Return the first rows of a stream, within a polling time, as a DynamicFrame.

        Spark would store the checkpoint on a local disk. Here it is below ``--TempDir`` and verified.

        Args:
            frame: a streaming DataFrame.
            options: ``windowSize`` is required; ``pollingTimeInMs`` (10000) must be longer;
                ``recordPollingLimit`` (100).
            batch_function: called for each batch as well.
        """
        with self.operation("getSampleStreamingDynamicFrame") as run:
            rows = sample_stream(run, self.spark_session, frame, options, batch_function)
            return DynamicFrame(rows, self, "sample")

    def add_ingestion_time_columns(self, frame: DataFrame, time_granularity: str) -> DataFrame:
        """Return the DataFrame with the current time in columns ``ingest_year``, ``ingest_month`` and so on.

        Args:
            frame: a DataFrame, streaming or not.
            time_granularity: the last column: ``day``, ``hour`` or ``minute``. The values are integers in the
                session's time zone.
        """
        from pyspark.sql import functions as F

        if time_granularity not in _GRANULARITIES:
            required = ", ".join(_GRANULARITIES)
            raise UsageError("time_granularity", found=repr(time_granularity), required=required)
        functions = {
            "year": F.year,
            "month": F.month,
            "day": F.dayofmonth,
            "hour": F.hour,
            "minute": F.minute,
        }
        for part in _TIME_PARTS[: _TIME_PARTS.index(time_granularity) + 1]:
            frame = frame.withColumn(f"ingest_{part}", functions[part](F.current_timestamp()))
        return frame

    def start_transaction(self, read_only: bool) -> str:  # noqa: ARG002 - Glue's signature
        """Raise UsageError: AWS withdrew governed tables, which had transactions, on 31 December 2024."""
        raise _transactions_withdrawn("start_transaction")

    def commit_transaction(
        self,
        transaction_id: str,  # noqa: ARG002 - Glue's signature
        wait_for_commit: bool = True,  # noqa: ARG002 - Glue's signature
    ) -> bool:
        """Raise UsageError; see :meth:`start_transaction`."""
        raise _transactions_withdrawn("commit_transaction")

    def cancel_transaction(self, transaction_id: str) -> None:  # noqa: ARG002 - Glue's signature
        """Raise UsageError; see :meth:`start_transaction`."""
        raise _transactions_withdrawn("cancel_transaction")

    # Tools

    def get_logger(self) -> GlueLogger:
        """Return a logger with the methods of Glue's; see :class:`GlueLogger`."""
        return GlueLogger()

    def currentTimeMillis(self) -> int:
        """Return the milliseconds since 1970-01-01 UTC."""
        return round(time.time() * 1000)

    def convert_resolve_option(self, path: str, action: str, target: Any) -> tuple[str, str]:
        """Return a spec for ``resolveChoice``: ``(path, "make_struct")`` or ``(path, "project:TYPE")``.

        Glue returns an object of its JVM. Here the result is an element of ``resolveChoice(specs=[...])``.

        Args:
            path: the field.
            action: ``KeepAsStruct`` or ``Project``, in any letter case.
            target: for ``Project``, a type of :mod:`glue_secure.gluetypes`.
        """
        name = str(action).upper()
        if name == "KEEPASSTRUCT":
            return path, "make_struct"
        if name != "PROJECT":
            raise UsageError("a resolve action", found=repr(action), required="KeepAsStruct, Project")
        if not callable(getattr(target, "typeName", None)):
            raise UsageError(
                "the target of action Project", found=type(target).__name__, required="a type of gluetypes"
            )
        return path, f"project:{target.typeName()}"


def _session_of(spark: SparkContext | SparkSession | None) -> SparkSession:
    if hasattr(spark, "_jsparkSession"):
        return spark
    # awsglue's class also takes what has a JVM: another GlueContext, or an SQLContext.
    if isinstance(spark, GlueContext):
        return spark.spark_session
    if session := getattr(spark, "sparkSession", None):
        return cast("SparkSession", session)
    from pyspark.sql import SparkSession

    return SparkSession(spark) if spark is not None else SparkSession.builder.getOrCreate()


def _parse_sink(
    connection_type: str,
    options: Mapping[str, Any],
    format: str | None,
    format_options: Mapping[str, Any],
) -> Sink:
    if connector_of(connection_type) is not None:
        return connector_sink(connection_type, options, format or "")
    if connection_type not in JDBC_TYPES:
        return S3Sink.parse(connection_type, options, format, format_options)
    if format or format_options:
        raise UsageError(
            f"a {connection_type} sink",
            found="format" if format else "format_options",
            required="connection_options only",
        )
    return JdbcSink.parse_typed(connection_type, options)


def _format_name(format: str | Mapping[str, Any] | None) -> str | None:
    # The default of awsglue's write_from_options is an empty dict.
    if format is None or isinstance(format, str):
        return format
    if format:
        raise UsageError("format", found=type(format).__name__, required="a format's name")
    return None


def _parse_catalog_sink(
    database: str | None,
    table_name: str | None,
    kwargs: dict[str, Any],
    options: Options,
    redshift_tmp_dir: str,
) -> CatalogSink:
    name_space = kwargs.pop("name_space", None)
    require_known_options(kwargs, ("name_space",), "from_catalog")
    database, table = require_table_name("from_catalog", database, table_name, name_space)
    return CatalogSink(database, table, dict(options or {}), redshift_tmp_dir)


def _transactions_withdrawn(call: str) -> UsageError:
    return UsageError(
        call,
        found="a transaction on a Lake Formation governed table",
        required="no transaction: AWS withdrew governed tables on 31 December 2024",
        fix=f"use Apache Iceberg, Hudi or Delta Lake tables; {_GOVERNED_TABLES}",
    )
