"""Repair a bookmark whose objects are damaged or missing: continue from the newest state that can be read.

Damaged objects are moved below ``damaged/``, so that nothing is destroyed. The new state names the sequence
numbers that the history has lost, and the history is checked around them from then on. It is also the way
back to a bookmark whose high-water mark is ahead of every state that is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.bookmarks import findings
from glue_secure.bookmarks.operations import require_reason, shown
from glue_secure.bookmarks.state import BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import error_of
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import StoredObject
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import ServiceError

_SEQUENCE = re.compile(r"\d{12}\Z")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object of the bookmark. Without a state it is damaged, for the given reason."""

    uri: S3Uri
    stored: StoredObject = field(repr=False)
    state: BookmarkState | None
    reason: str = ""

    def as_loaded(self) -> Loaded:
        return Loaded(self.state, self.stored.etag, digest(self.stored.body), True, self.stored.body)


@dataclass(frozen=True, slots=True)
class Repair:
    """A planned repair.

    Attributes:
        base: the state that the new one continues; without a state, everything is read again.
        present_etag: entity tag of ``current``; None if there is none.
        damaged: objects to move below ``damaged/``.
        sequence: of the new state.
        lost: sequence numbers that the history has lost.
        meaning: sentences that describe the effect; they contain no key values.
    """

    base: Loaded = field(repr=False)
    present_etag: str | None
    damaged: tuple[_Entry, ...] = field(repr=False)
    sequence: int
    lost: tuple[int, ...]
    meaning: tuple[str, ...]


def plan_repair(store: BookmarkStore, objects: ObjectStore, *, other_keys: bool = False) -> Repair:
    """Plan to continue from the newest state that can be read.

    Args:
        store: the bookmark.
        objects: the object store.
        other_keys: whether an object under a key that is not listed counts as damaged.

    Raises:
        UsageError: there is no bookmark, or nothing to repair.
        RefusedError: GS-BKM-001, an object is under a key that is not listed.
        VerificationError: GS-BKM-006.
    """
    current, entries = _current(store, other_keys), _history(store, objects, other_keys)
    mark = store.mark()
    base, damaged = _base(current, entries)
    lost, displaced = _lost(base, entries)
    damaged += displaced
    damaged += [entry for number, entry in sorted(entries.items()) if number > base.sequence]
    marked = mark.sequence if mark is not None else 0
    highest = max(base.sequence, marked)
    if not base.state and not damaged and not marked:
        raise UsageError(
            f"repair of the bookmark of job {store.job}",
            found=f"no bookmark at {store.uri}",
            required="a bookmark that is damaged",
            fix="nothing to do: the next run reads everything",
        )
    is_current = current is not None and current.state is not None and base.digest == _digest(current)
    is_marked = mark is None or mark == HighWaterMark(base.sequence, base.digest)
    if is_current and is_marked and not damaged and not lost and base.sequence in entries:
        raise UsageError(
            f"repair of the bookmark of job {store.job}",
            found=f"{base.sequence} states without damage",
            required="a bookmark that is damaged",
            fix="nothing to do",
        )
    lost = sorted({*lost, *range(base.sequence + 1, highest + 1)})
    return Repair(
        base=base,
        present_etag=current.stored.etag if current is not None else None,
        damaged=tuple(damaged),
        sequence=highest + 1,
        lost=tuple(lost),
        meaning=_meaning(base, highest + 1, damaged, lost, current),
    )


def apply_repair(store: BookmarkStore, repair: Repair, *, run_id: str, by: str, reason: str = "") -> Loaded:
    """Carry out a planned repair, unless ``current`` has changed since.

    Raises:
        BookmarkConflictError: GS-BKM-005: a run or another command committed first.
        UsageError: the reason is too long or is not printable.
        RefusedError, VerificationError: as in ``BookmarkStore.commit``.
    """
    require_reason(reason)
    before = repair.base.state
    state = BookmarkState(
        job=store.job,
        sequence=repair.sequence,
        run=before.run if before is not None else 0,
        attempt=0,
        version=before.version + 1 if before is not None else 1,
        run_id=run_id,
        previous_run_id=before.run_id if before is not None else "",
        previous_digest=repair.base.digest,
        contexts=before.contexts if before is not None else {},
        cause="repair",
        by=by,
        reason=reason,
        lost=repair.lost,
    )
    for entry in repair.damaged:
        # current is replaced under the condition that it is still this object.
        store.set_aside(entry.uri, entry.stored, remove=entry.uri != store.uri)
    return store.replace(repair.base, repair.present_etag, state)


