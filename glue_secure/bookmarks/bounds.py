"""Limits on the objects that one run reads: Glue's consistency window and bounded execution.

https://docs.aws.amazon.com/glue/latest/dg/bounded-execution.html (``boundedFiles``, ``boundedSize``) and
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html (``maxBand``,
``maxFilesInBand``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from glue_secure.bookmarks.packed import PackedObjects, without_repeats
from glue_secure.core.objects import ObjectSummary

WINDOW = timedelta(milliseconds=900_000)
"""Glue's default ``maxBand``."""
MAX_FILES_IN_BAND = 1000
"""Glue's default ``maxFilesInBand``."""
_MIN_CAPACITY = 4096
PACK_FROM = 20_000
"""Number of objects from which a selection without a bound is packed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one S3 source.

    Attributes:
        window: ``maxBand``: the time after its modification in which an object may be missing from listings.
        max_files_in_band: ``maxFilesInBand``: the maximum number of objects modified within the window that
            the bookmark stores one by one. If there are more, a later run reads the newest of them, after
            older objects have left the window.
        files: ``boundedFiles``: the maximum number of objects that one run reads, oldest first.
        size: ``boundedSize``: the maximum number of bytes that one run reads, oldest objects first. At least
            one object is read, whatever its size.
        keys_ascending: whether keys of newer objects sort after keys of older ones; see
            :mod:`glue_secure.bookmarks.ascending`.
    """

    window: timedelta = WINDOW
    max_files_in_band: int = MAX_FILES_IN_BAND
    files: int | None = None
    size: int | None = None
    keys_ascending: bool = False


def age_order(entry: ObjectSummary) -> tuple[datetime, str, str]:
    """Return the sort key that puts the oldest object first. Objects of equal time sort by bucket and key."""
    return entry.last_modified, entry.uri.bucket, entry.uri.key


class Oldest:
    """Selects the oldest objects of a stream, up to a bound.

    With a bound, at most twice the selected objects are in memory, or ``_MIN_CAPACITY`` if that is more.
    Without a bound, every object is, packed (:class:`~.packed.PackedObjects`) if there are many.

    Args:
        files: the maximum number of objects; None for no maximum.
        size: the maximum number of bytes; None for no maximum. The oldest object is selected in any case.

    Attributes:
        left_out: number of objects that were added and are not selected; complete after :meth:`selected`. An
            object that was added twice may count twice.
    """

    def __init__(self, files: int | None, size: int | None) -> None:
        self._files, self._size = files, size
        self._entries: list[ObjectSummary] | PackedObjects = []
        self._capacity = _MIN_CAPACITY if files is not None or size is not None else None
        self._limit: tuple[datetime, str, str] | None = None
        self.left_out = 0

    def add(self, entry: ObjectSummary) -> None:
        """Add one object of the stream."""
        if self._limit is not None and age_order(entry) >= self._limit:
            self.left_out += 1
            return
        self._entries.append(entry)
        if self._capacity is not None:
            if len(self._entries) > self._capacity:
                self._cut()
        elif len(self._entries) == PACK_FROM:
            self._entries = PackedObjects(self._entries)

    def selected(self) -> Sequence[ObjectSummary]:
        """Return the selected objects.

        With a bound they are unique and sorted, oldest first. Without a bound they are in the order in which
        they were added, and may repeat.
        """
        if self._capacity is not None:
            self._cut()
        return self._entries

    def _cut(self) -> None:
        entries = list(without_repeats(sorted(self._entries, key=age_order)))
        end = within(entries, self._files, self._size)
        if end < len(entries):
            self._limit = age_order(entries[end])
            self.left_out += len(entries) - end
            del entries[end:]
        self._entries = entries
        self._capacity = max(_MIN_CAPACITY, 2 * len(entries))


def within(entries: Sequence[ObjectSummary], files: int | None, size: int | None, *, least: int = 1) -> int:
    """Return how many entries, from the start of the list, fit in a bound.

    Args:
        entries: the objects, in the order in which they are selected.
        files: the maximum number of objects; None for no maximum.
        size: the maximum number of bytes; None for no maximum.
        least: number of objects to which ``size`` does not apply.
    """
    end = len(entries) if files is None else min(files, len(entries))
    if size is None:
        return end
    total = 0
    for index in range(end):
        total += entries[index].size
        if total > size:
            return min(max(index, least), end)
    return end
