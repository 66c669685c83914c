"""File formats and the options of Spark's readers and writers.

Spark ignores an option that it does not know. Here a misspelt option raises UsageError.
Glue's names: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
Spark's names: https://spark.apache.org/docs/3.5.6/sql-data-sources.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import likely_name
from glue_secure.core.options import truth, whole_number

_CSV = frozenset(
    [
        "sep",
        "delimiter",
        "encoding",
        "charset",
        "quote",
        "escape",
        "comment",
        "header",
        "inferSchema",
        "enforceSchema",
        "ignoreLeadingWhiteSpace",
        "ignoreTrailingWhiteSpace",
        "nullValue",
        "nanValue",
        "positiveInf",
        "negativeInf",
        "dateFormat",
        "timestampFormat",
        "timestampNTZFormat",
        "maxColumns",
        "maxCharsPerColumn",
        "mode",
        "columnNameOfCorruptRecord",
        "multiLine",
        "charToEscapeQuoteEscaping",
        "samplingRatio",
        "emptyValue",
        "locale",
        "lineSep",
        "unescapedQuoteHandling",
        "quoteAll",
        "escapeQuotes",
        "compression",
        "preferDate",
    ]
)
_JSON = frozenset(
    [
        "timeZone",
        "primitivesAsString",
        "prefersDecimal",
        "allowComments",
        "allowUnquotedFieldNames",
        "allowSingleQuotes",
        "allowNumericLeadingZeros",
        "allowBackslashEscapingAnyCharacter",
        "mode",
        "columnNameOfCorruptRecord",
        "dateFormat",
        "timestampFormat",
        "timestampNTZFormat",
        "multiLine",
        "allowUnquotedControlChars",
        "encoding",
        "lineSep",
        "samplingRatio",
        "dropFieldIfAllNull",
        "locale",
        "allowNonNumericNumbers",
        "compression",
        "ignoreNullFields",
    ]
)
_PARQUET = frozenset(["datetimeRebaseMode", "int96RebaseMode", "mergeSchema", "compression"])
_ORC = frozenset(["mergeSchema", "compression"])
_AVRO = frozenset(
    [
        "avroSchema",
        "datetimeRebaseMode",
        "enableStableIdentifiersForUnionType",
        "mode",
        "positionalFieldMatching",
        "recordName",
        "recordNamespace",
        "compression",
    ]
)
# Without rowValidationXSDPath, which would read a file without the run's checks.
_XML = frozenset(
    [
        "rowTag",
        "rootTag",
        "declaration",
        "arrayElementName",
        "attributePrefix",
        "valueTag",
        "charset",
        "encoding",
        "columnNameOfCorruptRecord",
        "compression",
        "dateFormat",
        "excludeAttribute",
        "ignoreNamespace",
        "ignoreSurroundingSpaces",
        "inferSchema",
        "mode",
        "nullValue",
        "samplingRatio",
        "timestampFormat",
        "timestampNTZFormat",
        "treatEmptyValuesAsNulls",
        "wildcardColName",
    ]
)
# Spark reports another value when the frame is computed, with a stack trace.
_BOOLEANS = frozenset(
    [
        "allowBackslashEscapingAnyCharacter",
        "allowComments",
        "allowNonNumericNumbers",
        "allowNumericLeadingZeros",
        "allowSingleQuotes",
        "allowUnquotedControlChars",
        "allowUnquotedFieldNames",
        "dropFieldIfAllNull",
        "enableStableIdentifiersForUnionType",
        "enforceSchema",
        "escapeQuotes",
        "excludeAttribute",
        "header",
        "ignoreLeadingWhiteSpace",
        "ignoreNamespace",
        "ignoreNullFields",
        "ignoreSurroundingSpaces",
        "ignoreTrailingWhiteSpace",
        "inferSchema",
        "mergeSchema",
        "multiLine",
        "positionalFieldMatching",
        "preferDate",
        "prefersDecimal",
        "primitivesAsString",
        "quoteAll",
        "treatEmptyValuesAsNulls",
    ]
)
_WHOLE_NUMBERS = frozenset(["maxCharsPerColumn", "maxColumns", "maxRecordsPerFile"])
_WRITE_OPTIONS = frozenset(["maxRecordsPerFile", "partitionOverwriteMode"])


@dataclass(frozen=True, slots=True)
class Format:
    """A format and the options of Spark's reader and writer.

    Attributes:
        name: Glue's and Spark's name of the format.
        options: Spark's option names.
        is_deep: whether Glue reads it with Spark's reader: all levels without ``recurse``, and partition
            folders as columns.
    """

    name: str
    options: frozenset[str]
    is_deep: bool = False


FORMATS = {
    format.name: format
    for format in (
        Format("csv", _CSV),
        Format("json", _JSON),
        Format("parquet", _PARQUET, is_deep=True),
        Format("orc", _ORC, is_deep=True),
        Format("avro", _AVRO),
        Format("xml", _XML),
    )
}
BY_NAME = "byName"
"""A value of Spark's option ``enforceSchema``: the headers of CSV objects name their columns."""
# Formats without a reader in Spark, for DynamicFrames: Spark's format of the text or the bytes.
RECORD_FORMATS = {"groklog": "text", "ion": "binaryFile"}
# Formats that Glue reads and the plain-Spark runtime does not.
UNSUPPORTED = ("delta", "hudi", "iceberg")
# Glue's names of options, with which Spark's are often confused.
_GLUE_NAMES = {
    "separator": "sep",
    "withHeader": "header",
    "quoteChar": "quote",
    "escaper": "escape",
    "multiline": "multiLine",
}
_BINARY = {"PAR1": "Parquet", "Obj\x01": "Avro", "ORC": "ORC", "PK\x03\x04": "a ZIP archive or spreadsheet"}
_SPREADSHEETS = ("excel", "xls", "xlsx", "com.crealytics.spark.excel")


