"""JSON and CSV output of frames with choices, in which a choice is written as its plain value.

Glue's writers output the value of a choice. Spark would output the struct that stores it, such as
``{"int": 1}``. This module uses Spark expressions only, so numbers are formatted exactly as by Spark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_TO_END = 2**31 - 1  # characters


def json_lines(data: DataFrame, schema: glue.StructType, partition_by: list[str]) -> DataFrame:
    """Return a column ``value`` with one JSON object per row, followed by the partition columns."""
    from pyspark.sql import functions as F

    fields = [field for field in schema.fields if field.name not in partition_by]
    text = _members((field.name, F.col(identifier(field.name)), field.dataType) for field in fields)
    return data.select(text.alias("value"), *(F.col(identifier(name)) for name in partition_by))


def csv_columns(data: DataFrame, schema: glue.StructType) -> DataFrame:
    """Return the frame with each choice replaced by its value as a string.

    Raises:
        UsageError: a column, or an alternative of a choice, is a struct, array or map.
    """
    from pyspark.sql import functions as F

    columns = []
    for field in schema.fields:
        column = F.col(identifier(field.name))
        alternatives = field.dataType.choices if isinstance(field.dataType, glue.ChoiceType) else {}
        for kind in list(alternatives.values()) or [field.dataType]:
            if isinstance(kind, (glue.StructType, glue.ArrayType, glue.MapType, glue.ChoiceType)):
                raise UsageError(
                    f"a write of column {field.name} as csv",
                    found=kind.typeName(),
                    required="columns of atomic types",
                    fix="call relationalize or unnest first, or write json or parquet",
                )
        if alternatives:
            texts = [column.getField(name).cast("string") for name in sorted(alternatives)]
            column = F.coalesce(*texts).alias(field.name)
        columns.append(column)
    return data.select(*columns)


def _members(members: Iterable[tuple[str, Column, glue.DataType]]) -> Column:
    """Return a JSON object of (name, column, type). As in Spark and Glue, null members are omitted."""
    from pyspark.sql import functions as F

    pairs = [
        F.concat(F.lit(json.dumps(name, ensure_ascii=False) + ":"), _value(column, kind))
        for name, column, kind in members
    ]
    return F.concat(F.lit("{"), F.concat_ws(",", *pairs), F.lit("}"))


def _value(column: Column, kind: glue.DataType) -> Column:
    """Return the JSON of a column, null where the column is null."""
    from pyspark.sql import functions as F

    if not glue.has_choice(kind):
        # {"v":TEXT} without the enclosing object; to_json omits a null member, which yields {}.
        wrapped = F.to_json(F.struct(column.alias("v")))
        inner = F.regexp_replace(F.substring(wrapped, 6, _TO_END), r"\}$", "")
        return F.when(column.isNotNull(), inner)
    if isinstance(kind, glue.ChoiceType):
        return F.coalesce(
            *(_value(column.getField(name), kind.choices[name]) for name in sorted(kind.choices))
        )
    if isinstance(kind, glue.StructType):
        members = _members((field.name, column.getField(field.name), field.dataType) for field in kind.fields)
        return F.when(column.isNotNull(), members)
    if isinstance(kind, glue.ArrayType):
        element = kind.elementType
        texts = F.transform(column, lambda item: F.coalesce(_value(item, element), F.lit("null")))
        return F.when(column.isNotNull(), F.concat(F.lit("["), F.concat_ws(",", texts), F.lit("]")))
    assert isinstance(kind, glue.MapType)  # noqa: S101 - has_choice is false for all other types
    inner = kind.valueType

    def entry(item: Column) -> Column:
        # ["KEY"] without the brackets is the key as a JSON string.
        key = F.to_json(F.array(item.getField("key")))
        key = F.regexp_replace(F.substring(key, 2, _TO_END), r"\]$", "")
        return F.concat(key, F.lit(":"), F.coalesce(_value(item.getField("value"), inner), F.lit("null")))

    texts = F.transform(F.map_entries(column), entry)
    return F.when(column.isNotNull(), F.concat(F.lit("{"), F.concat_ws(",", texts), F.lit("}")))
