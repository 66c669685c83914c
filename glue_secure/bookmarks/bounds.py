"""Limits of one run's input: Glue's consistency window and its bounded execution.

https://docs.aws.amazon.com/glue/latest/dg/bounded-execution.html (``boundedFiles``, ``boundedSize``) and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html (``maxBand``,
``maxFilesInBand``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from glue_secure.core.objects import ObjectSummary

WINDOW = timedelta(milliseconds=900_000)
"""Glue's default ``maxBand``."""
MAX_FILES_IN_BAND = 1000
"""Glue's default ``maxFilesInBand``."""
_MIN_CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one S3 source.

    Attributes:
        window: ``maxBand``: how long after its modification an object may still appear in a listing.
        max_files_in_band: most identities that the state stores. The newest objects beyond it are read by a
            later run, when older ones have left the window.
        files: ``boundedFiles``: most objects of one run, the oldest first.
        size: ``boundedSize``: most bytes of one run, the oldest first, but at least one object.
        keys_ascending: whether keys grow with time; see :mod:`glue_secure.bookmarks.ascending`.
    """

    window: timedelta = WINDOW
    max_files_in_band: int = MAX_FILES_IN_BAND
    files: int | None = None
    size: int | None = None
    keys_ascending: bool = False


def age_order(entry: ObjectSummary) -> tuple[datetime, str, str]:
    """Return the sort key of a bounded run: oldest first, equal times by bucket and key."""
    return entry.last_modified, entry.uri.bucket, entry.uri.key


class Oldest:
    """The oldest objects of a stream, up to a bound.

    Memory is proportional to the bound (twice its size), not to the stream. Without a bound every object is
    stored.

    Args:
        files: most objects; None for any number.
        size: most bytes; None for any number. The first object is selected whatever its size.
    """

    def __init__(self, files: int | None, size: int | None) -> None:
        self._files, self._size = files, size
        self._entries: list[ObjectSummary] = []
        self._capacity = _MIN_CAPACITY if files is not None or size is not None else None
        self._limit: tuple[datetime, str, str] | None = None
        self.left_out = 0

    def add(self, entry: ObjectSummary) -> None:
        """Add one object of the stream."""
        if self._limit is not None and age_order(entry) >= self._limit:
            self.left_out += 1
            return
        self._entries.append(entry)
        if self._capacity is not None and len(self._entries) > self._capacity:
            self._cut()

    def selected(self) -> list[ObjectSummary]:
        """Return the selected objects, unique and oldest first; without a bound in the order added."""
        if self._capacity is not None:
            self._cut()
        return self._entries

    def _cut(self) -> None:
        entries = without_repeats(sorted(self._entries, key=age_order))
        end = within(entries, self._files, self._size)
        if end < len(entries):
            self._limit = age_order(entries[end])
            self.left_out += len(entries) - end
            del entries[end:]
        self._entries = entries
        self._capacity = max(_MIN_CAPACITY, 2 * len(entries))


def within(entries: list[ObjectSummary], files: int | None, size: int | None, *, least: int = 1) -> int:
    """Return how many of the first entries a bound allows; ``least`` of them regardless of their size."""
    end = len(entries) if files is None else min(files, len(entries))
    if size is None:
        return end
    total = 0
    for index in range(end):
        total += entries[index].size
        if total > size:
            return min(max(index, least), end)
    return end


def without_repeats(entries: Iterable[ObjectSummary]) -> list[ObjectSummary]:
    """Return sorted entries without repeated ones: overlapping paths list an object twice."""
    unique: list[ObjectSummary] = []
    for entry in entries:
        if not unique or unique[-1].uri != entry.uri:
            unique.append(entry)
    return unique
