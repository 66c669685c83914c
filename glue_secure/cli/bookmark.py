"""The commands ``bookmark show|history|verify|rewind|reset|rekey``: arguments, questions, tables."""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from glue_secure.bookmarks import operations
from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.state import BookmarkState, SourceState
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.cli import printing
from glue_secure.cli.options import Json, State, Yes
from glue_secure.core.arguments import BOOKMARK_DECRYPT_KEYS, BOOKMARK_URI, JobArguments, JobIdentity
from glue_secure.core.identifiers import KmsKeyArn, RunId, job_name
from glue_secure.core.ports import Services
from glue_secure.preflight import establish
from glue_secure.run.bookmark_setup import bookmark_store

app = typer.Typer(
    help="A job's bookmark: look at it, verify it, go back, start anew, change its key.", no_args_is_help=True
)

Job = Annotated[str, typer.Argument(help="The job's name.")]
Uri = Annotated[
    Optional[str],  # noqa: UP045 - typer reads 3.10
    typer.Option("--uri", help="s3://BUCKET/PREFIX/ of bookmarks; default the job's own argument."),
]
Older = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--decrypt-keys", help="ARN,ARN of keys that open older states; default the job's argument."
    ),
]
_COLUMNS = ("sequence", "cause", "run_id", "version", "run")
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


@dataclass(frozen=True, slots=True)
class Place:
    """One job's bookmark, as a run of the job would find it now."""

    identity: JobIdentity
    arguments: JobArguments
    services: Services
    key: KmsKeyArn

    def store(self, key: KmsKeyArn | None = None) -> BookmarkStore:
        """The store; with ``key``, one that seals under it and still opens what lies there."""
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
    reveal: Annotated[bool, typer.Option("--reveal", help="Show key values of tables: data.")] = False,
) -> None:
    """Show the state in force: counters, who stored it, and how far each source was read."""
    place = find(job, uri, decrypt_keys, state)
    store = place.store()
    loaded = store.load()
    if loaded.state is None:
        _none(store, as_json)
        return
    at_rest = operations.encryption_at_rest(place.services.objects, store.uri)
    document = _document(store, loaded) | {
        "key": at_rest.key,
        "contexts": {name: _source(source, reveal) for name, source in loaded.state.contexts.items()},
    }
    if as_json:
        printing.print_json(document)
        return
    printing.facts((name, value) for name, value in document.items() if name not in ("exists", "contexts"))
    rows = [
        [name, source["kind"], source["watermark"], *([_values(source)] if reveal else [])]
        for name, source in document["contexts"].items()
    ]
    printing.table(["transformation_ctx", "kind", "watermark", *(["values"] if reveal else [])], rows)


@app.command()
def history(
    job: Job, uri: Uri = None, decrypt_keys: Older = None, state: State = None, as_json: Json = False
) -> None:
    """List every state, newest first, each checked against the one that follows it."""
    place = find(job, uri, decrypt_keys, state)
    store = place.store()
    entries = operations.history(store, place.services.objects)
    if as_json:
        states = [
            _state(entry.state) | {"stored": _time(entry.stored), "digest": entry.digest} for entry in entries
        ]
        printing.print_json({"job": store.job, "uri": str(store.uri), "history": states})
    elif not entries:
        _none(store, as_json)
    else:
        rows = [_row(entry) for entry in entries]
        printing.table([*_COLUMNS, "stored", "digest", "by", "reason"], rows)


@app.command()
def verify(
    job: Job,
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Record the present state as the high-water mark.")
    ] = False,
) -> None:
    """Hold the whole bookmark: it opens, links back to the first state, and is SSE-KMS under its key."""
    place = find(job, uri, decrypt_keys, state)
    store = place.store()
    if adopt:
        store.adopt()
    allowed = (place.key, *place.arguments.bookmark_decrypt_keys())
    held = operations.verify(store, place.services.objects, allowed)
    if as_json:
        printing.print_json(
            {
                "job": store.job,
                "uri": str(store.uri),
                "ok": True,
                "states": held.states,
                "sequence": held.sequence,
                "recorded": held.recorded,
                "objects": held.objects,
                "keys": dict(held.keys),
            }
        )
    elif not held.states:
        _none(store, as_json)
    else:
        printing.say(f"OK: {held.states} states, from sequence {held.sequence} back to 1, open and link")
        for key, number in held.keys.items():
            printing.say(f"    {number} objects SSE-KMS under {key}")
        if not held.recorded:
            printing.say("    the newest is not in the history yet; the next commit puts it there")


