"""Which objects of a listing are new: Glue's rule of modification time and consistency window.

Times are S3's ``LastModified``. An object is new when it was modified at or after the state's floor
and is not among the identities remembered there. After a run the floor is the run's time less the
window: everything before it has had the whole window to appear in a listing. So

- equal timestamps, late arrivals inside the window and files rewritten in place are found;
- nothing is selected twice, and nothing that appears within the window is skipped;
- an object that appears with a time *before* the floor is not seen, as in Glue;
- deleted objects matter to nothing.

The window also has to hold the difference between this machine's clock and S3's. Requests signed
more than 15 minutes off are refused by S3, which is the default window.
https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html (``maxBand``, ``maxFilesInBand``)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from glue_secure.bookmarks.state import S3SourceState, identity
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

WINDOW = timedelta(milliseconds=900_000)
"""Glue's default ``maxBand``."""
MAX_FILES_IN_BAND = 1000
"""Glue's default ``maxFilesInBand``."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What one source reads in this run.

    Attributes:
        new: the objects to read, each once, in key order.
        next_state: the source's state once they have been processed; None when nothing is new.
        listed: entries that the listing held.
        deferred: new objects left for a later run because the window already holds ``max_files_in_band``.
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
    window: timedelta = WINDOW,
    max_files_in_band: int = MAX_FILES_IN_BAND,
    roots: Sequence[S3Uri] = (),
) -> Selection:
    """Select what is new, in one pass over the listing.

    Memory is that of what is new and of the window, not of the listing. An object that the listing
    holds twice (overlapping paths) is selected once.

    Args:
        listing: the source's objects, in any order.
        state: the source's state, None when it has never been read.
        now: time of the run, UTC, taken before the listing starts.
        window: ``maxBand``: how long after its modification an object may still appear.
        max_files_in_band: how many identities the state may remember. The newest beyond it wait for
            a later run, which finds them once older ones have left the window.
        roots: the paths the source was asked for; they decide which names count as hidden.
    """
    floor = now.astimezone(timezone.utc) - window
    if state is not None and state.floor > floor:
        # The clock went back, or the window grew: what is done with stays done with.
        floor = state.floor
    remembered = state.seen if state is not None else {}
    remembered_times = set(remembered.values())
    settled: list[ObjectSummary] = []
    band: dict[str, ObjectSummary] = {}
    listed = 0
    for entry in listing:
        listed += 1
        # The cheapest test first: in a long-lived prefix nearly everything ends here.
        if state is not None and entry.last_modified < state.floor:
            continue
        if not is_data(entry.uri, roots):
            continue
        if entry.last_modified in remembered_times and identity(entry) in remembered:
            continue
        if entry.last_modified < floor:
            settled.append(entry)
        else:
            band[identity(entry)] = entry

    kept = {name: time for name, time in remembered.items() if time >= floor}
    room = max(0, max_files_in_band - len(kept))
    # The oldest go first, so that a steady stream of new files cannot starve a waiting one.
    waiting = sorted(band.items(), key=lambda item: (item[1].last_modified, item[1].uri.key, item[0]))
    chosen = dict(waiting[:room])
    deferred = len(waiting) - len(chosen)
    new = in_key_order([*settled, *chosen.values()])
    if not new:
        return Selection((), None, listed, deferred)
    high_water = max(entry.last_modified for entry in new)
    if state is not None:
        high_water = max(high_water, state.high_water)
    seen = kept | {name: entry.last_modified for name, entry in chosen.items()}
    return Selection(new, S3SourceState(floor, high_water, seen), listed, deferred)


def is_data(uri: S3Uri, roots: Sequence[S3Uri] = ()) -> bool:
    """Whether Spark would read an object of this name below one of ``roots`` as data.

    Directory markers (``name/``, ``name_$folder$``) are not data. Nor is what has a component that
    starts with ``.``, or with ``_`` and has no ``=`` (``_SUCCESS``, ``_temporary/``, but not the
    partition ``_day=1/``), or a copy under way (``._COPYING_``). A root itself may be called so.
    """
    key = uri.key
    if not key or key.endswith(("/", "_$folder$", "._COPYING_")):
        return False
    relative = key.rpartition("/")[2]
    for root in roots:
        below = root.as_prefix()
        if root.bucket == uri.bucket and key.startswith(below):
            relative = key[len(below) :]
            break
    return not any(
        part.startswith(".") or (part.startswith("_") and "=" not in part) for part in relative.split("/")
    )


def in_key_order(objects: Iterable[ObjectSummary]) -> tuple[ObjectSummary, ...]:
    """The objects, each once, in S3's own order: by bytes of UTF-8, which is that of code points.

    Overlapping paths list an object twice. Equal entries are neighbours after sorting, so that
    dropping them needs no second set in memory.
    """
    entries = sorted(objects, key=lambda entry: (entry.uri.bucket, entry.uri.key))
    return tuple(
        entry for index, entry in enumerate(entries) if index == 0 or entries[index - 1].uri != entry.uri
    )
