"""A control's id stands in the table, in the code that keeps it, and in the test of its refusal."""

from __future__ import annotations

import re
from pathlib import Path

import glue_secure
from glue_secure.core.controls import CONTROLS

PACKAGE = Path(glue_secure.__file__).parent
TESTS = Path(__file__).parents[1]
ID = re.compile(r"GS-[A-Z0-9]+-\d{3}")


def cited(folder: Path, *, beside: Path) -> set[str]:
    """Ids in the Python files below ``folder``, ``beside`` left out."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        if path.resolve() != beside.resolve():
            found |= set(ID.findall(path.read_text(encoding="utf-8")))
    return found


def test_every_control_is_kept_by_code():
    missing = set(CONTROLS) - cited(PACKAGE, beside=PACKAGE / "core" / "controls.py")
    assert sorted(missing) == []


def test_every_control_has_a_test():
    missing = set(CONTROLS) - cited(TESTS, beside=Path(__file__))
    assert sorted(missing) == []


def test_code_cites_no_control_that_the_table_lacks():
    unknown = cited(PACKAGE, beside=PACKAGE / "core" / "controls.py") - set(CONTROLS)
    assert sorted(unknown) == []
