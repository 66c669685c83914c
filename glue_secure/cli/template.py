"""The commands ``template cloudformation|terraform``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli.options import ProjectFile
from glue_secure.cli.printing import print_line
from glue_secure.core.errors import UsageError
from glue_secure.project.archive import write
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import as_text, cloudformation, stacks, terraform

app = typer.Typer(
    help="Templates of a project's keys, buckets, roles, network and jobs.", no_args_is_help=True
)
Out = Annotated[
    Path | None,
    typer.Option("--out", help="File to write. Default: standard output."),
]


@app.command("cloudformation")
def cloudformation_(
    project: ProjectFile = Path(FILE_NAME),
    out: Out = None,
    split: Annotated[
        Path | None,
        typer.Option("--split", help="Folder for one template of the platform and one of each job."),
    ] = None,
) -> None:
    """Print a CloudFormation template in JSON. Its stack needs CAPABILITY_NAMED_IAM.

    A template of more than 51,200 bytes has one resource in a line.
    """
    if split is None:
        put_text(as_text(cloudformation(read(project))), out)
        return
    if out is not None:
        raise UsageError("--split", found="--out as well", required="one of the two")
    for name, template in stacks(read(project)).items():
        path = split / f"{name}.json"
        put_text(as_text(template), path)
        print_line(str(path))


@app.command("terraform")
def terraform_(project: ProjectFile = Path(FILE_NAME), out: Out = None) -> None:
    """Print a Terraform configuration in JSON syntax, for main.tf.json."""
    put(terraform(read(project)), out)


def put(document: object, out: Path | None) -> None:
    """Print a document as JSON, or write it to a file atomically."""
    put_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", out)


def put_text(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file atomically."""
    if out is None:
        print(text, end="")
    else:
        write(out, text.encode())
