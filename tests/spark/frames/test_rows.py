"""``split_rows``, ``join``, ``union`` and ``mergeDynamicFrame``."""

from datetime import date

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import rows
from glue_secure.dynamicframe.types import glue_types as glue

PEOPLE = "struct<name:string,age:int,birth:date,address:struct<country:string>,ok:boolean,tags:array<string>>"


@pytest.fixture
def people(table_of):
    return table_of(
        PEOPLE,
        {"name": "a", "age": 70, "birth": date(1950, 1, 1), "address": {"country": "USA"}, "ok": True},
        {"name": "b", "age": 15, "birth": date(2008, 1, 1), "address": {"country": "USA"}, "ok": False},
        {"name": "c", "age": None},
    )


@pytest.mark.parametrize(
    ("comparisons", "names"),
    [
        ({"age": {">": 10, "<": 20}}, ["b"]),
        ({"age": {">=": 65}, "address.country": {"=": "USA"}}, ["a"]),
        ({"age": {"!=": 15}}, ["a"]),
        ({"age": {"<=": "15.5"}}, ["b"]),
        ({"age": {">": 1e3}}, []),
        ({"name": {">": "a"}}, ["b", "c"]),
        ({"name": {"=": 1}}, []),
        ({"birth": {"<": "2000-01-01"}}, ["a"]),
        ({"birth": {"<": date(2000, 1, 1)}}, ["a"]),
        ({"ok": {"=": True}}, ["a"]),
        ({}, ["a", "b", "c"]),
    ],
)
@pytest.mark.parametrize("ansi", ["true", "false"])
def test_split_rows_returns_every_row_once(glue_spark, people, rows_of, comparisons, names, ansi):
    before = glue_spark.conf.get("spark.sql.ansi.enabled", "false")
    glue_spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        first, second = rows.split_rows(people, comparisons)
        assert [row["name"] for row in rows_of(first)] == names
        assert {row["name"] for row in rows_of(second)} == {"a", "b", "c"} - set(names)
    finally:
        glue_spark.conf.set("spark.sql.ansi.enabled", before)


def test_a_choice_compares_by_the_alternative_that_is_set(table_of, rows_of):
    schema = glue.StructType([glue.Field("v", glue.ChoiceType([glue.IntegerType(), glue.StringType()]))])
    table = table_of(schema, {"v": {"int": 5}}, {"v": {"string": "7"}}, {"v": {"string": "x"}}, {"v": None})
    first, second = rows.split_rows(table, {"v": {">": 4}})
    assert rows_of(first) == [{"v": {"int": 5}}, {"v": {"string": "7"}}]
    assert rows_of(second) == [{"v": {"string": "x"}}, {}]


@pytest.mark.parametrize(
    ("comparisons", "match"),
    [
        ({"age": {"~": 1}}, "!="),
        ({"nope": {">": 1}}, "no field nope"),
        ({"age": {">": "old"}}, "compared"),
        ({"tags": {"=": "x"}}, "compared"),
        ({"age": {">": True}}, "compared"),
        ({"tags[]": {"=": "x"}}, "not inside an array"),
    ],
)
def test_a_constant_that_cannot_be_compared_is_rejected(people, comparisons, match):
    with pytest.raises(UsageError, match=match):
        rows.split_rows(people, comparisons)


def test_join_matches_equal_keys_and_no_nulls(table_of, rows_of):
    left = table_of(
        "struct<k:struct<id:string>,v:int>", {"k": {"id": "1"}, "v": 1}, {"k": {"id": None}, "v": 2}
    )
    right = table_of("struct<id:bigint,j:string>", {"id": 1, "j": "x"}, {"id": None, "j": "y"})
    assert rows_of(rows.join(left, right, ["k.id"], ["id"])) == [
        {"k": {"id": "1"}, "v": 1, "id": 1, "j": "x"}
    ]


