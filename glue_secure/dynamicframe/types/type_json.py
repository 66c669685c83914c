"""Types out of the JSON that ``jsonValue`` writes, awsglue's and ours. Pure.

``{"dataType": "struct", "fields": [{"name": ..., "container": {"dataType": "long"}, "properties": {}}]}``:
the shape of ``awsglue.gluetypes`` 5.1 (observed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue

# awsglue calls it so; Spark and this project, timestamp_ntz.
_SAME = {"timestampntz": "timestamp_ntz"}


def parse(shape: Any) -> glue.DataType:
    """The type that a JSON value describes.

    Args:
        shape: a dict with ``dataType``, and what the type of that name has: ``properties`` and its parts.

    Raises:
        UsageError: no such type, a part is missing, or there is one that the type does not have.
    """
    if not isinstance(shape, Mapping):
        raise _wrong(f"a {type(shape).__name__}", "a dict with dataType")
    name = _SAME.get(str(shape.get("dataType")), str(shape.get("dataType")))
    if name in glue.ATOMIC:
        return glue.ATOMIC[name](_given(shape, name)["properties"])
    if name not in _WITH_PARTS:
        raise _wrong(
            f"dataType {name}" if "dataType" in shape else "no dataType",
            ", ".join(sorted((*glue.ATOMIC, *_WITH_PARTS))),
        )
    return _WITH_PARTS[name](shape)


def field(shape: Any) -> glue.Field:
    """The field of a struct that a JSON value describes.

    Raises:
        UsageError: as :func:`parse`.
    """
    if not isinstance(shape, Mapping):
        raise _wrong(f"a {type(shape).__name__}", "a dict with name and container")
    given = _given(shape, "field", "name", "container")
    return glue.Field(given["name"], parse(given["container"]), given["properties"])


def _decimal(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given({"precision": 10, "scale": 2, **shape}, "decimal", "precision", "scale")
    for part in ("precision", "scale"):
        if type(given[part]) is not int:
            raise _wrong(f"{part} {given[part]!r}", "a whole number")
    return glue.DecimalType(given["precision"], given["scale"], given["properties"])


def _enum(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "enum", "options")
    return glue.EnumType(map(str, _list(given["options"], "options")), given["properties"])


def _array(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "array", "elementType")
    return glue.ArrayType(parse(given["elementType"]), given["properties"])


def _set(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "set", "elementType")
    return glue.SetType(parse(given["elementType"]), given["properties"])


def _map(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "map", "valueType")
    return glue.MapType(parse(given["valueType"]), given["properties"])


def _choice(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "choice", "choices")
    return glue.ChoiceType(map(parse, _list(given["choices"], "choices")), given["properties"])


def _struct(shape: Mapping[str, Any]) -> glue.DataType:
    given = _given(shape, "struct", "fields")
    return glue.StructType(map(field, _list(given["fields"], "fields")), given["properties"])


_WITH_PARTS: dict[str, Callable[[Mapping[str, Any]], glue.DataType]] = {
    "decimal": _decimal, "enum": _enum, "array": _array, "set": _set, "map": _map, "choice": _choice,
    "struct": _struct,
}  # fmt: skip


def _given(shape: Mapping[str, Any], name: str, *parts: str) -> dict[str, Any]:
    """The parts, and ``properties``, which may be left out; nothing else is there."""
    unknown = sorted(str(key) for key in set(shape) - {"dataType", "properties", *parts})
    missing = [part for part in parts if part not in shape]
    if unknown or missing:
        raise _wrong(
            f"{name} with {', '.join(unknown) or 'nothing more'}, without {', '.join(missing) or 'nothing'}",
            ", ".join((*parts, "properties")),
        )
    properties = shape.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise _wrong(f"properties of {name}: a {type(properties).__name__}", "a dict")
    return {**{part: shape[part] for part in parts}, "properties": properties}


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(f"{what}: a {type(value).__name__}", "a list")
    return list(value)


def _wrong(found: str, required: str) -> UsageError:
    return UsageError("the JSON of a type", found=found, required=required, fix="write it with jsonValue()")
