"""Texts as records: JSON whose types differ from record to record, CSV columns under the catalog's types.

One pass in Python finds the types. When no field is of several types and nothing is malformed the values are
read in the JVM; else in Python, with a choice where types differ and an error record for what is malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import errors as failed
from glue_secure.dynamicframe.frames.expressions import identifier, select, sql_type, text
from glue_secure.dynamicframe.frames.schema import to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import json_text
from glue_secure.dynamicframe.types.infer import Shape
from glue_secure.dynamicframe.types.values import encoder, plain

VALUE = "value"
_NOT_BLANK = r"\S"
_PARSED, _RECORD = "__glue_secure_parsed", "__glue_secure_record"
CHANGED = "a text was read otherwise the second time; the source must not change while a job reads it"
Reader = Callable[[str], tuple[list[Any], str, bool]]
"""A text's values, what is wrong with it (or nothing), and whether Spark's parser reads it just so."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the first pass found.

    Attributes:
        kind: the type of all values together.
        wrong: how many texts are malformed.
        simple: whether Spark's own parser reads every text just so.
    """

    kind: glue.DataType
    wrong: int
    simple: bool


def from_text(
    frame: Any,
    *,
    json_path: str | None = None,
    multiline: bool = False,  # noqa: ARG001 - a row is a text, be it a line or a file
    call: failed.CallSite | None = None,
) -> Table:
    """JSON texts as records. Runs a Spark job.

    An object is a record, an array of objects is several, and a text may hold more than one of them. What is
    no JSON, or no object, becomes an error record with the text as its ``input``; the records before it in
    the same text stay. Fields come in the order in which they are first seen, partition columns last; a
    partition column stands for a field of the same name.

    Args:
        frame: a column ``value`` with the texts, and the partition columns.
        json_path: where the records are in each value (:func:`json_text.parse_path`).
        multiline: whether a row is a whole file (Spark's ``wholetext``) and not a line.
        call: where the step was called.
    """
    from pyspark.sql import functions as F

    path = json_text.parse_path(json_path) if json_path else ()
    frame = frame.where(F.col(VALUE).rlike(_NOT_BLANK))

    def read(one: str) -> tuple[list[Any], str, bool]:
        found = json_text.records(one, path)
        # Spark takes a mark of the byte order for no JSON.
        return found.records, found.wrong, found.values == 1 and not path and "\ufeff" not in one

    seen = look(frame.select(VALUE), read)
    schema = seen.kind if isinstance(seen.kind, glue.StructType) else glue.StructType()
    errors: tuple[Any, ...] = ()
    if seen.simple and not seen.wrong and not glue.has_choice(schema):
        frame = frame.withColumn(_PARSED, _in_jvm(F.col(VALUE), to_spark(glue.ArrayType(schema))))
        exploded = F.explode_outer(_PARSED)
    else:
        frame = frame.withColumn(_PARSED, _in_python(read, glue.ArrayType(schema))(F.col(VALUE)))
        exploded = F.explode_outer(f"{_PARSED}.value")
        if seen.wrong:
            lost = frame.where(F.col(f"{_PARSED}.wrong") != "")
            site = call or failed.CallSite.here("")
            errors = (failed.frame_of(lost, site, f"{_PARSED}.wrong", text=VALUE),)
    return _with_partitions(frame, exploded, schema, errors)


def column(frame: Any, name: str) -> tuple[Any, glue.DataType]:
    """A column of JSON texts, each one value or null, as a column of what they say, and its type.

    Runs a Spark job. A text that is no JSON is null.
    """
    from pyspark.sql import functions as F

    seen = look(frame.select(name), one_value)
    if seen.kind == glue.NullType():
        return F.lit(None).cast("string"), glue.StringType()
    parsed = _in_python(one_value, glue.ArrayType(seen.kind))(F.col(name))
    return parsed["value"][0], seen.kind


def one_value(one: str) -> tuple[list[Any], str, bool]:
    """A :data:`Reader` of texts that hold one value of any type."""
    value, wrong = json_text.single(one)
    return ([] if wrong else [value]), wrong, isinstance(value, dict)


def look(texts: Any, read: Reader) -> Seen:
    """The first pass over a frame of one column; null is passed over."""

    def see(rows: Iterator[Any]) -> Iterator[tuple[Shape, int, bool]]:
        shape, wrong, simple = Shape(), 0, True
        for (one,) in rows:
            if one is None:
                continue
            found, fault, as_spark = read(one)
            found, fault = _plain(found, fault)
            shape.see_all(found)
            wrong += bool(fault)
            simple = simple and as_spark
        yield shape, wrong, simple

    shape, wrong, simple = Shape(), 0, True
    for part, faults, as_spark in texts.rdd.mapPartitions(see).collect():
        shape.merge(part)
        wrong += faults
        simple = simple and as_spark
    return Seen(shape.to_type(), wrong, simple)


def csv_with_types(frame: Any, catalog_schema: glue.StructType) -> Table:
    """Columns of texts under the types that the Data Catalog says. Runs a Spark job.

    A column all of whose values are of the catalog's type has it; one with none of them stays ``string``;
    one with some is a choice of the two (the "Provider Id" of the page
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-samples-medicaid.html). Without
    values it has the catalog's type. What is no text, or not in the catalog, stays as it is.

    Raises:
        UsageError: the catalog says a type that a text cannot be cast to (array, struct, map, binary).
    """
    own = Table.of(frame)
    wanted = {field.name.lower(): field.dataType for field in catalog_schema.fields}
    typed: dict[str, glue.DataType] = {}
    for field in own.schema.fields:
        kind = wanted.get(field.name.lower(), glue.StringType())
        if kind == glue.StringType() or field.dataType != glue.StringType():
            continue
        if not isinstance(kind, glue.AtomicType) or kind.typeName() in ("binary", "null", "unknown", "enum"):
            raise UsageError(
                f"column {field.name} of a CSV table",
                found=f"{kind.typeName()} in the Data Catalog",
                required="a type of single values",
                fix="make the column a string in the Data Catalog",
            )
        typed[field.name] = kind
    if not typed:
        return own
    casts = {name: f"try_cast({identifier(name)} AS {sql_type(kind)})" for name, kind in typed.items()}
    found = select(
        frame,
        *[f"max({cast} IS NOT NULL) AS `y{at}`" for at, cast in enumerate(casts.values())],
        *[
            f"max({identifier(name)} IS NOT NULL AND {cast} IS NULL) AS `n{at}`"
            for at, (name, cast) in enumerate(casts.items())
        ],
    ).first()
    positions = {name: at for at, name in enumerate(typed)}
    columns, fields = [], []
    for field in own.schema.fields:
        name, sql, kind = field.name, identifier(field.name), field.dataType
        if name in typed:
            fit, unfit = bool(found[f"y{positions[name]}"]), bool(found[f"n{positions[name]}"])
            if not unfit:
                sql, kind = casts[name], typed[name]
            elif fit:
                kind = glue.ChoiceType([typed[name], glue.StringType()])
                sql = _text_or(sql, casts[name], typed[name].typeName())
        columns.append(f"{sql} AS {identifier(name)}")
        fields.append(glue.Field(name, kind))
    return Table(select(frame, *columns), glue.StructType(fields))


def _text_or(sql: str, cast: str, name: str) -> str:
    parts = {name: cast, "string": f"CASE WHEN {cast} IS NULL THEN {sql} END"}
    struct = ", ".join(f"{text(part)}, {parts[part]}" for part in sorted(parts))
    return f"CASE WHEN {sql} IS NOT NULL THEN named_struct({struct}) END"


def _in_jvm(column: Any, kind: Any) -> Any:
    """The column parsed by Spark; a text that Python read and Spark does not stops the job, untold."""
    from pyspark.sql import functions as F

    # Spark may move the filter of blank texts behind this, so they are left out here, too.
    return F.when(
        column.rlike(_NOT_BLANK), F.coalesce(F.from_json(column, kind), F.raise_error(F.lit(CHANGED)))
    )


def _in_python(read: Reader, kind: glue.DataType) -> Any:
    """A function of a text column that gives ``struct<value: kind, wrong: string>``."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    lay = encoder(kind)

    def parse(one: str | None) -> Any:
        if one is None:
            return None
        found, wrong = _plain(*read(one)[:2])
        try:
            return (lay(found), wrong)
        except TypeError:
            raise RuntimeError(CHANGED) from None

    made = spark.StructType(
        [spark.StructField("value", to_spark(kind)), spark.StructField("wrong", spark.StringType())]
    )
    return F.udf(parse, made, useArrow=False).asNondeterministic()


def _plain(found: list[Any], wrong: str) -> tuple[list[Any], str]:
    kept = []
    for one in found:
        try:
            kept.append(plain(one))
        except TypeError as error:  # a number that no type holds
            wrong = wrong or str(error)
    return kept, wrong


def _with_partitions(frame: Any, exploded: Any, schema: glue.StructType, errors: tuple[Any, ...]) -> Table:
    """The exploded records' fields, then the partition columns."""
    from pyspark.sql import functions as F

    partitions = Table.of(frame.drop(VALUE, _PARSED)).schema.fields
    names = {field.name for field in partitions}
    rows = frame.select(exploded.alias(_RECORD), *[F.col(identifier(name)) for name in names])
    # Of explode() Spark would make a filter that parses every text once more.
    rows = rows.where(F.col(_RECORD).isNotNull())
    own = [field for field in schema.fields if field.name not in names]
    fields = (
        [F.col(f"{_RECORD}.*")]
        if len(own) == len(schema.fields)
        else [F.col(_RECORD).getField(field.name).alias(field.name) for field in own]
    )
    data = rows.select(*(fields if own else ()), *[F.col(identifier(field.name)) for field in partitions])
    return Table(data, glue.StructType([*own, *partitions]), errors)
