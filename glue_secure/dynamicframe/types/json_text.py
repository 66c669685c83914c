"""JSON texts as records: one value or several in a text, arrays of objects, and a path into them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from glue_secure.core.errors import UsageError

_DECODER = json.JSONDecoder()
# Levels of a value. Far deeper ones break Spark's serializers, and with them the whole job for one record.
DEEPEST = 100
TOO_DEEP = "malformed JSON: nested too deeply"
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_STEP = re.compile(r"""\.(?P<name>[^.\[\]*'"()?@$\s]+)|\[(?:'(?P<quoted>[^']*)'|(?P<at>\d+)|(?P<all>\*))\]""")

Steps = tuple[str | int | None, ...]
"""A path: a name, a position, or None for every element."""


def values(text: str) -> Iterator[Any]:
    """The JSON values of a text, one after the other.

    Raises:
        ValueError: the text goes on with something that is no JSON. The message tells the place only.
    """
    at = _past_space(text, 0)
    may_be_deep = text.count("{") + text.count("[") > DEEPEST
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno} column {error.colno} (character {error.pos})"
            raise ValueError(f"malformed JSON: {error.msg} at {where}") from None
        except RecursionError:
            raise ValueError(TOO_DEEP) from None
        if may_be_deep and _is_deep(value):
            raise ValueError(TOO_DEEP)
        yield value
        at = _past_space(text, at)


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level and depth <= DEEPEST:
        depth += 1
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [one for part in inner for one in part if isinstance(one, (dict, list))]
    return depth > DEEPEST


class Found(NamedTuple):
    """What a text holds.

    Attributes:
        records: its objects.
        wrong: what is wrong with the rest of it, or nothing.
        values: how many JSON values it has at the top.
    """

    records: list[dict[str, Any]]
    wrong: str
    values: int


def records(text: str, path: Steps = ()) -> Found:
    """The records of a text: an object is one, an array of objects is several.

    What stands before a malformed place is kept.

    Args:
        text: one line, or a whole file.
        path: the way to the records inside each value, as :func:`parse_path` gives it.
    """
    found: list[dict[str, Any]] = []
    wrong, count = "", 0
    try:
        for value in values(text):
            count += 1
            for one in at_path(value, path):
                for record in one if isinstance(one, list) else (one,):
                    if isinstance(record, dict):
                        found.append(record)
                    else:
                        wrong = wrong or "a value that is no JSON object"
    except ValueError as error:
        wrong = str(error)
    return Found(found, wrong, count)


def single(text: str) -> tuple[Any, str]:
    """The one JSON value of a text, of any type, and what is wrong with it (or nothing)."""
    try:
        found = list(values(text))
    except ValueError as error:
        return None, str(error)
    if len(found) != 1:
        return None, "malformed JSON: " + ("more than one value" if found else "no value")
    return found[0], ""


def at_path(value: Any, steps: Steps) -> Iterator[Any]:
    """What stands at the path; nothing where the path leads nowhere."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    inner: list[Any] = []
    if step is None:
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    elif isinstance(step, int):
        inner = value[step : step + 1] if isinstance(value, list) else []
    elif isinstance(value, dict) and step in value:
        inner = [value[step]]
    for one in inner:
        yield from at_path(one, rest)


def parse_path(path: str) -> Steps:
    """The steps of a ``jsonPath``: ``$``, ``.name``, ``['name']``, ``[0]``, ``[*]`` and ``.*``.

    Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-json-home.html

    Raises:
        UsageError: it has something else, such as a filter.
    """
    text = path.strip().replace(".*", "[*]")
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            break
        if match["all"]:
            steps.append(None)
        elif match["at"] is not None:
            steps.append(int(match["at"]))
        else:
            steps.append(match["name"] if match["name"] is not None else match["quoted"])
        at = match.end()
    if not text.startswith("$") or at < len(text):
        raise UsageError(
            "jsonPath",
            found=path,
            required="$ and steps of the kinds .name, ['name'], [0], [*]",
            fix='for instance "$.records[*]"',
        )
    return tuple(steps)


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
