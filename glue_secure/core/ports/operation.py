"""Reads and writes as operations of one run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Operation(Protocol):
    """Opens the context in which a run performs one read or write.

    An exception of the type ``fails_run_on`` inside the context marks the run as failed, so that it cannot
    commit, even if the script catches the exception. Contexts can be nested.
    """

    def __call__(self, fails_run_on: type[BaseException] = BaseException, /) -> AbstractContextManager[None]:
        """Return the context manager. Entering raises UsageError when the run is over."""
