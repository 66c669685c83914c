"""The help of the commands: every command has a section, whole sentences, and examples that can be typed."""

import re
import shlex
import sys

import pytest
from typer import main as typer_main

from glue_secure.cli.app import app
from glue_secure.cli.help import EXAMPLES, SECTIONS
from glue_secure.cli.main import run

GROUP = typer_main.get_command(app)


def commands(group=GROUP, path=()):
    """Return every command and group below a group, by path."""
    found = {}
    for name, command in group.commands.items():
        found[(*path, name)] = command
        if hasattr(command, "commands"):
            found |= commands(command, (*path, name))
    return found


@pytest.fixture
def help_of(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["glue-secure", *words, "--help"])
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code in (0, None)
        return capsys.readouterr().out

    return call


def test_every_command_is_in_one_section():
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == sorted(GROUP.commands)


def test_the_help_has_its_sections_and_no_shortened_sentence(help_of):
    text = help_of()
    assert [line for line in text.splitlines() if line.removesuffix(":") in SECTIONS] == [
        f"{title}:" for title in SECTIONS
    ]
    for words in ((), ("bookmark",), ("local",), ("local", "table")):
        assert not re.search(r"\w\.\.\.", help_of(*words))


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_the_help_of_a_command_starts_with_a_sentence(path):
    text = commands()[path].help
    assert re.match(r"[A-Z][\s\S]*?[.:](?:\s|\Z)", text), text


@pytest.mark.parametrize(
    ("path", "line"), [(path, line) for path, lines in EXAMPLES.items() for line in lines]
)
def test_an_example_is_in_the_help_and_its_options_exist(help_of, path, line):
    assert f"  {line}\n" in help_of(*path.split())
    inner = re.fullmatch(r'eval "\$\((.*)\)"', line)
    words = shlex.split(inner[1] if inner else line)[1:]
    group = GROUP
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    # Parsing checks options, their values and the number of arguments, and runs nothing.
    with group.make_context("x", words) as context:
        assert context.params


def test_help_is_the_same_text_without_colours_and_in_a_pipe(help_of, monkeypatch):
    plain = help_of("run")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert help_of("run") == plain
    assert "\x1b" not in plain
