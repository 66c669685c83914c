"""``resolveChoice`` and the options of ``toDF``."""

import logging

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frame import ResolveOption
from glue_secure.dynamicframe.frames import choices
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive

NUMBER = glue.ChoiceType([glue.LongType(), glue.StringType()])
PRICE = glue.ChoiceType([glue.DoubleType(), glue.StringType()])
SCHEMA = glue.StructType(
    [
        glue.Field("provider id", NUMBER),
        glue.Field("myList", glue.ArrayType(glue.StructType([glue.Field("price", PRICE)]))),
    ]
)
ROWS = (
    {"provider id": {"long": 10001}, "myList": [{"price": {"double": 100.0}}]},
    {"provider id": {"string": "10005"}, "myList": [{"price": {"string": "$100.00"}}, {"price": None}]},
    {"provider id": {"string": "n/a"}, "myList": None},
    {"provider id": None, "myList": []},
)


@pytest.fixture
def table(table_of):
    return table_of(SCHEMA, *ROWS)


def only(rows_of, table, name="provider id"):
    """Return the values of one field, in the order of the rows."""
    return [row.asDict(recursive=True).get(name) for row in table.data.collect()]


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("cast:long", [10001, 10005, None, None]),
        ("cast:String", ["10001", "10005", "n/a", None]),
        ("project:long", [10001, None, None, None]),
        ("project:string", [None, "10005", "n/a", None]),
        (
            "make_struct",
            [
                {"long": 10001, "string": None},
                {"long": None, "string": "10005"},
                {"long": None, "string": "n/a"},
                None,
            ],
        ),
    ],
)
@pytest.mark.parametrize("ansi", ["true", "false"])
def test_one_field_is_resolved(glue_spark, table, rows_of, action, values, ansi):
    before = glue_spark.conf.get("spark.sql.ansi.enabled", "false")
    glue_spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        result = choices.resolve(table, [("provider id", action)])
        assert only(rows_of, result) == values
    finally:
        glue_spark.conf.set("spark.sql.ansi.enabled", before)
    assert glue.has_choice(result.schema)
    assert not glue.has_choice(result.schema.fields[0].dataType)


def test_make_cols_replaces_a_field_by_one_column_per_type(table):
    result = choices.resolve(table, ("provider id", "make_cols"))
    assert [field.name for field in result.schema] == ["provider id_long", "provider id_string", "myList"]
    assert [tuple(row)[:2] for row in result.data.collect()] == [
        (10001, None), (None, "10005"), (None, "n/a"), (None, None),
    ]  # fmt: skip


def test_brackets_select_the_elements_of_an_array(table, rows_of):
    result = choices.resolve(table, [("myList[].price", "cast:double"), ("provider id", "project:long")])
    assert result.schema == hive.parse("struct<`provider id`:long,myList:array<struct<price:double>>>")
    assert only(rows_of, result, "myList") == [
        [{"price": 100.0}],
        [{"price": None}, {"price": None}],
        None,
        [],
    ]
    columns = choices.resolve(table, [("myList[].price", "make_cols")])
    assert only(rows_of, columns, "myList")[1] == [
        {"price_double": None, "price_string": "$100.00"},
        {"price_double": None, "price_string": None},
    ]


@pytest.mark.parametrize("choice", ["make_cols", "make_struct", "cast:string", "project:string"])
def test_one_action_resolves_every_choice(table, rows_of, choice):
    result = choices.resolve(table, None, choice)
    assert not glue.has_choice(result.schema)
    assert len(rows_of(result)) == len(ROWS)


def test_match_catalog_casts_to_the_catalogs_types_ignoring_case(table, rows_of, caplog):
    catalog = hive.parse("struct<`Provider ID`:int,mylist:array<struct<price:double>>>")
    result = choices.resolve(table, None, "match_catalog", catalog)
    assert result.schema == hive.parse("struct<`provider id`:int,myList:array<struct<price:double>>>")
    assert only(rows_of, result) == [10001, 10005, None, None]
    with caplog.at_level(logging.WARNING, "glue_secure.frames"):
        left = choices.resolve(table, None, "match_catalog", hive.parse("struct<other:int>"))
    assert left.schema == SCHEMA
    assert "no field provider id" in caplog.text


