"""The objects that a run has read, so that it does not delete them before their rows are written.

Spark reads the objects of a frame when the frame is computed, not when it is created.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import Engine


@dataclass(frozen=True, slots=True)
class _Read:
    """One read: its source, its objects as hashes (8 bytes each), the scan's id, and the writes before it."""

    source: str
    objects: array[int]
    scan: str
    writes_before: int


class ReadObjects:
    """The reads of one run, and how many writes had ended when each of them was made.

    Args:
        engine: returns how many rows a scan has delivered, and the writes outside glue-secure.

    Attributes:
        selected_nothing: whether a read of the run selected no objects or rows.
        without_objects: a text for each read whose locations have no object with data.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads: list[_Read] = []
        self._writes = 0
        self.selected_nothing = False
        self.without_objects: list[str] = []

    def record_read(self, source: str, objects: Sequence[S3Uri], scan: str) -> None:
        """Record a read of S3 objects."""
        if objects:
            self._reads.append(_Read(source, array("q", map(hash, objects)), scan, self._ended_writes()))
        else:
            self.selected_nothing = True

    def record_write(self) -> None:
        """Record that a write of the run has ended."""
        self._writes += 1

    def unwritten_source(self, objects: Iterable[S3Uri]) -> str:
        """Return the source of a read that has one of these objects and whose rows no write has used yet.

        Return ``""`` if there is none. A read counts as used if a write ended after it and rows of it were
        computed.
        """
        if not self._reads:
            return ""
        hashes = set(map(hash, objects))
        ended = self._ended_writes()
        for read in self._reads:
            is_used = ended > read.writes_before and self._engine.rows_read(read.scan) != 0
            if not is_used and not hashes.isdisjoint(read.objects):
                return read.source
        return ""

    def _ended_writes(self) -> int:
        return self._writes + len(self._engine.pending_unmanaged_writes())
