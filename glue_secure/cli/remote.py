"""``glue-secure run --remote JOB``: its progress line, its log's lines, and its evidence."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from glue_secure.aws.job_runs import RunState
from glue_secure.cli import printing
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.service import ServiceError
from glue_secure.project.deploy import deployment_account, remote
from glue_secure.project.deploy.plan import unanswered

INTERRUPTED = 130


def command(
    job: str,
    words: Sequence[str],
    state: Path | None,
    *,
    follow: str | None,
    stop: str | None,
    as_json: bool,
) -> NoReturn:
    """Run, follow or stop; ends with the exit code that follows from the run."""
    given = dict(JobArguments.parse(["", *words]).values)
    stray = [word for word in words if not word.startswith("--") and word not in given.values()]
    if stray or (words and (follow or stop)) or (follow and stop):
        raise UsageError(
            "run --remote",
            found=" ".join(stray or words) or "--follow and --stop",
            required="JOB [--NAME VALUE ...], or --follow RUN or --stop RUN before JOB alone",
        )
    if state is not None:
        printing.enter(state)
    account, where = deployment_account.deployment_account()
    runs = deployment_account.job_runs()
    if stop:
        try:
            runs.stop(job, stop)
        except ServiceError as error:
            raise unanswered(error) from error
        print(f"{stop} is being stopped", file=sys.stderr)
        raise typer.Exit(0)
    running: remote.Remote | None = None
    try:
        running = remote.begin(job, given, account=account, runs=runs, run=follow)
        print(f"{running.run} of {job}, account {where}", file=sys.stderr)
        with Progress(Console(stderr=True, highlight=False), job) as progress:
            ended = remote.follow(
                running,
                runs=runs,
                logs=deployment_account.job_logs(),
                sleep=time.sleep,
                on_state=progress,
                # Standard output is the document's, where there is one.
                on_line=(lambda _: None) if as_json else printing.say,
            )
    except KeyboardInterrupt:
        left_running(job, running)
        raise typer.Exit(INTERRUPTED) from None
    from glue_secure.run import composition

    left = remote.evidence(running, composition.services().objects)
    if as_json:
        printing.print_json(document(running, ended, left))
    else:
        show(ended, left)
    raise typer.Exit(remote.exit_code(ended, left, running))


class Progress:
    """The run's state: one line that moves at a terminal; elsewhere a line when the state changes."""

    def __init__(self, console: Console, job: str) -> None:
        self._console, self._job, self._last = console, job, ""
        self._live = Live(
            console=console,
            transient=True,
            # Lines of the log belong to standard output, and go there when it is no terminal.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        )

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, seen: RunState) -> None:
        """Show a state."""
        if self._console.is_terminal:
            self._live.update(Spinner("dots", Text(f"{self._job} {seen.state} {seen.seconds} s")))
        elif seen.state != self._last:
            self._console.print(Text(f"{self._job} {seen.state}"))
        self._last = seen.state


def left_running(job: str, running: remote.Remote | None) -> None:
    """Say that the run goes on, and how to come back to it."""
    if running is None:
        print(f"interrupted; a run of {job} may have begun: look at the job's runs", file=sys.stderr)
        return
    print(f"{running.run} goes on", file=sys.stderr)
    for what in ("follow", "stop"):
        print(f"  {what + ' it:':<11}glue-secure run --remote --{what} {running.run} {job}", file=sys.stderr)


def show(ended: RunState, left: remote.Left | None) -> None:
    """The run's end and the heart of its evidence."""
    printing.facts([("state", ended.state), ("seconds", ended.seconds)])
    if ended.error:
        printing.facts([("error", ended.error)])
    if left is None:
        printing.facts([("evidence", "none")])
        return
    told: Mapping[str, Any] = left.document
    printing.facts(
        [
            ("evidence", left.uri),
            ("", left.encryption),
            ("outcome", told.get("outcome")),
            ("configuration", told.get("security_configuration")),
            ("account", f"{told.get('account')} {told.get('account_id')}"),
        ]
    )
    for one in told.get("reads") or ():
        printing.facts([("read", f"{one.get('source')} {one.get('rows')} rows")])
    for one in told.get("writes") or ():
        objects = one.get("objects") or ()
        printing.facts(
            [("written", f"{one.get('target')} {one.get('rows')} rows, {len(objects)} objects read back")]
        )
    bad = [one for one in told.get("controls") or () if one.get("verdict") != "PASS"]
    printing.facts([("controls", f"{len(told.get('controls') or ())} held, {len(bad)} did not")])
    error = told.get("error")
    if error:
        printing.facts([("refusal", f"{error.get('control', '')} {error.get('type', '')}")])


def document(running: remote.Remote, ended: RunState, left: remote.Left | None) -> dict[str, Any]:
    """The same as JSON's values, the evidence whole."""
    return {
        "job": running.job,
        "run": running.run,
        "state": ended.state,
        "error": ended.error,
        "seconds": ended.seconds,
        "evidence": None
        if left is None
        else {"uri": str(left.uri), "encryption": left.encryption, "document": left.document},
    }
