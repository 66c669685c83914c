"""The command ``quality convert``: suites of Great Expectations and rulesets of Glue Data Quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl.conversion import Said, convert

app = typer.Typer(help="Data quality suites, and Glue's own rulesets (DQDL).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``convert`` a command of its own while there is no other."""


@app.command("convert")
def convert_file(
    file: Annotated[Path, typer.Argument(help="A suite of Great Expectations (JSON), or a ruleset in DQDL.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out rules that the other form cannot say.")
    ] = False,
    name: Annotated[Optional[str], typer.Option(help="The suite's name; default the file's.")] = None,  # noqa: UP045 - typer reads 3.10
) -> None:
    """Print a suite as a ruleset, or a ruleset as a suite; what may differ is said beside it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(file), found=type(error).__name__, required="a suite or a ruleset") from error
    made = convert(text, place=str(file), name=name or file.stem, partial=partial)
    print(made.text, end="")
    told = [one for one in made.rules if one.left_out or one.note]
    if told:
        Console(stderr=True, highlight=False).print(_table(told))


def _table(told: list[Said]) -> Table:
    table = Table("rule", "outcome", "why", box=None, pad_edge=False)
    for one in told:
        table.add_row(one.label, "left out" if one.left_out else "may differ", one.left_out or one.note)
    return table
