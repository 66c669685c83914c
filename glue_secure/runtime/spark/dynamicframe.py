"""DynamicFrame in plain Spark: a DataFrame with the name of its transformation.

Glue infers a schema row by row and keeps choices; here the schema is the DataFrame's own
(docs/differences-from-glue.md).
"""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError


class DynamicFrame:
    """The part of ``awsglue.DynamicFrame`` that this version serves.

    Args:
        dataframe: a ``pyspark.sql.DataFrame``.
        glue_ctx: the GlueContext it belongs to.
        name: the frame's name.
    """

    def __init__(self, dataframe: Any, glue_ctx: Any, name: str = "") -> None:
        self._dataframe, self.glue_ctx, self.name = dataframe, glue_ctx, name

    @classmethod
    def fromDF(cls, dataframe: Any, glue_ctx: Any, name: str = "") -> DynamicFrame:
        """A DynamicFrame of a DataFrame."""
        if not hasattr(dataframe, "_jdf"):
            raise UsageError("DynamicFrame.fromDF", found=type(dataframe).__name__, required="a DataFrame")
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Any = None) -> Any:
        """The DataFrame. ``options`` (how to resolve choices) must be empty: there are none here."""
        if options:
            raise UsageError("DynamicFrame.toDF", found="options", required="none in plain Spark")
        return self._dataframe

    def count(self) -> int:
        """How many rows; runs a Spark job."""
        return int(self._dataframe.count())

    def printSchema(self) -> None:
        """Print the schema as a tree."""
        self._dataframe.printSchema()

    def show(self, num_rows: int = 20) -> None:
        """Print the first rows."""
        self._dataframe.show(num_rows)

    def repartition(self, numPartitions: int, transformation_ctx: str = "") -> DynamicFrame:
        """The same rows in that many partitions."""
        return self._of(self._dataframe.repartition(numPartitions), transformation_ctx)

    def coalesce(
        self, numPartitions: int, shuffle: bool = False, transformation_ctx: str = ""
    ) -> DynamicFrame:
        """The same rows in at most that many partitions."""
        change = self._dataframe.repartition if shuffle else self._dataframe.coalesce
        return self._of(change(numPartitions), transformation_ctx)

    def select_fields(self, paths: list[str], transformation_ctx: str = "") -> DynamicFrame:
        """Only these top-level fields."""
        return self._of(self._dataframe.select(*paths), transformation_ctx)

    def drop_fields(self, paths: list[str], transformation_ctx: str = "") -> DynamicFrame:
        """All but these top-level fields."""
        return self._of(self._dataframe.drop(*paths), transformation_ctx)

    def rename_field(self, oldName: str, newName: str, transformation_ctx: str = "") -> DynamicFrame:
        """One top-level field under another name."""
        return self._of(self._dataframe.withColumnRenamed(oldName, newName), transformation_ctx)

    def _of(self, dataframe: Any, transformation_ctx: str) -> DynamicFrame:
        return DynamicFrame(dataframe, self.glue_ctx, transformation_ctx or self.name)
