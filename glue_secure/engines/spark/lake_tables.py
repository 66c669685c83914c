"""Tables of Iceberg, Delta Lake and Hudi in calls of awsglue, which Spark's own sources read and write.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html, -delta-lake.html and
-hudi.html: ``from_catalog`` with the table's name, ``from_options`` and ``getSink`` with ``path``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import ReadRecord, WriteRecord
from glue_secure.core.iceberg import catalogs
from glue_secure.core.identifiers import quoted
from glue_secure.core.table_definition import TableDefinition
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.engines.spark.loading import package_required
from glue_secure.engines.spark.tables.delta import DeltaLakeTable
from glue_secure.engines.spark.tables.hudi import HudiTable
from glue_secure.engines.spark.tables.iceberg import IcebergTable
from glue_secure.io.call_checks import reject_table_options, s3_location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.io.source_filter import Sample
    from glue_secure.io.tables.operations import TableMode, TableOperations
    from glue_secure.run.run import Run

FORMATS = ("iceberg", "delta", "hudi")
_SETTING = "spark.sql.catalog."
_PREFERRED = f"{_SETTING}glue_catalog"
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
        database: the database's name, ``""`` for a table that is named by its location.
        name: the table's name, or its location.
        location: its location in S3.
        format: one of ``FORMATS``.
        in_lake: whether its location is registered with Lake Formation.
        catalog: name of the session's Iceberg catalog; ``""`` is the one of the Data Catalog.
    """

    database: str
    name: str
    location: str
    format: str
    in_lake: bool = False
    catalog: str = ""

    def read(
        self,
        run: Run,
        spark: SparkSession,
        options: Mapping[str, Any],
        predicate: str,
    ) -> DataFrame:
        """Return the table's rows. A table of these formats has no bookmark, as in Glue.

        Args:
            run: the run.
            spark: its session.
            options: ``additional_options``, for Spark's reader.
            predicate: ``push_down_predicate``; ``""`` for all rows.

        Raises:
            UsageError: the session has no Iceberg catalog for the Data Catalog.
            RefusedError: GS-S3-002, -005, GS-TLS-008, an option is rejected; GS-S3-006, the location is not
                in S3.
        """
        given = _spark_options(options, f"read of {self._label}", self.location)
        catalog = self._catalog(run, spark) if self.format == "iceberg" and self.database else ""
        locations = [self.location]
        if self.catalog:
            locations += IcebergTable(spark, self.catalog, self.database, self.name).locations
        encryption = run.sources.check_locations(
            [s3_location(location, "read of") for location in dict.fromkeys(locations)],
            by_lake_formation=self.is_read_by_lake_formation(run, spark),
        )
        reader = spark.read.options(**given)
        if catalog:
            frame = reader.table(f"{catalog}.{self._quoted()}")
        else:
            with package_required(self.format):
                frame = reader.format(self.format).load(str(s3_location(self.location, "read of")))
        run.recorder.read(
            ReadRecord(
                self.location,
                "s3",
                self.format,
                "",  # no bookmark tracks the read
                objects=None,
                bytes=None,
                rows=None,
                encryption=encryption,
            ),
            "",
        )
        return frame.where(predicate) if predicate else frame

    def open(self, run: Run, spark: SparkSession, *, is_new: bool = False) -> TableOperations:
        """Return the operations of the table in a session.

        Args:
            run: the run.
            spark: its session.
            is_new: whether the table does not exist yet.

        Raises:
            UsageError: the session has no Iceberg catalog for the Data Catalog; or a location of Iceberg.
            RefusedError: GS-S3-006, the location is not in S3.
        """
        if self.format == "iceberg":
            if not self.database:
                raise UsageError(
                    f"a write to {self.location}",
                    found="the location of a table of Iceberg",
                    required="a table of an Iceberg catalog: commits to a location in S3 are not atomic",
                    fix="name the table: path='glue_catalog.DATABASE.TABLE'",
                )
            location = self.location if is_new else ""
            return IcebergTable(spark, self._catalog(run, spark), self.database, self.name, location)
        path = str(s3_location(self.location, "table at"))
        if self.format == "delta":
            return DeltaLakeTable(spark, path, self._label)
        return HudiTable(spark, path, self._label, is_new)

    def definition(self, spark: SparkSession, partition_by: Sequence[str]) -> TableDefinition:
        """Return the Data Catalog's definition of a table of Delta Lake or Hudi that was written.

        Args:
            spark: the session.
            partition_by: its partition columns.
        """
        from glue_secure.engines.spark.context.catalog_update import columns_of  # it imports this module

        stored = Table.of(spark.read.format(self.format).load(self.location))
        keys = [name for name in stored.data.columns if name in partition_by]
        types = {field.name: field.dataType.simpleString() for field in stored.data.schema.fields}
        return TableDefinition(
            database=self.database,
            name=self.name,
            location=self.location,
            classification=self.format,
            columns=columns_of(stored, keys, f"table {self.database}.{self.name}"),
            partition_keys=tuple((key.lower(), types[key]) for key in keys),
            serde={"serialization.format": "1", "path": self.location},
            parameters={"spark.sql.sources.provider": self.format},
        )

    def is_read_by_lake_formation(self, run: Run, spark: SparkSession) -> bool:
        """Return whether the session reads the table with credentials of Lake Formation."""
        if self.format != "iceberg" or not self.in_lake:
            return False
        catalog = self._catalog(run, spark)
        setting = f"spark.sql.catalog.{catalog}.glue.lakeformation-enabled"
        return str(spark.conf.get(setting, "false")).lower() == "true"

    @property
    def _label(self) -> str:
        return f"{self.database}.{self.name}" if self.database else self.location

    def _catalog(self, run: Run, spark: SparkSession) -> str:
        return self.catalog or _iceberg_catalog(run, spark, f"table {self._label}")

    def _quoted(self) -> str:
        return ".".join(map(quoted, (self.database, self.name)))


