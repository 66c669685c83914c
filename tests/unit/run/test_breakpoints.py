"""``breakpoint()`` in a script of ``glue-secure run`` without a terminal."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.run import breakpoints


def test_a_breakpoint_is_rejected_at_once(monkeypatch):
    monkeypatch.setenv("PYTHONBREAKPOINT", breakpoints.HOOK)
    with pytest.raises(UsageError, match=r"breakpoint\(\)(.|\n)*do not redirect its standard input"):
        breakpoint()
