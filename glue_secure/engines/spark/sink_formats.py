"""The options of Glue's writers for each format, and what Spark writes for them.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html and the pages of each format.
A choice type is written as in Glue. JSON and CSV get the bare value. Parquet, ORC and Avro get a struct of
the alternatives, as ``toDF`` returns it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import Place, warn_of_ignored
from glue_secure.core.options import truth
from glue_secure.dynamicframe.frames.choice_text import csv_columns, json_lines
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.glue_options import known_options
from glue_secure.engines.spark.formats import text_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_UNCOMPRESSED = {"none": "none", "uncompressed": "none"}
_STUDIO_DEFAULT = frozenset(("snappy",))
_BLOCKS = {**_UNCOMPRESSED, "gzip": "gzip", "bzip2": "bzip2"}


@dataclass(frozen=True, slots=True)
class SinkFormat:
    """A format that Glue writes.

    Attributes:
        name: Glue's and Spark's name of the format.
        options: the ``format_options`` of its writer.
        codecs: Spark's name of a compression for each of Glue's.
        spark: Spark options that Glue accepts among ``connection_options``.
        ignored_codecs: compressions that Glue Studio offers for the format and that have no effect.
    """

    name: str
    options: frozenset[str]
    codecs: Mapping[str, str]
    spark: frozenset[str] = field(default_factory=frozenset)
    ignored_codecs: frozenset[str] = field(default_factory=frozenset)


SINK_FORMATS = {
    "csv": SinkFormat(
        "csv",
        frozenset(("separator", "escaper", "quoteChar", "writeHeader", "strictCheckForQuoting")),
        _BLOCKS,
        ignored_codecs=_STUDIO_DEFAULT,
    ),
    "json": SinkFormat("json", frozenset(), _BLOCKS, ignored_codecs=_STUDIO_DEFAULT),
    "parquet": SinkFormat(
        "parquet",
        frozenset(("useGlueParquetWriter", "compression", "blockSize", "pageSize")),
        {**_UNCOMPRESSED, "snappy": "snappy", "gzip": "gzip", "zstd": "zstd", "lz4": "lz4_raw"},
        frozenset(("maxRecordsPerFile",)),
    ),
    "orc": SinkFormat(
        "orc",
        frozenset(),
        {**_UNCOMPRESSED, "snappy": "snappy", "zlib": "zlib", "zstd": "zstd", "lz4": "lz4"},
        frozenset(("maxRecordsPerFile",)),
    ),
    "avro": SinkFormat(
        "avro",
        frozenset(("version",)),
        {"none": "uncompressed", "uncompressed": "uncompressed", "snappy": "snappy", "deflate": "deflate",
         "bzip2": "bzip2"},
    ),
}  # fmt: skip
# Formats that Glue only reads, and table formats, whose writers also change files outside of the new ones.
_NOT_WRITTEN = {
    "xml": "Glue documents no writing of xml",
    "ion": "Glue documents no writing of ion",
    "groklog": "Glue documents no writing of grokLog",
    "iceberg": "a table of Iceberg has a name, not a path: use from_catalog",
}
_SIZE = re.compile(r"(\d{1,12})\s*(|b|kb|mb|gb)\Z", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame that is ready to be written.

    Attributes:
        data: the DataFrame to write.
        format: Glue's name of the format, for the evidence.
        writer: Spark's name of the writer: ``text`` if the rows are JSON text.
        options: Spark's options.
    """

    data: Any
    format: str
    writer: str
    options: Mapping[str, str]


def sink_format(name: str) -> SinkFormat:
    """Return the format of a name. Raises UsageError, which lists the formats."""
    lowered = str(name).lower()
    format = SINK_FORMATS.get("parquet" if lowered == "glueparquet" else lowered)
    if format is None:
        raise UsageError(
            "the format of a sink",
            found=f"{name!r}" + (f": {_NOT_WRITTEN[lowered]}" if lowered in _NOT_WRITTEN else ""),
            required=", ".join([*sorted(SINK_FORMATS), "glueparquet"]),
        )
    return format


def writer_options(format: SinkFormat, options: Mapping[str, Any], sink: Mapping[str, Any]) -> dict[str, str]:
    """Return Spark's options for Glue's ``format_options`` and the compression of ``connection_options``.

    Raises:
        UsageError: the format's writer does not have the option or the codec.
    """
    resource = f"format_options of a {format.name} sink"
    options = known_options(options, format.options, Place.FORMAT_OF_WRITE, resource)
    spark = {name: text_of(sink[name]) for name in format.spark if name in sink}
    codec = options.get("compression") or sink.get("compression") or sink.get("compressionType")
    if codec and str(codec).lower() in format.ignored_codecs:
        warn_of_ignored(
            f"compression {codec}", f"a {format.name} sink", "Glue Studio sets it for every format"
        )
    elif codec:
        if str(codec).lower() not in format.codecs:
            raise UsageError(
                f"compression of a {format.name} sink", found=repr(codec), required=", ".join(format.codecs)
            )
        spark["compression"] = format.codecs[str(codec).lower()]
    if format.name == "csv":
        spark |= _csv(options)
    for name in ("blockSize", "pageSize"):
        if options.get(name) is not None:
            spark[f"parquet.{name[:-4]}.size"] = str(_bytes(name, options[name]))
    return spark


