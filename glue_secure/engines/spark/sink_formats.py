"""What Glue's writers take for each format, and what Spark writes for it.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html and the pages of each format.
A choice in a frame: JSON and CSV write the bare value, as Glue's own writers do, which walk records; Parquet
and ORC write a struct of the alternatives, which is what ``toDF`` makes of it there; Avro too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.choice_text import csv_columns, json_lines
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.spark.formats import text_of

_UNCOMPRESSED = {"none": "none", "uncompressed": "none"}
_BLOCKS = {**_UNCOMPRESSED, "gzip": "gzip", "bzip2": "bzip2"}


@dataclass(frozen=True, slots=True)
class SinkFormat:
    """One format that Glue writes.

    Attributes:
        name: Glue's and Spark's name of it.
        options: the ``format_options`` that its writer takes.
        codecs: Glue's word for a compression → Spark's.
        spark: options of Spark's own that Glue lets through from ``connection_options``.
    """

    name: str
    options: frozenset[str]
    codecs: Mapping[str, str]
    spark: frozenset[str] = field(default_factory=frozenset)


SINK_FORMATS = {
    "csv": SinkFormat("csv", frozenset(("separator", "escaper", "quoteChar", "writeHeader")), _BLOCKS),
    "json": SinkFormat("json", frozenset(), _BLOCKS),
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
# The two that Glue only reads, and the table formats, whose writers leave files behind that nobody listed.
_NOT_WRITTEN = {
    "xml": "Glue documents no writing of xml",
    "ion": "Glue documents no writing of ion",
    "groklog": "Glue documents no writing of grokLog",
    "iceberg": "not served in plain Spark",
    "hudi": "not served in plain Spark",
    "delta": "not served in plain Spark",
}
_SIZE = re.compile(r"(\d{1,12})\s*(|b|kb|mb|gb)\Z", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes to the funnel.

    Attributes:
        data: the DataFrame to write.
        format: Glue's name of the format, for the evidence.
        writer: Spark's name of the writer: ``text`` where rows are JSON text already.
        options: Spark's options.
    """

    data: Any
    format: str
    writer: str
    options: Mapping[str, str]


def sink_format(name: str) -> SinkFormat:
    """The format of that name; UsageError says which are written."""
    lowered = str(name).lower()
    found = SINK_FORMATS.get("parquet" if lowered == "glueparquet" else lowered)
    if found is None:
        raise UsageError(
            "the format of a sink",
            found=f"{name!r}" + (f": {_NOT_WRITTEN[lowered]}" if lowered in _NOT_WRITTEN else ""),
            required=", ".join([*sorted(SINK_FORMATS), "glueparquet"]),
        )
    return found


def spark_options(kind: SinkFormat, options: Mapping[str, Any], sink: Mapping[str, Any]) -> dict[str, str]:
    """Spark's options for Glue's ``format_options`` and the compression of ``connection_options``.

    Raises:
        UsageError: an option that the format's writer does not take, or a codec that it does not know.
    """
    unknown = sorted(set(options) - kind.options)
    if unknown:
        raise UsageError(
            f"format_options of a {kind.name} sink",
            found=", ".join(unknown),
            required=", ".join(sorted(kind.options)) or "none",
            fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )
    chosen = {name: text_of(sink[name]) for name in kind.spark if name in sink}
    codec = options.get("compression") or sink.get("compression") or sink.get("compressionType")
    if codec:
        if str(codec).lower() not in kind.codecs:
            raise UsageError(
                f"compression of a {kind.name} sink", found=repr(codec), required=", ".join(kind.codecs)
            )
        chosen["compression"] = kind.codecs[str(codec).lower()]
    if kind.name == "csv":
        chosen |= _csv(options)
    for name in ("blockSize", "pageSize"):
        if options.get(name) is not None:
            chosen[f"parquet.{name[:-4]}.size"] = str(_bytes(name, options[name]))
    return chosen


def prepare(
    table: Table, kind: SinkFormat, options: Mapping[str, Any], spark: Mapping[str, str], keys: Sequence[str]
) -> Prepared:
    """The frame as the format stores it; see the module's own words on choices.

    Raises:
        UsageError: a partition key that the frame lacks or that is a choice; a column the format cannot hold.
    """
    _judge_keys(table.schema, keys)
    if kind.name == "csv":
        return Prepared(csv_columns(table.data, table.schema), "csv", "csv", spark)
    if kind.name == "json" and glue.has_choice(table.schema):
        return Prepared(json_lines(table.data, table.schema, list(keys)), "json", "text", spark)
    if kind.name == "avro" and _avro_version(options) == "1.7":
        return Prepared(_without_logical_types(table.data), "avro", "avro", spark)
    return Prepared(table.data, kind.name, kind.name, spark)


def _judge_keys(schema: glue.StructType, keys: Sequence[str]) -> None:
    kinds = {each.name: each.dataType for each in schema.fields}
    for key in keys:
        kind = kinds.get(key)
        if kind is None:
            required = ", ".join(kinds)
            raise UsageError("partitionKeys", found=repr(key), required=f"columns of the frame: {required}")
        if isinstance(kind, (glue.ChoiceType, glue.StructType, glue.ArrayType, glue.MapType)):
            raise UsageError(
                "partitionKeys",
                found=f"{key!r}, a {kind.typeName()}",
                required="columns of single values",
                fix="resolveChoice first",
            )
    if keys and len(kinds) == len(set(keys)):
        raise UsageError("partitionKeys", found="every column", required="at least one column for the files")


def _csv(options: Mapping[str, Any]) -> dict[str, str]:
    """Glue writes a header unless told not to, and doubles quotes unless an escaper is named (RFC 4180)."""
    quote = options.get("quoteChar", '"')
    off = str(quote) == "-1"
    escaper = options.get("escaper", "none")
    chosen = {
        "header": text_of(options.get("writeHeader", True)),
        "sep": str(options.get("separator", ",")),
        "quote": "" if off else str(quote),
    }
    if str(escaper) != "none":
        chosen["escape"] = str(escaper)
    elif not off:
        chosen["escape"] = str(quote)
    return chosen


def _avro_version(options: Mapping[str, Any]) -> str:
    version = str(options.get("version", "1.7"))
    if version not in ("1.7", "1.8"):
        raise UsageError("format_options version of an avro sink", found=repr(version), required="1.7, 1.8")
    return version


def _without_logical_types(data: Any) -> Any:
    """Glue's Avro 1.7 writer stores decimals, dates and timestamps as text."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    textual = (spark.DecimalType, spark.DateType, spark.TimestampType, spark.TimestampNTZType)

    def told(kind: Any) -> Any:
        if isinstance(kind, textual):
            return spark.StringType()
        if isinstance(kind, spark.ArrayType):
            return spark.ArrayType(told(kind.elementType), kind.containsNull)
        if isinstance(kind, spark.MapType):
            return spark.MapType(kind.keyType, told(kind.valueType), kind.valueContainsNull)
        if isinstance(kind, spark.StructType):
            return spark.StructType(
                [spark.StructField(each.name, told(each.dataType), each.nullable) for each in kind.fields]
            )
        return kind

    columns = []
    for each in data.schema.fields:
        column = F.col("`" + each.name.replace("`", "``") + "`")
        wanted = told(each.dataType)
        columns.append(column if wanted == each.dataType else column.cast(wanted).alias(each.name))
    return data.select(*columns)


def _bytes(name: str, value: Any) -> int:
    match = _SIZE.match(str(value))
    if match is None:
        raise UsageError(f"format_options {name}", found=repr(value), required="bytes, or a size as 128MB")
    return int(match[1]) * _UNITS[match[2].lower()]
