"""What type a Python value has, and what type several have together.

Two kinds of value in one field make a choice, numbers too: ``int`` beside ``long`` or ``double`` is a choice
and is not widened, as Glue's own merge of types does (``awsglue.gluetypes``, observed). Null fits all.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue

INT_RANGES = {
    "byte": (-(1 << 7), (1 << 7) - 1),
    "short": (-(1 << 15), (1 << 15) - 1),
    "int": (-(1 << 31), (1 << 31) - 1),
    "long": (-(1 << 63), (1 << 63) - 1),
}
"""The whole-number types, narrow to wide."""
DECIMAL_DIGITS = 38
_BY_CLASS: dict[type, str] = {
    str: "string", bool: "boolean", float: "double", dict: "struct", list: "array", bytes: "binary",
    datetime.datetime: "timestamp", datetime.date: "date", type(None): "null",
}  # fmt: skip
# What a value may also be when the field already had such a type: Python does not tell these apart.
_SIBLINGS = {
    "double": ("double", "float"),
    "timestamp": ("timestamp", "timestamp_ntz"),
    "struct": ("struct", "map"),
    "array": ("array", "set"),
    "string": ("string", "enum"),
}


def kind_of(value: Any, known: glue.DataType | None = None) -> str:
    """The name of a value's type.

    Args:
        value: a plain value (:func:`~glue_secure.dynamicframe.types.values.plain`).
        known: the type that the field had: a number in a ``long`` field stays ``long`` however small it is,
            and of a choice's alternatives the narrowest that holds the value is taken.

    Raises:
        TypeError: Glue has no such type.
    """
    names = _names(known)
    if type(value) is int:
        fitting = [name for name, (low, high) in INT_RANGES.items() if low <= value <= high]
        for name in fitting:
            if name in names:
                return name
        if fitting:
            return "int" if "int" in fitting else "long"
        return "decimal" if len(str(abs(value))) <= DECIMAL_DIGITS else "double"
    if isinstance(value, Decimal):
        return "decimal"
    kind = _BY_CLASS.get(type(value)) or ("struct" if isinstance(value, dict) else "")
    if not kind:
        raise TypeError(f"a value of Python's type {type(value).__name__}, which Glue does not have")
    for sibling in _SIBLINGS.get(kind, ()):
        if sibling in names:
            return sibling
    return kind


def alternative(kind: glue.DataType, name: str) -> glue.DataType | None:
    """The type of that name: the type itself, or a choice's alternative; None when there is none."""
    if isinstance(kind, glue.ChoiceType):
        return kind.choices.get(name)
    return kind if kind.typeName() == name else None


