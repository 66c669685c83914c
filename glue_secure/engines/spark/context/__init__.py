"""GlueContext in plain Spark: Glue's signatures, every read and write through the run's funnels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.package_distribution import ship_package
from glue_secure.engines.spark.context.housekeeping import HousekeepingMixin
from glue_secure.engines.spark.context.readers import DataFrameReader, DynamicFrameReader
from glue_secure.engines.spark.context.reading import Reading
from glue_secure.engines.spark.context.streaming import Streaming
from glue_secure.engines.spark.context.tools import Tools
from glue_secure.engines.spark.context.writing import DataFrameWriter, DynamicFrameWriter, Writing

if TYPE_CHECKING:
    from glue_secure.run.run import Run

__all__ = ["DataFrameReader", "DataFrameWriter", "DynamicFrameReader", "DynamicFrameWriter", "GlueContext"]


class GlueContext(Reading, Writing, HousekeepingMixin, Streaming, Tools):
    """The entry to reads and writes; it refuses both until ``job.init`` has run.

    Args:
        sparkContext: a ``SparkContext`` or ``SparkSession``; None takes or makes the session.
        options: Glue's ``minPartitions`` and ``targetPartitions``; they do nothing in plain Spark.

    Attributes:
        spark_session: the ``SparkSession``. What is read or written through it is not guarded at the call.
        create_dynamic_frame: readers ``from_options``, ``from_catalog`` and ``from_rdd``.
        create_data_frame: readers ``from_options`` and ``from_catalog`` of Spark's own DataFrames.
        write_dynamic_frame: writers ``from_options``, ``from_catalog`` and ``from_jdbc_conf``.
        write_data_frame: writer ``from_catalog``.
    """

    def __init__(self, sparkContext: Any = None, **options: Any) -> None:
        unknown = set(options) - {"minPartitions", "targetPartitions"}
        if unknown:
            raise UsageError(
                "GlueContext", found=", ".join(sorted(unknown)), required="minPartitions, targetPartitions"
            )
        self.spark_session = _session_of(sparkContext)
        ship_package(self.spark_session)
        self.secured_run: Run | None = None
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.create_data_frame = DataFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)
        self.write_data_frame = DataFrameWriter(self)

    def __getattr__(self, name: str) -> Any:
        # Glue's class is a SQLContext; what scripts use of that (sql, read, table, ...) is the session's.
        if name == "spark_session" or name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.spark_session, name)


def _session_of(spark: Any) -> Any:
    from pyspark.sql import SparkSession

    if isinstance(spark, SparkSession):
        return spark
    return SparkSession(spark) if spark is not None else SparkSession.builder.getOrCreate()
