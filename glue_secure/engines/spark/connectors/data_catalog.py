"""The description of a Data Catalog database as rows, in local Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from glue_secure.connections.connectors.table import connector
from glue_secure.core.errors import UsageError
from glue_secure.core.ports.metastore import Metastore, Shape
from glue_secure.dynamicframe.frames.records import from_records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.dynamicframe.frames.table import Table
    from glue_secure.io.source_filter import Sample
    from glue_secure.run.run import Run

_RESOURCE = "a DataCatalogConnection source"
# The members of these shapes are names of the user, not of the API.
_MAPS = ("Parameters", "SkewedColumnValueLocationMaps")
_NAMES = {"DatabaseName": "namespaceName"}


@dataclass(frozen=True, slots=True)
class DataCatalogSource:
    """A database of the Data Catalog with its tables and partitions.

    Attributes:
        spark: the session.
        options: ``catalog.database``, and optionally ``catalog.name`` and ``catalog.region``.
        transformation_ctx: not used: a description has no bookmark.
    """

    spark: SparkSession
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> DataCatalogSource:  # noqa: ARG002
        """Raise UsageError: a description has no format."""
        raise UsageError(_RESOURCE, found="a format", required="connection_options only")

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Table | DataFrame:  # noqa: ARG002
        """Return a row for the database, one for its tables, and one for the partitions of each table.

        Raises:
            UsageError: no database, or the catalog of another AWS Region.
            RefusedError: GS-CAT-001, the catalog is not encrypted; GS-TLS-005, an unknown option.
        """
        run.stores.check_call(connector("datacatalog"), self.options, _RESOURCE)
        database = str(self.options.get("catalog.database") or "")
        if not database:
            raise UsageError(_RESOURCE, found="no catalog.database", required="the name of a database")
        region, own = str(self.options.get("catalog.region") or ""), run.preflight.region
        if region not in ("", own):
            raise UsageError(_RESOURCE, found=f"catalog.region={region}", required=f"the run's region, {own}")
        if run.metastore is None:
            raise UsageError(_RESOURCE, found="a run without a Data Catalog", required="one")
        rows = list(described(run.metastore, database))
        table = from_records(self.spark, self.spark.sparkContext.parallelize(rows, 1))
        return table if dynamic else table.data


def described(metastore: Metastore, database: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a database.

    A row has ``type`` (``database``, ``table`` or ``partition``), ``items``, and for tables and partitions
    ``database`` and ``table``. An item has the members of the Glue API's shape, in camel case. AWS's utility
    for the migration of a Hive metastore reads such rows:
    https://github.com/aws-samples/aws-glue-samples/tree/master/utilities/Hive_metastore_migration
    """
    yield {"type": "database", "items": [item(metastore.database(database))]}
    tables = list(metastore.table_shapes(database))
    if tables:
        yield {"type": "table", "database": database, "items": [item(table) for table in tables]}
    for table in tables:
        name = str(table["Name"])
        partitions = [item(partition) for partition in metastore.partition_shapes(database, name)]
        if partitions:
            yield {"type": "partition", "database": database, "table": name, "items": partitions}


def item(shape: Shape) -> dict[str, Any]:
    """Return a shape of the Glue API with names in camel case, and times as text: milliseconds since 1970."""
    return {
        _NAMES.get(name, name[:1].lower() + name[1:]): _plain(value, is_map=name in _MAPS)
        for name, value in shape.items()
    }


def _plain(value: Any, *, is_map: bool) -> Any:
    if isinstance(value, Mapping):
        return dict(value) if is_map else item(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each, is_map=False) for each in value]
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    return value
