"""The command ``init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json, print_line
from glue_secure.project.starter import create, current_requirement, starter_files


def command(
    name: Annotated[
        str, typer.Argument(help="Name of the project and of its folder: lower-case words, dashes.")
    ],
    requirement: Annotated[
        str | None,
        typer.Option(help="Requirement that installs glue-secure. Default: the source of this installation."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a project in the folder NAME: a job, its test, a CI file and the project file."""
    if requirement is not None:
        files = starter_files(name, requirement)
    else:
        files = starter_files(name, *current_requirement())
    create(Path(name), files)
    if as_json:
        print_json({"folder": name, "files": sorted(files)})
        return
    for path in sorted(files):
        print_line(f"{name}/{path}")
    print_line(f"next: cd {name} && python -m pytest")
