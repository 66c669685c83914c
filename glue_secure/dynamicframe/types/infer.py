"""Inference of Glue types from Python values.

Values of two types in one field become a choice, including numbers: ``int`` and ``long``, or ``int`` and
``double``, are not widened. Glue merges types in the same way (observed with ``awsglue.gluetypes``). Null
fits every type.
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
"""Integer type → smallest and largest value, from narrow to wide."""
_BY_CLASS: dict[type, str] = {
    str: "string", bool: "boolean", float: "double", dict: "struct", list: "array", bytes: "binary",
    datetime.datetime: "timestamp", datetime.date: "date", type(None): "null",
}  # fmt: skip
# Types that share one Python class: a value keeps the type that its field had before.
_SIBLINGS = {
    "double": ("double", "float"),
    "timestamp": ("timestamp", "timestamp_ntz"),
    "struct": ("struct", "map"),
    "array": ("array", "set"),
    "string": ("string", "enum"),
}


def kind_of(value: Any, known: glue.DataType | None = None) -> str:
    """Return the name of a value's type.

    Args:
        value: a plain value (:func:`~glue_secure.dynamicframe.types.values.plain`).
        known: the previous type of the field. A small number in a ``long`` field remains ``long``. Of a
            choice, the narrowest alternative that fits the value is returned.

    Raises:
        TypeError: Glue has no type for the value.
    """
    names = _names(known)
    if type(value) is int:
        fitting = [name for name, (low, high) in INT_RANGES.items() if low <= value <= high]
        for name in fitting:
            if name in names:
                return name
        if fitting:
            return "int" if "int" in fitting else "long"
        return "decimal" if len(str(abs(value))) <= glue.MAX_DECIMAL_DIGITS else "double"
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
    """Return the type itself or the alternative of a choice, if it has this name, else None."""
    if isinstance(kind, glue.ChoiceType):
        return kind.choices.get(name)
    return kind if kind.typeName() == name else None


class ObservedTypes:
    """The types of all values of one field, including nested fields and elements.

    Instances can be pickled. The observations of several partitions are combined with :meth:`merge`.
    """

    __slots__ = ("element", "fields", "fraction", "kinds", "whole")

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.fields: dict[str, ObservedTypes] | None = None
        self.element: ObservedTypes | None = None
        self.whole = self.fraction = 0

    def add(self, value: Any, known: glue.DataType | None = None) -> None:
        """Add the type of one plain value; ``known`` as in :func:`kind_of`."""
        if value is None:
            return
        name = kind_of(value, known)
        self.kinds.add(name)
        if name in ("struct", "map"):
            under = alternative(known, name) if known is not None else None
            known_fields = under.field_map if isinstance(under, glue.StructType) else {}
            if name == "map":
                self._element().add_all(value.values(), getattr(under, "valueType", None))
                return
            if self.fields is None:
                self.fields = {}
            for field, inner in value.items():
                observed = self.fields.get(field)
                if observed is None:
                    observed = self.fields[field] = ObservedTypes()
                known_field = known_fields.get(field)
                observed.add(inner, known_field.dataType if known_field is not None else None)
        elif name in ("array", "set"):
            under = alternative(known, name) if known is not None else None
            self._element().add_all(value, getattr(under, "elementType", None))
        elif name == "decimal":
            self._add_digits(value)

    def add_all(self, values: Iterable[Any], known: glue.DataType | None = None) -> None:
        """Add the types of several values of the same field."""
        for value in values:
            self.add(value, known)

    def merge(self, other: ObservedTypes) -> ObservedTypes:
        """Add the observations of ``other`` to this object and return it."""
        self.kinds |= other.kinds
        self.whole, self.fraction = max(self.whole, other.whole), max(self.fraction, other.fraction)
        if other.element is not None:
            self._element().merge(other.element)
        if other.fields is not None:
            if self.fields is None:
                self.fields = {}
            for name, observed in other.fields.items():
                current = self.fields.get(name)
                if current is None:
                    self.fields[name] = observed
                else:
                    current.merge(observed)
        return self

    def to_type(self) -> glue.DataType:
        """Return one type for all values; the null type if there was no value."""
        types = [self._type_of(name) for name in sorted(self.kinds)]
        if not types:
            return glue.NullType()
        return types[0] if len(types) == 1 else glue.ChoiceType(types)

    def _type_of(self, name: str) -> glue.DataType:
        if name == "struct":
            return glue.StructType([glue.Field(n, s.to_type()) for n, s in (self.fields or {}).items()])
        if name == "map":
            return glue.MapType(self._element().to_type())
        if name == "array":
            return glue.ArrayType(self._element().to_type())
        if name == "set":
            return glue.SetType(self._element().to_type())
        if name == "decimal":
            if self.whole + self.fraction > glue.MAX_DECIMAL_DIGITS:
                raise UsageError(
                    "the decimals of one field",
                    found=f"{self.whole} digits before the decimal point and {self.fraction} after it",
                    required=f"at most {glue.MAX_DECIMAL_DIGITS} digits in total",
                    fix="round the values or convert them to strings in the function that returns them",
                )
            return glue.DecimalType(max(self.whole + self.fraction, 1), self.fraction)
        return glue.ATOMIC.get(name, glue.StringType)()

    def _element(self) -> ObservedTypes:
        if self.element is None:
            self.element = ObservedTypes()
        return self.element

    def _add_digits(self, value: Decimal | int) -> None:
        exponent = Decimal(value).as_tuple().exponent
        if not isinstance(exponent, int):
            raise TypeError("a decimal that is not a number")
        digits = len(Decimal(value).as_tuple().digits)
        self.whole = max(self.whole, digits + exponent)
        self.fraction = max(self.fraction, -exponent)


def infer(records: Iterable[Any], known: glue.StructType | None = None) -> glue.StructType:
    """Return the schema of plain records (dicts), with fields in the order of their first occurrence."""
    observed = ObservedTypes()
    observed.add_all(records, known)
    kind = with_known_types(observed.to_type(), known)
    return kind if isinstance(kind, glue.StructType) else glue.StructType()


def with_known_types(kind: glue.DataType, known: glue.DataType | None) -> glue.DataType:
    """Return the type with the known type of each field for which no value was observed."""
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
                    f.name,
                    with_known_types(f.dataType, before[f.name].dataType if f.name in before else None),
                )
                for f in kind.fields
            ]
        )
    if isinstance(kind, glue.ArrayType) and isinstance(under, glue.ArrayType):
        return type(kind)(with_known_types(kind.elementType, under.elementType))
    if isinstance(kind, glue.MapType) and isinstance(under, glue.MapType):
        return glue.MapType(with_known_types(kind.valueType, under.valueType))
    if isinstance(kind, glue.DecimalType) and isinstance(under, glue.DecimalType):
        fits = under.scale >= kind.scale and under.precision - under.scale >= kind.precision - kind.scale
        return under if fits else kind
    return kind


def with_longs(kind: glue.DataType) -> glue.DataType:
    """Return the type with ``long`` instead of ``int``, as sources without ``int`` have it."""
    if isinstance(kind, glue.IntegerType):
        return glue.LongType()
    if isinstance(kind, glue.ChoiceType):
        kinds = {each.typeName(): each for each in map(with_longs, kind.choices.values())}
        return glue.ChoiceType(kinds.values()) if len(kinds) > 1 else next(iter(kinds.values()))
    if isinstance(kind, glue.StructType):
        return glue.StructType([glue.Field(f.name, with_longs(f.dataType)) for f in kind.fields])
    if isinstance(kind, glue.ArrayType):
        return type(kind)(with_longs(kind.elementType))
    if isinstance(kind, glue.MapType):
        return glue.MapType(with_longs(kind.valueType))
    return kind


def _names(known: glue.DataType | None) -> Iterable[str]:
    if known is None:
        return ()
    return known.choices if isinstance(known, glue.ChoiceType) else (known.typeName(),)
