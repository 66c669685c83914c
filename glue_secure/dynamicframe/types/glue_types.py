"""The types of ``awsglue.gluetypes`` under their own names: comparable, hashable and printable.

A :class:`ChoiceType` is the type of a field that has values of several types. In local Spark, a frame stores
a choice as a struct with one nullable field per alternative, named by :meth:`DataType.typeName` (``int``,
``string``, ``struct``, ``array``, ...). Exactly one of these fields is set. The Glue schema next to the
DataFrame distinguishes a choice from an ordinary struct.

As in awsglue, ``add`` and ``merge`` change a struct or a choice in place. A frame copies every schema that it
receives or returns, so these methods never change the schema of an existing frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError

D = TypeVar("D", bound="DataType")
MAX_DECIMAL_DIGITS = 38
"""The largest precision of a decimal in Spark."""


class DataType:
    """The base of all types. Two types are equal if their names and parts are equal."""

    name = "unknown"

    def __init__(self, properties: Mapping[str, Any] | None = None) -> None:
        self.properties = dict(properties or {})

    @classmethod
    def typeName(cls) -> str:
        """Return the type's name, such as ``int``, ``long`` or ``struct``."""
        return cls.name

    def jsonValue(self) -> dict[str, Any]:
        """Return the type in the JSON form of ``awsglue.gluetypes``."""
        return {"dataType": self.typeName(), "properties": self.properties}

    @classmethod
    def fromJsonValue(cls: type[D], json_value: Mapping[str, Any]) -> D:
        """Return the type described by the output of :meth:`jsonValue`. ``dataType`` is optional.

        Raises:
            UsageError: the JSON describes another type, or none.
        """
        kind = type_from_json({"dataType": cls.typeName(), **json_value})
        if not isinstance(kind, cls):
            raise UsageError(f"{cls.__name__}.fromJsonValue", found=kind.typeName(), required=cls.typeName())
        return kind

    def tree(self, indent: str) -> Iterator[str]:  # noqa: ARG002 - atomic types have no parts
        """Yield the lines that ``printSchema`` prints below the type's name."""
        return iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self.typeName())  # the parts are mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _parts(self) -> tuple[Any, ...]:
        """Return name and parts as nested tuples, for comparison."""
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
    """``null``: the type of a field whose values are all null."""

    name = "null"


class ShortType(AtomicType):
    """``short``: 16 bits."""

    name = "short"


class StringType(AtomicType):
    """``string``."""

    name = "string"


class TimestampType(AtomicType):
    """``timestamp``, in the session's time zone."""

    name = "timestamp"


class TimestampNTZType(AtomicType):
    """``timestamp_ntz``, without a time zone."""

    name = "timestamp_ntz"


class UnknownType(AtomicType):
    """``unknown``."""

    name = "unknown"


