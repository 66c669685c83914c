"""Output and questions of all commands, and the choice of the account."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from glue_secure.core.errors import UsageError, unread
from glue_secure.core.redaction import escape_surrogates, escape_unprintable
from glue_secure.embedded import environment, lifecycle
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.folders import STATE_VARIABLE
from glue_secure.preflight.unguarded_clients import find_unguarded_clients


def confirm(action: str, *, yes: bool) -> None:
    """Ask for confirmation, unless ``--yes`` was given.

    Raises:
        UsageError: Standard input is not a terminal.
        typer.Exit: The answer is no.
    """
    if yes:
        return
    if not _at_terminal():
        raise UsageError(
            action,
            found="standard input is not a terminal; nothing was changed",
            required="a confirmation",
            fix="add --yes",
        )
    if not typer.confirm("Apply these changes?", err=True):
        print("nothing was changed", file=sys.stderr)
        raise typer.Exit(1)


def running_account(state: Path | None) -> EmbeddedAccount:
    """Return the running embedded account.

    Raises:
        UsageError: It is not running.
    """
    account = lifecycle.status(state)
    if account is None:
        variable = "" if state else os.environ.get(STATE_VARIABLE, "")
        raise UsageError(
            "the embedded account",
            found=f"not running in {variable}, the folder of {STATE_VARIABLE}" if variable else "not running",
            required="a running one",
            fix="glue-secure local up" + (f" --state {shlex.quote(str(state))}" if state else ""),
        )
    return account


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), found=unread(error), required="a readable file") from None


def warn_of_unguarded_clients(script: Path) -> None:
    """Print a warning on stderr for each S3 client of a job script that the guard does not reach."""
    for use in find_unguarded_clients(script.read_text(errors="replace")):
        print(f"warning: {script}:{use.line}: {escape_unprintable(str(use))}", file=sys.stderr)


def use_embedded_account(state: Path | None) -> None:
    """Point the AWS variables of this process to the embedded account, if a state folder was given.

    ``GLUE_SECURE_LOCAL_STATE`` is such a folder, too.

    Raises:
        UsageError: The account is not running.
    """
    if state is not None or os.environ.get(STATE_VARIABLE):
        environment.use(running_account(state))


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def print_facts(pairs: Iterable[Sequence[Any]]) -> None:
    """Print names and values, one pair per line."""
    pairs = list(pairs)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print_line(f"{name:<{max(17, width + 2)}}{value}".rstrip())


def print_table(columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table. Rows are not wrapped when standard output is not a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 250
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape_unprintable(str(cell))) for cell in row))
    console.print(table)


def print_line(text: str) -> None:
    """Print a line with control characters escaped, because they could move the cursor of a terminal."""
    print(escape_unprintable(text))


def print_coloured(*parts: tuple[str, str]) -> None:
    """Print a line of texts with their colours, without colours in a pipe and with ``NO_COLOR``.

    Args:
        parts: Text and colour, ``""`` for none. Control characters are escaped.
    """
    from rich.console import Console
    from rich.text import Text

    escaped = [(escape_unprintable(text), colour) for text, colour in parts]
    console = Console(highlight=False)
    if console.is_terminal and not console.no_color:
        console.print(Text.assemble(*escaped), soft_wrap=True)
    else:
        print("".join(text for text, _ in escaped))


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(escape_surrogates(json.dumps(value, indent=2, ensure_ascii=False)))
