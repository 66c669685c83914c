"""Glue's ``format_options`` of a read, as options of Spark's reader and of the conversion after it.

Source of names and defaults: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
and its page for each format. An option that affects speed only is accepted and ignored. An option that would
change the rows and that plain Spark cannot apply raises UsageError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import Place, warn_of_ignored
from glue_secure.core.json_documents import parse_json
from glue_secure.core.options import truth
from glue_secure.dynamicframe.types import ion
from glue_secure.dynamicframe.types.grok import GrokFormat
from glue_secure.engines.glue_options import known_options
from glue_secure.engines.spark.formats import source_format, text_of

# Options that tune Glue's own reader or writer. The rows are the same without them.
SPEED_ONLY = {
    "csv": ("optimizePerformance",),
    "json": ("optimizePerformance",),
    "parquet": ("useGlueParquetWriter", "compression", "blockSize", "pageSize"),
    "orc": (),
    "avro": (),
    "xml": (),
    "ion": (),
    "grokLog": (),
}
# Earlier versions of AWS's page spell multiLine of csv as multiline.
_CSV = (
    "separator",
    "escaper",
    "quoteChar",
    "multiLine",
    "multiline",
    "withHeader",
    "skipFirst",
    "strictCheckForQuoting",
)
_XML = (
    "rowTag", "encoding", "excludeAttribute", "treatEmptyValuesAsNulls", "attributePrefix", "valueTag",
    "ignoreSurroundingSpaces", "withSchema", "nullValue",
)  # fmt: skip
# Options of every format: columns for the source of a record.
SHARED = ("attachFilename", "attachTimestamp")
KNOWN_OPTIONS = {
    "csv": (*_CSV, "writeHeader"),
    "json": ("jsonPath", "multiLine", "multiline"),
    "parquet": (),
    "orc": (),
    "avro": ("version",),
    "xml": _XML,
    "ion": (),
    "grokLog": ("logFormat", "customPatterns", "MISSING", "LineCount", "StrictMode"),
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options of a read.

    Attributes:
        spark: options of Spark's reader.
        json: options of the conversion from text, for a DynamicFrame of JSON.
        schema: Glue's schema from ``withSchema``, or None.
        columns: the names of CSV columns without a header, ``col{}``; ``""`` keeps the names.
        file_column: the column for the location of each record's object; ``""`` for none.
        time_column: the column for the time of the object's last change; ``""`` for none.
        skips_first: whether the first record of each object is skipped.
        record_reader: the parser of a line or an object, for a format without a reader in Spark.
        is_fail_fast: whether malformed values are an error of the read, for such a format.
    """

    spark: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    schema: Any = None
    columns: str = ""
    file_column: str = ""
    time_column: str = ""
    skips_first: bool = False
    record_reader: Callable[[Any], tuple[list[Any], str, bool]] | None = None
    is_fail_fast: bool = False


def read_options(
    format: str, options: Mapping[str, Any] | None, *, fail_fast: bool = False, merge: bool | None = None
) -> ReadOptions:
    """Check ``format_options`` and translate them.

    Args:
        format: Spark's name of the format.
        options: the script's ``format_options``, or None.
        fail_fast: Glue's ``isFailFast``: a record that cannot be read fails the job.
        merge: Spark's ``mergeSchema`` of parquet and orc, from ``connection_options``; None if not set.

    Raises:
        UsageError: an option is not known, or plain Spark cannot apply it.
    """
    name = source_format(format).name
    known = {*KNOWN_OPTIONS[name], *SPEED_ONLY[name], *SHARED}
    resource = f"format_options of format {name}"
    options = known_options(options or {}, known, Place.FORMAT_OF_READ, resource)
    if merge is not None and not source_format(name).is_deep:
        warn_of_ignored("mergeSchema", f"a read of {name}", "it is for parquet and orc")
    read = _of_format(name, options, fail_fast, merge)
    columns = {column: text_of(options.get(column, "")) for column in SHARED}
    return replace(read, file_column=columns["attachFilename"], time_column=columns["attachTimestamp"])


