"""The bookmark of one run: the selection of each source, and one commit at the end.

The stored bookmark changes only in :meth:`BookmarkSession.commit`, which is called after every write of the
run has been verified. If a run fails before, the next run reads the same input again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from glue_secure.bookmarks import selection
from glue_secure.bookmarks.ascending import name_of
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.envelope import MAX_MESSAGE
from glue_secure.bookmarks.findings import command
from glue_secure.bookmarks.report import BookmarkReport, ContextReport
from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.state import BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import canonical_json
from glue_secure.core.findings import Finding
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.redaction import redacting_logger

MOST_BYTES = MAX_MESSAGE - MAX_MESSAGE // 16
"""Of a state, before it is encrypted."""
MOST_IDENTITIES = 100_000
"""Of all sources of a job together. Such a bookmark has 4 MB, half of the maximum."""
# The id of an automatic retry in Glue: jr_1a2b_attempt_1.
_RETRY = re.compile(r"_attempt_(\d{1,6})\Z")
_LOG = redacting_logger(__name__)


class BookmarkSession:
    """The job's bookmark in one run.

    Args:
        option: ``--job-bookmark-option``.
        store: of the job's bookmark. None if the option is disable or Glue manages the bookmark.
        now: time of the run, UTC, taken before anything is listed.
        run_id: the run.
        attempt: failed attempts of this run; by default from the id that Glue gives to a retry.
        from_run: ``--job-bookmark-from``: with pause, input up to that run is excluded.
        to_run: ``--job-bookmark-to``: with pause, input after that run is excluded.
        managed_by_glue: whether the run uses Glue's own bookmarks. Nothing is tracked here then: Glue selects
            the input, and Glue's ``Job.commit`` saves the state under the key of GS-SEC-005.
        awaits_init: whether nothing is tracked before :meth:`begin`.

    Raises:
        UsageError: one end of the range is missing, or the range is given without pause; or there is no
            store.
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
        managed_by_glue: bool = False,
        awaits_init: bool = False,
    ) -> None:
        self._range = _range_of(option, from_run, to_run)
        tracked = option is not BookmarkOption.DISABLE and not managed_by_glue
        self.managed_by_glue = managed_by_glue and option is not BookmarkOption.DISABLE
        if store is None and tracked:
            raise UsageError(
                "a bookmark without a location",
                found=f"--job-bookmark-option {option.value} and no bookmark location",
                required="--glue-secure-bookmark-uri s3://BUCKET/PREFIX",
            )
        self._option, self._now, self._run_id = option, now, run_id
        self._attempt = attempt if attempt is not None else attempt_of(run_id)
        self._store = store if tracked else None
        self._awaits_init = awaits_init
        self._start = self._loaded = Loaded(None, None, "", False)
        self._is_loaded = self._store is None
        self._after: BookmarkState | None = None
        self._until: BookmarkState | None = None
        self._used: dict[str, ContextReport] = {}
        self._pending: dict[str, SourceState] = {}
        self._sizes: dict[str, int] | None = None

    @property
    def job(self) -> str:
        """The job's name, ``""`` if no bookmark is tracked here."""
        return self._store.job if self._store is not None else ""

    @property
    def pending(self) -> bool:
        """Whether a commit would write."""
        return self._store is not None and self._option is BookmarkOption.ENABLE and bool(self._pending)

    @property
    def is_range(self) -> bool:
        """Whether the run reads the input between two earlier runs: see :meth:`until`."""
        return self._range is not None

    def begin(self) -> tuple[Finding, ...]:
        """Track the sources that are read from now on, and return the findings of :meth:`load`."""
        self._awaits_init = False
        return self.load()

    def load(self) -> tuple[Finding, ...]:
        """Read and check the bookmark, before any data is read.

        Returns:
            The findings of GS-BKM-001 to GS-BKM-004, all passes; none if no bookmark is tracked here.

        Raises:
            RefusedError: GS-BKM-001 to GS-BKM-004.
            VerificationError: GS-BKM-006.
            UsageError: no state of a run of the range is recorded, or the runs are in the wrong order.
        """
        if self._store is not None and not self._is_loaded:
            self._start = self._loaded = self._store.load()
            self._after = self._loaded.state
            if self._range is not None:
                self._after, self._until = self._states_of_range(self._store, *self._range)
        self._is_loaded = True
        return self._start.findings

    def select(
        self,
        transformation_ctx: str,
        listing: Iterable[ObjectSummary],
        *,
        roots: Sequence[S3Uri] = (),
        locations: Sequence[S3Uri] = (),
        limits: Limits = selection.DEFAULT,
        scope: str = "",
    ) -> Sequence[ObjectSummary]:
        """Return the objects that the source ``transformation_ctx`` reads in this run, in key order.

        A source without a context is not tracked: all objects are selected, or the oldest up to a bound. The
        same applies to every source if the option is disable. The other arguments are those of
        :func:`glue_secure.bookmarks.selection.select`.

        Raises:
            UsageError: the context was already used in this run: two sources would share one state, and each
                would skip what the other read. Or the state belongs to another kind of source.
        """
        if not self.tracks(transformation_ctx):
            return selection.select_all(listing, limits=limits, roots=roots).new
        before = _s3(transformation_ctx, self.state_of(transformation_ctx))
        if self.is_range:
            until = _s3(transformation_ctx, self.until(transformation_ctx))
            result = selection.select_range(listing, before, until, limits=limits, roots=roots)
        else:
            result = selection.select(
                listing,
                before,
                now=self._now,
                limits=limits,
                roots=roots,
                locations=locations,
                scope=scope,
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
            late=result.late,
            unchecked=result.unchecked,
        )
        if result.late:
            _LOG.info(
                "%r: %d objects appeared with a time before the floor, and are read now",
                transformation_ctx,
                result.late,
            )
        if result.unread:
            _LOG.warning(
                "bookmark %r: %s; to read everything in the next run: %s",
                transformation_ctx,
                result.unchecked,
                command("forget", self.job, transformation_ctx),
            )
        return result.new

    def listed_to(self, transformation_ctx: str, limits: Limits) -> Mapping[str, str]:
        """Return, by location, the key after which a source must be listed; empty without ``keysAscending``.

        Locations are named by :func:`glue_secure.bookmarks.ascending.name_of`.
        """
        if not limits.keys_ascending or self.is_range or not self.tracks(transformation_ctx):
            return {}
        state = _s3(transformation_ctx, self.state_of(transformation_ctx))
        return state.listed_to if state is not None else {}

    def tracks(self, transformation_ctx: str) -> bool:
        """Return whether a source of that name is tracked in this run."""
        return self._store is not None and not self._awaits_init and bool(transformation_ctx)

    def state_of(self, transformation_ctx: str) -> SourceState | None:
        """Return the state that a tracked source starts from; None if it was never read.

        Raises:
            UsageError: the context was already used in this run.
        """
        self.load()
        if transformation_ctx in self._used:
            raise UsageError(
                "a transformation_ctx used for two sources",
                found=f"{transformation_ctx!r}, a second time in this run",
                required="a different name for each tracked source",
                fix="give each source its own transformation_ctx",
            )
        state = self._after if self.is_range else self._loaded.state
        return state.contexts.get(transformation_ctx) if state is not None else None

    def until(self, transformation_ctx: str) -> SourceState | None:
        """Return, in a range, the state up to which a source is read.

        In a range, None means that the source had not been read yet: nothing of it is read now.
        """
        self.load()
        return self._until.contexts.get(transformation_ctx) if self._until is not None else None

    def propose(
        self,
        transformation_ctx: str,
        next_state: SourceState | None,
        *,
        selected: int | None = None,
        deferred: int = 0,
        listed: int | None = None,
        listed_after: int = 0,
        late: int = 0,
        unchecked: str = "",
    ) -> None:
        """Record the selection of a tracked source, and the state that a commit stores for it.

        Args:
            transformation_ctx: the source's name.
            next_state: its state after the selected input; None if nothing is new.
            selected: objects selected; None for a table.
            deferred: see :class:`ContextReport`, as for the other numbers.
            listed: objects listed.
            listed_after: locations that were listed from a key on.
            late: objects that appeared with a time before the floor.
            unchecked: why such objects could not be noticed.

        Raises:
            UsageError: the bookmark would be too large to be committed.
        """
        before = self._loaded.state.contexts if self._loaded.state is not None else {}
        if next_state is not None:
            self._require_size(transformation_ctx, next_state, before)
        state = next_state or before.get(transformation_ctx)
        watermark = state.watermark if state is not None else None
        self._used[transformation_ctx] = ContextReport(
            selected, deferred, watermark, listed, listed_after, late=late, unchecked=unchecked
        )
        if next_state is not None:
            self._pending[transformation_ctx] = next_state

    @contextmanager
    def withdrawn_on_error(self, transformation_ctx: str) -> Iterator[None]:
        """Forget what the block proposes for a source if the block raises."""
        was_used = transformation_ctx in self._used
        try:
            yield
        except BaseException:
            if not was_used:
                self._used.pop(transformation_ctx, None)
                self._pending.pop(transformation_ctx, None)
            raise

    def leave_untracked(self, transformation_ctx: str, reason: str) -> None:
        """Record, for the evidence, that a named source is read completely, and the reason."""
        self._used[transformation_ctx] = ContextReport(None, 0, None, untracked=reason)

    def commit(self) -> BookmarkReport:
        """Store the new state, if there is one. Call it only after every write was verified.

        A run without new input stores nothing, and neither its sequence nor its run counter changes. With
        pause or disable nothing is ever stored.

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
        return self.report()

    def report(self) -> BookmarkReport:
        """Return the bookmark's part of the evidence, at any time of the run."""
        from_run, to_run = self._range or ("", "")
        return BookmarkReport(
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
        states = store.states_of_runs(self._loaded, (from_run, to_run))
        for name, run in (("from", from_run), ("to", to_run)):
            if run not in states:
                raise UsageError(
                    f"--job-bookmark-{name}",
                    found=f"{run!r}, for which no state is recorded",
                    required=f"a run of job {store.job} that committed its bookmark",
                    fix=f"choose one from `glue-secure bookmark history {store.job}`; a run that "
                    "failed or had no new input has no state: name the run before it",
                )
        after, until = states[from_run], states[to_run]
        if until.sequence < after.sequence:
            raise UsageError(
                "--job-bookmark-from and --job-bookmark-to",
                found=f"from {from_run} (sequence {after.sequence}) to {to_run} (sequence {until.sequence})",
                required="the earlier run first",
            )
        return after, until

    def _require_size(
        self, transformation_ctx: str, state: SourceState, before: Mapping[str, SourceState]
    ) -> None:
        """Reject a bookmark that is too large before anything is written, and warn at half of the limit."""
        first = self._sizes is None
        if self._sizes is None:
            self._sizes = {name: _size(name, source) for name, source in before.items()}
        total = sum(self._sizes.values())
        self._sizes[transformation_ctx] = _size(transformation_ctx, state)
        after = sum(self._sizes.values())
        found = f"{after} bytes for {len(self._sizes)} sources"
        advice = (
            f"{command('show', self.job)} lists the sources, and "
            f"{command('forget', self.job, 'CONTEXT')} removes those that the script does not use any more"
        )
        if after > MOST_BYTES:
            raise UsageError(
                f"the bookmark of job {self.job}",
                found=found,
                required=f"at most {MOST_BYTES}",
                fix=f"{advice}; or lower maxFilesInBand. Nothing was written",
            )
        if after > MOST_BYTES // 2 and (first or total <= MOST_BYTES // 2):
            _LOG.warning(
                "the bookmark has %s, more than half of the limit of %d: %s", found, MOST_BYTES, advice
            )

    def _require_small(self, transformation_ctx: str, state: S3SourceState) -> None:
        """Reject a state that is too large before anything is read, not in the commit."""
        before = self._loaded.state.contexts if self._loaded.state is not None else {}
        others = {**before, **self._pending, transformation_ctx: state}.values()
        remembered = sum(len(source.seen) for source in others if isinstance(source, S3SourceState))
        if remembered > MOST_IDENTITIES:
            raise UsageError(
                f"the bookmark of transformation_ctx {transformation_ctx!r}",
                found=f"{remembered} objects to remember inside the windows of the job's sources",
                required=f"at most {MOST_IDENTITIES}",
                fix="lower maxFilesInBand (1000 by default) or maxBand",
            )


def _size(name: str, source: SourceState) -> int:
    return len(canonical_json({name: source.as_json()}))


def attempt_of(run_id: RunId) -> int:
    """Return the number of failed attempts before this one, from the id that Glue gives a retry."""
    retry = _RETRY.search(str(run_id))
    return int(retry[1]) if retry else 0


def another_kind(transformation_ctx: str, found: SourceState, required: str) -> UsageError:
    """Return the error for a context whose state belongs to another kind of source."""
    return UsageError(
        f"the bookmark of transformation_ctx {transformation_ctx!r}",
        found=f"the state of a {found.kind} source",
        required=f"the state of {required}, or none",
        fix="give the new source its own transformation_ctx",
    )


def _s3(transformation_ctx: str, state: SourceState | None) -> S3SourceState | None:
    if isinstance(state, SkippedSourceState):
        return S3SourceState(floor=state.at, high_water=state.at)
    if state is None or isinstance(state, S3SourceState):
        return state
    raise another_kind(transformation_ctx, state, "an S3 source")


def _range_of(option: BookmarkOption, from_run: str | None, to_run: str | None) -> tuple[str, str] | None:
    """Return the range, checked as ``getResolvedOptions`` does."""
    if option is BookmarkOption.PAUSE and from_run is not None and to_run is not None:
        return from_run, to_run
    if from_run is None and to_run is None:
        return None
    arguments = [
        f"--job-bookmark-{name}" for name, run in (("from", from_run), ("to", to_run)) if run is not None
    ]
    if option is BookmarkOption.PAUSE or len(arguments) > 1:
        raise UsageError(
            "job bookmark range",
            found=f"--job-bookmark-option {option.value} with {' and '.join(arguments)}",
            required="--job-bookmark-from and --job-bookmark-to together, with job-bookmark-pause",
        )
    _LOG.warning("%s has no effect with --job-bookmark-option %s, as in Glue", arguments[0], option.value)
    return None
