"""The reference of the commands, from the commands themselves. Source of docs/cli.md (make docs)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from glue_secure.cli.app import app
from glue_secure.cli.help import SECTIONS, first_sentence

_HEAD = """\
# Commands

Generated from `glue_secure/cli` by `make docs`; do not edit.

`glue-secure COMMAND --help` prints the same. The exit codes of all commands are 0 done, 1 failed, 2 wrong
usage, 3 refused or found insecure, 4 could not be verified; where a command differs, its text says so.
`glue-secure --version` prints the version, and `--install-completion` installs completion for the shell.
"""


def as_markdown() -> str:
    """Return the page: an overview, and a section for each command."""
    top = typer.main.get_command(app)
    context = typer.Context(top, info_name="glue-secure")
    lines = [_HEAD]
    for title, names in SECTIONS.items():
        lines += [f"## {title}", "", "| command | |", "|---|---|"]
        for name in names:
            command = top.get_command(context, name)  # type: ignore[attr-defined]
            lines.append(f"| [`{name}`](#glue-secure-{name}) | {_cell(first_sentence(command))} |")
        lines.append("")
    for name in (name for names in SECTIONS.values() for name in names):
        lines += _section(top, context, name)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(group: Any, context: Any, name: str) -> Iterator[str]:
    """Yield the lines of a command, and then those of its own commands."""
    command = group.get_command(context, name)
    inner = typer.Context(command, info_name=name, parent=context)
    path = inner.command_path
    yield from (f"{'##' if context.parent is None else '###'} {path}", "")
    yield from (_text(command.help or ""), "")
    records = [item.get_help_record(inner) for item in command.get_params(inner) if item.name != "help"]
    if any(records):
        yield from ("| argument or option | meaning |", "|---|---|")
        yield from (f"| `{_code(record[0])}` | {_cell(record[1])} |" for record in records if record)
        yield ""
    examples = [line.strip() for line in (command.epilog or "").splitlines()[2:]]
    if examples:
        yield "<!-- not run: examples, which a test of the help parses -->"
        yield from ("```text", *examples, "```", "")
    for each in getattr(command, "commands", {}):
        yield from _section(command, inner, each)


def _cell(text: str) -> str:
    """Return a text in one cell of a table: in one line, with what Markdown would interpret escaped."""
    text = " ".join(text.split())
    parts = re.split(r"(`[^`]*`)", text.replace("|", r"\|"))
    return "".join(part if part.startswith("`") else re.sub(r"([<>*])", r"\\\1", part) for part in parts)


def _text(text: str) -> str:
    """Return the paragraphs of a help, each in one line."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b\n", "").strip())
    return "\n\n".join(_cell(paragraph) for paragraph in paragraphs)


def _code(text: str) -> str:
    """Return a text as code in one cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")
