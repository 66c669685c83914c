"""What people do with a bookmark: look, verify, go back, start anew, change the key.

A change is planned first, as a value that says what it will mean, then applied. It stores one new state
on top of the present one, with who did it and why, through the same conditional write as a run: nothing
of the history goes away, and of a change and a run at the same time one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from glue_secure.bookmarks import errors
from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.state import MOST_REASON, BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import ServiceError


@dataclass(frozen=True, slots=True)
class Entry:
    """One state of the history.

    Attributes:
        state: what was stored.
        digest: SHA-256 of its sealed bytes.
        stored: when S3 says that it was stored; None for a newest state whose entry is not there yet.
    """

    state: BookmarkState
    digest: str
    stored: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a command is about to store.

    Attributes:
        loaded: the state it goes on top of.
        cause: ``rewind``, ``reset`` or ``rekey``.
        contexts: of the new state.
        run: its run counter.
        meaning: what it will mean, in sentences for people; no key values in them.
    """

    loaded: Loaded = field(repr=False)
    cause: str
    contexts: Mapping[str, SourceState]
    run: int
    meaning: tuple[str, ...]


def history(store: BookmarkStore, objects: ObjectStore) -> list[Entry]:
    """Every state, newest first, each checked against the one that follows it.

    Raises what ``BookmarkStore.load`` and ``history`` raise: a bookmark that does not hold shows nothing.
    """
    folder = S3Uri(store.uri.bucket, store.history_uri(1).key.rpartition("/")[0])
    try:
        stored = {entry.uri.key: entry.last_modified for entry in objects.list(folder)}
    except ServiceError as error:
        raise errors.storage_said(str(folder), error, "listing it") from error
    return [
        Entry(loaded.state, loaded.digest, stored.get(store.history_uri(loaded.sequence).key))
        for loaded in store.history(store.load())
        if loaded.state is not None
    ]


@dataclass(frozen=True, slots=True)
class Verified:
    """What holds of a bookmark.

    Attributes:
        states: how many there are, from the newest to the first, each opened and linked.
        sequence: of ``current``; 0 with no bookmark.
        recorded: whether the history holds ``current`` (the next commit puts it there, if a crash did not).
        objects: how many objects were looked at.
        keys: objects by the key of their encryption at rest.
    """

    states: int
    sequence: int
    recorded: bool
    objects: int
    keys: Mapping[str, int]


def verify(store: BookmarkStore, objects: ObjectStore, allowed: tuple[KmsKeyArn, ...]) -> Verified:
    """Hold the whole bookmark: it opens, links back to the first state, and is encrypted at rest.

    Args:
        store: the bookmark.
        objects: where it lies.
        allowed: keys that its objects may be encrypted under at rest.

    Raises:
        RefusedError: GS-BKM-001 to GS-BKM-004; GS-S3-004 for an object that is not SSE-KMS under such a key.
        VerificationError: GS-BKM-006.
    """
    present = store.load()
    loaded = list(store.history(present))
    uris = [store.uri] if present.state is not None else []
    uris += [store.history_uri(one.sequence) for one in loaded if one.in_history]
    keys: dict[str, int] = {}
    for uri in uris:
        seen = encryption_at_rest(objects, uri)
        if seen.algorithm != "aws:kms" or seen.key not in {str(key) for key in allowed}:
            raise RefusedError(
                "GS-S3-004",
                resource=str(uri),
                found=f"{seen.algorithm or 'no encryption'} {seen.key}".strip(),
                required=f"aws:kms under {' or '.join(map(str, allowed))}",
                fix="find out who wrote it; copy the object onto itself with SSE-KMS under the bookmark key",
            )
        keys[seen.key] = keys.get(seen.key, 0) + 1
    return Verified(len(loaded), present.sequence, present.in_history, len(uris), keys)


def encryption_at_rest(objects: ObjectStore, uri: S3Uri) -> ObjectEncryption:
    """HEAD of one object of the bookmark. Raises VerificationError (GS-BKM-006)."""
    try:
        return objects.encryption(uri)
    except ServiceError as error:
        raise errors.storage_said(str(uri), error, "looking at its encryption") from error


def plan_rewind(store: BookmarkStore, *, sequence: int | None = None, run_id: str | None = None) -> Change:
    """Go back to an earlier state: its contexts and run counter, as a new state.

    Args:
        store: the bookmark.
        sequence: that state's number; or
        run_id: the run that committed it (its newest state, if it committed twice).

    Raises:
        UsageError: none of the two or both, no such state, or the present one.
    """
    if (sequence is None) == (run_id is None):
        raise UsageError(
            "rewind",
            found="both of them" if run_id is not None else "neither of them",
            required="--to-sequence N or --to-run RUN_ID",
        )
    loaded, present = _present(store)
    for one in store.history(loaded):
        state = one.state
        if state is None or (state.run_id != run_id and state.sequence != sequence):
            continue
        if state.sequence == present.sequence:
            raise UsageError(
                f"rewind to sequence {state.sequence}",
                found="that is the present state",
                required="an earlier one",
            )
        meaning = _meaning(present.contexts, state.contexts)
        left = f"{state.cause} {state.run_id}" if state.cause == "run" else f"a {state.cause}"
        first = (
            f"Sequence {present.sequence + 1} will hold what sequence {state.sequence} held, after {left}."
        )
        return Change(loaded, "rewind", state.contexts, state.run, (first, *meaning))
    wanted = f"run {run_id}" if run_id is not None else f"sequence {sequence}"
    raise UsageError(
        "rewind",
        found=f"{wanted}, of which no state is recorded",
        required=f"a sequence from 1 to {present.sequence - 1}, or a run that committed one",
        fix=f"glue-secure bookmark history {store.job}",
    )


