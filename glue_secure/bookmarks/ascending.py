"""List only the end of a location whose keys grow with time.

``keysAscending`` is a promise of the job's author: of two objects below a location that were last modified
more than the window apart, the later one has the larger key, and no object is written again. It follows:

    Let K be the key of an object that was last modified more than a window before the state's floor. An
    object that is not finished was modified at or after the floor, more than a window after K's object, and
    so has a larger key. The next listing may start after K.

A listing is checked against the promise: an object that is more than a window older than an object with a
smaller key raises an error. Objects up to K are not listed, so the promise is not checked for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

MOST_LOCATIONS = 100
"""A source with more locations stores no keys, because each needs a line of the state."""


@dataclass(slots=True)
class _Location:
    """The observed listing of one location."""

    bucket: str
    prefix: str
    key: str = ""
    newest: datetime | None = None
    newest_key: str = ""
    in_order: bool = True
    top: str = ""
    start_key: str = ""

    def contains(self, uri: S3Uri) -> bool:
        return uri.bucket == self.bucket and uri.key.startswith(self.prefix)


class AscendingKeys:
    """Checks the listing of a source with ascending keys, and determines where the next listing may start.

    Args:
        locations: the source's locations.
        window: ``maxBand``.
        horizon: objects last modified before this time are more than a window older than the next floor.
    """

    def __init__(self, locations: Sequence[S3Uri], *, window: timedelta, horizon: datetime) -> None:
        self._window, self._horizon = window, horizon
        self._locations = {name_of(root): _Location(root.bucket, root.as_prefix()) for root in locations}

    def check(self, listing: Iterable[ObjectSummary]) -> Iterator[ObjectSummary]:
        """Yield the listing unchanged.

        Raises:
            UsageError: the keys do not grow with time.
        """
        if len(self._locations) > MOST_LOCATIONS:
            yield from listing
            return
        location: _Location | None = None
        for entry in listing:
            if location is None or not location.contains(entry.uri):
                location = next(
                    (known for known in self._locations.values() if known.contains(entry.uri)), None
                )
            if location is not None:
                self._record(location, entry)
            yield entry

    def start_keys(
        self, before: Mapping[str, str], cut: Sequence[ObjectSummary] | None = None
    ) -> dict[str, str]:
        """Return, by location, the key after which its next listing may start.

        Args:
            before: the keys that this run's listing started from.
            cut: the objects that a bounded run reads, oldest first; None if it reads all.
        """
        if len(self._locations) > MOST_LOCATIONS:
            return {}
        keys = {name: before[name] for name in self._locations if name in before}
        for name, location in self._locations.items():
            key = location.start_key if cut is None else self._start_key(location, cut)
            if location.in_order and key > keys.get(name, ""):
                keys[name] = key
        return keys

    def _start_key(self, location: _Location, cut: Sequence[ObjectSummary]) -> str:
        # In a bounded run the next floor is the time of the last object that was read.
        horizon = cut[-1].last_modified - self._window
        keys = (
            entry.uri.key for entry in cut if entry.last_modified < horizon and location.contains(entry.uri)
        )
        return max(keys, default="")

    def _record(self, location: _Location, entry: ObjectSummary) -> None:
        key, time = entry.uri.key, entry.last_modified
        if key < location.key:
            # Not in S3's order (overlapping locations, a directory bucket): no start key is stored.
            location.in_order = False
        location.key = key
        if location.newest is None or time > location.newest:
            location.newest, location.newest_key = time, key
        elif location.in_order and time < location.newest - self._window:
            raise UsageError(
                "keysAscending",
                found=f"{entry.uri}, modified {location.newest - time} before {location.newest_key}, "
                "whose key is smaller",
                required=f"keys that grow with time, except within maxBand ({self._window})",
                fix="remove keysAscending, or set a longer maxBand",
            )
        # The last key but one is used, because each listing must return an object to infer the schema from.
        if time < self._horizon and key > location.top:
            location.start_key, location.top = location.top, key


def name_of(root: S3Uri) -> str:
    """Return the name of a location in the state, the same with and without a slash at its end."""
    return str(S3Uri(root.bucket, root.key.rstrip("/")))
