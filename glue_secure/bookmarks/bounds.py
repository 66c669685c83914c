"""How much one run reads: Glue's consistency window and its bounded execution, as one value.

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
_SLACK = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the selection of one S3 source.

    Attributes:
        window: ``maxBand``: how long after its modification an object may still appear in a listing.
        max_files_in_band: how many identities the state may remember. The newest beyond it wait for
            a later run, which finds them once older ones have left the window.
        files: ``boundedFiles``: at most so many objects in one run, the oldest first.
        size: ``boundedSize``: at most so many bytes in one run, the oldest first, and at least one object.
        keys_ascending: the reader's promise that keys grow with time; see
            :mod:`glue_secure.bookmarks.ascending`.
    """

    window: timedelta = WINDOW
    max_files_in_band: int = MAX_FILES_IN_BAND
    files: int | None = None
    size: int | None = None
    keys_ascending: bool = False

    @property
    def bounded(self) -> bool:
        """Whether a run may leave settled objects for the next one."""
        return self.files is not None or self.size is not None


def age_order(entry: ObjectSummary) -> tuple[datetime, str, str]:
    """The order in which a bounded run reads: oldest first, equal times by bucket and key."""
    return entry.last_modified, entry.uri.bucket, entry.uri.key


class Oldest:
    """The oldest of a stream of objects, as many as a bound allows.

    What is beyond the bound is let go while the stream passes, so that memory is that of what is kept
    (twice over), however many pass. Without a bound everything is kept.

    Args:
        files: how many objects at most, None for any number.
        size: how many bytes at most, None for any number; the first object is kept whatever its size.
    """

    def __init__(self, files: int | None, size: int | None) -> None:
        self._files, self._size = files, size
        self._held: list[ObjectSummary] = []
        self._room = _SLACK if files is not None or size is not None else None
        self._limit: tuple[datetime, str, str] | None = None
        self.left_out = 0

    def add(self, entry: ObjectSummary) -> None:
        """One more object of the stream."""
        if self._limit is not None and age_order(entry) >= self._limit:
            self.left_out += 1
            return
        self._held.append(entry)
        if self._room is not None and len(self._held) > self._room:
            self._cut()

    def taken(self) -> list[ObjectSummary]:
        """What is kept, each once and oldest first; without a bound as it came."""
        if self._room is not None:
            self._cut()
        return self._held

    def _cut(self) -> None:
        held = each_once(sorted(self._held, key=age_order))
        end = within(held, self._files, self._size)
        if end < len(held):
            self._limit = age_order(held[end])
            self.left_out += len(held) - end
            del held[end:]
        self._held = held
        self._room = max(_SLACK, 2 * len(held))


def within(entries: list[ObjectSummary], files: int | None, size: int | None, *, least: int = 1) -> int:
    """How many of the first entries a bound allows; at least ``least`` where only the size is too much."""
    end = len(entries) if files is None else min(files, len(entries))
    if size is None:
        return end
    total = 0
    for index in range(end):
        total += entries[index].size
        if total > size:
            return min(max(index, least), end)
    return end


def each_once(entries: Iterable[ObjectSummary]) -> list[ObjectSummary]:
    """Sorted entries without those that repeat the one before: overlapping paths list an object twice."""
    once: list[ObjectSummary] = []
    for entry in entries:
        if not once or once[-1].uri != entry.uri:
            once.append(entry)
    return once
