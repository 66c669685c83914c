"""Plain values, and their encoding for Spark."""

import copy
import datetime
import enum
import pickle

import pytest

from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.values import DynamicRecord, as_json, decode, encode, plain


def test_a_record_is_a_dict_with_attributes():
    record = DynamicRecord({"a": DynamicRecord({"b": 1})})
    assert record.a.b == record["a"]["b"] == 1
    record.c = 2
    assert record == {"a": {"b": 1}, "c": 2}
    del record.c
    assert "c" not in record


def test_a_missing_field_is_a_key_error_both_ways():
    record = DynamicRecord(a=1)
    with pytest.raises(KeyError):
        record["b"]
    with pytest.raises(KeyError):
        record.b  # noqa: B018 - the access is the test
    assert record.get("b") is None
    assert not hasattr(record, "b")


def test_a_record_can_be_pickled_and_copied():
    record = DynamicRecord(a=DynamicRecord(b=[1]))
    assert pickle.loads(pickle.dumps(record)) == record
    assert copy.deepcopy(record).a.b == [1]


def test_plain_converts_values_that_functions_return():
    class Colour(str, enum.Enum):
        RED = "red"

    made = plain(DynamicRecord(a=(1, 2), b=bytearray(b"x"), c=Colour.RED, d={1}))
    assert made == {"a": [1, 2], "b": b"x", "c": "red", "d": [1]}
    assert type(made) is dict
    assert type(made["c"]) is str


@pytest.mark.parametrize(
    "value", [{1: "x"}, {"a": object()}, {"a": datetime.timedelta(1)}, {"a": 10**400}, {"a": complex(1, 7)}]
)
def test_a_value_without_a_glue_type_is_rejected(value):
    with pytest.raises(TypeError):
        plain(value)


def test_a_choice_is_encoded_by_its_alternatives_in_order():
    kind = glue.ChoiceType(
        [glue.StringType(), glue.IntegerType(), glue.StructType([glue.Field("x", glue.LongType())])]
    )
    assert encode(5, kind) == (5, None, None)
    assert encode("a", kind) == (None, "a", None)
    assert encode({"x": 1}, kind) == (None, None, (1,))
    assert encode(None, kind) is None
    assert decode((None, None, (1,)), kind) == {"x": 1}
    assert decode((None, None, None), kind) is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("secret", glue.IntegerType()),
        (True, glue.IntegerType()),
        (2**31, glue.IntegerType()),
        (1, glue.StringType()),
        ({"b": 1}, glue.StructType([glue.Field("a", glue.IntegerType())])),
        ([1], glue.StructType()),
        (1.5, glue.ChoiceType([glue.IntegerType(), glue.StringType()])),
    ],
)
def test_the_error_for_a_value_of_another_type_does_not_contain_it(value, kind):
    with pytest.raises(TypeError) as caught:
        encode(value, kind)
    assert "secret" not in str(caught.value)


def test_json_supports_all_types_of_values():
    record = {"d": datetime.date(2020, 1, 2), "t": datetime.datetime(2020, 1, 2, 3), "b": b"\x01", "ä": None}
    assert as_json(record) == '{"d": "2020-01-02", "t": "2020-01-02 03:00:00", "b": "01", "ä": null}'
