"""GlueContext in plain Spark, with awsglue's signatures. Every read and write goes through the run."""

from glue_secure.engines.spark.context.glue_context import GlueContext
from glue_secure.engines.spark.context.readers_and_writers import (
    DataFrameReader,
    DataFrameWriter,
    DynamicFrameReader,
    DynamicFrameWriter,
)

__all__ = ["DataFrameReader", "DataFrameWriter", "DynamicFrameReader", "DynamicFrameWriter", "GlueContext"]