def _current(store: BookmarkStore, other_keys: bool) -> _Entry | None:
    stored = store.stored(store.uri)
    return _entry(store, store.uri, stored, other_keys) if stored is not None else None


def _history(store: BookmarkStore, objects: ObjectStore, other_keys: bool) -> dict[int, _Entry]:
    folder = S3Uri(store.uri.bucket, store.history_uri(1).key.rpartition("/")[0])
    try:
        uris = [listed.uri for listed in objects.list(folder)]
    except ServiceError as error:
        raise error_of(findings.storage_unavailable(str(folder), error, "listing it")) from error
    entries = {}
    for uri in uris:
        name = uri.key.removeprefix(folder.as_prefix())
        stored = store.stored(uri) if _SEQUENCE.match(name) else None
        if stored is None:
            continue
        entry = _entry(store, uri, stored, other_keys)
        if entry.state is not None and entry.state.sequence != int(name):
            reason = f"the state of sequence {entry.state.sequence}"
            entry = _Entry(uri, stored, None, reason)
        entries[int(name)] = entry
    return entries


def _entry(store: BookmarkStore, uri: S3Uri, stored: StoredObject, other_keys: bool) -> _Entry:
    try:
        return _Entry(uri, stored, store.state_in(stored, uri))
    except RefusedError as error:
        if findings.is_another_key(error) and not other_keys:
            raise
        return _Entry(uri, stored, None, error.found)


def _base(current: _Entry | None, entries: Mapping[int, _Entry]) -> tuple[Loaded, list[_Entry]]:
    """Return the newest state, and ``current`` if it is damaged or another one.

    Of two states with the same number, the one in the history counts: it was committed first.
    """
    newest = max((number for number, entry in entries.items() if entry.state is not None), default=0)
    recorded = entries.get(newest)
    present = current.state.sequence if current is not None and current.state is not None else 0
    if current is not None and present > newest:
        return current.as_loaded(), []
    damaged = []
    if current is not None and (recorded is None or _digest(current) != _digest(recorded)):
        damaged.append(current)
    return (recorded.as_loaded() if recorded is not None else Loaded(None, None, "", False)), damaged


def _lost(base: Loaded, entries: Mapping[int, _Entry]) -> tuple[list[int], list[_Entry]]:
    """Return numbers below the base that the history lacks and no repair names, and objects in their way."""
    lost: list[int] = []
    displaced: list[_Entry] = []
    own = entries.get(base.sequence)
    if own is not None and _digest(own) != base.digest:
        displaced.append(own)
    named: set[int] = set()
    state, expected = base.state, ""
    if state is not None:
        named, expected = set(state.lost), state.previous_digest
    for number in range(base.sequence - 1, 0, -1):
        if number in named:
            continue
        entry = entries.get(number)
        if entry is None or entry.state is None or (expected and _digest(entry) != expected):
            lost.append(number)
            expected = ""
            if entry is not None:
                displaced.append(entry)
            continue
        named |= set(entry.state.lost)
        expected = entry.state.previous_digest if entry.state.predecessor not in named else ""
    return lost, displaced


def _meaning(
    base: Loaded, sequence: int, damaged: list[_Entry], lost: list[int], current: _Entry | None
) -> tuple[str, ...]:
    lines = []
    if base.state is None:
        lines.append(
            f"No state can be read. Sequence {sequence} will have no source: everything is read again."
        )
    else:
        lines.append(f"Sequence {sequence} will be a copy of sequence {base.sequence}.")
        lines += [f"{name!r} stays at {shown(source)}." for name, source in _sorted(base.state.contexts)]
    if current is None or _digest(current) != base.digest:
        lines.append("Input that later runs have read, if there were any, is read again.")
    for entry in damaged:
        what = entry.reason or f"another state of sequence {entry.state.sequence if entry.state else 0}"
        lines.append(f"{entry.uri} is moved below damaged/: {what}.")
    if lost:
        lines.append(f"The history lacks sequence {_ranges(lost)}. A rewind to these is not possible.")
    return tuple(lines)


def _sorted(contexts: Mapping[str, SourceState]) -> list[tuple[str, SourceState]]:
    return sorted(contexts.items())


def _ranges(numbers: list[int]) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)


def _digest(entry: _Entry) -> str:
    return digest(entry.stored.body)
