"""The command ``deploy``: the plan as lines, the question, and the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.console import Console

from glue_secure.cli import printing
from glue_secure.cli.options import Json, State
from glue_secure.project.deploy import Change, Plan, apply, plan
from glue_secure.project.deploy.deployment_account import deployment_account
from glue_secure.project.deploy.plan import CREATE, KEEP, UPDATE, UPLOAD
from glue_secure.project.project_file import FILE_NAME, read

_SIGNS = {CREATE: "+", UPLOAD: "+", UPDATE: "~", KEEP: " "}


def command(
    job: Annotated[Optional[str], typer.Argument(help="One job of the project; default all.")] = None,  # noqa: UP045 - typer reads 3.10
    project: Annotated[Path, typer.Option("--project", help="The project's file.")] = Path(FILE_NAME),
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only show what would change.")] = False,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Put code and jobs into the account: the plan is shown first, and done when it is confirmed.

    The template's stack (keys, buckets, roles, connections) has to be there. Each step is read back.
    """
    chosen = read(project)
    if state is not None:
        printing.enter(state)
    account, where = deployment_account()
    err = Console(stderr=True, highlight=False)
    with err.status("plan") as status:
        made = plan(chosen, project.parent, account, jobs=(job,) if job else (), progress=status.update)
    if not as_json:
        printing.say(f"account {where}")
        show(made)
    applied = bool(made.pending) and not plan_only
    if applied:
        printing.ask("deploy", yes=yes)
        with err.status("deploy") as status:
            apply(made, account, status.update)
    if as_json:
        printing.print_json({"account": where, **document(made), "applied": applied})
    elif applied:
        printing.say("done; each step was read back")


def show(made: Plan) -> None:
    """One line for each step, with what differs below it."""
    for change in made.changes:
        printing.say(f"{_SIGNS[change.action]} {change.action:<7}{change.kind} {change.name}")
        for name, before, after in change.details:
            printing.say(f"      {name}: {before or '-'} -> {after or '-'}")
    kept = len(made.changes) - len(made.pending)
    printing.say(f"{len(made.pending)} to change, {kept} as they should be" if made.pending else "no changes")


def document(made: Plan) -> dict[str, Any]:
    """The plan as JSON's values."""
    return {
        "project": made.project.name,
        "key": str(made.key),
        "changes": [_change(one) for one in made.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    details = [{"field": name, "before": old, "after": new} for name, old, new in change.details]
    return {"action": change.action, "kind": change.kind, "name": change.name, "details": details}
