"""Transformations of single records by Python functions, and the records that failed in them.

The function receives each record as a dict. If it fails for a record, this becomes an error record.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import errors as failed
from glue_secure.dynamicframe.frames import json_source
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.frames.schema import from_spark, to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.frames.unboxing import unbox
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.infer import ObservedTypes, with_known_types, with_longs
from glue_secure.dynamicframe.types.values import as_json, decoder, encoder, plain

if TYPE_CHECKING:
    from pyspark.rdd import RDD
    from pyspark.sql import DataFrame, SparkSession

__all__ = [
    "errors_as_table", "filter", "from_records", "json_lines", "map", "map_partitions", "sample", "unbox",
    "with_schema",
]  # fmt: skip

# (True, plain record) or (False, message, traceback, record as JSON).
Result = tuple[Any, ...]
_NOTHING = "User-specified function returned None instead of DynamicRecord"
_VERDICT = "__glue_secure_verdict"
_VERDICT_TYPE = "struct<keep:boolean,msg:string,trace:string,record:string>"


def map(table: Table, f: Callable[[Any], Any], *, call: failed.CallSite | None = None) -> Table:
    """Return the result of ``f`` for each record. Runs a Spark job.

    A record for which ``f`` raises or returns nothing becomes an error record. The schema is inferred from
    the results. A field keeps its previous type where Python has one type for two of Glue's (``long`` and
    ``int``, ``float`` and ``double``), and where all values are null.
    """
    decode = decoder(table.schema)

    def apply(_: int, rows: Iterator[Any]) -> Iterator[Result]:
        for row in rows:  # an error record is decoded again: the function may have changed the record
            try:
                result = f(decode(row))
                yield (True, plain(result)) if result else (False, _NOTHING, "", as_json(decode(row)))
            except Exception as error:  # the script's function may raise anything
                yield (False, str(error), _trace(error), as_json(decode(row)))

    return _apply(table, apply, call or failed.CallSite())


def map_partitions(
    table: Table,
    f: Callable[..., Iterable[Any]],
    with_index: bool = False,
    *,
    call: failed.CallSite | None = None,
) -> Table:
    """Return the result of ``f(iterator)`` or ``f(index, iterator)`` for each partition. Runs a Spark job.

    ``f`` receives and yields dicts with the record under ``record``. ``isError`` and ``errorMessage`` turn a
    record into an error record. If ``f`` itself raises, the Spark job fails.
    """
    decode = decoder(table.schema)

    def apply(index: int, rows: Iterator[Any]) -> Iterator[Result]:
        wrapped = ({"record": decode(row)} for row in rows)
        for result in f(index, wrapped) if with_index else f(wrapped):
            if not isinstance(result, dict) or not isinstance(result.get("record"), dict):
                yield (False, "the function returned a value that is not {'record': {...}}", "", None)
                continue
            try:
                record = plain(result["record"])
            except TypeError as error:
                yield (False, str(error), _trace(error), None)
                continue
            if result.get("isError"):
                yield (False, str(result.get("errorMessage", "")), "", as_json(record))
            else:
                yield (True, record)

    return _apply(table, apply, call or failed.CallSite())


def filter(table: Table, f: Callable[[Any], Any], *, call: failed.CallSite | None = None) -> Table:
    """Return the records for which ``f`` is true, with unchanged types. Runs no Spark job by itself.

    As in awsglue, KeyError, ValueError and TypeError count as false. Any other exception makes the record an
    error record.
    """
    from pyspark.sql import functions as F

    decode = decoder(table.schema)

    def evaluate(row: Any) -> tuple[Any, ...]:
        try:
            return (bool(f(decode(row))), None, None, None)
        except (KeyError, ValueError, TypeError):
            return (False, None, None, None)
        except Exception as error:  # the script's function may raise anything
            return (False, str(error), _trace(error), as_json(decode(row)))

    columns = [F.col(identifier(field.name)) for field in table.schema.fields]
    verdict = F.udf(evaluate, _VERDICT_TYPE, useArrow=False).asNondeterministic()(F.struct(*columns))
    evaluated = table.data.withColumn(_VERDICT, verdict)
    lost = evaluated.where(F.col(f"{_VERDICT}.msg").isNotNull())
    errors = failed.frame_of(
        lost, call or failed.CallSite(), *(f"{_VERDICT}.{n}" for n in ("msg", "trace", "record"))
    )
    return Table(
        evaluated.where(F.col(f"{_VERDICT}.keep")).drop(_VERDICT), table.schema, (*table.errors, errors)
    )


def from_records(
    spark: SparkSession,
    source: Any,
    schema: Any = None,
    *,
    call: failed.CallSite | None = None,
    has_int: bool = True,
) -> Table:
    """Return a table for an RDD or iterable of dicts or Rows. Without a schema, runs a Spark job.

    Args:
        spark: the session.
        source: the records; with a schema, tuples are accepted as well.
        schema: a StructType, of Glue or of Spark. A record that does not fit becomes an error record.
        call: the call site.
        has_int: whether the source has the type ``int``; otherwise whole numbers are ``long``.

    Raises:
        UsageError: ``schema`` is not a StructType.
    """
    rdd = (
        source if hasattr(source, "mapPartitionsWithIndex") else spark.sparkContext.parallelize(list(source))
    )
    is_glue = schema is None or isinstance(schema, glue.StructType)
    # A copy, because the caller may add fields to its schema later.
    fixed = deepcopy(schema) if is_glue else from_spark(schema)
    if fixed is not None and not isinstance(fixed, glue.StructType):
        raise UsageError("the schema of records", found=type(schema).__name__, required="a StructType")
    names = [field.name for field in fixed.fields] if fixed is not None else []
    encode = encoder(fixed) if fixed is not None else None

    def apply(_: int, iterator: Iterator[Any]) -> Iterator[Result]:
        for value in iterator:
            text = None
            try:
                is_tuple = isinstance(value, (tuple, list)) and not hasattr(value, "asDict")
                if is_tuple and len(value) == len(names):
                    value = dict(zip(names, value, strict=True))
                record = plain(value)
                if not isinstance(record, dict):
                    raise TypeError("a record that is neither a dict nor a Row")
                text = as_json(record)
                if encode is not None:
                    encode(record)  # raises if the record does not fit the schema
                yield (True, record)
            except TypeError as error:
                yield (False, str(error), "", text)

    results = rdd.mapPartitionsWithIndex(apply)
    return _to_table(spark, results, (), call or failed.CallSite(), fixed=fixed, has_int=has_int)


def with_schema(table: Table, schema: glue.StructType) -> Table:
    """Return the same records with another schema.

    The schema may reorder fields, add null fields, and give a type to fields of the null type.

    Raises:
        UsageError: the schema lacks a field of the table, or changes the type of one.
    """
    from pyspark.sql import functions as F

    present = table.schema.field_map
    missing = [name for name in present if name not in schema.field_map]
    changed = [
        f.name
        for f in schema.fields
        if f.name in present and present[f.name].dataType not in (f.dataType, glue.NullType())
    ]
    if missing or changed:
        raise UsageError(
            "with_frame_schema",
            found=f"changed types: {', '.join(changed) or 'none'}; missing: {', '.join(missing) or 'none'}",
            required="every field of the frame, with its own type",
            fix="change types with apply_mapping or resolveChoice; remove fields with drop_fields",
        )
    columns = [
        F.col(identifier(f.name))
        if f.name in present and present[f.name].dataType == f.dataType
        else F.lit(None).cast(to_spark(f.dataType)).alias(f.name)
        for f in schema.fields
    ]
    return table.with_data(table.data.select(*columns), schema)


def json_lines(table: Table, limit: int) -> list[str]:
    """Return the first ``limit`` records as JSON, one string per record."""
    decode = decoder(table.schema)
    return [as_json(decode(row)) for row in table.data.take(limit)]


def sample(table: Table, topk: Any = 100, prob: Any = 1.0) -> Table:
    """Return at most ``topk`` records, each selected with probability ``prob``.

    Raises:
        UsageError: ``topk`` is not a whole number, or ``prob`` not a number from 0 to 1.
    """
    number = isinstance(topk, int) and not isinstance(topk, bool) and topk >= 0
    if not number or not isinstance(prob, (int, float)) or isinstance(prob, bool) or not 0 <= prob <= 1:
        raise UsageError(
            "options of spigot",
            found=f"topk={topk!r}, prob={prob!r}",
            required="topk: a whole number; prob: a number from 0 to 1",
        )
    data = table.data if prob == 1 else table.data.sample(float(prob))
    return Table(data.limit(topk), table.schema)


def errors_as_table(table: Table) -> Table:
    """Return the errors of a table with one column ``error``, in which the failed records are structs."""
    from pyspark.sql import functions as F

    spark = table.data.sparkSession
    frame = spark.createDataFrame([], failed.COLUMNS)
    for errors in table.errors:
        frame = frame.union(errors)
    record, kind = json_source.parse_column(frame, "dynamicRecord")
    error = F.struct(
        *[(record if name == "dynamicRecord" else F.col(name)).alias(name) for name in failed.NAMES]
    )
    fields = [
        glue.Field("callsite", glue.StructType([glue.Field(n, glue.StringType()) for n in ("site", "info")])),
        *(glue.Field(name, glue.StringType()) for name in ("msg", "stackTrace", "input")),
        glue.Field("bytesread", glue.LongType()),
        glue.Field("source", glue.StringType()),
        glue.Field("dynamicRecord", kind),
    ]
    schema = glue.StructType([glue.Field("error", glue.StructType(fields))])
    return Table(frame.select(error.alias("error")), schema)


def _apply(table: Table, f: Callable[[int, Iterator[Any]], Iterator[Result]], call: failed.CallSite) -> Table:
    rdd = table.data.rdd.mapPartitionsWithIndex(f)
    return _to_table(table.data.sparkSession, rdd, table.errors, call, known=table.schema)


def _to_table(
    spark: SparkSession,
    rdd: RDD[Result],
    errors: tuple[DataFrame, ...],
    call: failed.CallSite,
    *,
    known: glue.StructType | None = None,
    fixed: glue.StructType | None = None,
    has_int: bool = True,
) -> Table:
    """Return the table for an RDD of :data:`Result`.

    The RDD is cached in memory only, because Spark would write it to disk without encryption.

    Args:
        spark: the session.
        rdd: the results.
        errors: errors of earlier transformations.
        call: the call site.
        known: the schema before the transformation, for types that cannot be inferred.
        fixed: the schema of the result; None infers it with a Spark job.
        has_int: as for :func:`from_records`.
    """
    from pyspark import StorageLevel

    rdd = rdd.persist(StorageLevel.MEMORY_ONLY)
    schema = fixed

    def infer(results: Iterator[Result]) -> Iterator[tuple[ObservedTypes, int]]:
        observed, failures = ObservedTypes(), 0
        for result in results:
            if result[0]:
                observed.add(result[1], known)
            else:
                failures += 1
        yield observed, failures

    has_errors = True
    if schema is None:
        observed, failures = ObservedTypes(), 0
        for part, count in rdd.mapPartitions(infer).collect():
            observed.merge(part)
            failures += count
        has_errors = failures > 0
        inferred = with_known_types(observed.to_type(), known)
        inferred = inferred if has_int else with_longs(inferred)
        schema = inferred if isinstance(inferred, glue.StructType) else glue.StructType()
    encode = encoder(schema)

    def to_row(result: Result) -> Any:
        try:
            return encode(result[1])
        except TypeError:
            raise RuntimeError(
                "a function returned records of other types when Spark ran it again; it must be deterministic"
            ) from None

    data = spark.createDataFrame(
        rdd.filter(lambda result: result[0]).map(to_row), to_spark(schema), verifySchema=False
    )
    if has_errors:
        rows = rdd.filter(lambda result: not result[0]).map(
            lambda result: failed.row(call, result[1], result[2], record=result[3])
        )
        errors = (*errors, spark.createDataFrame(rows, failed.COLUMNS, verifySchema=False))
    return Table(data, schema, errors)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
