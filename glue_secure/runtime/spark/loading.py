"""Loading objects with Spark's readers, and with the two that come as packages of their own: avro and xml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from glue_secure.core.errors import UsageError

# https://spark.apache.org/docs/3.5.6/sql-data-sources-avro.html, https://github.com/databricks/spark-xml
PACKAGES = {
    "avro": "org.apache.spark:spark-avro_2.12:3.5.6",
    "xml": "com.databricks:spark-xml_2.12:0.18.0",
}
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


def missing_package(format: str) -> UsageError:
    """The error that names the package of a format."""
    return UsageError(
        f"format {format}",
        found="no reader for it on the class path of Spark",
        required=PACKAGES[format],
        fix=f"spark-submit --packages {PACKAGES[format]} (Spark 3.5; else your own version's)",
    )


def _is_spark_3() -> bool:
    import pyspark

    return str(pyspark.__version__).startswith("3.")
