"""Parts of the evidence: what is left of long lists of objects, as compressed lines of JSON.

A document lists the first :data:`LISTED` objects of its run. All others are in parts beside it, each of at
most :data:`PART` objects, written while the run verifies its writes. A line of a part is::

    {"number":0,"property":"objects","record":"writes","value":{"algorithm":"aws:kms",...}}

It is an item of ``property`` of the record with that ``number`` (from 0) in the document's list ``record``.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Any, Protocol, TypeVar

from glue_secure.core.errors import VerificationError
from glue_secure.core.evidence import EvidencePart, digest, line_of_json
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption

LISTED = 100
PART = 50_000
SUFFIX = ".ndjson.gz"
NAME = r"_objects-\d+-\d+\.ndjson\.gz"
"""Pattern of a part's name: the sequence number of the run's start in the chain, and its own number."""

# The format of gzip, whose header has no time here, so that equal lines have an equal digest.
_GZIP = 16 + zlib.MAX_WBITS
# Lines that are compressed at once: a call for each line takes half as long again.
_BATCH = 200
_Value = TypeVar("_Value", ObjectEncryption, S3Uri)


class PartStore(Protocol):
    """Where the parts of one run's evidence are stored."""

    def write_part(self, number: int, body: bytes) -> str:
        """Write a part, and return its name."""

    def read_part(self, name: str) -> bytes:
        """Return a part."""


@dataclass(slots=True)
class _OpenPart:
    """The part that is being filled, in the format of gzip."""

    lines: int = 0
    _waiting: list[bytes] = field(default_factory=list)
    _chunks: list[bytes] = field(default_factory=list)
    _compressor: Any = field(default_factory=lambda: zlib.compressobj(wbits=_GZIP))

    def add(self, line: bytes) -> None:
        self._waiting.append(line)
        self.lines += 1
        if len(self._waiting) == _BATCH:
            self._compress()

    def body(self) -> bytes:
        """Return the part. Nothing can be added afterwards."""
        self._compress()
        return b"".join((*self._chunks, self._compressor.flush()))

    def _compress(self) -> None:
        self._chunks.append(self._compressor.compress(b"".join(self._waiting)))
        self._waiting.clear()


class EvidenceParts:
    """Shortens the lists of one run's evidence. Thread-safe.

    Args:
        store: where the parts are written.
    """

    def __init__(self, store: PartStore) -> None:
        self._store = store
        self._lock = Lock()
        self._listed = 0
        self._open = _OpenPart()
        self._full: list[tuple[bytes, int]] = []
        self._written: list[EvidencePart] = []

    def shorten(
        self, record: str, number: int, name: str, values: Iterable[_Value]
    ) -> tuple[tuple[_Value, ...], int]:
        """Return the values that the document lists, and how many others were added to the parts.

        Full parts are written. If one cannot be written, all further ones stay in memory until :meth:`write`.

        Args:
            record: list of the document (``writes``).
            number: place of the record in this list, from 0.
            name: property of the record (``objects``).
            values: its values.
        """
        with self._lock:
            rest = iter(values)
            listed = tuple(islice(rest, LISTED - self._listed))
            self._listed += len(listed)
            count, can_write = 0, True
            for value in rest:
                count += 1
                self._open.add(line_of_json(record, number, name, value))
                if self._open.lines == PART:
                    self._close()
                    if can_write:
                        try:
                            self._write()
                        except VerificationError:
                            can_write = False
            return listed, count

    def write(self) -> None:
        """Write the full parts. One that cannot be written is written by the next call.

        Raises:
            VerificationError: GS-EVD-001, a part cannot be written.
        """
        with self._lock:
            self._write()

    def finish(self) -> tuple[EvidencePart, ...]:
        """Write the last part, and return all.

        Raises:
            VerificationError: GS-EVD-001, a part cannot be written.
        """
        with self._lock:
            if self._open.lines:
                self._close()
        self.write()
        return tuple(self._written)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield every line so far, read from the store.

        Raises:
            VerificationError: GS-EVD-001, a part cannot be written or read.
        """
        for part in self.finish():
            yield from lines_of(self._store.read_part(part.name))

    def _write(self) -> None:
        while self._full:
            body, lines = self._full[0]
            name = self._store.write_part(len(self._written) + 1, body)
            self._written.append(EvidencePart(name, digest(body), lines))
            self._full.pop(0)

    def _close(self) -> None:
        self._full.append((self._open.body(), self._open.lines))
        self._open = _OpenPart()


def lines_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines of a part.

    Raises:
        ValueError, OSError, EOFError: the bytes are no part.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(body), mode="rb") as stream:
        for line in stream:
            yield json.loads(line)
