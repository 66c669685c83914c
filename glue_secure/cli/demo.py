"""The command ``demo``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.cli import report
from glue_secure.cli.demo_lake import lake_step
from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json
from glue_secure.cli.progress import StepProgress
from glue_secure.cli.run import Verbose
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import EVIDENCE_URI
from glue_secure.embedded.clients import clients
from glue_secure.embedded.demo import Demo, DemoStep
from glue_secure.embedded.lifecycle import embedded_account
from glue_secure.report.html import period_page
from glue_secure.report.stored import S3Folder, stored_runs, with_documents


def command(
    as_json: Json = False,
    verbose: Verbose = False,
    script: Annotated[
        Path | None,
        typer.Option(help="The job script. Default: jobs/flights_curated.py."),
    ] = None,
    report_file: Annotated[
        Path, typer.Option("--report", help="Where to write the report of the runs.")
    ] = Path("build/demo-report.html"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the account running afterwards.")] = False,
    state: Annotated[Path | None, typer.Option("--state", help="Folder of the account.")] = None,
    iceberg: Annotated[
        bool, typer.Option("--iceberg", help="Also write a table of Iceberg. Its JARs have 112 MB.")
    ] = False,
) -> None:
    """Run a job on real flight data in a new embedded account, then show how violated controls stop it.

    At the end, the evidence of the runs is written as an HTML report.
    """
    job = script or Path("jobs/flights_curated.py")
    if not job.is_file():
        raise UsageError(
            "the demo's job",
            found=f"{job}: no such file",
            required="an existing script",
            fix="run the command in the repository, or name a script with --script",
        )
    with (
        StepProgress(lines=True, spinner=not verbose) as progress,
        embedded_account(state, progress=progress, keep=keep) as account,
    ):
        steps = []
        printer = StepPrinter(_console(), quiet=as_json)
        for step in chain(Demo(account, job, progress, verbose, iceberg).steps(), (lake_step(account),)):
            steps.append(step)
            printer.show(step)
        progress("writing the report")
        path = _write_report(account, report_file)
        printer.summary(steps, path, account.state if keep else None)
    if as_json:
        print_json({**document(steps), "report": str(path), "state": str(account.state) if keep else None})
    raise typer.Exit(0 if all(step.as_expected for step in steps) else 1)


def _write_report(account: EmbeddedAccount, file: Path) -> Path:
    """Write the report of all runs in the account, and return its path."""
    folder = S3Folder(S3Uri.parse(EVIDENCE_URI), S3ObjectStore(client=clients(account)("s3")))
    runs = with_documents(folder, stored_runs(folder))
    text, _ = period_page(runs, datetime.now(timezone.utc))
    path = file.absolute()
    report.write(text, path)
    return path


def _console() -> Console:
    """Return a console on standard output, 120 columns wide if that is not a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120)


class StepPrinter:
    """Prints the result of each step and a summary. Prints nothing if ``quiet``."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console, self._quiet, self._count = console, quiet, 0

    def show(self, step: DemoStep) -> None:
        """Print a step: its title and outcome, its facts, and the error text if a control stopped the run."""
        self._count += 1
        if self._quiet:
            return
        outcome = Text("ok", style="green") if step.as_expected else Text("NOT AS EXPECTED", style="bold red")
        self._console.print(Text(f"\n{self._count}. {step.name}  ", style="bold") + outcome)
        for name, value in _facts(step):
            self._console.print(Text(f"   {name:<12}", style="dim") + Text(value), soft_wrap=True)
        if step.refusal:
            self._console.print(
                Text("\n".join(f"   {line}" for line in step.refusal.splitlines())), soft_wrap=True
            )
        if step.log:
            self._console.print(Text(step.log, style="red"), soft_wrap=True)

    def summary(self, steps: Sequence[DemoStep], report_file: Path, running: Path | None) -> None:
        """Print a table of all steps, the path of the report, and how to use an account that still runs."""
        if self._quiet:
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name, justify in (
            ("step", "left"),
            ("exit", "right"),
            ("control", "left"),
            ("rows in", "right"),
            ("rows out", "right"),
            ("objects", "right"),
            ("seconds", "right"),
        ):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for step in steps:
            table.add_row(
                step.name,
                str(step.exit_code),
                step.control or "",
                _count(step.rows_read) if step.evidence else "",
                _count(step.rows_written) if step.evidence else "",
                str(len(step.objects)),
                f"{step.seconds:.1f}",
            )
        expected = sum(step.as_expected for step in steps)
        self._console.print()
        self._console.print(table)
        self._console.print(
            f"\n{expected} of {len(steps)} steps ended as expected. Account: embedded, not AWS."
        )
        self._console.print(Text(f"Report: {report_file}"), soft_wrap=True)
        if running is not None:
            folder = shlex.quote(str(running))
            for line in (
                "The account is running. These commands use it; the last stops it and deletes its data:",
                f"  glue-secure evidence list --state {folder} --in {EVIDENCE_URI}",
                f'  eval "$(glue-secure local env --state {folder})"',
                f"  glue-secure local down --state {folder}",
            ):
                self._console.print(Text(line), soft_wrap=True)


def _facts(step: DemoStep) -> list[tuple[str, str]]:
    """Return the facts of a step as (label, text); ``""`` as label continues the fact before."""
    if step.facts:
        return list(step.facts)
    lines = [("exit code", f"{step.exit_code}  ({step.seconds:.1f} s)")]
    if step.control is not None:
        lines.append(("written", "nothing" if step.written == 0 else f"{step.written} OBJECTS"))
        if step.evidence:
            lines.append(("evidence", step.evidence))
        return lines
    per_source = ", ".join(f"{read['source']} {_count(read['rows'])}" for read in step.reads)
    lines.append(("rows in", f"{_count(step.rows_read)}  ({per_source})"))
    lines.append(("rows out", _count(step.rows_written)))
    encryptions = sorted({(item["algorithm"], item["key"]) for item in step.objects})
    verified_by = f" ({', '.join(step.verified_by)})" if step.verified_by else ""
    lines.append(("objects", f"{len(step.objects)} written, {len(step.objects)} verified{verified_by}"))
    lines += [("", f"{algorithm} {key}") for algorithm, key in encryptions]
    if step.tls:
        lines.append(
            (
                "database",
                f"{step.tls['protocol']} {step.tls['cipher']} ({step.tls['source']}), {step.tls['host']}",
            )
        )
    bookmark = step.bookmark
    if bookmark:
        sequences = f"sequence {bookmark['sequence_before']} to {bookmark['sequence_after']}"
        lines.append(("bookmark", f"{sequences}  {bookmark['uri']}"))
    phases = ", ".join(
        f"{name} {seconds:.2f}" for name, seconds in sorted(step.phases.items(), key=lambda phase: -phase[1])
    )
    lines.append(("seconds", phases))
    lines.append(("evidence", step.evidence or "none"))
    return lines


def _count(rows: int | None) -> str:
    return "not measured" if rows is None else f"{rows:,}"


def document(steps: Sequence[DemoStep]) -> Mapping[str, Any]:
    """Return the demo's steps as one JSON document."""
    rows = []
    for step in steps:
        row = asdict(step)
        row["expected"] = {"exit_code": step.expected[0], "control": step.expected[1]}
        row["as_expected"] = step.as_expected
        rows.append(row)
    return {"account": "embedded", "as_expected": all(step.as_expected for step in steps), "steps": rows}
