"""Listing only the end of a location whose keys grow with time.

The reader promises, with ``keysAscending``: of two objects below a location that were last modified more
than the window apart, the later one has the larger key, and no object is written again. Then:

    Let K be the key of an object last modified more than a window before the state's floor. Any object
    that is not yet done with was modified at or after the floor, so more than a window after K's object,
    so it has a larger key. The next listing may start after K.

What a listing shows is held against the promise: an object more than a window older than one whose key is
smaller raises. What happens below K is not seen, and rests on the promise alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

MOST_LOCATIONS = 100
"""A source of more locations keeps no keys: each costs a line of the state. Prune partitions instead."""


@dataclass(slots=True)
class _Place:
    """What the listing of one location showed."""

    bucket: str
    prefix: str
    key: str = ""
    newest: datetime | None = None
    newest_key: str = ""
    in_order: bool = True
    top: str = ""
    mark: str = ""

    def holds(self, uri: S3Uri) -> bool:
        return uri.bucket == self.bucket and uri.key.startswith(self.prefix)


class AscendingKeys:
    """Watches the listing of a source whose keys grow with time, and finds where the next may start.

    Args:
        locations: the source's locations.
        window: ``maxBand``.
        horizon: objects last modified before it are more than a window older than the next floor.
    """

    def __init__(self, locations: Sequence[S3Uri], *, window: timedelta, horizon: datetime) -> None:
        self._window, self._horizon = window, horizon
        self._places = {name_of(root): _Place(root.bucket, root.as_prefix()) for root in locations}

    def watch(self, listing: Iterable[ObjectSummary]) -> Iterator[ObjectSummary]:
        """The listing, unchanged.

        Raises:
            UsageError: the keys do not grow with time.
        """
        if len(self._places) > MOST_LOCATIONS:
            yield from listing
            return
        place: _Place | None = None
        for entry in listing:
            if place is None or not place.holds(entry.uri):
                place = next((one for one in self._places.values() if one.holds(entry.uri)), None)
            if place is not None:
                self._note(place, entry)
            yield entry

    def marks(self, before: Mapping[str, str], cut: Sequence[ObjectSummary] | None = None) -> dict[str, str]:
        """Location → key after which its next listing may start.

        Args:
            before: the marks that this run's listing started from.
            cut: where a bound stopped the run, what it read, oldest first; None when it read all.
        """
        if len(self._places) > MOST_LOCATIONS:
            return {}
        found = {name: before[name] for name in self._places if name in before}
        for name, place in self._places.items():
            mark = place.mark if cut is None else self._mark_of(place, cut)
            if place.in_order and mark > found.get(name, ""):
                found[name] = mark
        return found

    def _mark_of(self, place: _Place, cut: Sequence[ObjectSummary]) -> str:
        # The next floor is the time of the last object read, not that of the run.
        horizon = cut[-1].last_modified - self._window
        keys = (entry.uri.key for entry in cut if entry.last_modified < horizon and place.holds(entry.uri))
        return max(keys, default="")

    def _note(self, place: _Place, entry: ObjectSummary) -> None:
        key, time = entry.uri.key, entry.last_modified
        if key < place.key:
            # Not S3's order (overlapping locations, a directory bucket): nothing can be concluded.
            place.in_order = False
        place.key = key
        if place.newest is None or time > place.newest:
            place.newest, place.newest_key = time, key
        elif place.in_order and time < place.newest - self._window:
            raise UsageError(
                "keysAscending",
                found=f"{entry.uri}, modified {place.newest - time} before {place.newest_key}, "
                "whose key is smaller",
                required=f"keys that grow with time, to within maxBand ({self._window})",
                fix="leave keysAscending out, or give a maxBand that is longer than this",
            )
        # The last key that qualifies is kept back: each listing must show an object to take a schema from.
        if time < self._horizon and key > place.top:
            place.mark, place.top = place.top, key


def name_of(root: S3Uri) -> str:
    """What a location is called in the state, whether or not it was written with a slash at its end."""
    return str(S3Uri(root.bucket, root.key.rstrip("/")))
