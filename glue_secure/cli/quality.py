"""The command ``quality convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from glue_secure.core.errors import UsageError, unread
from glue_secure.quality.dqdl.conversion import ConversionMessage, convert

app = typer.Typer(
    help="Convert Glue rulesets (DQDL) to Great Expectations suites and back.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Make ``convert`` a subcommand although it is the only one."""


@app.command("convert")
def convert_file(
    file: Annotated[Path, typer.Argument(help="A Great Expectations suite (JSON) or a DQDL ruleset.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Omit rules that the other format cannot express.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the suite. Default: the file name."),
    ] = None,
) -> None:
    """Convert a suite to a ruleset, or a ruleset to a suite. Differences are listed on standard error."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(file), found=unread(error), required="a suite or a ruleset") from error
    converted = convert(text, location=str(file), name=name or file.stem, partial=partial)
    print(converted.text, end="")
    messages = [message for message in converted.messages if message.left_out or message.note]
    if messages:
        Console(stderr=True, highlight=False).print(_table(messages))


def _table(messages: list[ConversionMessage]) -> Table:
    table = Table("rule", "outcome", "reason", box=None, pad_edge=False)
    for message in messages:
        outcome = "left out" if message.left_out else "may differ"
        table.add_row(message.label, outcome, message.left_out or message.note)
    return table
