"""Job arguments as a dataclass: names, types and defaults come from its fields."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError

ArgsT = TypeVar("ArgsT")

_SCALARS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (lambda text: {"true": True, "false": False}[text.lower()], "true or false"),
    Path: (Path, "a path"),
}
_SUPPORTED = (
    "str, int, float, bool, pathlib.Path, Literal, an Enum, list of one of these, or one of these | None"
)


def parse_arguments(arguments: JobArguments, into: type[ArgsT]) -> ArgsT:
    """Return an instance of a dataclass whose fields have the values of the job's arguments.

    The field ``batch_rows`` is the argument ``--batch_rows`` or ``--batch-rows``. A field without a default
    is required. The items of a list are separated by commas.

    Args:
        arguments: the job's arguments.
        into: the dataclass.

    Raises:
        UsageError: an argument is missing or has another type; the message names the argument and the type.
            Or ``into`` is not a dataclass, or a field has a type that is not supported.
    """
    if not (isinstance(into, type) and dataclasses.is_dataclass(into)):
        raise UsageError(
            "from_args", found=repr(into), required="a dataclass", fix="add @dataclass to the class"
        )
    hints = get_type_hints(into)
    values: dict[str, Any] = {}
    missing: list[str] = []
    for field in dataclasses.fields(into):
        if not field.init:
            continue
        text = arguments.get(field.name)
        if text is not None:
            values[field.name] = _convert(f"--{field.name}", text, hints[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            missing.append(f"--{field.name} ({_describe(f'--{field.name}', hints[field.name])})")
    if missing:
        raise UsageError(
            "job arguments are missing",
            found=" ".join(f"--{name}" for name in sorted(arguments.values)) or "no arguments",
            required=", ".join(missing),
            fix=_spelled_otherwise(arguments, into)
            or "pass them to the job, or set them in its default arguments",
        )
    return into(**values)


def _spelled_otherwise(arguments: JobArguments, into: type[Any]) -> str:
    """Return the likely words of missing arguments: ``--sorce: did you mean --source?``."""
    fields = [field.name for field in dataclasses.fields(into)]
    found = []
    for name in arguments.values:
        close = difflib.get_close_matches(name, fields, 1, cutoff=0.75)
        if close and close[0] != name.replace("-", "_") and arguments.get(close[0]) is None:
            found.append(f"--{name}: did you mean --{close[0]}?")
    return "; ".join(found)


def _convert(name: str, text: str, kind: Any) -> Any:
    kind = _without_none(kind)
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return [_convert(name, part.strip(), item) for part in text.split(",") if part.strip()]
    convert, description = _converter(name, kind)
    try:
        return convert(text)
    except (KeyError, ValueError):
        # A secret is passed by mistake sometimes; UsageError redacts what it recognises.
        raise UsageError(
            name, found=repr(text), required=description, fix=f"pass {name} as {description}"
        ) from None


def _converter(name: str, kind: Any) -> tuple[Callable[[str], Any], str]:
    if kind in _SCALARS:
        return _SCALARS[kind]
    if get_origin(kind) is Literal:
        choices = {str(value): value for value in get_args(kind)}
        return choices.__getitem__, " or ".join(choices)
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = {str(member.value): member for member in kind}
        return members.__getitem__, " or ".join(members)
    raise UsageError(name, found=f"a field of type {kind!r}", required=_SUPPORTED)


def _describe(name: str, kind: Any) -> str:
    kind = _without_none(kind)
    if get_origin(kind) is list:
        return f"{_describe(name, get_args(kind)[0])}, several separated by commas"
    return _converter(name, kind)[1]


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        members = [member for member in get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return members[0]
    return kind
