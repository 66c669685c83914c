"""``unbox``: replace a string field by its parsed value."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth
from glue_secure.dynamicframe.frames import errors as failed
from glue_secure.dynamicframe.frames import json_source
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.frames.schema import from_spark, to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import json_text
from glue_secure.dynamicframe.types.paths import parse
from glue_secure.dynamicframe.types.values import as_json, decoder, encoder, plain

_OPTIONS = {"json": {"withSchema"}, "csv": {"separator", "escaper", "skipFirst", "withHeader", "withSchema"}}
_TEXT, _PARSED = "__glue_secure_text", "__glue_secure_parsed_text"
Parser = Callable[[str], tuple[Any, str]]


def unbox(
    table: Table,
    path: str,
    format: str,
    options: Mapping[str, Any] | None = None,
    *,
    call: failed.CallSite | None = None,
) -> Table:
    """Return the table with the string at ``path`` replaced by its parsed value.

    A record with a malformed string becomes an error record. Without ``withSchema``, a Spark job infers the
    type. JSON may have any type, including choices. CSV must be one line, after a header line if
    ``withHeader`` or ``skipFirst`` is set. It becomes a struct of strings (named ``col0``, ``col1``, ...
    without a header or schema). Null stays null.

    Source:
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html

    Args:
        table: the table.
        path: a string field, possibly nested in structs, not in arrays.
        format: ``json`` or ``csv``.
        options: ``withSchema`` (``StructType.json()``); for ``csv`` also ``separator``, ``escaper``,
            ``skipFirst``, ``withHeader``.
        call: the call site.

    Raises:
        UsageError: the field, format or option does not exist.
    """
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    if format not in _OPTIONS:
        raise UsageError(
            "format of unbox in plain Spark",
            found=str(format),
            required=" or ".join(_OPTIONS),
            fix="parse other formats with map() or with Spark functions",
        )
    format_options = dict(options or {})
    unknown = sorted(set(format_options) - _OPTIONS[format])
    if unknown:
        known = ", ".join(sorted(_OPTIONS[format]))
        raise UsageError(f"options of unbox, {format}", found=", ".join(unknown), required=known)
    names = _names(table.schema, path)
    schema = _schema(format_options["withSchema"]) if format_options.get("withSchema") else None
    parser = _csv_parser(format_options, schema) if format == "csv" else json_text.single
    frame = table.data.withColumn(_TEXT, _nested_column(names))
    kind = schema or json_source.infer(frame.select(_TEXT), _reader(parser)).kind
    encode = encoder(kind)

    def parse_text(text: str | None) -> Any:
        if text is None:
            return (None, None)
        value, problem = parser(text)
        if not problem:
            try:
                return (encode(plain(value)), None)
            except TypeError as error:
                problem = str(error)
        return (None, problem)

    result = spark.StructType(
        [spark.StructField("value", to_spark(kind)), spark.StructField("problem", spark.StringType())]
    )
    frame = frame.withColumn(
        _PARSED, F.udf(parse_text, result, useArrow=False).asNondeterministic()(F.col(_TEXT))
    )
    decode = decoder(table.schema)
    to_json = F.udf(lambda row: as_json(decode(row)), "string", useArrow=False)
    columns = [F.col(identifier(field.name)) for field in table.schema.fields]
    lost = frame.where(F.col(f"{_PARSED}.problem").isNotNull()).withColumn(
        "record", to_json(F.struct(*columns))
    )
    errors = failed.frame_of(
        lost, call or failed.CallSite(), f"{_PARSED}.problem", record="record", text=_TEXT
    )
    valid = frame.where(F.col(f"{_PARSED}.problem").isNull())
    value = F.col(f"{_PARSED}.value")
    changed = [
        (value if len(names) == 1 else _with_nested(column, names[1:], value)).alias(field.name)
        if field.name == names[0]
        else column
        for field, column in zip(table.schema.fields, columns, strict=True)
    ]
    return Table(valid.select(*changed), _with_type(table.schema, names, kind), (*table.errors, errors))


def _names(schema: glue.StructType, path: str) -> list[str]:
    """Return the names of a path to a string field."""
    names = [path] if path in schema.field_map else []
    if not names:
        steps = parse(path)
        names = [] if any(step.depth for step in steps) else [step.name for step in steps]
    kind: glue.DataType | None = schema if names else None
    for name in names:
        field = kind.field_map.get(name) if isinstance(kind, glue.StructType) else None
        kind = field.dataType if field is not None else None
    if kind != glue.StringType():
        raise UsageError(
            "path of unbox",
            found=f"{path}, {'which does not exist' if kind is None else 'of type ' + kind.typeName()}",
            required="a string field that is not inside an array",
        )
    return names


def _nested_column(names: list[str]) -> Any:
    from pyspark.sql import functions as F

    column = F.col(identifier(names[0]))
    for name in names[1:]:
        column = column.getField(name)
    return column


def _with_nested(column: Any, names: list[str], value: Any) -> Any:
    inner = value if len(names) == 1 else _with_nested(column.getField(names[0]), names[1:], value)
    return column.withField(identifier(names[0]), inner)


def _with_type(kind: glue.StructType, names: list[str], value: glue.DataType) -> glue.StructType:
    fields = []
    for field in kind.fields:
        if field.name != names[0]:
            fields.append(field)
        elif len(names) == 1:
            fields.append(glue.Field(field.name, value, field.properties))
        elif isinstance(field.dataType, glue.StructType):
            fields.append(
                glue.Field(field.name, _with_type(field.dataType, names[1:], value), field.properties)
            )
    return glue.StructType(fields, kind.properties)


def _reader(parser: Parser) -> json_source.Reader:
    def read(text: str) -> tuple[list[Any], str, bool]:
        value, problem = parser(text)
        return ([] if problem else [value]), problem, False

    return read


def _schema(text: Any) -> glue.StructType:
    from pyspark.sql import types as spark

    try:
        kind = from_spark(spark.StructType.fromJson(json.loads(text)))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        kind = None
    if not isinstance(kind, glue.StructType):
        raise UsageError(
            "withSchema of unbox",
            found="a value that is not a schema",
            required="the output of StructType.json() of pyspark.sql.types",
        )
    return kind


def _csv_parser(options: Mapping[str, Any], schema: glue.StructType | None) -> Parser:
    separator, escaper = options.get("separator", ","), options.get("escaper")
    flags = {
        name: truth(f"{name} of unbox", options.get(name, False)) for name in ("skipFirst", "withHeader")
    }
    for name, value in (("separator", separator), ("escaper", escaper)):
        if value is not None and (not isinstance(value, str) or len(value) != 1):
            raise UsageError(f"{name} of unbox", found=repr(value), required="one character")
    if schema is not None and any(field.dataType != glue.StringType() for field in schema.fields):
        raise UsageError(
            "withSchema of unbox, csv",
            found="a field that is not a string",
            required="string fields only in plain Spark",
            fix="cast the fields with apply_mapping after unbox",
        )
    names = [field.name for field in schema.fields] if schema is not None else None

    def read(text: str) -> tuple[Any, str]:
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=separator, escapechar=escaper, strict=True))
        except csv.Error as error:
            return None, f"malformed CSV: {error}"
        header = rows.pop(0) if rows and (flags["withHeader"] or flags["skipFirst"]) else None
        if len(rows) != 1:
            return None, f"malformed CSV: {len(rows)} lines instead of 1"
        cells = rows[0]
        columns = names or (header if flags["withHeader"] else None) or [f"col{n}" for n in range(len(cells))]
        if len(columns) != len(cells) or len(set(columns)) != len(columns):
            return None, f"malformed CSV: {len(cells)} values for {len(set(columns))} names"
        return dict(zip(columns, cells, strict=True)), ""

    return read