class DecimalType(AtomicType):
    """``decimal`` with precision and scale."""

    name = "decimal"

    def __init__(
        self, precision: int = 10, scale: int = 2, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.precision, self.scale = precision, scale

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with precision and scale."""
        return {**super().jsonValue(), "precision": self.precision, "scale": self.scale}

    def __repr__(self) -> str:
        return f"DecimalType({self.precision}, {self.scale})"

    def _parts(self) -> tuple[Any, ...]:
        return ("decimal", self.precision, self.scale)


class EnumType(AtomicType):
    """``enum``: one of a list of strings."""

    name = "enum"

    def __init__(self, options: Iterable[str], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.options = tuple(options)

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with the options."""
        return {**super().jsonValue(), "options": list(self.options)}

    def _parts(self) -> tuple[Any, ...]:
        return ("enum", *self.options)


ATOMIC = {
    kind.name: kind
    for kind in (
        BinaryType, BooleanType, ByteType, DateType, DoubleType, FloatType, IntegerType, LongType,
        NullType, ShortType, StringType, TimestampType, TimestampNTZType, UnknownType,
    )
}  # fmt: skip
"""The atomic types without parameters, by name."""


class ArrayType(DataType):
    """``array`` of one element type."""

    name = "array"

    def __init__(
        self, elementType: DataType | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.elementType = UnknownType() if elementType is None else _require_type(elementType, "elementType")

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with the element type."""
        return {**super().jsonValue(), "elementType": self.elementType.jsonValue()}

    def tree(self, indent: str) -> Iterator[str]:
        """Yield the lines of the element type."""
        yield f"{indent}|-- element: {self.elementType.typeName()}"
        yield from self.elementType.tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.elementType!r})"

    def _parts(self) -> tuple[Any, ...]:
        return (self.name, self.elementType._parts())


class SetType(ArrayType):
    """``set`` of one element type."""

    name = "set"


class MapType(DataType):
    """``map`` from strings to one value type."""

    name = "map"

    def __init__(
        self, valueType: DataType | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.valueType = UnknownType() if valueType is None else _require_type(valueType, "valueType")

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with the value type."""
        return {**super().jsonValue(), "valueType": self.valueType.jsonValue()}

    def tree(self, indent: str) -> Iterator[str]:
        """Yield the lines of the key and value types."""
        yield f"{indent}|-- keyType: string"
        yield f"{indent}|-- valueType: {self.valueType.typeName()}"
        yield from self.valueType.tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"MapType({self.valueType!r})"

    def _parts(self) -> tuple[Any, ...]:
        return ("map", self.valueType._parts())


class ChoiceType(DataType):
    """``choice``: a value of one of several types with distinct names."""

    name = "choice"

    def __init__(self, choices: Iterable[DataType] = (), properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.choices: dict[str, DataType] = {}
        for choice in choices:
            self.add(choice)

    def add(self, new_choice: DataType) -> ChoiceType:
        """Add an alternative in place and return this choice.

        Raises:
            UsageError: an alternative has this name already.
        """
        name = _require_type(new_choice, "a choice").typeName()
        if name in self.choices:
            raise UsageError(
                "ChoiceType.add",
                found=f"a second {name}",
                required="alternatives with distinct names",
                fix="use ChoiceType.merge",
            )
        self.choices[name] = new_choice
        return self

    def merge(self, new_choices: DataType | list[DataType]) -> ChoiceType:
        """Add alternatives in place, merge those whose name exists, and return this choice."""
        for choice in new_choices if isinstance(new_choices, list) else [new_choices]:
            kinds = choice.choices.values() if isinstance(choice, ChoiceType) else [choice]
            for kind in kinds:
                name = _require_type(kind, "a choice").typeName()
                self.choices[name] = merge_types(self.choices[name], kind) if name in self.choices else kind
        return self

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with the alternatives ordered by name."""
        return {
            **super().jsonValue(),
            "choices": [self.choices[name].jsonValue() for name in sorted(self.choices)],
        }

    def tree(self, indent: str) -> Iterator[str]:
        """Yield the lines of the alternatives, ordered by name."""
        for name in sorted(self.choices):
            yield f"{indent}|-- {name}"
            yield from self.choices[name].tree(indent + "|    ")

    def __repr__(self) -> str:
        return f"ChoiceType([{', '.join(repr(self.choices[name]) for name in sorted(self.choices))}])"

    def _parts(self) -> tuple[Any, ...]:
        return ("choice", *(self.choices[name]._parts() for name in sorted(self.choices)))


class Field:
    """A field of a struct."""

    def __init__(self, name: str, dataType: DataType, properties: Mapping[str, Any] | None = None) -> None:
        if not isinstance(name, str):
            raise UsageError("the name of a Field", found=f"a {type(name).__name__}", required="a str")
        self.name, self.dataType = name, _require_type(dataType, f"the type of Field {name}")
        self.properties = dict(properties or {})

    @classmethod
    def fromJsonValue(cls, json_value: Mapping[str, Any]) -> Field:
        """Return the field described by the output of :meth:`jsonValue`.

        Raises:
            UsageError: the JSON does not describe a field.
        """
        return field_from_json(json_value)

    def jsonValue(self) -> dict[str, Any]:
        """Return name, type and properties in awsglue's JSON form."""
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dataType!r})"

    def _parts(self) -> tuple[Any, ...]:
        return (self.name, self.dataType._parts())


class StructType(DataType):
    """``struct`` with ordered fields."""

    name = "struct"

    def __init__(self, fields: Iterable[Field] = (), properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.fields = [_require_field(field) for field in fields]

    @property
    def field_map(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    def add(self, field: Field) -> StructType:
        """Append a field in place and return this struct."""
        self.fields.append(_require_field(field))
        return self

    def hasField(self, field: Field | str) -> bool:
        """Return whether the struct has a field of this name."""
        return (field.name if isinstance(field, Field) else field) in self.field_map

    def getField(self, field: Field | str) -> Field:
        """Return the field of this name.

        Raises:
            KeyError: the struct has no such field.
        """
        return self.field_map[field.name if isinstance(field, Field) else field]

    def jsonValue(self) -> dict[str, Any]:
        """Return the type's JSON form, with the fields."""
        return {**super().jsonValue(), "fields": [field.jsonValue() for field in self.fields]}

    def tree(self, indent: str) -> Iterator[str]:
        """Yield the lines of the fields."""
        for field in self.fields:
            yield f"{indent}|-- {field.name}: {field.dataType.typeName()}"
            yield from field.dataType.tree(indent + "|    ")

    def treeString(self) -> str:
        """Return the text that ``printSchema`` prints."""
        return "\n".join(["root", *self.tree("")]) + "\n"

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __repr__(self) -> str:
        return f"StructType([{', '.join(map(repr, self.fields))}])"

    def _parts(self) -> tuple[Any, ...]:
        return ("struct", *(field._parts() for field in self.fields))


class EntityType(DataType):
    """A name of ``awsglue.gluetypes`` that cannot be instantiated there either."""

    name = "entity"

    def __init__(self, entity: Any, base_type: Any, properties: Any) -> None:
        raise NotImplementedError("EntityType: no version of Glue creates one; use the base type instead")


def has_choice(kind: DataType) -> bool:
    """Return whether the type is a choice or contains one."""
    if isinstance(kind, ChoiceType):
        return True
    if isinstance(kind, StructType):
        return any(has_choice(field.dataType) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return has_choice(kind.elementType)
    return isinstance(kind, MapType) and has_choice(kind.valueType)


# Merging types


def mergeDataTypes(s1: DataType, s2: DataType) -> DataType:
    """Return one type for the values of both; see :func:`merge_types`.

    Unlike awsglue, which takes the first of two sets, the element types of two sets are merged.

    Raises:
        UsageError: an argument is not a type of ``glue_secure.gluetypes``.
    """
    return merge_types(_require_type(s1, "mergeDataTypes"), _require_type(s2, "mergeDataTypes"))


def merge_types(left: DataType, right: DataType) -> DataType:
    """Return one type for the values of both.

    Structs, arrays, sets and maps merge recursively. Two decimals become one decimal that fits both. A null
    or unknown type yields the other type. Other types that differ become a choice.
    """
    if left == right or isinstance(right, (NullType, UnknownType)):
        return left
    if isinstance(left, (NullType, UnknownType)):
        return right
    if isinstance(left, ChoiceType) or isinstance(right, ChoiceType):
        alternatives = dict(left.choices) if isinstance(left, ChoiceType) else {left.typeName(): left}
        for kind in right.choices.values() if isinstance(right, ChoiceType) else [right]:
            name = kind.typeName()
            alternatives[name] = merge_types(alternatives[name], kind) if name in alternatives else kind
        return ChoiceType(alternatives.values())
    if isinstance(left, StructType) and isinstance(right, StructType):
        return merge_structs(left, right)
    if isinstance(left, ArrayType) and isinstance(right, ArrayType) and left.name == right.name:
        return type(left)(merge_types(left.elementType, right.elementType))
    if isinstance(left, MapType) and isinstance(right, MapType):
        return MapType(merge_types(left.valueType, right.valueType))
    if isinstance(left, DecimalType) and isinstance(right, DecimalType):
        integer_digits = max(left.precision - left.scale, right.precision - right.scale)
        scale = min(max(left.scale, right.scale), MAX_DECIMAL_DIGITS - integer_digits)
        return DecimalType(integer_digits + scale, scale)
    if isinstance(left, EnumType) and isinstance(right, EnumType):
        return EnumType(dict.fromkeys((*left.options, *right.options)))
    return ChoiceType([left, right])


def merge_structs(left: StructType, right: StructType) -> StructType:
    """Return the fields of ``left``, then the additional fields of ``right``, with common fields merged."""
    kinds = {field.name: field.dataType for field in left}
    for field in right:
        known = kinds.get(field.name)
        kinds[field.name] = field.dataType if known is None else merge_types(known, field.dataType)
    return StructType([Field(name, kind) for name, kind in kinds.items()])


# Reading the JSON form of types: {"dataType": "struct", "fields": [{"name": ..., "container": {"dataType":
# "long"}, "properties": {}}]}, as observed in the output of awsglue.gluetypes 5.1.

# awsglue's name → the name that Spark and this module use.
_JSON_NAMES = {"timestampntz": "timestamp_ntz"}


def type_from_json(value: Any) -> DataType:
    """Return the type that a JSON value describes.

    Args:
        value: a dict with ``dataType``, the parts of that type and, optionally, ``properties``.

    Raises:
        UsageError: the type is unknown, a part is missing, or an entry is not a part of the type.
    """
    if not isinstance(value, Mapping):
        raise _invalid_json(f"a {type(value).__name__}", "a dict with dataType")
    name = _JSON_NAMES.get(str(value.get("dataType")), str(value.get("dataType")))
    if name in ATOMIC:
        return ATOMIC[name](_parts_of(value, name)["properties"])
    if name not in _FROM_JSON:
        raise _invalid_json(
            f"dataType {name}" if "dataType" in value else "no dataType",
            ", ".join(sorted((*ATOMIC, *_FROM_JSON))),
        )
    return _FROM_JSON[name](value)


def field_from_json(value: Any) -> Field:
    """Return the struct field that a JSON value describes.

    Raises:
        UsageError: as for :func:`type_from_json`.
    """
    if not isinstance(value, Mapping):
        raise _invalid_json(f"a {type(value).__name__}", "a dict with name and container")
    parts = _parts_of(value, "field", "name", "container")
    return Field(parts["name"], type_from_json(parts["container"]), parts["properties"])


def _decimal_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of({"precision": 10, "scale": 2, **value}, "decimal", "precision", "scale")
    for name in ("precision", "scale"):
        if type(parts[name]) is not int:
            raise _invalid_json(f"{name} {parts[name]!r}", "an integer")
    return DecimalType(parts["precision"], parts["scale"], parts["properties"])


def _enum_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "enum", "options")
    return EnumType(map(str, _list(parts["options"], "options")), parts["properties"])


def _array_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "array", "elementType")
    return ArrayType(type_from_json(parts["elementType"]), parts["properties"])


def _set_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "set", "elementType")
    return SetType(type_from_json(parts["elementType"]), parts["properties"])


def _map_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "map", "valueType")
    return MapType(type_from_json(parts["valueType"]), parts["properties"])