def test_a_frame_can_be_joined_with_itself(table_of, rows_of):
    table = table_of("struct<a:int,`.a`:int>", {"a": 1, ".a": 2})
    result = rows.join(table, table, ["a", "`.a`"], ["a", "`.a`"])
    assert [field.name for field in result.schema] == ["a", ".a", "..a", "...a"]
    assert rows_of(result) == [{"a": 1, ".a": 2, "..a": 1, "...a": 2}]


def test_keys_that_cannot_be_compared_are_rejected(table_of):
    left = table_of("struct<a:int,l:array<int>>", {"a": 1})
    choice = glue.StructType([glue.Field("c", glue.ChoiceType([glue.IntegerType(), glue.StringType()]))])
    with pytest.raises(UsageError, match="2 and 1 keys"):
        rows.join(left, left, ["a", "l"], ["a"])
    with pytest.raises(UsageError, match="array in one frame"):
        rows.join(left, left, "l", "a")
    with pytest.raises(UsageError, match="resolveChoice"):
        rows.join(left, table_of(choice, {"c": {"int": 1}}), "a", "c")
    with pytest.raises(UsageError, match="no field nope"):
        rows.join(left, left, "a", "nope")


def test_union_merges_fields_and_creates_choices(table_of, rows_of):
    left = table_of(
        "struct<id:int,s:struct<a:int>,l:array<struct<x:int>>>", {"id": 1, "s": {"a": 1}, "l": [{"x": 1}]}
    )
    right = table_of("struct<s:struct<b:string>,id:string,l:array<struct<x:string,y:int>>,n:void>",
                     {"id": "2", "s": {"b": "t"}, "l": [{"x": "u", "y": 2}]})  # fmt: skip
    result = rows.union(left, right)
    number = glue.ChoiceType([glue.IntegerType(), glue.StringType()])
    assert result.schema.field_map["id"].dataType == number
    assert rows_of(result) == [
        {"id": {"int": 1}, "s": {"a": 1}, "l": [{"x": {"int": 1}}]},
        {"id": {"string": "2"}, "s": {"b": "t"}, "l": [{"x": {"string": "u"}, "y": 2}]},
    ]
    again = rows.union(result, table_of("struct<id:boolean>", {"id": True}))
    assert rows_of(again)[2] == {
        "id": {"string": "2"},
        "s": {"b": "t"},
        "l": [{"x": {"string": "u"}, "y": 2}],
    }
    assert {"id": {"boolean": True}} in rows_of(again)


def test_union_has_the_errors_of_both_frames(table_of):
    left, right = table_of("struct<a:int>", {"a": 1}), table_of("struct<a:int>", {"a": 2})
    first = type(left)(left.data, left.schema, (left.data,))
    second = type(left)(right.data, right.schema, (right.data,))
    assert rows.union(first, second).errors == (left.data, right.data)
    assert rows.join(first, second, "a", "a").errors == (left.data, right.data)


def test_merge_returns_staged_rows_and_unmatched_source_rows(table_of, rows_of):
    """DynamicFrame class, mergeDynamicFrame: duplicates are not de-duplicated; schemas may differ."""
    source = table_of(
        "struct<id:int,v:string>",
        {"id": 1, "v": "old"}, {"id": 1, "v": "older"}, {"id": 2, "v": "a"}, {"id": 2, "v": "b"},
        {"id": None, "v": "no key"},
    )  # fmt: skip
    stage = table_of(
        "struct<id:int,w:int>", {"id": 1, "w": 1}, {"id": 1, "w": 2}, {"id": 3, "w": 3}, {"id": None}
    )
    assert rows_of(rows.merge(source, stage, ["id"])) == [
        {"id": 1, "w": 1}, {"id": 1, "w": 2}, {"id": 2, "v": "a"}, {"id": 2, "v": "b"},
        {"id": 3, "w": 3}, {"v": "no key"}, {},
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no options"):
        rows.merge(source, stage, ["id"], {"x": 1})
    with pytest.raises(UsageError, match="at least one"):
        rows.merge(source, stage, [])
