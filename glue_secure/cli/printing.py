"""What every command prints with: facts, tables, JSON; how it asks; whose account it works in."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from glue_secure.core.errors import UsageError


def ask(what: str, *, yes: bool) -> None:
    """Ask whether to go on, unless ``--yes`` said so.

    Raises:
        UsageError: there is no terminal to ask at.
        typer.Exit: the answer was no.
    """
    if yes:
        return
    if not _at_terminal():
        raise UsageError(
            what,
            found="no terminal to ask at, and no --yes; nothing was changed",
            required="an answer, or --yes",
        )
    if not typer.confirm("Do it?", err=True):
        print("nothing was changed", file=sys.stderr)
        raise typer.Exit(1)


def enter(state: Path) -> None:
    """Make this process's environment that of the embedded account."""
    from glue_secure.embedded import environment, lifecycle

    account = lifecycle.status(state)
    if account is None:
        raise UsageError(
            "the embedded account", found="not running", required="a running one", fix="glue-secure local up"
        )
    settings = environment.overlay(os.environ, account)
    os.environ.clear()
    os.environ.update(settings)


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """A name and its value, a line each."""
    for name, value in pairs:
        say(f"{name:<17}{value}".rstrip())


def table(columns: list[str], rows: list[list[Any]]) -> None:
    """A table at a terminal, lines in a pipe."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 250  # for a pipe, a row is a line
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_plain(str(cell)) for cell in row))
    console.print(table, markup=False)


def _plain(text: str) -> str:
    """Without signs that move a terminal's cursor, or that rich takes for markup."""
    from rich.markup import escape

    return escape(_visible(text))


def say(text: str) -> None:
    """A line, without signs that move a cursor."""
    print(_visible(text))


def _visible(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def print_json(value: object) -> None:
    """One JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
