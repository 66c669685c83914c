"""Loading objects with Spark's readers; avro and xml come as packages of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader

# https://spark.apache.org/docs/3.5.6/sql-data-sources-avro.html, https://github.com/databricks/spark-xml
PACKAGES = {
    "avro": "org.apache.spark:spark-avro_2.12:3.5.6",
    "xml": "com.databricks:spark-xml_2.12:0.18.0",
}
AGREEING = "agreeing"
"""A value of Spark's option ``enforceSchema``: every CSV object must have the same header as the frame.

Spark itself reads all objects in the order of one header and silently drops further columns. Glue reads each
object by its own header.
"""
MERGED = ("parquet", "orc", "avro")
"""Formats whose objects have a schema of their own."""
MOST_HEADERS = 100
# SparkException "Failed merging schema", CANNOT_MERGE_SCHEMAS, CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE.
_NOT_MERGED = re.compile(r"CANNOT_MERGE|Failed (?:to merge|merging)", re.IGNORECASE)
_LOG = redacting_logger(__name__)
_MISSING = re.compile(r"Failed to find (?:the )?data source|DATA_SOURCE_NOT_FOUND", re.IGNORECASE)


def load(reader: DataFrameReader, format: str, paths: Sequence[str]) -> tuple[DataFrame, bool]:
    """Return the frame of a configured reader, and whether its scans have the read's id and ``_metadata``.

    Raises:
        UsageError: the format's package is not on the class path, or an object's name has a comma.
    """
    if format not in PACKAGES:
        return reader.load(list(paths)), True
    built_in = format == "avro" or not _is_spark_3()
    try:
        if built_in:
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
    except Exception as error:
        if not _MISSING.search(str(error)):
            raise
        raise missing_package(format) from error


def load_agreeing(
    reader: DataFrameReader, paths: Sequence[str], header: Callable[[str], Sequence[str | None]]
) -> DataFrame:
    """Return the frame of CSV objects with headers; reading an object with another header fails.

    Where Spark generates names (``_c0`` for an empty one, ``a0`` and ``a1`` for two ``a``), it cannot compare
    headers; a warning is logged. One empty name stays empty, as in Glue.

    Args:
        reader: the configured reader.
        paths: the objects.
        header: returns the names in an object's header, None or ``""`` for an empty one.
    """
    frame = reader.option("enforceSchema", "true").load(list(paths))
    generated = [at for at, name in enumerate(frame.columns) if name.lower() == f"_c{at}"]
    if generated:
        names = header(paths[0])
        empty = [at for at in generated if at < len(names) and not names[at]]
        if len(empty) == 1:
            frame = frame.toDF(*("" if at in empty else name for at, name in enumerate(frame.columns)))
    if len(paths) < 2 or not frame.columns:
        return frame
    if generated or _has_generated_names(frame.columns):
        _LOG.warning(
            "CSV headers with empty or repeated names are not compared; columns are matched by position"
        )
        return frame
    return reader.option("enforceSchema", "false").schema(frame.schema).load(list(paths))


def load_merged(reader: DataFrameReader, format: str, paths: Sequence[str]) -> DataFrame:
    """Return a frame with the columns of all objects of Parquet, ORC or Avro, matched by name.

    By default Spark takes the columns of one object, and the values of other columns are lost. An object
    without a column has nulls. For Parquet and ORC, Spark merges the schemas of all footers; for Avro, those
    of the headers of at most ``MOST_HEADERS`` objects are merged here.

    Raises:
        UsageError: two objects have a column of the same name and of different types.
    """
    if format != "avro":
        try:
            return reader.option("mergeSchema", "true").load(list(paths))
        except Exception as error:
            text = str(error)
            if not _NOT_MERGED.search(text):
                raise
            raise _cannot_merge(format, text.strip().partition("\n")[0]) from error
    if len(paths) > MOST_HEADERS:
        _LOG.warning(
            "the columns of %d Avro objects are not compared with the others: at most %d headers are read",
            len(paths) - MOST_HEADERS,
            MOST_HEADERS,
        )
    columns: dict[str, tuple[Any, str]] = {}
    differ = False
    for path in paths[:MOST_HEADERS]:
        frame, _ = load(reader, format, [path])
        differ |= bool(columns) and {field.name.lower() for field in frame.schema} != set(columns)
        for field in frame.schema:
            first, where = columns.setdefault(field.name.lower(), (field, path))
            if first.dataType != field.dataType:
                types = (
                    f"{first.dataType.simpleString()} in {where}, {field.dataType.simpleString()} in {path}"
                )
                raise _cannot_merge(format, f"column {field.name}: {types}")
    if not differ:
        return load(reader, format, paths)[0]
    from pyspark.sql.types import StructType

    return load(reader.schema(StructType([field for field, _ in columns.values()])), format, paths)[0]


def _cannot_merge(format: str, found: str) -> UsageError:
    return UsageError(
        f"a read of {format} objects with different columns",
        found=found,
        required="columns of one name with one type in all objects of a read",
        fix="read the objects in separate reads, or pass a schema",
    )


def missing_package(format: str) -> UsageError:
    """Return the error that names the package of a format."""
    return UsageError(
        f"format {format}",
        found="no reader for this format on Spark's class path",
        required=PACKAGES[format],
        fix=f"spark-submit --packages {PACKAGES[format]} (Spark 3.5; or the package of your version)",
    )


def _has_generated_names(names: Sequence[str]) -> bool:
    bases = [name.lower().removesuffix(str(at)) for at, name in enumerate(names)]
    numbered = [base for base, name in zip(bases, names, strict=True) if base != name.lower()]
    return "_c" in numbered or len(numbered) != len(set(numbered))


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
