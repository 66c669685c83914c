"""The commands ``evidence list|show|objects|diff``: what runs left in S3 or in a local folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json, State
from glue_secure.cli.progress import StepProgress
from glue_secure.core import controls
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import ENDED_WITHOUT_COMMIT, TERMINATED, canonical_json
from glue_secure.core.identifiers import S3Uri
from glue_secure.report.differences import differences
from glue_secure.report.document import Document
from glue_secure.report.page import sections, verdict
from glue_secure.report.stored import (
    NOT_ENDED,
    UNREADABLE,
    EvidenceFolder,
    LocalFolder,
    S3Folder,
    StoredRun,
    named_run,
    not_passed,
    read_document,
    read_objects,
    reported,
    signing_key,
    stored_runs,
    with_documents,
)
from glue_secure.run import composition

app = typer.Typer(help="List, show, compare, export and verify the evidence of runs.", no_args_is_help=True)

_VARIABLE = "GLUE_SECURE_EVIDENCE_URI"
Location = Annotated[
    str,
    typer.Option(
        "--in", help=f"s3://BUCKET/PREFIX/ or a folder with the evidence. Default: the variable {_VARIABLE}."
    ),
]
Job = Annotated[str, typer.Option("--job", help="Only runs of this job.")]
ControlFilter = Annotated[
    str, typer.Option("--control", help="Only runs in which this control did not pass.")
]
Since = Annotated[
    datetime | None, typer.Option("--since", help="Only runs stored at this time (UTC) or later.")
]
Until = Annotated[datetime | None, typer.Option("--until", help="Only runs stored before this time (UTC).")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or the location of its document.")]


class Outcome(str, Enum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    ABANDONED = "abandoned"
    WITHOUT_COMMIT = ENDED_WITHOUT_COMMIT
    SIGTERM = TERMINATED
    NOT_ENDED = NOT_ENDED
    UNREADABLE = UNREADABLE


OutcomeFilter = Annotated[Outcome | None, typer.Option("--outcome", help="Only runs that ended so.")]


@app.command("list")
def list_runs(
    location: Location = "",
    job: Job = "",
    outcome: OutcomeFilter = None,
    control: ControlFilter = "",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most runs to show.")] = 20,
    state: State = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first. Runs that started and left no evidence are listed as 'not ended'."""
    folder = evidence_folder(location, state)
    most = limit + 1 if outcome is None and not control else None
    with StepProgress() as progress:
        read = read_runs(folder, progress, job, since, until, most)
        found = list(islice(matching(read, outcome, control), limit + 1))
    shown = found[:limit]
    if as_json:
        printing.print_json([_summary(run) for run in shown])
        return
    printing.print_table(
        ["stored (UTC)", "job", "run", "outcome", "not passed", "reported", "signature"],
        [
            [
                f"{run.stored:%Y-%m-%d %H:%M:%S}",
                run.job,
                run.run_id,
                run.outcome,
                ", ".join(not_passed(run.document)),
                ", ".join(reported(run.document)),
                "signed" if signing_key(run.document) else "",
            ]
            for run in shown
        ],
    )
    if len(found) > limit:
        printing.print_line(f"more runs match: --limit {limit * 10}, or fewer by --job, --since or --until")


@app.command()
def show(run: RunName, location: Location = "", state: State = None, as_json: Json = False) -> None:
    """Show the evidence of a run, the verdict first. The exit code is 3 if a control did not pass.

    Findings that are reported only do not change it: those that an exception tolerates, GS-POL-002, and
    GS-SPK controls that are UNKNOWN and did not stop the run.
    """
    found = read_run(run, location, state)
    if as_json:
        printing.print_json(found.document)
    else:
        _print_page(found.document, found.location)
    if not_passed(found.document):
        raise typer.Exit(3)


@app.command()
def objects(run: RunName, location: Location = "", state: State = None) -> None:
    """Print every object that a run wrote, purged or moved, one line of JSON each, for jq or DuckDB."""
    folder, found = find_run(run, location, state)
    for line in read_objects(folder, found):
        print(canonical_json(line).decode(), end="")


@app.command()
def diff(
    first: RunName, second: RunName, location: Location = "", state: State = None, as_json: Json = False
) -> None:
    """Compare the evidence of two runs: settings, keys, controls, what was read and written."""
    before, after = (read_run(run, location, state).document for run in (first, second))
    found = differences(before, after)
    if as_json:
        printing.print_json(
            [{"what": each.what, "first": each.first, "second": each.second} for each in found]
        )
    elif found:
        printing.print_table(
            ["", "first", "second"], [[each.what, each.first, each.second] for each in found]
        )
    else:
        printing.print_line("no differences")


