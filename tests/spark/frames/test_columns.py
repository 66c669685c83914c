"""Selection, removal and renaming of fields, including nested ones."""

import logging

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import columns
from glue_secure.dynamicframe.types import glue_types as glue

NESTED = "struct<`a.b`:int,s:struct<x:int,`y.z`:string>,l:array<struct<p:int,q:int>>>"
ROW = {"a.b": 1, "s": {"x": 2, "y.z": "t"}, "l": [{"p": 3, "q": 4}]}
MIXED = glue.StructType(
    [
        glue.Field(
            "v",
            glue.ChoiceType(
                [
                    glue.StringType(),
                    glue.StructType(
                        [glue.Field("a", glue.IntegerType()), glue.Field("b", glue.IntegerType())]
                    ),
                ]
            ),
        )
    ]
)


def test_selected_fields_are_in_the_given_order(table_of, rows_of):
    result = columns.select(table_of(NESTED, ROW), ["l.q", "`a.b`", "s.`y.z`"])
    assert [field.name for field in result.schema] == ["l", "a.b", "s"]
    assert rows_of(result) == [{"l": [{"q": 4}], "a.b": 1, "s": {"y.z": "t"}}]


def test_a_whole_field_takes_precedence_over_a_part_of_it(table_of, rows_of):
    assert rows_of(columns.select(table_of(NESTED, ROW), ["s.x", "s"])) == [{"s": ROW["s"]}]
    assert rows_of(columns.select(table_of(NESTED, ROW), ["s", "s.x"])) == [{"s": ROW["s"]}]


def test_a_null_struct_remains_null(table_of):
    result = columns.drop(table_of(NESTED, {"a.b": 1, "s": None, "l": None}), ["s.x", "l.p"])
    assert result.data.first().asDict() == {"a.b": 1, "s": None, "l": None}


def test_fields_of_a_struct_alternative_are_dropped(table_of, rows_of):
    table = table_of(MIXED, {"v": {"string": "x"}}, {"v": {"struct": {"a": 1, "b": 2}}}, {"v": None})
    result = columns.drop(table, ["v.a"])
    assert rows_of(result) == [{"v": {"string": "x"}}, {"v": {"struct": {"b": 2}}}, {}]
    assert isinstance(result.schema.fields[0].dataType, glue.ChoiceType)
    plain = columns.drop(table, ["v.a", "v.b"])
    assert plain.schema == glue.StructType([glue.Field("v", glue.StringType())])
    assert rows_of(plain) == [{"v": "x"}, {}, {}]


def test_a_missing_path_is_ignored_and_logged(table_of, caplog):
    table = table_of(NESTED, ROW)
    with caplog.at_level(logging.WARNING, "glue_secure.frames"):
        assert columns.drop(table, ["a.b", "nope"]).schema == table.schema
        assert columns.rename(table, "nope", "x") is table
    assert "no field a.b" in caplog.text
    assert "rename_field: the frame has no field nope" in caplog.text


def test_elements_of_an_array_cannot_be_dropped(table_of):
    with pytest.raises(UsageError, match="elements of an array"):
        columns.drop(table_of(NESTED, ROW), ["l[]"])


def test_a_renamed_field_keeps_its_position(table_of, rows_of):
    result = columns.rename(table_of(NESTED, ROW), "l.p", "l.`new.p`")
    assert rows_of(result) == [{**ROW, "l": [{"new.p": 3, "q": 4}]}]
    assert [field.name for field in columns.rename(result, "s", "t").schema] == ["a.b", "t", "l"]


def test_a_field_moves_to_another_parent(table_of, rows_of):
    out = columns.rename(table_of(NESTED, ROW), "s.x", "x")
    assert rows_of(out) == [{"a.b": 1, "s": {"y.z": "t"}, "l": ROW["l"], "x": 2}]
    back = columns.rename(out, "x", "new.deep.x")
    assert rows_of(back) == [{"a.b": 1, "s": {"y.z": "t"}, "l": ROW["l"], "new": {"deep": {"x": 2}}}]


def test_an_existing_name_and_a_move_out_of_an_array_are_rejected(table_of):
    with pytest.raises(UsageError, match="an existing field"):
        columns.rename(table_of(NESTED, ROW), "s", "`a.b`")
    with pytest.raises(UsageError, match="out of an array"):
        columns.rename(table_of(NESTED, ROW), "l.p", "p")


def test_field_names_may_contain_any_character(table_of, rows_of):
    schema = glue.StructType(
        [
            glue.Field(
                "o'ne",
                glue.StructType([glue.Field(name, glue.IntegerType()) for name in ("a`b", "c\\d'", "é ")]),
            )
        ]
    )
    table = table_of(schema, {"o'ne": {"a`b": 1, "c\\d'": 2, "é ": 3}})
    assert rows_of(columns.drop(table, ["o'ne.é "])) == [{"o'ne": {"a`b": 1, "c\\d'": 2}}]
