"""A bookmark's high-water mark, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """The newest state of a bookmark that was ever committed.

    Attributes:
        sequence: its sequence number; 0 before the first commit.
        digest: SHA-256 of its encrypted bytes, hexadecimal; ``""`` before the first commit.
    """

    sequence: int
    digest: str
