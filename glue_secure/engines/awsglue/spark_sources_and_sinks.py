"""Sources and sinks that Spark reads and writes instead of Glue, with the methods of awsglue's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.core.options import whole_number
from glue_secure.engines.awsglue.frames import DynamicFrame, DynamicFrameCollection, wrap, wrap_frame
from glue_secure.engines.glue_options import require_known_options

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkSource:
    """The result of ``getSource``.

    Args:
        context: the GlueContext.
        name: the name of the DynamicFrame.
    """

    def __init__(self, context: Any, name: str) -> None:
        self._sql_ctx, self.name = context, name

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format, and its ``format_options``. Raises UsageError if the source has another format."""
        raise NotImplementedError

    def _read(self, *, sample: bool) -> DataFrame:
        """Return the rows; no bookmark tracks a sample."""
        raise NotImplementedError

    def getFrame(self, **options: Any) -> DynamicFrame:
        """Return a DynamicFrame; ``minPartitions`` and ``targetPartitions`` have no effect."""
        require_known_options(options, {"minPartitions", "targetPartitions"}, "DataSource.getFrame")
        return to_dynamic_frame(self.getDataFrame(), self._sql_ctx, self.name)

    def getSampleFrame(self, num: int, **options: Any) -> DynamicFrame:  # noqa: ARG002 - Glue's signature
        """Return a DynamicFrame of at most ``num`` records."""
        frame = self._read(sample=True).limit(whole_number("num", num, least=1))
        return to_dynamic_frame(frame, self._sql_ctx, self.name)

    def getDataFrame(self) -> DataFrame:
        """Return the DataFrame."""
        return self._read(sample=False)


class SparkStreamingSource:
    """The result of ``getStreamingSource``, which ``create_data_frame.from_options`` reads."""

    def __init__(self, source: SparkSource) -> None:
        self._source, self.name = source, source.name

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format, and its ``format_options``."""
        self._source.setFormat(format, **options)

    def getFrame(self) -> DataFrame:
        """Return the DataFrame."""
        return self._source.getDataFrame()


class SparkSink:
    """The result of ``getSink``.

    Args:
        context: the GlueContext.
    """

    def __init__(self, context: Any) -> None:
        self._sql_ctx = context

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format, and its ``format_options``. Raises UsageError if the sink has another format."""
        raise NotImplementedError

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:
        """Raise UsageError: only sinks of files update the Data Catalog."""
        raise NotImplementedError

    def _write(self, frame: DataFrame, name: str = "") -> None:
        """Append rows; ``name`` is that of a frame of a collection."""
        raise NotImplementedError

    def setAccumulableSize(self, size: int) -> None:
        """Without effect: a record that cannot be written fails the write."""

    def writeFrame(self, dynamic_frame: Any, info: str = "") -> DynamicFrame:  # noqa: ARG002
        """Append a DynamicFrame and return it."""
        self._write(dynamic_frame.toDF())
        return wrap_frame(dynamic_frame)

    def writeDataFrame(self, data_frame: DataFrame, glue_context: Any, info: str = "") -> DataFrame:  # noqa: ARG002
        """Append a DataFrame and return it."""
        self._write(data_frame)
        return data_frame

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        """Append a DynamicFrame, or each frame of a collection to the table of its name."""
        if not isinstance(wrap(dynamic_frame_or_dfc), DynamicFrameCollection):
            return self.writeFrame(dynamic_frame_or_dfc, info)
        for name in dynamic_frame_or_dfc.keys():  # noqa: SIM118 - Glue's collection is not a mapping
            self._write(dynamic_frame_or_dfc[name].toDF(), name)
        return dynamic_frame_or_dfc


def to_dynamic_frame(frame: DataFrame, context: Any, name: str) -> DynamicFrame:
    """Return awsglue's DynamicFrame of a DataFrame."""
    return wrap_frame(DynamicFrame.fromDF(frame, context, name))
