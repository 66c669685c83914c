"""Debuggers and questions in a script that ``glue-secure run`` has started without a terminal."""

from __future__ import annotations

import os
from bdb import BdbQuit
from typing import NoReturn

from glue_secure.core.errors import UsageError

HOOK = f"{__name__}.reject"
"""Value of ``PYTHONBREAKPOINT`` if standard input is no terminal."""


def reject() -> NoReturn:
    """Raise UsageError. The debugger would wait for input that cannot arrive."""
    raise _no_terminal("breakpoint()")


def without_terminal(error: BaseException) -> UsageError | None:
    """Return the error of a script that has asked for input by ``input()`` or ``pdb.set_trace()``.

    Return None for another error, and in a process that ``glue-secure run`` has not started.
    """
    if os.environ.get("PYTHONBREAKPOINT") != HOOK:
        return None
    if isinstance(error, BdbQuit):
        return _no_terminal("a debugger")
    is_of_input = isinstance(error, EOFError) and str(error) == "EOF when reading a line"
    return _no_terminal("input()") if is_of_input else None


def _no_terminal(call: str) -> UsageError:
    return UsageError(
        call,
        found="standard input is not a terminal, and has ended",
        required="a terminal, or input",
        fix="start glue-secure run in a terminal, and do not redirect its standard input",
    )
