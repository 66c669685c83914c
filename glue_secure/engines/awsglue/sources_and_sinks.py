"""Sources and sinks in Glue: the real ones, whose frames are adopted and whose writes are verified.

As frames are, they are adopted where awsglue makes them; what a sink writes to is told when it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue.data_sink import DataSink as TheirDataSink
from awsglue.data_source import DataSource as TheirDataSource
from awsglue.streaming_data_source import StreamingDataSource as TheirStreamingDataSource

from glue_secure.core.errors import RefusedError
from glue_secure.engines.awsglue.frames import adopt
from glue_secure.engines.awsglue.jvm_call_guard import block_unknown_methods
from glue_secure.engines.awsglue.options import JdbcReach, S3Reach, judge_format, judge_s3_options


def wrap_source(source: Any) -> Any:
    """``source`` of this module's class."""
    source.__class__ = DataSource if isinstance(source, TheirDataSource) else StreamingDataSource
    return source


def wrap_sink(sink: Any, reach: S3Reach | JdbcReach) -> Any:
    """``sink`` of this module's class, which writes to ``reach``."""
    sink.__class__ = DataSink
    sink._reach = reach
    return sink


class DataSource(TheirDataSource):  # type: ignore[misc]
    """What ``getSource`` returns: ``setFormat``, then ``getFrame``."""

    def setFormat(self, format: str, **options: Any) -> None:
        """The format, when it is not parquet or orc; an option that changes encryption refuses."""
        with self._sql_ctx.guarded("DataSource.setFormat"):
            judge_format(format, "source")
            judge_s3_options(options, "source")
            super().setFormat(format, **options)

    def getFrame(self, **options: Any) -> Any:
        """The DynamicFrame."""
        with self._sql_ctx.guarded("DataSource.getFrame"):
            return adopt(super().getFrame(**options))

    def getSampleFrame(self, num: int, **options: Any) -> Any:
        """A DynamicFrame of at most ``num`` records."""
        with self._sql_ctx.guarded("DataSource.getSampleFrame"):
            judge_s3_options(options, "sample")
            return adopt(super().getSampleFrame(num, **options))

    def getDataFrame(self) -> Any:
        """The DataFrame."""
        with self._sql_ctx.guarded("DataSource.getDataFrame"):
            return super().getDataFrame()


class StreamingDataSource(TheirStreamingDataSource):  # type: ignore[misc]
    """What ``getStreamingSource`` returns."""

    def setFormat(self, format: str, **options: Any) -> None:
        """The format; an option that changes encryption refuses."""
        with self._sql_ctx.guarded("StreamingDataSource.setFormat"):
            judge_format(format, "source")
            judge_s3_options(options, "source")
            super().setFormat(format, **options)

    def getFrame(self) -> Any:
        """The DataFrame."""
        with self._sql_ctx.guarded("StreamingDataSource.getFrame"):
            return super().getFrame()


class DataSink(TheirDataSink):  # type: ignore[misc]
    """What ``getSink`` returns: ``setFormat``, ``setCatalogInfo``, then ``writeFrame``."""

    _reach: S3Reach | JdbcReach | None = None

    def setFormat(self, format: str, **options: Any) -> None:
        """The format, when it is not parquet or orc; an option that changes encryption refuses."""
        with self._sql_ctx.guarded("DataSink.setFormat"):
            judge_format(format, "sink")
            judge_s3_options(options, "sink")
            super().setFormat(format, **options)

    def writeFrame(self, dynamic_frame: Any, info: str = "") -> Any:
        """Write one DynamicFrame and verify every object that appeared; returns its error records."""
        return self._verified(
            lambda: adopt(TheirDataSink.writeFrame(self, dynamic_frame, info)),
            lambda: int(dynamic_frame.count()),
            "DataSink.writeFrame",
        )

    def writeDataFrame(self, data_frame: Any, glue_context: Any, info: str = "") -> Any:
        """Write one DataFrame and verify every object that appeared."""
        return self._verified(
            lambda: TheirDataSink.writeDataFrame(self, data_frame, glue_context, info),
            lambda: int(data_frame.count()),
            "DataSink.writeDataFrame",
        )

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        """Write a DynamicFrame, or each of a collection."""
        return adopt(super().write(dynamic_frame_or_dfc, info))

    def _verified(self, write: Callable[[], Any], count: Callable[[], int], call: str) -> Any:
        with self._sql_ctx.guarded(call):
            if self._reach is None:  # made past getSink: nobody knows where it writes
                raise RefusedError(
                    "GS-SEC-010",
                    resource=call,
                    found="a sink that no guarded call has made",
                    required="glueContext.getSink(...)",
                    fix="take the sink from the context",
                )
            return self._sql_ctx.written(self._reach, write, count)


block_unknown_methods(DataSource, TheirDataSource, frozenset())
block_unknown_methods(StreamingDataSource, TheirStreamingDataSource, frozenset())
block_unknown_methods(DataSink, TheirDataSink, frozenset(("setAccumulableSize", "setCatalogInfo")))