def test_a_struct_alternative_can_be_projected_and_entered(table_of, rows_of):
    struct = glue.StructType([glue.Field("x", NUMBER)])
    schema = glue.StructType([glue.Field("a", glue.ChoiceType([glue.StringType(), struct]))])
    table = table_of(schema, {"a": {"struct": {"x": {"long": 1}}}}, {"a": {"string": "t"}})
    assert rows_of(choices.resolve(table, [("a", "project:struct"), ("a.x", "cast:int")])) == [
        {"a": {"x": 1}}, {},
    ]  # fmt: skip
    inside = choices.resolve(table, [("a.x", "cast:int")])
    assert rows_of(inside) == [{"a": {"string": "t"}}, {"a": {"struct": {"x": 1}}}]
    assert rows_of(choices.resolve(table, [("a", "cast:string")])) == [{"a": "t"}, {"a": '{"x":{"long":1}}'}]
    assert [field.name for field in choices.resolve(table, None, "make_cols").schema] == [
        "a_string",
        "a_struct",
    ]


def test_a_choice_of_array_elements_is_resolved(table_of, rows_of):
    table = table_of(
        glue.StructType([glue.Field("a", glue.ArrayType(NUMBER))]), {"a": [{"long": 1}, {"string": "2"}]}
    )
    for path in ("a[]", "a"):
        assert rows_of(choices.resolve(table, [(path, "cast:int")])) == [{"a": [1, 2]}]
    for call in (
        lambda: choices.resolve(table, None, "make_cols"),
        lambda: choices.resolve(table, ("a[]", "make_cols")),
    ):
        with pytest.raises(UsageError, match="elements of an array"):
            call()


def test_a_field_that_is_not_a_choice_is_only_changed_by_cast(table_of, rows_of):
    table = table_of("struct<a:string>", {"a": "1"})
    assert rows_of(choices.resolve(table, ("a", "cast:int"))) == [{"a": 1}]
    for action in ("make_cols", "make_struct", "project:string"):
        assert rows_of(choices.resolve(table, ("a", action))) == [{"a": "1"}]


def test_a_missing_path_is_logged(table, caplog):
    with caplog.at_level(logging.WARNING, "glue_secure.frames"):
        assert choices.resolve(table, ("nope", "cast:int")).schema == SCHEMA
    assert "resolveChoice: the frame has no field nope" in caplog.text


@pytest.mark.parametrize(
    ("specs", "choice", "match"),
    [
        (None, "", "neither"),
        ([("a", "cast:int")], "make_cols", "both"),
        (None, "drop", "action"),
        (None, "match_catalog", "database and table_name"),
        ([("provider id", "cast:number")], "", "name of a type"),
    ],
)
def test_invalid_arguments_of_resolve_choice_are_rejected(table, specs, choice, match):
    with pytest.raises(UsageError, match=match):
        choices.resolve(table, specs, choice)


def test_to_dataframe_resolves_choices_by_option(table):
    from pyspark.sql.types import LongType

    data = choices.to_dataframe(table, [ResolveOption("provider id", "Project", LongType())])
    assert dict(data.dtypes)["provider id"] == "bigint"
    assert [row["provider id"] for row in data.collect()] == [10001, None, None, None]
    cast = choices.to_dataframe(table, [ResolveOption("provider id", "Cast", LongType())])
    assert [row["provider id"] for row in cast.collect()] == [10001, 10005, None, None]
    result = choices.to_dataframe(table, [ResolveOption("provider id", "KeepAsStruct")])
    assert dict(result.dtypes)["provider id"] == dict(table.data.dtypes)["provider id"]
    assert choices.to_dataframe(table) is table.data


@pytest.mark.parametrize("option", [ResolveOption("provider id", "Drop"), ResolveOption("a", "Cast"), "Cast"])
def test_an_invalid_resolve_option_is_rejected(table, option):
    with pytest.raises(UsageError, match="toDF"):
        choices.to_dataframe(table, [option])
