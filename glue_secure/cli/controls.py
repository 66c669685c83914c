"""The commands ``controls list|show``: the table of controls, which the package contains."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json
from glue_secure.core import controls
from glue_secure.core.errors import UsageError

app = typer.Typer(help="The controls: what a run must meet, and why.", no_args_is_help=True)


@app.command("list")
def list_controls(as_json: Json = False) -> None:
    """List all controls."""
    if as_json:
        printing.print_json([_document(control) for control in controls.CONTROLS.values()])
        return
    printing.print_table(
        ["control", "severity", "requirement"],
        [[control.id, control.severity.value, control.title] for control in controls.CONTROLS.values()],
    )


@app.command()
def show(
    control: Annotated[str, typer.Argument(metavar="ID", help="Id of a control, such as GS-S3-004.")],
    as_json: Json = False,
) -> None:
    """Show a control: its requirement, the consequence of a violation, and its source."""
    found = controls.CONTROLS.get(control.upper())
    if found is None:
        raise UsageError(
            "controls show", found=control, required="the id of a control", fix="glue-secure controls list"
        )
    if as_json:
        printing.print_json(_document(found))
        return
    printing.print_line(f"{found.id}: {found.title}")
    printing.print_facts(
        [
            ("family", controls.FAMILIES[found.family]),
            ("severity", found.severity.value),
            ("why", found.why),
            ("source", found.source),
        ]
    )


def _document(control: controls.Control) -> dict[str, Any]:
    return asdict(control) | {"severity": control.severity.value, "family": control.family}
