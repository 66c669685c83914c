"""Parsing of the Data Catalog's column types."""

import pytest

from glue_secure.core.catalog import CatalogColumn
from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.hive import parse, schema_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BIGINT", glue.LongType()),
        (" smallint ", glue.ShortType()),
        ("varchar(10)", glue.StringType()),
        ("decimal", glue.DecimalType(10, 0)),
        ("decimal(5, 2)", glue.DecimalType(5, 2)),
        ("double precision", glue.DoubleType()),
        ("array<array<int>>", glue.ArrayType(glue.ArrayType(glue.IntegerType()))),
        ("map<string,double>", glue.MapType(glue.DoubleType())),
        (
            "struct<a:int, `b c`:struct<d:date>>",
            glue.StructType(
                [
                    glue.Field("a", glue.IntegerType()),
                    glue.Field("b c", glue.StructType([glue.Field("d", glue.DateType())])),
                ]
            ),
        ),
    ],
)
def test_a_hive_type_is_parsed(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "uniontype<int>", "int>", "struct<>", "array<int", "map<int,int>", "int(3)", "struct<a>"]
)
def test_an_invalid_type_is_rejected(text):
    with pytest.raises(UsageError, match="column"):
        parse(text)


def test_columns_become_a_schema():
    result = schema_of([CatalogColumn("a", "int"), CatalogColumn("b", "string")])
    assert [(field.name, field.dataType.typeName()) for field in result] == [("a", "int"), ("b", "string")]
