"""The commands ``bookmark show|history|verify|rewind|reset|rekey|adopt|forget|skip|repair``."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.bookmarks import operations
from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.repair import apply_repair, plan_repair
from glue_secure.bookmarks.state import BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.cli import printing
from glue_secure.cli.options import Json, State, Yes
from glue_secure.core.arguments import BOOKMARK_DECRYPT_KEYS, BOOKMARK_URI, JobArguments, JobIdentity
from glue_secure.core.identifiers import KmsKeyArn, RunId, job_name
from glue_secure.core.ports import Services
from glue_secure.core.redaction import escape_unprintable
from glue_secure.preflight import establish
from glue_secure.run import composition
from glue_secure.run.bookmark_setup import bookmark_store

app = typer.Typer(
    help="Show, verify, rewind, reset and repair the bookmark of a job, and change its key.",
    no_args_is_help=True,
)

Job = Annotated[str, typer.Argument(help="Name of the job.")]
Uri = Annotated[
    str | None,
    typer.Option("--uri", help="s3://BUCKET/PREFIX/ of bookmarks. Default: the job's argument."),
]
Older = Annotated[
    str | None,
    typer.Option("--decrypt-keys", help="ARN,ARN of keys of older states. Default: the job's argument."),
]
_COLUMNS = ("sequence", "cause", "run_id", "version", "run")
Reason = Annotated[str, typer.Option("--reason", help="Reason, recorded in the history.")]


@dataclass(frozen=True, slots=True)
class BookmarkLocation:
    """The bookmark of a job, with the arguments, services and key that a run of the job would use."""

    identity: JobIdentity
    arguments: JobArguments
    services: Services
    key: KmsKeyArn

    def store(self, key: KmsKeyArn | None = None) -> BookmarkStore:
        """Return the store. With ``key``, it encrypts with that key and still decrypts the present state."""
        environment = self.services.environment
        return bookmark_store(
            self.identity.job,
            self.arguments,
            self.services,
            key=key or self.key,
            account=environment.account,
            region=environment.region,
            also_opens=(self.key,) if key else (),
        )


@app.command()
def show(
    job: Job,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the key values of tables, which are data.")
    ] = False,
) -> None:
    """Show the current state: counters, origin, and the position in each source."""
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    loaded = store.load()
    if loaded.state is None:
        _none(store, as_json)
        return
    at_rest = operations.encryption_at_rest(location.services.objects, store.uri)
    document = _document(store, loaded) | {
        "key": at_rest.key,
        "contexts": {name: _source(source, reveal) for name, source in loaded.state.contexts.items()},
    }
    if as_json:
        printing.print_json(document)
        return
    printing.print_facts(
        (name, value) for name, value in document.items() if name not in ("exists", "contexts")
    )
    rows = [
        [name, source["kind"], source["watermark"], *([_values(source)] if reveal else [])]
        for name, source in document["contexts"].items()
    ]
    printing.print_table(["transformation_ctx", "kind", "watermark", *(["values"] if reveal else [])], rows)


@app.command()
def history(
    job: Job, uri: Uri = None, decrypt_keys: Older = None, state: State = None, as_json: Json = False
) -> None:
    """List all states, newest first. Each is checked against its successor."""
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    entries = operations.history(store, location.services.objects)
    if as_json:
        states = [
            _state(entry.state) | {"stored": _time(entry.stored), "digest": entry.digest} for entry in entries
        ]
        printing.print_json({"job": store.job, "uri": str(store.uri), "history": states})
    elif not entries:
        _none(store, as_json)
    else:
        rows = [_row(entry) for entry in entries]
        printing.print_table([*_COLUMNS, "stored", "digest", "by", "reason"], rows)


@app.command()
def verify(
    job: Job,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Record the current state as the high-water mark.")
    ] = False,
) -> None:
    """Verify that all states can be decrypted, form a chain to the first state, and are encrypted."""
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    if adopt:
        store.adopt()
    allowed = (location.key, *location.arguments.bookmark_decrypt_keys())
    verification = operations.verify(store, location.services.objects, allowed)
    if as_json:
        printing.print_json(
            {
                "job": store.job,
                "uri": str(store.uri),
                "ok": True,
                "states": verification.states,
                "sequence": verification.sequence,
                "recorded": verification.recorded,
                "objects": verification.objects,
                "keys": dict(verification.keys),
            }
        )
    elif not verification.states:
        _none(store, as_json)
    else:
        printing.print_line(
            f"OK: {verification.states} states, from sequence {verification.sequence} back to 1, are valid"
        )
        for key, number in verification.keys.items():
            printing.print_line(f"    {number} objects SSE-KMS under {key}")
        if not verification.recorded:
            printing.print_line("    the newest state is not in the history yet; the next commit adds it")


@app.command()
def rewind(
    job: Job,
    to_sequence: Annotated[
        int | None, typer.Option(help="Sequence number of a state in the history.")
    ] = None,
    to_run: Annotated[str | None, typer.Option(help="Id of a run that committed.")] = None,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Store an earlier state as the new one. Data after it is read again."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    change = operations.plan_rewind(store, sequence=to_sequence, run_id=to_run)
    _change(location, store, change, as_json=as_json, yes=yes, reason=reason)


@app.command()
def reset(
    job: Job,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Remove all sources, as Glue's ResetJobBookmark does. All data is read again."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    _change(location, store, operations.plan_reset(store), as_json=as_json, yes=yes, reason=reason)


@app.command()
def rekey(
    job: Job,
    key: Annotated[str, typer.Option("--key", help="ARN of the new key.")],
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Encrypt the current state with another key, before or after the configuration names that key."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    services = location.services
    new = establish.required_key(
        key, location.identity, keys=services.keys, environment=services.environment, probe=True
    )
    store = location.store(new)
    change = operations.plan_rekey(store, services.objects, new)
    _change(location, store, change, as_json=as_json, yes=yes, reason=reason)


@app.command()
def adopt(
    job: Job,
    context: Annotated[str, typer.Argument(help="transformation_ctx of a table's source.")],
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Let the next run continue a table's position in another connection, host or database."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    change = operations.plan_adopt(store, context)
    _change(location, store, change, as_json=as_json, yes=yes, reason=reason)


@app.command()
def forget(
    job: Job,
    contexts: Annotated[list[str], typer.Argument(help="transformation_ctx of each source to remove.")],
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Remove sources that the script does not use any more. A source that is used again reads everything."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    change = operations.plan_forget(store, contexts)
    _change(location, store, change, as_json=as_json, yes=yes, reason=reason)


@app.command()
def skip(
    job: Job,
    contexts: Annotated[
        list[str] | None,
        typer.Option("--context", help="transformation_ctx of a source. Default: every source."),
    ] = None,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Take the input that exists now as processed: only later objects and rows are read."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    change = operations.plan_skip(store, contexts or (), now=location.services.clock.now())
    _change(location, store, change, as_json=as_json, yes=yes, reason=reason)


@app.command()
def repair(
    job: Job,
    other_keys: Annotated[
        bool, typer.Option("--other-keys", help="Objects under a key that is not listed count as damaged.")
    ] = False,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Continue from the newest state that can be read. Damaged objects are moved below damaged/."""
    operations.require_reason(reason)
    location = find(job, uri, decrypt_keys, state)
    store = location.store()
    plan = plan_repair(store, location.services.objects, other_keys=other_keys)
    _announce(store, "repair", plan.meaning, yes=yes)
    by = location.services.environment.caller
    stored = apply_repair(store, plan, run_id=str(location.identity.run_id), by=by, reason=reason)
    _print_stored(store, stored, "repair", as_json=as_json)


