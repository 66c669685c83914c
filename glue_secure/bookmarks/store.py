"""The bookmark object: loaded with its checks, committed with a conditional write.

Layout, below a prefix: ``ACCOUNT/REGION/JOB/current``, and every state ever committed, sealed as it
was, under ``ACCOUNT/REGION/JOB/history/000000000007``. ``current`` is written first, because its
condition decides who wins; a history entry that a crash left out is put by the next commit, before
it moves ``current``. So the history never lacks more than the newest state, and it tells a deleted
or an older ``current`` from a first run. Who can write the bucket can delete history too: against that
only a record outside the bucket helps (:mod:`~glue_secure.bookmarks.high_water`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from glue_secure.bookmarks import errors
from glue_secure.bookmarks.envelope import EnvelopeContext
from glue_secure.bookmarks.high_water import BEGINNING, Watch
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.identifiers import KmsKeyArn, S3Uri, job_name
from glue_secure.core.objects import StoredObject
from glue_secure.core.ports import HighWaterMarkStore, ObjectStore
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

_SEQUENCE = re.compile(r"\d{12}\Z")
_CONTENT_TYPE = "application/octet-stream"
# S3 answers 409 to a conditional write that meets another one under way: "retry the upload".
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_TRY_AGAIN = {"ConditionalRequestConflict", "OperationAborted", "409"}
_ATTEMPTS = 4
# The adapter's word for a server that ignored the SSE-KMS headers of a write.
_NOT_AS_ASKED = "EncryptionMismatch"


class SealedBytes(Protocol):
    """What the store needs of :class:`~glue_secure.bookmarks.envelope.Envelope`."""

    @property
    def context(self) -> EnvelopeContext:
        """Whose bookmark it is."""

    @property
    def key(self) -> KmsKeyArn:
        """The bookmark key; the object's SSE-KMS uses it too."""

    def seal(self, body: bytes, *, resource: str) -> bytes:
        """Encrypt."""

    def open(self, message: bytes, *, resource: str) -> bytes:
        """Decrypt and authenticate, or raise a refusal."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A state as it lies in the store.

    Attributes:
        state: None when no state was ever committed.
        etag: what a commit on top of it is conditional on; None with no state.
        digest: SHA-256 of the sealed bytes, ``""`` with no state.
        in_history: whether the history holds it.
        sealed: the sealed bytes.
    """

    state: BookmarkState | None
    etag: str | None
    digest: str
    in_history: bool
    sealed: bytes = field(default=b"", repr=False)

    @property
    def sequence(self) -> int:
        """The state's sequence number, 0 with no state."""
        return self.state.sequence if self.state else 0


