"""boto3 sessions for job scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class DriverS3(Protocol):
    """Makes boto3 sessions whose S3 calls are checked.

    ``on_call`` receives the operation and its parameters, and returns the parameters to add.
    """

    def guarded(self, on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]]) -> Any:
        """Return a ``boto3.session.Session`` whose S3 calls go through ``on_call``."""

    def cover_default(
        self,
        on_call: Callable[[str, Mapping[str, Any]], Mapping[str, str]],
        is_active: Callable[[], bool],
    ) -> Callable[[], None]:
        """Guard boto3's default session while ``is_active()``. Return a function that ends the guard."""
