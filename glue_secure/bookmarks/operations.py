"""Operations of an administrator: show, verify, rewind, reset, rekey, adopt, forget and skip.

A change is planned first, as a value that describes its effect, then applied. It stores one new state on top
of the present one, with the caller and the reason, by the same conditional write as a run. The history stays
complete, and if a change and a run commit at the same time, one of them fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from glue_secure.bookmarks import findings
from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.skipped_state import SkippedSourceState
from glue_secure.bookmarks.state import MOST_REASON, BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.errors import BookmarkConflictError, UsageError
from glue_secure.core.findings import Finding, enforce, error_of, failed, passed
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import ServiceError


@dataclass(frozen=True, slots=True)
class Entry:
    """One state of the history.

    Attributes:
        state: the state.
        digest: SHA-256 of its encrypted bytes.
        stored: time of S3's last modification; None if the newest state has no history entry yet.
    """

    state: BookmarkState
    digest: str
    stored: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change.

    Attributes:
        loaded: the state that it is committed on.
        cause: one of ``state.CAUSES``, not ``run``.
        contexts: of the new state.
        run: run counter of the new state.
        meaning: sentences that describe the effect; they contain no key values.
    """

    loaded: Loaded = field(repr=False)
    cause: str
    contexts: Mapping[str, SourceState]
    run: int
    meaning: tuple[str, ...]


def history(store: BookmarkStore, objects: ObjectStore) -> list[Entry]:
    """Return every state, newest first, each checked against its successor.

    Raises what ``BookmarkStore.load`` and ``history`` raise.
    """
    folder = S3Uri(store.uri.bucket, store.history_uri(1).key.rpartition("/")[0])
    try:
        stored = {entry.uri.key: entry.last_modified for entry in objects.list(folder)}
    except ServiceError as error:
        raise error_of(findings.storage_unavailable(str(folder), error, "listing it")) from error
    return [
        Entry(loaded.state, loaded.digest, stored.get(store.history_uri(loaded.sequence).key))
        for loaded in store.history(store.load())
        if loaded.state is not None
    ]


@dataclass(frozen=True, slots=True)
class BookmarkVerification:
    """The result of a verification.

    Attributes:
        states: number of states from the newest to the first, each decrypted and linked to its predecessor.
        sequence: of ``current``; 0 without a bookmark.
        recorded: whether the history contains ``current``; after a crash the next commit writes the entry.
        objects: number of objects whose encryption at rest was checked.
        keys: number of objects by the key of their encryption at rest.
        findings: of all checks, passes only.
    """

    states: int
    sequence: int
    recorded: bool
    objects: int
    keys: Mapping[str, int]
    findings: tuple[Finding, ...] = ()


def verify(
    store: BookmarkStore, objects: ObjectStore, allowed: tuple[KmsKeyArn, ...]
) -> BookmarkVerification:
    """Verify that a bookmark decrypts, links back to the first state, and is encrypted at rest.

    Args:
        store: the bookmark.
        objects: the object store.
        allowed: keys that may encrypt its objects at rest.

    Raises:
        RefusedError: GS-BKM-001 to GS-BKM-004; GS-S3-004 for an object that is not SSE-KMS under such a key.
        VerificationError: GS-BKM-006.
    """
    present = store.load()
    states = list(store.history(present))
    uris = [store.uri] if present.state is not None else []
    uris += [store.history_uri(entry.sequence) for entry in states if entry.in_history]
    keys: dict[str, int] = {}
    checked = list(present.findings)
    for uri in uris:
        encryption = encryption_at_rest(objects, uri)
        checked.extend(enforce([check_encryption(encryption, allowed)]))
        keys[encryption.key] = keys.get(encryption.key, 0) + 1
    return BookmarkVerification(
        len(states), present.sequence, present.in_history, len(uris), keys, tuple(checked)
    )


def check_encryption(encryption: ObjectEncryption, allowed: tuple[KmsKeyArn, ...]) -> Finding:
    """Check that an object of the bookmark is SSE-KMS under one of the allowed keys (GS-S3-004)."""
    found = f"{encryption.algorithm or 'no encryption'} {encryption.key}".strip()
    if encryption.algorithm == "aws:kms" and encryption.key in {str(key) for key in allowed}:
        return passed("GS-S3-004", str(encryption.uri), found)
    return failed(
        "GS-S3-004",
        str(encryption.uri),
        found=found,
        required=f"aws:kms under {' or '.join(map(str, allowed))}",
        fix="find out who wrote it; copy the object onto itself with SSE-KMS under the bookmark key",
    )


def encryption_at_rest(objects: ObjectStore, uri: S3Uri) -> ObjectEncryption:
    """Return the encryption of one object (HeadObject). Raises VerificationError (GS-BKM-006)."""
    try:
        return objects.encryption(uri)
    except ServiceError as error:
        raise error_of(findings.storage_unavailable(str(uri), error, "reading its encryption")) from error


