"""Catalog partitions in Spark: which of them match a predicate, and their values as columns of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.core.catalog import CatalogColumn, PartitionValues
from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.engines.spark.hadoop import SCHEME

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_POSITION, _FOLDER, _FILE = "glue secure position", "glue secure folder", "glue secure file"
_SUBQUERIES = (
    "Exists",
    "ListQuery",
    "ScalarSubquery",
    "InSubquery",
    "LateralSubquery",
    "FunctionTableSubquery",
)


def matching_partitions(
    spark: SparkSession, keys: Sequence[CatalogColumn], values: Sequence[tuple[str, ...]], predicate: str
) -> list[int]:
    """Return the positions of the partitions whose values match a Spark SQL predicate.

    The values have the catalog's types. Column names are compared as Spark compares them, ignoring case.

    Raises:
        UsageError: the predicate is not an expression, names a column that is not a partition column, or
            contains a subquery, which would read data without the run's checks.
    """
    from pyspark.errors import AnalysisException, ParseException
    from pyspark.sql import functions

    names = ", ".join(key.name for key in keys)
    try:
        _reject_subqueries(
            spark._jsparkSession.sessionState().sqlParser().parseExpression(predicate), predicate
        )
        frame = _values(
            spark, keys, [(str(position), *row) for position, row in enumerate(values)], _POSITION
        )
        matches = frame.where(functions.expr(predicate)).select(identifier(_POSITION))
    except (AnalysisException, ParseException) as error:
        raise _predicate_error(predicate, names, str(error)) from None
    return sorted(int(row[0]) for row in matches.collect())


def with_partition_values(
    spark: SparkSession,
    frame: DataFrame,
    partition_values: PartitionValues,
    *,
    metadata: bool,
    scheme: str = SCHEME,
) -> DataFrame:
    """Return the frame with the partition columns at its end: each row has the values of its object's folder.

    A data column of the same name is dropped, as in Spark.

    Args:
        spark: the session.
        frame: a frame of a reader, whose rows have the path of their file.
        partition_values: the columns, and their values for each folder.
        metadata: whether the source has Spark's ``_metadata`` column; if not, ``input_file_name()`` is used.
        scheme: the scheme of the paths that the frame was read with.
    """
    from pyspark.sql import functions

    keys = partition_values.keys
    names = {key.name.lower() for key in keys}
    data = [functions.col(identifier(name)) for name in frame.columns if name.lower() not in names]
    distinct = set(partition_values.values.values())
    if len(distinct) == 1:
        (values,) = distinct
        columns = [f"{_FOLDER} {position}" for position in range(len(keys))]
        texts = [
            functions.lit(_text(value)).alias(column) for column, value in zip(columns, values, strict=True)
        ]
        return frame.select(*data, *texts).select(*data, *_typed(keys, columns))
    path = spark._jvm.org.apache.hadoop.fs.Path
    rows = []
    for folder, values in partition_values.values.items():
        # Spark writes Hadoop's spelling of a path in a URI into _metadata.file_path.
        hadoop_path = path(folder.with_scheme(scheme))
        rows.append((hadoop_path.toUri().toString() if metadata else hadoop_path.toString(), *values))
    folders = functions.broadcast(_values(spark, keys, rows, _FOLDER))
    file = functions.col("_metadata.file_path") if metadata else functions.input_file_name()
    with_file = frame.select(*data, functions.regexp_replace(file, "/[^/]*$", "").alias(_FILE))
    is_same_folder = functions.col(identifier(_FILE)) == functions.col(identifier(_FOLDER))
    joined = with_file.join(folders, is_same_folder, "left")
    # A row of an object outside of these partitions must not get null values.
    error = functions.raise_error(
        functions.concat(functions.lit("no partition of "), functions.col(identifier(_FILE)))
    )
    columns = [
        functions.when(functions.col(identifier(_FOLDER)).isNull(), error)
        .otherwise(functions.col(identifier(key.name)))
        .alias(key.name)
        for key in keys
    ]
    return joined.select(*data, *columns)


def try_cast(name: str, data_type: Any) -> Column:
    """Return a column as an atomic type, null where the text is not of that type, also in ANSI mode."""
    from pyspark.sql import functions, types

    if isinstance(data_type, types.StringType):
        return functions.col(identifier(name))
    text = f"try_cast({identifier(name)} as {data_type.simpleString()})"
    if "${" in text:  # Spark would replace it by the value of a variable on the driver
        raise UsageError("a column of the Data Catalog", found="${ in a name", required="a name without it")
    return functions.expr(text)


def _values(
    spark: SparkSession, keys: Sequence[CatalogColumn], rows: list[tuple[str, ...]], first: str
) -> DataFrame:
    from pyspark.sql import functions
    from pyspark.sql.types import StringType, StructField, StructType

    names = [f"{first} {position}" for position in range(len(keys))]
    schema = StructType([StructField(name, StringType()) for name in (first, *names)])
    frame = spark.createDataFrame([tuple(map(_text, row)) for row in rows], schema)
    return frame.select(functions.col(identifier(first)), *_typed(keys, names))


def _typed(keys: Sequence[CatalogColumn], names: Sequence[str]) -> list[Column]:
    """Return texts as the catalog's types, null where a text is not of its type, as in Hive."""
    from glue_secure.dynamicframe.frames.schema import to_spark
    from glue_secure.dynamicframe.types.hive import parse

    return [
        try_cast(name, to_spark(parse(key.type))).alias(key.name)
        for key, name in zip(keys, names, strict=True)
    ]


def _text(value: str) -> str | None:
    return None if value == HIVE_NULL else value


def _reject_subqueries(expression: Any, predicate: str) -> None:
    nodes = [expression]
    while nodes:
        node = nodes.pop()
        if node.getClass().getSimpleName() in _SUBQUERIES:
            raise UsageError(
                "push_down_predicate",
                found=repr(predicate),
                required="an expression over the partition columns, without a subquery",
            )
        children = node.children()
        nodes.extend(children.apply(position) for position in range(children.size()))


def _predicate_error(predicate: str, names: str, message: str) -> UsageError:
    reason = message.strip().splitlines()[0] if message.strip() else "not understood"
    return UsageError(
        "push_down_predicate",
        found=f"{predicate!r}: {reason}",
        required=f"a Spark SQL expression over the partition columns: {names or 'the table has none'}",
        fix="filter other columns after the read",
    )
