"""Select the new objects of a listing by Glue's rule of modification time and consistency window.

Times are S3's ``LastModified``. An object is new if it was modified at or after the state's floor and is not
among the identities that the state stores. After a run the floor is the run's time less the window: every
object before it has had the whole window to appear in a listing. Therefore

- equal timestamps, late arrivals inside the window and rewritten files are selected;
- no object is selected twice, and no object that appears within the window is skipped;
- an object that appears with a time *before* the floor, for instance after a long multipart upload, is
  noticed by a summary of the objects before the floor, and selected (:mod:`.finished_set`), unlike in Glue;
- deleted objects have no effect.

A bounded run reads the oldest objects first. If it stops before the window, it stores the time and the key of
the last object, so that the state stays small even if a million objects have the same time.

The window must exceed the difference between this machine's clock and S3's. S3 rejects requests that are
signed more than 15 minutes off, which is the default window.
https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from glue_secure.bookmarks.ascending import AscendingKeys
from glue_secure.bookmarks.bounds import Limits, Oldest, age_order, within
from glue_secure.bookmarks.finished_set import FinishedSet, identifier
from glue_secure.bookmarks.packed import PackedObjects, key_order, without_repeats
from glue_secure.bookmarks.s3_state import S3SourceState, identity, in_order
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

DEFAULT = Limits()
"""Glue's window without a bound."""
_LONG_AGO = datetime(1, 1, 1, tzinfo=timezone.utc)
NO_DATA = ("/", "_$folder$", "._COPYING_")
"""Suffixes of keys that are not data: directory markers, and copies in progress."""
# A path component that starts with '.', or that starts with '_' and has no '='.
_HIDDEN = re.compile(r"(?:\A|/)(?:\.|_[^/=]*(?:/|\Z))")


@dataclass(frozen=True, slots=True)
class Selection:
    """The objects that one source reads in a run.

    Attributes:
        new: the objects to read, each once, in key order: a tuple, or packed objects if there are many.
        next_state: the source's state after these objects; None if nothing is new, or if the run changes no
            state.
        listed: number of entries in the listing.
        deferred: new objects left for a later run, because of a bound or of ``max_files_in_band``. An object
            that overlapping paths list twice may be counted twice.
        late: objects among ``new`` that appeared with a time before the floor.
        unchecked: why such objects could not be noticed in this run; ``""`` if they could.
        unread: objects before the floor that are not read, and that perhaps no run has read.
    """

    new: Sequence[ObjectSummary]
    next_state: S3SourceState | None
    listed: int
    deferred: int = 0
    late: int = 0
    unchecked: str = ""
    unread: int = 0


