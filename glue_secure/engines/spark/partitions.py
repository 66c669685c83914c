"""Catalog partitions on Spark: which of them a predicate means, and their values as columns of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glue_secure.core.catalog import CatalogColumn, PartitionValues
from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.engines.spark.hadoop import SCHEME

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_POSITION, _FOLDER, _FILE = "glue secure position", "glue secure folder", "glue secure file"
_QUERIES = ("Exists", "ListQuery", "ScalarSubquery", "InSubquery", "LateralSubquery", "FunctionTableSubquery")


def matching(
    spark: Any, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
) -> list[int]:
    """Positions of the partitions whose values meet a Spark SQL predicate.

    The values have the catalog's types; names are compared as Spark compares them, without case.

    Raises:
        UsageError: the predicate is no expression, names a column that is no partition column, or holds a
            query of its own, which would read beside the guard.
    """
    from pyspark.errors import AnalysisException, ParseException
    from pyspark.sql import functions

    names = ", ".join(key.name for key in keys)
    try:
        _refuse_queries(spark._jsparkSession.sessionState().sqlParser().parseExpression(predicate), predicate)
        frame = _values(spark, keys, [(str(at), *one) for at, one in enumerate(values)], _POSITION)
        found = frame.where(functions.expr(predicate)).select(identifier(_POSITION))
    except (AnalysisException, ParseException) as error:
        raise _predicate_error(predicate, names, str(error)) from None
    return sorted(int(row[0]) for row in found.collect())


def labelled(spark: Any, frame: Any, labels: PartitionValues, *, metadata: bool, scheme: str = SCHEME) -> Any:
    """The frame with the partition columns at its end, one value for each row by the folder of its object.

    A data column of the same name gives way, as in Spark.

    Args:
        spark: the session.
        frame: straight from a reader, so that its rows know their files.
        labels: the columns and their values.
        metadata: whether the source has Spark's ``_metadata`` column; else ``input_file_name()`` tells.
        scheme: under which the frame's files are read.
    """
    from pyspark.sql import functions

    taken = {key.name.lower() for key in labels.keys}
    kept = [functions.col(identifier(name)) for name in frame.columns if name.lower() not in taken]
    names = [f"{_FOLDER} {at}" for at in range(len(labels.keys))]
    distinct = set(labels.values.values())
    if len(distinct) == 1:
        (one,) = distinct
        texts = [functions.lit(_text(text)).alias(name) for name, text in zip(names, one, strict=True)]
        return frame.select(*kept, *texts).select(*kept, *_typed(labels.keys, names))
    path = spark._jvm.org.apache.hadoop.fs.Path
    rows = []
    for folder, texts_of in labels.values.items():
        # Hadoop's own spelling of a path in a URI is what Spark writes into _metadata.file_path.
        found = path(folder.with_scheme(scheme))
        rows.append((found.toUri().toString() if metadata else found.toString(), *texts_of))
    known = functions.broadcast(_values(spark, labels.keys, rows, _FOLDER))
    file = functions.col("_metadata.file_path") if metadata else functions.input_file_name()
    told = frame.select(*kept, functions.regexp_replace(file, "/[^/]*$", "").alias(_FILE))
    joined = told.join(known, functions.col(identifier(_FILE)) == functions.col(identifier(_FOLDER)), "left")
    # A row of an object that no partition was asked for must not slip through as null.
    strange = functions.raise_error(
        functions.concat(functions.lit("no partition of "), functions.col(identifier(_FILE)))
    )
    values = [
        functions.when(functions.col(identifier(_FOLDER)).isNull(), strange)
        .otherwise(functions.col(identifier(key.name)))
        .alias(key.name)
        for key in labels.keys
    ]
    return joined.select(*kept, *values)


def try_cast(name: str, kind: Any) -> Any:
    """A column as another atomic type, null where the text is none of it: ANSI mode must not stop the job."""
    from pyspark.sql import functions, types

    if isinstance(kind, types.StringType):
        return functions.col(identifier(name))
    text = f"try_cast({identifier(name)} as {kind.simpleString()})"
    if "${" in text:  # Spark would put the driver's own variable in for the name
        raise UsageError("a column of the Data Catalog", found="${ in a name", required="a name without it")
    return functions.expr(text)


def _values(spark: Any, keys: Sequence[CatalogColumn], rows: list[tuple[str, ...]], first: str) -> Any:
    from pyspark.sql import functions
    from pyspark.sql.types import StringType, StructField, StructType

    names = [f"{first} {at}" for at in range(len(keys))]
    schema = StructType([StructField(name, StringType()) for name in (first, *names)])
    frame = spark.createDataFrame([tuple(map(_text, row)) for row in rows], schema)
    return frame.select(functions.col(identifier(first)), *_typed(keys, names))


def _typed(keys: Sequence[CatalogColumn], names: Sequence[str]) -> list[Any]:
    """Texts as the catalog's types; what is none of its type is null, as in Hive."""
    from glue_secure.dynamicframe.frames.schema import to_spark
    from glue_secure.dynamicframe.types.hive import parse

    return [
        try_cast(name, to_spark(parse(key.type))).alias(key.name)
        for key, name in zip(keys, names, strict=True)
    ]


def _text(value: str) -> str | None:
    return None if value == HIVE_NULL else value


def _refuse_queries(expression: Any, predicate: str) -> None:
    waiting = [expression]
    while waiting:
        node = waiting.pop()
        if node.getClass().getSimpleName() in _QUERIES:
            raise UsageError(
                "push_down_predicate",
                found=repr(predicate),
                required="an expression over the partition columns, without a query of its own",
            )
        children = node.children()
        waiting.extend(children.apply(position) for position in range(children.size()))


def _predicate_error(predicate: str, names: str, told: str) -> UsageError:
    reason = told.strip().splitlines()[0] if told.strip() else "not understood"
    return UsageError(
        "push_down_predicate",
        found=f"{predicate!r}: {reason}",
        required=f"a Spark SQL expression over the partition columns: {names or 'the table has none'}",
        fix="filter other columns after the read",
    )
