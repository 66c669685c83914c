"""The content of a job bookmark: frozen values with one canonical JSON form.

The state is small: it has the position of each source, not a list of every object. The reader is strict: it
accepts exactly the bytes that the writer makes, so a state has one digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.parsing import BookmarkStateError, as_object, require_fields
from glue_secure.bookmarks.s3_state import S3SourceState, identity
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.evidence import canonical_json

__all__ = [
    "SCHEMA", "BookmarkState", "BookmarkStateError", "JdbcSourceState", "S3SourceState",
    "SkippedSourceState", "SourceState", "TableSourceState", "identity",
]  # fmt: skip

SCHEMA = 1
CAUSES = ("run", "rewind", "reset", "rekey", "adopt", "forget", "skip", "repair")
"""What stored a state: a run's commit, or a command."""
MOST_REASON = 1000
"""Most characters of a reason."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class SourceState(Protocol):
    """The state of one source of any kind."""

    kind: ClassVar[str]

    @property
    def watermark(self) -> datetime | str | None:
        """The newest input that was read, for the evidence and the command line; not used for selection."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, with its ``kind``."""


_READERS: dict[str, Callable[[Mapping[str, Any], str], SourceState]] = {
    S3SourceState.kind: S3SourceState.from_json,
    JdbcSourceState.kind: JdbcSourceState.from_json,
    SkippedSourceState.kind: SkippedSourceState.from_json,
    TableSourceState.kind: TableSourceState.from_json,
}


@dataclass(frozen=True, slots=True)
class BookmarkState:
    """One committed state of a job's bookmark. The counters are those of Glue's GetJobBookmark.

    Attributes:
        job: the job's name.
        sequence: 1 for the first state, one more for each that follows, also after a reset.
        run: successful runs since the last reset.
        attempt: failed attempts of this run before the one that committed.
        version: number of updates of the bookmark; it never decreases.
        run_id: the run that committed it.
        previous_run_id: the run that committed the previous state, ``""`` for the first.
        previous_digest: SHA-256 of the previous state's encrypted bytes, ``""`` for the first.
        contexts: state of each source by ``transformation_ctx``.
        cause: one of :data:`CAUSES`. A command has a ``run_id`` that belongs to no run.
        by: ARN of the caller of a command, ``""`` for a run.
        reason: the caller's reason, ``""`` without one.
        schema: version of this form.
        lost: of a repair, the sequence numbers whose states are not in the history any more, ascending.
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
    cause: str = "run"
    by: str = ""
    reason: str = ""
    schema: int = SCHEMA
    lost: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "contexts", MappingProxyType(dict(self.contexts)))
        if self.schema != SCHEMA:
            raise BookmarkStateError(f"schema: {self.schema}, this version reads {SCHEMA}")
        if min(self.sequence, self.version) < 1 or min(self.run, self.attempt) < 0:
            raise BookmarkStateError("counters: below their first value")
        self._check_lost()
        if (self.predecessor == 0) != (self.previous_digest == ""):
            raise BookmarkStateError("previous_digest: the first state has none, every other has one")
        if self.previous_digest and not _DIGEST.match(self.previous_digest):
            raise BookmarkStateError("previous_digest: not a SHA-256")
        if self.cause not in CAUSES:
            raise BookmarkStateError(f"cause: not one of {', '.join(CAUSES)}")
        if (self.cause == "run") != (self.by == ""):
            raise BookmarkStateError("by: a command has a caller, a run has none")
        if len(self.reason) > MOST_REASON or (self.reason and self.cause == "run"):
            raise BookmarkStateError(f"reason: more than {MOST_REASON} characters, or of a run")

    def _check_lost(self) -> None:
        if self.lost and self.cause != "repair":
            raise BookmarkStateError("lost: not of a repair")
        if any(type(number) is not int or not 0 < number < self.sequence for number in self.lost):
            raise BookmarkStateError("lost: not earlier sequence numbers")
        if list(self.lost) != sorted(set(self.lost)):
            raise BookmarkStateError("lost: not in ascending order")

    @property
    def predecessor(self) -> int:
        """Sequence number of the state that this one was committed on; 0 for the first."""
        number = self.sequence - 1
        lost = set(self.lost)
        while number in lost:
            number -= 1
        return number

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
        """Return the state that a successful commit stores on top of ``previous``.

        ``contexts`` are those that the run changed; the others are copied. A run that commits twice counts
        once in ``run`` and twice in ``version``.
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
        """Return canonical JSON."""
        shape = {name: getattr(self, name) for name in _STATE_FIELDS}
        if self.lost:
            shape["lost"] = list(self.lost)
        return canonical_json(shape | {"contexts": {k: v.as_json() for k, v in self.contexts.items()}})

    @classmethod
    def from_bytes(cls, body: bytes) -> BookmarkState:
        """Read canonical JSON. Raises BookmarkStateError for anything that ``to_bytes`` would not write."""
        try:
            shape = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BookmarkStateError("not JSON") from error
        shape = as_object(shape, "bookmark")
        # The schema is checked first, because another one may have other fields.
        if shape.get("schema") != SCHEMA:
            raise BookmarkStateError(f"schema: not {SCHEMA}, the one this version reads")
        lost = shape.pop("lost", ())
        if not isinstance(lost, (list, tuple)):
            raise BookmarkStateError("lost: not a list")
        require_fields(shape, _STATE_FIELDS, "bookmark")
        for name, kind in _STATE_FIELDS.items():
            if type(shape[name]) is not kind:  # bool is an int to isinstance
                raise BookmarkStateError(f"{name}: not of type {kind.__name__}")
        contexts = {
            name: _source(value, f"contexts[{index}]")
            for index, (name, value) in enumerate(shape["contexts"].items())
        }
        state = cls(**(shape | {"contexts": contexts}), lost=tuple(lost))
        # Rejects what parsing accepts: repeated names, white space, another spelling of a time.
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
    "cause": str,
    "by": str,
    "reason": str,
}


def _source(value: Any, where: str) -> SourceState:
    shape = as_object(value, where)
    kind = shape.get("kind")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise BookmarkStateError(f"{where}.kind: not one of {', '.join(_READERS)}")
    return reader(shape, where)
