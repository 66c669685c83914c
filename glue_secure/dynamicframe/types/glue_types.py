"""Glue's types, under the names of ``awsglue.gluetypes``: comparable, hashable, printable, and pure.

A :class:`ChoiceType` says that a field holds values of several types. A plain-Spark frame stores it as a
struct with one nullable field per alternative, named as :meth:`DataType.typeName` names it (``int``,
``string``, ``struct``, ``array``, ...); exactly one of them is set. The schema that travels beside the frame
tells such a struct from an ordinary one.

As in awsglue a struct and a choice can be added to. A frame keeps a copy of the schema that it is given, and
hands out copies, so that nobody changes the schema of a frame that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types.atomic_types import (
    ATOMIC,
    AtomicType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    EnumType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    ShortType,
    StringType,
    TimestampNTZType,
    TimestampType,
    UnknownType,
)

__all__ = [
    "ATOMIC",
    "ArrayType",
    "AtomicType",
    "BinaryType",
    "BooleanType",
    "ByteType",
    "ChoiceType",
    "DataType",
    "DateType",
    "DecimalType",
    "DoubleType",
    "EntityType",
    "EnumType",
    "Field",
    "FloatType",
    "IntegerType",
    "LongType",
    "MapType",
    "NullType",
    "SetType",
    "ShortType",
    "StringType",
    "StructType",
    "TimestampNTZType",
    "TimestampType",
    "UnknownType",
    "has_choice",
    "mergeDataTypes",
]


class ArrayType(DataType):
    """``array`` of one type."""

    name = "array"

    def __init__(
        self, elementType: DataType | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.elementType = _type(elementType, "elementType") if elementType is not None else UnknownType()

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
        self.valueType = _type(valueType, "valueType") if valueType is not None else UnknownType()

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
        self.choices: dict[str, DataType] = {}
        for choice in choices:
            self.add(choice)

    def add(self, new_choice: DataType) -> ChoiceType:
        """Add an alternative, here; gives the type itself.

        Raises:
            UsageError: there is one of that name.
        """
        name = _type(new_choice, "a choice").typeName()
        if name in self.choices:
            raise UsageError(
                "ChoiceType.add",
                found=f"a second {name}",
                required="one alternative of a name",
                fix="merge does that",
            )
        self.choices[name] = new_choice
        return self

    def merge(self, new_choices: DataType | list[DataType]) -> ChoiceType:
        """Add alternatives, here, and merge those of a name that is there; gives the type itself."""
        for given in new_choices if isinstance(new_choices, list) else [new_choices]:
            for one in (
                given.choices.values() if isinstance(given, ChoiceType) else [_type(given, "a choice")]
            ):
                name = one.typeName()
                self.choices[name] = mergeDataTypes(self.choices[name], one) if name in self.choices else one
        return self

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
        if not isinstance(name, str):
            raise UsageError("the name of a Field", found=f"a {type(name).__name__}", required="a text")
        self.name, self.dataType = name, _type(dataType, f"the type of Field {name}")
        self.properties = dict(properties or {})

    @classmethod
    def fromJsonValue(cls, json_value: Mapping[str, Any]) -> Field:
        """The field that :meth:`jsonValue` wrote.

        Raises:
            UsageError: it is the JSON of no field.
        """
        from glue_secure.dynamicframe.types.type_json import field

        return field(json_value)

    def jsonValue(self) -> dict[str, Any]:
        """Name and type."""
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._shape() == other._shape()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dataType!r})"

    def _shape(self) -> tuple[Any, ...]:
        return (self.name, self.dataType._shape())


class StructType(DataType):
    """``struct`` of fields, in their order."""

    name = "struct"

    def __init__(self, fields: Iterable[Field] = (), properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.fields = [_field(field) for field in fields]

    @property
    def field_map(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    def add(self, field: Field) -> StructType:
        """Add a field at the end, here; gives the type itself."""
        self.fields.append(_field(field))
        return self

    def hasField(self, field: Field | str) -> bool:
        """Whether there is a field of that name."""
        return (field.name if isinstance(field, Field) else field) in self.field_map

    def getField(self, field: Field | str) -> Field:
        """The field of that name.

        Raises:
            KeyError: there is none.
        """
        return self.field_map[field.name if isinstance(field, Field) else field]

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


class EntityType(DataType):
    """In awsglue a name that cannot be made; here too."""

    name = "entity"

    def __init__(self, entity: Any, base_type: Any, properties: Any) -> None:
        raise NotImplementedError("EntityType: no version of Glue makes one; use the base type itself")


def has_choice(kind: DataType) -> bool:
    """Whether a choice stands anywhere inside."""
    if isinstance(kind, ChoiceType):
        return True
    if isinstance(kind, StructType):
        return any(has_choice(field.dataType) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return has_choice(kind.elementType)
    return isinstance(kind, MapType) and has_choice(kind.valueType)


def mergeDataTypes(s1: DataType, s2: DataType) -> DataType:
    """One type for the values of both: structs merge field by field, what differs becomes a choice.

    Two decimals become one with room for both, two sets are merged inside (awsglue takes the first).
    """
    from glue_secure.dynamicframe.types.merging import merge

    return merge(_type(s1, "mergeDataTypes"), _type(s2, "mergeDataTypes"))


def _type(kind: Any, what: str) -> DataType:
    if not isinstance(kind, DataType):
        raise UsageError(
            what,
            found=f"a {type(kind).__name__}",
            required="a type of glue_secure.gluetypes, as StringType()",
        )
    return kind


def _field(field: Any) -> Field:
    if not isinstance(field, Field):
        raise UsageError(
            "fields of a StructType", found=f"a {type(field).__name__}", required="Field(name, dataType)"
        )
    return field
