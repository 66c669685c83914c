"""Parsing of type names, mappings and choice specs."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import (
    Mapping,
    ResolveAction,
    is_open,
    parse_action,
    parse_mappings,
    parse_specs,
    parse_type,
)
from glue_secure.dynamicframe.types.paths import parse


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("String", glue.StringType()),
        ("Long", glue.LongType()),
        ("bigint", glue.LongType()),
        ("decimal", glue.DecimalType(10, 2)),
        ("decimal(12,3)", glue.DecimalType(12, 3)),
        ("array<int>", glue.ArrayType(glue.IntegerType())),
        ("struct<a:int>", glue.StructType([glue.Field("a", glue.IntegerType())])),
    ],
)
def test_type_names_of_glue_and_of_the_catalog_are_parsed(text, kind):
    assert parse_type(text) == kind
    assert not is_open(kind)


@pytest.mark.parametrize("text", ["struct", "array", "map", "choice", "set"])
def test_an_array_struct_or_map_without_element_types_is_open(text):
    assert parse_type(text).typeName() == text
    assert is_open(parse_type(text))


@pytest.mark.parametrize("text", ["", "number", "array<", "decimal(a)", "unknown", None, 3])
def test_an_unknown_type_name_is_rejected(text):
    with pytest.raises(UsageError, match="name of a type"):
        parse_type(text)


def test_mappings_have_two_three_or_four_parts():
    assert parse_mappings(("a", "b")) == [Mapping(parse("a"), parse("b"), None)]
    assert parse_mappings([("a", "b", "int")]) == [Mapping(parse("a"), parse("b"), glue.IntegerType())]
    assert parse_mappings([("a", "string", "b")]) == [Mapping(parse("a"), parse("b"), None)]
    assert parse_mappings([("a", "string", "b.c", "int")]) == [
        Mapping(parse("a"), parse("b.c"), glue.IntegerType())
    ]


@pytest.mark.parametrize(
    "mapping",
    [
        ("a",),
        ("a", "b", "c", "d", "e"),
        "a",
        ("a", "sting", "b", "int"),
        ("a", "date", "date"),
        ("a", "b", "c"),
    ],
)
def test_an_invalid_mapping_is_rejected(mapping):
    with pytest.raises(UsageError):
        parse_mappings([mapping])


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("cast:long", ResolveAction("cast", glue.LongType())),
        ("CAST:String", ResolveAction("cast", glue.StringType())),
        ("project:struct", ResolveAction("project", glue.StructType())),
        ("make_cols", ResolveAction("make_cols")),
        ("MAKE_STRUCT", ResolveAction("make_struct")),
        ("KeepAsStruct", ResolveAction("make_struct")),
    ],
)
def test_actions_are_parsed_ignoring_case(text, action):
    assert parse_action(text) == action


@pytest.mark.parametrize("text", ["cast", "cast:", "make_cols:int", "drop", "match_catalog", "cast:struct"])
def test_an_invalid_action_is_rejected(text):
    with pytest.raises(UsageError, match="resolveChoice"):
        parse_action(text)


def test_match_catalog_applies_to_the_whole_frame():
    assert parse_action("match_catalog", whole=True) == ResolveAction("match_catalog")


def test_specs_of_resolve_choice_are_pairs():
    assert parse_specs(("a[].b", "make_cols")) == [(parse("a[].b"), ResolveAction("make_cols"))]
    with pytest.raises(UsageError, match="spec"):
        parse_specs([("a",)])
