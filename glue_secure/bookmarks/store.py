"""Load a bookmark with its checks, and commit it with a conditional write.

Objects below a prefix: ``ACCOUNT/REGION/JOB/current``, and every committed state, as it was encrypted, below
``ACCOUNT/REGION/JOB/history/``, named by its sequence (``000000000007``).

``current`` is written first, because its condition decides which of two runs commits. A history entry that is
missing after a crash is written by the next commit, before it replaces ``current``. The history therefore
lacks at most the newest state, and it distinguishes a deleted or an older ``current`` from a first run.
Anyone who can write the bucket can delete the history too; only a high-water mark outside the bucket detects
that (:mod:`~glue_secure.bookmarks.high_water`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from glue_secure.bookmarks import findings
from glue_secure.bookmarks.envelope import MAX_MESSAGE, EnvelopeContext, OpenedMessage
from glue_secure.bookmarks.high_water import BEGINNING, HighWaterMarkGuard, is_behind
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import Finding, Verdict, enforce, error_of, passed, stop
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.identifiers import KmsKeyArn, S3Uri, job_name
from glue_secure.core.objects import StoredObject
from glue_secure.core.ports import HighWaterMarkStore, ObjectStore
from glue_secure.core.service import NotFound, PreconditionFailed, ServiceError

_SEQUENCE = re.compile(r"\d{12}\Z")
_CONTENT_TYPE = "application/octet-stream"
# S3 answers 409 to a conditional write that meets another one in progress: "retry the upload".
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_RETRYABLE = {"ConditionalRequestConflict", "OperationAborted", "409"}
_ATTEMPTS = 4
# The object store's error code for a server that ignored the SSE-KMS headers of a write.
_NOT_AS_REQUESTED = "EncryptionMismatch"


class SealedBytes(Protocol):
    """The part of :class:`~glue_secure.bookmarks.envelope.Envelope` that the store uses."""

    @property
    def context(self) -> EnvelopeContext:
        """The job that the bookmark belongs to."""

    @property
    def key(self) -> KmsKeyArn:
        """The bookmark key, which the object's SSE-KMS uses too."""

    def seal(self, body: bytes, *, resource: str) -> bytes:
        """Encrypt."""

    def open(self, message: bytes, *, resource: str) -> OpenedMessage:
        """Decrypt and authenticate. Raises RefusedError, VerificationError."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A state as it is stored.

    Attributes:
        state: None if no state was ever committed.
        etag: the entity tag that a commit on top of it requires; None without a state.
        digest: SHA-256 of the encrypted bytes, ``""`` without a state.
        in_history: whether the history contains the state.
        sealed: the encrypted bytes.
        findings: of the checks that the state passed.
    """

    state: BookmarkState | None
    etag: str | None
    digest: str
    in_history: bool
    sealed: bytes = field(default=b"", repr=False)
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def sequence(self) -> int:
        """The state's sequence number, 0 without a state."""
        return self.state.sequence if self.state else 0


