"""The commands ``catalog plan|apply``: the encryption settings of the Data Catalog."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json, State, Yes
from glue_secure.core.findings import Verdict
from glue_secure.governance import catalog
from glue_secure.run import composition

app = typer.Typer(
    help="Plan and apply the encryption of the Data Catalog: metadata and connection passwords.",
    no_args_is_help=True,
)

Key = Annotated[str, typer.Option("--key", help="ARN of the metadata key. Default: the present key.")]
PasswordKey = Annotated[
    str, typer.Option("--password-key", help="ARN of the connection password key. Default: the metadata key.")
]
Role = Annotated[str, typer.Option("--role", help="ARN of a role that Glue uses for the key.")]


@app.command()
def plan(
    key: Key = "", password_key: PasswordKey = "", role: Role = "", state: State = None, as_json: Json = False
) -> None:
    """Show the present settings and the planned changes. The exit code is 3 if a control is violated."""
    _, planned = _planned(key, password_key, role, state)
    _show(planned, as_json)
    if any(finding.verdict is not Verdict.PASS for finding in planned.findings):
        raise typer.Exit(3)


@app.command()
def apply(
    key: Key = "",
    password_key: PasswordKey = "",
    role: Role = "",
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Encrypt metadata and connection passwords with checked keys, and verify the settings afterwards."""
    settings, planned = _planned(key, password_key, role, state)
    if planned.changes:
        for name, old, new in planned.changes:
            print(f"{name}: {old or 'none'} -> {new}", file=sys.stderr)
        printing.confirm("catalog apply", yes=yes)
    catalog.apply(settings, planned)
    if as_json:
        printing.print_json(_document(planned) | {"applied": bool(planned.changes)})
    else:
        printing.print_line("applied and verified" if planned.changes else "nothing to change")


def _planned(
    key: str, password_key: str, role: str, state: Path | None
) -> tuple[catalog.EncryptionSettings, catalog.CatalogPlan]:
    printing.use_embedded_account(state)
    session = composition.aws_session()
    settings = composition.catalog_settings(session)
    planned = catalog.plan(
        settings,
        composition.key_service(session),
        account=session.account,
        region=session.region,
        key=key,
        password_key=password_key,
        role=role,
    )
    return settings, planned


def _document(planned: catalog.CatalogPlan) -> dict[str, Any]:
    return {
        "catalog": planned.catalog,
        "before": asdict(planned.before),
        "after": asdict(planned.after),
        "controls": [
            {"control": finding.control, "verdict": finding.verdict.value, "found": finding.found}
            for finding in planned.findings
        ],
    }


def _show(planned: catalog.CatalogPlan, as_json: bool) -> None:
    if as_json:
        printing.print_json(_document(planned))
        return
    before, after = asdict(planned.before), asdict(planned.after)
    rows = [[name, before[name], after[name] if after[name] != before[name] else ""] for name in before]
    printing.print_table(["setting", "present", "planned"], rows)
    for finding in planned.findings:
        printing.print_line(f"{finding.control} {finding.verdict.value}: {finding.found}")
