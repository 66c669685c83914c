"""Paths to the fields of a dynamic frame, as Glue writes them.

A dot goes into a struct (``address.zip``); backticks hold a name that has dots itself (```this.old.name```);
empty brackets stand for the elements of an array (``items[].price``). A name after an array goes into its
elements without brackets too. Source: "DynamicFrame class" and "DropFields class" of the AWS Glue developer
guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path, and how many arrays are entered after it."""

    name: str
    depth: int = 0


Path = tuple[Step, ...]


def parse(text: str) -> Path:
    """The steps of a path.

    Raises:
        UsageError: it is no text, has an empty name, or a backtick or bracket without its partner.
    """
    if not isinstance(text, str):
        raise UsageError("a field's path", found=type(text).__name__, required="a text such as a.b")
    steps, at = [], 0
    while True:
        name, at = _quoted(text, at) if text[at : at + 1] == "`" else _plain(text, at)
        depth = 0
        while text.startswith("[]", at):
            depth, at = depth + 1, at + 2
        steps.append(Step(name, depth))
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise _bad(text)
        at += 1


def parse_all(paths: str | Iterable[str]) -> list[Path]:
    """One path, or several, as Glue's methods take them."""
    return [parse(path) for path in ([paths] if isinstance(paths, str) else paths)]


def quote(name: str) -> str:
    """The name as a path writes it: in backticks when it has dots, brackets or backticks."""
    return "`" + name.replace("`", "``") + "`" if set(name) & set(".[]`") or not name else name


def show(path: Path) -> str:
    """The path as text; :func:`parse` gives the path back."""
    return ".".join(quote(step.name) + "[]" * step.depth for step in path)


def find(kind: glue.DataType, path: Path) -> glue.DataType | None:
    """The type at a path, or None where the schema has none."""
    for step in path:
        struct = _struct(kind)
        field = struct.field_map.get(step.name) if struct is not None else None
        if field is None:
            return None
        kind = field.dataType
        for _ in range(step.depth):
            array = kind.choices.get("array") if isinstance(kind, glue.ChoiceType) else kind
            if not isinstance(array, glue.ArrayType):
                return None
            kind = array.elementType
    return kind


def null_fields(kind: Any, above: str = "") -> Iterator[str]:
    """The paths of the fields of the null type, in structs and arrays of structs; maps are not entered.

    It asks types by name, so that it reads ``awsglue``'s schemas as well as ours.
    """
    if kind.typeName() == "array" and kind.elementType.typeName() == "struct":
        yield from null_fields(kind.elementType, above)
    if kind.typeName() != "struct":
        return
    for field in kind:
        path = f"{above}.{quote(field.name)}" if above else quote(field.name)
        if field.dataType.typeName() == "null":
            yield path
        else:
            yield from null_fields(field.dataType, path)


def _struct(kind: glue.DataType | None) -> glue.StructType | None:
    """The struct whose fields a name after this type means."""
    if isinstance(kind, glue.StructType):
        return kind
    if isinstance(kind, glue.ArrayType):
        return _struct(kind.elementType)
    if isinstance(kind, glue.ChoiceType):
        return _struct(kind.choices.get("struct")) or _struct(kind.choices.get("array"))
    return None


def _plain(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] not in ".`" and not text.startswith("[]", end):
        end += 1
    if end == at:
        raise _bad(text)
    return text[at:end], end


def _quoted(text: str, at: int) -> tuple[str, int]:
    name, at = "", at + 1
    while at < len(text):
        if text.startswith("``", at):
            name, at = name + "`", at + 2
        elif text[at] == "`" and name:
            return name, at + 1
        elif text[at] == "`":
            break
        else:
            name, at = name + text[at], at + 1
    raise _bad(text)


def _bad(text: str) -> UsageError:
    return UsageError(
        "a field's path",
        found=repr(text),
        required="names with dots between them: a.b, items[].price",
        fix="put backticks round a name that has dots itself: `this.old.name`",
    )