def _choice_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "choice", "choices")
    return ChoiceType(map(type_from_json, _list(parts["choices"], "choices")), parts["properties"])


def _struct_from_json(value: Mapping[str, Any]) -> DataType:
    parts = _parts_of(value, "struct", "fields")
    return StructType(map(field_from_json, _list(parts["fields"], "fields")), parts["properties"])


_FROM_JSON: dict[str, Callable[[Mapping[str, Any]], DataType]] = {
    "decimal": _decimal_from_json,
    "enum": _enum_from_json,
    "array": _array_from_json,
    "set": _set_from_json,
    "map": _map_from_json,
    "choice": _choice_from_json,
    "struct": _struct_from_json,
}


def _parts_of(value: Mapping[str, Any], name: str, *parts: str) -> dict[str, Any]:
    """Return the required parts and the optional ``properties``; reject any other entry."""
    unknown = sorted(str(key) for key in set(value) - {"dataType", "properties", *parts})
    missing = [part for part in parts if part not in value]
    if unknown or missing:
        problems = [f"unknown: {', '.join(unknown)}"] if unknown else []
        problems += [f"missing: {', '.join(missing)}"] if missing else []
        raise _invalid_json(f"{name}, {'; '.join(problems)}", ", ".join((*parts, "properties")))
    properties = value.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise _invalid_json(f"properties of {name}: a {type(properties).__name__}", "a dict")
    return {**{part: value[part] for part in parts}, "properties": properties}


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise _invalid_json(f"{name}: a {type(value).__name__}", "a list")
    return list(value)


def _invalid_json(found: str, required: str) -> UsageError:
    return UsageError(
        "the JSON of a type", found=found, required=required, fix="create the JSON with jsonValue()"
    )


def _require_type(kind: Any, resource: str) -> DataType:
    if not isinstance(kind, DataType):
        raise UsageError(
            resource,
            found=f"a {type(kind).__name__}",
            required="a type of glue_secure.gluetypes, such as StringType()",
        )
    return kind


def _require_field(field: Any) -> Field:
    if not isinstance(field, Field):
        raise UsageError(
            "fields of a StructType", found=f"a {type(field).__name__}", required="Field(name, dataType)"
        )
    return field