def find(job: str, uri: str | None, decrypt_keys: str | None, state: Path | None) -> BookmarkLocation:
    """Return the bookmark of a job, resolved as in a run: GetJob, security configuration, key.

    Raises:
        UsageError: The job or the account does not exist, or no bookmark location is configured.
        RefusedError: The configuration or the key violates a control.
        VerificationError: AWS does not answer or denies access.
    """
    printing.use_embedded_account(state)
    services = composition.services()
    job = job_name(job)
    values = dict(establish.arguments_of_job(job, services.control_plane))
    options = {BOOKMARK_URI: uri, BOOKMARK_DECRYPT_KEYS: decrypt_keys}
    values |= {name: value for name, value in options.items() if value is not None}
    arguments = composition.arguments(["bookmark", *(f"--{name}={value}" for name, value in values.items())])
    identity = JobIdentity(job, RunId(f"command_{uuid.uuid4().hex}"), False, None)
    key = establish.bookmark_key(
        identity,
        control_plane=services.control_plane,
        keys=services.keys,
        environment=services.environment,
    )
    return BookmarkLocation(identity, arguments, services, key)


def _change(
    location: BookmarkLocation,
    store: BookmarkStore,
    change: operations.Change,
    *,
    as_json: bool,
    yes: bool,
    reason: str,
) -> None:
    """Print the effects of a change, ask for confirmation, and store it."""
    _announce(store, change.cause, change.meaning, yes=yes)
    stored = operations.apply(
        store,
        change,
        run_id=str(location.identity.run_id),
        by=location.services.environment.caller,
        reason=reason,
    )
    _print_stored(store, stored, change.cause, as_json=as_json)


