"""The command ``package``: its arguments, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.table import Table

from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.project.archive import Artefact
from glue_secure.project.packaging import Package, package
from glue_secure.project.versions import GlueVersion, glue_versions


def command(
    glue: Annotated[Optional[list[str]], typer.Option(help="A Glue version; default all.")] = None,  # noqa: UP045 - typer reads 3.10
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    bucket: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="s3://BUCKET/PREFIX that you will upload to, for the printed arguments."),
    ] = None,
    with_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--with", help="great-expectations: data quality gates, and what they need (5.0 up)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what Glue jobs need: the wheel, a zip of it, and dependencies for jobs without internet."""
    versions = _versions(glue or (), with_)
    prefix = S3Uri.parse(bucket) if bucket is not None else None
    err = Console(stderr=True, highlight=False)
    if err.is_terminal:
        with err.status("package") as status:
            made = package(out, versions, bucket=prefix, progress=status.update)
    else:
        made = package(out, versions, bucket=prefix)
    if as_json:
        print_json(document(made))
    else:
        show(made)


def _versions(names: Sequence[str], more: str | None) -> tuple[GlueVersion, ...]:
    versions = glue_versions(names)
    if more is None:
        return versions
    if more != "great-expectations":
        raise UsageError("--with", found=more, required="great-expectations")
    # Without names: all that can carry it.
    return tuple(one.with_quality() for one in versions if names or one.beside)


def document(made: Package) -> dict[str, Any]:
    """What was written and how a job names it, as JSON's values."""
    name, value = made.extra_py_files
    return {
        "wheel": _file(made.wheel),
        "zip": _file(made.zip),
        "extra_py_files": {name: value},
        "glue": [
            {
                "version": target.version.name,
                "python": target.version.python,
                "files": [_file(one) for one in target.files],
                "wheels": list(target.contents),
                "arguments": dict(target.arguments),
                "note": target.version.note,
            }
            for target in made.targets
        ],
    }


def show(made: Package) -> None:
    """The files as a table, then each version's arguments as lines to paste."""
    console = Console(highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("KiB", justify="right")
    table.add_column("sha256")
    table.add_column("for", overflow="fold")
    table.add_row(*_row(made.wheel, "jobs"))
    table.add_row(*_row(made.zip, "jobs, executors"))
    for target in made.targets:
        use = f"Glue {target.version.name}"
        if len(target.files) == 1:
            table.add_row(*_row(target.files[0], use))
        else:
            size = sum(one.size for one in target.files)
            folder = f"{target.files[0].path.parent.name}/ ({len(target.files)} wheels)"
            table.add_row(folder, _kib(size), "see --json", use)
    _say(console, f"{made.wheel.path.parent}/")
    console.print(table)
    for target in made.targets:
        _say(console, f"\nGlue {target.version.name}")
        for name, value in target.arguments:
            _say(console, f"  {name} {value}")
        if target.version.note:
            _say(console, f"  note: {target.version.note}.")
    _say(console, "\nA job that has the dependencies already")
    _say(console, "  " + " ".join(made.extra_py_files))


def _say(console: Console, text: str) -> None:
    # Never wrapped: a line is pasted as it stands.
    console.print(text, markup=False, soft_wrap=True)


def _row(one: Artefact, use: str) -> tuple[str, str, str, str]:
    return one.name, _kib(one.size), one.sha256[:12], use


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f}"


def _file(one: Artefact) -> dict[str, Any]:
    return {"path": str(one.path), "bytes": one.size, "sha256": one.sha256}
