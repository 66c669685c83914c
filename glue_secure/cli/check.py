"""The command ``check``."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from glue_secure import __version__
from glue_secure.check import report
from glue_secure.check.checker import check_files
from glue_secure.cli import printing
from glue_secure.migrate import folder


class Format(str, Enum):
    """Forms of the report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Scripts, or folders of scripts.")],
    output: Annotated[Format, typer.Option("--format", help="text, json or sarif.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
) -> None:
    """Find code in Glue job scripts that glue-secure would reject, or cannot check, at run time.

    The scripts are read, not run. Exit codes: 0 nothing found, 3 a violation, 4 code that cannot be checked.

    Example: glue-secure check jobs
    """
    files = check_files(folder.read_all(folder.scripts_below(paths)))
    findings = [finding for found in files.values() for finding in found]
    if as_json or output is Format.JSON:
        printing.print_json(report.to_json(files))
    elif output is Format.SARIF:
        sys.stdout.write(json.dumps(report.to_sarif(files, __version__), indent=2) + "\n")
    else:
        for finding in findings:
            for line in report.lines(finding):
                printing.print_line(line)
        printing.print_line(report.headline(files))
    code = report.exit_code(findings)
    if code:
        raise typer.Exit(code)
