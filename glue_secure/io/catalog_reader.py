"""Reads of Data Catalog tables: their partitions, the format of their objects, and their columns.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-partitions.html (predicates)
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from glue_secure.bookmarks.sql.keys import KEYS, ORDER, ORDER_OF_SAMPLES
from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable, PartitionValues
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.ignored_options import warn_of_ignored
from glue_secure.core.ports import Catalog, Engine, Operation
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.io.call_checks import s3_location
from glue_secure.io.partitioned_reads import source_of
from glue_secure.io.reader import DataReader, Frame
from glue_secure.io.source_filter import (
    BOUNDS,
    LIMITS,
    SKIP_INVALID,
    Sample,
    parse_limits,
    parse_source_filter,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

FORMATS = ("avro", "csv", "groklog", "ion", "json", "orc", "parquet", "xml")
_RECURSIVE_FORMATS = ("orc", "parquet")
# Table parameters that are options of the read unless the call sets them.
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
        SKIP_INVALID,
        *LIMITS,
    }
)
"""``additional_options`` that apply only to a table in S3."""
JDBC_OPTIONS = frozenset(
    {
        "fetchsize",
        "hashexpression",
        "hashfield",
        "hashpartitions",
        "sampleQuery",
        KEYS,
        ORDER,
        ORDER_OF_SAMPLES,
    }
)
"""``additional_options`` that apply only to a table behind a connection."""
_LOG = redacting_logger(__name__)


@dataclass(frozen=True, slots=True)
class TableConversion(Generic[Frame]):
    """How a caller reads a table, and what it converts the frame to.

    Attributes:
        format: the table's format → Spark's format to read with; JSON may be read as text.
        convert: frame of a table in S3, the table, and whether the frame was read for its schema only →
            result.
        schema: columns, and whether all of them are strings → Spark's schema; None infers the schema.
        options: table → Spark's options, which the SerDe's options override.
        connector: table → the result of its connector; None for a table in S3 or behind a JDBC connection.
        merged_columns: result → its columns of several types, for the evidence.
    """

    format: Callable[[str], str]
    convert: Callable[[DataFrame, CatalogTable, bool], Frame]
    schema: Callable[[Sequence[CatalogColumn], bool], StructType | None]
    options: Callable[[CatalogTable], Mapping[str, str]]
    connector: Callable[[CatalogTable], Frame | None] | None = None
    merged_columns: Callable[[Frame], Sequence[str]] = lambda _frame: ()


def _unchanged(frame: DataFrame, _table: CatalogTable, schema_only: bool) -> DataFrame:
    return frame.limit(0) if schema_only and hasattr(frame, "limit") else frame


DATA_FRAME = TableConversion(lambda name: name, _unchanged, lambda _columns, _text: None, lambda _table: {})
"""Reads a table as a DataFrame."""


class CatalogReader:
    """Reads tables of the Data Catalog.

    Args:
        reader: reads the data.
        catalog: the Data Catalog.
        engine: evaluates predicates on partition values.
        operation: the context of one operation of the run.
    """

    def __init__(self, *, reader: DataReader, catalog: Catalog, engine: Engine, operation: Operation) -> None:
        self._reader, self._catalog, self._engine, self._operation = reader, catalog, engine, operation

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
        conversion: TableConversion[Frame] | None = None,
        sample: Sample | None = None,
    ) -> DataFrame | Frame:
        """Return a frame of a Data Catalog table, in S3 or behind a Glue connection.

        Args:
            database: the database's name.
            name: the table's name.
            transformation_ctx: the transformation context.
            push_down_predicate: Spark SQL on the partition columns; other partitions are not listed.
            catalog_partition_predicate: an expression that the Data Catalog evaluates (GetPartitions).
            options: Glue's options of an S3 source, or of a parallel JDBC read.
            catalog_id: the account whose Data Catalog has the table; None for the run's account.
            conversion: how the table is read and converted; None returns a DataFrame.
            sample: the size of a sample; None reads everything.

        Raises:
            RefusedError, VerificationError: GS-CAT, GS-KMS, and as for a read of S3 or JDBC.
            GlueSecureError: the table or its partitions cannot be read from the catalog.
            UsageError: the table's format is not supported, or a predicate on a table without partitions.
        """
        with self._operation(ControlError):
            table = self._reader.catalog_table(database, name, catalog_id)
            options = options or {}
            predicate = push_down_predicate or catalog_partition_predicate
            if conversion is not None and conversion.connector is not None:
                frame = conversion.connector(table)
                if frame is not None:
                    return frame
            if table.connection:
                if predicate:
                    raise _no_partitions(table, predicate)
                return self._read_jdbc_table(table, options, catalog_id, transformation_ctx)
            table_conversion = conversion or DATA_FRAME
            schema_of = table_conversion.schema
            options = _without_options(table, options, JDBC_OPTIONS, "the table is in S3")
            if table.classification not in FORMATS:
                raise UsageError(
                    f"table {database}.{name}",
                    found=f"classification {table.classification!r}",
                    required=", ".join(FORMATS),
                    fix="set the table's parameter classification, or read its files with from_options",
                )
            table_options = {
                key: table.parameters[key] for key in _TABLE_OPTIONS if table.parameters.get(key)
            }
            bounds = {} if set(BOUNDS) & set(options) else table.parameters
            limits = parse_limits({**{bound: bounds.get(bound) for bound in BOUNDS}, **options})
            source_filter = parse_source_filter(
                {**table_options, **options},
                recursive=table.classification in _RECURSIVE_FORMATS,
                sample=sample,
            )
            locations, partition_values_of = [table.location], None
            if table.partition_keys:
                partitions = self._partitions(
                    table, push_down_predicate, catalog_partition_predicate, catalog_id
                )
                locations = [partition.location for partition in partitions]
                partition_values_of = _partition_values(table, partitions)
            elif predicate:
                raise _no_partitions(table, predicate)
            return self._reader.read_s3(
                locations,
                format=table_conversion.format(table.classification),
                options={**table_conversion.options(table), **_serde_options(table)},
                transformation_ctx=transformation_ctx,
                schema=schema_of(table.columns, True) if table.classification == "csv" else None,
                schema_without_objects=schema_of((*table.columns, *table.partition_keys), False),
                convert=lambda frame, schema_only: table_conversion.convert(frame, table, schema_only),
                source_filter=source_filter,
                limits=limits,
                evidence_format=table.classification,
                evidence_source=table.location if table.partition_keys else "",
                partition_columns=False,
                partition_values_of=partition_values_of,
                merged_columns_of=table_conversion.merged_columns,
            )

    def _read_jdbc_table(
        self, table: CatalogTable, options: Mapping[str, Any], catalog_id: str | None, transformation_ctx: str
    ) -> DataFrame:
        # A crawler writes the location as database.schema.table; the connection names the database.
        name = table.location.partition(".")[2] or table.location
        if not is_table_name(name):
            raise UsageError(
                f"table {table.database}.{table.name}",
                found="a location that is not the name of a database table",
                required="DATABASE.SCHEMA.TABLE; put SQL into the script, not into the catalog",
            )
        options = _without_options(table, options, S3_OPTIONS, "the table is behind a connection")
        if not {"hashfield", "hashexpression"} & set(options):
            for key in ("hashfield", "hashexpression"):
                value = table.parameters.get(key)
                if value and not is_table_name(value):
                    raise UsageError(
                        f"table {table.database}.{table.name} parameter {key}",
                        found="an expression",
                        required="a column's name; put SQL into the script, not into the catalog",
                    )
                if value:
                    options[key] = value
        if table.parameters.get("hashpartitions") and {"hashfield", "hashexpression"} & set(options):
            options.setdefault("hashpartitions", table.parameters["hashpartitions"])
        source, options = source_of({"dbtable": name, **options})
        return self._reader.read_jdbc(
            table.connection,
            source,
            options=options,
            catalog_id=catalog_id,
            transformation_ctx=transformation_ctx,
        )

    def _partitions(
        self, table: CatalogTable, predicate: str, expression: str, catalog_id: str | None
    ) -> list[CatalogPartition]:
        try:
            partitions = list(
                self._catalog.list_partitions(table.database, table.name, expression, catalog_id)
            )
        except ServiceError as error:
            raise GlueSecureError(
                f"cannot read the partitions of {table.database}.{table.name}: {error}", aws_code=error.code
            ) from error
        for partition in partitions:
            if len(partition.values) != len(table.partition_keys):
                raise UsageError(
                    f"a partition of {table.database}.{table.name}",
                    found=f"values {', '.join(partition.values)}",
                    required=f"one for each of {', '.join(key.name for key in table.partition_keys)}",
                    fix="correct the partition in the Data Catalog",
                )
        if predicate:
            values = [partition.values for partition in partitions]
            matching = self._engine.matching(table.partition_keys, values, predicate)
            partitions = [partitions[at] for at in matching]
            _LOG.info(
                "push_down_predicate: %d of %d partitions of %s.%s are listed",
                len(partitions),
                len(values),
                table.database,
                table.name,
            )
        if not partitions:
            _LOG.warning(
                "table %s.%s: no partition%s; nothing is read, as in Glue",
                table.database,
                table.name,
                " matches the predicate" if predicate or expression else " is registered in the Data Catalog",
            )
        return partitions


def _without_options(
    table: CatalogTable, options: Mapping[str, Any], others: frozenset[str], reason: str
) -> dict[str, Any]:
    """Return the options without ``others``, those of the other kind of table, which Glue overlooks."""
    for name in sorted(set(options) & others):
        warn_of_ignored(name, f"additional_options of {table.database}.{table.name}", reason)
    return {name: value for name, value in options.items() if name not in others}


def _partition_values(
    table: CatalogTable, partitions: Sequence[CatalogPartition]
) -> Callable[[Sequence[S3Uri]], PartitionValues | None]:
    """Return a function that finds each object's partition, by the longest matching location."""
    purpose = f"partition of {table.database}.{table.name} at"
    by_location: dict[S3Uri, tuple[str, ...]] = {}
    for partition in partitions:
        uri = s3_location(partition.location, purpose)
        location = S3Uri(uri.bucket, uri.key.rstrip("/"))
        if by_location.setdefault(location, partition.values) != partition.values:
            raise UsageError(
                f"table {table.database}.{table.name}",
                found=f"two partitions at {location}",
                required="a separate location for each partition",
                fix="correct the partitions in the Data Catalog",
            )

    def partition_values(objects: Sequence[S3Uri]) -> PartitionValues:
        values: dict[S3Uri, tuple[str, ...]] = {}
        for uri in objects:
            folder = S3Uri(uri.bucket, uri.key.rpartition("/")[0])
            if folder not in values:
                parent = folder
                while parent not in by_location and parent.key:
                    parent = S3Uri(parent.bucket, parent.key.rpartition("/")[0])
                # A partition's location may be one object; then its folder has no other object.
                values[folder] = by_location[parent] if parent in by_location else by_location[uri]
        return PartitionValues(table.partition_keys, values)

    return partition_values


