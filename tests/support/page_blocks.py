"""The fenced blocks of a page, with the comment that says how a test types or compares them."""

import re
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    language: str
    mark: str
    text: str


def blocks(text: str) -> list[Block]:
    """Return every fenced block, also in lists, with the comment above it."""
    matches = re.finditer(r"^( *)(?:<!-- ([^\n]*?) -->\n *)?```(\w*)\n(.*?)^\1```$", text, re.S | re.M)
    return [
        Block(
            language=match[3], mark=match[2] or "", text=textwrap.dedent(match[4]) if match[1] else match[4]
        )
        for match in matches
    ]


def commands(script: str) -> list[str]:
    """Return the commands of a block, with continued lines joined."""
    return [line for line in re.sub(r"\\\n\s*", "", script).splitlines() if line.strip()]


# What differs between two runs of one command: ports, ids, durations and dates.
_VARIABLE = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?P<port>(?<=localhost:)\d+)"
    r"|(?P<seconds>\d+\.\d(?= s\)))|(?P<date>\d{4}-\d\d-\d\d)|(?P<days>\d+(?= days\)))|(?P<left_out>\.{3})"
)
_PATTERNS = {
    "uuid": r"[0-9a-f-]{36}",
    "port": r"\d+",
    "seconds": r"\d+\.\d",
    "date": r"\d{4}-\d\d-\d\d",
    "days": r"\d+",
    "left_out": r".*",
}


def first_line_without(output: str, shown: str) -> str:
    """Return the first line of a page's block that an output does not have in this order; ``""`` if none.

    ``...`` in a line stands for any text, and as a line for any number of lines.
    """
    position = 0
    for line in shown.splitlines():
        if line.strip() in ("", "..."):
            continue
        pattern, end = "", 0
        for variable in _VARIABLE.finditer(line):
            pattern += re.escape(line[end : variable.start()]) + _PATTERNS[str(variable.lastgroup)]
            end = variable.end()
        pattern += re.escape(line[end:])
        match = re.compile(rf"^{pattern}$", re.M).search(output, position)
        if match is None:
            return line
        position = match.end()
    return ""