def select(
    listing: Iterable[ObjectSummary],
    state: S3SourceState | None,
    *,
    now: datetime,
    limits: Limits = DEFAULT,
    roots: Sequence[S3Uri] = (),
    locations: Sequence[S3Uri] = (),
    scope: str = "",
) -> Selection:
    """Select the new objects in one pass over the listing, and a second one if an object appeared late.

    Memory is proportional to the selection and the window, not to the listing. An object that overlapping
    paths list twice is selected once.

    Args:
        listing: the source's objects, in any order. Only one that can be iterated twice finds late objects.
        state: the source's state; None if it was never read.
        now: time of the run, UTC, taken before the listing starts.
        limits: the window and the bounds.
        roots: the requested paths, which decide the names that count as hidden.
        locations: the listed paths, in order; ``keys_ascending`` needs them.
        scope: digest of what is listed. Objects of another scope are not compared with the state's.

    Raises:
        UsageError: the listing breaks the promise of ``keys_ascending``.
    """
    # S3's times are whole seconds. An object of the floor's own second may appear after the listing.
    floor, last = (now.astimezone(timezone.utc) - limits.window).replace(microsecond=0), None
    if state is not None and state.floor >= floor:
        # The clock went back, or the window grew: finished objects stay finished.
        floor, last = state.floor, state.last
    keys, entries = None, listing
    if limits.keys_ascending:
        keys = AscendingKeys(locations, window=limits.window, horizon=floor - limits.window)
        entries = keys.check(listing)
    known = state.seen if state is not None else {}
    stored = {name: time for name, time in known.items() if time >= floor}
    capacity = max(0, limits.max_files_in_band - len(stored))
    settled = Oldest(limits.files, limits.size)
    band = Oldest(capacity if limits.files is None else min(capacity, limits.files), limits.size)
    finished = _Finished(state, scope, is_whole=keys is None)
    listed = _pass(entries, state, floor, roots, settled, band, finished)
    late = finished.late(listing, roots)
    if late and state is not None and (limits.files is not None or limits.size is not None):
        # The late objects first. The others wait for the next run.
        read = late[: within(late, limits.files, limits.size)]
        finished.leave_out(late[len(read) :])
        next_state = replace(state, scope=scope, finished=finished.text(state.floor))
        deferred = len(late) - len(read) + len(settled.selected()) + len(band.selected())
        deferred += settled.left_out + band.left_out
        return Selection(in_key_order(read), next_state, listed, deferred, len(read))

    chosen, waiting = settled.selected(), band.selected()
    if settled.left_out:
        # The run stops before the window, at the last chosen object.
        banded: Sequence[ObjectSummary] = []
        floor, last = chosen[-1].last_modified, chosen[-1].uri
        stored = {name: time for name, time in known.items() if time >= floor}
    else:
        files = None if limits.files is None else limits.files - len(chosen)
        size = None if limits.size is None else limits.size - sum(entry.size for entry in chosen)
        banded = waiting[: within(waiting, files, size, least=0 if chosen else 1)]
    deferred = settled.left_out + band.left_out + len(waiting) - len(banded)
    new = in_key_order(late, chosen, banded)
    if not new:
        return Selection((), None, listed, deferred, unchecked=finished.unchecked, unread=finished.unread)
    high_water = max(entry.last_modified for entry in new)
    if state is not None:
        high_water = max(high_water, state.high_water)
    seen = stored | {identity(entry): entry.last_modified for entry in banded}
    before = state.listed_to if state is not None else {}
    listed_to = keys.start_keys(before, chosen if settled.left_out else None) if keys is not None else {}
    text = finished.text(floor, chosen)
    next_state = S3SourceState(floor, high_water, seen, last, listed_to, scope if text else "", text)
    return Selection(new, next_state, listed, deferred, len(late), finished.unchecked, finished.unread)


class _Finished:
    """The summary of the listed objects before a state's floor, and its comparison with the state's own.

    Args:
        state: the source's state.
        scope: digest of what is listed.
        is_whole: whether everything is listed.
    """

    def __init__(self, state: S3SourceState | None, scope: str, *, is_whole: bool) -> None:
        self._set = FinishedSet()
        self._later: list[tuple[datetime, int]] = []
        self._before: FinishedSet | None = None
        self._is_whole = is_whole
        self._has_other_scope = False
        self.unchecked = ""
        self.unread = 0
        if not is_whole:
            self.unchecked = "keysAscending lists only new keys"
        elif state is not None and not state.finished:
            self.unchecked = "the state is of an older version, or was made by a command"
        elif state is not None and state.scope != scope:
            self.unchecked = "locations or filters have changed"
            self._has_other_scope = True
        elif state is not None:
            self._before = FinishedSet.from_text(state.finished)

    def add(self, entry: ObjectSummary) -> None:
        """Add an object before the floor of the state."""
        if self._is_whole:
            self._set.add(identifier(entry))

    def add_later(self, entry: ObjectSummary) -> None:
        """Add a finished object that is not before the floor of the state, but may be before the next one."""
        if self._is_whole:
            self._later.append((entry.last_modified, identifier(entry)))

    def late(self, listing: Iterable[ObjectSummary], roots: Sequence[S3Uri]) -> list[ObjectSummary]:
        """Return the objects before the floor that were not there when the state was stored, oldest first."""
        if self._before is None:
            if self._has_other_scope and self._set.size:
                self.unread = self._set.size
                self.unchecked += f": {self.unread} objects before the floor are not read"
            return []
        difference = self._set.difference(self._before)
        if difference is None:
            self.unread = max(0, self._set.size - self._before.size)
            self.unchecked = "too many objects before the floor have been deleted or have appeared" + (
                f": at least {self.unread} have appeared and are not read" if self.unread else ""
            )
            return []
        if not difference.added:
            return []
        found = [
            entry for entry in listing if identifier(entry) in difference.added and is_data(entry.uri, roots)
        ]
        if not found:
            self.unread = len(difference.added)
            self.unchecked = f"{self.unread} objects have appeared before the floor and are not read"
        return list(without_repeats(sorted(found, key=age_order)))

    def leave_out(self, entries: Iterable[ObjectSummary]) -> None:
        """Remove objects that a later run reads."""
        for entry in entries:
            self._set.discard(identifier(entry))

    def text(self, floor: datetime, chosen: Iterable[ObjectSummary] = ()) -> str:
        """Return the summary of the objects before the next floor, with the objects that the run reads."""
        if not self._is_whole:
            return ""
        summary = self._set.copy()
        for time, number in self._later:
            if time < floor:
                summary.add(number)
        for entry in chosen:
            if entry.last_modified < floor:
                summary.add(identifier(entry))
        return summary.to_text()


