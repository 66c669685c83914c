"""Records as Python values: made plain, laid out by a schema for Spark, and taken back.

Laid out, a struct is a tuple in the order of its fields, and a choice is a tuple of its alternatives in the
order of their names, with the one that the value has and None for the others.
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

_ATOMS = (str, bool, int, float, bytes, Decimal, datetime.date, type(None))

_LARGEST = 10**308  # what a double still holds


class MissingField(KeyError, AttributeError):
    """A record has no such field. Both errors, as ``record["x"]`` and ``record.x`` are one in awsglue."""


class DynamicRecord(dict[str, Any]):
    """One record: a dict whose fields are attributes too."""

    def __missing__(self, name: str) -> Any:
        raise MissingField(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # Python's own protocols ask for these
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


def plain(value: Any) -> Any:
    """The value in plain Python: dicts, lists, and the atoms that Glue has types for.

    Raises:
        TypeError: it holds something else, or a dict whose keys are not texts. No value is in the message.
    """
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a dict whose keys are not all texts")
        return {name: plain(inner) for name, inner in value.items()}
    if hasattr(value, "asDict"):  # pyspark.sql.Row
        return plain(value.asDict())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal) and not value.is_finite():
        raise TypeError("a decimal that is not a number")
    if type(value) is int and abs(value) > _LARGEST:
        raise TypeError("a whole number that no type holds")
    if type(value) in _ATOMS or isinstance(value, (Decimal, datetime.datetime)):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, str):  # a subclass, which may print otherwise
        return str.__str__(value)
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if hasattr(value, "item") and type(value).__module__ == "numpy":
        return plain(value.item())
    raise TypeError(f"a value of Python's type {type(value).__name__}, which Glue does not have")


def encoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """A function that lays plain values of this type out for Spark.

    The function raises TypeError for a value of another type; no value is in the message.
    """
    if isinstance(kind, glue.StructType):
        return _struct_encoder(kind)
    if isinstance(kind, glue.ChoiceType):
        return _choice_encoder(kind)
    if isinstance(kind, glue.ArrayType):
        element = encoder(kind.elementType)
        return lambda value: None if value is None else [element(inner) for inner in _a(list, value, "array")]
    if isinstance(kind, glue.MapType):
        inner = encoder(kind.valueType)
        return lambda value: (
            None if value is None else {name: inner(one) for name, one in _a(dict, value, "map").items()}
        )
    return _atom_encoder(kind)


def decoder(kind: glue.DataType) -> Callable[[Any], Any]:
    """A function that takes back what :func:`encoder` laid out; structs become :class:`DynamicRecord`."""
    if isinstance(kind, glue.StructType):
        parts = [(field.name, decoder(field.dataType)) for field in kind.fields]
        return lambda row: (
            None
            if row is None
            else DynamicRecord((name, part(row[at])) for at, (name, part) in enumerate(parts))
        )
    if isinstance(kind, glue.ChoiceType):
        choices = [decoder(kind.choices[name]) for name in sorted(kind.choices)]

        def chosen(row: Sequence[Any] | None) -> Any:
            for at, one in enumerate(choices if row is not None else ()):
                if row is not None and row[at] is not None:
                    return one(row[at])
            return None

        return chosen
    if isinstance(kind, glue.ArrayType):
        element = decoder(kind.elementType)
        return lambda value: None if value is None else [element(inner) for inner in value]
    if isinstance(kind, glue.MapType):
        inner = decoder(kind.valueType)
        return lambda value: None if value is None else {name: inner(one) for name, one in value.items()}
    if kind.typeName() == "binary":
        return lambda value: None if value is None else bytes(value)
    return lambda value: value


def encode(value: Any, kind: glue.DataType) -> Any:
    """One plain value, laid out."""
    return encoder(kind)(value)


def decode(value: Any, kind: glue.DataType) -> Any:
    """One laid-out value, taken back."""
    return decoder(kind)(value)


def as_json(value: Any) -> str:
    """A plain value as one line of JSON; dates as ISO 8601, decimals as numbers' texts, bytes in hex."""
    return json.dumps(value, ensure_ascii=False, default=_json_atom)


def _json_atom(value: Any) -> Any:
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
    return value.hex() if isinstance(value, (bytes, bytearray)) else str(value)


def _struct_encoder(kind: glue.StructType) -> Callable[[Any], Any]:
    parts = [(field.name, encoder(field.dataType)) for field in kind.fields]
    names = {name for name, _ in parts}

    def struct(value: Any) -> Any:
        if value is None:
            return None
        record = _a(dict, value, "struct")
        if not names.issuperset(record):
            raise TypeError("a struct with a field that its type does not have")
        return tuple(part(record.get(name)) for name, part in parts)

    return struct


def _choice_encoder(kind: glue.ChoiceType) -> Callable[[Any], Any]:
    names = sorted(kind.choices)
    parts = {name: (at, encoder(kind.choices[name])) for at, name in enumerate(names)}

    def choice(value: Any) -> Any:
        if value is None:
            return None
        name = kind_of(value, kind)
        if name not in parts:
            raise TypeError(f"a value of type {name} where {', '.join(names)} are known")
        at, part = parts[name]
        laid: list[Any] = [None] * len(names)
        laid[at] = part(value)
        return tuple(laid)

    return choice


def _atom_encoder(kind: glue.DataType) -> Callable[[Any], Any]:
    name = kind.typeName()
    bounds = INT_RANGES.get(name)

    def whole(value: Any) -> Any:
        if value is None:
            return None
        low, high = bounds or (0, 0)
        if type(value) is not int or not low <= value <= high:
            raise TypeError(f"a value that is no {name}")
        return value

    def fractional(value: Any) -> Any:
        return None if value is None else float(_a((int, float), value, name))

    def decimal(value: Any) -> Any:
        return None if value is None else Decimal(_a((int, Decimal), value, name))

    def other(value: Any) -> Any:
        if value is not None and kind_of(value, kind) != name:
            raise TypeError(f"a value that is no {name}")
        return value

    if bounds is not None:
        return whole
    return {"double": fractional, "float": fractional, "decimal": decimal}.get(name, other)


def _a(kinds: Any, value: Any, name: str) -> Any:
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"a value that is no {name}")
    return value
