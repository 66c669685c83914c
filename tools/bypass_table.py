"""Read and check the table of bypass attempts (``tools/bypass_attempts.ini``), and render it as Markdown."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bypass_matrix

from glue_secure.core.controls import CONTROLS

OUTCOMES = ("encrypted", "rejected", "detected", "nothing stored")
_MATRIX_TEST = "tests/bypass/test_bypass_matrix.py::test_every_combination_is_encrypted_rejected_or_detected"
_SESSIONS_TEST = (
    "tests/bypass/test_sessions.py::test_every_combination_of_a_session_is_encrypted_rejected_or_detected"
)


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
        outcome_listed: the outcome without the request guard; ``not observed`` if only the guard observes it.
        control_listed: the control that decides without the request guard.
    """

    module: str
    heading: str
    name: str
    attempt: str
    outcome: str
    control: str
    test: str
    outcome_listed: str
    control_listed: str

    def expected(self, *, guarded: bool) -> tuple[str, str]:
        """Return the outcome and the control, with or without the request guard."""
        if guarded:
            return self.outcome, self.control
        return self.outcome_listed, self.control_listed


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
            attempt, outcomes, controls, test = cells
            outcome, outcome_listed = _both(outcomes)
            control, control_listed = _both(controls)
            for one in (outcome, outcome_listed):
                if one not in OUTCOMES:
                    raise _error(name, f"{one} is not one of {', '.join(OUTCOMES)}")
            for one in (control, control_listed):
                if one not in CONTROLS:
                    raise _error(name, f"the control {one} does not exist")
            module = heading.partition(":")[0]
            path = _test(root, module, name, test)
            yield Case(module, heading, name, attempt, outcome, control, path, outcome_listed, control_listed)


def combinations() -> Iterator[Case]:
    """Yield the combinations of :mod:`bypass_matrix` as cases."""
    rows = [*bypass_matrix.combinations()]
    for session in filter(None, bypass_matrix.SESSIONS):
        rows += sorted(bypass_matrix.combinations_of(session), key=lambda row: row.api, reverse=True)
    for row in rows:
        session = bypass_matrix.SESSIONS[row.session]
        heading = f"combinations: {bypass_matrix.APIS[row.api]}" + (f", {session}" if session else "")
        outcome, control = row.expected(guarded=True)
        outcome_listed, control_listed = row.expected(guarded=False)
        test = f"{_SESSIONS_TEST if session else _MATRIX_TEST}[{row.name}]"
        yield Case(
            "matrix", heading, row.name, row.attempt, outcome, control, test, outcome_listed, control_listed
        )


def _both(cell: str) -> tuple[str, str]:
    """Return the two values of a cell: ``with the guard / without it``, or one value for both."""
    guarded, _, listed = (part.strip() for part in cell.partition("/"))
    return guarded, listed or guarded


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
    table = [*cases(root), *combinations()]
    unobserved = sum(case.outcome_listed == bypass_matrix.NOT_OBSERVED for case in table)
    counts = ", ".join(f"{sum(case.outcome == outcome for case in table)} {outcome}" for outcome in OUTCOMES)
    lines = [
        "# Bypass attempts",
        "",
        "Generated from `tools/bypass_attempts.ini` and `tools/bypass_matrix.py` by `make docs`; do not",
        "edit.",
        "",
        "Each attempt below tries to store data that is not encrypted under the run's key. With the [request",
        "guard](verification.md#request-guard), each one ends in one of four ways:",
        "",
        "- encrypted: the data is encrypted under the key, and the evidence lists it",
        "- rejected: an error before any data is written",
        "- detected: an error after the write, or at commit for writes outside glue-secure. The bookmark",
        "  does not move, and the data that was written stays at the target",
        "- nothing stored: the attempt stores nothing, and the run succeeds",
        "",
        "Without the request guard, which AWS Glue does not load by default, the outcome follows in",
        f"parentheses where it differs. {unobserved} attempts are then `not observed`: the run does not",
        "verify what they store. A bucket policy can deny it.",
        "",
        "Each attempt runs on `local[2]`. The last sections repeat some on a local cluster and with Hive.",
        "Some run with the suite, the others with `make test-long`, with the guard and without it.",
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
        outcome, link = case.outcome, _link(case.control)
        if case.outcome_listed != case.outcome:
            outcome += f" ({case.outcome_listed})"
        if case.control_listed != case.control:
            link += f" ({_link(case.control_listed)})"
        lines.append(f"| {case.attempt.replace('|', chr(92) + '|')} | {outcome} | {link} |")
    return "\n".join(lines) + "\n"


def _link(control: str) -> str:
    return f"[{control}](controls.md#{control.lower()})" if control else "usage error"