class BookmarkStore:
    """One job's bookmark under one prefix.

    Args:
        objects: the object store.
        envelope: seals and opens, and says whose bookmark it is.
        prefix: location of all bookmarks (``s3://bucket/bookmarks``).
        mark: the bookmark's record outside the bucket, if it has one.
        pause: waits that many seconds between attempts.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        envelope: SealedBytes,
        prefix: S3Uri,
        mark: HighWaterMarkStore | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._objects, self._envelope, self._pause = objects, envelope, pause
        context = envelope.context
        base = prefix.child(context.account).child(context.region).child(job_name(context.job))
        self.job = context.job
        self.uri = base.child("current")
        self._history = base.child("history")
        self._resource = str(self.uri)
        self._watch = Watch(mark, self.job, self._resource) if mark is not None else None

    def history_uri(self, sequence: int) -> S3Uri:
        """Where the state of that sequence number is kept."""
        return self._history.child(f"{sequence:012d}")

    def load(self) -> Loaded:
        """The current state, checked; a mark that a crash left one behind is caught up.

        Raises:
            RefusedError: GS-BKM-001, GS-BKM-002 (does not open, another job's), GS-BKM-003 (gone),
                GS-BKM-004 (older than its history or its mark).
            VerificationError: GS-BKM-006.
        """
        if self._watch is None:
            return self._load()
        # The mark is read first: it follows current, so a commit meanwhile makes it no older than read.
        mark, loaded = self._watch.read(), self._load()
        try:
            behind = self._watch.behind(mark, _mark_of(loaded), _before(loaded))
        except ControlError:
            # Commits may have finished between the two looks.
            mark, loaded = self._watch.read(), self._load()
            behind = self._watch.behind(mark, _mark_of(loaded), _before(loaded))
        if behind:
            self._watch.advance(_mark_of(loaded))
        return loaded

    def adopt(self) -> Loaded:
        """Make the current state the mark, after checking it and all its history: a person's decision.

        Raises:
            UsageError: the bookmark has no mark.
            RefusedError: what :meth:`load` and :meth:`history` raise; GS-BKM-003 and GS-BKM-004 when the mark
                is further, because it never goes back.
            VerificationError: GS-BKM-006.
        """
        if self._watch is None:
            raise UsageError(
                "adopting a bookmark",
                found="no --glue-secure-bookmark-high-water",
                required="dynamodb:TABLE in the job's arguments",
            )
        mark, loaded = self._watch.read(), self._load()
        if mark is not None and mark.sequence >= loaded.sequence:
            self._watch.behind(mark, _mark_of(loaded), _before(loaded))
        for _ in self.history(loaded):
            pass
        if loaded.state is not None and (mark is None or mark.sequence < loaded.sequence):
            self._watch.advance(_mark_of(loaded))
        return loaded

    def _load(self) -> Loaded:
        stored, state = self._current()
        recorded = self._recorded(state)
        newest = max(recorded, default=0)
        if newest > (state.sequence if state else 0):
            # A commit may have finished between the two looks; it writes current before its history.
            stored, state = self._current()
        if stored is None or state is None:
            if recorded:
                found = f"no object, though {self.history_uri(newest)} records a run"
                raise errors.missing(self._resource, found)
            return Loaded(None, None, "", False)
        if newest > state.sequence:
            raise errors.rolled_back(
                self._resource,
                found=f"sequence {state.sequence} of run {state.run_id}",
                required=f"sequence {newest}, which {self.history_uri(newest)} records",
            )
        if state.sequence - 1 in recorded:
            self._require_predecessor(state)
        return Loaded(state, stored.etag, digest(stored.body), state.sequence in recorded, stored.body)

    def history(self, loaded: Loaded) -> Iterator[Loaded]:
        """``loaded`` and every state before it, newest first, each checked against the one it led to.

        Raises:
            RefusedError: GS-BKM-001, GS-BKM-002 (one does not open, another job's), GS-BKM-004 (one is
                gone, or is not the one that the next was committed on).
            VerificationError: GS-BKM-006.
        """
        while loaded.state is not None:
            yield loaded
            state = loaded.state
            if state.sequence == 1:
                return
            uri = self.history_uri(state.sequence - 1)
            stored = self._read(uri)
            required = (
                f"the state that sequence {state.sequence} was committed on, SHA-256 {state.previous_digest}"
            )
            if stored is None:
                raise errors.rolled_back(str(uri), "no object", required)
            if digest(stored.body) != state.previous_digest:
                raise errors.rolled_back(str(uri), "another state", required)
            before = self._open(stored.body, uri)
            if before.sequence != state.sequence - 1:
                raise errors.rolled_back(str(uri), f"sequence {before.sequence}", required)
            loaded = Loaded(before, stored.etag, state.previous_digest, True, stored.body)

    def states_of_runs(self, loaded: Loaded, run_ids: Collection[str]) -> dict[str, BookmarkState]:
        """The newest state that each of the runs committed; a run that the history does not name is left out.

        The history is walked once, from ``loaded`` back to the last of them.
        Raises what :meth:`history` raises.
        """
        found: dict[str, BookmarkState] = {}
        for entry in self.history(loaded):
            if entry.state is not None and entry.state.run_id in run_ids:
                found.setdefault(entry.state.run_id, entry.state)
            if len(found) == len(set(run_ids)):
                break
        return found

    def commit(self, loaded: Loaded, state: BookmarkState) -> Loaded:
        """Store ``state`` on top of ``loaded``, unless somebody else did so first.

        Returns:
            The new state as loaded. ``in_history`` is False when only the history entry could not be
            written; the commit holds, and the next one puts it first.

        Raises:
            BookmarkConflictError: GS-BKM-005, naming the winner; nothing moved.
            RefusedError: GS-BKM-003 (gone during the run), GS-BKM-004 (the history or the mark holds another
                state).
            VerificationError: GS-BKM-006; for the mark, the state is stored and the next run moves the mark.
        """
        if (state.job, state.sequence, state.previous_digest) != (
            self.job,
            loaded.sequence + 1,
            loaded.digest,
        ):
            raise ValueError("a state that does not follow the loaded one")
        if loaded.state is not None and not loaded.in_history:
            try:
                self._record(loaded.sequence, loaded.sealed, loaded.digest)
            except ServiceError as error:
                raise errors.storage_said(self._resource, error, "recording the loaded state") from error
        sealed = self._envelope.seal(state.to_bytes(), resource=self._resource)
        if self._watch is not None and loaded.state is None:
            self._watch.advance(BEGINNING)
        etag = self._put_current(loaded, sealed)
        if self._watch is not None:
            self._watch.advance(HighWaterMark(state.sequence, digest(sealed)))
        try:
            self._record(state.sequence, sealed, digest(sealed))
            in_history = True
        except ServiceError as error:
            if error.code == _NOT_AS_ASKED:
                raise errors.storage_said(self._resource, error, "recording the committed state") from error
            in_history = False
        return Loaded(state, etag, digest(sealed), in_history, sealed)

    def _put_current(self, loaded: Loaded, sealed: bytes) -> str:
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._objects.write(
                    self.uri,
                    sealed,
                    key=self._envelope.key,
                    content_type=_CONTENT_TYPE,
                    if_match=loaded.etag,
                    if_none_match=loaded.etag is None,
                )
            except NotFound as error:
                if loaded.etag is None:
                    raise errors.storage_said(self._resource, error, "committing") from error
                # If-Match on an object that is gone.
                found = f"no object; this run had read sequence {loaded.sequence}"
                raise errors.missing(self._resource, found) from error
            except ServiceError as error:
                if error.code in _TRY_AGAIN and attempt < _ATTEMPTS:
                    self._pause(0.1 * 2**attempt)
                    continue
                if error.code == _NOT_AS_ASKED:
                    # It did take effect, sealed but not encrypted at rest as required: not a success.
                    raise errors.storage_said(self._resource, error, "committing") from error
                return self._after_failed_put(loaded, sealed, error)

    def _after_failed_put(self, loaded: Loaded, sealed: bytes, error: ServiceError) -> str:
        """What a failed conditional write came to: ours after all, somebody else's, or not known.

        An answer may be lost after the write took effect. A client that retries then fails against
        its own object, and one that gives up does not know. Sealed bytes are fresh each time, so
        finding ours there proves that the write was ours.
        """
        try:
            there = self._read(self.uri)
        except ControlError as unreadable:
            if isinstance(error, PreconditionFailed):
                winner = "another state, which cannot be read"
                raise errors.lost_race(self._resource, winner, _name(loaded)) from unreadable
            found = (
                "writing it failed, and whether the write took effect cannot be read; the next run will see"
            )
            raise errors.storage_said(self._resource, error, found) from error
        if there is not None and digest(there.body) == digest(sealed):
            return there.etag
        if (there.etag if there is not None else None) == loaded.etag:
            found = "committing; the bookmark did not move"
            raise errors.storage_said(self._resource, error, found) from error
        if there is None:
            found = f"no object; this run had read sequence {loaded.sequence}"
            raise errors.missing(self._resource, found) from error
        try:
            # Ours may have taken effect and have been followed already; who followed recorded it first.
            recorded = self._read(self.history_uri(loaded.sequence + 1))
            if recorded is not None and digest(recorded.body) == digest(sealed):
                return recorded.etag
            state = self._open(there.body, self.uri)
            winner = f"run {state.run_id} committed sequence {state.sequence} first"
        except ControlError as refusal:
            winner = f"another state, which does not open ({refusal.control})"
        raise errors.lost_race(self._resource, winner, _name(loaded)) from error

    def _record(self, sequence: int, sealed: bytes, sealed_digest: str) -> None:
        """Put one history entry; one that exists must be the same."""
        uri = self.history_uri(sequence)
        try:
            self._objects.write(
                uri, sealed, key=self._envelope.key, content_type=_CONTENT_TYPE, if_none_match=True
            )
        except PreconditionFailed as error:
            if digest(self._objects.read(uri).body) == sealed_digest:
                return
            found = f"another state than the one committed as sequence {sequence}"
            required = "one history: no state put back, no two prefixes mixed"
            raise errors.rolled_back(str(uri), found, required) from error

    def _current(self) -> tuple[StoredObject | None, BookmarkState | None]:
        stored = self._read(self.uri)
        return stored, self._open(stored.body, self.uri) if stored is not None else None

    def _recorded(self, state: BookmarkState | None) -> set[int]:
        """Sequence numbers in the history: all of them without a state, else from its predecessor on."""
        sequence = state.sequence if state else 0
        start_after = self.history_uri(sequence - 2).key if sequence > 2 else ""
        try:
            names = [
                entry.uri.key.rpartition("/")[2]
                for entry in self._objects.list(self._history, start_after=start_after)
            ]
        except ServiceError as error:
            raise errors.storage_said(self._resource, error, "listing its history") from error
        return {int(name) for name in names if _SEQUENCE.match(name)}

    def _require_predecessor(self, state: BookmarkState) -> None:
        uri = self.history_uri(state.sequence - 1)
        before = self._read(uri)
        if before is not None and digest(before.body) != state.previous_digest:
            found = f"another state than the one that sequence {state.sequence} was committed on"
            raise errors.rolled_back(str(uri), found, f"SHA-256 {state.previous_digest}")

    def _read(self, uri: S3Uri) -> StoredObject | None:
        try:
            return self._objects.read(uri)
        except NotFound:
            # A bucket that does not exist answers so too; listing it then fails.
            return None
        except ServiceError as error:
            raise errors.storage_said(str(uri), error, "reading it") from error

    def _open(self, message: bytes, uri: S3Uri) -> BookmarkState:
        body = self._envelope.open(message, resource=str(uri))
        try:
            state = BookmarkState.from_bytes(body)
        except BookmarkStateError as error:
            found = f"an authentic message that holds no state of this version ({error})"
            required = "a state that this version of glue-secure wrote"
            raise errors.not_authentic(str(uri), found, required) from error
        if state.job != self.job:
            raise errors.another_job(str(uri), f"job {state.job!r}", f"job {self.job!r}")
        return state


def _name(loaded: Loaded) -> str:
    return f"sequence {loaded.sequence}" if loaded.state else "no bookmark yet"


def _mark_of(loaded: Loaded) -> HighWaterMark:
    return HighWaterMark(loaded.sequence, loaded.digest)


def _before(loaded: Loaded) -> str:
    return loaded.state.previous_digest if loaded.state else ""
