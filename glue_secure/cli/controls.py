"""The commands ``controls list|show``: the table of controls, which the package contains."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json
from glue_secure.core import compliance, controls
from glue_secure.core.errors import UsageError

app = typer.Typer(help="List and explain the controls that a run must meet.", no_args_is_help=True)


@app.command("list")
def list_controls(
    maps_to: Annotated[
        str,
        typer.Option(
            "--maps-to",
            metavar="ID",
            help="Only controls that support this requirement (CKV_AWS_195, 'pci-dss 3.5.1', 3.5) or "
            "framework (prowler).",
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
            near = compliance.near(maps_to)
            similar = f", such as {', '.join(near)}" if near else ""
            raise UsageError(
                "--maps-to",
                found=f"{maps_to}, which no control supports" + (f": {reason}" if reason else ""),
                required=f"an id of docs/compliance.md{similar}, or "
                f"one of {', '.join(compliance.FRAMEWORKS)}",
                fix=f'glue-secure controls list --maps-to "{near[0]}"'
                if near
                else "glue-secure controls list",
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
    control: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="Id of a control (GS-S3-004), or of a check that maps to it (CKV_AWS_195)."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show a control: its requirement, the consequence of a violation, its source, and what it maps to.

    With the id of a scanner's check, the controls that ask the same; several are a list with --json.
    """
    ids = [control.upper()] if control.upper() in controls.CONTROLS else compliance.mapped_to(control)
    framework, named = compliance.framework_and_id(control)
    if not ids or (framework and not named):
        raise UsageError(
            "controls show",
            found=control,
            required="the id of a control, or of a check that maps to one",
            fix="glue-secure controls list",
        )
    found = [controls.CONTROLS[id] for id in ids]
    if as_json:
        documents = [_document(one) for one in found]
        printing.print_json(documents[0] if len(documents) == 1 else documents)
        return
    for number, one in enumerate(found):
        if number:
            printing.print_line("")
        _show(one)


def _show(found: controls.Control) -> None:
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
