"""The table of ways out (``tools/bypass_attempts.ini``), read, checked and written as ``docs/bypass-attempts.md``."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glue_secure.core.controls import CONTROLS

OUTCOMES = {
    "encrypted": "encrypted under the key",
    "refused": "refused",
    "caught": "caught after, the bookmark unmoved",
}


class TableError(ValueError):
    """The table says something that is not so."""


@dataclass(frozen=True)
class Case:
    """One way out.

    Attributes:
        module: which file of ``tests/bypass`` has its function, and the heading's first word.
        heading: of the family it stands in.
        name: of the function that tries it.
        tried: what is tried, in words.
        outcome: ``encrypted``, ``refused`` or ``caught``.
        control: which control decides.
        test: ``path::name`` of a test elsewhere; ``""`` when ``test_bypass_attempts.py`` runs it.
    """

    module: str
    heading: str
    name: str
    tried: str
    outcome: str
    control: str
    test: str


def cases(root: Path) -> Iterator[Case]:
    """Every case, in the table's order. Raises TableError."""
    table = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    table.optionxform = str  # type: ignore[assignment,method-assign]
    table.read(root / "tools" / "bypass_attempts.ini", encoding="utf-8")
    for heading in table.sections():
        for name, text in table[heading].items():
            cells = [cell.strip() for cell in text.rsplit("|", 3)]
            if len(cells) != 4 or not all(cells):
                raise TableError(f"bypass_attempts.ini: {name}: four cells, none empty")
            tried, outcome, control, test = cells
            if outcome not in OUTCOMES:
                raise TableError(f"bypass_attempts.ini: {name}: {outcome} is none of {', '.join(OUTCOMES)}")
            if control not in CONTROLS:
                raise TableError(f"bypass_attempts.ini: {name}: there is no control {control}")
            module = heading.partition(":")[0]
            yield Case(module, heading, name, tried, outcome, control, _test(root, module, name, test))


def _test(root: Path, module: str, name: str, test: str) -> str:
    path, _, function = (f"tests/bypass/{module}.py", "", name) if test == "-" else test.partition("::")
    file = root / path
    source = file.read_text(encoding="utf-8") if file.is_file() else ""
    wanted = function.partition("[")[0]
    if f"def {wanted}(" not in source and not (test == "-" and wanted in source):
        raise TableError(f"bypass_attempts.ini: {name}: no test {function} in {path}")
    return "" if test == "-" else test


def as_markdown(root: Path) -> str:
    """``docs/bypass-attempts.md``, whole."""
    found = list(cases(root))
    lines = [
        "# Evasions",
        "",
        "Generated from `tools/bypass_attempts.ini` by `make docs`; do not edit.",
        "",
        "Every way out of the guard that the suite tries, and how it ends. None ends in silence.",
        "What cannot be caught stands in the [threat model](threat-model.md#what-is-not-defended).",
        "",
        f"{len(found)} cases: "
        + ", ".join(
            f"{sum(case.outcome == outcome for case in found)} {words}" for outcome, words in OUTCOMES.items()
        )
        + ".",
    ]
    heading = ""
    for case in found:
        if case.heading != heading:
            heading = case.heading
            title = heading[0].upper() + heading[1:]
            lines += ["", f"## {title}", "", "| what is tried | outcome | decided by |", "|---|---|---|"]
        link = f"[{case.control}](controls.md#{case.control.lower()})"
        lines.append(f"| {case.tried.replace('|', chr(92) + '|')} | {OUTCOMES[case.outcome]} | {link} |")
    return "\n".join(lines) + "\n"
