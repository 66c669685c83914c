"""A summary of a set of objects, of bounded size, that reveals small differences between two sets.

S3 dates an object by the start of its upload. One whose multipart upload takes longer than the window, and
one that replication copies, appears with a time before the floor. The state therefore summarizes the objects
before the floor, and the next run compares.

The summary is an invertible Bloom lookup table (Goodrich and Mitzenmacher, 2011, arXiv:1101.2245): each
object is added to three cells of counts and sums. The difference of two summaries is decoded by removing,
again and again, an object that is alone in a cell.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from glue_secure.core.objects import ObjectSummary

_PART = 40
_CELLS = 3 * _PART
_FORM = struct.Struct(">Bi16s")
# The text of an empty set: a cell without objects.
_EMPTY = _FORM.pack(0, 0, bytes(16))
_MODULUS = 1 << 128
_COUNTS = 1 << 32


def identifier(entry: ObjectSummary) -> int:
    """Return 96 bits of a hash of location, entity tag and time, followed by their checksum."""
    uri = entry.uri
    text = f"{uri.bucket}\0{uri.key}\0{entry.etag}\0{entry.last_modified.timestamp()}"
    hashed = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
    return int.from_bytes(hashed, "big") << 32 | crc32(hashed)


@dataclass(frozen=True, slots=True)
class Difference:
    """What one set has and another has not, as identifiers."""

    added: frozenset[int]
    removed: frozenset[int]


class FinishedSet:
    """The summary of a set. Adding an object twice counts twice."""

    __slots__ = ("_counts", "_sums")

    def __init__(self) -> None:
        self._counts, self._sums = [0] * _CELLS, [0] * _CELLS

    def add(self, number: int) -> None:
        """Add an object by its identifier."""
        self._change(number, 1)

    def discard(self, number: int) -> None:
        """Remove an object that was added."""
        self._change(number, -1)

    def _change(self, number: int, by: int) -> None:
        counts, sums = self._counts, self._sums
        for cell in _cells(number):
            counts[cell] += by
            sums[cell] += by * number

    @property
    def size(self) -> int:
        """Number of objects."""
        return sum(self._counts[:_PART])

    def copy(self) -> FinishedSet:
        """Return an equal set."""
        same = FinishedSet()
        same._counts, same._sums = list(self._counts), list(self._sums)
        return same

    def difference(self, before: FinishedSet) -> Difference | None:
        """Return what was added and removed since ``before``; None if that is too much to be decoded."""
        rest = self.copy()
        for cell in range(_CELLS):
            rest._counts[cell] -= before._counts[cell]
            rest._sums[cell] = (rest._sums[cell] - before._sums[cell]) % _MODULUS
        added: set[int] = set()
        removed: set[int] = set()
        cells = list(range(_CELLS))
        while cells:
            cell = cells.pop()
            count = rest._counts[cell]
            if count not in (1, -1):
                continue
            number = rest._sums[cell] * count % _MODULUS
            if crc32((number >> 32).to_bytes(12, "big")) != number & 0xFFFFFFFF or cell not in _cells(number):
                continue
            (added if count == 1 else removed).add(number)
            rest._change(number, -count)
            for changed in _cells(number):
                rest._sums[changed] %= _MODULUS
                cells.append(changed)
        if any(rest._counts) or any(rest._sums):
            return None
        return Difference(frozenset(added), frozenset(removed))

    def to_text(self) -> str:
        """Return the summary as text of at most 3360 characters: the cells that are not empty."""
        packed = b""
        for cell, (count, total) in enumerate(zip(self._counts, self._sums, strict=True)):
            signed = (count + _COUNTS // 2) % _COUNTS - _COUNTS // 2
            if signed or total % _MODULUS:
                packed += _FORM.pack(cell, signed, (total % _MODULUS).to_bytes(16, "big"))
        return base64.b64encode(packed or _EMPTY).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> FinishedSet:
        """Read :meth:`to_text`. Raises ValueError."""
        try:
            packed = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        if len(packed) % _FORM.size:
            raise ValueError(f"{len(packed)} bytes")
        found = cls()
        for cell, count, total in _FORM.iter_unpack(packed):
            if cell >= _CELLS:
                raise ValueError(f"cell {cell}")
            found._counts[cell], found._sums[cell] = count, int.from_bytes(total, "big")
        if found.to_text() != text:
            raise ValueError("not in canonical form")
        return found


def _cells(number: int) -> tuple[int, int, int]:
    """Return one cell in each third of the table."""
    return (
        (number >> 40) % _PART,
        _PART + (number >> 64) % _PART,
        2 * _PART + (number >> 96) % _PART,
    )
