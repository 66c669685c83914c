"""All commands of ``glue-secure``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer import main as typer_main

from glue_secure import __version__
from glue_secure.cli.help import SECTIONS, HelpfulGroup, epilog

_SETTINGS: Mapping[str, Mapping[str, bool]] = {
    "run": {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    },
}
"""Context settings by the name of their command."""
_ADDED = {"evidence": ("evidence_verify", "evidence_export")}
"""Further modules of a group, which add their commands to it."""


class _Commands(Mapping[str, Any]):
    """The commands by name. The module of a command is imported when the command is used.

    All modules together need four times as long as that of ``run``.
    """

    def __getitem__(self, name: str) -> Any:
        if name not in iter(self):
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return (name for names in SECTIONS.values() for name in names)

    def __len__(self) -> int:
        return len(list(iter(self)))


class _TopGroup(HelpfulGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": None})
        self.commands = _Commands()  # type: ignore[assignment]


@cache
def _command(name: str) -> Any:
    """Return a command, or a group of commands, of the module of this name."""
    parent = typer.Typer(callback=options, rich_markup_mode=None)
    if name == "version":
        parent.command(name)(version)
    else:
        module, *_added = (
            import_module(f"glue_secure.cli.{each}")
            for each in (name.replace("-", "_"), *_ADDED.get(name, ()))
        )
        if hasattr(module, "app"):
            parent.add_typer(module.app, name=name, cls=HelpfulGroup)
        else:
            parent.command(name, context_settings=dict(_SETTINGS.get(name, {})))(module.command)
    return typer_main.get_command(parent).commands[name]  # type: ignore[attr-defined]


app = typer.Typer(
    cls=_TopGroup,
    help="Run AWS Glue jobs that prove their encryption.\n\n"
    "`glue-secure COMMAND --help` describes a command. Exit codes: 0 done, 1 failed, 2 wrong usage, "
    "3 refused or found insecure, 4 could not be verified.",
    epilog=epilog(""),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Run AWS Glue jobs that prove their encryption."""


def version() -> None:
    """Print the version."""
    print(__version__)
