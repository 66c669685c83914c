"""The state of one S3 source."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from glue_secure.bookmarks.finished_set import FinishedSet
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
    """Return the identity of one version of an object: 128 bits of SHA-256 of location, entity tag and time.

    The time is included because a rewrite with equal content may have the same entity tag, and Glue reads a
    rewritten file again. NUL separates the parts unambiguously, because S3Uri rejects control characters.
    """
    text = "\0".join((entry.uri.bucket, entry.uri.key, entry.etag, format_time(entry.last_modified)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class S3SourceState:
    """How far one S3 source has been read.

    Attributes:
        floor: objects last modified before this time are finished.
        high_water: last modification time of the newest object that was read; shown, not used for selection.
        seen: identities of the objects read at or after ``floor``, with their last modification time.
        last: of the objects last modified exactly at ``floor``, those up to this one by bucket and key are
            finished too; None if no run stopped among objects with the same time.
        listed_to: by location with ascending keys, the key up to which no object must be listed again.
        scope: digest of the locations and filters that ``finished`` belongs to.
        finished: :meth:`FinishedSet.to_text` of the objects last modified before ``floor``; ``""`` in a state
            of an older version, and if not every object was listed.
    """

    floor: datetime
    high_water: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict)
    last: S3Uri | None = None
    listed_to: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""
    finished: str = ""

    kind: ClassVar[str] = "s3"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", MappingProxyType(dict(self.seen)))
        object.__setattr__(self, "listed_to", MappingProxyType(dict(self.listed_to)))
        if any(time < self.floor for time in self.seen.values()):
            raise BookmarkStateError("seen: an identity older than floor")

    @property
    def watermark(self) -> datetime:
        """The time that the evidence and the command line show."""
        return self.high_water

    def covers(self, entry: ObjectSummary) -> bool:
        """Return whether the present version of the object is finished."""
        if entry.last_modified < self.floor:
            return True
        if entry.last_modified == self.floor and self.last is not None and in_order(entry.uri, self.last):
            return True
        return bool(self.seen) and identity(entry) in self.seen

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form. Identities are grouped by time, because many files have the same second.

        Without ``finished`` it is the form of older versions.
        """
        by_time: dict[str, list[str]] = {}
        for name, time in sorted(self.seen.items()):
            by_time.setdefault(format_time(time), []).append(name)
        finished = {"scope": self.scope, "finished": self.finished} if self.finished else {}
        return {
            **finished,
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
        more = ("scope", "finished") if "finished" in shape else ()
        fields = {"kind", "floor", "high_water", "seen", "last", "listed_to", *more}
        require_fields(shape, fields, where)
        scope, finished = (as_text(shape.get(name, ""), f"{where}.{name}") for name in ("scope", "finished"))
        if more:
            try:
                FinishedSet.from_text(finished)
            except ValueError as error:
                raise BookmarkStateError(f"{where}.finished: not a set") from error
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
            scope,
            finished,
        )


def in_order(first: S3Uri, second: S3Uri) -> bool:
    """Return whether the first is not after the second, by bucket and key, in S3's order of code points."""
    return (first.bucket, first.key) <= (second.bucket, second.key)


def _location(text: str, where: str) -> S3Uri:
    try:
        return S3Uri.parse(text)
    except UsageError as error:
        raise BookmarkStateError(f"{where}: not an S3 location") from error
