"""Job arguments as a dataclass: names, types and defaults come from its fields."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import likely_name
from glue_secure.core.job_parameters import JOB_PARAMETERS
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.resolved_options import GLUE_OWN, RESERVED

_LOG = redacting_logger(__name__)
ArgsT = TypeVar("ArgsT")

_SCALARS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (lambda text: {"true": True, "false": False}[text.lower()], "true or false"),
    Path: (Path, "a path"),
    date: (date.fromisoformat, "a date such as 2013-12-31"),
}
_SUPPORTED = (
    "str, int, float, bool, datetime.date, pathlib.Path, Literal, an Enum, list of one of these, "
    "or one of these | None"
)
# Arguments of AWS Glue and glue-secure, which may resemble an argument of the job.
_OF_GLUE = frozenset(
    name.replace("-", "_")
    for name in ("JOB_NAME", *GLUE_OWN, *RESERVED, *(parameter.name for parameter in JOB_PARAMETERS))
)


def parse_arguments(arguments: JobArguments, into: type[ArgsT]) -> ArgsT:
    """Return an instance of a dataclass whose fields have the values of the job's arguments.

    The field ``batch_rows`` is the argument ``--batch_rows`` or ``--batch-rows``. A field without a default
    is required. The items of a list are separated by commas. An argument that is no field, but resembles
    one that was not given, is logged as a warning: it is no error, because a script may read it elsewhere.

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
    fields = {field.name: field for field in dataclasses.fields(into) if field.init}
    for name, field in fields.items():
        text = arguments.get(name)
        if text is not None:
            values[name] = _convert(f"--{name}", text, hints[name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            missing.append(f"--{name} ({_describe(f'--{name}', hints[name])})")
    if missing:
        raise UsageError(
            "job arguments are missing",
            found=" ".join(f"--{name}" for name in sorted(arguments.values)) or "no arguments",
            required=", ".join(missing),
            fix="; ".join(
                f"--{name}: did you mean --{likely}?" for name, likely in _misspelt(arguments, fields).items()
            )
            or "pass them to the job, or set them in its default arguments",
        )
    for name, likely in _misspelt(arguments, fields).items():
        _LOG.warning("--%s is no argument of the job: did you mean --%s, which was not given?", name, likely)
    return into(**values)


def _misspelt(arguments: JobArguments, fields: Iterable[str]) -> dict[str, str]:
    """Return the field that an argument of the command line probably stands for, by the argument's name.

    Arguments of glue-secure and AWS Glue are left out, and fields that were given.
    """
    names = {field.replace("-", "_"): field for field in fields}
    missing = [field for field in names.values() if arguments.get(field) is None]
    found = {}
    for name in arguments.values:
        spelling = name.replace("-", "_")
        is_own = spelling.startswith("glue_secure_") or spelling in _OF_GLUE
        if not is_own and spelling not in names and (likely := likely_name(name, missing)):
            found[name] = likely
    return found


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