def select_range(
    listing: Iterable[ObjectSummary],
    after: S3SourceState | None,
    until: S3SourceState | None,
    *,
    limits: Limits = DEFAULT,
    roots: Sequence[S3Uri] = (),
) -> Selection:
    """Select the objects between two earlier states: those that ``until`` covers and ``after`` does not.

    An object that was rewritten since is not selected. Of the limits only the bounds apply.
    """
    listed, oldest = 0, Oldest(limits.files, limits.size)
    for entry in listing:
        listed += 1
        if until is None or not until.covers(entry) or (after is not None and after.covers(entry)):
            continue
        if is_data(entry.uri, roots):
            oldest.add(entry)
    new = in_key_order(oldest.selected())
    return Selection(new, None, listed, oldest.left_out)


def select_all(
    listing: Iterable[ObjectSummary], *, limits: Limits = DEFAULT, roots: Sequence[S3Uri] = ()
) -> Selection:
    """Select every object, or the oldest up to a bound, for a source that no bookmark tracks."""
    listed, oldest = 0, Oldest(limits.files, limits.size)
    for entry in listing:
        listed += 1
        if is_data(entry.uri, roots):
            oldest.add(entry)
    new = in_key_order(oldest.selected())
    return Selection(new, None, listed, oldest.left_out)


def _pass(
    listing: Iterable[ObjectSummary],
    state: S3SourceState | None,
    floor: datetime,
    roots: Sequence[S3Uri],
    settled: Oldest,
    band: Oldest,
    finished: _Finished,
) -> int:
    """Add the new objects to ``settled`` or ``band``, in one pass. Return the number of listed entries.

    The cheapest test comes first and creates no object: in a long-lived prefix most entries end there.
    """
    done = state.floor if state is not None else _LONG_AGO
    last = state.last if state is not None else None
    known = state.seen if state is not None else {}
    times = set(known.values())
    listed = 0
    for entry in listing:
        listed += 1
        time = entry.last_modified
        if time < done:
            finished.add(entry)
            continue
        if last is not None and time == done and in_order(entry.uri, last):
            finished.add_later(entry)
            continue
        if not is_data(entry.uri, roots):
            continue
        if time in times and identity(entry) in known:
            finished.add_later(entry)
            continue
        (settled if time < floor else band).add(entry)
    return listed


def is_data(uri: S3Uri, roots: Sequence[S3Uri] = ()) -> bool:
    """Return whether Spark reads an object of this name below one of ``roots`` as data.

    Not data are directory markers (``name/``, ``name_$folder$``), copies in progress (``._COPYING_``), and
    names with a component that starts with ``.``, or that starts with ``_`` and has no ``=`` (``_SUCCESS``,
    ``_temporary/``, but not the partition ``_day=1/``). The names of the roots themselves are not checked.
    """
    key = uri.key
    for root in roots:
        below = root.as_prefix()
        if root.bucket == uri.bucket and key.startswith(below):
            return is_data_key(key, below)
    return is_data_key(key, key)


def is_data_key(key: str, below: str) -> bool:
    """Return :func:`is_data` for a key that was listed below a known prefix."""
    if not key or key.endswith(NO_DATA):
        return False
    is_below = key.startswith(below) and key != below
    return _HIDDEN.search(key[len(below) :] if is_below else key.rpartition("/")[2]) is None


def in_key_order(*selections: Sequence[ObjectSummary]) -> Sequence[ObjectSummary]:
    """Return the objects without duplicates in S3's order.

    Equal entries are neighbours after sorting, so removing them needs no set in memory.
    """
    packed = [objects for objects in selections if isinstance(objects, PackedObjects)]
    others = [entry for objects in selections if not isinstance(objects, PackedObjects) for entry in objects]
    others.sort(key=key_order)
    ordered = [objects.in_key_order() for objects in packed]
    if not ordered:
        return tuple(without_repeats(others))
    if len(ordered) == 1 and not others:
        return ordered[0]
    return PackedObjects(without_repeats(heapq.merge(*ordered, others, key=key_order)))
