"""Tables of Iceberg, Delta Lake and Hudi in the Data Catalog, which Spark's own sources read and write.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html, -delta-lake.html and
-hudi.html: ``create_data_frame.from_catalog`` and ``write_data_frame.from_catalog``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import ReadRecord, WriteRecord
from glue_secure.core.iceberg import catalogs
from glue_secure.io.call_checks import reject_protected_options, s3_location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.dynamicframe.frames.table import Table
    from glue_secure.io.source_filter import Sample
    from glue_secure.run.run import Run

FORMATS = ("iceberg", "delta", "hudi")
_PREFERRED = "spark.sql.catalog.glue_catalog"
_PLACEHOLDER = "-__PLACEHOLDER__"
# Options of Glue's readers and writers, which Spark's sources of these formats do not have.
_OPTIONS_OF_GLUE = frozenset(
    {
        "useCatalogSchema",
        "useSparkDataSource",
        "enableUpdateCatalog",
        "updateBehavior",
        "partitionKeys",
        "path",
    }
)


class DescribedTable(Protocol):
    """A table as the Data Catalog describes it."""

    @property
    def database(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def location(self) -> str: ...  # noqa: D102
    @property
    def classification(self) -> str: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def in_lake(self) -> bool: ...  # noqa: D102
    @property
    def serde(self) -> Mapping[str, str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table of one of ``FORMATS``.

    Attributes:
        database: the database's name.
        name: the table's name.
        location: its location in S3.
        format: one of ``FORMATS``.
        in_lake: whether its location is registered with Lake Formation.
    """

    database: str
    name: str
    location: str
    format: str
    in_lake: bool = False

    def read(
        self,
        run: Run,
        spark: SparkSession,
        options: Mapping[str, Any],
        predicate: str,
        transformation_ctx: str,
    ) -> DataFrame:
        """Return the table's rows. A table of these formats has no bookmark, as in Glue.

        Args:
            run: the run.
            spark: its session.
            options: ``additional_options``, for Spark's reader.
            predicate: ``push_down_predicate``; ``""`` for all rows.
            transformation_ctx: for the evidence.

        Raises:
            UsageError: the session has no Iceberg catalog for the Data Catalog.
            RefusedError: GS-S3-005, an option is rejected; GS-S3-006, the location is not in S3.
        """
        resource = f"read of {self.database}.{self.name}"
        catalog = _iceberg_catalog(run, spark, resource) if self.format == "iceberg" else ""
        setting = f"spark.sql.catalog.{catalog}.glue.lakeformation-enabled"
        encryption = run.sources.check_locations(
            [s3_location(self.location, "read of")],
            by_lake_formation=self.in_lake and spark.conf.get(setting, "false").lower() == "true",
        )
        reader = spark.read.options(**_spark_options(options, resource))
        if catalog:
            frame = reader.table(f"{catalog}.{self._quoted()}")
        else:
            frame = reader.format(self.format).load(str(s3_location(self.location, "read of")))
        run.recorder.read(
            ReadRecord(
                self.location,
                "s3",
                self.format,
                transformation_ctx,
                objects=None,
                bytes=None,
                rows=None,
                encryption=encryption,
            ),
            "",
        )
        return frame.where(predicate) if predicate else frame

    def _quoted(self) -> str:
        return ".".join("`" + part.replace("`", "``") + "`" for part in (self.database, self.name))


@dataclass(frozen=True, slots=True)
class LakeSink:
    """A table to append to.

    Attributes:
        table: the table.
        options: ``additional_options``, for Spark's writer.
    """

    table: LakeTable
    options: Mapping[str, Any]

    def write(self, run: Run, frame: Table, name: str = "") -> WriteRecord:  # noqa: ARG002
        """Append the rows, and verify every object that appeared below the table's location.

        Raises:
            UsageError: the session has no Iceberg catalog for the Data Catalog.
            RefusedError: GS-COL-005 under a column policy; otherwise as for a write to S3.
        """
        table, data = self.table, frame.data
        resource = f"write to {table.database}.{table.name}"
        options = _spark_options(self.options, resource)
        spark = data.sparkSession

        def perform() -> None:
            if table.format == "iceberg":
                target = f"{_iceberg_catalog(run, spark, resource)}.{table._quoted()}"
                data.writeTo(target).options(**options).append()
                return
            if table.format == "hudi":
                options.setdefault("hoodie.table.name", table.name)
            data.write.format(table.format).options(**options).mode("append").save(table.location)

        run.guard.require_same_session(data, table.location)
        return run.writer.write_custom(table.location, format=table.format, perform=perform)


@dataclass(frozen=True, slots=True)
class LakeSource:
    """A table of Delta Lake or Hudi at an S3 location.

    Attributes:
        spark: the session.
        format: ``delta`` or ``hudi``.
        options: Glue's ``connection_options``.
        transformation_ctx: for the evidence.
    """

    spark: SparkSession
    format: str
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> LakeSource:  # noqa: ARG002
        """Raise UsageError: the format is known."""
        raise UsageError(f"a {self.format} source", found="setFormat", required="the format of the call")

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> DataFrame:  # noqa: ARG002
        """Return the table's rows. Raises UsageError if the options do not name one location."""
        options = dict(self.options)
        paths = options.pop("paths", None) or [options.get("path")]
        if not isinstance(paths, (list, tuple)) or len(paths) != 1 or not paths[0]:
            raise UsageError(
                f"connection_options of a {self.format} source",
                found=f"paths={paths!r}",
                required="one location",
            )
        table = LakeTable("s3", str(paths[0]), str(paths[0]), self.format)
        return table.read(run, self.spark, options, "", self.transformation_ctx)


def lake_table(table: DescribedTable) -> LakeTable | None:
    """Return a table of one of ``FORMATS``, None for another table."""
    kinds = (
        table.parameters.get("table_type", ""),
        table.parameters.get("spark.sql.sources.provider", ""),
        table.classification,
    )
    format = next((kind.lower() for kind in kinds if kind.lower() in FORMATS), "")
    if not format:
        return None
    # Spark stores the location of a table that Hive cannot read as a parameter of the SerDe.
    location = table.serde.get("path", "") if table.location.endswith(_PLACEHOLDER) else table.location
    return LakeTable(table.database, table.name, location, format, table.in_lake)


def _iceberg_catalog(run: Run, spark: SparkSession, resource: str) -> str:
    """Return the name of the session's Iceberg catalog that is the Data Catalog."""
    names = [
        name
        for name in catalogs(run.engine.settings_in_force())
        if spark.conf.get(f"{name}.catalog-impl", "").endswith(".GlueCatalog")
        or spark.conf.get(f"{name}.type", "") == "glue"
    ]
    if not names:
        raise UsageError(
            resource,
            found="an Iceberg table, and no Iceberg catalog in the session",
            required=f"the setting {_PREFERRED}",
            fix=f"pass --datalake-formats iceberg and --conf {_PREFERRED}.warehouse=s3://BUCKET/PREFIX/",
        )
    return (_PREFERRED if _PREFERRED in names else names[0]).removeprefix("spark.sql.catalog.")


def _spark_options(options: Mapping[str, Any], resource: str) -> dict[str, str]:
    """Return the options for Spark. Raises RefusedError (GS-S3-005)."""
    values = {name: str(value) for name, value in options.items() if name not in _OPTIONS_OF_GLUE}
    reject_protected_options(values, resource)
    return values
