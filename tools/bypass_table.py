"""Read and check the table of bypass attempts (``tools/bypass_attempts.ini``), and render it as Markdown."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glue_secure.core.controls import CONTROLS

OUTCOMES = ("encrypted", "rejected", "detected")


class TableError(ValueError):
    """The table contains an error."""


@dataclass(frozen=True)
class Case:
    """One bypass attempt.

    Attributes:
        module: ``tests/bypass/MODULE_attempts.py`` has its function; the first word of the heading.
        heading: the section that it belongs to.
        name: the name of the function.
        attempt: what is attempted, in words.
        outcome: one of :data:`OUTCOMES`.
        control: the control that decides.
        test: ``path::name`` of a test elsewhere; ``""`` if ``test_bypass_attempts.py`` runs the function.
    """

    module: str
    heading: str
    name: str
    attempt: str
    outcome: str
    control: str
    test: str


def cases(root: Path) -> Iterator[Case]:
    """Yield every case, in the table's order.

    Raises:
        TableError: a cell is missing or wrong, or a test does not exist.
    """
    table = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    table.optionxform = str  # type: ignore[assignment,method-assign]
    table.read(root / "tools" / "bypass_attempts.ini", encoding="utf-8")
    for heading in table.sections():
        for name, text in table[heading].items():
            cells = [cell.strip() for cell in text.rsplit("|", 3)]
            if len(cells) != 4 or not all(cells):
                raise _error(name, "four cells are required, none empty")
            attempt, outcome, control, test = cells
            if outcome not in OUTCOMES:
                raise _error(name, f"{outcome} is not one of {', '.join(OUTCOMES)}")
            if control not in CONTROLS:
                raise _error(name, f"the control {control} does not exist")
            module = heading.partition(":")[0]
            yield Case(module, heading, name, attempt, outcome, control, _test(root, module, name, test))


def _test(root: Path, module: str, name: str, test: str) -> str:
    if test == "-":
        path, function = f"tests/bypass/{module}_attempts.py", name
    else:
        path, _, function = test.partition("::")
    file = root / path
    source = file.read_text(encoding="utf-8") if file.is_file() else ""
    test_name = function.partition("[")[0]
    if f"def {test_name}(" not in source and not (test == "-" and test_name in source):
        raise _error(name, f"there is no test {function} in {path}")
    return "" if test == "-" else test


def _error(name: str, problem: str) -> TableError:
    return TableError(f"bypass_attempts.ini: {name}: {problem}")


def as_markdown(root: Path) -> str:
    """Return the text of ``docs/bypass-attempts.md``."""
    table = list(cases(root))
    counts = ", ".join(f"{sum(case.outcome == outcome for case in table)} {outcome}" for outcome in OUTCOMES)
    lines = [
        "# Bypass attempts",
        "",
        "Generated from `tools/bypass_attempts.ini` by `make docs`; do not edit.",
        "",
        "The suite tests every attempt below to write data without encryption under the run's key. Each one",
        "ends in one of three ways:",
        "",
        "- encrypted: the data is encrypted under the key, and the evidence lists it",
        "- rejected: an error before any data is written",
        "- detected: an error after the write, or at commit for writes outside glue-secure. The bookmark",
        "  does not move, and the data that was written stays at the target",
        "",
        "Attempts that cannot be detected are in the [threat model](threat-model.md#what-is-not-defended).",
        "",
        f"{len(table)} attempts: {counts}.",
    ]
    heading = ""
    for case in table:
        if case.heading != heading:
            heading = case.heading
            title = heading[0].upper() + heading[1:]
            lines += ["", f"## {title}", "", "| attempt | outcome | control |", "|---|---|---|"]
        link = f"[{case.control}](controls.md#{case.control.lower()})"
        lines.append(f"| {case.attempt.replace('|', chr(92) + '|')} | {case.outcome} | {link} |")
    return "\n".join(lines) + "\n"
