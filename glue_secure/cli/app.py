"""All commands of ``glue-secure``."""

from __future__ import annotations

from typing import Annotated

import typer

from glue_secure import __version__
from glue_secure.cli import (
    bookmark,
    catalog,
    columns,
    controls,
    demo,
    deploy,
    evidence,
    evidence_export,
    evidence_verify,
    init,
    lakeformation,
    local,
    migrate,
    package,
    policy,
    policy_file,
    preflight,
    pull,
    quality,
    remediate,
    report,
    run,
    template,
)

app = typer.Typer(
    help="AWS Glue jobs that prove their encryption.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """AWS Glue jobs that prove their encryption."""


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


app.command("demo")(demo.command)
app.command(
    "run",
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    },
)(run.command)
app.command("init")(init.command)
app.command("deploy")(deploy.command)
app.command("migrate")(migrate.command)
app.command("pull")(pull.command)
app.command("package")(package.command)
app.command("preflight")(preflight.command)
app.command("remediate")(remediate.command)
app.command("report")(report.command)
app.add_typer(local.app, name="local")
app.add_typer(bookmark.app, name="bookmark")
app.add_typer(catalog.app, name="catalog")
evidence.app.command()(evidence_verify.verify)
evidence.app.command("export")(evidence_export.command)
app.add_typer(evidence.app, name="evidence")
app.add_typer(controls.app, name="controls")
app.add_typer(lakeformation.app, name="lakeformation")
app.add_typer(policy.app, name="policy")
app.add_typer(policy_file.app, name="policy-file")
app.add_typer(template.app, name="template")
app.add_typer(columns.app, name="columns")
app.add_typer(quality.app, name="quality")
