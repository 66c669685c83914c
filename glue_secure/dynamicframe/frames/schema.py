"""Conversion between Glue's types and Spark's types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from pyspark.sql.types import DataType as SparkDataType


def to_spark(kind: glue.DataType) -> SparkDataType:
    """Return the Spark type that stores a Glue type.

    A choice is a struct of its alternatives, ordered by name.
    """
    from pyspark.sql import types as spark

    atomic = {
        "binary": spark.BinaryType, "boolean": spark.BooleanType, "byte": spark.ByteType,
        "date": spark.DateType, "double": spark.DoubleType, "float": spark.FloatType,
        "int": spark.IntegerType, "long": spark.LongType, "null": spark.NullType, "short": spark.ShortType,
        "string": spark.StringType, "timestamp": spark.TimestampType,
        "timestamp_ntz": spark.TimestampNTZType, "enum": spark.StringType, "unknown": spark.NullType,
    }  # fmt: skip
    if isinstance(kind, glue.DecimalType):
        return spark.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, glue.ArrayType):
        return spark.ArrayType(to_spark(kind.elementType))
    if isinstance(kind, glue.MapType):
        return spark.MapType(spark.StringType(), to_spark(kind.valueType))
    if isinstance(kind, glue.ChoiceType):
        alternatives = [(name, kind.choices[name]) for name in sorted(kind.choices)]
        return spark.StructType([spark.StructField(name, to_spark(choice)) for name, choice in alternatives])
    if isinstance(kind, glue.StructType):
        return spark.StructType(
            [spark.StructField(field.name, to_spark(field.dataType)) for field in kind.fields]
        )
    return atomic[kind.typeName()]()


def from_spark(kind: SparkDataType) -> glue.DataType:
    """Return the Glue type of a Spark type. A struct becomes a struct, never a choice.

    Raises:
        UsageError: Glue has no such type (intervals, maps with keys that are not strings, user-defined
            types).
    """
    from pyspark.sql import types as spark

    if isinstance(kind, spark.DecimalType):
        return glue.DecimalType(kind.precision, kind.scale)
    if isinstance(kind, spark.ArrayType):
        return glue.ArrayType(from_spark(kind.elementType))
    if isinstance(kind, spark.MapType) and isinstance(kind.keyType, spark.StringType):
        return glue.MapType(from_spark(kind.valueType))
    if isinstance(kind, spark.StructType):
        return glue.StructType([glue.Field(field.name, from_spark(field.dataType)) for field in kind.fields])
    if isinstance(kind, (spark.CharType, spark.VarcharType)):
        return glue.StringType()
    names = {
        spark.BinaryType: "binary", spark.BooleanType: "boolean", spark.ByteType: "byte",
        spark.DateType: "date", spark.DoubleType: "double", spark.FloatType: "float",
        spark.IntegerType: "int", spark.LongType: "long", spark.NullType: "null", spark.ShortType: "short",
        spark.StringType: "string", spark.TimestampType: "timestamp",
        spark.TimestampNTZType: "timestamp_ntz",
    }  # fmt: skip
    if type(kind) not in names:
        raise UsageError(
            "the schema of a DynamicFrame",
            found=kind.simpleString(),
            required="a type that Glue supports",
            fix="cast the column in the DataFrame first",
        )
    return glue.ATOMIC[names[type(kind)]]()
