"""The command ``package``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.project.archive import Artifact
from glue_secure.project.packaging import Package, package
from glue_secure.project.versions import GlueVersion, glue_versions


def command(
    glue: Annotated[
        list[str] | None,
        typer.Option(help="Glue version; may be repeated. Default: all."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    bucket: Annotated[
        str | None,
        typer.Option(help="s3://BUCKET/PREFIX of the later upload, for the printed arguments."),
    ] = None,
    with_: Annotated[
        str | None,
        typer.Option("--with", help="great-expectations: include it for quality gates (Glue 5.0 or above)."),
    ] = None,
    requirements: Annotated[
        Path | None,
        typer.Option(
            help="Requirements file of a job: include its wheels, and write its lock next to the file."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the wheel, a zip of it, and the dependencies for jobs without internet access."""
    versions = _versions(glue or (), with_)
    prefix = S3Uri.parse(bucket) if bucket is not None else None
    with StepProgress() as progress:
        packaged = package(out, versions, bucket=prefix, requirements_file=requirements, progress=progress)
    if as_json:
        print_json(document(packaged))
    else:
        show(packaged)


def _versions(names: Sequence[str], extra: str | None) -> tuple[GlueVersion, ...]:
    versions = glue_versions(names)
    if extra is None:
        return versions
    if extra != "great-expectations":
        raise UsageError("--with", found=extra, required="great-expectations")
    # Without --glue: every version that supports it.
    return tuple(version.with_quality() for version in versions if names or version.preinstalled_for_quality)


def document(packaged: Package) -> dict[str, Any]:
    """Return the written files and the job arguments that name them, as JSON values."""
    name, value = packaged.extra_py_files
    return {
        "wheel": _file(packaged.wheel),
        "zip": _file(packaged.zip),
        "extra_py_files": {name: value},
        "request_guard": {
            **_file(packaged.request_guard),
            "arguments": dict(packaged.request_guard_arguments),
        },
        "bill_of_materials": _file(packaged.bill),
        "glue": [
            {
                "version": target.version.name,
                "python": target.version.python,
                "files": [_file(file) for file in target.files],
                "wheels": list(target.contents),
                "arguments": dict(target.arguments),
                "bill_of_materials": _file(target.bill),
                "lock": _file(target.lock) if target.lock else None,
                "note": target.version.note,
            }
            for target in packaged.targets
        ],
    }


def show(packaged: Package) -> None:
    """Print the files as a table, then the arguments of each version as lines to copy."""
    console = Console(highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("KiB", justify="right")
    table.add_column("sha256")
    table.add_column("for", overflow="fold")
    table.add_row(*_row(packaged.wheel, "jobs"))
    table.add_row(*_row(packaged.zip, "jobs, executors"))
    table.add_row(*_row(packaged.request_guard, "jobs"))
    table.add_row(*_row(packaged.bill, "auditors"))
    for target in packaged.targets:
        use = f"Glue {target.version.name}"
        if len(target.files) == 1:
            table.add_row(*_row(target.files[0], use))
        else:
            size = sum(file.size for file in target.files)
            folder = f"{target.files[0].path.parent.name}/ ({len(target.files)} wheels)"
            table.add_row(folder, _kib(size), "see --json", use)
        table.add_row(*_row(target.bill, "auditors"))
    _print(console, f"{packaged.wheel.path.parent}/")
    console.print(table)
    for target in packaged.targets:
        if target.lock is not None:
            _print(console, f"lock, for deployments: {target.lock.path}")
    for target in packaged.targets:
        _print(console, f"\nGlue {target.version.name}")
        for name, value in target.arguments:
            _print(console, f"  {name} {value}")
        if target.version.note:
            _print(console, f"  note: {target.version.note}.")
    _print(console, "\nA job that already has the dependencies")
    _print(console, "  " + " ".join(packaged.extra_py_files))
    _print(console, "\nA job with the request guard (not tested in AWS Glue, docs/packaging.md), in addition")
    for name, value in packaged.request_guard_arguments:
        _print(console, f"  {name} {value}")


def _print(console: Console, text: str) -> None:
    # Without line breaks, so that a line can be copied.
    console.print(text, markup=False, soft_wrap=True)


def _row(file: Artifact, use: str) -> tuple[str, str, str, str]:
    return file.name, _kib(file.size), file.sha256[:12], use


def _kib(size: int) -> str:
    return f"{size / 1024:,.0f}"


def _file(file: Artifact) -> dict[str, Any]:
    return {"path": str(file.path), "bytes": file.size, "sha256": file.sha256}