def plan_rewind(store: BookmarkStore, *, sequence: int | None = None, run_id: str | None = None) -> Change:
    """Plan a new state with the contexts and the run counter of an earlier state.

    Args:
        store: the bookmark.
        sequence: sequence number of the earlier state; or
        run_id: the run that committed it. If it committed twice, its newest state is taken.

    Raises:
        UsageError: neither or both are given, no such state is recorded, or it is the present one.
    """
    if (sequence is None) == (run_id is None):
        raise UsageError(
            "rewind",
            found="both options" if run_id is not None else "neither option",
            required="--to-sequence N or --to-run RUN_ID",
        )
    loaded, present = _present(store)
    for entry in store.history(loaded):
        state = entry.state
        if state is None or (state.run_id != run_id and state.sequence != sequence):
            continue
        if state.sequence == present.sequence:
            raise UsageError(
                f"rewind to sequence {state.sequence}",
                found="the present state",
                required="an earlier state",
            )
        meaning = _meaning(present.contexts, state.contexts)
        origin = f"{state.cause} {state.run_id}" if state.cause == "run" else f"a {state.cause}"
        copy = f"Sequence {present.sequence + 1} will be a copy of sequence {state.sequence}"
        first = f"{copy}, which {origin} committed."
        return Change(loaded, "rewind", state.contexts, state.run, (first, *meaning))
    wanted = f"run {run_id}" if run_id is not None else f"sequence {sequence}"
    raise UsageError(
        "rewind",
        found=f"{wanted}, for which no state is recorded",
        required=f"a sequence from 1 to {present.sequence - 1}, or a run that committed one",
        fix=f"glue-secure bookmark history {store.job}",
    )


def plan_reset(store: BookmarkStore) -> Change:
    """Plan a state without sources whose run counter is 0, as Glue's ResetJobBookmark makes it.

    Raises:
        UsageError: there is no bookmark.
    """
    loaded, present = _present(store)
    first = f"Sequence {present.sequence + 1} will have no source, and its run counter will be 0."
    return Change(loaded, "reset", {}, 0, (first, *_meaning(present.contexts, {})))


def plan_adopt(store: BookmarkStore, transformation_ctx: str) -> Change:
    """Plan a state in which a table's source names no database, so that the next run's database continues it.

    Raises:
        UsageError: there is no bookmark, or no state of a table with that name.
    """
    loaded, present = _present(store)
    source = _source(store, present, transformation_ctx)
    if not isinstance(source, JdbcSourceState):
        raise UsageError(
            f"adopt {transformation_ctx!r}",
            found=f"the state of a {source.kind} source, which names no database",
            required="the state of a table",
        )
    contexts = {**present.contexts, transformation_ctx: replace(source, connection="", location="")}
    was = f"connection {source.connection}, {source.location}" if source.is_bound else "no database"
    meaning = (
        f"Sequence {present.sequence + 1} will keep {transformation_ctx!r} at {shown(source)}, "
        "without its database.",
        f"It names {was} now. The next run continues it in the database that the run reads, and rows there "
        "up to this key are not read.",
    )
    return Change(loaded, "adopt", contexts, present.run, meaning)


def plan_forget(store: BookmarkStore, transformation_ctxs: Sequence[str]) -> Change:
    """Plan a state without some sources, for contexts that the script does not use any more.

    Raises:
        UsageError: there is no bookmark, or no state with such a name.
    """
    loaded, present = _present(store)
    for name in transformation_ctxs:
        _source(store, present, name)
    contexts = {name: state for name, state in present.contexts.items() if name not in transformation_ctxs}
    first = (
        f"Sequence {present.sequence + 1} will have {len(contexts)} sources, of {len(present.contexts)} now."
    )
    return Change(loaded, "forget", contexts, present.run, (first, *_meaning(present.contexts, contexts)))


def plan_skip(store: BookmarkStore, transformation_ctxs: Sequence[str], *, now: datetime) -> Change:
    """Plan a state in which what exists now is taken as processed, so that only later input is read.

    Args:
        store: the bookmark. It may have no state yet.
        transformation_ctxs: names of the sources; without any, every source that the bookmark has.
        now: time of the command.

    Raises:
        UsageError: no source is named, and the bookmark has none.
    """
    loaded = store.load()
    present = loaded.state.contexts if loaded.state is not None else {}
    names = tuple(dict.fromkeys(transformation_ctxs)) or tuple(present)
    if not names:
        raise UsageError(
            f"skip of job {store.job}",
            found="no source in the bookmark, and no --context",
            required="the transformation_ctx of each source whose present input is to be skipped",
            fix=findings.command("skip", store.job, "--context", "NAME")[1:-1],
        )
    at = now.astimezone(timezone.utc).replace(microsecond=0)
    contexts = dict(present)
    lines = [f"Sequence {loaded.sequence + 1} will take the present input of {len(names)} sources as read."]
    for name in names:
        before = present.get(name)
        contexts[name] = _skipped(before, at)
        was = f" (now {shown(before)})" if before is not None else " (now without a state)"
        lines.append(
            f"{name!r}{was}: objects last modified before {at.isoformat()} are not read; of a table, the "
            "rows that the next run finds are not read."
        )
    run = loaded.state.run if loaded.state is not None else 0
    lines.append("No run has read this input, and no run will. A rewind to the present sequence undoes this.")
    return Change(loaded, "skip", contexts, run, tuple(lines))


