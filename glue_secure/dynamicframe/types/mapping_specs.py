"""What a script says about fields: names of types, mappings, and how to resolve a choice.

Sources: "DynamicFrame class" (apply_mapping, resolveChoice) and "AWS Glue Scala DynamicFrame class" of the
AWS Glue developer guide; the names of types are those of Glue and of the Data Catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types import hive
from glue_secure.dynamicframe.types.paths import Path, parse

OPEN: dict[str, type[glue.DataType]] = {
    "array": glue.ArrayType, "choice": glue.ChoiceType, "map": glue.MapType, "set": glue.SetType,
    "struct": glue.StructType,
}  # fmt: skip
KNOWN = (
    "a type of Glue or of the Data Catalog: string, int, long (bigint), double, boolean, date, timestamp, "
    "decimal(10,2), array<string>, struct<a:int>, ..."
)
ACTIONS = ("cast:<type>", "project:<type>", "make_cols", "make_struct", "match_catalog")


def parse_type(text: str) -> glue.DataType:
    """The type that a name means: ``long``, ``bigint``, ``decimal(10,2)``, ``array<struct<a:int>>``, ...

    ``struct``, ``array``, ``map`` and ``choice`` without parts stand for any of their kind (:func:`is_open`).

    Raises:
        UsageError: there is no such type.
    """
    if not isinstance(text, str):
        raise UsageError("the name of a type", found=type(text).__name__, required="a text such as long")
    word = text.strip().lower()
    if word in OPEN:
        return OPEN[word]()
    if word == "decimal":
        return glue.DecimalType()
    try:
        return hive.parse(text)
    except UsageError as error:
        raise UsageError("the name of a type", found=repr(text), required=KNOWN) from error


def is_open(kind: glue.DataType) -> bool:
    """Whether the type is a container whose parts were left open."""
    if isinstance(kind, glue.ArrayType):
        return isinstance(kind.elementType, glue.UnknownType)
    if isinstance(kind, glue.MapType):
        return isinstance(kind.valueType, glue.UnknownType)
    return (isinstance(kind, glue.StructType) and not kind.fields) or kind == glue.ChoiceType()


@dataclass(frozen=True, slots=True)
class Mapping:
    """One field of the result.

    Attributes:
        source: where its value stands.
        target: where it goes.
        kind: the type it gets; None keeps the type it has.
    """

    source: Path
    target: Path
    kind: glue.DataType | None


def parse_mappings(mappings: Any) -> list[Mapping]:
    """Mappings as a script writes them: one tuple, or a list of tuples.

    (source, target), (source, target, target type), (source, source type, target) or (source, source type,
    target, target type). Three parts are told apart by which of the last two names a type.

    Raises:
        UsageError: a mapping of another form, an unknown type, a path that cannot be read, or three parts of
            which both or none of the last two name a type.
    """
    return [_mapping(item) for item in ([mappings] if isinstance(mappings, tuple) else mappings)]


@dataclass(frozen=True, slots=True)
class Action:
    """How a choice is resolved: a name (``cast``, ``make_cols``, ...), and the type it names."""

    name: str
    kind: glue.DataType | None = None


def parse_action(text: str, *, whole: bool = False) -> Action:
    """The action of ``resolveChoice``; ``whole`` for the one that counts for the whole frame.

    Raises:
        UsageError: there is no such action, or it needs a type, or has one too many.
    """
    name, colon, kind = str(text).strip().partition(":")
    name = name.strip().lower()
    name = {"keepasstruct": "make_struct", "keep_as_struct": "make_struct"}.get(name, name)
    if name in ("cast", "project") and colon and kind.strip():
        found = parse_type(kind)
        if name == "cast" and is_open(found):
            raise UsageError(
                "resolveChoice", found=repr(text), required="cast to a type with its parts",
                fix=f"use project:{kind.strip()} to keep the values of that kind",
            )  # fmt: skip
        return Action(name, found)
    if not colon and (name in ("make_cols", "make_struct") or (whole and name == "match_catalog")):
        return Action(name)
    required = ", ".join(ACTIONS if whole else ACTIONS[:-1])
    raise UsageError("an action of resolveChoice", found=repr(text), required=required)


def parse_specs(specs: Any) -> list[tuple[Path, Action]]:
    """Specs as a script writes them: one (path, action), or a list of them."""
    found = []
    for item in [specs] if isinstance(specs, tuple) else specs:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise UsageError("a spec of resolveChoice", found=repr(item), required="(path, action)")
        found.append((parse(item[0]), parse_action(item[1])))
    return found


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
            required="a type as its second or its third part, not both",
            fix="write all four: (source, source type, target, target type)",
        )
    target = parse(item[2] if second else item[1])
    return Mapping(parse(item[0]), target, None if second else parse_type(item[2]))


def _names_type(text: Any) -> bool:
    try:
        parse_type(text)
    except UsageError:
        return False
    return True
