"""Carry out the sentence of a fix: the first edit that the sentence names.

A case is a generator function. It breaks something and yields an attempt, a function without parameters that
must raise the error of the control. It receives the error, and carries out its fix. The attempt must then
succeed::

    @CASES.of("GS-KMS-006")
    def the_role_may_not_use_the_key(get):
        run = get("run_fixture")
        run.unusable = {...}
        error = yield run.start
        carry_out(error.fix, [(r"give the job's role kms:GenerateDataKey", run.unusable.clear)])
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from glue_secure.core.errors import GlueSecureError

Attempt = Callable[[], Any]
Case = Callable[[Callable[[str], Any]], Generator[Attempt, GlueSecureError, None]]
Edit = tuple[str, Callable[..., Any]]
"""A pattern of a fix, and a function of the groups of its match, by name."""


WHERE: Mapping[str, str] = {
    "unit/audit/test_fixes_of_an_audit.py": "all that an audit decides",
    "unit/test_typed_fixes.py": (
        "GS-S3-001 GS-S3-002 GS-S3-003 GS-S3-005 GS-SEC-009 GS-SEC-011 GS-TLS-001 GS-TLS-005 "
        "GS-TLS-006 GS-TLS-007 GS-TLS-008 GS-TLS-011"
    ),
    "unit/preflight/test_typed_fixes.py": (
        "GS-KMS-001 GS-KMS-002 GS-KMS-003 GS-KMS-004 GS-SEC-001 GS-SEC-003 GS-SEC-004 GS-SEC-005 GS-SEC-006"
    ),
    "unit/test_fixes_of_controls.py": (
        "GS-BKM-001 GS-BKM-002 GS-BKM-003 GS-BKM-004 GS-BKM-005 GS-BKM-006 GS-CAT-001 GS-CAT-002 "
        "GS-CAT-003 GS-COL-001 GS-COL-002 GS-COL-003 GS-COL-004 GS-COL-005 GS-COL-006 GS-CON-001 "
        "GS-CON-002 GS-EVD-001 GS-EVD-002 GS-EVD-003 GS-KMS-006 GS-LF-007 GS-LF-009 GS-POL-001 "
        "GS-POL-002 GS-S3-004 GS-S3-006 GS-S3-007 GS-S3-008 GS-S3-009 GS-S3-010 GS-S3-011 "
        "GS-S3-012 GS-S3-013 GS-S3-014 GS-SEC-007 GS-SEC-008 GS-SEC-010 GS-TLS-002 GS-TLS-003 "
        "GS-TLS-004 GS-TLS-009 GS-TLS-010 GS-TLS-012 GS-TLS-013"
    ),
    "unit/governance/test_fixes_of_permissions.py": ("GS-CAT-004 GS-LF-003 GS-LF-004 GS-LF-005 GS-LF-006"),
    "unit/quality/test_fixes_of_quality.py": "GS-DQ-001 GS-DQ-002 GS-DQ-003 GS-DQ-004 GS-DQ-005",
    "unit/project/deploy/test_fixes_of_deployed_jobs.py": (
        "GS-DEP-001 GS-DEP-002 GS-DEP-003 GS-DEP-004 GS-DEP-005 GS-DEP-006"
    ),
}
"""Test file → the controls whose fixes it carries out. Each file compares its cases with this table."""

NOT_CARRIED_OUT: Mapping[str, str] = {
    "GS-DEP-007": "session policies depend on the Region of AWS Glue; the embedded account has none",
}
"""Control → why its fix cannot be carried out without AWS."""


def carry_out(fix: str, edits: Iterable[Edit]) -> Any:
    """Call the edit of the first pattern that the fix matches, and return its result."""
    for pattern, edit in edits:
        match = re.search(pattern, fix)
        if match:
            return edit(**match.groupdict())
    raise AssertionError(f"a fix that names no edit: {fix}")


def command(text: str, program: str) -> tuple[list[str], dict[str, str]]:
    """Return the words of the first command of a program in a fix, and its options (``""`` for a flag).

    A command ends with the sentence, or with the clause that it is part of.
    """
    words: list[str] = []
    options: dict[str, str] = {}
    name = ""
    lexer = shlex.shlex(text[text.index(f"{program} ") :], posix=True, punctuation_chars=";()")
    lexer.whitespace_split, lexer.commenters = True, ""
    for word in lexer:
        if set(word) <= set(";()"):
            break
        is_last = word.endswith((",", ":"))
        word = word.rstrip(",:") if is_last else word
        if word.startswith("--"):
            name = word
            options[name] = ""
        elif name:
            options[name], name = word, ""
        else:
            words.append(word)
        if is_last:
            break
    return words, options


class Cases(dict[str, tuple[str, Case]]):
    """Cases of fixes by name, each with its control."""

    def of(self, control: str) -> Callable[[Case], Case]:
        """Return a decorator that adds a case of a control."""

        def add(case: Case) -> Case:
            name = f"{control} {case.__name__.replace('_', ' ')}"
            assert name not in self
            self[name] = control, case
            return case

        return add

    def check(self, name: str, get: Callable[[str], Any]) -> None:
        """Assert that the attempt of a case fails, and succeeds after its fix has been carried out.

        Args:
            name: of the case.
            get: returns a fixture of pytest by its name.
        """
        control, case = self[name]
        steps = case(get)
        attempt = next(steps)
        with pytest.raises(GlueSecureError) as failed:
            attempt()
        assert getattr(failed.value, "control", "") == control, str(failed.value)
        with suppress(StopIteration):
            steps.send(failed.value)
            raise AssertionError(f"{name} yields more than once")
        attempt()


def controls_of(file: str) -> set[str]:
    """Return the controls whose fixes a test file carries out, by the table."""
    return set(WHERE[Path(file).relative_to(Path(__file__).parents[1]).as_posix()].split())
