"""Construction, merging and JSON form of types."""

import copy
import json
import pickle

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.frame import DynamicFrame, copy_of_schema
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.glue_types import EntityType, mergeDataTypes, type_from_json
from glue_secure.dynamicframe.types.values import DynamicRecord

WHOLE = glue.StructType(
    [
        glue.Field("id", glue.LongType(), {"key": "yes"}),
        glue.Field("price", glue.DecimalType(12, 3)),
        glue.Field("colour", glue.EnumType(["red", "blue"])),
        glue.Field("tags", glue.SetType(glue.StringType())),
        glue.Field("lines", glue.ArrayType(glue.StructType([glue.Field("n", glue.IntegerType())]))),
        glue.Field("more", glue.MapType(glue.ChoiceType([glue.LongType(), glue.StringType()]))),
        glue.Field("at", glue.TimestampNTZType()),
    ],
    {"from": "here"},
)


@pytest.mark.parametrize("kind", [WHOLE, *(field.dataType for field in WHOLE)], ids=lambda k: k.typeName())
def test_a_type_is_restored_from_its_json(kind):
    text = json.dumps(kind.jsonValue())
    back = type(kind).fromJsonValue(json.loads(text))
    assert type(back) is type(kind)
    assert back == kind
    assert json.dumps(back.jsonValue()) == text  # properties too


@pytest.mark.parametrize("name", sorted(glue.ATOMIC))
def test_an_atomic_type_is_restored_from_its_json(name):
    kind = glue.ATOMIC[name]
    assert type_from_json({"dataType": name}) == kind() == kind.fromJsonValue({})
    assert kind.fromJsonValue({"dataType": name, "properties": {"a": "b"}}).properties == {"a": "b"}


def test_awsglues_name_for_a_timestamp_without_time_zone_is_accepted():
    assert type_from_json({"dataType": "timestampntz"}) == glue.TimestampNTZType()


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ("struct", "found: +a str"),
        ({}, "no dataType"),
        ({"dataType": "text"}, "dataType text"),
        ({"dataType": "array"}, "missing: elementType"),
        ({"dataType": "string", "nullable": True}, "unknown: nullable"),
        ({"dataType": "string", "properties": "x"}, "properties of string"),
        ({"dataType": "struct", "fields": {}}, "fields: a dict"),
        ({"dataType": "struct", "fields": [{"name": "a"}]}, "missing: container"),
        ({"dataType": "struct", "fields": ["a"]}, "found: +a str"),
        ({"dataType": "decimal", "precision": "ten"}, "precision 'ten'"),
        ({"dataType": "choice", "choices": [{"dataType": "int"}, {"dataType": "int"}]}, "a second int"),
    ],
)
def test_an_invalid_type_is_rejected(shape, match):
    with pytest.raises(UsageError, match=match):
        type_from_json(shape)


def test_the_json_of_another_type_is_rejected():
    with pytest.raises(UsageError, match=r"StringType\.fromJsonValue"):
        glue.StringType.fromJsonValue(glue.LongType().jsonValue())


def test_a_struct_can_be_extended_and_queried():
    field = glue.Field("a", glue.StringType())
    struct = glue.StructType([])
    assert struct.add(field).add(glue.Field("b", glue.LongType())) is struct
    assert [each.name for each in struct] == ["a", "b"]
    assert struct.hasField("a")
    assert struct.hasField(field)
    assert not struct.hasField("c")
    assert struct.getField("b").dataType == glue.LongType()
    assert struct.getField(field) is field
    with pytest.raises(KeyError, match="c"):
        struct.getField("c")


def test_adding_to_a_struct_does_not_change_other_structs():
    fields = [glue.Field("a", glue.StringType())]
    left, right = glue.StructType(fields), glue.StructType(fields)
    glue.StructType().add(fields[0])
    left.add(glue.Field("b", glue.LongType()))
    assert (len(left.fields), len(right.fields), len(fields), len(glue.StructType().fields)) == (2, 1, 1, 0)
    assert left != right


