"""Glue's types, under the names of ``awsglue.gluetypes``. Pure values: comparable, hashable, printable.

A :class:`ChoiceType` says that a field holds values of several types. A plain-Spark frame stores it as a
struct with one nullable field per alternative, named as :meth:`DataType.typeName` names it (``int``,
``string``, ``struct``, ``array``, ...); exactly one of them is set. The schema that travels beside the frame
tells such a struct from an ordinary one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class DataType:
    """The root. Two types are equal when they print the same."""

    name = "unknown"

    def __init__(self, properties: Mapping[str, Any] | None = None) -> None:
        self.properties = dict(properties or {})

    @classmethod
    def typeName(cls) -> str:
        """``int``, ``long``, ``struct``, ..."""
        return cls.name

    def jsonValue(self) -> dict[str, Any]:
        """The type as Glue's JSON of schemas writes it."""
        return {"dataType": self.typeName(), **({"properties": self.properties} if self.properties else {})}

    def tree(self, indent: str) -> Iterator[str]:  # noqa: ARG002 - atomic types have no parts
        """The lines below the type's own name, as ``printSchema`` shows them."""
        return iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and self._shape() == other._shape()

    def __hash__(self) -> int:
        return hash(self._shape())

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _shape(self) -> tuple[Any, ...]:
        return (self.typeName(),)


class AtomicType(DataType):
    """A type without parts."""


class BinaryType(AtomicType):
    """``binary``."""

    name = "binary"


class BooleanType(AtomicType):
    """``boolean``."""

    name = "boolean"


class ByteType(AtomicType):
    """``byte``: 8 bits."""

    name = "byte"


class DateType(AtomicType):
    """``date``."""

    name = "date"


class DoubleType(AtomicType):
    """``double``: 64 bits."""

    name = "double"


class FloatType(AtomicType):
    """``float``: 32 bits."""

    name = "float"


class IntegerType(AtomicType):
    """``int``: 32 bits."""

    name = "int"


class LongType(AtomicType):
    """``long``: 64 bits."""

    name = "long"


class NullType(AtomicType):
    """``null``: no value of the field was ever seen."""

    name = "null"


class ShortType(AtomicType):
    """``short``: 16 bits."""

    name = "short"


class StringType(AtomicType):
    """``string``."""

    name = "string"


class TimestampType(AtomicType):
    """``timestamp``, with the session's time zone."""

    name = "timestamp"


class TimestampNTZType(AtomicType):
    """``timestamp_ntz``, without a time zone."""

    name = "timestamp_ntz"


class UnknownType(AtomicType):
    """``unknown``."""

    name = "unknown"


