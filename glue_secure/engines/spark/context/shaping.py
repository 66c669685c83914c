"""From what a reader delivers to what the caller gets: a table with choices, or Spark's own DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.core.catalog import CatalogTable
from glue_secure.engines.spark.reading_options import ReadOptions, read_options
from glue_secure.io.catalog_reader import TableRead


def text_of_json(json: Mapping[str, Any]) -> dict[str, str]:
    """Spark's options to read JSON as text: a row is a line, or a file when records span lines."""
    return {"wholetext": "true"} if json.get("multiLine") else {}


def dynamic_of(format: str, chosen: ReadOptions) -> Callable[[Any, bool], Any]:
    """What makes a table of the frame that a reader delivers."""

    def convert(frame: Any, empty: bool) -> Any:
        if format == "json":
            return _json(frame, empty, chosen.json)
        if chosen.columns:
            # A CSV file without a header: Glue calls the columns col0, col1, ...
            frame = frame.toDF(*(chosen.columns.format(at) for at in range(len(frame.columns))))
        return frame.limit(0) if empty else frame

    return convert


def plain_of() -> Callable[[Any, bool], Any]:
    """What leaves a DataFrame as it is, or takes its rows away."""
    return lambda frame, empty: frame.limit(0) if empty else frame


def table_read(*, dynamic: bool, fail_fast: bool, merge: bool | None) -> TableRead:
    """How Data Catalog tables are read for a DynamicFrame, or for a DataFrame."""

    def convert(frame: Any, table: CatalogTable, empty: bool) -> Any:
        if dynamic and table.classification == "json":
            return _json(frame, empty, {})
        if table.classification == "csv" and table.columns:
            return _typed(frame.limit(0) if empty else frame, table, dynamic)
        return frame.limit(0) if empty else frame

    def options(table: CatalogTable) -> dict[str, str]:
        name = table.classification
        if dynamic and name == "json":
            read_options("json", {}, fail_fast=fail_fast, merge=merge)
            return {}
        given = {"rowTag": "row"} if name == "xml" else {}  # the table's own rowTag comes over it
        return dict(read_options(name, given, fail_fast=fail_fast, merge=merge).spark)

    return TableRead(
        format=lambda name: "text" if dynamic and name == "json" else name,
        convert=convert,
        schema=_schema,
        options=options,
    )


def _json(frame: Any, empty: bool, options: Mapping[str, Any]) -> Any:
    from glue_secure.dynamicframe.frames.json_source import from_text

    table = from_text(
        frame, json_path=options.get("jsonPath"), multiline=bool(options.get("multiLine", False))
    )
    return table.emptied() if empty else table


def _schema(columns: Any, as_text: bool) -> Any:
    from pyspark.sql import types

    from glue_secure.dynamicframe.frames.schema import to_spark
    from glue_secure.dynamicframe.types.hive import schema_of

    if not as_text:
        return to_spark(schema_of(columns))
    fields = [types.StructField(column.name, types.StringType()) for column in columns]
    return types.StructType(fields) if fields else None


def _typed(frame: Any, table: CatalogTable, dynamic: bool) -> Any:
    """The columns of a CSV table under the catalog's types: choices where some values do not fit, or null."""
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
