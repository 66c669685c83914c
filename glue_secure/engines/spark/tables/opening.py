"""Tables by the name that Spark's plans report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glue_secure.engines.spark.tables.delta import DeltaLakeTable
from glue_secure.engines.spark.tables.iceberg import IcebergTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.io.tables.operations import TableOperations

_DELTA = re.compile(r"delta\.`(?P<location>.+)`\Z", re.DOTALL)
_ICEBERG_PARTS = 3


def named_table(spark: SparkSession, name: str) -> TableOperations | None:
    """Return a table by ``UnmanagedWrite.table``, None if the name does not identify one.

    A name of Iceberg has no quotes, so that one with more than three parts is ambiguous.
    """
    delta = _DELTA.match(name)
    if delta:
        location = delta["location"].replace("``", "`")
        return DeltaLakeTable(spark, location, location)
    parts = name.split(".")
    if len(parts) != _ICEBERG_PARTS or not all(parts):
        return None
    return IcebergTable(spark, *parts)
