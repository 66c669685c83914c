"""Loading objects with Spark's readers; avro and xml come as packages of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

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


def load_agreeing(reader: DataFrameReader, paths: Sequence[str]) -> DataFrame:
    """Return the frame of CSV objects with headers; reading an object with another header fails.

    Where Spark generates names (``_c0`` for an empty one, ``a0`` and ``a1`` for two ``a``), it cannot compare
    headers; a warning is logged.
    """
    frame = reader.option("enforceSchema", "true").load(list(paths))
    if len(paths) < 2 or not frame.columns:
        return frame
    if _has_generated_names(frame.columns):
        _LOG.warning(
            "CSV headers with empty or repeated names are not compared; columns are matched by position"
        )
        return frame
    return reader.option("enforceSchema", "false").schema(frame.schema).load(list(paths))


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
