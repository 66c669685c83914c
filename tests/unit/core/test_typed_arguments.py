"""Job arguments from a dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal, Optional

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.typed_arguments import parse_arguments


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Args:
    source: str
    days: int = 7
    ratio: float = 0.5
    dry_run: bool = False
    folder: Path | None = None
    mode: Literal["append", "overwrite"] = "append"
    color: Color = Color.RED
    columns: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    suite: Optional[str] = None  # noqa: UP045 - both spellings are supported
    since: date = date(2013, 1, 1)


def parse(**arguments: str) -> Args:
    return parse_arguments(JobArguments(arguments), Args)


def test_values_have_the_types_of_the_fields():
    args = parse(
        source="s3://a/", days="30", ratio="1e-3", dry_run="TRUE", folder="/tmp/x", mode="overwrite",
        color="blue", columns="a, b,", limits="1,2", suite="s.json",
        since="2013-11-30",
    )  # fmt: skip
    assert args == Args(
        "s3://a/", 30, 0.001, True, Path("/tmp/x"), "overwrite", Color.BLUE, ["a", "b"], [1, 2], "s.json",
        date(2013, 11, 30),
    )  # fmt: skip


def test_defaults_apply_to_arguments_that_are_not_given():
    assert parse(source="s3://a/") == Args("s3://a/")


def test_a_dash_and_an_underscore_are_the_same_in_names():
    assert parse(**{"source": "s3://a/", "dry-run": "true"}).dry_run is True


def test_every_missing_argument_is_named_with_its_type():
    @dataclass
    class Required:
        source: str
        days: int

    with pytest.raises(UsageError, match=r"--source \(text\), --days \(a whole number\)") as caught:
        parse_arguments(JobArguments({"target": "x"}), Required)
    assert caught.value.found == "--target"


@pytest.mark.parametrize(
    ("name", "value", "required"),
    [
        ("days", "seven", "a whole number"),
        ("days", "1.5", "a whole number"),
        ("days", "", "a whole number"),
        ("ratio", "half", "a number"),
        ("dry_run", "yes", "true or false"),
        ("dry_run", "", "true or false"),
        ("mode", "merge", "append or overwrite"),
        ("color", "green", "red or blue"),
        ("limits", "1,x", "a whole number"),
        ("since", "30.11.2013", "a date such as 2013-12-31"),
    ],
)
def test_a_value_of_another_type_is_rejected_with_the_argument_and_the_type(name, value, required):
    with pytest.raises(UsageError, match=f"--{name}") as caught:
        parse(**{"source": "s3://a/", name: value})
    assert caught.value.required == required


def test_a_class_that_is_no_dataclass_is_rejected():
    class Plain:
        source: str

    with pytest.raises(UsageError, match="a dataclass"):
        parse_arguments(JobArguments({}), Plain)


def test_a_field_of_an_unsupported_type_is_rejected():
    @dataclass
    class Nested:
        source: dict[str, str]

    with pytest.raises(UsageError, match="--source"):
        parse_arguments(JobArguments({"source": "{}"}), Nested)


def test_a_secret_in_a_value_of_another_type_is_not_shown():
    with pytest.raises(UsageError) as caught:
        parse(source="s3://a/", days="https://me:hunter2@host/")
    assert "hunter2" not in str(caught.value)


def test_an_argument_that_resembles_an_optional_field_is_a_warning(caplog):
    assert parse(source="s3://a/", day="30", column="a").days == 7
    assert "--day is no argument of the job: did you mean --days, which was not given?" in caplog.text
    assert "did you mean --columns" in caplog.text


def test_a_misspelt_required_argument_is_named_in_the_fix():
    with pytest.raises(UsageError, match=r"fix: +--sorce: did you mean --source\?"):
        parse(sorce="s3://a/")


@pytest.mark.parametrize(
    "others",
    [
        {"days": "1", "day": "2"},  # the field is given
        {"verbosity": "1"},  # resembles no field
        {"TempDir": "s3://a/", "glue-secure-columns": "s3://a/p.json", "conf": "a=b"},
    ],
)
def test_other_arguments_are_no_warning(others, caplog):
    @dataclass
    class Job:
        days: int = 7
        temp_dirs: str = ""
        glue_secure_column: str = ""
        conf_: str = ""

    parse_arguments(JobArguments(others), Job)
    assert caplog.text == ""
