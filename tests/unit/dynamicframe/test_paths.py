"""Paths in Glue's syntax."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive
from glue_secure.dynamicframe.types.paths import (
    PathStep,
    find,
    format_path,
    null_fields,
    parse,
    parse_all,
    quote,
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", (PathStep("a"),)),
        ("a.b", (PathStep("a"), PathStep("b"))),
        ("`a.b`", (PathStep("a.b"),)),
        ("`a.b`.c", (PathStep("a.b"), PathStep("c"))),
        ("a.`b.c`", (PathStep("a"), PathStep("b.c"))),
        ("`it``s`", (PathStep("it`s"),)),
        ("items[].price", (PathStep("items", 1), PathStep("price"))),
        ("`my.items`[][]", (PathStep("my.items", 2),)),
        ("provider id", (PathStep("provider id"),)),
    ],
)
def test_a_path_is_parsed_and_formatted(text, steps):
    assert parse(text) == steps
    assert format_path(steps) == text


@pytest.mark.parametrize("text", ["", ".zip", "a.", "a..b", "`a", "``", "a`b", "[]", "a[]b"])
def test_an_invalid_path_is_rejected(text):
    with pytest.raises(UsageError, match="a field's path"):
        parse(text)


def test_a_path_that_is_not_a_str_is_rejected():
    with pytest.raises(UsageError, match="int"):
        parse(3)


def test_one_path_counts_as_a_list_of_one():
    assert parse_all("a.b") == parse_all(["a.b"]) == [parse("a.b")]


@pytest.mark.parametrize("name", ["a", "a.b", "a`b", "a[]", "", "a b"])
def test_a_quoted_name_is_one_step(name):
    if name:
        assert parse(quote(name)) == (PathStep(name),)


SCHEMA = glue.StructType(
    [
        glue.Field("a", hive.parse("struct<b:array<struct<c:int>>>")),
        glue.Field("m", glue.MapType(hive.parse("struct<c:int>"))),
        glue.Field("x", glue.ChoiceType([glue.IntegerType(), hive.parse("struct<y:string>")])),
    ]
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.b.c", glue.IntegerType()),
        ("a.b[].c", glue.IntegerType()),
        ("a.b[]", hive.parse("struct<c:int>")),
        ("x.y", glue.StringType()),
        ("a.d", None),
        ("m.c", None),
        ("a[].b", None),
        ("A", None),
    ],
)
def test_a_path_is_followed_through_structs_arrays_and_choices(path, kind):
    assert find(SCHEMA, parse(path)) == kind


def test_null_fields_are_found_in_structs_and_arrays_of_structs_only():
    schema = hive.parse(
        "struct<a:void,`b.c`:struct<d:void,e:int>,f:array<struct<g:void>>,h:array<void>,i:map<string,void>>"
    )
    assert list(null_fields(schema)) == ["a", "`b.c`.d", "f.g"]