def _serde_options(table: CatalogTable) -> dict[str, str]:
    if table.classification == "xml":
        row_tag = table.serde.get("rowTag") or table.parameters.get("rowTag")
        if not row_tag:
            raise UsageError(
                f"table {table.database}.{table.name}",
                found="no rowTag",
                required="the parameter rowTag, of the SerDe or the table",
                fix="set it in the Data Catalog, or read the files with from_options",
            )
        return {"rowTag": row_tag}
    if table.classification != "csv":
        return {}
    header_lines = table.parameters.get("skip.header.line.count", "0").strip() or "0"
    if header_lines not in ("0", "1"):
        raise UsageError(
            f"table {table.database}.{table.name}",
            found=f"skip.header.line.count {header_lines}",
            required="0 or 1 in plain Spark",
        )
    quote = table.serde.get("quoteChar", '"')
    return {
        "header": str(header_lines == "1").lower(),
        "sep": table.serde.get("field.delim", table.serde.get("separatorChar", ",")),
        "quote": quote,
        "escape": table.serde.get("escapeChar", table.serde.get("escape.delim", quote)),
    }


def _no_partitions(table: CatalogTable, predicate: str) -> UsageError:
    return UsageError(
        f"a predicate for table {table.database}.{table.name}",
        found=repr(predicate),
        required="a table in S3 with partition columns; this table has none",
        fix="filter after the read",
    )
