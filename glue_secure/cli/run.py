"""The command ``run``: a script against the embedded account, or with ``--remote`` a deployed job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli import remote as remote_run
from glue_secure.cli.options import State
from glue_secure.cli.printing import running_account, warn_of_unguarded_clients
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.service import ServiceError
from glue_secure.embedded import launch
from glue_secure.embedded.job_files import SubmitOptions

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
    remote: Annotated[bool, typer.Option("--remote", help="Run JOB, a deployed job, in AWS.")] = False,
    follow: Annotated[str | None, typer.Option(help="With --remote: follow this run.")] = None,
    stop: Annotated[str | None, typer.Option(help="With --remote: stop this run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --remote: print one JSON document.")] = False,
) -> None:
    """Run SCRIPT [--JOB_NAME NAME ...] with spark-submit against the embedded account.

    Options of spark-submit stand before SCRIPT, arguments of the job after it, as in Glue
    (--extra-py-files, --additional-python-modules, --datalake-formats: docs/job-parameters.md).

    With --remote, run a deployed JOB, follow it to its end and fetch its evidence. Ctrl-C does not stop a
    remote run.
    """
    if remote:
        remote_run.command(str(script), context.args, state, follow=follow, stop=stop, as_json=as_json)
    if follow or stop or as_json:
        raise UsageError("run", found="--follow, --stop or --json without --remote", required="--remote")
    account = running_account(state)
    submit = SubmitOptions(
        packages=_parts(packages),
        jars=_parts(jars),
        py_files=_parts(py_files),
        files=_parts(files),
        conf=tuple(conf or ()),
    )
    with StepProgress(lines=True) as progress:
        submission = launch.prepare(
            account,
            script,
            context.args,
            master=master,
            verbose=verbose,
            submit=submit,
            progress=progress,
            as_awsglue=as_awsglue,
        )
    for parameter in submission.without_effect:
        print(f"--{parameter.name} has no effect here: {parameter.text}", file=sys.stderr)
    warn_of_unguarded_clients(script)
    interruption = None
    try:
        code = launch.run(submission).returncode
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
    print(f"exit code {code}; evidence: {evidence[0] if evidence else 'none'}", file=sys.stderr)
    raise interruption or typer.Exit(code)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
