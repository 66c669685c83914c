"""The command ``deploy``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Environment, Json, ProjectFile, State, Yes
from glue_secure.cli.progress import StepProgress
from glue_secure.cli.template import warn_of_undeclared_locations
from glue_secure.project.deploy import Change, DeploymentPlan, apply, plan
from glue_secure.project.deploy.deployment_account import deployment_account
from glue_secure.project.deploy.plan import CREATE, KEEP, UPDATE, UPLOAD
from glue_secure.project.project_file import FILE_NAME, read

CHANGES = 3
"""Exit code of ``--plan`` if a deployment would change a resource."""
_COLOURS = {CREATE: "green", UPLOAD: "green", UPDATE: "yellow", KEEP: "bright_black"}
_SIGNS = {CREATE: "+", UPLOAD: "+", UPDATE: "~", KEEP: " "}


def command(
    job: Annotated[
        str | None,
        typer.Argument(help="Deploy this job of the project only."),
    ] = None,
    project: ProjectFile = Path(FILE_NAME),
    yes: Yes = False,
    plan_only: Annotated[
        bool,
        typer.Option("--plan", help="Show the plan and change nothing; exit code 3 if there are changes."),
    ] = False,
    state: State = None,
    as_json: Json = False,
    environment: Environment = "",
) -> None:
    """Upload code and create or update the jobs, after showing the plan and asking for confirmation.

    The stack of the project's template (keys, buckets, roles, connections) must exist. Each step is verified.
    With --plan, the exit code is 3 if there are changes and 0 if there are none.
    """
    definition = read(project, environment)
    warn_of_undeclared_locations(definition)
    printing.use_embedded_account(state)
    account, description = deployment_account()
    with StepProgress() as progress:
        deployment = plan(definition, project.parent, account, jobs=(job,) if job else (), progress=progress)
    if not as_json:
        printing.print_line(f"account {description}")
        show(deployment)
    applied = bool(deployment.pending) and not plan_only
    if applied:
        printing.confirm("deploy", yes=yes)
        with StepProgress() as progress:
            apply(deployment, account, progress)
    if as_json:
        printing.print_json({"account": description, **document(deployment), "applied": applied})
    elif applied:
        printing.print_line("done; each step was verified")
    if plan_only and deployment.pending:
        raise typer.Exit(CHANGES)


def show(deployment: DeploymentPlan) -> None:
    """Print one line per step, followed by its differences, in colours on a terminal."""
    for change in deployment.changes:
        step = f"{_SIGNS[change.action]} {change.action:<7}{change.kind} {change.name}"
        printing.print_coloured((step, _COLOURS[change.action]))
        for name, before, after in change.details:
            printing.print_coloured(
                (f"      {name}: ", ""), (before or "-", "red"), (" -> ", ""), (after or "-", "green")
            )
    unchanged = len(deployment.changes) - len(deployment.pending)
    printing.print_line(
        f"{len(deployment.pending)} to change, {unchanged} unchanged" if deployment.pending else "no changes"
    )


def document(deployment: DeploymentPlan) -> dict[str, Any]:
    """Return the plan as JSON values."""
    return {
        "project": deployment.project.name,
        "key": str(deployment.key),
        "changes": [_change(change) for change in deployment.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    details = [{"field": name, "before": old, "after": new} for name, old, new in change.details]
    return {"action": change.action, "kind": change.kind, "name": change.name, "details": details}
