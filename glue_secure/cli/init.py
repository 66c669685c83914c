"""The command ``init``: a new project in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json, say
from glue_secure.project.starter import own_requirement, start, starter


def command(
    name: Annotated[str, typer.Argument(help="Lower-case words with dashes: the project, and its folder.")],
    requirement: Annotated[
        Optional[str],  # noqa: UP045 - typer reads 3.10
        typer.Option(help="The line that installs glue-secure; default: where this copy came from."),
    ] = None,
    as_json: Json = False,
) -> None:
    """A new project in the folder NAME: a job, its test, a CI file and the project's file."""
    files = starter(name, requirement) if requirement is not None else starter(name, *own_requirement())
    start(Path(name), files)
    if as_json:
        print_json({"folder": name, "files": sorted(files)})
        return
    for path in sorted(files):
        say(f"{name}/{path}")
    say(f"next: cd {name} && python -m pytest")
