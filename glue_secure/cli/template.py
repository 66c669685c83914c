"""The command ``template``: a project's file in, a template out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from glue_secure.project.archive import write
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import cloudformation, terraform

app = typer.Typer(
    help="Everything that secured jobs stand on: keys, buckets, roles, network, jobs.", no_args_is_help=True
)
ProjectFile = Annotated[Path, typer.Option("--project", help="The project's file.")]
Out = Annotated[Optional[Path], typer.Option("--out", help="Write there instead of printing.")]  # noqa: UP045 - typer reads 3.10


@app.command("cloudformation")
def cloudformation_(project: ProjectFile = Path(FILE_NAME), out: Out = None) -> None:
    """A CloudFormation template, JSON; its stack needs CAPABILITY_NAMED_IAM."""
    put(cloudformation(read(project)), out)


@app.command("terraform")
def terraform_(project: ProjectFile = Path(FILE_NAME), out: Out = None) -> None:
    """Terraform in its JSON syntax: write it as main.tf.json."""
    put(terraform(read(project)), out)


def put(document: object, out: Path | None) -> None:
    """Print a document, or write it in one step."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        write(out, text.encode())
