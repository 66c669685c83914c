"""Glue's own job bookmarks: the service keeps them, encrypted by the configuration's key (GS-SEC-005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from glue_secure.bookmarks.report import BookmarkFacts
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.identifiers import RunId


class NativeBookmarks(BookmarkSession):
    """A session without a store: Glue selects what is new, and ``commit`` is Glue's own.

    Args:
        option: what the run was told; Glue has read the same argument.
        now: time of the run, UTC.
        run_id: the run.
        commit: Glue's ``Job.commit``.
    """

    def __init__(
        self, *, option: BookmarkOption, now: datetime, run_id: RunId, commit: Callable[[], None]
    ) -> None:
        super().__init__(option=BookmarkOption.DISABLE, store=None, now=now, run_id=run_id)
        self._told, self._commit = option, commit

    def commit(self) -> BookmarkFacts:
        """Let Glue save its bookmark. Call it only after every write was verified."""
        self._commit()
        return self.facts()

    def facts(self) -> BookmarkFacts:
        """The option; Glue publishes neither the state's place nor its sequence."""
        return replace(super().facts(), option=self._told.value)
