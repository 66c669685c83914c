"""The commands ``template cloudformation|terraform``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli.options import ProjectFile
from glue_secure.project.archive import write
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import cloudformation, terraform

app = typer.Typer(
    help="Templates of a project's keys, buckets, roles, network and jobs.", no_args_is_help=True
)
Out = Annotated[
    Path | None,
    typer.Option("--out", help="File to write. Default: standard output."),
]


@app.command("cloudformation")
def cloudformation_(project: ProjectFile = Path(FILE_NAME), out: Out = None) -> None:
    """Print a CloudFormation template in JSON. Its stack needs CAPABILITY_NAMED_IAM."""
    put(cloudformation(read(project)), out)


@app.command("terraform")
def terraform_(project: ProjectFile = Path(FILE_NAME), out: Out = None) -> None:
    """Print a Terraform configuration in JSON syntax, for main.tf.json."""
    put(terraform(read(project)), out)


def put(document: object, out: Path | None) -> None:
    """Print a document as JSON, or write it to a file atomically."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        write(out, text.encode())
