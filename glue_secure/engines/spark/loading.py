"""Loading objects with Spark's readers; avro and xml come as packages of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader

# https://spark.apache.org/docs/3.5.6/sql-data-sources-avro.html, https://github.com/databricks/spark-xml
PACKAGES = {
    "avro": "org.apache.spark:spark-avro_2.12:3.5.6",
    "xml": "com.databricks:spark-xml_2.12:0.18.0",
}
_PARTS = "_glue_secure_parts"
_MISSING = re.compile(r"Failed to find (?:the )?data source|DATA_SOURCE_NOT_FOUND", re.IGNORECASE)


def load(reader: DataFrameReader, format: str, paths: Sequence[str]) -> tuple[DataFrame, bool]:
    """Return the frame of a configured reader, and whether its scans have the read's id and ``_metadata``.

    Raises:
        UsageError: the format's package is not on the class path, or an object's name has a comma.
    """
    with package_required(format):
        if format != "xml" or not _is_spark_3():
            return reader.load(list(paths)), True
        # spark-xml takes several paths as one text, separated by commas.
        with_comma = [path for path in paths if "," in path]
        if with_comma:
            raise UsageError(
                "a read of XML",
                found=f"{with_comma[0]}: a comma in the name",
                required="names without commas on Spark 3.5",
                fix="rename the object; Spark 4 reads it",
            )
        return reader.load(",".join(paths)), False


@contextmanager
def package_required(format: str) -> Iterator[None]:
    """Raise UsageError with the way to add the format's package if the block does not find the format."""
    try:
        yield
    except Exception as error:
        if not _MISSING.search(str(error)):
            raise
        raise missing_package(format) from error


def union(parts: Sequence[DataFrame]) -> DataFrame:
    """Return the rows of several frames, with columns matched by name and nulls for those that a part lacks.

    :func:`parts_of` returns the parts, which have Spark's ``_metadata`` column, unlike the union.
    """
    frame = reduce(lambda first, second: first.unionByName(second, allowMissingColumns=True), parts)
    if len(parts) > 1:
        setattr(frame, _PARTS, list(parts))
    return frame


def parts_of(frame: DataFrame) -> list[DataFrame]:
    """Return the frames of a :func:`union`, or the frame itself."""
    return list(getattr(frame, _PARTS, [frame]))


def missing_package(format: str) -> UsageError:
    """Return the error that names the package of a format."""
    package = PACKAGES.get(format, "")
    return UsageError(
        f"format {format}",
        found="no reader for this format on Spark's class path",
        required=package or f"the JARs of {format}",
        fix=f"spark-submit --packages {package} (Spark 3.5; or the package of your version)"
        if package
        else f"pass --datalake-formats {format} to the job",
    )


def _is_spark_3() -> bool:
    import pyspark

    return str(pyspark.__version__).startswith("3.")


def with_source_columns(frame: DataFrame, file_column: str, time_column: str) -> DataFrame:
    """Return the frame with a column for each record's object, and one for the time of its last change.

    Args:
        frame: a frame of a reader.
        file_column: name of the column for ``s3://bucket/key``; ``""`` for none.
        time_column: name of the column for the time, a timestamp; ``""`` for none.

    Raises:
        UsageError: the reader gives no time (spark-xml of Spark 3.5).
    """
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    if not file_column and not time_column:
        return frame
    if (parts := parts_of(frame)) != [frame]:
        return union([with_source_columns(part, file_column, time_column) for part in parts])
    try:
        frame.select("_metadata.file_path")
    except AnalysisException:
        if time_column:
            raise UsageError(
                "attachTimestamp of a read of XML",
                found="Spark 3.5, whose reader of XML does not know the time",
                required="another format, or Spark 4",
            ) from None
        path = F.input_file_name()
    else:
        # A plus sign of a URI is itself; url_decode takes it for a blank.
        path = F.expr("url_decode(replace(_metadata.file_path, '+', '%2B'))")
    columns = {}
    if file_column:
        columns[file_column] = F.regexp_replace(path, "^s3[an]?:", "s3:")
    if time_column:
        columns[time_column] = F.col("_metadata.file_modification_time")
    return frame.withColumns(columns)


def without_first_records(frame: DataFrame) -> DataFrame:
    """Return the frame without the first record of each object."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if (parts := parts_of(frame)) != [frame]:
        return union([without_first_records(part) for part in parts])
    file, block, order, position = (f"glue secure {name}" for name in ("file", "block", "order", "position"))
    numbered = frame.select(
        "*",
        F.col("_metadata.file_path").alias(file),
        F.col("_metadata.file_block_start").alias(block),
        F.monotonically_increasing_id().alias(order),
    )
    in_file = Window.partitionBy(file).orderBy(block, order)
    return (
        numbered.withColumn(position, F.row_number().over(in_file))
        .where(F.col(position) > 1)
        .drop(file, block, order, position)
    )