def prepare(
    table: Table,
    format: SinkFormat,
    options: Mapping[str, Any],
    spark: Mapping[str, str],
    keys: Sequence[str],
) -> Prepared:
    """Return the frame as the format stores it; see this module's description for choice types.

    Raises:
        UsageError: a partition key is missing or not of an atomic type, or the format cannot store a column.
    """
    _validate_keys(table.schema, keys)
    _reject_untyped(table.schema, format)
    if format.name == "csv":
        return Prepared(csv_columns(table.data, table.schema), "csv", "csv", spark)
    if format.name == "json" and glue.has_choice(table.schema):
        return Prepared(json_lines(table.data, table.schema, list(keys)), "json", "text", spark)
    if format.name == "avro" and _avro_version(options) == "1.7":
        return Prepared(_without_logical_types(table.data), "avro", "avro", spark)
    return Prepared(table.data, format.name, format.name, spark)


def _reject_untyped(schema: glue.StructType, format: SinkFormat) -> None:
    """Raise UsageError for columns of nothing but nulls, if the format has no type for them."""
    if format.name in ("json", "avro"):
        return
    names = [field.name for field in schema.fields if _has_untyped(field.dataType)]
    if names:
        raise UsageError(
            f"a write of {format.name}",
            found=f"columns of nothing but nulls, which have no type: {', '.join(names)}",
            required="a type for each column",
            fix="remove them with DropNullFields.apply(frame), or give each a type with apply_mapping",
        )


def _has_untyped(data_type: glue.DataType) -> bool:
    if isinstance(data_type, glue.StructType):
        return any(_has_untyped(field.dataType) for field in data_type.fields)
    if isinstance(data_type, glue.ArrayType):
        return _has_untyped(data_type.elementType)
    if isinstance(data_type, glue.MapType):
        return _has_untyped(data_type.valueType)
    return isinstance(data_type, (glue.NullType, glue.UnknownType))


def _validate_keys(schema: glue.StructType, keys: Sequence[str]) -> None:
    data_types = {field.name: field.dataType for field in schema.fields}
    for key in keys:
        data_type = data_types.get(key)
        if data_type is None:
            required = ", ".join(data_types)
            raise UsageError("partitionKeys", found=repr(key), required=f"columns of the frame: {required}")
        if isinstance(data_type, (glue.ChoiceType, glue.StructType, glue.ArrayType, glue.MapType)):
            raise UsageError(
                "partitionKeys",
                found=f"{key!r}, a {data_type.typeName()}",
                required="columns of atomic types",
                fix="resolveChoice first",
            )
    if keys and len(data_types) == len(set(keys)):
        raise UsageError("partitionKeys", found="every column", required="at least one column for the files")


def _csv(options: Mapping[str, Any]) -> dict[str, str]:
    """Return Spark's CSV options. Glue writes a header, and doubles quotes (RFC 4180), by default."""
    quote = options.get("quoteChar", '"')
    is_unquoted = str(quote) == "-1"
    # Spark quotes only what needs quotes, as Glue with strictCheckForQuoting; Glue may quote more without it.
    truth("strictCheckForQuoting", options.get("strictCheckForQuoting", False))
    escaper = options.get("escaper", "none")
    spark = {
        "header": text_of(options.get("writeHeader", True)),
        "sep": str(options.get("separator", ",")),
        "quote": "" if is_unquoted else str(quote),
    }
    if str(escaper) != "none":
        spark["escape"] = str(escaper)
    elif not is_unquoted:
        spark["escape"] = str(quote)
    return spark


def _avro_version(options: Mapping[str, Any]) -> str:
    version = str(options.get("version", "1.7"))
    if version not in ("1.7", "1.8"):
        raise UsageError("format_options version of an avro sink", found=repr(version), required="1.7, 1.8")
    return version


def _without_logical_types(data: DataFrame) -> DataFrame:
    """Return the frame with decimals, dates and timestamps as text, as Glue's Avro 1.7 writer stores them."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    logical = (spark.DecimalType, spark.DateType, spark.TimestampType, spark.TimestampNTZType)

    def without_logical(data_type: Any) -> Any:
        if isinstance(data_type, logical):
            return spark.StringType()
        if isinstance(data_type, spark.ArrayType):
            return spark.ArrayType(without_logical(data_type.elementType), data_type.containsNull)
        if isinstance(data_type, spark.MapType):
            return spark.MapType(
                data_type.keyType, without_logical(data_type.valueType), data_type.valueContainsNull
            )
        if isinstance(data_type, spark.StructType):
            return spark.StructType(
                [
                    spark.StructField(field.name, without_logical(field.dataType), field.nullable)
                    for field in data_type.fields
                ]
            )
        return data_type

    columns = []
    for source in data.schema.fields:
        column = F.col(identifier(source.name))
        data_type = without_logical(source.dataType)
        columns.append(column if data_type == source.dataType else column.cast(data_type).alias(source.name))
    return data.select(*columns)


def _bytes(name: str, value: Any) -> int:
    match = _SIZE.match(str(value))
    if match is None:
        raise UsageError(
            f"format_options {name}", found=repr(value), required="bytes, or a size such as 128MB"
        )
    return int(match[1]) * _UNITS[match[2].lower()]
