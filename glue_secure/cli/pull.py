"""The command ``pull``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.aws.deployment import DeploymentAccount
from glue_secure.cli import printing
from glue_secure.cli.options import Json, ProjectFile, State
from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.project.deploy import deployment_account
from glue_secure.project.project_file import FILE_NAME
from glue_secure.project.pulled import PulledJob, with_entry


def command(
    job: Annotated[str, typer.Argument(help="The deployed job.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The script to create. Default: jobs/ and its name in S3.")
    ] = None,
    project: ProjectFile = Path(FILE_NAME),
    state: State = None,
    as_json: Json = False,
) -> None:
    """Fetch a deployed job's script and arguments into a project.

    The job's table is added to the project file; without a project file it is printed. Arguments that contain
    a secret are named, and not written.

    Example: glue-secure pull orders && glue-secure migrate jobs/orders.py
    """
    printing.use_embedded_account(state)
    account, description = deployment_account.deployment_account()
    pulled, content = fetched(job, account, description)
    path = out or Path("jobs", pulled.script.key.rpartition("/")[2])
    if path.exists() and path.read_bytes() != content:
        raise UsageError(
            str(path), found="another file", required="a new path", fix=f"add --out NEW.py: {job}"
        )
    entry = pulled.entry(path.as_posix())
    updated = with_entry(printing.read_text(project), pulled, path.as_posix()) if project.exists() else None
    write_output(path, content)
    if updated is not None:
        write_output(project, updated)
    if as_json:
        printing.print_json(
            {
                "job": job,
                "script": str(path),
                "project": None if updated is None else str(project),
                "arguments": dict(pulled.arguments),
                "secrets": list(pulled.secrets),
            }
        )
    else:
        printing.print_line(f"{path} from {pulled.script}, account {description}")
        if updated is None:
            sys.stdout.write(f"\n# {FILE_NAME}\n{entry}")
        else:
            printing.print_line(f"{project}: [jobs.{job}] added; add its reads and writes")
    for name in pulled.secrets:
        print(f"--{name} contains a secret and was not written; use a connection", file=sys.stderr)
    if pulled.command == "pythonshell":
        print(
            "the job is a Python shell job, which glue-secure does not serve: docs/migrate.md",
            file=sys.stderr,
        )


def fetched(job: str, account: DeploymentAccount, description: str) -> tuple[PulledJob, bytes]:
    """Return a job and its script.

    Raises:
        UsageError: the job or its script does not exist.
    """
    definition = account.job(job)
    if definition is None:
        raise UsageError(
            f"job {job}", found=f"no such job in account {description}", required="a deployed job"
        )
    pulled = PulledJob.from_api(job, definition)
    content = account.content(pulled.script)
    if content is None:
        raise UsageError(f"job {job}", found=f"no object {pulled.script}", required="the job's script")
    return pulled, content
