"""A run's bookmark: what each source selects, and the one commit at the end.

Nothing moves before :meth:`BookmarkSession.commit`, and that is called only after every write of the
run has been verified. A run that fails before reads the same input again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from glue_secure.bookmarks import selection
from glue_secure.bookmarks.ascending import name_of
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.report import BookmarkFacts, ContextFacts
from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.state import BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.redaction import redacting_logger

MOST_IDENTITIES = 100_000
"""Of all sources of a job together; a bookmark of so many has 4 MB, half of what one may have."""
# Glue names the automatic retries of a run so: jr_1a2b_attempt_1.
_RETRY = re.compile(r"_attempt_(\d{1,6})\Z")
_LOG = redacting_logger(__name__)


class BookmarkSession:
    """One run's view of its job's bookmark.

    Args:
        option: what the run was told to do with bookmarks.
        store: where the job's bookmark lies; None only when the option is disable.
        now: time of the run, UTC, taken before anything is listed.
        run_id: the run.
        attempt: failed attempts of this run so far; by default what Glue writes into the id of a retry.
        from_run: ``--job-bookmark-from``: with pause, input up to that run is left out.
        to_run: ``--job-bookmark-to``: with pause, input up to that run is read, and none after.

    Raises:
        UsageError: the range is half given, or is given without pause; or there is no store.
    """

    def __init__(
        self,
        *,
        option: BookmarkOption,
        store: BookmarkStore | None,
        now: datetime,
        run_id: RunId,
        attempt: int | None = None,
        from_run: str | None = None,
        to_run: str | None = None,
    ) -> None:
        self._range = _range_of(option, from_run, to_run)
        if store is None and option is not BookmarkOption.DISABLE:
            raise UsageError(
                "a bookmark without a place",
                found=f"--job-bookmark-option {option.value} and no bookmark location",
                required="--glue-secure-bookmark-uri s3://BUCKET/PREFIX",
            )
        self._option, self._now, self._run_id = option, now, run_id
        self._attempt = attempt if attempt is not None else attempt_of(run_id)
        self._store = store if option is not BookmarkOption.DISABLE else None
        self._start = self._loaded = Loaded(None, None, "", False)
        self._is_loaded = self._store is None
        self._after: BookmarkState | None = None
        self._upto: BookmarkState | None = None
        self._used: dict[str, ContextFacts] = {}
        self._pending: dict[str, SourceState] = {}

    @property
    def pending(self) -> bool:
        """Whether a commit would write."""
        return self._option is BookmarkOption.ENABLE and bool(self._pending)

    @property
    def is_range(self) -> bool:
        """Whether the run reads what two runs of the past have between them: see :meth:`until`."""
        return self._range is not None

    def load(self) -> None:
        """Read and check the bookmark. Part of the preflight: a bookmark that does not hold stops the run.

        Raises:
            RefusedError: GS-BKM-001 to GS-BKM-004.
            VerificationError: GS-BKM-006.
            UsageError: no state of a run of the range is recorded, or they are in the wrong order.
        """
        if self._store is not None and not self._is_loaded:
            self._start = self._loaded = self._store.load()
            self._after = self._loaded.state
            if self._range is not None:
                self._after, self._upto = self._states_of_range(self._store, *self._range)
        self._is_loaded = True

    def select(
        self,
        transformation_ctx: str,
        listing: Iterable[ObjectSummary],
        *,
        roots: Sequence[S3Uri] = (),
        locations: Sequence[S3Uri] = (),
        limits: Limits = selection.DEFAULT,
    ) -> tuple[ObjectSummary, ...]:
        """What the source named by ``transformation_ctx`` reads in this run, in key order.

        An empty context is not tracked and reads everything (within a bound, the oldest of it), as does
        every context when the option is disable. See :func:`glue_secure.bookmarks.selection.select` for
        the other arguments.

        Raises:
            UsageError: the context was already used in this run: two sources would share one state,
                and what one reads the other would skip. Or its state is of another kind of source.
        """
        if not self.tracks(transformation_ctx):
            return selection.select_all(listing, limits=limits, roots=roots).new
        before = _s3(transformation_ctx, self.state_of(transformation_ctx))
        if self.is_range:
            upto = _s3(transformation_ctx, self.until(transformation_ctx))
            result = selection.select_range(listing, before, upto, limits=limits, roots=roots)
        else:
            result = selection.select(
                listing, before, now=self._now, limits=limits, roots=roots, locations=locations
            )
        if result.next_state is not None:
            self._require_small(transformation_ctx, result.next_state)
        started = self.listed_to(transformation_ctx, limits)
        self.propose(
            transformation_ctx,
            result.next_state,
            selected=len(result.new),
            deferred=result.deferred,
            listed=result.listed,
            listed_after=len({name_of(root) for root in locations} & set(started)),
        )
        return result.new

    def listed_to(self, transformation_ctx: str, limits: Limits) -> Mapping[str, str]:
        """Location → key up to which a source's objects need not be listed; empty without the promise.

        The names are those of :func:`glue_secure.bookmarks.ascending.name_of`.
        """
        if not limits.keys_ascending or self.is_range or not self.tracks(transformation_ctx):
            return {}
        state = _s3(transformation_ctx, self.state_of(transformation_ctx))
        return state.listed_to if state is not None else {}

    def tracks(self, transformation_ctx: str) -> bool:
        """Whether a source of that name is tracked in this run; if not, everything is read."""
        return self._store is not None and bool(transformation_ctx)

    def state_of(self, transformation_ctx: str) -> SourceState | None:
        """The state that a tracked source starts from; None when it has never been read.

        Raises:
            UsageError: the context was already used in this run.
        """
        self.load()
        if transformation_ctx in self._used:
            raise UsageError(
                "a transformation_ctx used for two sources",
                found=f"{transformation_ctx!r}, a second time in this run",
                required="one name for each source that is tracked",
                fix="give each source a transformation_ctx of its own",
            )
        # A second commit of one run goes on from the first.
        state = self._after if self.is_range else self._loaded.state
        return state.contexts.get(transformation_ctx) if state is not None else None

    def until(self, transformation_ctx: str) -> SourceState | None:
        """In a range, the state up to which a source is read: what it is done with, and no more.

        None, in a range, when the source had never been read then: nothing of it is read now.
        """
        self.load()
        return self._upto.contexts.get(transformation_ctx) if self._upto is not None else None

    def propose(
        self,
        transformation_ctx: str,
        next_state: SourceState | None,
        *,
        selected: int | None = None,
        deferred: int = 0,
        listed: int | None = None,
        listed_after: int = 0,
    ) -> None:
        """Note what a tracked source reads, and the state that a commit is to store for it.

        Args:
            transformation_ctx: the source's name.
            next_state: its state once what was selected has been processed; None when nothing is new.
            selected: objects selected; None of a table.
            deferred: see :class:`ContextFacts`, as for the others.
            listed: objects listed.
            listed_after: locations that were listed from a key on.
        """
        before = self._loaded.state.contexts if self._loaded.state is not None else {}
        state = next_state or before.get(transformation_ctx)
        watermark = state.watermark if state is not None else None
        self._used[transformation_ctx] = ContextFacts(selected, deferred, watermark, listed, listed_after)
        if next_state is not None:
            self._pending[transformation_ctx] = next_state

    def leave_untracked(self, transformation_ctx: str, why: str) -> None:
        """Note that a named source is read whole, and why; the evidence says so."""
        self._used[transformation_ctx] = ContextFacts(None, 0, None, untracked=why)

    def commit(self) -> BookmarkFacts:
        """Store the new state, when there is one. Call it only after every write was verified.

        A run that found nothing new stores nothing: no new sequence number, no new run in Glue's
        sense. Pause and disable never store.

        Raises:
            BookmarkConflictError: GS-BKM-005.
            RefusedError: GS-BKM-003, GS-BKM-004.
            VerificationError: GS-BKM-006.
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
        from_run, to_run = self._range or ("", "")
        return BookmarkFacts(
            option=self._option.value,
            uri=str(self._store.uri) if self._store is not None else "",
            sequence_before=self._start.sequence,
            sequence_after=self._loaded.sequence,
            digest_before=self._start.digest,
            digest_after=self._loaded.digest,
            recorded=self._loaded.in_history,
            contexts=dict(self._used),
            from_run=from_run,
            to_run=to_run,
        )

    def _states_of_range(
        self, store: BookmarkStore, from_run: str, to_run: str
    ) -> tuple[BookmarkState, BookmarkState]:
        found = store.states_of_runs(self._loaded, (from_run, to_run))
        for name, run in (("from", from_run), ("to", to_run)):
            if run not in found:
                raise UsageError(
                    f"--job-bookmark-{name}",
                    found=f"{run!r}, of which no state is recorded",
                    required=f"a run of job {store.job} that committed its bookmark",
                    fix="glue-secure bookmark history names them; a run that failed or found nothing new has "
                    "none: name the one before it",
                )
        after, upto = found[from_run], found[to_run]
        if upto.sequence < after.sequence:
            raise UsageError(
                "--job-bookmark-from and --job-bookmark-to",
                found=f"from {from_run} (sequence {after.sequence}) to {to_run} (sequence {upto.sequence})",
                required="the earlier run first",
            )
        return after, upto

    def _require_small(self, transformation_ctx: str, state: S3SourceState) -> None:
        """Refuse before anything is read what a commit, after everything was written, would refuse."""
        before = self._loaded.state.contexts if self._loaded.state is not None else {}
        others = {**before, **self._pending, transformation_ctx: state}.values()
        held = sum(len(one.seen) for one in others if isinstance(one, S3SourceState))
        if held > MOST_IDENTITIES:
            raise UsageError(
                f"the bookmark of transformation_ctx {transformation_ctx!r}",
                found=f"{held} objects to remember inside the windows of the job's sources",
                required=f"at most {MOST_IDENTITIES}",
                fix="lower maxFilesInBand (1000 by default) or maxBand",
            )