class DecimalType(AtomicType):
    """``decimal`` of a precision and a scale."""

    name = "decimal"

    def __init__(
        self, precision: int = 10, scale: int = 2, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.precision, self.scale = precision, scale

    def jsonValue(self) -> dict[str, Any]:
        """With precision and scale."""
        return {**super().jsonValue(), "precision": self.precision, "scale": self.scale}

    def __repr__(self) -> str:
        return f"DecimalType({self.precision}, {self.scale})"

    def _shape(self) -> tuple[Any, ...]:
        return ("decimal", self.precision, self.scale)


class EnumType(AtomicType):
    """``enum`` of known texts."""

    name = "enum"

    def __init__(self, options: Iterable[str], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.options = tuple(options)

    def jsonValue(self) -> dict[str, Any]:
        """With the options."""
        return {**super().jsonValue(), "options": list(self.options)}

    def _shape(self) -> tuple[Any, ...]:
        return ("enum", *self.options)


class ArrayType(DataType):
    """``array`` of one type."""

    name = "array"

    def __init__(
        self, elementType: DataType | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.elementType = elementType if elementType is not None else UnknownType()

    def jsonValue(self) -> dict[str, Any]:
        """With the element's type."""
        return {**super().jsonValue(), "elementType": self.elementType.jsonValue()}

    def tree(self, indent: str) -> Iterator[str]:
        """The element."""
        yield f"{indent}|-- element: {self.elementType.typeName()}"
        yield from self.elementType.tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.elementType!r})"

    def _shape(self) -> tuple[Any, ...]:
        return (self.name, self.elementType._shape())


class SetType(ArrayType):
    """``set`` of one type."""

    name = "set"


class MapType(DataType):
    """``map`` from texts to one type."""

    name = "map"

    def __init__(
        self, valueType: DataType | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.valueType = valueType if valueType is not None else UnknownType()

    def jsonValue(self) -> dict[str, Any]:
        """With the value's type."""
        return {**super().jsonValue(), "valueType": self.valueType.jsonValue()}

    def tree(self, indent: str) -> Iterator[str]:
        """Key and value."""
        yield f"{indent}|-- keyType: string"
        yield f"{indent}|-- valueType: {self.valueType.typeName()}"
        yield from self.valueType.tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"MapType({self.valueType!r})"

    def _shape(self) -> tuple[Any, ...]:
        return ("map", self.valueType._shape())


class ChoiceType(DataType):
    """``choice``: a value of one of several types, no two of the same name."""

    name = "choice"

    def __init__(self, choices: Iterable[DataType] = (), properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.choices: dict[str, DataType] = {choice.typeName(): choice for choice in choices}

    def jsonValue(self) -> dict[str, Any]:
        """With the alternatives, in the order of their names."""
        return {
            **super().jsonValue(),
            "choices": [self.choices[name].jsonValue() for name in sorted(self.choices)],
        }

    def tree(self, indent: str) -> Iterator[str]:
        """The alternatives, in the order of their names."""
        for name in sorted(self.choices):
            yield f"{indent}|-- {name}"
            yield from self.choices[name].tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"ChoiceType([{', '.join(repr(self.choices[name]) for name in sorted(self.choices))}])"

    def _shape(self) -> tuple[Any, ...]:
        return ("choice", *(self.choices[name]._shape() for name in sorted(self.choices)))


class Field:
    """One field of a struct."""

    def __init__(self, name: str, dataType: DataType, properties: Mapping[str, Any] | None = None) -> None:
        self.name, self.dataType, self.properties = name, dataType, dict(properties or {})

    def jsonValue(self) -> dict[str, Any]:
        """Name and type."""
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._shape() == other._shape()

    def __hash__(self) -> int:
        return hash(self._shape())

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dataType!r})"

    def _shape(self) -> tuple[Any, ...]:
        return (self.name, self.dataType._shape())


class StructType(DataType):
    """``struct`` of fields, in their order."""

    name = "struct"

    def __init__(self, fields: Iterable[Field] = (), properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.fields = list(fields)

    @property
    def field_map(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    def jsonValue(self) -> dict[str, Any]:
        """With the fields."""
        return {**super().jsonValue(), "fields": [field.jsonValue() for field in self.fields]}

    def tree(self, indent: str) -> Iterator[str]:
        """The fields."""
        for field in self.fields:
            yield f"{indent}|-- {field.name}: {field.dataType.typeName()}"
            yield from field.dataType.tree(indent + "|    ")

    def treeString(self) -> str:
        """What ``printSchema`` prints."""
        return "\n".join(["root", *self.tree("")]) + "\n"

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __repr__(self) -> str:
        return f"StructType([{', '.join(map(repr, self.fields))}])"

    def _shape(self) -> tuple[Any, ...]:
        return ("struct", *(field._shape() for field in self.fields))


ATOMIC = {
    kind.name: kind
    for kind in (
        BinaryType, BooleanType, ByteType, DateType, DoubleType, FloatType, IntegerType, LongType,
        NullType, ShortType, StringType, TimestampType, TimestampNTZType, UnknownType,
    )
}  # fmt: skip
"""The atomic types without parameters, by their names."""


def has_choice(kind: DataType) -> bool:
    """Whether a choice stands anywhere inside."""
    if isinstance(kind, ChoiceType):
        return True
    if isinstance(kind, StructType):
        return any(has_choice(field.dataType) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return has_choice(kind.elementType)
    return isinstance(kind, MapType) and has_choice(kind.valueType)
