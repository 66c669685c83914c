"""awsglue-compatible API: ``from glue_secure.gluetypes import *``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.types.glue_types import (
        ArrayType,
        AtomicType,
        BinaryType,
        BooleanType,
        ByteType,
        ChoiceType,
        DataType,
        DateType,
        DecimalType,
        DoubleType,
        EntityType,
        EnumType,
        Field,
        FloatType,
        IntegerType,
        LongType,
        MapType,
        NullType,
        SetType,
        ShortType,
        StringType,
        StructType,
        TimestampNTZType,
        TimestampType,
        UnknownType,
        mergeDataTypes,
    )
    from glue_secure.dynamicframe.types.values import DynamicRecord

__all__ = [
    "ArrayType",
    "AtomicType",
    "BinaryType",
    "BooleanType",
    "ByteType",
    "ChoiceType",
    "DataType",
    "DateType",
    "DecimalType",
    "DoubleType",
    "DynamicRecord",
    "EntityType",
    "EnumType",
    "Field",
    "FloatType",
    "IntegerType",
    "LongType",
    "MapType",
    "NullType",
    "SetType",
    "ShortType",
    "StringType",
    "StructType",
    "TimestampNTZType",
    "TimestampType",
    "UnknownType",
    "mergeDataTypes",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.dynamicframe.types.glue_types") | {
    "DynamicRecord": "glue_secure.dynamicframe.types.values"
}
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.gluetypes")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
