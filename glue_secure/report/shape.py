"""Whether the objects and lists of a document are where the schema has them.

A damaged document is then one error, and not a fault of the code that shows it. Scalars are not checked,
because they are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from glue_secure.core.evidence import Evidence
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri

# Parts that the records describe as objects of any value.
_RECORD = dict[str, Any]
_FURTHER: dict[str, dict[str, Any]] = {
    "policy": {"files": tuple[_RECORD, ...], "exceptions": tuple[_RECORD, ...]},
    "bookmark": {"contexts": Mapping[str, _RECORD]},
}


_TEXTS = (KmsKeyArn, RunId, S3Uri)


def misplaced(document: Mapping[str, Any]) -> str:
    """Return the path of the first part that should be an object or list and is not, ``""`` if none is."""
    found = _misplaced(document, Evidence, "")
    for part, hints in _FURTHER.items():
        for name, hint in hints.items():
            value = document.get(part)
            found = found or _misplaced((value or {}).get(name), hint, f"{part}.{name}")
    return found


def _misplaced(value: Any, hint: Any, path: str) -> str:
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not type(None))
    origin = get_origin(hint) or hint
    # No part is required here: the first form does not have what was added later.
    if value is None:
        return ""
    parts: Iterable[tuple[Any, Any, str]] = ()
    if origin is tuple:
        if not isinstance(value, list):
            return path
        parts = ((each, get_args(hint)[0], f"[{at}]") for at, each in enumerate(value))
    elif origin in (Mapping, dict):
        if not isinstance(value, Mapping):
            return path
        parts = ((each, get_args(hint)[1], f".{name}") for name, each in value.items())
    elif is_dataclass(hint) and hint not in _TEXTS:
        if not isinstance(value, Mapping):
            return path
        parts = ((value.get(name), each, f".{name}") for name, each in _structures(hint))  # type: ignore[arg-type]
    found = (_misplaced(part, inner, f"{path}{name}".lstrip(".")) for part, inner, name in parts)
    return next(filter(None, found), "")


@cache
def _structures(record: Any) -> list[tuple[str, Any]]:
    """Return the attributes of a record that are objects or lists."""
    return [(name, hint) for name, hint in get_type_hints(record).items() if not _is_scalar(hint)]


def _is_scalar(hint: Any) -> bool:
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return not any(get_origin(each) or (is_dataclass(each) and each not in _TEXTS) for each in parts)
