"""Merging of two types."""

import pytest

from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        ("int", "int", "int"),
        ("void", "int", "int"),
        ("struct<a:int>", "struct<b:string,a:int>", "struct<a:int,b:string>"),
        ("array<void>", "array<int>", "array<int>"),
        ("map<string,struct<a:int>>", "map<string,struct<b:int>>", "map<string,struct<a:int,b:int>>"),
        ("decimal(5,2)", "decimal(10,4)", "decimal(10,4)"),
        ("decimal(38,0)", "decimal(4,4)", "decimal(38,0)"),
    ],
)
def test_compatible_types_merge_into_one_type(left, right, both):
    assert glue.merge_types(hive.parse(left), hive.parse(right)) == hive.parse(both)


def test_different_types_merge_into_a_choice():
    result = glue.merge_types(hive.parse("array<int>"), hive.parse("array<string>"))
    assert result == glue.ArrayType(glue.ChoiceType([glue.IntegerType(), glue.StringType()]))


def test_a_choice_adds_new_types_and_merges_existing_ones():
    choice = glue.ChoiceType([glue.IntegerType(), hive.parse("struct<a:int>")])
    more = glue.ChoiceType([hive.parse("struct<b:int>"), glue.StringType()])
    assert glue.merge_types(choice, more) == glue.ChoiceType(
        [glue.IntegerType(), hive.parse("struct<a:int,b:int>"), glue.StringType()]
    )
    assert glue.merge_types(choice, glue.IntegerType()) == choice
