"""Project files with a wrong value, an unknown or a missing key: an error of usage, or accepted."""

import copy
import json

import pytest
from template_projects import PROJECTS

from glue_secure.core.documents import toml_parser
from glue_secure.core.errors import UsageError
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import cloudformation, terraform

WRONG = ["", 0, -1, True, [], [1], [[]], {}, {"x": 1}, "\0", "é", "${x}", "*", "x" * 300, 1.5, 10**30]
NAMES = ["", "é", "unknown", "a.b", "${x}", "x" * 200]
# Different values of these say nothing about the reader.
FREE = {"arguments", "tags"}


def places(value, at=()):
    """Yield the path of each key and element of nested values."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield (*at, key)
        if not FREE & set(at):
            yield from places(member, (*at, key))


def changed(values, path, change):
    """Return the values after ``change(container, key)`` at a path."""
    values = container = copy.deepcopy(values)
    for key in path[:-1]:
        container = container[key]
    change(container, path[-1])
    return values


def variants(values):
    """Yield a description and the changed values of each wrong value, missing key and unknown key."""
    for path in places(values):
        yield f"{path} missing", changed(values, path, lambda container, key: container.pop(key))
        for wrong in WRONG:
            yield (
                f"{path} = {wrong!r}"[:120],
                changed(values, path, lambda container, key, wrong=wrong: container.__setitem__(key, wrong)),
            )
        if isinstance(path[-1], str):
            for name in NAMES:
                yield (
                    f"{path} named {name}"[:120],
                    changed(
                        values,
                        path,
                        lambda container, key, name=name: container.__setitem__(name, container.pop(key)),
                    ),
                )


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


@pytest.mark.parametrize("name", ["full", "joined", "reused"])
def test_a_changed_file_is_accepted_or_an_error_of_usage_and_its_templates_too(name):
    refused = accepted = 0
    for number, (description, values) in enumerate(variants(toml_parser(name)(PROJECTS[name]))):
        try:
            project = read_text(
                "\n".join(f"{json.dumps(key)} = {toml(member)}" for key, member in values.items())
            )
            accepted += 1
            if number % 10 == 0:
                cloudformation(project)
                terraform(project)
        except UsageError as error:
            assert error.found and error.required, description
            refused += 1
        except Exception as error:
            pytest.fail(f"{description}: {type(error).__name__}: {error}")
    assert refused > 4 * accepted > 0


@pytest.mark.parametrize("text", ["", "\n", "[project]", "x", "[", "\ufeff", "a = 1\na = 2", "project = 1"])
def test_a_file_without_a_project_is_an_error(text):
    with pytest.raises(UsageError, match=r"glue_secure\.toml"):
        read_text(text)
