"""Which objects of a listing are new: Glue's rule of modification time and consistency window.

Times are S3's ``LastModified``. An object is new when it was modified at or after the state's floor
and is not among the identities remembered there. After a run the floor is the run's time less the
window: everything before it has had the whole window to appear in a listing. So

- equal timestamps, late arrivals inside the window and files rewritten in place are found;
- nothing is selected twice, and nothing that appears within the window is skipped;
- an object that appears with a time *before* the floor is not seen, as in Glue;
- deleted objects matter to nothing.

A bounded run reads the oldest first. Where it stops before the window it remembers the place, a time and a
key, so that the state stays small though a million objects share one second.

The window also has to hold the difference between this machine's clock and S3's. Requests signed
more than 15 minutes off are refused by S3, which is the default window.
https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from glue_secure.bookmarks.ascending import AscendingKeys
from glue_secure.bookmarks.bounds import Limits, Oldest, each_once, within
from glue_secure.bookmarks.s3_state import S3SourceState, identity, in_order
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

DEFAULT = Limits()
"""Glue's window, and no bound."""
_LONG_AGO = datetime(1, 1, 1, tzinfo=timezone.utc)
NO_DATA = ("/", "_$folder$", "._COPYING_")
"""Ends of keys that are no data: directory markers, and a copy under way."""
# A component that starts with '.', or with '_' and has no '='.
_HIDDEN = re.compile(r"(?:\A|/)(?:\.|_[^/=]*(?:/|\Z))")


@dataclass(frozen=True, slots=True)
class Selection:
    """What one source reads in this run.

    Attributes:
        new: the objects to read, each once, in key order.
        next_state: the source's state once they have been processed; None when nothing is new, or when
            the run moves nothing.
        listed: entries that the listing held.
        deferred: new objects left for a later run, because of a bound or because the window already
            holds ``max_files_in_band``; one that overlapping paths list twice may count twice.
    """

    new: tuple[ObjectSummary, ...]
    next_state: S3SourceState | None
    listed: int
    deferred: int = 0


def select(
    listing: Iterable[ObjectSummary],
    state: S3SourceState | None,
    *,
    now: datetime,
    limits: Limits = DEFAULT,
    roots: Sequence[S3Uri] = (),
    locations: Sequence[S3Uri] = (),
) -> Selection:
    """Select what is new, in one pass over the listing.

    Memory is that of what is read and of the window, not of the listing. An object that the listing
    holds twice (overlapping paths) is selected once.

    Args:
        listing: the source's objects, in any order.
        state: the source's state, None when it has never been read.
        now: time of the run, UTC, taken before the listing starts.
        limits: the window, and how much to read at most.
        roots: the paths the source was asked for; they decide which names count as hidden.
        locations: the paths that the listing lists, one after the other; ``keys_ascending`` needs them.

    Raises:
        UsageError: the listing breaks the promise of ``keys_ascending``.
    """
    floor, last = now.astimezone(timezone.utc) - limits.window, None
    if state is not None and state.floor >= floor:
        # The clock went back, or the window grew: what is done with stays done with.
        floor, last = state.floor, state.last
    keys = None
    if limits.keys_ascending:
        keys = AscendingKeys(locations, window=limits.window, horizon=floor - limits.window)
        listing = keys.watch(listing)
    remembered = state.seen if state is not None else {}
    kept = {name: time for name, time in remembered.items() if time >= floor}
    room = max(0, limits.max_files_in_band - len(kept))
    settled = Oldest(limits.files, limits.size)
    band = Oldest(room if limits.files is None else min(room, limits.files), limits.size)
    listed = _pass(listing, state, floor, roots, settled, band)

    chosen, waiting = settled.taken(), band.taken()
    if settled.left_out:
        # The run stops before the window: what it read ends at a place, and nothing behind it is touched.
        banded: list[ObjectSummary] = []
        floor, last = chosen[-1].last_modified, chosen[-1].uri
        kept = {name: time for name, time in remembered.items() if time >= floor}
    else:
        files = None if limits.files is None else limits.files - len(chosen)
        size = None if limits.size is None else limits.size - sum(entry.size for entry in chosen)
        banded = waiting[: within(waiting, files, size, least=0 if chosen else 1)]
    deferred = settled.left_out + band.left_out + len(waiting) - len(banded)
    new = in_key_order([*chosen, *banded])
    if not new:
        return Selection((), None, listed, deferred)
    high_water = max(entry.last_modified for entry in new)
    if state is not None:
        high_water = max(high_water, state.high_water)
    seen = kept | {identity(entry): entry.last_modified for entry in banded}
    before = state.listed_to if state is not None else {}
    listed_to = keys.marks(before, chosen if settled.left_out else None) if keys is not None else {}
    return Selection(new, S3SourceState(floor, high_water, seen, last, listed_to), listed, deferred)


