"""Writers: S3, JDBC and catalog sinks, each through the run's write funnel.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation import DynamicFrame
from glue_secure.engines.spark.context.base import ContextBase
from glue_secure.engines.spark.context.catalog_sink import CatalogTarget
from glue_secure.engines.spark.context.jdbc_sink import JdbcTarget, through_connection
from glue_secure.engines.spark.context.options import JDBC_TYPES
from glue_secure.engines.spark.context.s3_sink import s3_target
from glue_secure.engines.spark.context.sinks import DataSink


class Writing(ContextBase):
    """The part of GlueContext that writes."""

    def getSink(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature; sinks keep no bookmark here
        **options: Any,
    ) -> DataSink:
        """A sink that is not written to yet: ``s3`` with ``path=``, or a database through a connection.

        Unlike in Glue, ``format`` is the sink's format for every format, not for parquet and orc alone.
        """
        run = self.require_run("getSink")
        with run.call():
            if connection_type in JDBC_TYPES:
                if format:
                    raise UsageError(f"a {connection_type} sink", found="format", required="no format")
                return DataSink(self, through_connection(connection_type, options))
            return DataSink(self, s3_target(connection_type, options, format, {}))

    def write_dynamic_frame_from_options(
        self,
        frame: DynamicFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Append to S3 (``{"path": ..., "partitionKeys": [...]}``) or to a database table.

        A table is written with ``connection_type="postgresql"`` and ``{"useConnectionProperties": "true",
        "connectionName": NAME, "dbtable": TABLE}``. Every object is verified; returns ``frame``.
        """
        result: DynamicFrame = self.write_from_options(
            frame, connection_type, connection_options, format, format_options, transformation_ctx
        )
        return result

    def write_from_options(
        self,
        frame_or_dfc: Any,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | Mapping[str, Any] | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        **kwargs: Any,
    ) -> Any:
        """Write a frame, or each frame of a collection below the path (to the table) of its own name.

        ``accumulator_size`` is Glue's only further argument.
        """
        run = self.require_run("write_dynamic_frame.from_options")
        with run.call():
            size = kwargs.pop("accumulator_size", 0)
            if kwargs:
                raise UsageError(
                    "write_from_options", found=", ".join(sorted(kwargs)), required="accumulator_size"
                )
            options = dict(connection_options or {})
            name = _name(format)
            if connection_type in JDBC_TYPES:
                if name or format_options:
                    raise UsageError(
                        f"a {connection_type} sink",
                        found="format" if name else "format_options",
                        required="connection_options only",
                    )
                sink = DataSink(self, through_connection(connection_type, options), call="write")
            else:
                target = s3_target(connection_type, options, name, format_options or {})
                sink = DataSink(self, target, call="write")
            sink.setAccumulableSize(size)
            return sink.write(frame_or_dfc)

    def write_dynamic_frame_from_catalog(
        self,
        frame: DynamicFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Append to a Data Catalog table, in S3 or behind a JDBC connection; returns ``frame``.

        ``additional_options``: ``partitionKeys``, ``compression``, ``enableUpdateCatalog``,
        ``updateBehavior``.
        """
        run = self.require_run("write_dynamic_frame.from_catalog")
        with run.call():
            target = _table(database, table_name, kwargs, additional_options, redshift_tmp_dir)
            return DataSink(self, target, call="from_catalog", catalog_id=catalog_id).writeFrame(frame)

    def write_data_frame_from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The same for a DataFrame; returns it."""
        run = self.require_run("write_data_frame.from_catalog")
        with run.call():
            target = _table(database, table_name, kwargs, additional_options, redshift_tmp_dir)
            sink = DataSink(self, target, call="from_catalog", catalog_id=catalog_id)
            return sink.writeDataFrame(frame, self)

    def write_dynamic_frame_from_jdbc_conf(
        self,
        frame: DynamicFrame,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> DynamicFrame:
        """Append to a table (``{"dbtable": ..., "database": ...}``) through a Glue connection.

        ``database`` must be the one that the connection names. Returns ``frame``.
        """
        result: DynamicFrame = self.write_from_jdbc_conf(
            frame, catalog_connection, connection_options, redshift_tmp_dir, transformation_ctx, catalog_id
        )
        return result

    def write_from_jdbc_conf(
        self,
        frame_or_dfc: Any,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature
        catalog_id: str | None = None,
    ) -> Any:
        """Append a frame, or each frame of a collection to the table of its own name."""
        run = self.require_run("write_dynamic_frame.from_jdbc_conf")
        with run.call():
            what = f"connection_options of a write through connection {catalog_connection}"
            target = JdbcTarget.of(
                catalog_connection, connection_options or {}, redshift_tmp_dir=redshift_tmp_dir, what=what
            )
            return DataSink(self, target, call="from_jdbc_conf", catalog_id=catalog_id).write(frame_or_dfc)


def _name(format: str | Mapping[str, Any] | None) -> str | None:
    # Glue's own default of write_from_options is an empty dict.
    if format is None or isinstance(format, str):
        return format
    if format:
        raise UsageError("format", found=type(format).__name__, required="a format's name")
    return None


def _table(
    database: str | None,
    table_name: str | None,
    more: dict[str, Any],
    options: Mapping[str, Any] | None,
    redshift_tmp_dir: str,
) -> CatalogTarget:
    """``name_space`` is what ``database`` was called."""
    unknown = sorted(set(more) - {"name_space"})
    if unknown:
        raise UsageError("from_catalog", found=", ".join(unknown), required="database and table_name")
    if (database is None) == ("name_space" not in more):
        found = "neither" if database is None else "database and name_space"
        raise UsageError("from_catalog", found=found, required="one of database and name_space")
    if not table_name:
        raise UsageError("from_catalog", found="no table_name", required="database and table_name")
    name = str(database if database is not None else more["name_space"])
    return CatalogTarget(name, str(table_name), dict(options or {}), redshift_tmp_dir)


class DynamicFrameWriter:
    """``glueContext.write_dynamic_frame``."""

    def __init__(self, glue_context: Writing) -> None:
        self._glue_context = glue_context

    def from_options(
        self,
        frame: DynamicFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """See :meth:`GlueContext.write_dynamic_frame_from_options`."""
        return self._glue_context.write_dynamic_frame_from_options(
            frame, connection_type, connection_options, format, format_options, transformation_ctx
        )

    def from_catalog(
        self,
        frame: DynamicFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """See :meth:`GlueContext.write_dynamic_frame_from_catalog`."""
        return self._glue_context.write_dynamic_frame_from_catalog(
            frame, database, table_name, redshift_tmp_dir, transformation_ctx, additional_options, catalog_id,
            **kwargs,
        )  # fmt: skip

    def from_jdbc_conf(
        self,
        frame: DynamicFrame,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """See :meth:`GlueContext.write_dynamic_frame_from_jdbc_conf`."""
        return self._glue_context.write_dynamic_frame_from_jdbc_conf(
            frame, catalog_connection, connection_options, redshift_tmp_dir, transformation_ctx
        )


class DataFrameWriter:
    """``glueContext.write_data_frame``."""

    def __init__(self, glue_context: Writing) -> None:
        self._glue_context = glue_context

    def from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """See :meth:`GlueContext.write_data_frame_from_catalog`."""
        return self._glue_context.write_data_frame_from_catalog(
            frame, database, table_name, redshift_tmp_dir, transformation_ctx, additional_options, catalog_id,
            **kwargs,
        )  # fmt: skip
