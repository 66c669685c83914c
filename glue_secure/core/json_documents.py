"""JSON texts of users: every text that is not JSON raises ValueError."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class DuplicateNameError(ValueError):
    """A JSON object contains a name twice.

    Attributes:
        name: the repeated name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} twice in one object")
        self.name = name


def load_json(text: str, *, constants: bool = True) -> Any:
    """Return the value of a JSON text. Python's ``json.loads`` keeps the last of repeated names.

    Args:
        text: the JSON text.
        constants: whether ``NaN`` and ``Infinity``, which JSON does not have, are accepted.

    Raises:
        DuplicateNameError: an object contains a name twice.
        ValueError: the text is not JSON, is nested too deeply, or has a number of more than 4300 digits.
    """
    with depth_as_value_error():
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=None if constants else _reject_constant
        )


def parse_json(text: str | bytes) -> Any:
    """Return ``json.loads(text)``. Raises ValueError as :func:`load_json`, but not for repeated names."""
    with depth_as_value_error():
        return json.loads(text)


@contextmanager
def depth_as_value_error() -> Iterator[None]:
    """Raise ValueError in place of RecursionError, for a text that is nested too deeply."""
    try:
        yield
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise DuplicateNameError(name)
        result[name] = value
    return result


def _reject_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
