"""Where in a TOML or JSON text each value stands, so that an error can name the line.

Both are asked only of texts that their parser has taken already.
"""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]
"""Keys and positions from the document's root: ``("grants", 3, "permissions")``."""

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?\Z")
_KEY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_PART = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def of_toml(text: str) -> dict[Path, int]:
    """Lines, counted from 1, of tables and keys; a value within one line or array has its key's line."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth, quotes = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not depth and not quotes:
            if header := _HEADER.match(line) if line.lstrip().startswith("[") else None:
                table = _indexed(_parts(header[2]), counts, new=header[1] == "[[")
                found.setdefault(table, number)
                continue
            if key := _KEY.match(line):
                found.setdefault((*table, *_parts(key[1])), number)
        depth, quotes = _after(line, depth, quotes)
    return found


def of_json(text: str) -> dict[Path, int]:
    """Lines, counted from 1, of every value."""
    found: dict[Path, int] = {}
    stack: list[list[str | int]] = []  # the key or position that stands, of each open object or array
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
            found.setdefault(tuple(one[0] for one in stack), number)
        else:
            found.setdefault(tuple(one[0] for one in stack), number)
            if word in "[{":
                stack.append([0] if word == "[" else [""])
                lists.append(word == "[")
                expects_key = word == "{"
    return found


def line_of(path: Path, found: dict[Path, int]) -> int:
    """The line of the value, or of the nearest thing around it."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)


def _parts(text: str) -> Path:
    parts = []
    for part in _PART.findall(text):
        parts.append(json.loads(part) if part[0] == '"' else part.strip("'"))
    return tuple(parts)


def _indexed(parts: Path, counts: dict[Path, int], *, new: bool) -> Path:
    """The path of a header: positions put in where it goes through an array of tables."""
    path: Path = ()
    for at, part in enumerate(parts):
        path = (*path, part)
        if new and at == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _after(line: str, depth: int, quotes: str) -> tuple[int, str]:
    """How deep in brackets, and within which long quotes, the next line begins."""
    at = 0
    while True:
        if quotes:
            end = line.find(quotes, at)
            if end < 0:
                return depth, quotes
            at, quotes = end + 3, ""
        token = _TOKEN.search(line, at)
        if token is None:
            return depth, quotes
        at = token.end()
        if token[0] in ('"""', "'''"):
            quotes = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
