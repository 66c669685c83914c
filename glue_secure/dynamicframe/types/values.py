"""Conversion of records between Python values and the rows that Spark stores.

Encoded, a struct is a tuple in the order of its fields. A choice is a tuple of its alternatives, ordered by
name, with the value in one position and None in all others.
"""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.infer import INT_RANGES, kind_of

_ATOMIC_CLASSES = (str, bool, int, float, bytes, Decimal, datetime.date, type(None))

_LARGEST = 10**308  # order of magnitude of the largest double


class MissingFieldError(KeyError, AttributeError):
    """A record has no such field.

    In awsglue ``record["x"]`` and ``record.x`` raise the same error, so this is a KeyError and an
    AttributeError.
    """


class DynamicRecord(dict[str, Any]):
    """A record: a dict whose keys are also attributes."""

    def __missing__(self, name: str) -> Any:
        raise MissingFieldError(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # names of Python's protocols are not fields
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


def plain(value: Any) -> Any:
    """Return the value as dicts, lists and atomic Python values that Glue has types for.

    Raises:
        TypeError: the value contains anything else, or a dict with keys that are not strings. The message
            contains no value.
    """
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a dict with keys that are not strings")
        return {name: plain(inner) for name, inner in value.items()}
    if hasattr(value, "asDict"):  # pyspark.sql.Row
        return plain(value.asDict())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal) and not value.is_finite():
        raise TypeError("a decimal that is not finite")
    if type(value) is int and abs(value) > _LARGEST:
        raise TypeError("an integer that is out of the range of all types")
    if type(value) in _ATOMIC_CLASSES or isinstance(value, (Decimal, datetime.datetime)):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, str):  # a subclass may override __str__
        return str.__str__(value)
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if hasattr(value, "item") and type(value).__module__ == "numpy":
        return plain(value.item())
    raise TypeError(f"a value of Python's type {type(value).__name__}, which Glue does not have")


def encoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """Return a function that encodes plain values of this type for Spark.

    The function raises TypeError for a value of another type. The message contains no value.
    """
    if isinstance(kind, glue.StructType):
        return _struct_encoder(kind)
    if isinstance(kind, glue.ChoiceType):
        return _choice_encoder(kind)
    if isinstance(kind, glue.ArrayType):
        element = encoder(kind.elementType)
        return lambda value: (
            None if value is None else [element(item) for item in _require(list, value, "array")]
        )
    if isinstance(kind, glue.MapType):
        inner = encoder(kind.valueType)
        return lambda value: (
            None
            if value is None
            else {key: inner(item) for key, item in _require(dict, value, "map").items()}
        )
    return _atomic_encoder(kind)


def decoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """Return the inverse of :func:`encoder`. Structs become :class:`DynamicRecord`."""
    if isinstance(kind, glue.StructType):
        fields = [(field.name, decoder(field.dataType)) for field in kind.fields]
        return lambda row: (
            None
            if row is None
            else DynamicRecord((name, decode(row[index])) for index, (name, decode) in enumerate(fields))
        )
    if isinstance(kind, glue.ChoiceType):
        decoders = [decoder(kind.choices[name]) for name in sorted(kind.choices)]

        def decode_choice(row: Sequence[Any] | None) -> Any:
            for value, decode in zip(row or (), decoders, strict=False):
                if value is not None:
                    return decode(value)
            return None

        return decode_choice
    if isinstance(kind, glue.ArrayType):
        element = decoder(kind.elementType)
        return lambda value: None if value is None else [element(item) for item in value]
    if isinstance(kind, glue.MapType):
        inner = decoder(kind.valueType)
        return lambda value: None if value is None else {key: inner(item) for key, item in value.items()}
    if kind.typeName() == "binary":
        return lambda value: None if value is None else bytes(value)
    return lambda value: value


def encode(value: Any, kind: glue.DataType) -> Any:
    """Return one plain value encoded for Spark; see :func:`encoder`."""
    return encoder(kind)(value)


def decode(value: Any, kind: glue.DataType) -> Any:
    """Return one encoded value decoded; see :func:`decoder`."""
    return decoder(kind)(value)


def as_json(value: Any) -> str:
    """Return a plain value as one line of JSON: dates in ISO 8601, decimals as strings, bytes as hex."""
    return json.dumps(value, ensure_ascii=False, default=_atomic_to_json)


def _atomic_to_json(value: Any) -> Any:
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)


def _struct_encoder(kind: glue.StructType) -> Callable[[Any], Any]:
    fields = [(field.name, encoder(field.dataType)) for field in kind.fields]
    names = {name for name, _ in fields}

    def encode_struct(value: Any) -> Any:
        if value is None:
            return None
        record = _require(dict, value, "struct")
        if not names.issuperset(record):
            raise TypeError("a struct with a field that its type does not have")
        return tuple(encode(record.get(name)) for name, encode in fields)

    return encode_struct


def _choice_encoder(kind: glue.ChoiceType) -> Callable[[Any], Any]:
    names = sorted(kind.choices)
    encoders = {name: (index, encoder(kind.choices[name])) for index, name in enumerate(names)}

    def encode_choice(value: Any) -> Any:
        if value is None:
            return None
        name = kind_of(value, kind)
        if name not in encoders:
            raise TypeError(f"a value of type {name} in a choice of {', '.join(names)}")
        index, encode = encoders[name]
        alternatives: list[Any] = [None] * len(names)
        alternatives[index] = encode(value)
        return tuple(alternatives)

    return encode_choice


def _atomic_encoder(kind: glue.DataType) -> Callable[[Any], Any]:
    name = kind.typeName()
    bounds = INT_RANGES.get(name)

    def encode_integer(value: Any) -> Any:
        if value is None:
            return None
        low, high = bounds or (0, 0)
        if type(value) is not int or not low <= value <= high:
            raise TypeError(f"a value that is not of type {name}")
        return value

    def encode_double(value: Any) -> Any:
        return None if value is None else float(_require((int, float), value, name))

    def encode_decimal(value: Any) -> Any:
        return None if value is None else Decimal(_require((int, Decimal), value, name))

    def encode_other(value: Any) -> Any:
        if value is not None and kind_of(value, kind) != name:
            raise TypeError(f"a value that is not of type {name}")
        return value

    if bounds is not None:
        return encode_integer
    return {"double": encode_double, "float": encode_double, "decimal": encode_decimal}.get(
        name, encode_other
    )


def _require(classes: Any, value: Any, name: str) -> Any:
    if not isinstance(value, classes) or isinstance(value, bool):
        raise TypeError(f"a value that is not of type {name}")
    return value
