"""A run's bookmark: what each source selects, and the one commit at the end.

Nothing moves before :meth:`BookmarkSession.commit`, and that is called only after every write of the
run has been verified. A run that fails before reads the same input again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from glue_secure.bookmarks import selection
from glue_secure.bookmarks.selection import Selection
from glue_secure.bookmarks.state import BookmarkState, S3SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.objects import ObjectSummary


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """What one source did in this run.

    Attributes:
        selected: objects selected.
        deferred: new objects left for a later run (``maxFilesInBand``).
        watermark: last modification time of the newest object ever read, None before the first.
    """

    selected: int
    deferred: int
    watermark: datetime | None


@dataclass(frozen=True, slots=True)
class BookmarkFacts:
    """The bookmark's part of the evidence.

    Attributes:
        option: ``job-bookmark-enable``, ``-pause`` or ``-disable``.
        uri: the bookmark object, ``""`` when the option is disable.
        sequence_before: sequence number that the run started from, 0 for none.
        sequence_after: sequence number now; the same when nothing was committed.
        digest_before: SHA-256 of the sealed state the run started from, ``""`` for none.
        digest_after: SHA-256 of the sealed state now.
        recorded: whether the history holds the state now in force.
        contexts: what each tracked source did, by ``transformation_ctx``.
    """

    option: str
    uri: str
    sequence_before: int
    sequence_after: int
    digest_before: str
    digest_after: str
    recorded: bool
    contexts: dict[str, ContextFacts] = field(default_factory=dict)

    def as_mapping(self) -> dict[str, Any]:
        """For the evidence: plain names and values, times as datetime."""
        contexts = {
            name: {"selected": facts.selected, "deferred": facts.deferred, "watermark": facts.watermark}
            for name, facts in sorted(self.contexts.items())
        }
        return {name: getattr(self, name) for name in self.__slots__} | {"contexts": contexts}


class BookmarkSession:
    """One run's view of its job's bookmark.

    Args:
        option: what the run was told to do with bookmarks.
        store: where the job's bookmark lies; None only when the option is disable.
        now: time of the run, UTC, taken before anything is listed.
        run_id: the run.
        attempt: failed attempts of this run so far.
        from_run: ``--job-bookmark-from``; not supported yet, so refused.
        to_run: ``--job-bookmark-to``; likewise.
    """

    def __init__(
        self,
        *,
        option: BookmarkOption,
        store: BookmarkStore | None,
        now: datetime,
        run_id: RunId,
        attempt: int = 0,
        from_run: str | None = None,
        to_run: str | None = None,
    ) -> None:
        if from_run or to_run:
            raise UsageError(
                "--job-bookmark-from and --job-bookmark-to are not supported yet",
                found=f"from {from_run or 'nothing'}, to {to_run or 'nothing'}",
                required="neither",
                fix="use job-bookmark-pause alone: it reads what is new and moves nothing",
            )
        if store is None and option is not BookmarkOption.DISABLE:
            raise UsageError(
                "a bookmark without a place",
                found=f"--job-bookmark-option {option.value} and no bookmark location",
                required="--glue-secure-bookmark-uri s3://BUCKET/PREFIX",
            )
        self._option, self._now, self._run_id, self._attempt = option, now, run_id, attempt
        self._store = store if option is not BookmarkOption.DISABLE else None
        self._start = self._loaded = Loaded(None, None, "", False)
        self._is_loaded = self._store is None
        self._selections: dict[str, Selection] = {}
        self._pending: dict[str, S3SourceState] = {}

    @property
    def pending(self) -> bool:
        """Whether a commit would write."""
        return self._option is BookmarkOption.ENABLE and bool(self._pending)

    def load(self) -> None:
        """Read and check the bookmark. Part of the preflight: a bookmark that does not hold stops the run.

        Raises:
            Refusal: GS-BKM-001 to GS-BKM-004.
            CannotVerify: GS-BKM-006.
        """
        if self._store is not None and not self._is_loaded:
            self._start = self._loaded = self._store.load()
        self._is_loaded = True

    def select(
        self,
        transformation_ctx: str,
        listing: Iterable[ObjectSummary],
        *,
        roots: Sequence[S3Uri] = (),
        window: timedelta = selection.WINDOW,
        max_files_in_band: int = selection.MAX_FILES_IN_BAND,
    ) -> tuple[ObjectSummary, ...]:
        """What the source named by ``transformation_ctx`` reads in this run, in key order.

        An empty context is not tracked and reads everything, as does every context when the option
        is disable. See :func:`glue_secure.bookmarks.selection.select` for the other arguments.

        Raises:
            UsageError: the context was already used in this run: two sources would share one state,
                and what one reads the other would skip.
        """
        if self._store is None or not transformation_ctx:
            everything = (entry for entry in listing if selection.is_data(entry.uri, roots))
            return selection.in_key_order(everything)
        self.load()
        if transformation_ctx in self._selections:
            raise UsageError(
                "a transformation_ctx used for two sources",
                found=f"{transformation_ctx!r}, a second time in this run",
                required="one name for each source that is tracked",
                fix="give each source a transformation_ctx of its own",
            )
        contexts = self._loaded.state.contexts if self._loaded.state else {}
        result = selection.select(
            listing,
            contexts.get(transformation_ctx),
            now=self._now,
            window=window,
            max_files_in_band=max_files_in_band,
            roots=roots,
        )
        self._selections[transformation_ctx] = result
        if result.next_state is not None:
            self._pending[transformation_ctx] = result.next_state
        return result.new

    def commit(self) -> BookmarkFacts:
        """Store the new state, when there is one. Call it only after every write was verified.

        A run that found nothing new stores nothing: no new sequence number, no new run in Glue's
        sense. Pause and disable never store.

        Raises:
            BookmarkConflict: GS-BKM-005.
            Refusal: GS-BKM-003, GS-BKM-004.
            CannotVerify: GS-BKM-006.
        """
        if self._store is not None and self.pending:
            state = BookmarkState.after(
                self._loaded.state,
                previous_digest=self._loaded.digest,
                job=self._store.job,
                run_id=str(self._run_id),
                attempt=self._attempt,
                contexts=self._pending,
            )
            self._loaded = self._store.commit(self._loaded, state)
            self._pending = {}
        return self.facts()

    def facts(self) -> BookmarkFacts:
        """What the evidence says of the bookmark, at any moment of the run."""
        before = self._start.state.contexts if self._start.state else {}
        contexts = {}
        for name, result in self._selections.items():
            state = result.next_state or before.get(name)
            contexts[name] = ContextFacts(
                len(result.new), result.deferred, state.high_water if state is not None else None
            )
        return BookmarkFacts(
            option=self._option.value,
            uri=str(self._store.uri) if self._store is not None else "",
            sequence_before=self._start.sequence,
            sequence_after=self._loaded.sequence,
            digest_before=self._start.digest,
            digest_after=self._loaded.digest,
            recorded=self._loaded.in_history,
            contexts=contexts,
        )