def select_range(
    listing: Iterable[ObjectSummary],
    after: S3SourceState | None,
    upto: S3SourceState | None,
    *,
    limits: Limits = DEFAULT,
    roots: Sequence[S3Uri] = (),
) -> Selection:
    """Select what two states of the past have between them: what ``upto`` is done with and ``after`` is not.

    An object that was written again since then is not what was read then, and is left out. Of the limits
    only the bound counts.
    """
    listed, held = 0, Oldest(limits.files, limits.size)
    for entry in listing:
        listed += 1
        if upto is None or not upto.covers(entry) or (after is not None and after.covers(entry)):
            continue
        if is_data(entry.uri, roots):
            held.add(entry)
    new = in_key_order(held.taken())
    return Selection(new, None, listed, held.left_out)


def select_all(
    listing: Iterable[ObjectSummary], *, limits: Limits = DEFAULT, roots: Sequence[S3Uri] = ()
) -> Selection:
    """Select everything, or the oldest of it within a bound: a source that no bookmark tracks."""
    listed, held = 0, Oldest(limits.files, limits.size)
    for entry in listing:
        listed += 1
        if is_data(entry.uri, roots):
            held.add(entry)
    new = in_key_order(held.taken())
    return Selection(new, None, listed, held.left_out)


def _pass(
    listing: Iterable[ObjectSummary],
    state: S3SourceState | None,
    floor: datetime,
    roots: Sequence[S3Uri],
    settled: Oldest,
    band: Oldest,
) -> int:
    """One pass over the listing: what is new goes to ``settled`` or ``band``. Returns how many it held.

    It makes nothing per entry: the cheapest test comes first, and in a long-lived prefix nearly
    everything ends there.
    """
    done = state.floor if state is not None else _LONG_AGO
    last = state.last if state is not None else None
    remembered = state.seen if state is not None else {}
    times = set(remembered.values())
    listed = 0
    for entry in listing:
        listed += 1
        time = entry.last_modified
        if time < done:
            continue
        if last is not None and time == done and in_order(entry.uri, last):
            continue
        if not is_data(entry.uri, roots):
            continue
        if time in times and identity(entry) in remembered:
            continue
        (settled if time < floor else band).add(entry)
    return listed


def is_data(uri: S3Uri, roots: Sequence[S3Uri] = ()) -> bool:
    """Whether Spark would read an object of this name below one of ``roots`` as data.

    Directory markers (``name/``, ``name_$folder$``) are not data. Nor is what has a component that
    starts with ``.``, or with ``_`` and has no ``=`` (``_SUCCESS``, ``_temporary/``, but not the
    partition ``_day=1/``), or a copy under way (``._COPYING_``). A root itself may be called so.
    """
    key = uri.key
    for root in roots:
        below = root.as_prefix()
        if root.bucket == uri.bucket and key.startswith(below):
            return is_data_key(key, below)
    return is_data_key(key, key)


def is_data_key(key: str, below: str) -> bool:
    """:func:`is_data` of a key that was listed below a prefix, without the steps that find the prefix."""
    if not key or key.endswith(NO_DATA):
        return False
    is_below = key.startswith(below) and key != below
    return _HIDDEN.search(key[len(below) :] if is_below else key.rpartition("/")[2]) is None


def in_key_order(objects: Iterable[ObjectSummary]) -> tuple[ObjectSummary, ...]:
    """The objects, each once, in S3's own order: by bytes of UTF-8, which is that of code points.

    Equal entries are neighbours after sorting, so that dropping them needs no second set in memory.
    """
    return tuple(each_once(sorted(objects, key=lambda entry: (entry.uri.bucket, entry.uri.key))))
