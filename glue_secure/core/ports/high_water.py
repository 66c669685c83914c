"""Where a bookmark's high-water mark is stored."""

from __future__ import annotations

from typing import Protocol

from glue_secure.core.high_water import HighWaterMark


class HighWaterMarkStore(Protocol):
    """The high-water mark of one bookmark. Reads are consistent, and the mark never goes back."""

    @property
    def location(self) -> str:
        """The store's name for messages, for instance ``dynamodb:TABLE``."""

    def key_of_table(self) -> str:
        """Return the KMS key that encrypts the store, ``""`` where it is not known. Raises ServiceError."""

    def read(self) -> HighWaterMark | None:
        """Return the mark, None where none was ever stored. Raises ServiceError."""

    def advance(self, mark: HighWaterMark) -> None:
        """Store a mark. Raises PreconditionFailed where its sequence is not greater, ServiceError."""