@dataclass(frozen=True, slots=True)
class LakeSink:
    """A table to append to.

    Attributes:
        table: the table.
        options: ``additional_options`` or ``connection_options``, for Spark's writer.
        syncs_itself: whether Hudi always reaches the Data Catalog, as in Glue.
    """

    table: LakeTable
    options: Mapping[str, Any]
    syncs_itself: bool = False

    def write(self, run: Run, frame: DataFrame, name: str = "") -> WriteRecord:
        """Append the rows, and verify every object of the commit. A table at a new location is created.

        In plain Spark, Hudi may not reach the Data Catalog: the table that its synchronisation names is
        created here.

        Args:
            run: the run.
            frame: the rows.
            name: not used; a frame of a collection has a table of its own.

        Raises:
            UsageError: the session has no Iceberg catalog for the Data Catalog; or a frame of a collection.
            RefusedError, VerificationError: as in :meth:`TableWriter.write`.
        """
        resource = f"write to {self.table.location}"
        if name:
            raise UsageError(resource, found="a collection", required="one DynamicFrame")
        spark = frame.sparkSession
        options, synced = _spark_options(self.options, resource, self.table.location), None
        if not self.syncs_itself:
            options, synced = without_sync(options, self.table)
        keys = list(self.options.get("partitionKeys") or ())
        table = self.table.open(run, spark)
        is_new = not table.history(None).commits and self.table.format != "iceberg"
        mode: TableMode = "create" if is_new else "append"
        record = run.table_writer.write(
            frame, table, mode=mode, partition_by=keys if is_new else (), options=options
        )
        if synced is not None and run.catalog.existing_table(synced.database, synced.name) is None:
            fields = options.get("hoodie.datasource.write.partitionpath.field", "")
            run.catalog.create(synced.definition(spark, [field for field in fields.split(",") if field]))
        return record


