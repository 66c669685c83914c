"""Parsing of type names, mappings and choice specs as scripts pass them to DynamicFrame.

Sources: "DynamicFrame class" (apply_mapping, resolveChoice) and "AWS Glue Scala DynamicFrame class" of the
AWS Glue developer guide; type names are those of Glue and of the Data Catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive
from glue_secure.dynamicframe.types.paths import Path, parse

OPEN_TYPES: dict[str, type[glue.DataType]] = {
    "array": glue.ArrayType, "choice": glue.ChoiceType, "map": glue.MapType, "set": glue.SetType,
    "struct": glue.StructType,
}  # fmt: skip
KNOWN_TYPES = (
    "a type of Glue or of the Data Catalog: string, int, long (bigint), double, boolean, date, timestamp, "
    "decimal(10,2), array<string>, struct<a:int>, ..."
)
ACTIONS = ("cast:<type>", "project:<type>", "make_cols", "make_struct", "match_catalog")


def parse_type(text: str) -> glue.DataType:
    """Return the type of a name: ``long``, ``bigint``, ``decimal(10,2)``, ``array<struct<a:int>>``, ...

    ``struct``, ``array``, ``map`` and ``choice`` without parts match every type of their kind
    (:func:`is_open`).

    Raises:
        UsageError: the type does not exist.
    """
    if not isinstance(text, str):
        raise UsageError("the name of a type", found=type(text).__name__, required="a str, such as long")
    word = text.strip().lower()
    if word in OPEN_TYPES:
        return OPEN_TYPES[word]()
    if word == "decimal":
        return glue.DecimalType()
    try:
        return hive.parse(text)
    except UsageError as error:
        raise UsageError("the name of a type", found=repr(text), required=KNOWN_TYPES) from error


def is_open(kind: glue.DataType) -> bool:
    """Return whether the type is a container without specified parts."""
    if isinstance(kind, glue.ArrayType):
        return isinstance(kind.elementType, glue.UnknownType)
    if isinstance(kind, glue.MapType):
        return isinstance(kind.valueType, glue.UnknownType)
    return (isinstance(kind, glue.StructType) and not kind.fields) or kind == glue.ChoiceType()


@dataclass(frozen=True, slots=True)
class Mapping:
    """One field of the result of ``apply_mapping``.

    Attributes:
        source: the path of the source field.
        target: the path of the result field.
        kind: the type of the result; None keeps the source's type.
    """

    source: Path
    target: Path
    kind: glue.DataType | None


def parse_mappings(mappings: Any) -> list[Mapping]:
    """Return the mappings of a script: one tuple or a list of tuples.

    A tuple is (source, target), (source, target, target type), (source, source type, target) or (source,
    source type, target, target type). With three parts, the one of the last two that names a type is the
    type.

    Raises:
        UsageError: a mapping has another form, an unknown type or an invalid path, or has three parts of
            which both or neither of the last two name a type.
    """
    return [_mapping(item) for item in ([mappings] if isinstance(mappings, tuple) else mappings)]


@dataclass(frozen=True, slots=True)
class ResolveAction:
    """An action of ``resolveChoice``: its name (``cast``, ``make_cols``, ...) and its type, if it has one."""

    name: str
    kind: glue.DataType | None = None


def parse_action(text: str, *, whole: bool = False) -> ResolveAction:
    """Return an action of ``resolveChoice``.

    Args:
        text: the action, such as ``cast:long``.
        whole: whether the action applies to the whole frame, which also permits ``match_catalog``.

    Raises:
        UsageError: the action does not exist, lacks a type, or has a type that it does not take.
    """
    name, colon, kind = str(text).strip().partition(":")
    name = name.strip().lower()
    name = {"keepasstruct": "make_struct", "keep_as_struct": "make_struct"}.get(name, name)
    if name in ("cast", "project") and colon and kind.strip():
        target = parse_type(kind)
        if name == "cast" and is_open(target):
            raise UsageError(
                "resolveChoice", found=repr(text), required="cast to a type with specified parts",
                fix=f"use project:{kind.strip()} to select the values of that kind",
            )  # fmt: skip
        return ResolveAction(name, target)
    if not colon and (name in ("make_cols", "make_struct") or (whole and name == "match_catalog")):
        return ResolveAction(name)
    required = ", ".join(ACTIONS if whole else ACTIONS[:-1])
    raise UsageError("an action of resolveChoice", found=repr(text), required=required)


def parse_specs(specs: Any) -> list[tuple[Path, ResolveAction]]:
    """Return the specs of a script: one (path, action) or a list of them."""
    parsed = []
    for item in [specs] if isinstance(specs, tuple) else specs:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise UsageError("a spec of resolveChoice", found=repr(item), required="(path, action)")
        parsed.append((parse(item[0]), parse_action(item[1])))
    return parsed


def _mapping(item: Any) -> Mapping:
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3, 4):
        raise UsageError(
            "a mapping",
            found=repr(item),
            required="(source, target), (source, target, target type) or "
            "(source, source type, target, target type)",
        )
    if len(item) == 4:
        parse_type(item[1])
        return Mapping(parse(item[0]), parse(item[2]), parse_type(item[3]))
    if len(item) == 2:
        return Mapping(parse(item[0]), parse(item[1]), None)
    second, third = _names_type(item[1]), _names_type(item[2])
    if second == third:
        raise UsageError(
            "a mapping of three parts",
            found=repr(item),
            required="a type as either the second or the third part",
            fix="write all four parts: (source, source type, target, target type)",
        )
    target = parse(item[2] if second else item[1])
    return Mapping(parse(item[0]), target, None if second else parse_type(item[2]))


def _names_type(text: Any) -> bool:
    try:
        parse_type(text)
    except UsageError:
        return False
    return True
