"""Records through Python functions: each comes as a dict, and one that fails becomes an error record."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import errors as failed
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.frames.schema import from_spark, to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.frames.unboxing import unbox
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.infer import Shape, remember
from glue_secure.dynamicframe.types.values import as_json, decoder, encoder, plain

__all__ = [
    "filter", "from_records", "map", "map_partitions", "sampled", "shown", "unbox", "under_schema",
]  # fmt: skip

# A record on its way: (True, the plain record) or (False, message, traceback, the record's JSON).
Passed = tuple[Any, ...]
_NOTHING = "User-specified function returned None instead of DynamicRecord"
_VERDICT = "__glue_secure_verdict"
_VERDICT_TYPE = "struct<keep:boolean,msg:string,trace:string,record:string>"


def map(table: Table, f: Callable[[Any], Any], *, call: failed.CallSite | None = None) -> Table:
    """What ``f`` makes of each record; one for which it raises or gives nothing is an error record.

    The result's schema is that of the records that come out; a field that had a type keeps it where Python
    cannot tell (``long`` from ``int``, ``float`` from ``double``) and where no value came. Runs a Spark job.
    """
    decode = decoder(table.schema)

    def through(_: int, rows: Iterator[Any]) -> Iterator[Passed]:
        for row in rows:  # decoded again for an error: the function may change the record before it fails
            try:
                made = f(decode(row))
                yield (True, plain(made)) if made else (False, _NOTHING, "", as_json(decode(row)))
            except Exception as error:  # whatever the user's function raises
                yield (False, str(error), _trace(error), as_json(decode(row)))

    return _through(table, through, call or failed.CallSite())


def map_partitions(
    table: Table,
    f: Callable[..., Iterable[Any]],
    with_index: bool = False,
    *,
    call: failed.CallSite | None = None,
) -> Table:
    """What ``f(iterator)``, or ``f(index, iterator)``, makes of each partition. Runs a Spark job.

    It gets and gives dicts with the record under ``record``; ``isError`` and ``errorMessage`` make an error
    record of one. When ``f`` itself raises, the job fails.
    """
    decode = decoder(table.schema)

    def through(index: int, rows: Iterator[Any]) -> Iterator[Passed]:
        wrapped = ({"record": decode(row)} for row in rows)
        for one in f(index, wrapped) if with_index else f(wrapped):
            if not isinstance(one, dict) or not isinstance(one.get("record"), dict):
                yield (False, "the function gave something that is no {'record': {...}}", "", None)
                continue
            try:
                record = plain(one["record"])
            except TypeError as error:
                yield (False, str(error), _trace(error), None)
                continue
            if one.get("isError"):
                yield (False, str(one.get("errorMessage", "")), "", as_json(record))
            else:
                yield (True, record)

    return _through(table, through, call or failed.CallSite())


def filter(table: Table, f: Callable[[Any], Any], *, call: failed.CallSite | None = None) -> Table:
    """The records for which ``f`` is true, types untouched; nothing runs until the result is used.

    As in awsglue, KeyError, ValueError and TypeError mean false, and any other exception an error record.
    """
    from pyspark.sql import functions as F

    decode = decoder(table.schema)

    def judge(row: Any) -> tuple[Any, ...]:
        try:
            return (bool(f(decode(row))), None, None, None)
        except (KeyError, ValueError, TypeError):
            return (False, None, None, None)
        except Exception as error:  # whatever the user's function raises
            return (False, str(error), _trace(error), as_json(decode(row)))

    columns = [F.col(identifier(field.name)) for field in table.schema.fields]
    verdict = F.udf(judge, _VERDICT_TYPE, useArrow=False).asNondeterministic()(F.struct(*columns))
    judged = table.data.withColumn(_VERDICT, verdict)
    lost = judged.where(F.col(f"{_VERDICT}.msg").isNotNull())
    errors = failed.frame_of(
        lost, call or failed.CallSite(), *(f"{_VERDICT}.{n}" for n in ("msg", "trace", "record"))
    )
    return Table(
        judged.where(F.col(f"{_VERDICT}.keep")).drop(_VERDICT), table.schema, (*table.errors, errors)
    )


def from_records(
    spark: Any, source: Any, schema: Any = None, *, call: failed.CallSite | None = None
) -> Table:
    """The table of an RDD, or of an iterable, of dicts or Rows. Runs a Spark job when no schema is given.

    Args:
        spark: the session.
        source: the records; tuples too, when there is a schema.
        schema: a StructType, Glue's or Spark's; a record that does not fit it is an error record.
        call: where the step was called.
    """
    rdd = (
        source if hasattr(source, "mapPartitionsWithIndex") else spark.sparkContext.parallelize(list(source))
    )
    # A copy: its owner may add to it later.
    known = schema is None or isinstance(schema, glue.StructType)
    given = deepcopy(schema) if known else from_spark(schema)
    if given is not None and not isinstance(given, glue.StructType):
        raise UsageError("the schema of records", found=type(schema).__name__, required="a StructType")
    names = [field.name for field in given.fields] if given is not None else []
    fits = encoder(given) if given is not None else None

    def through(_: int, iterator: Iterator[Any]) -> Iterator[Passed]:
        for one in iterator:
            before = None
            try:
                if not hasattr(one, "asDict") and isinstance(one, (tuple, list)) and len(one) == len(names):
                    one = dict(zip(names, one, strict=True))
                record = plain(one)
                if not isinstance(record, dict):
                    raise TypeError("a record that is no dict and no Row")
                before = as_json(record)
                if fits is not None:
                    fits(record)
                yield (True, record)
            except TypeError as error:
                yield (False, str(error), "", before)

    return _laid_out(spark, rdd.mapPartitionsWithIndex(through), (), call or failed.CallSite(), fixed=given)


def under_schema(table: Table, wanted: glue.StructType) -> Table:
    """The same records under another schema: other order, more (null) fields, types for null fields."""
    from pyspark.sql import functions as F

    has = table.schema.field_map
    extra = [name for name in has if name not in wanted.field_map]
    unlike = [
        f.name
        for f in wanted.fields
        if f.name in has and has[f.name].dataType not in (f.dataType, glue.NullType())
    ]
    if extra or unlike:
        raise UsageError(
            "with_frame_schema",
            found=f"other types: {', '.join(unlike) or 'none'}; left out: {', '.join(extra) or 'none'}",
            required="every field of the frame, with its own type",
            fix="apply_mapping or resolveChoice change types; drop_fields leaves fields out",
        )
    columns = [
        F.col(identifier(f.name))
        if f.name in has and has[f.name].dataType == f.dataType
        else F.lit(None).cast(to_spark(f.dataType)).alias(f.name)
        for f in wanted.fields
    ]
    return table.with_data(table.data.select(*columns), wanted)


def shown(table: Table, limit: int) -> list[str]:
    """The first records, each as a line of JSON."""
    decode = decoder(table.schema)
    return [as_json(decode(row)) for row in table.data.take(limit)]


def sampled(table: Table, topk: Any = 100, prob: Any = 1.0) -> Table:
    """At most ``topk`` records, each taken with probability ``prob``."""
    number = isinstance(topk, int) and not isinstance(topk, bool) and topk >= 0
    if not number or not isinstance(prob, (int, float)) or isinstance(prob, bool) or not 0 <= prob <= 1:
        raise UsageError(
            "options of spigot",
            found=f"topk={topk!r}, prob={prob!r}",
            required="topk: a whole number; prob: a number from 0 to 1",
        )
    data = table.data if prob == 1 else table.data.sample(float(prob))
    return Table(data.limit(topk), table.schema)


def _through(
    table: Table, f: Callable[[int, Iterator[Any]], Iterator[Passed]], call: failed.CallSite
) -> Table:
    rdd = table.data.rdd.mapPartitionsWithIndex(f)
    return _laid_out(table.data.sparkSession, rdd, table.errors, call, known=table.schema)


def _laid_out(
    spark: Any,
    rdd: Any,
    errors: tuple[Any, ...],
    call: failed.CallSite,
    *,
    known: glue.StructType | None = None,
    fixed: glue.StructType | None = None,
) -> Table:
    """The table of an RDD of :data:`Passed`, which is kept in memory, never on disk: it would lie plain."""
    from pyspark import StorageLevel

    rdd = rdd.persist(StorageLevel.MEMORY_ONLY)
    schema = fixed

    def see(iterator: Iterator[Passed]) -> Iterator[tuple[Shape, int]]:
        shape, lost = Shape(), 0
        for one in iterator:
            if one[0]:
                shape.see(one[1], known)
            else:
                lost += 1
        yield shape, lost

    lost = 1
    if schema is None:
        shape, lost = Shape(), 0
        for part, count in rdd.mapPartitions(see).collect():
            shape.merge(part)
            lost += count
        found = remember(shape.to_type(), known)
        schema = found if isinstance(found, glue.StructType) else glue.StructType()
    lay = encoder(schema)

    def laid(one: Passed) -> Any:
        try:
            return lay(one[1])
        except TypeError:
            raise RuntimeError(
                "a function gave records of other types when it ran again; it must give the same each time"
            ) from None

    data = spark.createDataFrame(
        rdd.filter(lambda one: one[0]).map(laid), to_spark(schema), verifySchema=False
    )
    if lost:
        rows = rdd.filter(lambda one: not one[0]).map(
            lambda one: failed.row(call, one[1], one[2], record=one[3])
        )
        errors = (*errors, spark.createDataFrame(rows, failed.COLUMNS, verifySchema=False))
    return Table(data, schema, errors)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
