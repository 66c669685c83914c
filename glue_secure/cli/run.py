"""The command ``run``: a script against the embedded account, or with ``--remote`` a deployed job."""

from __future__ import annotations

import difflib
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from glue_secure.check.script import imported_modules
from glue_secure.cli.options import State
from glue_secure.cli.printing import running_account, warn_of_unguarded_clients
from glue_secure.cli.progress import StepProgress
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.service import ServiceError
from glue_secure.embedded import launch
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.job_files import SubmitOptions
from glue_secure.migrate.folder import scripts_below
from glue_secure.migrate.names import PACKAGES

Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show the logs of Spark and of the setup.")]


def command(
    context: typer.Context,
    script: Annotated[
        Path, typer.Argument(metavar="SCRIPT|JOB", help="The job script, followed by its own arguments.")
    ],
    state: State = None,
    master: Annotated[str, typer.Option(help="Spark master.")] = "local[2]",
    verbose: Verbose = False,
    packages: Annotated[
        str, typer.Option(help="As in spark-submit: Maven coordinates, comma-separated.", metavar="G:A:V,...")
    ] = "",
    jars: Annotated[str, typer.Option(help="As in spark-submit: JARs.", metavar="FILE,...")] = "",
    py_files: Annotated[
        str, typer.Option("--py-files", help="As in spark-submit: .py, .zip, .egg, .whl.", metavar="FILE,...")
    ] = "",
    files: Annotated[
        str, typer.Option(help="As in spark-submit: files for the executors.", metavar="FILE,...")
    ] = "",
    conf: Annotated[
        list[str] | None, typer.Option(help="As in spark-submit: a setting.", metavar="NAME=VALUE")
    ] = None,
    as_awsglue: Annotated[
        bool, typer.Option("--as-awsglue", help="Let the script's imports of awsglue give glue-secure.")
    ] = False,
    job: Annotated[
        str | None, typer.Option(help="Use the arguments of this deployed job, in the account of boto3.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again when a Python file in the script's folder changes.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print the seconds of each phase of the run.")
    ] = False,
    remote: Annotated[bool, typer.Option("--remote", help="Run JOB, a deployed job, in AWS.")] = False,
    follow: Annotated[str | None, typer.Option(help="With --remote: follow this run.")] = None,
    stop: Annotated[str | None, typer.Option(help="With --remote: stop this run.")] = None,
    session_policy: Annotated[
        Path | None,
        typer.Option(
            "--session-policy",
            help="With --remote: limit the permissions of the run to this policy, as policy run prints it.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --remote: print one JSON document.")] = False,
) -> None:
    """Run SCRIPT [--JOB_NAME NAME ...] with spark-submit against the embedded account.

    Options of spark-submit stand before SCRIPT, arguments of the job after it, as in Glue
    (--extra-py-files, --additional-python-modules, --datalake-formats: docs/job-parameters.md).

    With --remote, run a deployed JOB, follow it to its end and fetch its evidence. Ctrl-C does not stop a
    remote run.
    """
    _require_script(context, str(script))
    if remote:
        from glue_secure.cli import remote as remote_run

        remote_run.command(
            str(script),
            context.args,
            state,
            follow=follow,
            stop=stop,
            session_policy=session_policy,
            as_json=as_json,
        )
    if follow or stop or as_json or session_policy:
        found = "--follow, --stop, --session-policy or --json without --remote"
        raise UsageError("run", found=found, required="--remote")
    _warn_of_misplaced_options(context, script)
    words = [*_deployed_arguments(job, context.args), *context.args] if job else context.args
    account = running_account(state)
    submit = SubmitOptions(
        packages=_parts(packages),
        jars=_parts(jars),
        py_files=_parts(py_files),
        files=_parts(files),
        conf=tuple(conf or ()),
    )

    def run_once() -> int:
        with StepProgress(lines=True) as progress:
            submission = launch.prepare(
                account,
                script,
                words,
                master=master,
                verbose=verbose,
                submit=submit,
                progress=progress,
                as_awsglue=as_awsglue,
                terminal=sys.stdin.isatty(),
            )
        return _run(account, submission, script, profile=profile, as_awsglue=as_awsglue)

    if not watch:
        raise typer.Exit(run_once())
    _watch(script.absolute().parent, run_once)


