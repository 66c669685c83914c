"""Paths to the fields of a DynamicFrame, in Glue's syntax.

A dot enters a struct (``address.zip``). Backticks quote a name that contains dots (```this.old.name```).
Empty brackets denote the elements of an array (``items[].price``); they may be omitted before a name. Source:
"DynamicFrame class" and "DropFields class" of the AWS Glue developer guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue


@dataclass(frozen=True, slots=True)
class PathStep:
    """A name of a path, and the number of arrays that are entered after it."""

    name: str
    depth: int = 0


Path = tuple[PathStep, ...]


def parse(text: str) -> Path:
    """Return the steps of a path.

    Raises:
        UsageError: the path is not a str, has an empty name, or an unmatched backtick or bracket.
    """
    if not isinstance(text, str):
        raise UsageError("a field's path", found=type(text).__name__, required="a str, such as a.b")
    steps, at = [], 0
    while True:
        name, at = _quoted(text, at) if text[at : at + 1] == "`" else _unquoted(text, at)
        depth = 0
        while text.startswith("[]", at):
            depth, at = depth + 1, at + 2
        steps.append(PathStep(name, depth))
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise _invalid(text)
        at += 1


def parse_all(paths: str | Iterable[str]) -> list[Path]:
    """Return the steps of one path or several, as Glue's methods take them."""
    return [parse(path) for path in ([paths] if isinstance(paths, str) else paths)]


def quote(name: str) -> str:
    """Return the name as it appears in a path: in backticks if it contains dots, brackets or backticks."""
    return "`" + name.replace("`", "``") + "`" if set(name) & set(".[]`") or not name else name


def format_path(path: Path) -> str:
    """Return the path as a string, the inverse of :func:`parse`."""
    return ".".join(quote(step.name) + "[]" * step.depth for step in path)


def find(kind: glue.DataType, path: Path) -> glue.DataType | None:
    """Return the type at a path, or None if the path does not exist."""
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


def null_fields(kind: glue.DataType, parent: str = "") -> Iterator[str]:
    """Yield the paths of the fields of the null type, in structs and arrays of structs.

    Maps are not entered.
    """
    if (
        isinstance(kind, glue.ArrayType)
        and kind.name == "array"
        and isinstance(kind.elementType, glue.StructType)
    ):
        yield from null_fields(kind.elementType, parent)
    if not isinstance(kind, glue.StructType):
        return
    for field in kind:
        path = f"{parent}.{quote(field.name)}" if parent else quote(field.name)
        if isinstance(field.dataType, glue.NullType):
            yield path
        else:
            yield from null_fields(field.dataType, path)


def _struct(kind: glue.DataType | None) -> glue.StructType | None:
    """Return the struct that a name after this type refers to, or None."""
    if isinstance(kind, glue.StructType):
        return kind
    if isinstance(kind, glue.ArrayType):
        return _struct(kind.elementType)
    if isinstance(kind, glue.ChoiceType):
        return _struct(kind.choices.get("struct")) or _struct(kind.choices.get("array"))
    return None


def _unquoted(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] not in ".`" and not text.startswith("[]", end):
        end += 1
    if end == at:
        raise _invalid(text)
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
    raise _invalid(text)


def _invalid(text: str) -> UsageError:
    return UsageError(
        "a field's path",
        found=repr(text),
        required="names separated by dots, such as a.b or items[].price",
        fix="enclose a name that contains dots in backticks: `this.old.name`",
    )
