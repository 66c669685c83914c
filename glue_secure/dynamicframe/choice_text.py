"""Rows as text where a choice writes its bare value: JSON lines, and CSV columns.

Glue's JSON and CSV writers walk each record, where a choice is just the value that the record has. Here a
choice is a struct with one field set; as JSON it would come out as ``{"int": 1}``. All of it is Spark's
own expressions, so that numbers keep their exact text.
"""

from __future__ import annotations

import json
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames.expressions import identifier
from glue_secure.dynamicframe.types import glue_types as glue

_ALL = 2**31 - 1  # characters: the rest of a text


def json_lines(data: Any, schema: glue.StructType, partition_by: list[str]) -> Any:
    """One text column ``value`` with a JSON object a row, and the partition columns beside it."""
    from pyspark.sql import functions as F

    fields = [field for field in schema.fields if field.name not in partition_by]
    text = _members((field.name, F.col(identifier(field.name)), field.dataType) for field in fields)
    return data.select(text.alias("value"), *(F.col(identifier(name)) for name in partition_by))


def csv_columns(data: Any, schema: glue.StructType) -> Any:
    """The frame with each choice as the text of its value.

    Raises:
        UsageError: a column, or an alternative of one, is no single value.
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
                    required="columns of single values",
                    fix="relationalize or unnest the frame first, or write json or parquet",
                )
        if alternatives:
            texts = [column.getField(name).cast("string") for name in sorted(alternatives)]
            column = F.coalesce(*texts).alias(field.name)
        columns.append(column)
    return data.select(*columns)


def _members(members: Any) -> Any:
    """``{...}`` of name, column and type; what is null is left out, as in Spark's and Glue's JSON."""
    from pyspark.sql import functions as F

    pairs = [
        F.concat(F.lit(json.dumps(name, ensure_ascii=False) + ":"), _value(column, kind))
        for name, column, kind in members
    ]
    return F.concat(F.lit("{"), F.concat_ws(",", *pairs), F.lit("}"))


def _value(column: Any, kind: glue.DataType) -> Any:
    """The JSON text of a column, null where it is null."""
    from pyspark.sql import functions as F

    if not glue.has_choice(kind):
        # {"v":TEXT} without its frame; to_json leaves a null member out, which gives {}.
        wrapped = F.to_json(F.struct(column.alias("v")))
        inner = F.regexp_replace(F.substring(wrapped, 6, _ALL), r"\}$", "")
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
        texts = F.transform(column, lambda each: F.coalesce(_value(each, element), F.lit("null")))
        return F.when(column.isNotNull(), F.concat(F.lit("["), F.concat_ws(",", texts), F.lit("]")))
    assert isinstance(kind, glue.MapType)  # noqa: S101 - has_choice knows no other
    inner = kind.valueType

    def entry(each: Any) -> Any:
        # ["KEY"] without its brackets: the key as JSON quotes it.
        key = F.to_json(F.array(each.getField("key")))
        key = F.regexp_replace(F.substring(key, 2, _ALL), r"\]$", "")
        return F.concat(key, F.lit(":"), F.coalesce(_value(each.getField("value"), inner), F.lit("null")))

    texts = F.transform(F.map_entries(column), entry)
    return F.when(column.isNotNull(), F.concat(F.lit("{"), F.concat_ws(",", texts), F.lit("}")))
