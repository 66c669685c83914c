"""Listed objects in little memory: compressed blocks, from which an object is made when it is needed.

An :class:`ObjectSummary` takes some hundred bytes with its strings. Neighbours in a listing have similar
keys, so a block of them takes a fraction: bench/bookmarks.py compares both.
"""

from __future__ import annotations

import heapq
import marshal
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import overload

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

BLOCK = 4096
"""Objects of one block. At most two blocks are unpacked at a time."""
_MOST_RUNS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_FASTEST = 1


class PackedObjects(Sequence[ObjectSummary]):
    """A sequence of objects in the order in which they were added.

    Iteration is as fast as unpacking; access by position unpacks a block.

    Args:
        objects: the first objects.
    """

    __slots__ = ("_blocks", "_last", "_open", "_runs", "_unpacked")

    def __init__(self, objects: Iterable[ObjectSummary] = ()) -> None:
        self._blocks: list[bytes] = []
        self._open: list[ObjectSummary] = []
        # Positions at which a key does not follow the one before it, and the last key.
        self._runs: list[int] = [0]
        self._last: tuple[str, str] | None = None
        self._unpacked: tuple[int, list[ObjectSummary]] | None = None
        for entry in objects:
            self.append(entry)

    def append(self, entry: ObjectSummary) -> None:
        """Add an object."""
        key = key_order(entry)
        if self._last is not None and key <= self._last and len(self._runs) <= _MOST_RUNS:
            self._runs.append(len(self))
        self._last = key
        self._open.append(entry)
        if len(self._open) == BLOCK:
            self._blocks.append(_packed(self._open))
            self._open = []

    def in_key_order(self) -> PackedObjects:
        """Return the objects in the order of bucket and key, each location once.

        The listing of one location has that order. Listings of several are merged.
        """
        if len(self._runs) == 1:
            return self
        runs: list[Iterable[ObjectSummary]]
        if len(self._runs) > _MOST_RUNS:  # an arbitrary order, which no listing of S3 has
            runs = [sorted(self, key=key_order)]
        else:
            ends = [*self._runs[1:], len(self)]
            runs = [self._between(start, end) for start, end in zip(self._runs, ends, strict=True)]
        return PackedObjects(without_repeats(heapq.merge(*runs, key=key_order)))

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._open)

    def __iter__(self) -> Iterator[ObjectSummary]:
        return self._between(0, len(self))

    @overload
    def __getitem__(self, position: int) -> ObjectSummary: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[ObjectSummary]: ...

    def __getitem__(self, position: int | slice) -> ObjectSummary | Sequence[ObjectSummary]:
        if isinstance(position, slice):
            return [self[at] for at in range(*position.indices(len(self)))]
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(position)
        block = position // BLOCK
        if self._unpacked is None or self._unpacked[0] != block:
            self._unpacked = (block, self._block(block))
        return self._unpacked[1][position % BLOCK]

    def _between(self, start: int, end: int) -> Iterator[ObjectSummary]:
        for block in range(start // BLOCK, -(-end // BLOCK)):
            first = block * BLOCK
            entries = self._block(block)
            yield from entries[max(0, start - first) : end - first]

    def _block(self, number: int) -> list[ObjectSummary]:
        return _unpacked(self._blocks[number]) if number < len(self._blocks) else self._open


class Locations(Sequence[S3Uri]):
    """The locations of objects, each made when it is needed.

    Args:
        objects: the objects.
    """

    __slots__ = ("_objects",)

    def __init__(self, objects: Sequence[ObjectSummary]) -> None:
        self._objects = objects

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[S3Uri]:
        return (entry.uri for entry in self._objects)

    @overload
    def __getitem__(self, position: int) -> S3Uri: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[S3Uri]: ...

    def __getitem__(self, position: int | slice) -> S3Uri | Sequence[S3Uri]:
        if isinstance(position, slice):
            return [entry.uri for entry in self._objects[position]]
        return self._objects[position].uri


def key_order(entry: ObjectSummary) -> tuple[str, str]:
    """Return a sort key for S3's order: by bytes of UTF-8, which is by code points."""
    return entry.uri.bucket, entry.uri.key


def without_repeats(entries: Iterable[ObjectSummary]) -> Iterator[ObjectSummary]:
    """Yield sorted entries without duplicates. Overlapping paths of a source list an object twice."""
    last = None
    for entry in entries:
        if entry.uri != last:
            yield entry
        last = entry.uri


def _packed(entries: Sequence[ObjectSummary]) -> bytes:
    columns = (
        [entry.uri.bucket for entry in entries],
        [entry.uri.key for entry in entries],
        [entry.size for entry in entries],
        [(entry.last_modified - _EPOCH) // _MICROSECOND for entry in entries],
        [_short(entry.etag) for entry in entries],
        [entry.storage_class for entry in entries],
    )
    return zlib.compress(marshal.dumps(columns), _FASTEST)


def _unpacked(block: bytes) -> list[ObjectSummary]:
    buckets, keys, sizes, times, etags, classes = marshal.loads(zlib.decompress(block))  # noqa: S302 - own bytes
    return [
        ObjectSummary(
            S3Uri(bucket, key),
            size,
            _EPOCH + timedelta(microseconds=time),
            etag if isinstance(etag, str) else etag.hex(),
            storage_class,
        )
        for bucket, key, size, time, etag, storage_class in zip(
            buckets, keys, sizes, times, etags, classes, strict=True
        )
    ]


def _short(etag: str) -> str | bytes:
    """Return the bytes of an entity tag that is an MD5 in lower case, and another one unchanged."""
    try:
        digest = bytes.fromhex(etag) if len(etag) == 32 else b""
    except ValueError:
        return etag
    return digest if digest and digest.hex() == etag else etag
