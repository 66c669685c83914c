"""Operations on types have the same results in local Spark as with awsglue's own types."""

from __future__ import annotations

import importlib
import json

import pytest

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")


@pytest.fixture(params=["spark", "glue"])
def types(request, monkeypatch):
    """``glue_secure.gluetypes`` in one runtime: this project's types, or awsglue's."""
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", request.param)
    return importlib.import_module("glue_secure.gluetypes")


def struct(types, *fields):
    return types.StructType([types.Field(name, kind) for name, kind in fields])


def test_a_struct_built_field_by_field_is_converted_to_json(types):
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


def test_a_type_is_restored_from_json(types):
    shape = json.loads(
        '{"dataType": "struct", "properties": {"a": "b"}, "fields": ['
        '{"name": "m", "container": {"dataType": "map", "valueType": {"dataType": "decimal", "precision": 9, '
        '"scale": 1}}}, {"name": "c", "container": {"dataType": "choice", "choices": [{"dataType": "int"}, '
        '{"dataType": "set", "elementType": {"dataType": "timestampntz"}}]}}]}'
    )
    result = types.StructType.fromJsonValue(shape)
    assert result.properties == {"a": "b"}
    value = result.getField("m").dataType.valueType
    assert (value.precision, value.scale) == (9, 1)
    choice = result.getField("c").dataType
    assert sorted(choice.choices) == ["int", "set"]
    assert choice.choices["set"] == types.SetType(types.TimestampNTZType())
    assert types.Field.fromJsonValue({"name": "x", "container": {"dataType": "date"}}) == types.Field(
        "x", types.DateType()
    )


def test_a_choice_is_extended_and_merged(types):
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


def test_merging_of_two_types(types):
    text, number = types.StringType(), types.LongType()
    merge = types.mergeDataTypes
    assert merge(types.NullType(), text) == merge(text, types.UnknownType()) == text
    assert merge(text, number) == types.ChoiceType([text, number])
    assert merge(types.ArrayType(text), types.ArrayType(number)) == types.ArrayType(
        types.ChoiceType([text, number])
    )
    left, right = struct(types, ("a", text), ("b", text)), struct(types, ("b", number), ("c", number))
    assert merge(left, right) == struct(
        types, ("a", text), ("b", types.ChoiceType([text, number])), ("c", number)
    )


def test_a_record_has_its_fields_as_attributes(types):
    record = types.DynamicRecord({"a": 1})
    record.b = record.a + 1
    assert record == {"a": 1, "b": 2}
    with pytest.raises(KeyError):
        _ = record.c


def test_awsglues_entity_type_cannot_be_instantiated(types):
    with pytest.raises(NotImplementedError):
        types.EntityType("person", types.StringType(), {})
