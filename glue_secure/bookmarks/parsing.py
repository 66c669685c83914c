"""Strict parsing of a bookmark's state. Errors name the field and not its value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any


class BookmarkStateError(ValueError):
    """Bytes that this version would not write as a state. The message names the field, not its value."""


def as_object(value: Any, where: str) -> dict[str, Any]:
    """Return a JSON object. Raises BookmarkStateError."""
    if not isinstance(value, dict):
        raise BookmarkStateError(f"{where}: not an object")
    return value


def as_text(value: Any, where: str) -> str:
    """Return a JSON string. Raises BookmarkStateError."""
    if not isinstance(value, str):
        raise BookmarkStateError(f"{where}: not a text")
    return value


def require_fields(shape: Mapping[str, Any], expected: Any, where: str) -> None:
    """Require exactly the expected names. Raises BookmarkStateError."""
    missing, extra = set(expected) - set(shape), set(shape) - set(expected)
    if missing:
        raise BookmarkStateError(f"{where}: lacks {', '.join(sorted(missing))}")
    if extra:
        raise BookmarkStateError(f"{where}: {len(extra)} unknown field(s)")


def format_time(time: datetime) -> str:
    """Return a UTC time as text. Raises BookmarkStateError."""
    if time.utcoffset() != timedelta(0):
        raise BookmarkStateError("time: not UTC")
    return time.replace(tzinfo=None).isoformat() + "Z"


def parse_time(text: Any, where: str) -> datetime:
    """Return the UTC time of a text. Raises BookmarkStateError."""
    try:
        if not isinstance(text, str) or not text.endswith("Z"):
            raise ValueError
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise BookmarkStateError(f"{where}: not a UTC time") from error
