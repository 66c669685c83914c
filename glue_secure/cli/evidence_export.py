"""The command ``evidence export``: evidence in the formats of other tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.cli import evidence, printing
from glue_secure.cli.options import State
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.core.redaction import escape_surrogates
from glue_secure.report.exports import asff, junit, ocsf, openlineage, sarif
from glue_secure.report.stored import StoredRun


class Format(str, Enum):
    """Formats of the export."""

    OCSF = "ocsf"
    ASFF = "asff"
    SARIF = "sarif"
    JUNIT = "junit"
    OPENLINEAGE = "openlineage"


@evidence.app.command("export")
def command(
    output: Annotated[
        Format,
        typer.Option(
            "--format", help="ocsf and openlineage: one JSON document a line; asff, sarif: JSON; junit: XML."
        ),
    ],
    run: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="Id of a run, or the location of its document. Default: all."),
    ] = "",
    location: evidence.Location = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: standard output.")
    ] = None,
    job: evidence.Job = "",
    outcome: evidence.OutcomeFilter = None,
    control: evidence.ControlFilter = "",
    since: evidence.Since = None,
    until: evidence.Until = None,
    state: State = None,
) -> None:
    """Export the evidence of a run, or of the runs that the options name, for another tool."""
    if run and (job or outcome or control or since or until):
        raise UsageError(
            f"evidence export {run}",
            found="a run and options that choose runs",
            required="one of them",
            fix="remove RUN, or the options",
        )
    if run:
        _write(output, [evidence.read_run(run, location, state)], out)
        return
    folder = evidence.evidence_folder(location, state)
    with StepProgress() as progress:
        found = evidence.matching(evidence.read_runs(folder, progress, job, since, until), outcome, control)
        _write(output, found, out)


def _write(output: Format, runs: Iterable[StoredRun], out: Path | None) -> None:
    if out is None:
        for part in _parts(output, runs):
            sys.stdout.write(part)
        return
    write_output(out, "".join(_parts(output, runs)))
    printing.print_line(f"{out} written")


def _parts(output: Format, runs: Iterable[StoredRun]) -> Iterator[str]:
    if output is Format.JUNIT:
        yield junit.document(runs)
    elif output in (Format.OCSF, Format.OPENLINEAGE):
        for event in (ocsf if output is Format.OCSF else openlineage).events(runs):
            yield escape_surrogates(json.dumps(event, ensure_ascii=False)) + "\n"
    else:
        refused: list[str] = []
        value: Any
        if output is Format.SARIF:
            value = sarif.document(_with_refusals(runs, refused))
            is_open = bool(value["runs"][0]["results"])
        else:
            value = asff.documents(_with_refusals(runs, refused))
            is_open = any(one["Compliance"]["Status"] != "PASSED" for one in value)
        if refused and not is_open:
            print(
                "0 open findings: later runs passed the controls that refused earlier ones; "
                "--outcome refused exports the findings of those",
                file=sys.stderr,
            )
        yield escape_surrogates(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def _with_refusals(runs: Iterable[StoredRun], refused: list[str]) -> Iterator[StoredRun]:
    """Yield the runs, and add the ids of those that were refused to ``refused``."""
    for run in runs:
        if run.outcome == evidence.Outcome.REFUSED.value:
            refused.append(run.run_id)
        yield run