def source_format(name: str) -> Format:
    """Return the format of a source of GlueContext. Raises UsageError, which lists the known formats."""
    lowered = str(name).lower()
    if lowered in RECORD_FORMATS:
        return Format("grokLog" if lowered == "groklog" else lowered, frozenset())
    try:
        return format_of(name)
    except UsageError as error:
        required = ", ".join(sorted({*FORMATS, "grokLog", "ion"}))
        raise UsageError("format", found=repr(name), required=required, fix=error.fix) from None


def format_of(name: str, *, writing: bool = False) -> Format:
    """Return the format of a name. Raises UsageError, which lists the formats of a read, or of a write."""
    lowered = str(name).lower()
    known = FORMATS.keys() - ({"xml"} if writing else set())
    if lowered not in known:
        fix = ""
        if lowered in UNSUPPORTED:
            fix = "run the job in Glue; the plain-Spark runtime does not offer it"
        elif lowered in _SPREADSHEETS:
            fix = "save the sheet as csv; or read it with pandas.read_excel and spark.createDataFrame"
        elif lowered in FORMATS:
            fix = "Glue does not write XML either"
        elif likely := likely_name(lowered, known):
            fix = f"write {likely}"
        resource = "the format of a write" if writing else "format"
        raise UsageError(resource, found=repr(name), required=", ".join(sorted(known)), fix=fix)
    return FORMATS[lowered]


def spark_options(format_name: str, options: Mapping[str, Any], *, writing: bool = False) -> dict[str, str]:
    """Return Spark's options, in Spark's spelling and with values as text.

    Raises:
        UsageError: an option is not known for the format (or for writes) or has an invalid value, or the
            format cannot be written.
    """
    format = format_of(format_name, writing=writing)
    known = format.options | (_WRITE_OPTIONS if writing else frozenset())
    by_lower = {name.lower(): name for name in known}
    spark: dict[str, str] = {}
    for name, value in options.items():
        if name.lower() not in by_lower:
            glue_name = likely_name(name, _GLUE_NAMES)
            likely = _GLUE_NAMES[glue_name] if glue_name else likely_name(name, known)
            raise UsageError(
                f"option of format {format_name}",
                found=repr(name),
                required=", ".join(sorted(known)),
                fix=f"write {likely} instead of {name}"
                if likely in known
                else f"remove {name}: Spark itself would silently ignore the option",
            )
        spark[by_lower[name.lower()]] = _value(by_lower[name.lower()], value, format_name)
    return spark


def require_text(columns: Sequence[str], resource: str) -> None:
    """Reject a CSV header that is the start of a binary file: Spark would return its bytes as rows.

    Raises:
        UsageError: the first column's name starts as a file of Parquet, Avro, ORC or ZIP does.
    """
    header = columns[0] if columns else ""
    for start, name in _BINARY.items():
        if header.startswith(start) and not header.isprintable():
            raise UsageError(
                resource,
                found=f"an object of {name}",
                required="text with a header",
                fix="read the object in the format that it has, or exclude it with 'exclusions'",
            )


def matched_by_name(format_name: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return Spark's options, for CSV with a header with the one that matches columns by name.

    A caller's own ``enforceSchema`` is not changed.
    """
    has_header = format_name == "csv" and options.get("header") == "true"
    return {**({"enforceSchema": BY_NAME} if has_header else {}), **options}


def _value(name: str, value: Any, format_name: str) -> str:
    resource = f"option {name} of format {format_name}"
    if value is None:
        raise UsageError(resource, found="None", required="a value", fix=f"remove {name}")
    if name in _BOOLEANS:
        return text_of(truth(resource, value))
    if name in _WHOLE_NUMBERS and str(value).strip() != "-1":  # -1 means no limit
        return str(whole_number(resource, value))
    return text_of(value)


def text_of(value: Any) -> str:
    """Return an option's value as Spark's text: ``true`` for True, JSON for lists and mappings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
