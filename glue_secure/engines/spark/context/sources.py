"""Sources of Glue's reading methods: objects in S3, tables of a Glue connection, tables of the Data Catalog.

A source contains the arguments of the call. No data is read before its ``read`` method is called with a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.connections.connectors.catalog import catalog_connector, is_connector_option
from glue_secure.connections.engines.registry import JDBC_TYPES
from glue_secure.core.catalog import GROK, CatalogTable
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.ignored_options import Place
from glue_secure.core.options import truth, whole_number
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.engines.glue_options import (
    known_options,
    read_arguments,
    reject_credentials,
    require_connection_name,
    require_known_options,
    require_table_name,
)
from glue_secure.engines.run_context import failure_context
from glue_secure.engines.spark.connectors.source import connector_source
from glue_secure.engines.spark.formats import (
    FORMATS,
    RECORD_FORMATS,
    format_of,
    matched_by_name,
    source_format,
)
from glue_secure.engines.spark.lake_tables import LakeSource, lake_format, lake_table
from glue_secure.engines.spark.loading import with_source_columns, without_first_records
from glue_secure.engines.spark.reading_options import ReadOptions, read_options
from glue_secure.io.catalog_reader import JDBC_OPTIONS, S3_OPTIONS, TableConversion
from glue_secure.io.partitioned_reads import source_of
from glue_secure.io.source_filter import LIMITS, SKIP_INVALID, Sample, parse_limits, parse_source_filter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.engines.spark.context.glue_context import GlueContext
    from glue_secure.run.run import Run

# useS3ListImplementation has no effect. It selects how Glue lists; glue-secure always streams listings.
_S3_SOURCE_OPTIONS = {
    "paths", "recurse", "exclusions", "excludeStorageClasses", "compressionType", "compression",
    "groupFiles", "groupSize", "isFailFast", "mergeSchema", "useS3ListImplementation",
    SKIP_INVALID, *LIMITS,
}  # fmt: skip
_SCHEMAS = ("schema", "inferschema", "avroschema")
_CATALOG_PREDICATE = "catalogPartitionPredicate"
# Accepted without effect: they select among Glue's implementations, all of which return the same rows.
_WITHOUT_EFFECT = {"useS3ListImplementation", "useSparkDataSource"}
_CATALOG_SOURCE_OPTIONS = {_CATALOG_PREDICATE, *S3_OPTIONS, *JDBC_OPTIONS, *_WITHOUT_EFFECT}
_SAMPLE_OPTIONS = {"maxSamplePartitions", "maxSampleFilesPerPartition"}


class Source(Protocol):
    """A source of frames."""

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Table | DataFrame:
        """Read the records that are new to the transformation context.

        If there is a sample, all records count as new, and the bookmark does not change: it would skip the
        records that are not in the sample.

        Args:
            run: the run.
            dynamic: whether the caller creates a DynamicFrame. The result is then a Table for formats in
                which Glue's reader creates choice types, and a DataFrame for other formats. If false, the
                result is always a DataFrame.
            sample: how many objects to read; None reads all.
        """

    def with_format(self, format: str, options: Mapping[str, Any]) -> Source:
        """Return this source with another format and ``format_options``. Raises UsageError."""


@dataclass(frozen=True, slots=True)
class S3Source:
    """Objects below S3 locations.

    Attributes:
        connection_type: ``s3``, or a format's name such as ``parquet``.
        options: Glue's ``connection_options``.
        format: Glue's name of the format; None until ``setFormat``.
        format_options: Glue's ``format_options``.
        transformation_ctx: the transformation context.
        predicate: ``push_down_predicate``, Spark SQL on the partition columns; ``""`` for all records.
    """

    connection_type: str
    options: Mapping[str, Any]
    format: str | None = None
    format_options: Mapping[str, Any] = field(default_factory=dict)
    transformation_ctx: str = ""
    predicate: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> S3Source:
        """Return this source with another format and ``format_options``."""
        return replace(self, format=format, format_options=dict(options))

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Table | DataFrame:
        """See :meth:`Source.read`."""
        from pyspark.sql.utils import AnalysisException

        from glue_secure.dynamicframe.frames.table import Table

        records = self._records(run, dynamic=dynamic, sample=sample)
        if not self.predicate:
            return records
        data = records.data if isinstance(records, Table) else records
        try:
            selected = data.where(self.predicate)
        except AnalysisException as error:
            raise UsageError(
                "push_down_predicate of an S3 source",
                found=self.predicate,
                required=f"a condition on the columns of the objects: {', '.join(data.columns) or 'none'}",
                fix="use from_catalog for a table whose partitions the Data Catalog has",
            ) from error
        return records.with_data(selected, records.schema) if isinstance(records, Table) else selected

    def _records(self, run: Run, *, dynamic: bool, sample: Sample | None) -> Table | DataFrame:
        format = _source_format(self.connection_type, self.format)
        resource = "connection_options of an S3 source"
        given = known_options(self.options, _S3_SOURCE_OPTIONS, Place.S3_SOURCE, resource)
        paths = given.get("paths")
        if not isinstance(paths, (list, tuple)) or not paths:
            raise UsageError(
                "connection_options of an S3 source",
                found=f"paths={paths!r}",
                required="a list of S3 locations",
            )
        options = read_options(
            format, self.format_options, fail_fast=_fail_fast(given), merge=_merge_schema(given)
        )
        is_deep = source_format(format).is_deep
        source_filter = parse_source_filter(given, recursive=is_deep, sample=sample)
        if not dynamic and "recurse" not in given:
            # Glue reads a DataFrame with Spark's reader, which for every format reads all folder levels and
            # turns partition folders into columns.
            source_filter = replace(source_filter, recurse=True)
        # Spark's reader of JSON has no jsonPath.
        as_text = format == "json" and (dynamic or bool(options.json.get("jsonPath")))
        spark_format = RECORD_FORMATS.get(format.lower(), "text" if as_text else format)
        spark_options = _text_options(options) if as_text else dict(options.spark)
        if not options.columns:
            spark_options = matched_by_name(spark_format, spark_options)
        return run.reader.read_s3(
            list(paths),
            format=spark_format,
            evidence_format=format,
            options=spark_options,
            schema=None if options.record_reader else _spark_schema(options.schema),
            schema_without_objects=_spark_schema(options.schema) if options.record_reader else None,
            transformation_ctx="" if sample else self.transformation_ctx,
            convert=_converter(options, dynamic=dynamic, as_text=as_text),
            source_filter=source_filter,
            limits=parse_limits(given),
            partition_columns=is_deep or not dynamic,
            merged_columns_of=_choices_of,
        )


@dataclass(frozen=True, slots=True)
class JdbcSource:
    """A table or query, read through a Glue connection.

    Attributes:
        connection_type: the engine, such as ``postgresql``.
        options: Glue's ``connection_options``.
        transformation_ctx: the transformation context.
    """

    connection_type: str
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> JdbcSource:  # noqa: ARG002
        """Raise UsageError: a table in a database has no format."""
        raise _format_not_allowed(self.connection_type)

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> DataFrame:  # noqa: ARG002
        """See :meth:`Source.read`; the connection's TLS is verified first."""
        resource = f"a {self.connection_type} source"
        reject_credentials(self.options, ("password",), resource)
        connection = require_connection_name(self.options, resource)
        not_driver_options = ("connectionName", "useConnectionProperties")
        table, options = source_of(
            {name: value for name, value in self.options.items() if name not in not_driver_options}
        )
        transformation_ctx = "" if sample else self.transformation_ctx
        return run.reader.read_jdbc(connection, table, options=options, transformation_ctx=transformation_ctx)


