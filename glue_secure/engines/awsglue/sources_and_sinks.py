"""Sources and sinks in Glue: subclasses of awsglue's, whose reads and writes go through the run.

awsglue creates the objects; :func:`wrap_source` and :func:`wrap_sink` change their class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from awsglue.data_sink import DataSink as AwsGlueDataSink
from awsglue.data_source import DataSource as AwsGlueDataSource
from awsglue.streaming_data_source import StreamingDataSource as AwsGlueStreamingDataSource

from glue_secure.core.errors import ControlError, RefusedError
from glue_secure.engines.awsglue.frames import DynamicFrame, wrap, wrap_frame
from glue_secure.engines.awsglue.jvm_call_guard import block_unknown_methods
from glue_secure.engines.awsglue.options import Target, validate_format, validate_options
from glue_secure.engines.awsglue.spark_sources_and_sinks import SparkSink, SparkSource, SparkStreamingSource
from glue_secure.engines.awsglue.tables import TableSink, TableSource
from glue_secure.engines.spark.lake_tables import lake_format

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def wrap_source(source: Any, options: Mapping[str, Any]) -> DataSource | StreamingDataSource:
    """Change the class of awsglue's source to this module's, set its options, and return it."""
    source.__class__ = DataSource if isinstance(source, AwsGlueDataSource) else StreamingDataSource
    wrapped: DataSource | StreamingDataSource = source
    wrapped._options = options
    return wrapped


def wrap_sink(sink: Any, target: Target, options: Mapping[str, Any]) -> DataSink:
    """Change the class of awsglue's sink to this module's, set its target and options, and return it."""
    sink.__class__ = DataSink
    wrapped: DataSink = sink
    wrapped._target, wrapped._options = target, options
    return wrapped


def _replace(old: Any, new: SparkSource | SparkStreamingSource | SparkSink) -> None:
    """Turn an object of awsglue, which the script has a reference to, into one that Spark serves."""
    old.__class__, old.__dict__ = type(new), vars(new)


class DataSource(AwsGlueDataSource):  # type: ignore[misc]
    """The result of ``getSource``: ``setFormat``, then ``getFrame``."""

    _options: Mapping[str, Any] = MappingProxyType({})

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format; raises RefusedError (GS-S3-005) for an option that changes encryption."""
        with self._sql_ctx.operation("DataSource.setFormat", ControlError):
            if lake := lake_format("s3", format):
                _replace(self, TableSource(self._sql_ctx, lake, {**self._options, **options}))
                return
            validate_format(format, "source")
            validate_options(options, "source")
            super().setFormat(format, **options)

    def getFrame(self, **options: Any) -> DynamicFrame:
        """Return the DynamicFrame."""
        with self._sql_ctx.operation("DataSource.getFrame", ControlError):
            return wrap_frame(super().getFrame(**options))

    def getSampleFrame(self, num: int, **options: Any) -> DynamicFrame:
        """Return a DynamicFrame of at most ``num`` records."""
        with self._sql_ctx.operation("DataSource.getSampleFrame", ControlError):
            validate_options(options, "sample")
            return wrap_frame(super().getSampleFrame(num, **options))

    def getDataFrame(self) -> DataFrame:
        """Return the DataFrame."""
        with self._sql_ctx.operation("DataSource.getDataFrame", ControlError):
            return super().getDataFrame()


class StreamingDataSource(AwsGlueStreamingDataSource):  # type: ignore[misc]
    """The result of ``getStreamingSource``."""

    _options: Mapping[str, Any] = MappingProxyType({})

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format; raises RefusedError (GS-S3-005) for an option that changes encryption."""
        with self._sql_ctx.operation("StreamingDataSource.setFormat", ControlError):
            if lake := lake_format("s3", format):
                source = TableSource(self._sql_ctx, lake, {**self._options, **options})
                _replace(self, SparkStreamingSource(source))
                return
            validate_format(format, "source")
            validate_options(options, "source")
            super().setFormat(format, **options)

    def getFrame(self) -> DataFrame:
        """Return the DataFrame."""
        with self._sql_ctx.operation("StreamingDataSource.getFrame", ControlError):
            return super().getFrame()


class DataSink(AwsGlueDataSink):  # type: ignore[misc]
    """The result of ``getSink``: ``setFormat``, ``setCatalogInfo``, then ``writeFrame``."""

    _target: Target | None = None
    _options: Mapping[str, Any] = MappingProxyType({})

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format; raises RefusedError (GS-S3-005) for an option that changes encryption."""
        with self._sql_ctx.operation("DataSink.setFormat"):
            if lake := lake_format("s3", format):
                _replace(self, TableSink(self._sql_ctx, lake, {**self._options, **options}))
                return
            validate_format(format, "sink")
            validate_options(options, "sink")
            super().setFormat(format, **options)

    def writeFrame(self, dynamic_frame: Any, info: str = "") -> DynamicFrame:
        """Write a DynamicFrame and verify every new object; return awsglue's frame of error records."""
        frame: DynamicFrame = self._write_verified(
            lambda: wrap_frame(AwsGlueDataSink.writeFrame(self, dynamic_frame, info)),
            lambda: int(dynamic_frame.count()),
            "DataSink.writeFrame",
        )
        return frame

    def writeDataFrame(self, data_frame: DataFrame, glue_context: Any, info: str = "") -> Any:
        """Write a DataFrame and verify every new object; return awsglue's result."""
        return self._write_verified(
            lambda: AwsGlueDataSink.writeDataFrame(self, data_frame, glue_context, info),
            lambda: int(data_frame.count()),
            "DataSink.writeDataFrame",
        )

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        """Write a DynamicFrame, or each frame of a collection."""
        return wrap(super().write(dynamic_frame_or_dfc, info))

    def _write_verified(self, write: Callable[[], Any], count: Callable[[], int], call: str) -> Any:
        with self._sql_ctx.operation(call):
            if self._target is None:  # not from getSink: the target is unknown
                raise RefusedError(
                    "GS-SEC-010",
                    resource=call,
                    found="a sink that was not created by glue-secure",
                    required="glueContext.getSink(...)",
                    fix="take the sink from glueContext.getSink(...)",
                )
            return self._sql_ctx.write_verified(self._target, write, count)


block_unknown_methods(DataSource, AwsGlueDataSource, frozenset())
block_unknown_methods(StreamingDataSource, AwsGlueStreamingDataSource, frozenset())
block_unknown_methods(DataSink, AwsGlueDataSink, frozenset(("setAccumulableSize", "setCatalogInfo")))
