"""Reading and writing in plain Spark. Only the funnels call it: it guards nothing itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.runtime.spark.hadoop import SCHEME, HadoopSettings, versions
from glue_secure.runtime.spark.measure import READ_MARK, RowMeter

# What shapes a read, and nothing that connects:
# https://spark.apache.org/docs/3.5.6/sql-data-sources-jdbc.html
_JDBC_READER = frozenset(
    (
        "customSchema",
        "fetchsize",
        "lowerBound",
        "numPartitions",
        "partitionColumn",
        "preferTimestampNTZ",
        "pushDownAggregate",
        "pushDownLimit",
        "pushDownOffset",
        "pushDownPredicate",
        "pushDownTableSample",
        "queryTimeout",
        "upperBound",
    )
)
_DISTRIBUTIONS = ("Repartition", "RepartitionByExpression", "RebalancePartitions")

_PATTERN = re.compile(r"[{}\[\]*?\\]")


class SparkEngine:
    """Satisfies ``ports.Engine`` on one Spark session.

    Args:
        spark: the session (``pyspark.sql.SparkSession``).
    """

    name = "plain-spark"

    def __init__(self, *, spark: Any) -> None:
        self._spark = spark
        self._hadoop = HadoopSettings(spark=spark)
        self._meter = RowMeter(spark=spark)
        self._reads = 0

    @property
    def versions(self) -> Mapping[str, str]:
        """Spark, Hadoop and Java."""
        return versions(self._spark)

    def apply_settings(self, plan: SettingsPlan) -> None:
        """Set the plan's Hadoop settings."""
        self._hadoop.apply(plan)

    def settings_in_force(self) -> dict[str, str]:
        """Every ``fs.s3*`` setting as a write would see it now."""
        return self._hadoop.in_force()

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Algorithm and key of the client that serves this bucket."""
        return self._hadoop.client_encryption(uri)

    def java_options(self) -> Mapping[str, str]:
        """What could switch certificate checks of the JVM off, by the name of where it stands."""
        return self._hadoop.java_options()

    def is_own(self, frame: Any) -> bool:
        """Whether the frame belongs to the session whose settings are looked at.

        A frame of ``spark.newSession()`` would be written with that session's own ``fs.s3a`` settings.
        """
        if not hasattr(frame, "_jdf"):
            raise UsageError("a write", found=type(frame).__name__, required="a DataFrame")
        return bool(frame._jdf.sparkSession().equals(self._spark._jsparkSession))

    def read_s3(
        self,
        objects: Sequence[S3Uri],
        *,
        base: S3Uri | None,
        format: str,
        options: Mapping[str, str],
        schema: Any = None,
        empty: bool = False,
    ) -> tuple[Any, str]:
        """A frame of exactly these objects, and the mark that its rows are counted under.

        Args:
            objects: what to read; none gives a frame without columns.
            base: where partition directories (``month=1``) begin; None where sources share no such place.
            format: Spark's name of it.
            options: Spark's options.
            schema: a ``StructType`` or DDL text, or None to infer.
            empty: read the objects for their schema only.
        """
        self._reads += 1
        mark = f"read-{self._reads}"
        if not objects and schema is None:
            from pyspark.sql.types import StructType

            return self._spark.createDataFrame([], StructType([])), mark
        if not objects:
            return self._spark.createDataFrame([], schema), mark
        reader = self._spark.read.format(format).options(**options).option(READ_MARK, mark)
        if base is not None and all(found.key.startswith(base.as_prefix()) for found in objects):
            reader = reader.option("basePath", base.with_scheme(SCHEME))
        if schema is not None:
            reader = reader.schema(schema)
        frame = reader.load([_literal(found) for found in objects])
        return (frame.limit(0) if empty else frame), mark

    def read_jdbc(
        self,
        *,
        url: str,
        driver: str,
        table: str,
        credentials: Credentials,
        driver_options: Mapping[str, str],
        spark_options: Mapping[str, str],
    ) -> tuple[Any, str]:
        """A frame of a table, or of a query in parentheses with an alias."""
        unknown = sorted(set(spark_options) - _JDBC_READER)
        if unknown:
            raise UsageError(
                f"options of a read of {table}",
                found=", ".join(unknown),
                required=", ".join(sorted(_JDBC_READER)),
                fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
            )
        reader = self._spark.read.format("jdbc").options(**driver_options).options(**spark_options)
        reader = reader.option("url", url).option("driver", driver).option("dbtable", table)
        frame = reader.option("user", credentials.user).option("password", credentials.password).load()
        return frame, self._meter.mark_jdbc(frame)

    def write_s3(
        self,
        frame: Any,
        target: S3Uri,
        *,
        format: str,
        mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> int | None:
        """Write the frame below the target; the rows written, or None when nothing measured them."""
        path = target.with_scheme(SCHEME)
        self._meter.take_written(path)
        writer = frame.write.format(format).mode(mode).options(**options)
        if partition_by:
            writer = writer.partitionBy(*partition_by)
        writer.save(path)
        return self._meter.take_written(path)

    def is_certainly_empty(self, frame: Any) -> bool:
        """Whether Spark's optimiser proves, without running anything, that the frame has no rows."""
        plan = frame._jdf.queryExecution().optimizedPlan()
        # A repartition at the root stays in the plan even when nothing is left to distribute.
        while plan.getClass().getSimpleName() in _DISTRIBUTIONS:
            plan = plan.child()
        return bool(plan.getClass().getSimpleName() == "LocalRelation" and plan.data().isEmpty())

    def rows_read(self, mark: str) -> int | None:
        """Rows that the scans of one read have delivered so far."""
        self._meter.settle()
        return self._meter.rows(mark)

    def first_row(self, frame: Any) -> Mapping[str, Any]:
        """The first row of a small frame, ``{}`` when there is none."""
        row = frame.first()
        return row.asDict() if row is not None else {}

    def close(self) -> None:
        """Take off what was hung on the session; the session itself is its owner's."""
        self._meter.close()


def _literal(uri: S3Uri) -> str:
    """The object's path with pattern characters escaped: a key is a name, and ``a[1].csv`` means itself.

    Spark's own switch for that, ``__globPaths__``, reads every object several times in 3.5.6 as soon as
    one name of several holds such a character.
    """
    return _PATTERN.sub(r"\\\g<0>", uri.with_scheme(SCHEME))
