"""A sequence whose items are compressed in memory, because those of an audit are many and much alike."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_BLOCK = 256
"""Items that are compressed together."""
_LEVEL = 1


class Packed(Generic[Item]):
    """A sequence of items in compressed blocks. Iterating creates the items again.

    The bytes never leave the memory of this process, so that unpickling them is safe.

    Args:
        items: the first items.
    """

    __slots__ = ("_blocks", "_is_complete", "_last", "_length")

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._blocks: list[bytes] = []
        self._last: list[Item] = []
        self._length = 0
        self._is_complete = False
        self.extend(items)

    def append(self, item: Item) -> None:
        """Add an item. Raises ValueError after ``complete``, because blocks must have equal lengths."""
        if self._is_complete:
            raise ValueError("the sequence is complete")
        self._last.append(item)
        self._length += 1
        if len(self._last) == _BLOCK:
            self._blocks.append(_compressed(self._last))
            self._last = []

    def extend(self, items: Iterable[Item]) -> None:
        """Add items."""
        for item in items:
            self.append(item)

    def complete(self) -> None:
        """Compress the last items as well. Nothing is added afterwards."""
        self._is_complete = True
        if self._last:
            self._blocks.append(_compressed(self._last))
            self._last = []

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Item]:
        for block in self._blocks:
            yield from _items(block)
        yield from self._last

    def __getitem__(self, position: int) -> Item:
        block, place = divmod(range(self._length)[position], _BLOCK)
        items: list[Item] = _items(self._blocks[block]) if block < len(self._blocks) else self._last
        return items[place]

    def __setitem__(self, position: int, item: Item) -> None:
        block, place = divmod(range(self._length)[position], _BLOCK)
        if block < len(self._blocks):
            items: list[Item] = _items(self._blocks[block])
            items[place] = item
            self._blocks[block] = _compressed(items)
        else:
            self._last[place] = item


def _compressed(items: list[Item]) -> bytes:
    return zlib.compress(pickle.dumps(items, pickle.HIGHEST_PROTOCOL), _LEVEL)


def _items(block: bytes) -> list[Item]:
    items: list[Item] = pickle.loads(zlib.decompress(block))  # noqa: S301 - made by this process
    return items
