"""DynamoDB's attribute values as Python values, and back."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.dynamicframe.types.dynamodb_values import as_json, from_item, to_item

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4))
def test_a_record_comes_back_from_its_item_without_its_nulls(record):
    assert from_item(to_item(record)) == without_nulls(record)


def test_numbers_keep_all_their_digits():
    item = {"a": {"N": "12"}, "b": {"N": "1.5"}, "c": {"N": "9" * 30}, "d": {"N": "0.1234567890123456789"}}
    assert from_item(item) == {"a": 12, "b": 1.5, "c": "9" * 30, "d": "0.1234567890123456789"}
    assert isinstance(from_item({"n": {"N": "1E2"}})["n"], int)


def test_sets_are_lists_and_null_is_none():
    item = {"s": {"SS": ["a"]}, "n": {"NS": ["1"]}, "b": {"BS": [b"x"]}, "z": {"NULL": True}}
    assert from_item(item) == {"s": ["a"], "n": [1], "b": [b"x"], "z": None}


def test_dates_and_decimals_are_texts_and_numbers():
    record = {"d": datetime.date(2024, 1, 2), "t": datetime.datetime(2024, 1, 2, 3), "n": Decimal("1.10")}
    assert to_item(record) == {
        "d": {"S": "2024-01-02"},
        "t": {"S": "2024-01-02 03:00:00"},
        "n": {"N": "1.10"},
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()], ids=["nan", "infinity", "object"])
def test_a_value_without_a_type_in_dynamodb_raises_type_error(value):
    with pytest.raises(TypeError, match="DynamoDB cannot store"):
        to_item({"value": value})


def test_dynamodb_json_keeps_type_descriptors():
    item = {"l": {"L": [{"N": "1"}]}, "m": {"M": {"b": {"B": b"x"}}}, "s": {"BS": [b"x"]}}
    assert as_json(item) == {
        "l": {"L": [{"N": "1"}]},
        "m": {"M": {"b": {"B": "eA=="}}},
        "s": {"BS": ["eA=="]},
    }
