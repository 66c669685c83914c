"""The JARs and settings of ``--datalake-formats``, by Spark line.

Spark 3.5: the versions of Glue 5.1. Spark 4.1: the first releases for that line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.embedded.jars import Artifact

_ICEBERG, _DELTA, _HUDI = "iceberg", "delta", "hudi"
FORMATS = (_ICEBERG, _DELTA, _HUDI)

TABLE_FORMAT_JARS: Mapping[str, Mapping[str, tuple[Artifact, ...]]] = {
    "3.5": {
        _ICEBERG: (
            Artifact("org.apache.iceberg", "iceberg-spark-runtime-3.5_2.12", "1.10.0",
                "70f9471870b2d456167d703c829f098a446b86bb1379eee338c0efa03a341026", 47130096),
            Artifact("org.apache.iceberg", "iceberg-aws-bundle", "1.10.0",
                "172370cfc32a5f1ae5399b210e86fc04a366dc29a112d97ac8ffc74df7525596", 64859357),
        ),
        _DELTA: (
            Artifact("io.delta", "delta-spark_2.12", "3.3.2",
                "4e92085d5d794cf949c50bb665b91384857cad58680c2d0bfc9c7ad353e98e85", 7120414),
            Artifact("io.delta", "delta-storage", "3.3.2",
                "c096975a2ca97ccc9b4005aa5cce16c9ac3903139d340da6665b66ace67d7c36", 32229),
        ),
        _HUDI: (
            Artifact("org.apache.hudi", "hudi-spark3.5-bundle_2.12", "1.0.2",
                "2c2ab65a11e91265e4b7346f954448c46df52d66fb72f52dad83767b621deae8", 110844131),
        ),
    },
    # Maven Central has no bundle of Hudi for Spark 4.1.
    "4.1": {
        _ICEBERG: (
            Artifact("org.apache.iceberg", "iceberg-spark-runtime-4.1_2.13", "1.11.0",
                "d6ea6c5d099288daeb7d5a92061bd3d7d8f296492632b42378e5f2f0e3066242", 47959591),
            Artifact("org.apache.iceberg", "iceberg-aws-bundle", "1.11.0",
                "38f01da7e96850cdd05e6616d758b77b43314b712a8808e3f9a824d56976162f", 63613165),
        ),
        _DELTA: (
            Artifact("io.delta", "delta-spark_4.1_2.13", "4.2.0",
                "8480050a55c7e50427f3bec3af9243f98fc7cbfa453a2ef55e6ea8d0b7b121ff", 8530499),
            Artifact("io.delta", "delta-storage", "4.2.0",
                "2d84df76551f2b3cd27b120abec67ccbba324cea6ec45eb659edcc54234f99f3", 76477),
        ),
    },
}  # fmt: skip
"""JARs for the class path, by Spark line and format."""

_CATALOG = "spark.sql.catalog.glue_catalog"
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html, -delta-lake.html
# and -hudi.html. The warehouse of the Iceberg catalog is the job's own.
_SETTINGS: Mapping[str, Mapping[str, str]] = {
    _ICEBERG: {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        _CATALOG: "org.apache.iceberg.spark.SparkCatalog",
        f"{_CATALOG}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        f"{_CATALOG}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
    },
    _DELTA: {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.delta.logStore.class": "org.apache.spark.sql.delta.storage.S3SingleDriverLogStore",
    },
    _HUDI: {"spark.serializer": "org.apache.spark.serializer.KryoSerializer"},
}


def jars(formats: Sequence[str], line: str) -> tuple[Artifact, ...]:
    """Return the JARs of table formats for a Spark line.

    Raises:
        UsageError: a format is unknown, or has no release for this line.
    """
    available = TABLE_FORMAT_JARS[line]
    found: list[Artifact] = []
    for name in formats:
        if name not in available:
            raise UsageError(
                "--datalake-formats",
                found=f"{name}, for which there are no JARs for Spark {line}" if name in FORMATS else name,
                required=f"{', '.join(available)}, separated by commas",
                fix="pass the JARs with --extra-jars" if name in FORMATS else "",
            )
        found += available[name]
    return tuple(dict.fromkeys(found))


def class_path(own: Iterable[str | Path], format_jars: Iterable[Path], line: str) -> str:
    """Return a class path of Spark's own entries and the JARs of table formats, in the order that works.

    On Spark 4.1, Hadoop and Iceberg both use the AWS SDK for Java 2. Iceberg 1.11 needs the newer one, which
    its bundle contains: with Hadoop's, its first request ends with a ``NoSuchFieldError``.
    """
    paths = [*format_jars, *own] if line == "4.1" else [*own, *format_jars]
    return os.pathsep.join(map(str, paths))


def settings(formats: Sequence[str]) -> dict[str, str]:
    """Return the settings that AWS documents for table formats. Extensions of several formats are joined.

    Delta Lake's extension is the first: an UPDATE of its tables fails in rules of Iceberg 1.10 otherwise.
    """
    merged: dict[str, str] = {}
    for name in sorted(formats, key=lambda name: name != _DELTA):
        for setting, value in _SETTINGS[name].items():
            present = merged.get(setting)
            merged[setting] = f"{present},{value}" if present else value
    return merged
