"""Tables of Iceberg, Delta Lake and Hudi by the ``path`` of a call: Spark's sources read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import ControlError
from glue_secure.engines.awsglue.spark_sources_and_sinks import SparkSink, SparkSource
from glue_secure.engines.spark.lake_tables import (
    LakeSource,
    lake_sink,
    update_not_offered,
    with_format_options,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class TableSource(SparkSource):
    """The result of ``getSource`` for a table.

    Args:
        context: the GlueContext.
        format: ``iceberg``, ``delta`` or ``hudi``.
        options: Glue's ``connection_options``.
    """

    def __init__(self, context: Any, format: str, options: Mapping[str, Any]) -> None:
        super().__init__(context, format)
        self._source = LakeSource(context.spark_session, format, options)

    def setFormat(self, format: str, **options: Any) -> None:
        """Add ``format_options``; raises UsageError for another format."""
        self._source = self._source.with_format(format, options)

    def _read(self, *, sample: bool) -> DataFrame:  # noqa: ARG002 - a table has no bookmark here
        with self._sql_ctx.operation("DataSource.getDataFrame", ControlError) as run:
            return self._source.read(run, dynamic=False)


class TableSink(SparkSink):
    """The result of ``getSink`` for a table; arguments as for :class:`TableSource`."""

    def __init__(self, context: Any, format: str, options: Mapping[str, Any]) -> None:
        super().__init__(context)
        self._format, self._options = format, dict(options)

    def setFormat(self, format: str, **options: Any) -> None:
        """Add ``format_options``; raises UsageError for another format."""
        self._options = with_format_options(self._format, format, self._options, options)

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:  # noqa: ARG002
        """Raise UsageError: only sinks of files update the Data Catalog."""
        raise update_not_offered(self._format)

    def _write(self, frame: DataFrame, name: str = "") -> None:
        with self._sql_ctx.operation("DataSink.write") as run:
            spark = self._sql_ctx.spark_session
            sink = lake_sink(run, spark, self._format, self._options, syncs_itself=True)
            sink.write(run, frame, name)
