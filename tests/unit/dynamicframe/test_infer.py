"""Inference of types from Python values."""

import datetime
from decimal import Decimal

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.infer import ObservedTypes, infer, kind_of, with_known_types, with_longs


def schema(*fields):
    return glue.StructType([glue.Field(name, kind) for name, kind in fields])


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "boolean"),
        (2**31 - 1, "int"),
        (2**31, "long"),
        (-(2**31), "int"),
        (2**63, "decimal"),
        (10**40, "double"),
        (1.0, "double"),
        ("x", "string"),
        (b"x", "binary"),
        (None, "null"),
        (datetime.date(2020, 1, 1), "date"),
        (datetime.datetime(2020, 1, 1), "timestamp"),
        (Decimal("1.5"), "decimal"),
        ({}, "struct"),
        ([], "array"),
    ],
)
def test_the_type_of_a_value_is_inferred(value, name):
    assert kind_of(value) == name


def test_a_number_keeps_the_previous_type_of_its_field():
    assert kind_of(5, glue.LongType()) == "long"
    assert kind_of(5, glue.ShortType()) == "short"
    assert kind_of(70000, glue.ShortType()) == "int"
    assert kind_of(1.5, glue.FloatType()) == "float"
    assert kind_of(5, glue.ChoiceType([glue.LongType(), glue.StringType()])) == "long"
    assert kind_of({}, glue.MapType(glue.StringType())) == "map"


def test_the_error_for_an_unsupported_value_names_its_type_only():
    with pytest.raises(TypeError, match="complex") as caught:
        kind_of(complex(1, 7))
    assert "7" not in str(caught.value)


def test_fields_are_in_the_order_of_their_first_occurrence():
    assert infer([{"b": 1}, {"a": "x", "b": 2}]) == schema(
        ("b", glue.IntegerType()), ("a", glue.StringType())
    )


def test_different_types_including_numbers_become_a_choice():
    result = infer([{"a": 1}, {"a": 2**40}, {"a": 1.5}, {"a": "x"}, {"a": None}])
    choice = result.field_map["a"].dataType
    assert isinstance(choice, glue.ChoiceType)
    assert sorted(choice.choices) == ["double", "int", "long", "string"]


def test_null_is_replaced_by_any_other_type():
    assert infer([{"a": None}, {"a": 1}]) == schema(("a", glue.IntegerType()))
    assert infer([{"a": None, "b": []}]) == schema(
        ("a", glue.NullType()), ("b", glue.ArrayType(glue.NullType()))
    )


def test_structs_merge_by_field_and_arrays_by_element():
    result = infer([{"s": {"x": 1}, "l": [1]}, {"s": {"y": True}, "l": ["a"]}])
    assert result == schema(
        ("s", schema(("x", glue.IntegerType()), ("y", glue.BooleanType()))),
        ("l", glue.ArrayType(glue.ChoiceType([glue.IntegerType(), glue.StringType()]))),
    )


def test_observed_types_of_partitions_are_merged():
    records = [{"a": 1, "l": [{"x": 1}]}, {"a": "x"}, {"b": Decimal("12.345")}, {"b": Decimal("1234")}]
    parts = []
    for record in records:
        part = ObservedTypes()
        part.add(record)
        parts.append(part)
    whole = parts[0]
    for part in parts[1:]:
        whole.merge(part)
    assert whole.to_type() == infer(records)
    assert infer(records).field_map["b"].dataType == glue.DecimalType(7, 3)


def test_decimals_that_exceed_the_precision_are_rejected():
    with pytest.raises(UsageError, match="at most 38 digits"):
        infer([{"a": Decimal(10**37)}, {"a": Decimal("0.12345")}])


def test_a_field_without_values_keeps_its_known_type():
    known = schema(
        ("a", glue.StringType()), ("s", schema(("x", glue.DateType()))), ("d", glue.DecimalType(10, 2))
    )
    result = infer([{"a": None, "s": {"x": None}, "d": Decimal("1.5")}], known)
    assert result == known
    assert with_known_types(glue.NullType(), None) == glue.NullType()


def test_whole_numbers_of_a_source_without_int_are_longs():
    observed = ObservedTypes()
    for value in ({"a": 1, "b": [1], "c": 2}, {"a": 2.5, "b": [1 << 40], "c": {"d": 3}}, {"a": 1 << 40}):
        observed.add(value)
    fields = {field.name: field.dataType for field in with_longs(observed.to_type()).fields}
    assert set(fields["a"].choices) == {"long", "double"}
    assert fields["b"].elementType == glue.LongType()
    assert fields["c"].choices["struct"].field_map["d"].dataType == glue.LongType()
    assert fields["c"].choices["long"] == glue.LongType()