@dataclass(frozen=True, slots=True)
class CatalogSource:
    """A table of the Data Catalog.

    Attributes:
        database: the database's name.
        table: the table's name.
        transformation_ctx: the transformation context.
        push_down_predicate: Spark SQL over the partition columns.
        options: Glue's ``additional_options``.
        catalog_id: the account of the Data Catalog, or None.
        spark: the session.
    """

    database: str
    table: str
    transformation_ctx: str
    push_down_predicate: str
    options: Mapping[str, Any]
    catalog_id: str | None
    spark: SparkSession = field(kw_only=True)

    def with_format(self, format: str, options: Mapping[str, Any]) -> CatalogSource:  # noqa: ARG002
        """Raise UsageError: the classification of the table decides the format."""
        raise UsageError(
            "a Data Catalog source",
            found="setFormat",
            required="no setFormat: the table's classification decides the format",
        )

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Table | DataFrame:
        """See :meth:`Source.read`."""
        resource = "additional_options of from_catalog"
        # Options of a connector are checked when the table shows that it has one.
        others = {name: value for name, value in self.options.items() if is_connector_option(name)}
        own = {name: value for name, value in self.options.items() if name not in others}
        given, unknown = _known_catalog_options(own, resource)
        reader_options = S3_OPTIONS | JDBC_OPTIONS

        def read_connector(table: CatalogTable) -> Table | DataFrame | None:
            lake = lake_table(table)
            if lake is not None:
                return lake.read(run, self.spark, self.options, self.push_down_predicate)
            if unknown is not None:
                raise unknown
            found = catalog_connector(table, self.options)
            if found is None:
                require_known_options(others, (), resource)
                return None
            connector, options = found
            has_schema = any(name.lower() in _SCHEMAS for name in options)
            if connector.name == "kafka" and table.columns and not has_schema:
                options["schema"] = ", ".join(f"`{column.name}` {column.type}" for column in table.columns)
            source = connector_source(connector.types[0], options, self.transformation_ctx, self.spark)
            assert source is not None  # noqa: S101 - the type is a connector's
            return source.read(run, dynamic=dynamic)

        return run.catalog_reader.read_table(
            self.database,
            self.table,
            transformation_ctx="" if sample else self.transformation_ctx,
            push_down_predicate=self.push_down_predicate,
            catalog_partition_predicate=str(given.get(_CATALOG_PREDICATE) or ""),
            options={name: value for name, value in given.items() if name in reader_options},
            catalog_id=self.catalog_id,
            conversion=_table_conversion(
                dynamic=dynamic,
                fail_fast=_fail_fast(given),
                merge=_merge_schema(given),
                connector=read_connector,
            ),
            sample=sample,
        )


