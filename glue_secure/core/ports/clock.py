"""The time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, injected."""

    def now(self) -> datetime:
        """Return the time in UTC, with its time zone."""
