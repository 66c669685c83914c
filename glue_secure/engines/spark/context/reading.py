"""Readers: Glue's calls, each a source that is read through the run's read funnel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import ControlError, UsageError
from glue_secure.dynamicframe.emulation import DynamicFrame
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.spark.context.base import ContextBase
from glue_secure.engines.spark.context.catalog_source import catalog_source
from glue_secure.engines.spark.context.readers import DataFrameReader, DynamicFrameReader
from glue_secure.engines.spark.context.sampling import Sampling
from glue_secure.engines.spark.context.sources import DataSource, StreamingDataSource, source_of_type
from glue_secure.preflight.fine_grained import refuse_rdds_in

__all__ = ["DataFrameReader", "DataSource", "DynamicFrameReader", "Reading", "StreamingDataSource"]

Options = Mapping[str, Any] | None


class Reading(Sampling, ContextBase):
    """The part of GlueContext that reads."""

    def getSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> DataSource:
        """A source to set the format of, and to take frames from. Nothing is read yet.

        Args:
            connection_type: ``s3`` (with ``paths=[...]``), ``postgresql`` (through a Glue connection).
            format: ``csv``, ``json``, ``parquet``, ``orc``, ``avro`` or ``xml``; ``setFormat`` may name it.
            transformation_ctx: the bookmark's name for this source.
            push_down_predicate: for Data Catalog tables only; use ``from_catalog``.
            options: Glue's ``connection_options``.
        """
        self.require_run("getSource")
        source, name = source_of_type(
            connection_type, format, transformation_ctx, push_down_predicate, options
        )
        return DataSource(source, self, name)

    def getStreamingSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> StreamingDataSource:
        """A source of DataFrames over files; Kafka and Kinesis are not served in plain Spark.

        Raises:
            UsageError: plain Spark does not serve the connection type under the guard.
        """
        self.require_run("getStreamingSource")
        source, name = source_of_type(
            connection_type, format, transformation_ctx, push_down_predicate, options
        )
        return StreamingDataSource(source, self, name, call="getStreamingSource")

    def create_dynamic_frame_from_rdd(
        self,
        data: Any,
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature; an RDD has no bookmark
    ) -> DynamicFrame:
        """A DynamicFrame of an RDD, or a list, of records.

        Args:
            data: dicts, Rows, or tuples under a schema.
            name: the frame's name.
            schema: a StructType (Spark's or Glue's), names of columns, or DDL text; None finds the types.
            sample_ratio: must lie between 0 and 1; the types are found from all records whatever it says.
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
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Redshift's alone, and Redshift is not served here
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """A Data Catalog table, in S3 or behind a JDBC connection, as a DynamicFrame.

        Args:
            database: the database; ``name_space`` is Glue's older word for it.
            table_name: the table.
            redshift_tmp_dir: of Redshift tables only; nothing is written there.
            transformation_ctx: the bookmark's name for this source.
            push_down_predicate: Spark SQL over the partition columns: others are neither listed nor read.
            additional_options: ``catalogPartitionPredicate``, ``recurse``, ``exclusions``, ``hashfield`` ...
            catalog_id: another account's catalog.
            kwargs: ``name_space``, ``minPartitions``, ``targetPartitions``.
        """
        self.require_run("create_dynamic_frame.from_catalog")
        source = catalog_source(
            database, table_name, transformation_ctx, push_down_predicate, additional_options, catalog_id,
            kwargs,
        )  # fmt: skip
        made = DataSource(source, self, source.table, call="create_dynamic_frame.from_catalog")
        return made.getFrame(**kwargs)

    def create_data_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Redshift's alone, and Redshift is not served here
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """A Data Catalog table as Spark's own DataFrame; the arguments are those of the DynamicFrame's."""
        self.require_run("create_data_frame.from_catalog")
        source = catalog_source(
            database, table_name, transformation_ctx, push_down_predicate, additional_options, catalog_id,
            kwargs,
        )  # fmt: skip
        _none(kwargs, "create_data_frame.from_catalog")
        return DataSource(source, self, source.table, call="create_data_frame.from_catalog").getDataFrame()

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

        A table is read with ``connection_type="postgresql"`` and ``{"useConnectionProperties": "true",
        "connectionName": NAME, "dbtable": TABLE}``.
        """
        self.require_run("create_dynamic_frame.from_options")
        source, name = source_of_type(
            connection_type, format, transformation_ctx, push_down_predicate, connection_options or {}
        )
        made = DataSource(source, self, name, call="create_dynamic_frame.from_options")
        if format is not None:
            made.setFormat(format, **dict(format_options or {}))
        elif format_options:
            raise UsageError("create_dynamic_frame.from_options", found="format_options", required="format")
        return made.getFrame(**kwargs)

    def create_data_frame_from_options(
        self,
        connection_type: str,
        connection_options: Options = None,
        format: str | None = None,
        format_options: Options = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> Any:
        """Read files or a table as Spark's own DataFrame. Streams are not served: see getStreamingSource."""
        _none(kwargs, "create_data_frame.from_options")
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

    def get_catalog_schema_as_spark_schema(
        self, database: str | None = None, table_name: str | None = None, catalog_id: str | None = None
    ) -> Any:
        """The columns of a Data Catalog table, partition columns last, as Spark's StructType."""
        from glue_secure.dynamicframe.frames.schema import to_spark

        return to_spark(self.get_catalog_schema(database, table_name, catalog_id))

    def get_catalog_schema(
        self, database: str | None = None, table_name: str | None = None, catalog_id: str | None = None
    ) -> glue.StructType:
        """The columns of a Data Catalog table, partition columns last, in Glue's types.

        Raises:
            GlueSecureError: the table cannot be read from the catalog.
            UsageError: a column's type is none of Hive's.
        """
        from glue_secure.dynamicframe.types.hive import schema_of

        run = self.require_run("get_catalog_schema")
        if not database or not table_name:
            raise UsageError("get_catalog_schema", found="too little", required="database and table_name")
        table = run.catalog_table(database, table_name, catalog_id)
        return schema_of((*table.columns, *table.partition_keys))

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> dict[str, Any]:
        """What a native ``spark.read.jdbc`` needs, TLS included: ``fullUrl`` carries full verification.

        Returns:
            ``user``, ``password``, ``vendor``, ``url`` (without the database), ``fullUrl``, ``enforceSSL``,
            ``customJDBCCert``, ``customJDBCCertString`` and ``skipCustomJDBCCertValidation``, as in Glue.
        """
        run = self.require_run("extract_jdbc_conf")
        with run.call(ControlError):
            return run.jdbc_conf(connection_name, catalog_id)


def _none(kwargs: Mapping[str, Any], call: str) -> None:
    if kwargs:
        raise UsageError(call, found=", ".join(sorted(kwargs)), required="its named arguments only")