def _of_format(name: str, options: Mapping[str, Any], fail_fast: bool, merge: bool | None) -> ReadOptions:
    if name == "csv":
        return _csv(options, fail_fast)
    if name == "json":
        return _json(options, fail_fast)
    if name == "xml":
        return _xml(options, fail_fast)
    if name == "ion":
        ion.require_library()
        return ReadOptions(record_reader=ion.read, is_fail_fast=fail_fast)
    if name == "grokLog":
        grok = GrokFormat.parse(options)
        return ReadOptions(schema=grok.schema(), record_reader=grok.read, is_fail_fast=fail_fast)
    if name == "avro":
        if str(options.get("version", "1.8")) != "1.8":
            raise _unsupported("avro", f"version {options['version']!r}", "1.8: Spark reads logical types")
        return ReadOptions({"mode": "FAILFAST"} if fail_fast else {})
    is_merged = merge is not None and source_format(name).is_deep
    return ReadOptions({"mergeSchema": text_of(merge)} if is_merged else {})


def _csv(options: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    header = truth("withHeader", options.get("withHeader", False))
    skip = truth("skipFirst", options.get("skipFirst", False))
    # strictCheckForQuoting is for Glue's writer; its value must be valid here, too.
    truth("strictCheckForQuoting", options.get("strictCheckForQuoting", False))
    quote = options.get("quoteChar", '"')
    quote = "" if quote in (-1, "-1") else text_of(quote)
    # Glue has no escape character by default; Spark's default is a backslash. RFC 4180 doubles quotes.
    escape = options.get("escaper")
    spark = {
        "header": text_of(header or skip),
        "sep": text_of(options.get("separator", ",")),
        "quote": quote,
        "escape": quote if escape in (None, "", "none") else text_of(escape),
        "multiLine": text_of(truth("multiLine", options.get("multiLine", options.get("multiline", False)))),
    }
    if fail_fast:
        spark["mode"] = "FAILFAST"
    # Without a header, Spark skips the first line as one; with both options, the record after the header.
    return ReadOptions(spark, columns="" if header else "col{}", skips_first=header and skip)


def _json(options: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    lines = options.get("multiLine", options.get("multiline", False))
    is_multiline = truth("multiLine", lines)
    conversion: dict[str, Any] = {"multiLine": is_multiline, "isFailFast": fail_fast}
    if options.get("jsonPath"):
        conversion["jsonPath"] = str(options["jsonPath"])
    spark = {"multiLine": text_of(is_multiline)}
    return ReadOptions({**spark, "mode": "FAILFAST"} if fail_fast else spark, conversion)


def _xml(options: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    if not options.get("rowTag"):
        raise UsageError("format_options of format xml", found="no rowTag", required="rowTag")
    encoding = text_of(options.get("encoding", "UTF-8"))
    spark = {
        "rowTag": text_of(options["rowTag"]),
        "charset": encoding,
        "encoding": encoding,
        "attributePrefix": text_of(options.get("attributePrefix", "_")),
        "valueTag": text_of(options.get("valueTag", "_VALUE")),
        "mode": "FAILFAST" if fail_fast else "PERMISSIVE",
    }
    for name in ("excludeAttribute", "ignoreSurroundingSpaces"):
        spark[name] = text_of(truth(name, options.get(name, False)))
    if "nullValue" in options:
        spark["nullValue"] = text_of(options["nullValue"])
    empty_is_null = truth("treatEmptyValuesAsNulls", options.get("treatEmptyValuesAsNulls", False))
    if empty_is_null and spark.setdefault("nullValue", "") != "":
        raise _unsupported("xml", "treatEmptyValuesAsNulls with nullValue", "one of them")
    return ReadOptions(spark, schema=_schema(options.get("withSchema")))


def _schema(value: Any) -> Any:
    from glue_secure.dynamicframe.types import glue_types as glue

    if not value:
        return None
    try:
        schema = glue.type_from_json(parse_json(value) if isinstance(value, str) else value)
    except (UsageError, ValueError):
        schema = None
    if not isinstance(schema, glue.StructType):
        raise UsageError(
            "withSchema", found="not a schema", required="json.dumps(schema.jsonValue()) of a StructType"
        )
    if glue.has_choice(schema):
        raise _unsupported("xml", "withSchema with a ChoiceType", "one type for each field")
    return schema


def _unsupported(format: str, found: str, required: str) -> UsageError:
    return UsageError(
        f"options of format {format} in plain Spark",
        found=found,
        required=required,
        fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
    )
