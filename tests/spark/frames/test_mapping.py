"""``apply_mapping``."""

import logging

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import mapping
from glue_secure.dynamicframe.types import glue_types as glue

FLAT = "struct<Id:string,n:string,d:double,flag:boolean,day:date,items:array<struct<x:int>>>"
ROW = {"Id": "7", "n": "12.5", "d": 2.9, "flag": True, "items": [{"x": 1}]}


@pytest.fixture(params=["true", "false"], ids=["ansi", "not ansi"])
def ansi(request, glue_spark):
    before = glue_spark.conf.get("spark.sql.ansi.enabled", "false")
    glue_spark.conf.set("spark.sql.ansi.enabled", request.param)
    yield
    glue_spark.conf.set("spark.sql.ansi.enabled", before)


@pytest.mark.usefixtures("ansi")
@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("Id", "int", 7),
        ("n", "int", None),
        ("n", "decimal(6,2)", 12.5),
        ("n", "timestamp", None),
        ("d", "long", 2),
        ("d", "date", None),
        ("flag", "int", 1),
        ("flag", "string", "true"),
        ("items", "string", '[{"x":1}]'),
        ("items", "array<struct<x:string,y:int>>", [{"x": "1"}]),
        ("items", "array", [{"x": 1}]),
        ("Id", "array", None),
        ("items", "int", None),
    ],
)
def test_a_value_that_cannot_be_cast_is_null_with_and_without_ansi(table_of, rows_of, source, kind, value):
    result = mapping.apply(table_of(FLAT, ROW), [(source, "string", "v", kind)])
    assert rows_of(result) == [{} if value is None else {"v": value}]


def test_names_match_ignoring_case_by_default(table_of, rows_of, caplog):
    table = table_of(FLAT, ROW)
    assert rows_of(mapping.apply(table, ("id", "key"))) == [{"key": "7"}]
    with caplog.at_level(logging.WARNING, "glue_secure.frames"):
        result = mapping.apply(table, [("id", "key"), ("n", "n")], case_sensitive=True)
    assert [field.name for field in result.schema] == ["n"]
    assert "no field id" in caplog.text


def test_three_parts_cast_to_the_type_in_the_last(table_of, rows_of):
    assert rows_of(mapping.apply(table_of(FLAT, ROW), [("Id", "a.b", "int"), ("d", "a.c")])) == [
        {"a": {"b": 7, "c": 2.9}}
    ]


def test_the_alternative_of_a_choice_that_is_set_is_cast(table_of, rows_of):
    kind = glue.StructType([glue.Field("v", glue.ChoiceType([glue.LongType(), glue.StringType()]))])
    table = table_of(kind, {"v": {"long": 1}}, {"v": {"string": "2"}}, {"v": {"string": "x"}})
    assert rows_of(mapping.apply(table, ("v", "choice", "v", "int"))) == [{"v": 1}, {"v": 2}, {}]
    assert (
        mapping.apply(table, ("v", "choice", "w", "choice")).schema.fields[0].dataType
        == kind.fields[0].dataType
    )


@pytest.mark.parametrize(
    ("mappings", "match"),
    [
        ([("items.x", "x")], "nested in arrays"),
        ([("items[]", "x")], "nested in arrays"),
        ([("Id", "x"), ("n", "x")], "an existing field"),
        ([("Id", "x"), ("n", "x.y")], "an existing field"),
        ([("Id", "x[]")], r"without \[\]"),
    ],
)
def test_mappings_that_glue_does_not_support_are_rejected(table_of, mappings, match):
    with pytest.raises(UsageError, match=match):
        mapping.apply(table_of(FLAT, ROW), mappings)
