"""Parsing of JSON strings into records: several values per string, arrays of objects, and JSON paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from glue_secure.core.errors import UsageError

_DECODER = json.JSONDecoder()
# Nesting levels. Values that are nested far deeper break Spark's serializers and fail the whole Spark job.
MAX_DEPTH = 100
TOO_DEEP = "malformed JSON: nested too deeply"
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_STEP = re.compile(r"""\.(?P<name>[^.\[\]*'"()?@$\s]+)|\[(?:'(?P<quoted>[^']*)'|(?P<at>\d+)|(?P<all>\*))\]""")

Steps = tuple[str | int | None, ...]
"""The steps of a path: a name, an index, or None for all elements."""


def values(text: str) -> Iterator[Any]:
    """Yield the JSON values of a string.

    Raises:
        ValueError: the string contains something that is not JSON. The message contains the position, not the
            text.
    """
    at = _skip_space(text, 0)
    may_be_deep = text.count("{") + text.count("[") > MAX_DEPTH
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
        at = _skip_space(text, at)


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        children = [list(value.values()) if isinstance(value, dict) else value for value in level]
        level = [child for values in children for child in values if isinstance(child, (dict, list))]
    return depth > MAX_DEPTH


class ParsedText(NamedTuple):
    """The content of a string.

    Attributes:
        records: the JSON objects.
        problem: the first problem, or ``""``.
        values: the number of top-level JSON values.
    """

    records: list[dict[str, Any]]
    problem: str
    values: int


def records(text: str, path: Steps = ()) -> ParsedText:
    """Return the records of a string. An object is one record, an array of objects several.

    Records before a malformed position are returned.

    Args:
        text: a line or a whole file.
        path: the path of the records in each value, from :func:`parse_path`.
    """
    objects: list[dict[str, Any]] = []
    problem, count = "", 0
    try:
        for value in values(text):
            count += 1
            for target in at_path(value, path):
                for record in target if isinstance(target, list) else (target,):
                    if isinstance(record, dict):
                        objects.append(record)
                    else:
                        problem = problem or "a value that is not a JSON object"
    except ValueError as error:
        problem = str(error)
    return ParsedText(objects, problem, count)


def single(text: str) -> tuple[Any, str]:
    """Return the single JSON value of a string, of any type, and the problem with it (or ``""``)."""
    try:
        parsed = list(values(text))
    except ValueError as error:
        return None, str(error)
    if len(parsed) != 1:
        return None, "malformed JSON: " + ("more than one value" if parsed else "no value")
    return parsed[0], ""


def at_path(value: Any, steps: Steps) -> Iterator[Any]:
    """Yield the values at a path."""
    if not steps:
        yield value
        return
    step, remaining = steps[0], steps[1:]
    inner: list[Any] = []
    if step is None:
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    elif isinstance(step, int):
        inner = value[step : step + 1] if isinstance(value, list) else []
    elif isinstance(value, dict) and step in value:
        inner = [value[step]]
    for child in inner:
        yield from at_path(child, remaining)


def parse_path(path: str) -> Steps:
    """Return the steps of a ``jsonPath``: ``$``, ``.name``, ``['name']``, ``[0]``, ``[*]`` and ``.*``.

    Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-json-home.html

    Raises:
        UsageError: the path contains anything else, such as a filter.
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
            required="$ followed by .name, ['name'], [0] or [*]",
            fix='write a path such as "$.records[*]"',
        )
    return tuple(steps)


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