def _print_page(document: Document, location: str) -> None:
    printing.print_facts([("verdict", verdict(document)), ("evidence", location)])
    for line in str((document.get("error") or {}).get("message") or "").splitlines():
        printing.print_line(f"  {line}")
    for section in sections(document):
        print(f"\n{section.title}")
        if section.columns:
            printing.print_table(list(section.columns), [list(row) for row in section.rows])
        else:
            printing.print_facts(section.rows)


def evidence_folder(location: str, state: Path | None) -> EvidenceFolder:
    """Return the location of ``--in``. With ``--state``, this process then uses the embedded account.

    Raises:
        UsageError: no location is named.
    """
    printing.use_embedded_account(state)
    location = location or os.environ.get(_VARIABLE, "")
    if not location:
        raise UsageError(
            "evidence",
            found="no location",
            required="s3://BUCKET/PREFIX/, as in the job's argument --glue-secure-evidence-uri, or a folder",
            fix="add --in LOCATION; for the embedded account: --state FOLDER --in s3://glue-secure-evidence/evidence/",
        )
    if "://" in location:
        return S3Folder(S3Uri.parse(location), composition.services().objects)
    return LocalFolder(Path(location))


def read_run(run: str, location: str, state: Path | None) -> StoredRun:
    """Return what :func:`find_run` returns, without the location."""
    return find_run(run, location, state)[1]


def find_run(run: str, location: str, state: Path | None) -> tuple[EvidenceFolder, StoredRun]:
    """Return a location, and a run with its document. A run with several attempts has that of the last one.

    Args:
        run: id of the run, or location of its document.
        location: as ``--in``.
        state: as ``--state``.
    """
    if "://" in run:
        printing.use_embedded_account(state)
        uri = S3Uri.parse(run)
        return _document_in(S3Folder(uri, composition.services().objects), named_run(uri.key))
    if Path(run).is_file():
        return _document_in(LocalFolder(Path(run)), named_run(run))
    folder = evidence_folder(location, state)
    attempts = [attempt for attempt in stored_runs(folder) if attempt.run_id == run]
    ended: Sequence[StoredRun] = [attempt for attempt in attempts if attempt.name]
    if not ended:
        raise UsageError(
            f"evidence of run {run}",
            found="a start without an end" if attempts else "none",
            required="the id of a run with evidence, or the location of a document",
            fix="glue-secure evidence list"
            + (f" --in {shlex.quote(location)}" if location else "")
            + (f" --state {shlex.quote(str(state))}" if state else ""),
        )
    return _document_in(folder, ended[0])


def _document_in(folder: EvidenceFolder, run: StoredRun) -> tuple[EvidenceFolder, StoredRun]:
    return folder, read_document(folder, run)


def read_runs(
    folder: EvidenceFolder,
    progress: Callable[[str], None],
    job: str,
    since: datetime | None,
    until: datetime | None,
    most: int | None = None,
) -> Iterator[StoredRun]:
    """Yield the runs that the options name, newest first, with their documents; at most ``most``."""
    chosen = [
        run
        for run in stored_runs(folder)
        if (not job or run.job == job)
        and (since is None or run.stored >= _utc(since))
        and (until is None or run.stored < _utc(until))
    ][:most]
    return with_documents(
        folder, chosen, lambda number: progress(f"reading evidence: {number} of {len(chosen)}")
    )


def matching(runs: Iterator[StoredRun], outcome: Outcome | None, control: str) -> Iterator[StoredRun]:
    """Return the runs of that outcome in which the control did not pass.

    Raises:
        UsageError: there is no such control.
    """
    control = control.upper()
    if control and control not in controls.CONTROLS:
        raise UsageError("--control", found=control, required="an id of `glue-secure controls list`")
    return (
        run
        for run in runs
        if (outcome is None or run.outcome == outcome.value)
        and (not control or control in (*not_passed(run.document), *reported(run.document)))
    )


def _summary(run: StoredRun) -> dict[str, Any]:
    return {
        "stored": run.stored.isoformat(),
        "job": run.job,
        "run_id": run.run_id,
        "outcome": run.outcome,
        "not_passed": not_passed(run.document),
        "reported": reported(run.document),
        "signing_key": signing_key(run.document) or None,
        "location": run.location or None,
    }


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
