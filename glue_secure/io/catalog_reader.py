"""Reading Data Catalog tables: which partitions, how their objects are parsed, what their columns are.

What is read goes through the read funnel; the catalog only says what to ask it for. Sources:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-partitions.html (predicates) and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.bookmarks.sql.keys import KEYS, ORDER
from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable, PartitionValues
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.ports import Catalog, Engine
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.io.limits import BOUNDS, LIMITS, limits_of
from glue_secure.io.locations import s3_location
from glue_secure.io.partitioned_reads import source_of
from glue_secure.io.reader import DataReader
from glue_secure.io.source_filter import Sample, scope_of

FORMATS = ("avro", "csv", "json", "orc", "parquet", "xml")
_DEEP = ("orc", "parquet")
# Of a table's own parameters, these tell how it is read; a call's options come before them.
_TABLE_OPTIONS = ("recurse", "exclusions", "groupFiles", "groupSize", "compressionType")
S3_OPTIONS = frozenset(
    {
        "compressionType",
        "excludeStorageClasses",
        "exclusions",
        "groupFiles",
        "groupSize",
        "isFailFast",
        "mergeSchema",
        "recurse",
        *LIMITS,
    }
)
"""Of ``additional_options``, those that a table behind a connection has no use for."""
JDBC_OPTIONS = frozenset(
    {"fetchsize", "hashexpression", "hashfield", "hashpartitions", "sampleQuery", KEYS, ORDER}
)
"""Of ``additional_options``, those that a table in S3 has no use for."""
_LOG = redacting_logger(__name__)


@dataclass(frozen=True, slots=True)
class TableRead:
    """What the caller does with the frame once the catalog has said what it holds.

    Attributes:
        format: Spark's format to read with, by the table's; JSON may be read as text.
        convert: makes what the caller wants of the frame of an S3 table: the frame, the table, whether it is
            there for its schema only.
        schema: Spark's schema of a table with those columns, all strings when the second argument is true;
            None lets the data tell.
        options: Spark's options of a table, after those of its SerDe.
    """

    format: Callable[[str], str]
    convert: Callable[[Any, CatalogTable, bool], Any]
    schema: Callable[[Sequence[CatalogColumn], bool], Any]
    options: Callable[[CatalogTable], Mapping[str, str]]


def _as_it_is(frame: Any, _table: CatalogTable, empty: bool) -> Any:
    return frame.limit(0) if empty and hasattr(frame, "limit") else frame


PLAIN = TableRead(lambda name: name, _as_it_is, lambda _columns, _text: None, lambda _table: {})


class CatalogReads:
    """Reads tables of the Data Catalog.

    Args:
        funnel: the one way to the data.
        control_plane: where tables and partitions are asked for.
        engine: evaluates predicates over partition values.
    """

    def __init__(self, *, funnel: DataReader, control_plane: Catalog, engine: Engine) -> None:
        self._funnel, self._control_plane, self._engine = funnel, control_plane, engine

    def read_table(
        self,
        database: str,
        name: str,
        *,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        catalog_partition_predicate: str = "",
        options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        how: TableRead = PLAIN,
        sample: Sample | None = None,
    ) -> Any:
        """A frame of a Data Catalog table, in S3 or behind a Glue connection.

        Args:
            database: the database's name.
            name: the table's name.
            transformation_ctx: the bookmark's name for this source.
            push_down_predicate: Spark SQL over the partition columns; other partitions are not even listed.
            catalog_partition_predicate: an expression that the Data Catalog itself judges.
            options: Glue's options of an S3 source, or of a parallel JDBC read.
            catalog_id: the account whose catalog it is; None for the run's own.
            how: what the caller makes of the table.
            sample: how much of it to look at; None reads everything.

        Raises:
            GlueSecureError: the table or its partitions cannot be read from the catalog.
            UsageError: its format is not one that is served here, or a predicate names no partition column.
        """
        table = self._funnel.catalog_table(database, name, catalog_id)
        if table.connection:
            if push_down_predicate or catalog_partition_predicate:
                raise _no_partitions(table, push_down_predicate or catalog_partition_predicate)
            return self._read_connected(table, options or {}, catalog_id, transformation_ctx)
        _require_own_options(table, options or {}, JDBC_OPTIONS, "an S3 source: the table lies in S3")
        if table.classification not in FORMATS:
            raise UsageError(
                f"table {database}.{name}",
                found=f"classification {table.classification!r}",
                required=", ".join(FORMATS),
                fix="set the table's parameter classification, or read its files with from_options",
            )
        own = {key: table.parameters[key] for key in _TABLE_OPTIONS if table.parameters.get(key)}
        bounds = {} if set(BOUNDS) & set(options or {}) else table.parameters
        limits = limits_of({**{name: bounds.get(name) for name in BOUNDS}, **(options or {})})
        scope = scope_of({**own, **(options or {})}, deep=table.classification in _DEEP, sample=sample)
        places, label = [table.location], None
        if table.partition_keys:
            found = self._partitions(table, push_down_predicate, catalog_partition_predicate, catalog_id)
            places = [partition.location for partition in found]
            label = _labeller(table, found)
        elif push_down_predicate or catalog_partition_predicate:
            raise _no_partitions(table, push_down_predicate or catalog_partition_predicate)
        return self._funnel.read_s3(
            places,
            format=how.format(table.classification),
            record_format=table.classification,
            options={**how.options(table), **_serde_options(table)},
            transformation_ctx=transformation_ctx,
            schema=how.schema(table.columns, True) if table.classification == "csv" else None,
            otherwise=how.schema((*table.columns, *table.partition_keys), False),
            convert=lambda frame, empty: how.convert(frame, table, empty),
            scope=scope,
            limits=limits,
            told=table.location if table.partition_keys else "",
            partition_columns=False,
            label=label,
        )

    def _read_connected(
        self, table: CatalogTable, options: Mapping[str, Any], catalog_id: str | None, transformation_ctx: str
    ) -> Any:
        # A crawler writes the location as database.schema.table; the connection names the database.
        name = table.location.partition(".")[2] or table.location
        if not is_table_name(name):
            raise UsageError(
                f"table {table.database}.{table.name}",
                found="a location that is not the name of a database table",
                required="DATABASE.SCHEMA.TABLE; SQL belongs into the script, not into the catalog",
            )
        _require_own_options(table, options, S3_OPTIONS, "a JDBC source: the table lies behind a connection")
        given = dict(options)
        for key in ("hashfield", "hashexpression"):
            value = table.parameters.get(key)
            if value and not {"hashfield", "hashexpression"} & set(options):
                if not is_table_name(value):
                    raise UsageError(
                        f"table {table.database}.{table.name} parameter {key}",
                        found="an expression",
                        required="a column's name; SQL belongs into the script, not into the catalog",
                    )
                given[key] = value
        if table.parameters.get("hashpartitions") and {"hashfield", "hashexpression"} & set(given):
            given.setdefault("hashpartitions", table.parameters["hashpartitions"])
        source, rest = source_of({"dbtable": name, **given})
        return self._funnel.read_jdbc(
            table.connection,
            source,
            options=rest,
            catalog_id=catalog_id,
            transformation_ctx=transformation_ctx,
        )

    def _partitions(
        self, table: CatalogTable, predicate: str, expression: str, catalog_id: str | None
    ) -> list[CatalogPartition]:
        try:
            found = list(
                self._control_plane.list_partitions(table.database, table.name, expression, catalog_id)
            )
        except ServiceError as error:
            raise GlueSecureError(
                f"cannot read the partitions of {table.database}.{table.name}: {error}", aws_code=error.code
            ) from error
        for partition in found:
            if len(partition.values) != len(table.partition_keys):
                raise UsageError(
                    f"a partition of {table.database}.{table.name}",
                    found=f"values {', '.join(partition.values)}",
                    required=f"one for each of {', '.join(key.name for key in table.partition_keys)}",
                    fix="correct the partition in the Data Catalog",
                )
        if predicate:
            values = [partition.values for partition in found]
            found = [found[at] for at in self._engine.matching(table.partition_keys, values, predicate)]
            told = f"{len(found)} of {len(values)} partitions of {table.database}.{table.name} are listed"
            _LOG.info("%s: push_down_predicate", told)
        if not found:
            _LOG.warning(
                "table %s.%s: no partition%s; nothing is read, as in Glue",
                table.database,
                table.name,
                " meets the predicate" if predicate or expression else " is registered in the Data Catalog",
            )
        return found


def _require_own_options(
    table: CatalogTable, options: Mapping[str, Any], foreign: frozenset[str], kind: str
) -> None:
    found = sorted(set(options) & foreign)
    if found:
        raise UsageError(
            f"additional_options of {table.database}.{table.name}",
            found=", ".join(found),
            required=f"options of {kind}",
        )


def _labeller(
    table: CatalogTable, partitions: Sequence[CatalogPartition]
) -> Callable[[Sequence[S3Uri]], PartitionValues | None]:
    """The partition columns of objects: those of the partition whose location is the nearest above them."""
    purpose = f"partition of {table.database}.{table.name} at"
    places: dict[S3Uri, tuple[str, ...]] = {}
    for partition in partitions:
        location = s3_location(partition.location, purpose)
        place = S3Uri(location.bucket, location.key.rstrip("/"))
        if places.setdefault(place, partition.values) != partition.values:
            raise UsageError(
                f"table {table.database}.{table.name}",
                found=f"two partitions at {place}",
                required="a location of its own for each partition",
                fix="correct the partitions in the Data Catalog",
            )

    def label(objects: Sequence[S3Uri]) -> PartitionValues:
        values: dict[S3Uri, tuple[str, ...]] = {}
        for uri in objects:
            folder = S3Uri(uri.bucket, uri.key.rpartition("/")[0])
            if folder not in values:
                above = folder
                while above not in places and above.key:
                    above = S3Uri(above.bucket, above.key.rpartition("/")[0])
                # A partition may be one object; then the folder is that object's alone.
                values[folder] = places[above] if above in places else places[uri]
        return PartitionValues(table.partition_keys, values)

    return label


def _serde_options(table: CatalogTable) -> dict[str, str]:
    if table.classification == "xml":
        row_tag = table.serde.get("rowTag") or table.parameters.get("rowTag")
        if not row_tag:
            raise UsageError(
                f"table {table.database}.{table.name}",
                found="no rowTag",
                required="the SerDe parameter rowTag, or the table's",
                fix="set it in the Data Catalog, or read the files with from_options",
            )
        return {"rowTag": row_tag}
    if table.classification != "csv":
        return {}
    skipped = table.parameters.get("skip.header.line.count", "0").strip() or "0"
    if skipped not in ("0", "1"):
        raise UsageError(
            f"table {table.database}.{table.name}",
            found=f"skip.header.line.count {skipped}",
            required="0 or 1 in plain Spark",
        )
    quote = table.serde.get("quoteChar", '"')
    return {
        "header": str(skipped == "1").lower(),
        "sep": table.serde.get("field.delim", table.serde.get("separatorChar", ",")),
        "quote": quote,
        "escape": table.serde.get("escapeChar", table.serde.get("escape.delim", quote)),
    }


def _no_partitions(table: CatalogTable, predicate: str) -> UsageError:
    return UsageError(
        f"a predicate for table {table.database}.{table.name}",
        found=repr(predicate),
        required="a table in S3 with partition columns; this one has none",
        fix="filter after the read",
    )