def test_the_hash_of_a_type_does_not_change_with_its_parts():
    struct, choice = glue.StructType(), glue.ChoiceType()
    known = {struct: "struct", choice: "choice"}
    struct.add(glue.Field("a", glue.StringType()))
    choice.add(glue.StringType())
    assert (known[struct], known[choice]) == ("struct", "choice")


def test_a_choice_rejects_a_duplicate_name_and_merges_alternatives():
    choice = glue.ChoiceType([glue.LongType()])
    assert choice.add(glue.StructType([glue.Field("a", glue.LongType())])) is choice
    with pytest.raises(UsageError, match="a second long"):
        choice.add(glue.LongType())
    choice.merge(glue.StructType([glue.Field("b", glue.StringType())]))
    choice.merge([glue.LongType(), glue.ChoiceType([glue.StringType()])])
    assert sorted(choice.choices) == ["long", "string", "struct"]
    assert [field.name for field in choice.choices["struct"]] == ["a", "b"]


def test_two_types_are_merged():
    left = glue.StructType([glue.Field("a", glue.LongType()), glue.Field("b", glue.NullType())])
    right = glue.StructType([glue.Field("a", glue.StringType()), glue.Field("b", glue.DateType())])
    assert mergeDataTypes(left, right) == glue.StructType(
        [
            glue.Field("a", glue.ChoiceType([glue.LongType(), glue.StringType()])),
            glue.Field("b", glue.DateType()),
        ]
    )
    assert mergeDataTypes(glue.UnknownType(), left) == left
    with pytest.raises(UsageError, match="mergeDataTypes"):
        mergeDataTypes(left, "string")


def test_an_entity_type_cannot_be_instantiated():
    assert issubclass(EntityType, glue.DataType)
    with pytest.raises(NotImplementedError, match="EntityType"):
        EntityType("person", glue.StringType(), {})


def test_a_record_is_a_dict_whose_fields_are_attributes():
    record = DynamicRecord({"a": 1})
    record.b = 2
    assert (record.a, record["b"], dict(record)) == (1, 2, {"a": 1, "b": 2})
    with pytest.raises(KeyError):
        _ = record.c


@pytest.mark.parametrize(
    "make",
    [
        lambda: glue.ArrayType("string"),
        lambda: glue.MapType(glue.StringType),
        lambda: glue.ChoiceType(["string"]),
        lambda: glue.ChoiceType().merge("string"),
        lambda: glue.Field("a", "string"),
        lambda: glue.Field(1, glue.StringType()),
        lambda: glue.StructType([("a", glue.StringType())]),
        lambda: glue.StructType().add("a"),
    ],
)
def test_parts_that_are_not_types_or_fields_are_rejected(make):
    with pytest.raises(UsageError, match="required"):
        make()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda kind: pickle.loads(pickle.dumps(kind))])
def test_a_copied_type_is_independent(again):
    made = again(WHOLE)
    assert made == WHOLE
    made.getField("lines").dataType.elementType.add(glue.Field("m", glue.LongType()))
    made.getField("more").dataType.valueType.add(glue.DateType())
    assert made != WHOLE
    assert json.dumps(WHOLE.jsonValue()).count('"name"') == 8


def test_the_schema_of_a_frame_cannot_be_changed_from_outside():
    frame = DynamicFrame(Table(None, copy.deepcopy(WHOLE)), None)
    frame.schema().add(glue.Field("new", glue.LongType()))
    frame.schema().getField("more").dataType.valueType.add(glue.DateType())
    assert frame.schema() == WHOLE
    mine = glue.StructType([glue.Field("a", glue.LongType())])
    taken = copy_of_schema(mine, "a step")
    mine.add(glue.Field("b", glue.LongType()))
    assert not taken.hasField("b")
