#!/usr/bin/env python3
"""Reject words of the project's retired vocabulary in names, messages, docstrings and pages.

Usage: tools/check_language.py [PATH ...]

Without paths, every file that git tracks is checked. Exit code: 0 nothing found, 1 a word was found.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = (".py", ".md", ".html", ".css", ".ini", ".cfg", ".toml", ".yaml", ".yml", ".sh")
NAMES = ("Makefile", "Dockerfile", "make-environment", "generate-documents", "container-job", "run")
# CHANGELOG keeps its history; vectors come from other projects; this file lists the words.
EXCLUDED = ("CHANGELOG.md", "LICENSE", "tests/vectors/", "tools/check_language.py")

RETIRED = re.compile(
    r"\b(?:"
    r"rooms?|doors?|desks?|funnels?|ledgers?|houses?|"
    r"told|tells?|kept|spoil(?:s|ed|ing)?|mend(?:s|ed|ing)?|"
    r"look(?:s|ed|ing)?|hold(?:s|ing)?|held|borne?|bears?|"
    r"nobody|somebody|natives|native writes?|laptops?|"
    r"ways? out|evasions?|past the guard|stand-ins?|wherever it lies|lies|anew"
    r")\b",
    re.IGNORECASE,
)
ALLOWED = re.compile(
    r"hold_lock|legal hold|object lock legal hold|look ?up|look ahead|lookahead|lookbehind|look behind|"
    r"\.tell\(|House of Representatives|contracts: \S+ kept|native librar(?:y|ies)|placeholder|"
    r"holdResultsOpenOverStatementClose|"
    r"= \"nobody\"",  # the Unix user
    re.IGNORECASE,
)


def words_of(line: str) -> str:
    """Return the line with identifiers split into words, without allowed phrases."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", ALLOWED.sub(" ", line))
    return ALLOWED.sub(" ", split)


def findings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and retired word for each use in a file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for match in RETIRED.finditer(words_of(line)):
            yield number, match.group()


def tracked() -> list[Path]:
    """Return the files of the repository that are checked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and not name.startswith(EXCLUDED)]
    return [path for path in paths if path.is_file() and (path.suffix in SUFFIXES or path.name in NAMES)]


def main(arguments: list[str]) -> int:
    """Print each finding as ``path:line: word`` and return the exit code."""
    paths = [
        path
        for argument in arguments
        for path in ([Path(argument)] if Path(argument).is_file() else sorted(Path(argument).rglob("*")))
        if path.suffix in SUFFIXES and path.is_file()
    ] or tracked()
    count = 0
    for path in paths:
        for number, word in findings(path):
            print(f"{path}:{number}: {word}")
            count += 1
    if count:
        print(f"{count} uses of retired words; see CONTRIBUTING.md#language", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
