"""The command ``report``: the evidence of a run or of a period as one HTML page."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli import evidence, printing
from glue_secure.cli.options import Json, State
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.report import html, view
from glue_secure.report.results import results

Run = Annotated[
    str,
    typer.Argument(metavar="[RUN]", help="Id of a run, or the location of its document. Default: a period."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="File to write, - for standard output. Default: report-JOB-RUN.html, report-DAY-DAY.html.",
    ),
]


def command(
    run: Run = "",
    location: evidence.Location = "",
    out: Out = None,
    job: evidence.Job = "",
    since: evidence.Since = None,
    until: evidence.Until = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Write the evidence of a run, or of all runs of a period, as one HTML page that loads nothing.

    The exit code is 0 if the page is written, whatever its verdict: `evidence show` checks a run.
    """
    now = datetime.now(timezone.utc)
    if run and (job or since or until):
        raise UsageError(
            f"report {run}",
            found="a run and a period",
            required="a run, or --job, --since and --until",
            fix="remove RUN, or the options",
        )
    if run:
        stored = evidence.read_run(run, location, state)
        text, headline = html.run_page(stored, now), view.headline(stored, results(stored.document))
        document = stored.document
        name = f"report-{document.get('job')}-{document.get('run_id')}"
    else:
        folder = evidence.evidence_folder(location, state)
        with StepProgress() as progress:
            runs = evidence.read_runs(folder, progress, job, since, until)
            first = next(runs, None)
            if first is None:
                raise UsageError(
                    "report",
                    found="no runs",
                    required="at least one run in this location and period",
                    fix="check --in, --job, --since and --until with: glue-secure evidence list",
                )
            text, shown = html.period_page(chain([first], runs), now)
        headline = shown.headline
        name = f"report-{shown.first:%Y-%m-%d}-{shown.last:%Y-%m-%d}{f'-{job}' if job else ''}"
    if str(out) == "-":
        sys.stdout.write(text)
        return
    path = (out or Path(re.sub(r"[^\w.-]+", "_", name)[:150] + ".html")).absolute()
    write(text, path)
    if as_json:
        printing.print_json({"report": str(path), "verdict": headline})
    else:
        printing.print_facts([("verdict", headline), ("report", path)])


def write(text: str, path: Path) -> None:
    """Write a report. An older report is replaced; any other file is not.

    Raises:
        UsageError: the file exists and is no report, or cannot be written.
    """
    if path.is_file() and html.GENERATOR.encode() not in path.read_bytes()[:4000]:
        raise UsageError(
            str(path),
            found="a file that is no report",
            required="a new file, or an older report",
            fix="--out FILE",
        )
    write_output(path, text)