def _announce(store: BookmarkStore, cause: str, meaning: Sequence[str], *, yes: bool) -> None:
    for line in (f"{cause} the bookmark of job {store.job}", *meaning):
        print(escape_unprintable(line), file=sys.stderr)
    printing.confirm(f"bookmark {cause}", yes=yes)


def _print_stored(store: BookmarkStore, stored: Loaded, cause: str, *, as_json: bool) -> None:
    if as_json:
        printing.print_json(_document(store, stored))
    else:
        printing.print_line(f"stored sequence {stored.sequence} ({cause}), {stored.digest[:12]}")


def _document(store: BookmarkStore, loaded: Loaded) -> dict[str, Any]:
    facts: dict[str, Any] = {"job": store.job, "uri": str(store.uri), "exists": loaded.state is not None}
    if loaded.state is None:
        return facts
    return facts | _state(loaded.state) | {"digest": loaded.digest, "recorded": loaded.in_history}


def _state(state: BookmarkState) -> dict[str, Any]:
    return {
        "sequence": state.sequence,
        "cause": state.cause,
        "run_id": state.run_id,
        "previous_run_id": state.previous_run_id,
        "version": state.version,
        "run": state.run,
        "attempt": state.attempt,
        "by": state.by,
        "reason": state.reason,
    }


def _row(entry: operations.Entry) -> list[Any]:
    shape = _state(entry.state)
    counters = [shape[name] for name in _COLUMNS]
    return [*counters, _time(entry.stored) or "not yet", entry.digest[:12], shape["by"], shape["reason"]]


def _source(source: SourceState, reveal: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {"kind": source.kind, "watermark": operations.shown(source)}
    if isinstance(source, JdbcSourceState):
        shape |= {"table": source.table, "connection": source.connection, "location": source.location}
        if reveal:
            shape |= {"values": dict(zip(source.keys, source.values, strict=True))}
    if isinstance(source, TableSourceState):
        shape |= {"table": source.table, "format": source.format, "position": source.position}
    return shape


def _values(source: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in source.get("values", {}).items())


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None


def _none(store: BookmarkStore, as_json: bool) -> None:
    if as_json:
        printing.print_json({"job": store.job, "uri": str(store.uri), "exists": False})
    else:
        printing.print_line(f"no bookmark yet at {store.uri}")
