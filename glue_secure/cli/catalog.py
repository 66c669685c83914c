"""The commands ``catalog plan|apply``: encryption of the Data Catalog and of connections' passwords."""

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

app = typer.Typer(
    help="The Data Catalog's encryption: metadata and connection passwords.", no_args_is_help=True
)

Key = Annotated[str, typer.Option("--key", help="ARN of the key of metadata; default the present one.")]
Passwords = Annotated[
    str, typer.Option("--password-key", help="ARN of the key of connection passwords; default the other.")
]
Role = Annotated[str, typer.Option("--role", help="ARN of a role that Glue uses the key with.")]


@app.command()
def plan(
    key: Key = "", password_key: Passwords = "", role: Role = "", state: State = None, as_json: Json = False
) -> None:
    """Show what is in force and what would change. Exit code 3 when the present settings do not hold."""
    _, planned = _planned(key, password_key, role, state)
    _show(planned, as_json)
    if any(finding.verdict is not Verdict.PASS for finding in planned.findings):
        raise typer.Exit(3)


@app.command()
def apply(
    key: Key = "",
    password_key: Passwords = "",
    role: Role = "",
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Encrypt metadata and passwords under sound keys, and read the settings back."""
    settings, planned = _planned(key, password_key, role, state)
    if planned.changes:
        for name, old, new in planned.changes:
            print(f"{name}: {old or 'none'} -> {new}", file=sys.stderr)
        printing.ask("catalog apply", yes=yes)
    catalog.apply(settings, planned)
    if as_json:
        printing.print_json(_document(planned) | {"applied": bool(planned.changes)})
    else:
        printing.say("applied and read back" if planned.changes else "nothing to change")


def _planned(
    key: str, password_key: str, role: str, state: Path | None
) -> tuple[catalog.EncryptionSettings, catalog.CatalogPlan]:
    from glue_secure.run import composition

    if state is not None:
        printing.enter(state)
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
            {"control": one.control, "verdict": one.verdict.value, "found": one.found}
            for one in planned.findings
        ],
    }


def _show(planned: catalog.CatalogPlan, as_json: bool) -> None:
    if as_json:
        printing.print_json(_document(planned))
        return
    before, after = asdict(planned.before), asdict(planned.after)
    rows = [[name, before[name], after[name] if after[name] != before[name] else ""] for name in before]
    printing.table(["setting", "in force", "to be"], rows)
    for finding in planned.findings:
        printing.say(f"{finding.control} {finding.verdict.value}: {finding.found}")