class BookmarkStore:
    """The bookmark of one job below one prefix.

    Args:
        objects: the object store.
        envelope: encrypts and decrypts; its context names the job.
        prefix: location of all bookmarks (``s3://bucket/bookmarks``).
        mark: the store of the bookmark's high-water mark, if it has one.
        pause: waits for a number of seconds between attempts.
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
        self._history, self._damaged = base.child("history"), base.child("damaged")
        self._resource = str(self.uri)
        self._guard = HighWaterMarkGuard(mark, self.job, self._resource) if mark is not None else None

    def history_uri(self, sequence: int) -> S3Uri:
        """Return the location of the state with that sequence number in the history."""
        return self._history.child(f"{sequence:012d}")

    def load(self) -> Loaded:
        """Return the current state, with the findings of its checks. Advance a mark that a crash left behind.

        Raises:
            RefusedError: GS-BKM-001, GS-BKM-002 (does not decrypt, another job's), GS-BKM-003 (missing),
                GS-BKM-004 (older than its history or its mark).
            VerificationError: GS-BKM-006.
        """
        if self._guard is None:
            return self._load()
        # The mark is read first. A commit in between writes current first, so current is then ahead of the
        # mark.
        mark, loaded = self._guard.read(), self._load()
        checked = self._guard.check(mark, _mark_of(loaded), _previous_digest(loaded))
        if any(finding.verdict is not Verdict.PASS for finding in checked):
            # Commits may have finished between the two reads.
            mark, loaded = self._guard.read(), self._load()
            checked = enforce(self._guard.check(mark, _mark_of(loaded), _previous_digest(loaded)))
        if is_behind(mark, _mark_of(loaded)):
            self._guard.advance(_mark_of(loaded))
        return replace(loaded, findings=(*loaded.findings, *checked))

    def adopt(self) -> Loaded:
        """Make the current state the high-water mark, after checks of the state and its whole history.

        Only an administrator decides this, with ``glue-secure bookmark verify --adopt``.

        Raises:
            UsageError: the bookmark has no high-water mark.
            RefusedError: what :meth:`load` and :meth:`history` raise; GS-BKM-003 and GS-BKM-004 if the mark
                is ahead, because it never goes back.
            VerificationError: GS-BKM-006.
        """
        if self._guard is None:
            raise UsageError(
                "adopting a bookmark",
                found="no --glue-secure-bookmark-high-water",
                required="dynamodb:TABLE in the job's arguments",
            )
        mark, loaded = self._guard.read(), self._load()
        if mark is not None and mark.sequence >= loaded.sequence:
            enforce(self._guard.check(mark, _mark_of(loaded), _previous_digest(loaded)))
        for _ in self.history(loaded):
            pass
        if loaded.state is not None and (mark is None or mark.sequence < loaded.sequence):
            self._guard.advance(_mark_of(loaded))
        return loaded

    def _load(self) -> Loaded:
        current = self._current()
        recorded = self._recorded(current.state)
        if max(recorded, default=0) > current.sequence:
            # A commit may have finished between the two reads; it writes current before its history.
            current = self._current()
        state = current.state
        checked = enforce(
            check_first_run(
                recorded,
                resource=self._resource,
                history=str(self._history),
                key=str(self._envelope.key),
                job=self.job,
            )
            if state is None
            else check_newest(
                state,
                recorded,
                resource=self._resource,
                history=str(self._history),
                key=str(self._envelope.key),
            )
        )
        if state is None:
            return replace(current, findings=checked)
        if state.predecessor in recorded:
            self._require_predecessor(state)
        in_history = state.sequence in recorded
        if in_history:
            self._require_recorded(current, state)
        return replace(current, in_history=in_history, findings=(*current.findings, *checked))

    def history(self, loaded: Loaded) -> Iterator[Loaded]:
        """Yield ``loaded`` and every state before it, newest first, each checked against its successor.

        Raises:
            RefusedError: GS-BKM-001, GS-BKM-002 (a state does not decrypt, is another job's), GS-BKM-004 (a
                state is missing, or is not the one that its successor was committed on).
            VerificationError: GS-BKM-006.
        """
        lost: set[int] = set()
        while loaded.state is not None:
            yield loaded
            state = loaded.state
            lost |= set(state.lost)
            number = state.predecessor
            # A later repair has given up the predecessor: the link to the state before it cannot be checked.
            is_linked = number not in lost
            while number in lost:
                number -= 1
            if number == 0:
                return
            uri = self.history_uri(number)
            stored = self._read(uri)
            required = (
                f"the state that sequence {state.sequence} was committed on, SHA-256 {state.previous_digest}"
            )
            if stored is None:
                stop(findings.history_changed(str(uri), "no object", required, job=self.job))
            if is_linked and digest(stored.body) != state.previous_digest:
                stop(findings.history_changed(str(uri), "another state", required, job=self.job))
            previous, checked = self._open(stored.body, uri)
            if previous.sequence != number:
                found = f"sequence {previous.sequence}"
                stop(findings.history_changed(str(uri), found, required, job=self.job))
            loaded = Loaded(previous, stored.etag, digest(stored.body), True, stored.body, checked)

    def states_of_runs(self, loaded: Loaded, run_ids: Collection[str]) -> dict[str, BookmarkState]:
        """Return the newest state that each of the runs committed. Runs without a state are left out.

        The history is read once, from ``loaded`` back to the last of the runs.
        Raises what :meth:`history` raises.
        """
        states: dict[str, BookmarkState] = {}
        for entry in self.history(loaded):
            if entry.state is not None and entry.state.run_id in run_ids:
                states.setdefault(entry.state.run_id, entry.state)
            if len(states) == len(set(run_ids)):
                break
        return states

    def commit(self, loaded: Loaded, state: BookmarkState) -> Loaded:
        """Store ``state`` on top of ``loaded``, unless another run committed first.

        Returns:
            The new state as loaded. ``in_history`` is False if only the history entry could not be written:
            the commit is valid, and the next one writes the entry first.

        Raises:
            BookmarkConflictError: GS-BKM-005, with the run that committed; the bookmark did not move.
            RefusedError: GS-BKM-003 (deleted during the run), GS-BKM-004 (the history or the mark records
                another state).
            VerificationError: GS-BKM-006. If the mark caused it, the state is stored and the next run
                advances the mark.
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
                raise self._unavailable(error, "recording the loaded state") from error
        sealed = self._envelope.seal(state.to_bytes(), resource=self._resource)
        if self._guard is not None and loaded.state is None:
            self._guard.advance(BEGINNING)
        etag = self._put_current(loaded, sealed)
        if self._guard is not None:
            self._guard.advance(HighWaterMark(state.sequence, digest(sealed)))
        try:
            self._record(state.sequence, sealed, digest(sealed))
            in_history = True
        except ServiceError as error:
            if error.code == _NOT_AS_REQUESTED:
                raise self._unavailable(error, "recording the committed state") from error
            in_history = False
        return Loaded(state, etag, digest(sealed), in_history, sealed)

    def stored(self, uri: S3Uri) -> StoredObject | None:
        """Return an object of the bookmark as it is stored, or None. Raises VerificationError."""
        return self._read(uri)

    def state_in(self, stored: StoredObject, uri: S3Uri) -> BookmarkState:
        """Return the state in a stored object. Raises RefusedError (GS-BKM-001, -002), VerificationError."""
        return self._open(stored.body, uri)[0]

    def mark(self) -> HighWaterMark | None:
        """Return the high-water mark; None without one. Raises VerificationError (GS-BKM-006)."""
        return self._guard.read() if self._guard is not None else None

    def set_aside(self, uri: S3Uri, stored: StoredObject, *, remove: bool) -> None:
        """Copy a damaged object below ``damaged/``, and remove it from its place.

        Raises:
            VerificationError: GS-BKM-006.
        """
        name = uri.key.rpartition("/")[2]
        target = self._damaged.child(f"{name}-{digest(stored.body)[:16]}")
        try:
            # A larger object than a bookmark may be was read in part.
            body = stored.body if len(stored.body) <= MAX_MESSAGE else self._objects.read(uri).body
            with suppress(PreconditionFailed):  # an earlier repair copied the same bytes
                self._objects.write(
                    target,
                    body,
                    key=self._envelope.key,
                    content_type=_CONTENT_TYPE,
                    if_none_match=True,
                )
            if remove:
                self._objects.remove(uri, etag=stored.etag)
        except ServiceError as error:
            raise self._unavailable(error, f"setting {uri} aside") from error

    def replace(self, base: Loaded, present_etag: str | None, state: BookmarkState) -> Loaded:
        """Store the state of a repair in place of the present object, whatever that contains.

        Args:
            base: the state that it continues, which the history then contains.
            present_etag: entity tag of the present object; None if there is none.
            state: the state to store.

        Raises:
            BookmarkConflictError, RefusedError, VerificationError: as in :meth:`commit`.
        """
        try:
            if base.state is not None:
                self._record(base.sequence, base.sealed, base.digest)
        except ServiceError as error:
            raise self._unavailable(error, "recording the state that the repair continues") from error
        sealed = self._envelope.seal(state.to_bytes(), resource=self._resource)
        etag = self._put_current(Loaded(base.state, present_etag, base.digest, True, base.sealed), sealed)
        if self._guard is not None:
            self._guard.advance(HighWaterMark(state.sequence, digest(sealed)))
        try:
            self._record(state.sequence, sealed, digest(sealed))
        except ServiceError as error:
            raise self._unavailable(error, "recording the repaired state") from error
        return Loaded(state, etag, digest(sealed), True, sealed)

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
                    raise self._unavailable(error, "committing") from error
                # If-Match on an object that was deleted.
                raise error_of(self._deleted(loaded)) from error
            except ServiceError as error:
                if error.code in _RETRYABLE and attempt < _ATTEMPTS:
                    self._pause(0.1 * 2**attempt)
                    continue
                if error.code == _NOT_AS_REQUESTED:
                    # The write took effect, but it is not encrypted at rest as required.
                    raise self._unavailable(error, "committing") from error
                return self._after_failed_put(loaded, sealed, error)

    def _after_failed_put(self, loaded: Loaded, sealed: bytes, error: ServiceError) -> str:
        """Determine the outcome of a failed conditional write. Return the entity tag if it took effect.

        The response of a successful write may be lost. A client that retries then fails against its own
        object, and one that stops does not know the outcome. The encrypted bytes differ each time, so finding
        this run's bytes proves that its write took effect.
        """
        try:
            current = self._read(self.uri)
        except ControlError as unreadable:
            if isinstance(error, PreconditionFailed):
                winner = "another state, which cannot be read"
                raise findings.conflict(self._resource, winner, _name(loaded)) from unreadable
            action = "committing; whether the write took effect cannot be read, and the next run detects it"
            raise self._unavailable(error, action) from error
        if current is not None and digest(current.body) == digest(sealed):
            return current.etag
        if (current.etag if current is not None else None) == loaded.etag:
            raise self._unavailable(error, "committing; the bookmark did not move") from error
        if current is None:
            raise error_of(self._deleted(loaded)) from error
        try:
            # This run's write may have taken effect and been followed: the next commit recorded it first.
            recorded = self._read(self.history_uri(loaded.sequence + 1))
            if recorded is not None and digest(recorded.body) == digest(sealed):
                return recorded.etag
            state, _ = self._open(current.body, self.uri)
            winner = f"run {state.run_id} committed sequence {state.sequence} first"
        except ControlError as refusal:
            winner = f"another state, which does not decrypt ({refusal.control})"
        raise findings.conflict(self._resource, winner, _name(loaded)) from error

    def _record(self, sequence: int, sealed: bytes, sealed_digest: str) -> None:
        """Write one history entry. An existing entry must be the same."""
        uri = self.history_uri(sequence)
        try:
            self._objects.write(
                uri, sealed, key=self._envelope.key, content_type=_CONTENT_TYPE, if_none_match=True
            )
        except PreconditionFailed as error:
            if digest(self._objects.read(uri).body) == sealed_digest:
                return
            found = f"another state than the one committed as sequence {sequence}"
            required = "one history: no restored state, no two prefixes mixed"
            finding = findings.rolled_back(
                str(uri),
                found,
                required,
                newest=str(uri),
                current=self._resource,
                key=str(self._envelope.key),
                job=self.job,
            )
            raise error_of(finding) from error

    def _current(self) -> Loaded:
        stored = self._read(self.uri)
        if stored is None:
            return Loaded(None, None, "", False)
        state, checked = self._open(stored.body, self.uri)
        return Loaded(state, stored.etag, digest(stored.body), False, stored.body, checked)

    def _recorded(self, state: BookmarkState | None) -> set[int]:
        """Return sequence numbers of the history: all without a state, else from its predecessor on."""
        sequence = state.sequence if state else 0
        start_after = self.history_uri(sequence - 2).key if sequence > 2 else ""
        try:
            # Objects in folders below the history are none of its entries.
            names = [
                entry.uri.key.removeprefix(self._history.as_prefix())
                for entry in self._objects.list(self._history, start_after=start_after)
            ]
        except ServiceError as error:
            raise self._unavailable(error, "listing its history") from error
        return {int(name) for name in names if _SEQUENCE.match(name)}

    def _require_predecessor(self, state: BookmarkState) -> None:
        uri = self.history_uri(state.predecessor)
        previous = self._read(uri)
        if previous is not None and digest(previous.body) != state.previous_digest:
            found = f"another state than the one that sequence {state.sequence} was committed on"
            required = f"SHA-256 {state.previous_digest}"
            stop(findings.history_changed(str(uri), found, required, job=self.job))

    def _require_recorded(self, current: Loaded, state: BookmarkState) -> None:
        """Require that the history's entry of the current state is the same, before a run builds on it."""
        uri = self.history_uri(state.sequence)
        recorded = self._read(uri)
        if recorded is not None and digest(recorded.body) != current.digest:
            found = f"another state than {self.uri}"
            stop(findings.history_changed(str(uri), found, f"SHA-256 {current.digest}", job=self.job))

    def _read(self, uri: S3Uri) -> StoredObject | None:
        try:
            # More than a message may have is enough to reject it.
            return self._objects.read(uri, most=MAX_MESSAGE + 1)
        except NotFound:
            # A bucket that does not exist gives the same answer; listing it then fails.
            return None
        except ServiceError as error:
            raise error_of(findings.storage_unavailable(str(uri), error, "reading it")) from error

    def _open(self, message: bytes, uri: S3Uri) -> tuple[BookmarkState, tuple[Finding, ...]]:
        opened = self._envelope.open(message, resource=str(uri))
        try:
            state = BookmarkState.from_bytes(opened.body)
        except BookmarkStateError as error:
            found = f"an authentic message without a state of this version ({error})"
            required = "a state that this version of glue-secure wrote"
            raise error_of(findings.not_authentic(str(uri), found, required)) from error
        if state.job != self.job:
            stop(findings.another_job(str(uri), f"job {state.job!r}", f"job {self.job!r}"))
        return state, opened.findings

    def _unavailable(self, error: ServiceError, action: str) -> ControlError:
        return error_of(findings.storage_unavailable(self._resource, error, action))

    def _deleted(self, loaded: Loaded) -> Finding:
        found = f"no object; this run had read sequence {loaded.sequence}"
        newest = str(self.history_uri(loaded.sequence)) if loaded.in_history else ""
        return findings.missing(
            self._resource, found, newest=newest, key=str(self._envelope.key), job=self.job
        )


def check_first_run(
    recorded: Collection[int], *, resource: str, history: str, key: str, job: str
) -> tuple[Finding, ...]:
    """Check that a missing bookmark is the one of a first run: the history records no run.

    Args:
        recorded: sequence numbers of the history.
        resource: URI of the bookmark object.
        history: location of the history.
        key: ARN of the bookmark's key.
        job: the job's name.

    Returns:
        GS-BKM-003 if a run is recorded; else a pass of GS-BKM-001 to GS-BKM-004, because no state exists that
        could be another one.
    """
    if recorded:
        newest = f"{history}/{max(recorded):012d}"
        found = f"no object, though {newest} records a run"
        return (findings.missing(resource, found, newest=newest, key=key, job=job),)
    found = "no bookmark, and no recorded run"
    return (
        passed("GS-BKM-001", resource, found),
        passed("GS-BKM-002", resource, found),
        passed("GS-BKM-003", resource, found),
        passed("GS-BKM-004", resource, found),
    )


def check_newest(
    state: BookmarkState, recorded: Collection[int], *, resource: str, history: str, key: str
) -> tuple[Finding, ...]:
    """Check that the current state exists (GS-BKM-003) and is not older than its history (GS-BKM-004).

    Args:
        state: the current state.
        recorded: sequence numbers of the history.
        resource: URI of the bookmark object.
        history: location of the history.
        key: ARN of the bookmark's key.
    """
    newest = max(recorded, default=0)
    exists = passed("GS-BKM-003", resource, f"sequence {state.sequence}")
    if newest > state.sequence:
        found = f"sequence {state.sequence} of run {state.run_id}"
        required = f"sequence {newest}, which {history}/{newest:012d} records"
        return exists, findings.rolled_back(
            resource,
            found,
            required,
            newest=f"{history}/{newest:012d}",
            current=resource,
            key=key,
            job=state.job,
        )
    return exists, passed(
        "GS-BKM-004", resource, f"sequence {state.sequence}; the history records none after it"
    )


def _name(loaded: Loaded) -> str:
    return f"sequence {loaded.sequence}" if loaded.state else "no bookmark yet"


def _mark_of(loaded: Loaded) -> HighWaterMark:
    return HighWaterMark(loaded.sequence, loaded.digest)


def _previous_digest(loaded: Loaded) -> str:
    return loaded.state.previous_digest if loaded.state else ""
