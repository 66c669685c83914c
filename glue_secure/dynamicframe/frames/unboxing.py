"""A text field parsed in place: ``unbox``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.core.errors import UsageError
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
_TEXT, _MADE = "__glue_secure_text", "__glue_secure_made"
Parser = Callable[[str], tuple[Any, str]]


def unbox(
    table: Table,
    path: str,
    format: str,
    options: Mapping[str, Any] | None = None,
    *,
    call: failed.CallSite | None = None,
) -> Table:
    """The text at ``path`` replaced by what it says; a record whose text is malformed is an error record.

    Runs a Spark job unless ``withSchema`` gives the type. JSON may be of any type, a choice too. CSV is one
    line, after the header that ``withHeader`` or ``skipFirst`` announces, and becomes a struct of texts
    (``col0``, ``col1``, ... without names), or of the types of ``withSchema``. A null stays null.

    Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html

    Args:
        table: the table.
        path: a string field, in structs too, not in arrays.
        format: ``json`` or ``csv``.
        options: ``withSchema`` (``StructType.json()``); for ``csv`` also ``separator``, ``escaper``,
            ``skipFirst``, ``withHeader``.
        call: where the step was called.

    Raises:
        UsageError: no such field, format or option.
    """
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    if format not in _OPTIONS:
        raise UsageError(
            "format of unbox in plain Spark",
            found=str(format),
            required=" or ".join(_OPTIONS),
            fix="parse other formats in a function of map, or in Spark",
        )
    chosen = dict(options or {})
    unknown = sorted(set(chosen) - _OPTIONS[format])
    if unknown:
        known = ", ".join(sorted(_OPTIONS[format]))
        raise UsageError(f"options of unbox, {format}", found=", ".join(unknown), required=known)
    names = _names(table.schema, path)
    given = _schema(chosen["withSchema"]) if chosen.get("withSchema") else None
    parser = _csv_parser(chosen, given) if format == "csv" else json_text.single
    frame = table.data.withColumn(_TEXT, _at(names))
    kind = given if given is not None else json_source.look(frame.select(_TEXT), _reader(parser)).kind
    lay = encoder(kind)

    def make(one: str | None) -> Any:
        if one is None:
            return (None, None)
        value, wrong = parser(one)
        if not wrong:
            try:
                return (lay(plain(value)), None)
            except TypeError as error:
                wrong = str(error)
        return (None, wrong)

    made = spark.StructType(
        [spark.StructField("value", to_spark(kind)), spark.StructField("wrong", spark.StringType())]
    )
    frame = frame.withColumn(_MADE, F.udf(make, made, useArrow=False).asNondeterministic()(F.col(_TEXT)))
    decode = decoder(table.schema)
    whole = F.udf(lambda row: as_json(decode(row)), "string", useArrow=False)
    columns = [F.col(identifier(field.name)) for field in table.schema.fields]
    lost = frame.where(F.col(f"{_MADE}.wrong").isNotNull()).withColumn("record", whole(F.struct(*columns)))
    errors = failed.frame_of(lost, call or failed.CallSite(), f"{_MADE}.wrong", record="record", text=_TEXT)
    kept = frame.where(F.col(f"{_MADE}.wrong").isNull())
    value = F.col(f"{_MADE}.value")
    changed = [
        (value if len(names) == 1 else _with(column, names[1:], value)).alias(field.name)
        if field.name == names[0]
        else column
        for field, column in zip(table.schema.fields, columns, strict=True)
    ]
    schema = _replaced(table.schema, names, kind)
    return Table(kept.select(*changed), schema, (*table.errors, errors))


def _names(schema: glue.StructType, path: str) -> list[str]:
    """The names on the way to a string field."""
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
            found=f"{path}, {'no such field' if kind is None else 'of type ' + kind.typeName()}",
            required="a string field, in structs too, not in arrays",
        )
    return names


def _at(names: list[str]) -> Any:
    from pyspark.sql import functions as F

    column = F.col(identifier(names[0]))
    for name in names[1:]:
        column = column.getField(name)
    return column


def _with(column: Any, names: list[str], value: Any) -> Any:
    inner = value if len(names) == 1 else _with(column.getField(names[0]), names[1:], value)
    return column.withField(identifier(names[0]), inner)


def _replaced(kind: glue.StructType, names: list[str], value: glue.DataType) -> glue.StructType:
    fields = []
    for field in kind.fields:
        if field.name != names[0]:
            fields.append(field)
        elif len(names) == 1:
            fields.append(glue.Field(field.name, value, field.properties))
        elif isinstance(field.dataType, glue.StructType):
            fields.append(
                glue.Field(field.name, _replaced(field.dataType, names[1:], value), field.properties)
            )
    return glue.StructType(fields, kind.properties)


def _reader(parser: Parser) -> json_source.Reader:
    def read(one: str) -> tuple[list[Any], str, bool]:
        value, wrong = parser(one)
        return ([] if wrong else [value]), wrong, False

    return read


def _schema(written: Any) -> glue.StructType:
    from pyspark.sql import types as spark

    try:
        kind = from_spark(spark.StructType.fromJson(json.loads(written)))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        kind = None
    if not isinstance(kind, glue.StructType):
        raise UsageError(
            "withSchema of unbox",
            found="a text that is no schema",
            required="what StructType.json() of pyspark.sql.types gives",
        )
    return kind


def _csv_parser(options: Mapping[str, Any], given: glue.StructType | None) -> Parser:
    separator, escaper = options.get("separator", ","), options.get("escaper")
    flags = {name: _flag(name, options.get(name, False)) for name in ("skipFirst", "withHeader")}
    for name, value in (("separator", separator), ("escaper", escaper)):
        if value is not None and (not isinstance(value, str) or len(value) != 1):
            raise UsageError(f"{name} of unbox", found=repr(value), required="one character")
    if given is not None and any(field.dataType != glue.StringType() for field in given.fields):
        raise UsageError(
            "withSchema of unbox, csv",
            found="a field that is no string",
            required="strings only in plain Spark",
            fix="cast them with apply_mapping afterwards",
        )
    names = [field.name for field in given.fields] if given is not None else None

    def read(one: str) -> tuple[Any, str]:
        try:
            rows = list(csv.reader(io.StringIO(one), delimiter=separator, escapechar=escaper, strict=True))
        except csv.Error as error:
            return None, f"malformed CSV: {error}"
        header = rows.pop(0) if rows and (flags["withHeader"] or flags["skipFirst"]) else None
        if len(rows) != 1:
            return None, f"malformed CSV: {len(rows)} lines, not one"
        cells = rows[0]
        chosen = names or (header if flags["withHeader"] else None) or [f"col{n}" for n in range(len(cells))]
        if len(chosen) != len(cells) or len(set(chosen)) != len(chosen):
            return None, f"malformed CSV: {len(cells)} values for {len(set(chosen))} names"
        return dict(zip(chosen, cells, strict=True)), ""

    return read


def _flag(name: str, value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise UsageError(f"{name} of unbox", found=repr(value), required="True or False")
    return str(value).lower() == "true"