def _skipped(before: SourceState | None, at: datetime) -> SourceState:
    if isinstance(before, S3SourceState) and before.floor >= at:
        return before
    if isinstance(before, SkippedSourceState):
        return max(before, SkippedSourceState(at), key=lambda state: state.at)
    return SkippedSourceState(at)


def _source(store: BookmarkStore, present: BookmarkState, transformation_ctx: str) -> SourceState:
    source = present.contexts.get(transformation_ctx)
    if source is None:
        raise UsageError(
            f"transformation_ctx {transformation_ctx!r}",
            found=f"no such source in the bookmark of job {store.job}",
            required=", ".join(repr(name) for name in list(present.contexts)[:10]) or "a source",
            fix=findings.command("show", store.job)[1:-1],
        )
    return source


def plan_rekey(store: BookmarkStore, objects: ObjectStore, key: KmsKeyArn) -> Change:
    """Plan to encrypt the present state under another key.

    Args:
        store: a store that encrypts under ``key`` and decrypts under the present key.
        objects: the object store.
        key: the new key.

    Raises:
        UsageError: there is no bookmark, or it is encrypted under that key already.
    """
    loaded, present = _present(store)
    if encryption_at_rest(objects, store.uri).key == str(key):
        raise UsageError("--key", found=f"{key}, which encrypts the bookmark already", required="another key")
    meaning = (
        f"Sequence {present.sequence + 1} will be a copy of sequence {present.sequence}, sealed and "
        f"encrypted at rest under {key}.",
        "Older states of the history stay under their present key.",
        "Runs fail until their security configuration names the new key for job bookmarks.",
    )
    return Change(loaded, "rekey", present.contexts, present.run, meaning)


def apply(store: BookmarkStore, change: Change, *, run_id: str, by: str, reason: str = "") -> Loaded:
    """Store a planned change, unless the bookmark has changed since the plan.

    Args:
        store: the bookmark; for a change of key, the store that the plan was made with.
        change: the plan.
        run_id: a new id that belongs to no run.
        by: ARN of the caller.
        reason: the reason, for the history.

    Raises:
        BookmarkConflictError: GS-BKM-005: a run or another command committed first; nothing was stored.
        UsageError: the reason is too long or is not printable.
        RefusedError, VerificationError: as in ``BookmarkStore.commit``.
    """
    require_reason(reason)
    before = change.loaded.state
    state = BookmarkState(
        job=store.job,
        sequence=change.loaded.sequence + 1,
        run=change.run,
        attempt=0,
        version=before.version + 1 if before is not None else 1,
        run_id=run_id,
        previous_run_id=before.run_id if before is not None else "",
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
            required=f"sequence {change.loaded.sequence}, unchanged since this command read it",
            fix="this command stored nothing: stop the job's runs, read "
            f"`glue-secure bookmark history {store.job}`, and repeat the command if it is still needed",
        ) from error


def require_reason(reason: str) -> None:
    """Raise UsageError for a reason that a state cannot contain."""
    if len(reason) > MOST_REASON or not (reason.isprintable() or reason == ""):
        raise UsageError(
            "--reason",
            found=f"{len(reason)} characters"
            if reason.isprintable()
            else "characters that are not printable",
            required=f"one line of at most {MOST_REASON} characters",
        )


def _present(store: BookmarkStore) -> tuple[Loaded, BookmarkState]:
    loaded = store.load()
    if loaded.state is None:
        raise UsageError(
            f"the bookmark of job {store.job}",
            found=f"no bookmark at {store.uri}",
            required="a bookmark that a run has committed",
            fix="nothing to do: the next run reads everything; if the bookmark is elsewhere, pass --uri",
        )
    return loaded, loaded.state


def _meaning(now: Mapping[str, SourceState], then: Mapping[str, SourceState]) -> tuple[str, ...]:
    """Return one sentence for each source, by name, and a warning."""
    lines = []
    for name in sorted({*now, *then}):
        if name not in then:
            lines.append(f"{name!r} is removed: everything is read again.")
        elif now.get(name) == then[name]:
            lines.append(f"{name!r} does not change.")
        else:
            unit = "rows" if isinstance(then[name], (JdbcSourceState, TableSourceState)) else "objects"
            was = f" (now {shown(now[name])})" if name in now else " (now without a state)"
            lines.append(f"{name!r} goes back to {shown(then[name])}{was}: {unit} after it are read again.")
    lines.append("Delete what the job wrote of this input first, or the output contains it twice.")
    return tuple(lines)


def shown(source: SourceState) -> str:
    """Return a source's watermark as text. Of key values only times are included; other values are data."""
    watermark = source.watermark
    return watermark.isoformat() if isinstance(watermark, datetime) else str(watermark)
