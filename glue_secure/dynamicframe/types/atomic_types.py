"""Types without parts, and the root of all types. Pure; :mod:`glue_secure.dynamicframe.types.glue_types` has them too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError

D = TypeVar("D", bound="DataType")


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
        return {"dataType": self.typeName(), "properties": self.properties}

    @classmethod
    def fromJsonValue(cls: type[D], json_value: Mapping[str, Any]) -> D:
        """The type that :meth:`jsonValue` wrote; ``dataType`` may be left out.

        Raises:
            UsageError: it is the JSON of another type, or of none.
        """
        from glue_secure.dynamicframe.types.type_json import parse

        found = parse({"dataType": cls.typeName(), **json_value})
        if not isinstance(found, cls):
            raise UsageError(f"{cls.__name__}.fromJsonValue", found=found.typeName(), required=cls.typeName())
        return found

    def tree(self, indent: str) -> Iterator[str]:  # noqa: ARG002 - atomic types have no parts
        """The lines below the type's own name, as ``printSchema`` shows them."""
        return iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and self._shape() == other._shape()

    def __hash__(self) -> int:
        return hash(self.typeName())  # the same before and after something is added

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


ATOMIC = {
    kind.name: kind
    for kind in (
        BinaryType, BooleanType, ByteType, DateType, DoubleType, FloatType, IntegerType, LongType,
        NullType, ShortType, StringType, TimestampType, TimestampNTZType, UnknownType,
    )
}  # fmt: skip
"""The atomic types without parameters, by their names."""
