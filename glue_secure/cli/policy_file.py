"""The commands ``policy-file init|lint|show|explain|diff``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from glue_secure import __version__
from glue_secure.cli import printing
from glue_secure.cli.options import Json
from glue_secure.core.errors import UsageError, unread
from glue_secure.core.identifiers import S3Uri
from glue_secure.policyfile import describe
from glue_secure.policyfile import lint as linting
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import PolicyFile
from glue_secure.policyfile.reader import parse_policy

app = typer.Typer(
    help="Create, check, show, explain and compare the organisation's policy file.", no_args_is_help=True
)

Files = Annotated[list[Path], typer.Argument(help="Policy files, one for each level.")]
Today = Annotated[
    str, typer.Option("--today", help="Day on which exceptions are judged, 2026-12-31. Default: today, UTC.")
]


class Format(str, Enum):
    """Output of ``lint``."""

    TEXT = "text"
    MARKDOWN = "markdown"
    SARIF = "sarif"


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="The file to create.")] = Path("policy.toml"),
    name: Annotated[str, typer.Option("--name", help="Name of the policy.")] = "policy",
) -> None:
    """Create a policy file that states the default."""
    text = describe.STARTER.format(name=name)
    parse_policy(text, str(file))
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(str(file), found="an existing file", required="a new file") from None
    except OSError as error:
        raise UsageError(str(file), found=type(error).__name__, required="a writable path") from None
    printing.print_line(f"{file} written; check it with: glue-secure policy-file lint {file}")


@app.command()
def lint(
    files: Files,
    output: Annotated[Format, typer.Option("--format", help="text, markdown or sarif.")] = Format.TEXT,
    today: Today = "",
) -> None:
    """Check policy files. Exit code 0: no error or warning. 3: at least one."""
    results = linting.lint([(str(file), _read(file)) for file in files], _day(today))
    if output is Format.SARIF:
        sys.stdout.write(linting.as_sarif(results, __version__))
    elif output is Format.MARKDOWN:
        sys.stdout.write(linting.as_markdown(results))
    else:
        for one in results:
            printing.print_line(f"{one.file}:{one.line}: {one.level}: {one.message} [{one.rule}]")
    if any(one.level != "note" for one in results):
        raise typer.Exit(3)


@app.command()
def show(files: Files, today: Today = "", as_json: Json = False) -> None:
    """Show the policy that the files make together."""
    policy, day = _combined(files), _day(today)
    document = describe.show(policy, day)
    if as_json:
        printing.print_json(document)
        return
    printing.print_facts([("name", policy.name), ("exception days", policy.exception_days)])
    targets = [[one["subject"], one["name"], "\n".join(one["accepted"])] for one in document["targets"]]
    printing.print_table(["target", "entry", "accepted"], [*targets, ["every other", "", "aws:kms run"]])
    if policy.sources:
        rows = [[one["prefix"], one["name"], one["checked"]] for one in document["sources"]]
        printing.print_table(["source", "entry", "checked"], rows)
    if policy.connectors:
        rows = [[one["class"], one["owner"], one["sha256"]] for one in document["connectors"]]
        printing.print_table(["connector", "owner", "SHA-256"], rows)
    if policy.exceptions:
        rows = [
            [one["control"], one["resource"], one["ticket"], one["owner"], one["expires"], one["days_left"]]
            for one in document["exceptions"]
        ]
        printing.print_table(["exception", "resource", "ticket", "owner", "expires", "days left"], rows)


@app.command()
def explain(
    target: Annotated[str, typer.Argument(help="s3://BUCKET/KEY, or DATABASE.TABLE.")],
    files: Files,
    as_json: Json = False,
) -> None:
    """Explain how objects below a location, or of a table, must be encrypted, and by which entry."""
    policy = _combined(files)
    location = S3Uri.parse(target) if "://" in target else None
    if location is None and target.count(".") != 1:
        raise UsageError("TARGET", found=repr(target), required="s3://BUCKET/KEY, or DATABASE.TABLE")
    explained = describe.explain(policy, location, "" if location else target)
    if as_json:
        printing.print_json(explained)
        return
    printing.print_facts(
        [
            ("target", explained["target"]),
            ("entry", f"{explained['entry']} {explained['prefix']}".strip()),
            ("written", explained["written"]),
            ("accepted", " or ".join(explained["accepted"])),
            ("bucket key", {None: "either", True: "required", False: "forbidden"}[explained["bucket_key"]]),
            ("reason", explained["reason"]),
            ("as a source", ", ".join(explained["sources"]) or "no requirement"),
        ]
    )
    if location is None and explained["entry"] == "the default":
        printing.print_line(
            "A target for the prefix of the table's location applies, too: name the location."
        )


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="The policy file in force.")],
    after: Annotated[Path, typer.Argument(help="The changed policy file.")],
    as_json: Json = False,
) -> None:
    """Show what a change of a policy file means. Exit code 3: the change allows more."""
    old, new = (parse_policy(_read(file), str(file), as_json=_is_json(file)) for file in (before, after))
    found = describe.differences(old, new)
    if as_json:
        names = ("kind", "subject", "text")
        printing.print_json([{name: getattr(one, name) for name in names} for one in found])
    else:
        for one in found:
            printing.print_line(f"{one.kind:<9} {one.subject}: {one.text}")
        if not found:
            printing.print_line("no difference")
    if any(one.kind == "weaker" for one in found):
        raise typer.Exit(3)


def _combined(files: Sequence[Path]) -> PolicyFile:
    policies = [parse_policy(_read(file), str(file), as_json=_is_json(file)) for file in files]
    if len(policies) == 1:
        combine(policies)
        return policies[0]
    # Where a table is, and so which levels' targets meet there, is known in a run only.
    tables = tuple(target for policy in policies for target in policy.targets if target.table)
    combined = combine(policies)
    return replace(combined, targets=(*combined.targets, *tables))


def _is_json(file: Path) -> bool:
    return file.suffix.lower() == ".json"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(file), found=unread(error), required="a readable policy file") from None


def _day(text: str) -> date:
    if not text:
        return datetime.now(timezone.utc).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("--today", found=repr(text), required="a date: 2026-12-31") from None