@app.command()
def rewind(
    job: Job,
    to_sequence: Annotated[Optional[int], typer.Option(help="A number of the history.")] = None,  # noqa: UP045
    to_run: Annotated[Optional[str], typer.Option(help="A run that committed.")] = None,  # noqa: UP045
    uri: Uri = None,
    decrypt_keys: Older = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Go back to an earlier state, stored as a new one: what came after it is read again."""
    operations.require_reason(reason)
    place = find(job, uri, decrypt_keys, state)
    store = place.store()
    change = operations.plan_rewind(store, sequence=to_sequence, run_id=to_run)
    _change(place, store, change, as_json=as_json, yes=yes, reason=reason)


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
    """Forget every source, as Glue's ResetJobBookmark does: everything is read again."""
    operations.require_reason(reason)
    place = find(job, uri, decrypt_keys, state)
    store = place.store()
    _change(place, store, operations.plan_reset(store), as_json=as_json, yes=yes, reason=reason)


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
    """Seal the state in force under another key, before or after the configuration names it."""
    operations.require_reason(reason)
    place = find(job, uri, decrypt_keys, state)
    services = place.services
    new = establish.required_key(
        key, place.identity, keys=services.keys, environment=services.environment, probe=True
    )
    store = place.store(new)
    change = operations.plan_rekey(store, services.objects, new)
    _change(place, store, change, as_json=as_json, yes=yes, reason=reason)


def find(job: str, uri: str | None, decrypt_keys: str | None, state: Path | None) -> Place:
    """The bookmark of a job, found as a run finds it: GetJob, its configuration, its key.

    Raises:
        UsageError: no such job or account, or no place of bookmarks is named.
        RefusedError: the configuration or the key does not hold.
        VerificationError: AWS denies, or does not answer.
    """
    from glue_secure.run import composition

    if state is not None:
        printing.enter(state)
    services = composition.services()
    name = job_name(job)
    values = dict(establish.arguments_of_job(name, services.control_plane))
    given = {BOOKMARK_URI: uri, BOOKMARK_DECRYPT_KEYS: decrypt_keys}
    values |= {option: value for option, value in given.items() if value is not None}
    arguments = composition.arguments(
        ["bookmark", *(f"--{option}={value}" for option, value in values.items())]
    )
    identity = JobIdentity(name, RunId(f"command_{uuid.uuid4().hex}"), False, None)
    key = establish.bookmark_key(
        identity,
        control_plane=services.control_plane,
        keys=services.keys,
        environment=services.environment,
    )
    return Place(identity, arguments, services, key)


def _change(
    place: Place,
    store: BookmarkStore,
    change: operations.Change,
    *,
    as_json: bool,
    yes: bool,
    reason: str,
) -> None:
    """Say what a change means, ask, store it."""
    for line in (f"{change.cause} the bookmark of job {store.job}", *change.meaning):
        print(line, file=sys.stderr)
    printing.ask(f"bookmark {change.cause}", yes=yes)
    stored = operations.apply(
        store,
        change,
        run_id=str(place.identity.run_id),
        by=place.services.environment.caller,
        reason=reason,
    )
    if as_json:
        printing.print_json(_document(store, stored))
    else:
        printing.say(f"stored sequence {stored.sequence} ({change.cause}), {stored.digest[:12]}")


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
        shape |= {"table": source.table}
        if reveal:
            shape |= {"values": dict(zip(source.keys, source.values, strict=True))}
    return shape


def _values(source: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in source.get("values", {}).items())


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None


def _none(store: BookmarkStore, as_json: bool) -> None:
    if as_json:
        printing.print_json({"job": store.job, "uri": str(store.uri), "exists": False})
    else:
        printing.say(f"no bookmark yet at {store.uri}")
