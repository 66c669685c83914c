"""The commands ``controls list|show``: the table of controls, which the package contains."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json
from glue_secure.core import compliance, controls
from glue_secure.core.errors import UsageError

app = typer.Typer(help="The controls: what a run must meet, and why.", no_args_is_help=True)


@app.command("list")
def list_controls(
    maps_to: Annotated[
        str,
        typer.Option(
            "--maps-to",
            metavar="ID",
            help="Only controls that support this requirement (CKV_AWS_195, SC-28) or framework (prowler).",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """List all controls, or those that support a requirement of AWS, a scanner or a standard."""
    chosen = list(controls.CONTROLS.values())
    if maps_to:
        chosen = [controls.CONTROLS[id] for id in compliance.mapped_to(maps_to)]
        if not chosen:
            reason = compliance.NOT_MAPPED.get(maps_to)
            raise UsageError(
                "--maps-to",
                found=f"{maps_to}, which no control supports" + (f": {reason}" if reason else ""),
                required=f"an id of docs/compliance.md, or one of {', '.join(compliance.FRAMEWORKS)}",
                fix="glue-secure controls list --maps-to prowler",
            )
    if as_json:
        printing.print_json([_document(control) for control in chosen])
        return
    printing.print_table(
        ["control", "severity", "requirement"],
        [[control.id, control.severity.value, control.title] for control in chosen],
    )


@app.command()
def show(
    control: Annotated[str, typer.Argument(metavar="ID", help="Id of a control, such as GS-S3-004.")],
    as_json: Json = False,
) -> None:
    """Show a control: its requirement, the consequence of a violation, its source, and what it maps to."""
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
    printing.print_line("")
    printing.print_table(
        ["maps to", "requirement", "why", "source"],
        [
            [f"{one.framework} {one.id}", one.title, one.reason, one.source]
            for one in compliance.of_control(found.id)
        ],
    )


def _document(control: controls.Control) -> dict[str, Any]:
    maps_to = [
        {
            "framework": one.framework,
            "id": one.id,
            "title": one.title,
            "reason": one.reason,
            "source": one.source,
        }
        for one in compliance.of_control(control.id)
    ]
    return asdict(control) | {
        "severity": control.severity.value,
        "family": control.family,
        "maps_to": maps_to,
    }
