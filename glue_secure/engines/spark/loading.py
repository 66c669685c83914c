"""Loading objects with Spark's readers, and with the two that come as packages of their own: avro and xml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger

# https://spark.apache.org/docs/3.5.6/sql-data-sources-avro.html, https://github.com/databricks/spark-xml
PACKAGES = {
    "avro": "org.apache.spark:spark-avro_2.12:3.5.6",
    "xml": "com.databricks:spark-xml_2.12:0.18.0",
}
AGREEING = "agreeing"
"""Of Spark's option ``enforceSchema``: every CSV object must have the header that the frame has.

Spark itself reads all objects in the order of one header and drops what is beyond it, in silence; Glue reads
each by its own.
"""
_LOG = redacting_logger(__name__)
_MISSING = re.compile(r"Failed to find (?:the )?data source|DATA_SOURCE_NOT_FOUND", re.IGNORECASE)


def load(reader: Any, format: str, paths: Sequence[str]) -> tuple[Any, bool]:
    """The frame of a reader that is set up, and whether its scans carry marks and ``_metadata``.

    Raises:
        UsageError: the format's package is not on the class path, or an object's name cannot be handed on.
    """
    if format not in PACKAGES:
        return reader.load(list(paths)), True
    built_in = format == "avro" or not _is_spark_3()
    try:
        if built_in:
            return reader.load(list(paths)), True
        # spark-xml takes one path, and several in it with commas between them.
        strange = [path for path in paths if "," in path]
        if strange:
            raise UsageError(
                "a read of XML",
                found=f"{strange[0]}: a comma in the name",
                required="names without commas on Spark 3.5",
                fix="rename the object; Spark 4 reads it",
            )
        return reader.load(",".join(paths)), False
    except Exception as error:
        if not _MISSING.search(str(error)):
            raise
        raise missing_package(format) from error


def load_agreeing(reader: Any, paths: Sequence[str]) -> Any:
    """The frame of CSV objects with headers; an object with another header stops the job that reads it.

    Where Spark makes up names of its own (``_c0`` for an empty one, ``a0`` and ``a1`` for two ``a``), it
    cannot compare headers; the log says so.
    """
    frame = reader.option("enforceSchema", "true").load(list(paths))
    if len(paths) < 2 or not frame.columns:
        return frame
    if _are_made_up(frame.columns):
        _LOG.warning("CSV headers with empty or repeated names are not compared; columns go by their order")
        return frame
    return reader.option("enforceSchema", "false").schema(frame.schema).load(list(paths))


def missing_package(format: str) -> UsageError:
    """The error that names the package of a format."""
    return UsageError(
        f"format {format}",
        found="no reader for it on the class path of Spark",
        required=PACKAGES[format],
        fix=f"spark-submit --packages {PACKAGES[format]} (Spark 3.5; else your own version's)",
    )


def _are_made_up(names: Sequence[str]) -> bool:
    bases = [name.lower().removesuffix(str(at)) for at, name in enumerate(names)]
    numbered = [base for base, name in zip(bases, names, strict=True) if base != name.lower()]
    return "_c" in numbered or len(numbered) != len(set(numbered))


def _is_spark_3() -> bool:
    import pyspark

    return str(pyspark.__version__).startswith("3.")
