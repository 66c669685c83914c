"""Formats and their options: Glue's names, Spark's names, and nothing else.

Spark ignores an option that it does not know; here a misspelt one is refused.
Glue's names: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
Spark's names: https://spark.apache.org/docs/3.5.6/sql-data-sources.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError

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
# rowValidationXSDPath is left out: it would read a file beside the guard.
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
_WRITE = frozenset(["maxRecordsPerFile", "partitionOverwriteMode"])


@dataclass(frozen=True, slots=True)
class Format:
    """One format, and which Spark options it takes.

    Attributes:
        name: ``csv``.
        options: Spark's option names.
        is_deep: whether Glue reads it through Spark: all levels without ``recurse``, partition folders
            as columns.
    """

    name: str
    options: frozenset[str]
    is_deep: bool = False


FORMATS = {
    one.name: one
    for one in (
        Format("csv", _CSV),
        Format("json", _JSON),
        Format("parquet", _PARQUET, is_deep=True),
        Format("orc", _ORC, is_deep=True),
        Format("avro", _AVRO),
        Format("xml", _XML),
    )
}
# What Glue reads and plain Spark has no reader for.
UNSERVED = ("delta", "grokLog", "hudi", "iceberg", "ion")


def format_of(name: str) -> Format:
    """The format of that name; UsageError lists the known ones."""
    found = FORMATS.get(str(name).lower())
    if found is None:
        fix = "plain Spark has no reader or writer for it here" if name in UNSERVED else ""
        raise UsageError("format", found=repr(name), required=", ".join(sorted(FORMATS)), fix=fix)
    return found


def spark_options(format_name: str, options: Mapping[str, Any], *, writing: bool = False) -> dict[str, str]:
    """Spark's own options, each known for the format (or for writes in general); values as Spark's text."""
    known = format_of(format_name).options | (_WRITE if writing else frozenset())
    if writing and format_of(format_name).name == "xml":
        others = ", ".join(sorted(set(FORMATS) - {"xml"}))
        raise UsageError("the format of a write", found="xml", required=others, fix="Glue writes none either")
    by_lower = {name.lower(): name for name in known}
    chosen: dict[str, str] = {}
    for name, value in options.items():
        if name.lower() not in by_lower:
            raise UsageError(
                f"option of format {format_name}",
                found=repr(name),
                required=", ".join(sorted(known)),
                fix="check the spelling; Spark itself would ignore it in silence",
            )
        chosen[by_lower[name.lower()]] = text_of(value)
    return chosen


def text_of(value: Any) -> str:
    """An option's value as Spark reads it: ``true`` for True, JSON for lists, text for the rest."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
