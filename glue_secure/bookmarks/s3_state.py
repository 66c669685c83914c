"""How far one S3 source has been read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from glue_secure.bookmarks.parsing import (
    BookmarkStateError,
    as_object,
    as_text,
    format_time,
    parse_time,
    require_fields,
)
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

_IDENTITY = re.compile(r"[0-9a-f]{32}\Z")


def identity(entry: ObjectSummary) -> str:
    """What makes one version of one object: location, entity tag and time, as 128 bits of SHA-256.

    The time is part of it because a rewrite with equal content may keep the entity tag, and Glue
    reads a rewritten file again. Joining with NUL is unambiguous: S3Uri refuses control characters.
    """
    text = "\0".join((entry.uri.bucket, entry.uri.key, entry.etag, format_time(entry.last_modified)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class S3SourceState:
    """How far one S3 source has been read.

    Attributes:
        floor: objects last modified before it are done with and not looked at again.
        high_water: last modification time of the newest object that was read; for people, not for selection.
        seen: identities of the objects read at or after ``floor``, with their last modification time.
        last: of the objects last modified exactly at ``floor``, those up to this one in the order of bucket
            and key are done with too; None where a run did not stop among objects of one time.
        listed_to: for each location whose keys the reader promised to grow with time, a key: no object up
            to it needs to be listed again.
    """

    floor: datetime
    high_water: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict)
    last: S3Uri | None = None
    listed_to: Mapping[str, str] = field(default_factory=dict)

    kind: ClassVar[str] = "s3"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", MappingProxyType(dict(self.seen)))
        object.__setattr__(self, "listed_to", MappingProxyType(dict(self.listed_to)))
        if any(time < self.floor for time in self.seen.values()):
            raise BookmarkStateError("seen: an identity older than floor")

    @property
    def watermark(self) -> datetime:
        """What people are told of it."""
        return self.high_water

    def covers(self, entry: ObjectSummary) -> bool:
        """Whether the object, as it is now, is done with."""
        if entry.last_modified < self.floor:
            return True
        if entry.last_modified == self.floor and self.last is not None and in_order(entry.uri, self.last):
            return True
        return bool(self.seen) and identity(entry) in self.seen

    def as_json(self) -> dict[str, Any]:
        """The JSON form. Identities are grouped by time: many files share one second."""
        by_time: dict[str, list[str]] = {}
        for name, time in sorted(self.seen.items()):
            by_time.setdefault(format_time(time), []).append(name)
        return {
            "kind": self.kind,
            "floor": format_time(self.floor),
            "high_water": format_time(self.high_water),
            "seen": by_time,
            "last": str(self.last) if self.last is not None else "",
            "listed_to": dict(self.listed_to),
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any], where: str) -> S3SourceState:
        """Read the JSON form. Raises BookmarkStateError."""
        require_fields(shape, {"kind", "floor", "high_water", "seen", "last", "listed_to"}, where)
        seen: dict[str, datetime] = {}
        for text, names in as_object(shape["seen"], f"{where}.seen").items():
            time = parse_time(text, f"{where}.seen")
            if not isinstance(names, list):
                raise BookmarkStateError(f"{where}.seen: not a list of identities")
            for name in names:
                if not isinstance(name, str) or not _IDENTITY.match(name):
                    raise BookmarkStateError(f"{where}.seen: not an identity")
                seen[name] = time
        last = as_text(shape["last"], f"{where}.last")
        listed_to = as_object(shape["listed_to"], f"{where}.listed_to")
        return cls(
            parse_time(shape["floor"], f"{where}.floor"),
            parse_time(shape["high_water"], f"{where}.high_water"),
            seen,
            _location(last, f"{where}.last") if last else None,
            {name: as_text(key, f"{where}.listed_to") for name, key in listed_to.items()},
        )


def in_order(first: S3Uri, second: S3Uri) -> bool:
    """Whether the first does not come after the second, by bucket and key, in S3's order of code points."""
    return (first.bucket, first.key) <= (second.bucket, second.key)


def _location(text: str, where: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except UsageError as error:
        raise BookmarkStateError(f"{where}: not an S3 location") from error