def _known_catalog_options(
    options: Mapping[str, Any], resource: str
) -> tuple[Mapping[str, Any], UsageError | None]:
    """Return the options of Glue's reader, and the error for others, which tables of Hudi may have."""
    try:
        return known_options(options, _CATALOG_SOURCE_OPTIONS, Place.CATALOG_SOURCE, resource), None
    except UsageError as error:
        return {}, error


@check_argument_types(lambda source: failure_context(source._glue_context, ControlError))
class DataSource:
    """The result of ``getSource``. Nothing is read before a frame is requested."""

    def __init__(
        self, source: Source, glue_context: GlueContext, name: str, *, call: str = "getSource"
    ) -> None:
        self._source, self._glue_context, self._call = source, glue_context, call
        self.name = name

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format of an S3 source, and its ``format_options``."""
        source, lake = self._source, lake_format("s3", format)
        if lake and isinstance(source, S3Source) and source.connection_type == "s3":
            source = LakeSource(self._glue_context.spark_session, lake, source.options)
        self._source = source.with_format(format, options)

    def getFrame(self, **options: Any) -> DynamicFrame:
        """Return the DynamicFrame.

        Args:
            options: ``minPartitions`` and ``targetPartitions``; validated, but without effect in plain Spark.
        """
        options = read_arguments(options, f"{self._call}.getFrame")
        for name, value in options.items():
            whole_number(name, value, least=1)
        with self._glue_context.operation(f"{self._call}.getFrame", ControlError) as run:
            return self._frame(self._source.read(run, dynamic=True))

    def getSampleFrame(self, num: int | None, **options: Any) -> DynamicFrame:
        """Return at most ``num`` records of the first objects. The bookmark does not change.

        Args:
            num: the maximum number of records.
            options: ``maxSamplePartitions`` and ``maxSampleFilesPerPartition``, 10 each by default.
        """
        require_known_options(options, _SAMPLE_OPTIONS, "sample_options")
        limit = whole_number("num", num, least=1)
        sample = Sample(
            whole_number("maxSamplePartitions", options.get("maxSamplePartitions", 10), least=1),
            whole_number(
                "maxSampleFilesPerPartition", options.get("maxSampleFilesPerPartition", 10), least=1
            ),
        )
        with self._glue_context.operation(f"{self._call}.getSampleFrame", ControlError) as run:
            records = self._source.read(run, dynamic=True, sample=sample)
            if isinstance(records, Table):
                return self._frame(records.with_data(records.data.limit(limit), records.schema))
            return self._frame(records.limit(limit))

    def getDataFrame(self) -> DataFrame:
        """Return Spark's DataFrame of the source, without choice types."""
        with self._glue_context.operation(f"{self._call}.getDataFrame", ControlError) as run:
            return self._source.read(run, dynamic=False)

    def _frame(self, records: Table | DataFrame) -> DynamicFrame:
        return DynamicFrame(records, self._glue_context, self.name)