def without_sync(options: dict[str, str], table: LakeTable) -> tuple[dict[str, str], LakeTable | None]:
    """Return Hudi's options without its synchronisation, and the table that it names; None for none.

    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-hudi.html
    """
    if table.format != "hudi":
        return options, None
    others = {name: text for name, text in options.items() if ".hive_sync." not in name}
    if options.get("hoodie.datasource.hive_sync.enable", "false").lower() != "true":
        return others, None
    database = options.get("hoodie.datasource.hive_sync.database", "")
    name = options.get("hoodie.datasource.hive_sync.table", "") or options.get("hoodie.table.name", "")
    if not database or not name:
        raise UsageError(
            "hoodie.datasource.hive_sync.enable",
            found="no hoodie.datasource.hive_sync.database and .table",
            required="both, of the Data Catalog",
        )
    return others, LakeTable(database, name, table.location, "hudi")


@dataclass(frozen=True, slots=True)
class LakeSource:
    """A table that the options of a call name.

    Attributes:
        spark: the session.
        format: one of ``FORMATS``.
        options: Glue's ``connection_options``.
    """

    spark: SparkSession
    format: str
    options: Mapping[str, Any]

    def with_format(self, format: str, options: Mapping[str, Any]) -> LakeSource:
        """Return this source with further options. Raises UsageError for another format."""
        return replace(self, options=with_format_options(self.format, format, self.options, options))

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> DataFrame:  # noqa: ARG002
        """Return the table's rows.

        Raises:
            UsageError: the options do not name one table; and those of :meth:`LakeTable.read`.
            RefusedError: as in :meth:`LakeTable.read`.
        """
        options = {name: value for name, value in self.options.items() if name not in ("path", "paths")}
        paths = self.options.get("paths") or [self.options.get("path")]
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, (list, tuple)) or len(paths) != 1 or not paths[0]:
            raise UsageError(
                f"connection_options of a {self.format} source",
                found=f"paths={paths!r}",
                required="one table: path",
            )
        return _named_table(run, self.spark, self.format, str(paths[0])).read(run, self.spark, options, "")


def lake_format(connection_type: str, format: str | None) -> str:
    """Return the table format of ``getSource`` and ``getSink``, ``""`` for another source or sink.

    Args:
        connection_type: ``s3``, or the format itself.
        format: the format, or None.
    """
    kind = str(connection_type).lower()
    name = str(format or kind).lower()
    return name if name in FORMATS and kind in ("s3", name) else ""


