"""Drop-in door: ``from glue_secure.gluetypes import *``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.runtime.choice import serve

if TYPE_CHECKING:
    from glue_secure.dynamic.types import (
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
    from glue_secure.dynamic.values import DynamicRecord

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

_SPARK = dict.fromkeys(__all__, "glue_secure.dynamic.types") | {"DynamicRecord": "glue_secure.dynamic.values"}
_GLUE = dict.fromkeys(__all__, "glue_secure.runtime.glue.gluetypes")


def __getattr__(name: str) -> Any:
    return serve(__name__, name, {"spark": _SPARK, "glue": _GLUE})
