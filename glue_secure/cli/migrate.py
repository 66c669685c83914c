"""The command ``migrate``."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from glue_secure import __version__
from glue_secure.check.migration import with_secrets
from glue_secure.cli import printing
from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import escape_unprintable
from glue_secure.migrate import folder, report
from glue_secure.migrate.model import Imports, Kind, Migration, Options, Status
from glue_secure.report import html
from glue_secure.report.page import Section


class Format(str, Enum):
    """Forms of the report."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    SARIF = "sarif"


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Scripts, or folders of scripts.")],
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 3 if a script must be edited. For CI.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print the edits as a unified difference.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Edit the scripts.")] = False,
    imports: Annotated[
        Imports,
        typer.Option(
            help="How imports of awsglue are migrated: line adds one import, rename changes each, keep "
            "changes none, for glue-secure run --as-awsglue."
        ),
    ] = Imports.LINE,
    connection: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[HOST=]NAME",
            help="The Glue connection that replaces logins in options, of one host or of all.",
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="text, json, html or sarif.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
) -> None:
    """Report how existing AWS Glue scripts run with glue-secure, and edit them with --write.

    Without --write, no file is changed. A script is edited only where it must be; every other byte stays.

    Example: glue-secure migrate jobs --diff
    """
    if check and write:
        raise UsageError("migrate", found="--check and --write", required="one of them")
    options = Options(imports, _connections(connection or ()))
    migrations = with_secrets(folder.migrate_all(folder.read_all(folder.scripts_below(paths)), options))
    if write:
        for path, migration in migrations.items():
            if migration.is_changed:
                folder.write(path, migration)
        migrations = {path: migration.as_written() for path, migration in migrations.items()}
    if diff:
        for path, migration in migrations.items():
            if migration.is_changed:
                sys.stdout.write(report.difference(path, migration))
        # On standard error, so that standard output is a patch.
        _print(migrations, written=write, kinds={Kind.DECISION}, file=sys.stderr)
    elif as_json or output is Format.JSON:
        printing.print_json(report.to_json(migrations))
    elif output is Format.HTML:
        sys.stdout.write(_page(migrations, written=write))
    elif output is Format.SARIF:
        sys.stdout.write(json.dumps(report.to_sarif(migrations, __version__), indent=2) + "\n")
    else:
        _print(migrations, written=write, kinds=set(Kind), file=sys.stdout)
    if check and any(one.status in (Status.REWRITTEN, Status.DECISION) for one in migrations.values()):
        raise typer.Exit(3)


def _page(migrations: Mapping[Path, Migration], *, written: bool) -> str:
    """Return the report as one HTML page without scripts or references to other files."""
    columns = ("script", "result", "line", "kind", "reason", "text to write")
    page = html.TablesPage(
        kind="glue-secure migrate",
        headline=report.headline(migrations, written=written),
        sections=[Section("Findings", columns, report.finding_rows(migrations, written=written))],
        source="the scripts",
    )
    return html.tables_page(page, datetime.now(timezone.utc))


def _print(
    migrations: Mapping[Path, Migration], *, written: bool, kinds: Collection[Kind], file: TextIO
) -> None:
    """Print the findings of some kinds, and the summary."""
    lines = []
    for path, migration in migrations.items():
        for finding in migration.findings:
            if finding.kind not in kinds:
                continue
            kind = "decide" if finding.kind is Kind.DECISION else report.word(finding.kind, written=written)
            lines.append(f"{path}:{finding.line}: {kind}: {finding.reason} [{finding.rule}]")
            if finding.write:
                lines.append(f"  write: {finding.write}")
    lines.append(report.headline(migrations, written=written))
    if not written and any(migration.is_changed for migration in migrations.values()):
        is_report = Kind.CHANGED in kinds
        options = "--diff shows the edits, --write makes them" if is_report else "--write makes the edits"
        lines.append(f"no file was changed; {options}")
    for line in lines:
        print(escape_unprintable(line), file=file)


def _connections(words: list[str] | tuple[()]) -> dict[str, str]:
    found = {}
    for word in words:
        host, _, name = word.rpartition("=")
        if not name or '"' in name or "\\" in name or not name.isprintable():
            raise UsageError("--connection", found=repr(word), required="NAME, or HOST=NAME")
        found[host.lower()] = name
    return found
