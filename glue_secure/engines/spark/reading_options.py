"""Glue's ``format_options`` of a read, as Spark's options and what is done after Spark's reader.

Source of names and defaults: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
and its page for each format. An option that only tunes speed is accepted; one that would change the rows
and that plain Spark cannot honour is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth
from glue_secure.engines.spark.formats import format_of, text_of

# name → why it may be given: it tunes Glue's own reader or writer, and the rows are the same without it.
SPEED_ONLY = {
    "csv": ("optimizePerformance",),
    "json": ("optimizePerformance",),
    "parquet": ("useGlueParquetWriter", "compression", "blockSize", "pageSize"),
    "orc": (),
    "avro": (),
    "xml": (),
}
_CSV = ("separator", "escaper", "quoteChar", "multiLine", "withHeader", "skipFirst", "strictCheckForQuoting")
_XML = (
    "rowTag", "encoding", "excludeAttribute", "treatEmptyValuesAsNulls", "attributePrefix", "valueTag",
    "ignoreSurroundingSpaces", "withSchema", "nullValue",
)  # fmt: skip
KNOWN = {
    "csv": (*_CSV, "writeHeader"),
    "json": ("jsonPath", "multiLine", "multiline"),
    "parquet": (),
    "orc": (),
    "avro": ("version",),
    "xml": _XML,
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a read goes.

    Attributes:
        spark: Spark's options.
        json: options of the conversion from text, for a DynamicFrame of JSON.
        schema: Glue's schema that ``withSchema`` names, or None.
        columns: how unnamed CSV columns are called, ``col{}``; ``""`` keeps the names.
    """

    spark: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    schema: Any = None
    columns: str = ""


def read_options(
    format: str, options: Mapping[str, Any] | None, *, fail_fast: bool = False, merge: bool | None = None
) -> ReadOptions:
    """Judge and translate ``format_options``.

    Args:
        format: Spark's name of it.
        options: as the script gave them; None is none.
        fail_fast: Glue's ``isFailFast``: a record that cannot be read fails the job.
        merge: Spark's ``mergeSchema`` of parquet and orc, from ``connection_options``; None leaves it.

    Raises:
        UsageError: an option is not known, or cannot be honoured in plain Spark.
    """
    name = format_of(format).name
    given = dict(options or {})
    unknown = sorted(set(given) - set(KNOWN[name]) - set(SPEED_ONLY[name]))
    if unknown:
        raise UsageError(
            f"format_options of format {name}",
            found=", ".join(unknown),
            required=", ".join(sorted({*KNOWN[name], *SPEED_ONLY[name]})) or "none",
            fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )
    if merge is not None and not format_of(name).is_deep:
        raise _cannot(name, "mergeSchema", "no merging of schemas: parquet and orc only")
    if name == "csv":
        return _csv(given, fail_fast)
    if name == "json":
        return _json(given, fail_fast)
    if name == "xml":
        return _xml(given, fail_fast)
    if name == "avro":
        if str(given.get("version", "1.8")) != "1.8":
            raise _cannot("avro", f"version {given['version']!r}", "1.8: Spark reads logical types as such")
        return ReadOptions({"mode": "FAILFAST"} if fail_fast else {})
    return ReadOptions({} if merge is None else {"mergeSchema": text_of(merge)})


def _csv(given: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    header = truth("withHeader", given.get("withHeader", False))
    skip = truth("skipFirst", given.get("skipFirst", False))
    if header and skip:
        raise _cannot("csv", "skipFirst with withHeader", "one of them")
    if truth("strictCheckForQuoting", given.get("strictCheckForQuoting", False)):
        raise _cannot("csv", "strictCheckForQuoting", "false")
    quote = given.get("quoteChar", '"')
    quote = "" if quote in (-1, "-1") else text_of(quote)
    # Glue has no escape character by default; Spark's would be a backslash. A doubled quote is RFC 4180's.
    escape = given.get("escaper")
    spark = {
        "header": text_of(header or skip),
        "sep": text_of(given.get("separator", ",")),
        "quote": quote,
        "escape": quote if escape in (None, "", "none") else text_of(escape),
        "multiLine": text_of(truth("multiLine", given.get("multiLine", False))),
    }
    if fail_fast:
        spark["mode"] = "FAILFAST"
    return ReadOptions(spark, columns="" if header else "col{}")


def _json(given: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    if fail_fast:
        raise _cannot("json", "isFailFast", "false; look at errorsAsDynamicFrame or assertErrorThreshold")
    lines = given.get("multiLine", given.get("multiline", False))
    several = truth("multiLine", lines)
    conversion: dict[str, Any] = {"multiLine": several}
    if given.get("jsonPath"):
        conversion["jsonPath"] = str(given["jsonPath"])
    return ReadOptions({"multiLine": text_of(several)}, conversion)


def _xml(given: Mapping[str, Any], fail_fast: bool) -> ReadOptions:
    if not given.get("rowTag"):
        raise UsageError("format_options of format xml", found="no rowTag", required="rowTag")
    encoding = text_of(given.get("encoding", "UTF-8"))
    spark = {
        "rowTag": text_of(given["rowTag"]),
        "charset": encoding,
        "encoding": encoding,
        "attributePrefix": text_of(given.get("attributePrefix", "_")),
        "valueTag": text_of(given.get("valueTag", "_VALUE")),
        "mode": "FAILFAST" if fail_fast else "PERMISSIVE",
    }
    for name in ("excludeAttribute", "ignoreSurroundingSpaces"):
        spark[name] = text_of(truth(name, given.get(name, False)))
    if "nullValue" in given:
        spark["nullValue"] = text_of(given["nullValue"])
    empty_is_null = truth("treatEmptyValuesAsNulls", given.get("treatEmptyValuesAsNulls", False))
    if empty_is_null and spark.setdefault("nullValue", "") != "":
        raise _cannot("xml", "treatEmptyValuesAsNulls with nullValue", "one of them")
    return ReadOptions(spark, schema=_schema(given.get("withSchema")))


def _schema(value: Any) -> Any:
    from glue_secure.dynamicframe.types import glue_types as glue

    if not value:
        return None
    try:
        schema = glue.type_from_json(json.loads(value) if isinstance(value, str) else value)
    except (UsageError, ValueError):
        schema = None
    if not isinstance(schema, glue.StructType):
        raise UsageError(
            "withSchema", found="no schema", required="json.dumps(schema.jsonValue()) of a StructType"
        )
    if glue.has_choice(schema):
        raise _cannot("xml", "withSchema with a ChoiceType", "one type for each field")
    return schema


def _cannot(format: str, found: str, required: str) -> UsageError:
    return UsageError(
        f"options of format {format} in plain Spark",
        found=found,
        required=required,
        fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
    )
