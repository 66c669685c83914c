"""Records from JSON strings with varying types, and CSV columns with types of the Data Catalog.

A first pass in Python infers the types. If every field has one type and no string is malformed, Spark parses
the values in the JVM. Otherwise Python parses them, with a choice for each field of several types and an
error record for each malformed string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import EngineError, UsageError
from glue_secure.dynamicframe.frames import errors as failed
from glue_secure.dynamicframe.frames.expressions import identifier, select, sql_type
from glue_secure.dynamicframe.frames.expressions import text as sql_text
from glue_secure.dynamicframe.frames.schema import to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import json_text
from glue_secure.dynamicframe.types.infer import ObservedTypes
from glue_secure.dynamicframe.types.values import encoder, plain

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType as SparkDataType

VALUE = "value"
_NOT_BLANK = r"\S"
_PARSED, _RECORD = "__glue_secure_parsed", "__glue_secure_record"
CHANGED = "a string was parsed differently the second time; the source must not change while a job reads it"
Reader = Callable[[Any], tuple[list[Any], str, bool]]
"""Returns the values of text or bytes, the problem (or ""), and whether Spark returns the same values."""


@dataclass(frozen=True, slots=True)
class InferredShape:
    """The result of the first pass.

    Attributes:
        kind: the merged type of all values.
        malformed: the number of malformed strings.
        spark_reads_same: whether Spark's own parser returns the same values for every string.
    """

    kind: glue.DataType
    malformed: int
    spark_reads_same: bool


def from_text(
    frame: DataFrame,
    *,
    json_path: str | None = None,
    multiline: bool = False,  # noqa: ARG001 - lines and files are parsed alike
    call: failed.CallSite | None = None,
    fail_fast: bool = False,
) -> Table:
    """Return the records of a column of JSON strings. Runs a Spark job.

    An object is one record, an array of objects several. A string may contain more than one of them. Invalid
    JSON and values that are not objects become error records with the string as ``input``; records before
    them in the same string are returned. Fields are in the order of their first occurrence, partition columns
    last. A partition column replaces a field of the same name.

    Args:
        frame: a column ``value`` with the strings, and the partition columns.
        json_path: path of the records in each value (:func:`json_text.parse_path`).
        multiline: whether a row is a whole file (Spark's ``wholetext``) instead of a line.
        call: the call site.
        fail_fast: whether malformed strings are an error of the call instead of error records.

    Raises:
        EngineError: ``fail_fast``, and a string is malformed. The message does not contain the string.
    """
    from pyspark.sql import functions as F

    path = json_text.parse_path(json_path) if json_path else ()
    frame = frame.where(F.col(VALUE).rlike(_NOT_BLANK))

    def read(text: str) -> tuple[list[Any], str, bool]:
        parsed = json_text.records(text, path)
        # Spark's parser rejects a byte order mark.
        return parsed.records, parsed.problem, parsed.values == 1 and not path and "\ufeff" not in text

    return from_values(frame, read, has_text=True, call=call, fail_fast=fail_fast)


def from_values(
    frame: DataFrame,
    read: Reader,
    *,
    schema: glue.StructType | None = None,
    has_text: bool = False,
    call: failed.CallSite | None = None,
    fail_fast: bool = False,
) -> Table:
    """Return the records that ``read`` finds in the values of a column.

    Args:
        frame: a column ``value`` with text or bytes, and columns that every record of a value gets.
        read: the parser of a value.
        schema: the fields of all records; None infers them, for which a Spark job runs.
        has_text: whether the values are text, which the error records then contain.
        call: the call site.
        fail_fast: whether malformed values are an error of the call instead of error records.

    Raises:
        EngineError: ``fail_fast``, and a value is malformed.
    """
    from pyspark.sql import functions as F

    shape = infer(frame.select(VALUE), read) if schema is None else InferredShape(schema, 0, False)
    fields = shape.kind if isinstance(shape.kind, glue.StructType) else glue.StructType()
    errors: tuple[DataFrame, ...] = ()
    if shape.spark_reads_same and not shape.malformed and not glue.has_choice(fields):
        frame = frame.withColumn(_PARSED, _in_jvm(F.col(VALUE), to_spark(glue.ArrayType(fields))))
        exploded = F.explode_outer(_PARSED)
    else:
        frame = frame.withColumn(_PARSED, _in_python(read, glue.ArrayType(fields))(F.col(VALUE)))
        exploded = F.explode_outer(f"{_PARSED}.value")
        if shape.malformed or schema is not None:
            lost = frame.where(F.col(f"{_PARSED}.problem") != "")
            site = call or failed.CallSite.here("")
            text = VALUE if has_text else None
            errors = (failed.frame_of(lost, site, f"{_PARSED}.problem", text=text),)
    if fail_fast:
        malformed = failed.count(errors) if schema is not None else shape.malformed
        if malformed:
            raise EngineError(
                "a read with isFailFast",
                cause=f"{malformed} malformed lines or objects",
                fix="correct them; without isFailFast they are in errorsAsDynamicFrame()",
            )
    return _with_partitions(frame, exploded, fields, errors)


def parse_column(frame: DataFrame, name: str) -> tuple[Column, glue.DataType]:
    """Return a column of JSON strings, of one value each, as a column of these values, and its type.

    Runs a Spark job. Null and invalid JSON become null.
    """
    from pyspark.sql import functions as F

    kind = infer(frame.select(name), _read_single).kind
    if kind == glue.NullType():
        return F.lit(None).cast("string"), glue.StringType()
    parsed = _in_python(_read_single, glue.ArrayType(kind))(F.col(name))
    return parsed["value"][0], kind


def infer(texts: DataFrame, read: Reader) -> InferredShape:
    """Return the merged type of the strings in a DataFrame of one column.

    Runs a Spark job; null is ignored.
    """

    def infer_partition(rows: Iterator[Any]) -> Iterator[tuple[ObservedTypes, int, bool]]:
        observed, malformed, spark_reads_same = ObservedTypes(), 0, True
        for (text,) in rows:
            if text is None:
                continue
            values, problem, same = read(text)
            values, problem = _plain(values, problem)
            observed.add_all(values)
            malformed += bool(problem)
            spark_reads_same = spark_reads_same and same
        yield observed, malformed, spark_reads_same

    observed, malformed, spark_reads_same = ObservedTypes(), 0, True
    for part, problems, same in texts.rdd.mapPartitions(infer_partition).collect():
        observed.merge(part)
        malformed += problems
        spark_reads_same = spark_reads_same and same
    return InferredShape(observed.to_type(), malformed, spark_reads_same)


def csv_with_types(frame: DataFrame, catalog_schema: glue.StructType) -> Table:
    """Return string columns with the types of the Data Catalog. Runs a Spark job.

    A column gets the catalog's type if all of its values have it, stays ``string`` if none has, and becomes a
    choice of the two if some have (such as "Provider Id" on the page
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-samples-medicaid.html). A column
    without values gets the catalog's type. Columns of other types, and columns that are not in the catalog,
    do not change.

    Raises:
        UsageError: the catalog's type is one to which a string cannot be cast (array, struct, map, binary).
    """
    table = Table.of(frame)
    catalog_types = {field.name.lower(): field.dataType for field in catalog_schema.fields}
    typed: dict[str, glue.DataType] = {}
    for field in table.schema.fields:
        kind = catalog_types.get(field.name.lower(), glue.StringType())
        if kind == glue.StringType() or field.dataType != glue.StringType():
            continue
        if not isinstance(kind, glue.AtomicType) or kind.typeName() in ("binary", "null", "unknown", "enum"):
            raise UsageError(
                f"column {field.name} of a CSV table",
                found=f"{kind.typeName()} in the Data Catalog",
                required="an atomic type other than binary",
                fix="change the column to string in the Data Catalog",
            )
        typed[field.name] = kind
    if not typed:
        return table
    casts = {name: f"try_cast({identifier(name)} AS {sql_type(kind)})" for name, kind in typed.items()}
    counts = select(
        frame,
        *[f"max({cast} IS NOT NULL) AS `y{at}`" for at, cast in enumerate(casts.values())],
        *[
            f"max({identifier(name)} IS NOT NULL AND {cast} IS NULL) AS `n{at}`"
            for at, (name, cast) in enumerate(casts.items())
        ],
    ).first()
    positions = {name: at for at, name in enumerate(typed)}
    columns, fields = [], []
    for field in table.schema.fields:
        name, sql, kind = field.name, identifier(field.name), field.dataType
        if name in typed:
            castable, uncastable = bool(counts[f"y{positions[name]}"]), bool(counts[f"n{positions[name]}"])
            if not uncastable:
                sql, kind = casts[name], typed[name]
            elif castable:
                kind = glue.ChoiceType([typed[name], glue.StringType()])
                sql = _choice_with_string(sql, casts[name], typed[name].typeName())
        columns.append(f"{sql} AS {identifier(name)}")
        fields.append(glue.Field(name, kind))
    return Table(select(frame, *columns), glue.StructType(fields))


def _choice_with_string(sql: str, cast: str, name: str) -> str:
    parts = {name: cast, "string": f"CASE WHEN {cast} IS NULL THEN {sql} END"}
    struct = ", ".join(f"{sql_text(part)}, {parts[part]}" for part in sorted(parts))
    return f"CASE WHEN {sql} IS NOT NULL THEN named_struct({struct}) END"


def _read_single(text: str) -> tuple[list[Any], str, bool]:
    """Read a string with one JSON value of any type; a :data:`Reader`."""
    value, problem = json_text.single(text)
    return ([] if problem else [value]), problem, isinstance(value, dict)


def _in_jvm(column: Column, kind: SparkDataType) -> Column:
    """Return the column parsed by Spark.

    If Spark cannot parse a string that Python could, the Spark job fails.
    The error does not contain the string.
    """
    from pyspark.sql import functions as F

    # Spark may apply the filter of blank strings after this expression.
    return F.when(
        column.rlike(_NOT_BLANK), F.coalesce(F.from_json(column, kind), F.raise_error(F.lit(CHANGED)))
    )


def _in_python(read: Reader, kind: glue.DataType) -> Callable[[Column], Column]:
    """Return a function from a string column to a column ``struct<value: kind, problem: string>``."""
    from pyspark.sql import functions as F
    from pyspark.sql import types as spark

    encode = encoder(kind)

    def parse(text: str | None) -> Any:
        if text is None:
            return None
        values, problem = _plain(*read(text)[:2])
        try:
            return (encode(values), problem)
        except TypeError:
            raise RuntimeError(CHANGED) from None

    result = spark.StructType(
        [spark.StructField("value", to_spark(kind)), spark.StructField("problem", spark.StringType())]
    )
    parse_column: Callable[[Column], Column] = F.udf(parse, result, useArrow=False).asNondeterministic()
    return parse_column


def _plain(values: list[Any], problem: str) -> tuple[list[Any], str]:
    """Return the values that Glue has types for, and the first problem."""
    plain_values = []
    for value in values:
        try:
            plain_values.append(plain(value))
        except TypeError as error:  # a number that is out of the range of all types
            problem = problem or str(error)
    return plain_values, problem


def _with_partitions(
    frame: DataFrame, exploded: Column, schema: glue.StructType, errors: tuple[DataFrame, ...]
) -> Table:
    """Return the fields of the exploded records, followed by the partition columns."""
    from pyspark.sql import functions as F

    partitions = Table.of(frame.drop(VALUE, _PARSED)).schema.fields
    names = {field.name for field in partitions}
    rows = frame.select(exploded.alias(_RECORD), *[F.col(identifier(name)) for name in names])
    # With explode() Spark would add a filter that parses every string a second time.
    rows = rows.where(F.col(_RECORD).isNotNull())
    data_fields = [field for field in schema.fields if field.name not in names]
    fields = (
        [F.col(f"{_RECORD}.*")]
        if len(data_fields) == len(schema.fields)
        else [F.col(_RECORD).getField(field.name).alias(field.name) for field in data_fields]
    )
    data = rows.select(
        *(fields if data_fields else ()), *[F.col(identifier(field.name)) for field in partitions]
    )
    return Table(data, glue.StructType([*data_fields, *partitions]), errors)