@check_argument_types(lambda source: failure_context(source._source._glue_context, ControlError))
class StreamingDataSource:
    """The result of ``getStreamingSource`` for a source of files."""

    def __init__(self, source: Source, glue_context: GlueContext, name: str, *, call: str) -> None:
        self._source, self.name = DataSource(source, glue_context, name, call=call), name

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format, and its ``format_options``."""
        self._source.setFormat(format, **options)

    def getFrame(self) -> DataFrame:
        """Return Spark's DataFrame."""
        return self._source.getDataFrame()


def parse_source(
    connection_type: str,
    format: str | None,
    transformation_ctx: str,
    push_down_predicate: str,
    options: Mapping[str, Any],
    *,
    spark: SparkSession,
) -> tuple[Source, str]:
    """Return the source that the arguments describe, and the name that Glue gives to its DynamicFrame.

    Raises:
        UsageError: the plain-Spark runtime does not offer the source.
    """
    lake = lake_format(connection_type, format)
    if lake:
        return LakeSource(spark, lake, dict(options)), lake
    is_of_s3 = connection_type == "s3" or connection_type in FORMATS
    if push_down_predicate and not is_of_s3:
        raise UsageError(
            f"a {connection_type} source",
            found="push_down_predicate",
            required="a source in S3: the predicate selects partitions",
        )
    if connection_type in JDBC_TYPES:
        if format is not None:
            raise _format_not_allowed(connection_type)
        name = str(options.get("dbtable") or connection_type)
        return JdbcSource(connection_type, dict(options), transformation_ctx), name
    connector = connector_source(connection_type, options, transformation_ctx, spark)
    if connector is not None:
        if format is not None:
            raise _format_not_allowed(connection_type)
        return connector, connection_type
    if connection_type != "s3" or format is not None:
        _source_format(connection_type, format)
    paths = options.get("paths")
    texts = [str(path) for path in paths] if isinstance(paths, (list, tuple)) else []
    name = re.sub(r"[:/.]", "", _common_prefix(texts).rpartition(":")[2])
    source = S3Source(connection_type, dict(options), format, {}, transformation_ctx, push_down_predicate)
    return source, name or connection_type


def parse_catalog_source(
    call: str,
    database: str | None,
    table_name: str | None,
    transformation_ctx: str,
    push_down_predicate: str,
    additional_options: Mapping[str, Any] | None,
    catalog_id: str | None,
    kwargs: dict[str, Any],
    *,
    spark: SparkSession,
) -> CatalogSource:
    """Return the source of a ``from_catalog`` call; ``name_space`` is removed from ``kwargs``.

    Raises:
        UsageError: the table is not named, or the database is named twice or not at all.
    """
    database, table = require_table_name(call, database, table_name, kwargs.pop("name_space", None))
    options = dict(additional_options or {})
    return CatalogSource(
        database, table, transformation_ctx, push_down_predicate, options, catalog_id or None, spark=spark
    )


