"""Line numbers of the values in a TOML or JSON text, for error messages.

Both functions expect a text that the parser has accepted.
"""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root: ``("grants", 3, "permissions")``."""

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?\Z")
_KEY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_PART = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def toml_lines(text: str) -> dict[Path, int]:
    """Return the line of each table and key, counted from 1. Nested values have the line of their key."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth, quotes = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not depth and not quotes:
            if header := _HEADER.match(line) if line.lstrip().startswith("[") else None:
                table = _indexed(_parts(header[2]), counts, new=header[1] == "[[")
                lines.setdefault(table, number)
                continue
            if key := _KEY.match(line):
                lines.setdefault((*table, *_parts(key[1])), number)
        depth, quotes = _state_after(line, depth, quotes)
    return lines


def json_lines(text: str) -> dict[Path, int]:
    """Return the line of each value, counted from 1."""
    lines: dict[Path, int] = {}
    stack: list[list[str | int]] = []  # the current key or index of each open object or array
    lists: list[bool] = []
    expects_key, number, counted = False, 1, 0
    for token in _JSON.finditer(text):
        number += text.count("\n", counted, token.start())
        word, counted = token[0], token.start()
        if word in "]}":
            stack.pop()
            lists.pop()
            expects_key = False
        elif word == ",":
            if lists[-1]:
                stack[-1][0] = int(stack[-1][0]) + 1
            expects_key = not lists[-1]
        elif word == ":":
            expects_key = False
        elif expects_key:
            stack[-1][0] = json.loads(word)
            lines.setdefault(tuple(level[0] for level in stack), number)
        else:
            lines.setdefault(tuple(level[0] for level in stack), number)
            if word in "[{":
                stack.append([0] if word == "[" else [""])
                lists.append(word == "[")
                expects_key = word == "{"
    return lines


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """Return the line of a value, of its first entry, or of its nearest parent that has a line."""
    while path and path not in lines:
        first = (*path, 0)
        if first in lines:
            return lines[first]
        path = path[:-1]
    return lines.get(path, 1)


def _parts(text: str) -> Path:
    parts = []
    for part in _PART.findall(text):
        parts.append(json.loads(part) if part[0] == '"' else part.strip("'"))
    return tuple(parts)


def _indexed(parts: Path, counts: dict[Path, int], *, new: bool) -> Path:
    """Return the path of a header, with the index of each array of tables."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if new and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _state_after(line: str, depth: int, quotes: str) -> tuple[int, str]:
    """Return the depth of brackets and the open multi-line quotes after a line."""
    position = 0
    while True:
        if quotes:
            end = line.find(quotes, position)
            if end < 0:
                return depth, quotes
            position, quotes = end + 3, ""
        token = _TOKEN.search(line, position)
        if token is None:
            return depth, quotes
        position = token.end()
        if token[0] in ('"""', "'''"):
            quotes = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
