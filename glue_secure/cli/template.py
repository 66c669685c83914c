"""The commands ``template cloudformation|terraform``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from glue_secure.cli.options import Environment, ProjectFile
from glue_secure.cli.printing import print_line
from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.core.redaction import escape_unprintable
from glue_secure.project.model import Project
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.project.templates import (
    as_text,
    cloudformation,
    stacks,
    terraform,
    with_parameters,
    with_variables,
)
from glue_secure.project.templates.cloudformation import BODY_BYTES
from glue_secure.project.undeclared import undeclared_locations

app = typer.Typer(
    help="Write a template of a project's keys, buckets, roles, network and jobs.", no_args_is_help=True
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
    parameters: Annotated[
        bool,
        typer.Option(
            "--parameters", help="Make names of buckets, ids of the VPC and log retention parameters."
        ),
    ] = False,
    environment: Environment = "",
) -> None:
    """Print a CloudFormation template in JSON. Its stack needs CAPABILITY_NAMED_IAM.

    A template of more than 51,200 bytes has one resource in a line.
    """
    definition = read(project, environment)
    warn_of_undeclared_locations(definition)

    def text(template: dict[str, Any]) -> str:
        return as_text(with_parameters(template, definition) if parameters else template)

    if split is None:
        put_template(text(cloudformation(definition)), out)
        return
    if out is not None:
        raise UsageError("--split", found="--out as well", required="one of the two")
    for name, template in stacks(definition).items():
        path = split / f"{name}.json"
        put_template(text(template), path)
        print_line(str(path))


@app.command("terraform")
def terraform_(
    project: ProjectFile = Path(FILE_NAME),
    out: Out = None,
    variables: Annotated[
        bool,
        typer.Option(
            "--variables", help="Make names of buckets, ids of the VPC and log retention variables."
        ),
    ] = False,
    environment: Environment = "",
) -> None:
    """Print a Terraform configuration in JSON syntax, for main.tf.json. It can be a module."""
    definition = read(project, environment)
    warn_of_undeclared_locations(definition)
    configuration = terraform(definition)
    put(with_variables(configuration, definition) if variables else configuration, out)


def warn_of_undeclared_locations(project: Project) -> None:
    """Print a warning on stderr for each location whose bucket the project file does not declare."""
    for warning in undeclared_locations(project):
        print(f"warning: {escape_unprintable(warning)}", file=sys.stderr)


def put_template(text: str, out: Path | None) -> None:
    """Print or write a template, and a note on stderr if it needs a bucket to create a stack from it."""
    put_text(text, out)
    size = len(text.encode())
    if size > BODY_BYTES:
        print(
            f"note: {out or 'the template'} has {size:,} bytes, more than the {BODY_BYTES:,} of a request: "
            "add --s3-bucket BUCKET --s3-prefix PREFIX to aws cloudformation deploy",
            file=sys.stderr,
        )


def put(document: object, out: Path | None) -> None:
    """Print a document as JSON, or write it to a file atomically."""
    put_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", out)


def put_text(text: str, out: Path | None) -> None:
    """Print a text, or write it to a file atomically."""
    if out is None:
        print(text, end="")
    else:
        write_output(out, text)