def _source_format(connection_type: str, format: str | None) -> str:
    """Return Spark's name of the format. Like Glue, accept a format as connection type: ``"parquet"``."""
    if connection_type == "s3" and format:
        return source_format("parquet" if format == "glueparquet" else format).name
    if connection_type in FORMATS and format in (None, connection_type):
        return format_of(connection_type).name
    raise UsageError(
        "connection_type and format",
        found=f"{connection_type!r}, {format!r}",
        required=f"'s3' with one of {', '.join(sorted({*FORMATS, 'grokLog', 'ion'}))}; "
        f"one of {', '.join(JDBC_TYPES)}; or a connector of docs/connectors.md",
    )


def _format_not_allowed(connection_type: str) -> UsageError:
    return UsageError(f"a {connection_type} source", found="a format", required="connection_options only")


def _common_prefix(texts: list[str]) -> str:
    first, last = min(texts, default=""), max(texts, default="")
    for position, character in enumerate(first):
        if last[position : position + 1] != character:
            return first[:position]
    return first


def _fail_fast(options: Mapping[str, Any]) -> bool:
    return truth("isFailFast", options.get("isFailFast", False))


def _merge_schema(options: Mapping[str, Any]) -> bool | None:
    value = options.get("mergeSchema")
    return None if value is None else truth("mergeSchema", value)


def _text_options(options: ReadOptions) -> dict[str, str]:
    """Return Spark's options to read JSON as text: a row for each line, or for each file if ``multiLine``."""
    return {"wholetext": "true"} if options.json.get("multiLine") else {}


def _without_rows_if(frame: DataFrame, schema_only: bool) -> DataFrame:
    return frame.limit(0) if schema_only else frame


def _converter(
    options: ReadOptions, *, dynamic: bool, as_text: bool
) -> Callable[[DataFrame, bool], Table | DataFrame]:
    """Return a function that converts Spark's frame to the records of a DynamicFrame or to a DataFrame.

    Its second argument is true if the frame was read for its schema only; the result then has no rows.
    """

    def convert(frame: DataFrame, schema_only: bool) -> Table | DataFrame:
        if options.skips_first:
            frame = without_first_records(frame)
        frame = with_source_columns(frame, options.file_column, options.time_column)
        if options.record_reader is not None:
            table = _record_table(frame, options)
            table = table.emptied() if schema_only else table
            return table if dynamic else table.data
        if as_text:
            table = _json_table(frame, schema_only, options.json)
            return table if dynamic else table.data
        if dynamic and options.columns:
            # A CSV file without a header: Glue names the columns col0, col1, ...
            attached = tuple(filter(None, (options.file_column, options.time_column)))
            names = [
                name if name in attached else options.columns.format(position)
                for position, name in enumerate(frame.columns)
            ]
            frame = frame.toDF(*names)
        return _without_rows_if(frame, schema_only)

    return convert


def _table_conversion(
    *,
    dynamic: bool,
    fail_fast: bool,
    merge: bool | None,
    connector: Callable[[CatalogTable], Table | DataFrame | None],
) -> TableConversion[Table | DataFrame]:
    """Return how Data Catalog tables are read for a DynamicFrame (``dynamic``) or a DataFrame."""

    def record_options(table: CatalogTable) -> ReadOptions:
        """Return the options of a format without a reader in Spark, by the table's SerDe."""
        format_options = _grok_options(table) if table.classification == GROK else {}
        name = source_format(table.classification).name
        return read_options(name, format_options, fail_fast=fail_fast, merge=merge)

    def convert(frame: DataFrame, table: CatalogTable, schema_only: bool) -> Table | DataFrame:
        if table.classification in RECORD_FORMATS:
            records = _record_table(frame, record_options(table))
            records = records.emptied() if schema_only else records
            return records if dynamic else records.data
        if dynamic and table.classification == "json":
            return _json_table(frame, schema_only, {"isFailFast": fail_fast})
        frame = _without_rows_if(frame, schema_only)
        if table.classification == "csv" and table.columns:
            return _with_catalog_types(frame, table, dynamic)
        return frame

    def options(table: CatalogTable) -> dict[str, str]:
        format = table.classification
        if format in RECORD_FORMATS:
            record_options(table)  # raises UsageError
            return {}
        if dynamic and format == "json":
            read_options("json", {}, fail_fast=fail_fast, merge=merge)  # raises UsageError
            return {}
        # A rowTag among the table's SerDe properties overrides this default.
        defaults = {"rowTag": "row"} if format == "xml" else {}
        return dict(read_options(format, defaults, fail_fast=fail_fast, merge=merge).spark)

    return TableConversion(
        format=lambda format: RECORD_FORMATS.get(format, "text" if dynamic and format == "json" else format),
        convert=convert,
        schema=_catalog_schema,
        options=options,
        connector=connector,
        merged_columns=_choices_of,
    )


