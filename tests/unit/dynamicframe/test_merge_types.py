"""One type for values of two."""

import pytest

from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive


@pytest.mark.parametrize(
    ("one", "other", "both"),
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
def test_what_can_be_one_type_is(one, other, both):
    assert glue.merge_types(hive.parse(one), hive.parse(other)) == hive.parse(both)


def test_what_differs_is_a_choice():
    found = glue.merge_types(hive.parse("array<int>"), hive.parse("array<string>"))
    assert found == glue.ArrayType(glue.ChoiceType([glue.IntegerType(), glue.StringType()]))


def test_a_choice_takes_in_further_types_and_widens_those_it_has():
    choice = glue.ChoiceType([glue.IntegerType(), hive.parse("struct<a:int>")])
    more = glue.ChoiceType([hive.parse("struct<b:int>"), glue.StringType()])
    assert glue.merge_types(choice, more) == glue.ChoiceType(
        [glue.IntegerType(), hive.parse("struct<a:int,b:int>"), glue.StringType()]
    )
    assert glue.merge_types(choice, glue.IntegerType()) == choice