def _run(
    account: EmbeddedAccount, submission: launch.Submission, script: Path, *, profile: bool, as_awsglue: bool
) -> int:
    """Run a submission, print where its evidence is, and return its exit code."""
    for parameter in submission.without_effect:
        print(f"--{parameter.name} has no effect here: {parameter.text}", file=sys.stderr)
    warn_of_unguarded_clients(script)
    if not as_awsglue:
        _warn_of_awsglue(script)
    interruption = None
    try:
        code = launch.run(submission, stdin=None).returncode
    except launch.RunInterrupted as error:
        interruption, code = error, error.run_code
    try:
        evidence = launch.read_evidence(account, submission)
    except ServiceError as error:
        raise ServiceError(
            f"the embedded account stopped during the run, whose exit code is {code}: {error}",
            code=error.code,
            operation=error.operation,
        ) from error
    control = (evidence[1].get("error") or {}).get("control") if code and evidence else None
    stopped = f", stopped by {control}" if control else ""
    print(f"exit code {code}{stopped}; evidence: {evidence[0] if evidence else 'none'}", file=sys.stderr)
    if profile and evidence:
        for name, seconds in sorted(evidence[1]["seconds"].items(), key=lambda phase: -phase[1]):
            print(f"  {seconds:8.3f} s  {name}", file=sys.stderr)
    if interruption:
        raise interruption
    return int(code)


def _watch(folder: Path, run_once: Callable[[], int]) -> NoReturn:
    """Run at once and whenever a Python file below the folder changes, until Ctrl-C."""
    seen = snapshot(folder)
    while True:
        try:
            run_once()
        except UsageError as error:
            print(error, file=sys.stderr)
        print(f"watching {folder}; Ctrl-C ends", file=sys.stderr)
        while (now := snapshot(folder)) == seen:
            time.sleep(0.5)
        seen = now


def snapshot(folder: Path) -> dict[Path, int]:
    """Return the Python files below a folder with the times of their changes, in nanoseconds."""
    found = {}
    for path in scripts_below([folder]):
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_mtime_ns
    return found


def _deployed_arguments(job: str, words: Sequence[str]) -> list[str]:
    """Return the arguments of a deployed job that the command line does not have, and its name."""
    from glue_secure.project.deploy import deployment_account
    from glue_secure.project.pulled import PulledJob

    account, description = deployment_account.deployment_account()
    definition = account.job(job)
    if definition is None:
        raise UsageError(
            f"job {job}", found=f"no such job in account {description}", required="a deployed job"
        )
    pulled = PulledJob.from_api(job, definition)
    given = JobArguments.parse(["", *words]).values
    taken = {name: text for name, text in {"JOB_NAME": job, **pulled.arguments}.items() if name not in given}
    if pulled.bookmark and "job-bookmark-option" not in given:
        taken["job-bookmark-option"] = "job-bookmark-enable"
    print(f"arguments of {job}, account {description}: {' '.join(taken)}", file=sys.stderr)
    for name in pulled.secrets:
        print(f"--{name} contains a secret and is not used", file=sys.stderr)
    return [f"--{name}={text}" for name, text in taken.items()]


def _require_script(context: typer.Context, word: str) -> None:
    """Raise UsageError if the first word after the options is an option that this command does not have."""
    if not word.startswith("-"):
        return
    own = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
    likely = difflib.get_close_matches(word.partition("=")[0], own, 1, cutoff=0.7)
    raise UsageError(
        "run",
        found=f"{word}, which is no option of glue-secure run",
        required="options of glue-secure run, then SCRIPT, then arguments of the script",
        fix=f"write {likely[0]}" if likely else "write it after SCRIPT, if it is an argument of the script",
    )


def _warn_of_misplaced_options(context: typer.Context, script: Path) -> None:
    """Warn of words after the script that are options of this command, and that the script does not have."""
    if not script.is_file():
        return
    text = script.read_text(errors="replace")
    own = {name for parameter in context.command.params for name in parameter.opts if name.startswith("--")}
    for word in context.args:
        name = word.partition("=")[0]
        if name in own - {"--conf"} and name.lstrip("-").replace("-", "_") not in text:
            print(
                f"warning: {name} after the script is an argument of the script; options of glue-secure run "
                "come before it",
                file=sys.stderr,
            )


def _warn_of_awsglue(script: Path) -> None:
    """Warn of a script that imports awsglue and not glue-secure. Its ``except ImportError`` may allow it."""
    packages = {module.partition(".")[0] for module in imported_modules(script.read_bytes()) or ()}
    if packages.isdisjoint(PACKAGES) or "glue_secure" in packages:
        return
    name = shlex.quote(str(script))
    print(
        f"warning: {script} imports awsglue, so that glue-secure does not guard it here. Edit the script, or "
        f"run it as it is:\n"
        f"  glue-secure migrate {name} --write\n"
        f"  glue-secure run --as-awsglue {name} ...",
        file=sys.stderr,
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