def _grok_options(table: CatalogTable) -> dict[str, str]:
    """Return the ``format_options`` of grokLog for a table of Athena's and Glue's Grok SerDe.

    https://docs.aws.amazon.com/athena/latest/ug/grok-serde.html
    """
    pattern = table.serde.get("input.format")
    if not pattern:
        raise UsageError(
            f"table {table.database}.{table.name}",
            found="no input.format",
            required="the Grok pattern in the parameter input.format of the SerDe",
            fix="set it in the Data Catalog, or read the files with from_options",
        )
    return {"logFormat": pattern, "customPatterns": table.serde.get("input.grokCustomPatterns", "")}


def _choices_of(frame: Table | DataFrame) -> tuple[str, ...]:
    """Return the columns of a DynamicFrame whose records have several types."""
    from glue_secure.dynamicframe.frames.table import Table

    return frame.choices() if isinstance(frame, Table) else ()


def _record_table(frame: DataFrame, options: ReadOptions) -> Table:
    """Return the records of lines (a column ``value``) or of whole objects (Spark's ``binaryFile``)."""
    from glue_secure.dynamicframe.frames.json_source import VALUE, from_values

    is_text = VALUE in frame.columns
    if not is_text:
        frame = frame.drop("path", "modificationTime", "length").withColumnRenamed("content", VALUE)
    reader = options.record_reader
    assert reader is not None  # noqa: S101 - the caller has checked it
    return from_values(frame, reader, schema=options.schema, has_text=is_text, fail_fast=options.is_fail_fast)


def _json_table(frame: DataFrame, schema_only: bool, options: Mapping[str, Any]) -> Table:
    from glue_secure.dynamicframe.frames.json_source import from_text

    table = from_text(
        frame,
        json_path=options.get("jsonPath"),
        multiline=bool(options.get("multiLine", False)),
        fail_fast=bool(options.get("isFailFast", False)),
    )
    return table.emptied() if schema_only else table


def _spark_schema(schema: Any) -> Any:
    from glue_secure.dynamicframe.frames.schema import to_spark

    return None if schema is None else to_spark(schema)


def _catalog_schema(columns: Any, as_text: bool) -> Any:
    from pyspark.sql import types

    from glue_secure.dynamicframe.types.hive import schema_of

    if not as_text:
        return _spark_schema(schema_of(columns))
    fields = [types.StructField(column.name, types.StringType()) for column in columns]
    return types.StructType(fields) if fields else None


def _with_catalog_types(frame: DataFrame, table: CatalogTable, dynamic: bool) -> Table | DataFrame:
    """Return the records of a CSV table with the column types of the Data Catalog.

    For a value that cannot be converted to its column's type, a Table has a choice type and a DataFrame null.
    """
    from glue_secure.dynamicframe.frames.json_source import csv_with_types
    from glue_secure.dynamicframe.frames.schema import to_spark
    from glue_secure.dynamicframe.types.hive import schema_of
    from glue_secure.engines.spark.partitions import try_cast

    schema = schema_of(table.columns)
    if dynamic:
        return csv_with_types(frame, schema)
    types = {field.name: to_spark(field.dataType) for field in schema.fields}
    columns = [
        try_cast(name, types[name]).alias(name) if name in types else frame[f"`{name}`"]
        for name in frame.columns
    ]
    return frame.select(*columns)
