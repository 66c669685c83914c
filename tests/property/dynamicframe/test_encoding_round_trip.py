"""Records that are encoded with their inferred schema and decoded do not change."""

import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.infer import ObservedTypes, infer
from glue_secure.dynamicframe.types.values import decode, encode, plain

ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(max_size=5),
    st.binary(max_size=5), st.dates(), st.datetimes(),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "x.y", ""])
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), max_size=5)


def full(value, kind):
    """Return the value with None for each missing field, because a table has no missing fields."""
    if isinstance(kind, glue.ChoiceType):
        name = {dict: "struct", list: "array"}.get(type(value))
        return full(value, kind.choices[name]) if name else value
    if isinstance(value, dict) and isinstance(kind, glue.StructType):
        return {field.name: full(value.get(field.name), field.dataType) for field in kind.fields}
    if isinstance(value, list) and isinstance(kind, glue.ArrayType):
        return [full(item, kind.elementType) for item in value]
    return value


@given(RECORDS)
def test_decoding_restores_the_encoded_records(records):
    schema = infer([plain(record) for record in records])
    for record in records:
        again = decode(encode(plain(record), schema), schema)
        assert again == full(record, schema)


@given(RECORDS, RECORDS)
def test_the_order_of_records_changes_only_the_order_of_fields(left, right):
    def type_of(*parts):
        observed = ObservedTypes()
        for part in parts:
            observed_part = ObservedTypes()
            observed_part.add_all(part)
            observed.merge(observed_part)
        return observed.to_type()

    assert (
        without_order(type_of(left, right))
        == without_order(type_of(right, left))
        == without_order(type_of([*left, *right]))
    )


def without_order(kind):
    """Return a comparable value of the type that ignores the order of fields."""
    if isinstance(kind, glue.StructType):
        return ("struct", sorted((field.name, without_order(field.dataType)) for field in kind.fields))
    if isinstance(kind, glue.ArrayType):
        return ("array", without_order(kind.elementType))
    if isinstance(kind, glue.ChoiceType):
        return ("choice", [without_order(kind.choices[name]) for name in sorted(kind.choices)])
    return ("atom", repr(kind))


def test_the_strategies_generate_choices_of_every_type():
    kinds = {"boolean", "int", "long", "decimal", "double", "string", "binary", "date", "timestamp"}
    values = [
        True,
        1,
        2**40,
        Decimal("1.5"),
        1.5,
        "x",
        b"x",
        datetime.date(2020, 1, 1),
        datetime.datetime(2020, 1, 1),
    ]
    choice = infer([{"a": value} for value in values]).field_map["a"].dataType
    assert set(choice.choices) == kinds
