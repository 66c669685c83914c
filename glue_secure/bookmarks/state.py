"""What a job bookmark holds, as frozen values with one canonical JSON form.

The state is small: per source a floor, a high-water mark and the identities inside the consistency
window, never the list of every file ever seen. The reader is strict: the bytes it accepts are
exactly the bytes the writer makes, so one state has one digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from glue_secure.core.evidence import canonical_json
from glue_secure.core.objects import ObjectSummary

SCHEMA = 1

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_IDENTITY = re.compile(r"[0-9a-f]{32}\Z")


class BookmarkStateError(ValueError):
    """Bytes that this version would not have written as a state. The text names the field, not its value."""


def identity(entry: ObjectSummary) -> str:
    """What makes one version of one object: location, entity tag and time, as 128 bits of SHA-256.

    The time is part of it because a rewrite with equal content may keep the entity tag, and Glue
    reads a rewritten file again. Joining with NUL is unambiguous: S3Uri refuses control characters.
    """
    text = "\0".join((entry.uri.bucket, entry.uri.key, entry.etag, _format_time(entry.last_modified)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class S3SourceState:
    """How far one S3 source has been read.

    Attributes:
        floor: objects last modified before it are done with and not looked at again.
        high_water: last modification time of the newest object that was read; for people, not for selection.
        seen: identities of the objects read at or after ``floor``, with their last modification time.
    """

    floor: datetime
    high_water: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", MappingProxyType(dict(self.seen)))
        if any(time < self.floor for time in self.seen.values()):
            raise BookmarkStateError("seen: an identity older than floor")

    def as_json(self) -> dict[str, Any]:
        """The JSON form. Identities are grouped by time: many files share one second."""
        by_time: dict[str, list[str]] = {}
        for name, time in sorted(self.seen.items()):
            by_time.setdefault(_format_time(time), []).append(name)
        return {
            "kind": "s3",
            "floor": _format_time(self.floor),
            "high_water": _format_time(self.high_water),
            "seen": by_time,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any], where: str) -> S3SourceState:
        """Read the JSON form. Raises BookmarkStateError."""
        _fields(shape, {"kind", "floor", "high_water", "seen"}, where)
        seen: dict[str, datetime] = {}
        for text, names in _object(shape["seen"], f"{where}.seen").items():
            time = _parse_time(text, f"{where}.seen")
            if not isinstance(names, list):
                raise BookmarkStateError(f"{where}.seen: not a list of identities")
            for name in names:
                if not isinstance(name, str) or not _IDENTITY.match(name):
                    raise BookmarkStateError(f"{where}.seen: not an identity")
                seen[name] = time
        return cls(
            _parse_time(shape["floor"], f"{where}.floor"),
            _parse_time(shape["high_water"], f"{where}.high_water"),
            seen,
        )


# JDBC sources join this union, and the table of readers, with a "kind" of their own.
SourceState = S3SourceState
_READERS = {"s3": S3SourceState.from_json}


@dataclass(frozen=True, slots=True)
class BookmarkState:
    """One committed state of one job's bookmark. Counters are those of Glue's GetJobBookmark.

    Attributes:
        job: the job's name.
        sequence: 1 for the first state ever stored, one more for each that follows, resets included.
        run: successful runs since the last reset.
        attempt: failed attempts of this run before the one that committed.
        version: updates of the bookmark; it never goes back.
        run_id: the run that committed it.
        previous_run_id: the run that committed the state before, ``""`` for the first.
        previous_digest: SHA-256 of the sealed bytes of the state before, ``""`` for the first.
        contexts: state of each source by ``transformation_ctx``.
        schema: version of this form.
    """

    job: str
    sequence: int
    run: int
    attempt: int
    version: int
    run_id: str
    previous_run_id: str
    previous_digest: str
    contexts: Mapping[str, SourceState]
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        object.__setattr__(self, "contexts", MappingProxyType(dict(self.contexts)))
        if self.schema != SCHEMA:
            raise BookmarkStateError(f"schema: {self.schema}, this version reads {SCHEMA}")
        if min(self.sequence, self.version) < 1 or min(self.run, self.attempt) < 0:
            raise BookmarkStateError("counters: below their first value")
        if (self.sequence == 1) != (self.previous_digest == ""):
            raise BookmarkStateError("previous_digest: the first state has none, every other has one")
        if self.previous_digest and not _DIGEST.match(self.previous_digest):
            raise BookmarkStateError("previous_digest: not a SHA-256")

    @classmethod
    def after(
        cls,
        previous: BookmarkState | None,
        *,
        previous_digest: str,
        job: str,
        run_id: str,
        attempt: int,
        contexts: Mapping[str, SourceState],
    ) -> BookmarkState:
        """The state that a successful commit stores on top of ``previous``.

        ``contexts`` are those the run moved; the others keep their state. A run that commits twice
        counts once in ``run`` and twice in ``version``.
        """
        if previous is None:
            return cls(job, 1, 1, attempt, 1, run_id, "", previous_digest, contexts)
        again = previous.run_id == run_id
        return cls(
            job=job,
            sequence=previous.sequence + 1,
            run=previous.run + (0 if again else 1),
            attempt=attempt,
            version=previous.version + 1,
            run_id=run_id,
            previous_run_id=previous.previous_run_id if again else previous.run_id,
            previous_digest=previous_digest,
            contexts={**previous.contexts, **contexts},
        )

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        shape = {name: getattr(self, name) for name in _STATE_FIELDS}
        return canonical_json(shape | {"contexts": {k: v.as_json() for k, v in self.contexts.items()}})

    @classmethod
    def from_bytes(cls, body: bytes) -> BookmarkState:
        """Read canonical JSON. Raises BookmarkStateError for anything that ``to_bytes`` would not write."""
        try:
            shape = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BookmarkStateError("not JSON") from error
        shape = _object(shape, "bookmark")
        # The schema comes first: another one may have other fields.
        if shape.get("schema") != SCHEMA:
            raise BookmarkStateError(f"schema: not {SCHEMA}, the one this version reads")
        _fields(shape, _STATE_FIELDS, "bookmark")
        for name, kind in _STATE_FIELDS.items():
            if type(shape[name]) is not kind:  # bool is an int to isinstance
                raise BookmarkStateError(f"{name}: not of type {kind.__name__}")
        contexts = {
            name: _source(value, f"contexts[{index}]")
            for index, (name, value) in enumerate(shape["contexts"].items())
        }
        state = cls(**(shape | {"contexts": contexts}))
        # Catches what parsing forgives: repeated names, white space, another spelling of a time.
        if state.to_bytes() != body:
            raise BookmarkStateError("not in canonical form")
        return state


_STATE_FIELDS: dict[str, type] = {
    "schema": int,
    "job": str,
    "sequence": int,
    "run": int,
    "attempt": int,
    "version": int,
    "run_id": str,
    "previous_run_id": str,
    "previous_digest": str,
    "contexts": dict,
}


def _source(value: Any, where: str) -> SourceState:
    shape = _object(value, where)
    kind = shape.get("kind")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise BookmarkStateError(f"{where}.kind: not one of {', '.join(_READERS)}")
    return reader(shape, where)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BookmarkStateError(f"{where}: not an object")
    return value


def _fields(shape: Mapping[str, Any], expected: Any, where: str) -> None:
    missing, extra = set(expected) - set(shape), set(shape) - set(expected)
    if missing:
        raise BookmarkStateError(f"{where}: lacks {', '.join(sorted(missing))}")
    if extra:
        raise BookmarkStateError(f"{where}: {len(extra)} unknown field(s)")


def _format_time(time: datetime) -> str:
    if time.utcoffset() != timedelta(0):
        raise BookmarkStateError("time: not UTC")
    return time.replace(tzinfo=None).isoformat() + "Z"


def _parse_time(text: Any, where: str) -> datetime:
    try:
        if not isinstance(text, str) or not text.endswith("Z"):
            raise ValueError
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise BookmarkStateError(f"{where}: not a UTC time") from error
