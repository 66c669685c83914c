"""What a script does with types gives the same in plain Spark as with awsglue's own types."""

from __future__ import annotations

import importlib
import json

import pytest

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 alone")


@pytest.fixture(params=["spark", "glue"])
def types(request, monkeypatch):
    """``glue_secure.gluetypes`` in one runtime: its own, or awsglue's."""
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", request.param)
    return importlib.import_module("glue_secure.gluetypes")


def struct(types, *fields):
    return types.StructType([types.Field(name, kind) for name, kind in fields])


def test_a_struct_that_is_built_field_by_field_is_written_as_json(types):
    schema = types.StructType([], {})
    schema.add(types.Field("id", types.LongType()))
    schema.add(types.Field("tags", types.ArrayType(types.StringType())))
    assert (schema.hasField("id"), schema.hasField("no")) == (True, False)
    assert schema.getField("tags").dataType.elementType == types.StringType()
    assert schema.jsonValue() == {
        "dataType": "struct",
        "properties": {},
        "fields": [
            {"name": "id", "container": {"dataType": "long", "properties": {}}, "properties": {}},
            {
                "name": "tags",
                "container": {
                    "dataType": "array",
                    "properties": {},
                    "elementType": {"dataType": "string", "properties": {}},
                },
                "properties": {},
            },
        ],
    }


def test_json_is_read_back(types):
    shape = json.loads(
        '{"dataType": "struct", "properties": {"a": "b"}, "fields": ['
        '{"name": "m", "container": {"dataType": "map", "valueType": {"dataType": "decimal", "precision": 9, '
        '"scale": 1}}}, {"name": "c", "container": {"dataType": "choice", "choices": [{"dataType": "int"}, '
        '{"dataType": "set", "elementType": {"dataType": "timestampntz"}}]}}]}'
    )
    found = types.StructType.fromJsonValue(shape)
    assert found.properties == {"a": "b"}
    value = found.getField("m").dataType.valueType
    assert (value.precision, value.scale) == (9, 1)
    choice = found.getField("c").dataType
    assert sorted(choice.choices) == ["int", "set"]
    assert choice.choices["set"] == types.SetType(types.TimestampNTZType())
    assert types.Field.fromJsonValue({"name": "x", "container": {"dataType": "date"}}) == types.Field(
        "x", types.DateType()
    )


def test_a_choice_grows_and_merges(types):
    choice = types.ChoiceType([types.IntegerType()])
    choice.add(struct(types, ("a", types.IntegerType())))
    with pytest.raises(ValueError, match=r"duplicate|second int"):
        choice.add(types.IntegerType())
    choice.merge(struct(types, ("b", types.StringType())))
    choice.merge([types.StringType(), types.IntegerType()])
    assert choice == types.ChoiceType(
        [
            types.IntegerType(),
            types.StringType(),
            struct(types, ("a", types.IntegerType()), ("b", types.StringType())),
        ]
    )


def test_two_types_merge(types):
    text, number = types.StringType(), types.LongType()
    merge = types.mergeDataTypes
    assert merge(types.NullType(), text) == merge(text, types.UnknownType()) == text
    assert merge(text, number) == types.ChoiceType([text, number])
    assert merge(types.ArrayType(text), types.ArrayType(number)) == types.ArrayType(
        types.ChoiceType([text, number])
    )
    one, other = struct(types, ("a", text), ("b", text)), struct(types, ("b", number), ("c", number))
    assert merge(one, other) == struct(
        types, ("a", text), ("b", types.ChoiceType([text, number])), ("c", number)
    )


def test_a_record_has_its_fields_as_attributes(types):
    record = types.DynamicRecord({"a": 1})
    record.b = record.a + 1
    assert record == {"a": 1, "b": 2}
    with pytest.raises(KeyError):
        _ = record.c


def test_an_entity_type_cannot_be_made(types):
    with pytest.raises(NotImplementedError):
        types.EntityType("person", types.StringType(), {})
