"""The command ``run --remote``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer

from glue_secure.aws.job_runs import RunState
from glue_secure.cli import printing
from glue_secure.cli.progress import StepProgress
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.service import ServiceError
from glue_secure.project.deploy import deployment_account, remote
from glue_secure.project.deploy.plan import aws_unavailable
from glue_secure.report.document import count
from glue_secure.run import composition

INTERRUPTED = 130


def command(
    job: str,
    words: Sequence[str],
    state: Path | None,
    *,
    follow: str | None,
    stop: str | None,
    session_policy: Path | None,
    as_json: bool,
) -> NoReturn:
    """Run, follow or stop a deployed job, and exit with the code of the run."""
    arguments = dict(JobArguments.parse(["", *words]).values)
    stray = [word for word in words if not word.startswith("--") and word not in arguments.values()]
    if stray or (words and (follow or stop)) or (follow and stop):
        raise UsageError(
            "run --remote",
            found=" ".join(stray or words) or "--follow and --stop",
            required="JOB [--NAME VALUE ...], or --follow RUN or --stop RUN before JOB alone",
        )
    if session_policy is not None and (follow or stop):
        raise UsageError("--session-policy", found="--follow or --stop", required="a new run")
    policy = (
        remote.session_policy(printing.read_text(session_policy), str(session_policy))
        if session_policy is not None
        else ""
    )
    printing.use_embedded_account(state)
    account, description = deployment_account.deployment_account()
    runs = deployment_account.job_runs()
    if stop:
        try:
            runs.stop(job, stop)
        except ServiceError as error:
            raise aws_unavailable(error) from error
        print(f"stopping {stop}", file=sys.stderr)
        raise typer.Exit(0)
    run: remote.RemoteRun | None = None
    try:
        run = remote.begin(job, arguments, account=account, runs=runs, run=follow, policy=policy)
        print(f"{run.run} of {job}, account {description}", file=sys.stderr)
        with StepProgress() as progress:
            ended = remote.follow(
                run,
                runs=runs,
                logs=deployment_account.job_logs(),
                sleep=time.sleep,
                on_state=_StateProgress(job, progress),
                # With --json, standard output contains the document only.
                on_line=(lambda _: None) if as_json else printing.print_line,
            )
    except KeyboardInterrupt:
        _print_still_running(job, run)
        raise typer.Exit(INTERRUPTED) from None
    evidence = remote.evidence(run, composition.services().objects)
    if as_json:
        printing.print_json(document(run, ended, evidence))
    else:
        show(ended, evidence)
    raise typer.Exit(remote.exit_code(ended, evidence, run))


class _StateProgress:
    """Shows the state of the run; where standard error is not a terminal, a line when it changes."""

    def __init__(self, job: str, progress: StepProgress) -> None:
        self._job, self._progress, self._last = job, progress, ""

    def __call__(self, state: RunState) -> None:
        self._progress(f"{self._job} {state.state} {state.seconds} s")
        if state.state != self._last and not self._progress.is_interactive:
            print(f"{self._job} {state.state}", file=sys.stderr)
        self._last = state.state


def _print_still_running(job: str, run: remote.RemoteRun | None) -> None:
    if run is None:
        print(f"interrupted; a run of {job} may have started: check the job's runs", file=sys.stderr)
        return
    print(f"{run.run} is still running", file=sys.stderr)
    for option in ("follow", "stop"):
        label = f"{option} it:"
        print(f"  {label:<11}glue-secure run --remote --{option} {run.run} {job}", file=sys.stderr)


def show(ended: RunState, evidence: remote.RunEvidence | None) -> None:
    """Print the end of the run and a summary of its evidence."""
    printing.print_facts([("state", ended.state), ("seconds", ended.seconds)])
    if ended.error:
        printing.print_facts([("error", ended.error)])
    if evidence is None:
        printing.print_facts([("evidence", "none")])
        return
    content: Mapping[str, Any] = evidence.document
    printing.print_facts(
        [
            ("evidence", evidence.uri),
            ("", evidence.encryption),
            ("outcome", content.get("outcome")),
            ("configuration", content.get("security_configuration")),
            ("account", f"{content.get('account')} {content.get('account_id')}"),
        ]
    )
    for read in content.get("reads") or ():
        printing.print_facts([("read", f"{read.get('source')} {read.get('rows')} rows")])
    for write in content.get("writes") or ():
        objects = count(write, "objects")
        printing.print_facts(
            [("written", f"{write.get('target')} {write.get('rows')} rows, {objects} objects verified")]
        )
    controls = content.get("controls") or ()
    violated = sum(control.get("verdict") != "PASS" for control in controls)
    printing.print_facts([("controls", f"{len(controls)} checked, {violated} not passed")])
    error = content.get("error")
    if error:
        printing.print_facts([("refusal", f"{error.get('control', '')} {error.get('type', '')}")])


def document(run: remote.RemoteRun, ended: RunState, evidence: remote.RunEvidence | None) -> dict[str, Any]:
    """Return the end of the run and its complete evidence as JSON values."""
    return {
        "job": run.job,
        "run": run.run,
        "state": ended.state,
        "error": ended.error,
        "seconds": ended.seconds,
        "evidence": None
        if evidence is None
        else {
            "uri": str(evidence.uri),
            "encryption": evidence.encryption,
            "document": evidence.document,
        },
    }