class Shape:
    """What was seen in one place of the records: every kind of value, and the shapes below.

    It is cheap to feed, can be pickled, and shapes of parts of the data merge into the shape of all.
    """

    __slots__ = ("element", "fields", "fraction", "kinds", "whole")

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.fields: dict[str, Shape] | None = None
        self.element: Shape | None = None
        self.whole = self.fraction = 0

    def see(self, value: Any, known: glue.DataType | None = None) -> None:
        """Take one plain value into account; ``known`` as in :func:`kind_of`."""
        if value is None:
            return
        name = kind_of(value, known)
        self.kinds.add(name)
        if name in ("struct", "map"):
            under = alternative(known, name) if known is not None else None
            known_fields = under.field_map if isinstance(under, glue.StructType) else {}
            if name == "map":
                self._element().see_all(value.values(), getattr(under, "valueType", None))
                return
            if self.fields is None:
                self.fields = {}
            for field, inner in value.items():
                shape = self.fields.get(field)
                if shape is None:
                    shape = self.fields[field] = Shape()
                known_field = known_fields.get(field)
                shape.see(inner, known_field.dataType if known_field is not None else None)
        elif name in ("array", "set"):
            under = alternative(known, name) if known is not None else None
            self._element().see_all(value, getattr(under, "elementType", None))
        elif name == "decimal":
            self._see_digits(value)

    def see_all(self, values: Iterable[Any], known: glue.DataType | None = None) -> None:
        """Take several values of one place into account."""
        for value in values:
            self.see(value, known)

    def merge(self, other: Shape) -> Shape:
        """Take all in that the other saw; gives itself."""
        self.kinds |= other.kinds
        self.whole, self.fraction = max(self.whole, other.whole), max(self.fraction, other.fraction)
        if other.element is not None:
            self._element().merge(other.element)
        if other.fields is not None:
            if self.fields is None:
                self.fields = {}
            for name, shape in other.fields.items():
                mine = self.fields.get(name)
                if mine is None:
                    self.fields[name] = shape
                else:
                    mine.merge(shape)
        return self

    def to_type(self) -> glue.DataType:
        """The type that holds all of it; ``null`` when there was no value."""
        types = [self._one(name) for name in sorted(self.kinds)]
        if not types:
            return glue.NullType()
        return types[0] if len(types) == 1 else glue.ChoiceType(types)

    def _one(self, name: str) -> glue.DataType:
        if name == "struct":
            return glue.StructType([glue.Field(n, s.to_type()) for n, s in (self.fields or {}).items()])
        if name == "map":
            return glue.MapType(self._element().to_type())
        if name == "array":
            return glue.ArrayType(self._element().to_type())
        if name == "set":
            return glue.SetType(self._element().to_type())
        if name == "decimal":
            if self.whole + self.fraction > DECIMAL_DIGITS:
                raise UsageError(
                    "the decimals of one field",
                    found=f"{self.whole} digits before the point and {self.fraction} after it",
                    required=f"{DECIMAL_DIGITS} in all",
                    fix="round them, or make them texts, in the function that gives them",
                )
            return glue.DecimalType(max(self.whole + self.fraction, 1), self.fraction)
        return glue.ATOMIC.get(name, glue.StringType)()

    def _element(self) -> Shape:
        if self.element is None:
            self.element = Shape()
        return self.element

    def _see_digits(self, value: Decimal | int) -> None:
        exponent = Decimal(value).as_tuple().exponent
        if not isinstance(exponent, int):
            raise TypeError("a decimal that is not a number")
        digits = len(Decimal(value).as_tuple().digits)
        self.whole = max(self.whole, digits + exponent)
        self.fraction = max(self.fraction, -exponent)


def infer(records: Iterable[Any], known: glue.StructType | None = None) -> glue.StructType:
    """The schema of plain records (dicts), fields in the order in which they are first seen."""
    shape = Shape()
    shape.see_all(records, known)
    kind = remember(shape.to_type(), known)
    return kind if isinstance(kind, glue.StructType) else glue.StructType()


def remember(kind: glue.DataType, known: glue.DataType | None) -> glue.DataType:
    """The type, with what was known of each place where no value was seen."""
    if known is None or kind == known:
        return kind
    if isinstance(kind, glue.NullType):
        return known
    under = alternative(known, kind.typeName())
    if isinstance(kind, glue.StructType) and isinstance(under, glue.StructType):
        before = under.field_map
        return glue.StructType(
            [
                glue.Field(
                    f.name, remember(f.dataType, before[f.name].dataType if f.name in before else None)
                )
                for f in kind.fields
            ]
        )
    if isinstance(kind, glue.ArrayType) and isinstance(under, glue.ArrayType):
        return type(kind)(remember(kind.elementType, under.elementType))
    if isinstance(kind, glue.MapType) and isinstance(under, glue.MapType):
        return glue.MapType(remember(kind.valueType, under.valueType))
    if isinstance(kind, glue.DecimalType) and isinstance(under, glue.DecimalType):
        fits = under.scale >= kind.scale and under.precision - under.scale >= kind.precision - kind.scale
        return under if fits else kind
    return kind


def _names(known: glue.DataType | None) -> Iterable[str]:
    if known is None:
        return ()
    return known.choices if isinstance(known, glue.ChoiceType) else (known.typeName(),)