def with_format_options(
    format: str, given: str, options: Mapping[str, Any], format_options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options of a call with its ``format_options``.

    Args:
        format: the table's format.
        given: the format of ``setFormat``.
        options: the call's options.
        format_options: Glue's ``format_options``.

    Raises:
        UsageError: the formats differ.
    """
    if str(given).lower() != format:
        raise UsageError(f"setFormat of a {format} table", found=repr(given), required=repr(format))
    return {**options, **format_options}


def lake_sink(
    run: Run, spark: SparkSession, format: str, options: Mapping[str, Any], *, syncs_itself: bool = False
) -> LakeSink:
    """Return the sink of ``connection_options``.

    Raises:
        UsageError: no table is named, or the options are those of a sink of files.
    """
    if str(options.get("enableUpdateCatalog", "")).lower() == "true":
        raise update_not_offered(format)
    path = options.get("path")
    if not isinstance(path, str) or not path:
        raise UsageError(
            f"connection_options of a {format} sink", found=f"path={path!r}", required="a table: path"
        )
    keys = options.get("partitionKeys") or ()
    if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
        raise UsageError("partitionKeys", found=repr(keys), required="a list of column names")
    return LakeSink(_named_table(run, spark, format, path), options, syncs_itself)


def update_not_offered(format: str) -> UsageError:
    """Return the error for a table sink that is to update the Data Catalog as a sink of files does."""
    fixes = {
        "hudi": "set hoodie.datasource.hive_sync.enable, .database and .table",
        "iceberg": "create the table with frame.writeTo('glue_catalog.DATABASE.TABLE').using('iceberg')"
        ".create(), and append with path='glue_catalog.DATABASE.TABLE'",
        "delta": "create the table with CREATE TABLE DATABASE.TABLE USING delta LOCATION 's3://BUCKET/PREFIX/'",
    }
    return UsageError(
        f"a sink of format {format}",
        found="enableUpdateCatalog or setCatalogInfo",
        required="neither: AWS Glue offers them for files only",
        fix=fixes[format],
    )


def _named_table(run: Run, spark: SparkSession, format: str, path: str) -> LakeTable:
    """Return the table that ``path`` names: a location, or of Iceberg ``[CATALOG.]DATABASE.TABLE``."""
    if format != "iceberg" or "/" in path:
        return LakeTable("", path, path, format)
    parts = path.split(".")
    catalog, database, name = ("", *parts) if len(parts) == 2 else (parts if len(parts) == 3 else ("",) * 3)
    if not all(parts) or not name:
        raise UsageError(
            "path of a table of Iceberg",
            found=repr(path),
            required="CATALOG.DATABASE.TABLE, or DATABASE.TABLE of the Data Catalog",
        )
    of_data_catalog = _catalogs(run, spark)
    if catalog and f"{_SETTING}{catalog}" not in of_data_catalog:
        known = catalogs(run.engine.settings_in_force())
        if f"{_SETTING}{catalog}" not in known:
            raise UsageError(
                f"path {path!r} of a table of Iceberg",
                found=f"no Iceberg catalog {catalog} in the session",
                required=", ".join(setting.removeprefix(_SETTING) for setting in known) or "a catalog",
                fix=f"pass --conf {_SETTING}{catalog}=org.apache.iceberg.spark.SparkCatalog and its settings",
            )
        location = IcebergTable(spark, catalog, database, name).locations[0]
        return LakeTable(database, name, location, format, catalog=catalog)
    table = lake_table(run.reader.catalog_table(database, name))
    if table is None or table.format != format:
        raise UsageError(
            f"table {database}.{name}",
            found=f"a table of {table.format}" if table else "a table of files",
            required="a table of Iceberg",
            fix="read and write it with from_catalog",
        )
    if catalog:  # its metadata decide what is read, not the location in the Data Catalog
        table = replace(table, location=IcebergTable(spark, catalog, database, name).locations[0])
    return replace(table, catalog=catalog)


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
    names = _catalogs(run, spark)
    if not names:
        raise UsageError(
            resource,
            found="an Iceberg table, and no Iceberg catalog in the session",
            required=f"the setting {_PREFERRED}",
            fix=f"pass --datalake-formats iceberg and --conf {_PREFERRED}.warehouse=s3://BUCKET/PREFIX/",
        )
    return (_PREFERRED if _PREFERRED in names else names[0]).removeprefix(_SETTING)


def _catalogs(run: Run, spark: SparkSession) -> list[str]:
    """Return the settings of the session's Iceberg catalogs that are the Data Catalog of the run's account.

    ``glue.id`` names the Data Catalog of another account, or a catalog inside of one.
    https://iceberg.apache.org/docs/1.10.0/aws/#glue-catalog
    """
    of_glue = [
        name
        for name in catalogs(run.engine.settings_in_force())
        if spark.conf.get(f"{name}.catalog-impl", "").endswith(".GlueCatalog")
        or spark.conf.get(f"{name}.type", "") == "glue"
    ]
    return [name for name in of_glue if spark.conf.get(f"{name}.glue.id", "") in ("", run.preflight.account)]


def _spark_options(options: Mapping[str, Any], resource: str, location: str) -> dict[str, str]:
    """Return the options for Spark. Raises as :func:`~glue_secure.io.call_checks.reject_table_options`."""
    values = {name: str(value) for name, value in options.items() if name not in _OPTIONS_OF_GLUE}
    reject_table_options(values, resource, location)
    return values