def attempt_of(run_id: RunId) -> int:
    """How many attempts failed before this one, by Glue's name of a retried run; 0 for any other name."""
    found = _RETRY.search(str(run_id))
    return int(found[1]) if found else 0


def another_kind(transformation_ctx: str, found: SourceState, required: str) -> UsageError:
    """The error for a context whose state is of another kind of source than the one that is read now."""
    return UsageError(
        f"the bookmark of transformation_ctx {transformation_ctx!r}",
        found=f"the state of a {found.kind} source",
        required=f"the state of {required}, or none",
        fix="give the new source a transformation_ctx of its own",
    )


def _s3(transformation_ctx: str, state: SourceState | None) -> S3SourceState | None:
    if state is None or isinstance(state, S3SourceState):
        return state
    raise another_kind(transformation_ctx, state, "an S3 source")


def _range_of(option: BookmarkOption, from_run: str | None, to_run: str | None) -> tuple[str, str] | None:
    """The range, judged as ``getResolvedOptions`` judges it: with pause both or none, else not both."""
    if option is BookmarkOption.PAUSE and from_run is not None and to_run is not None:
        return from_run, to_run
    if from_run is None and to_run is None:
        return None
    given = [
        f"--job-bookmark-{name}" for name, run in (("from", from_run), ("to", to_run)) if run is not None
    ]
    if option is BookmarkOption.PAUSE or len(given) > 1:
        raise UsageError(
            "job bookmark range",
            found=f"--job-bookmark-option {option.value} with {' and '.join(given)}",
            required="--job-bookmark-from and --job-bookmark-to together, with job-bookmark-pause",
        )
    _LOG.warning("%s does nothing with --job-bookmark-option %s, as in Glue", given[0], option.value)
    return None
