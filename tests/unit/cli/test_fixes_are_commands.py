"""Every command that a fix names exists, with its options: of glue-secure, of aws, and of pip."""

import ast
import importlib.metadata
import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from typer import main as typer_main

from glue_secure.cli.app import app
from glue_secure.core import requirements

PACKAGE = Path(requirements.__file__).parents[1]
GROUP = typer_main.get_command(app)
# Words of commands; X stands for a value that is known when the error is raised.
COMMAND = re.compile(r"\b(glue-secure|aws|pip install)((?: +(?:'[^']+'|\"[^\"]+\"|[\w@./:=,<>\[\]!*{}-]+))+)")
# Of the text of a module that names one of them; parsing the others takes seconds.
PROGRAM = re.compile(r"\b(glue-secure|aws|pip install) ")
# The first word after "glue-secure" in prose.
PROSE = {"again", "and", "as", "can", "cannot", "does", "in", "is", "reads", "sets", "to"}
# Options of the AWS CLI that stand for a structure of the operation.
SHORTCUTS = {"authorize-security-group-ingress": {"--protocol", "--port", "--source-group"}}
GLOBAL_OPTIONS = {"--query", "--output", "--region", "--profile"}


def text_of(node):
    """Return the text of a string expression; X for each part that is computed."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.IfExp):
        return f"{text_of(node.body)}\n{text_of(node.orelse)}"
    return "X"


def fixes():
    """Return every command in a text of the package that is a fix, with the module that has it."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not PROGRAM.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            is_fix = (isinstance(node, ast.keyword) and node.arg == "fix") or (
                isinstance(node, ast.Assign) and "fix" in ast.unparse(node.targets[0]).lower()
            )
            if not is_fix:
                continue
            for program, words in COMMAND.findall(text_of(node.value)):
                found.add((path.relative_to(PACKAGE).as_posix(), program, words.strip()))
    return sorted(found)


FIXES = fixes()


def test_the_fixes_of_the_package_are_found():
    programs = [program for _, program, _ in FIXES]
    assert programs.count("glue-secure") > 25
    assert programs.count("pip install") > 5


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (path, words)
        for path, program, words in FIXES
        if program == "glue-secure" and words.split()[0] not in PROSE
    ],
)
def test_a_command_of_glue_secure_exists_with_its_options(path, words):
    group, rest = GROUP, shlex.split(words)
    while rest and hasattr(group, "commands"):
        name = rest.pop(0).rstrip(",;:")
        assert name in group.commands, f"{path}: glue-secure {words}"
        group = group.commands[name]
    assert not hasattr(group, "commands"), f"{path}: glue-secure {words} names no command"
    options = {name for parameter in group.params for name in parameter.opts}
    named = {word.partition("=")[0].rstrip(",;:") for word in rest if re.match(r"--[a-z]", word)}
    if group.name == "run":  # what follows the script is an argument of the job
        before = rest[: next((at for at, word in enumerate(rest) if word in ("SCRIPT", "X")), len(rest))]
        named = {word for word in before if word.startswith("--")}
    assert named <= options, f"{path}: glue-secure {words}"


@pytest.mark.parametrize(
    ("path", "words"), [(path, words) for path, program, words in FIXES if program == "aws"]
)
def test_a_command_of_aws_is_an_operation_with_its_parameters(path, words):
    service, operation, *rest = (word.rstrip(",;:") for word in words.split())
    if service in ("s3", "configure"):  # commands of the AWS CLI itself
        assert operation in ("cp", "list-profiles")
        return
    model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
    operations = {xform_name(name).replace("_", "-"): name for name in model.operation_names}
    assert operation in operations, f"{path}: aws {words}"
    shape = model.operation_model(operations[operation]).input_shape
    parameters = {f"--{xform_name(name).replace('_', '-')}" for name in shape.members} | GLOBAL_OPTIONS
    parameters |= SHORTCUTS.get(operation, set())
    flags = [name for name, member in shape.members.items() if member.type_name == "boolean"]
    parameters |= {f"--no-{xform_name(name).replace('_', '-')}" for name in flags}
    assert {word for word in rest if re.match(r"--[a-z]", word)} <= parameters, f"{path}: aws {words}"


@pytest.mark.parametrize(
    ("path", "words"), [(path, words) for path, program, words in FIXES if program == "pip install"]
)
def test_pip_installs_what_the_project_requires(path, words):
    required = {
        line.partition(";")[0].replace(" ", "") for line in importlib.metadata.requires("glue-secure")
    }

    def parts(line):
        name = re.match(r"[\w.-]+", line)[0]
        return name, frozenset(filter(None, line[len(name) :].split(",")))

    known = {parts(re.sub(r"\[.*?\]", "", line)) for line in required}
    names = {name for name, _ in known}
    for word in shlex.split(words):
        if word.startswith("SOURCE"):
            return
        if word.startswith("-") or word == "X":
            continue
        name, versions = parts(word.rstrip(","))
        assert name != "glue-secure", f"{path}: glue-secure is on no index"
        assert (name, versions) in known or (not versions and name in names) or "==X" in word, (
            f"{path}: {word}"
        )


def test_the_command_for_an_extra_names_what_is_missing(monkeypatch):
    lines = ["rich>=13; extra == 'cli'", 'absent-one<2,>=1; extra == "cli"', 'other; extra == "demo"']
    lines.append('absent-two>=2; python_version < "3.11" and extra == "cli"')
    monkeypatch.setattr(requirements, "requires", lambda _: lines)
    assert requirements.install_command("cli") == (
        "python -m pip install 'absent-one<2,>=1' 'absent-two>=2; python_version < \"3.11\"'"
    )
    assert "extra none" in requirements.install_command("none")