def plan_reset(store: BookmarkStore) -> Change:
    """Forget every source and count runs from 0, as Glue's ResetJobBookmark does.

    Raises:
        UsageError: there is no bookmark.
    """
    loaded, present = _present(store)
    first = f"Sequence {present.sequence + 1} will hold no source, and count runs from 0."
    return Change(loaded, "reset", {}, 0, (first, *_meaning(present.contexts, {})))


def plan_rekey(store: BookmarkStore, objects: ObjectStore, key: KmsKeyArn) -> Change:
    """Seal the present state under another key.

    Args:
        store: a store that seals under ``key``, and opens under the present one.
        objects: where it lies.
        key: the new key.

    Raises:
        UsageError: there is no bookmark, or it lies under that key.
    """
    loaded, present = _present(store)
    if encryption_at_rest(objects, store.uri).key == str(key):
        raise UsageError(
            "--key", found=f"{key}, under which the bookmark lies already", required="another key"
        )
    meaning = (
        f"Sequence {present.sequence + 1} will hold what sequence {present.sequence} holds, sealed and "
        f"encrypted at rest under {key}.",
        "Older states of the history stay under the key that they have.",
        "Runs need a security configuration that names the new key for bookmarks; until then they refuse.",
    )
    return Change(loaded, "rekey", present.contexts, present.run, meaning)


def apply(store: BookmarkStore, change: Change, *, run_id: str, by: str, reason: str = "") -> Loaded:
    """Store what was planned, unless the bookmark moved since.

    Args:
        store: the bookmark; for a change of key, the one that was planned with.
        change: the plan.
        run_id: a made id, no run's.
        by: ARN of the caller.
        reason: why, for the history.

    Raises:
        BookmarkConflictError: GS-BKM-005: a run, or another command, was first; nothing moved.
        UsageError: the reason is too long, or is no plain text.
        RefusedError, VerificationError: as a commit does.
    """
    require_reason(reason)
    before = change.loaded.state
    if before is None:
        raise ValueError("a change of no state")
    state = BookmarkState(
        job=store.job,
        sequence=before.sequence + 1,
        run=change.run,
        attempt=0,
        version=before.version + 1,
        run_id=run_id,
        previous_run_id=before.run_id,
        previous_digest=change.loaded.digest,
        contexts=change.contexts,
        cause=change.cause,
        by=by,
        reason=reason,
    )
    try:
        return store.commit(change.loaded, state)
    except BookmarkConflictError as error:
        raise BookmarkConflictError(
            error.control,
            resource=error.resource,
            found=error.found,
            required=f"sequence {before.sequence}, unchanged since this command read it",
            fix="nothing of this command was stored: stop the job's runs, look at the history, decide anew",
        ) from error


def require_reason(reason: str) -> None:
    """Refuse, before anything is asked, a reason that a state cannot hold. Raises UsageError."""
    if len(reason) > MOST_REASON or not (reason.isprintable() or reason == ""):
        raise UsageError(
            "--reason",
            found=f"{len(reason)} characters" if reason.isprintable() else "signs that cannot be printed",
            required=f"one line of at most {MOST_REASON} characters",
        )


def _present(store: BookmarkStore) -> tuple[Loaded, BookmarkState]:
    loaded = store.load()
    if loaded.state is None:
        raise UsageError(
            f"the bookmark of job {store.job}",
            found=f"none at {store.uri}",
            required="a bookmark that a run has committed",
            fix="nothing to change: the next run reads everything; --uri names another place",
        )
    return loaded, loaded.state


def _meaning(now: Mapping[str, SourceState], then: Mapping[str, SourceState]) -> tuple[str, ...]:
    """One sentence for each source, by name."""
    lines = []
    for name in sorted({*now, *then}):
        if name not in then:
            lines.append(f"{name!r} is forgotten: everything is read again.")
        elif now.get(name) == then[name]:
            lines.append(f"{name!r} stays as it is.")
        else:
            unit = "rows" if isinstance(then[name], JdbcSourceState) else "objects"
            was = f" (now {shown(now[name])})" if name in now else " (now forgotten)"
            lines.append(f"{name!r} goes back to {shown(then[name])}{was}: {unit} after it are read again.")
    lines.append("Clear what the job wrote of it first, or duplicates stay.")
    return tuple(lines)


def shown(source: SourceState) -> str:
    """A source's watermark for people; no key value but times, because values are data."""
    watermark = source.watermark
    return watermark.isoformat() if isinstance(watermark, datetime) else str(watermark)
