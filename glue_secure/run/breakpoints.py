"""``breakpoint()`` in a script that ``glue-secure run`` has started, which has no terminal."""

from __future__ import annotations

from typing import NoReturn

from glue_secure.core.errors import UsageError

HOOK = f"{__name__}.reject"
"""Value of ``PYTHONBREAKPOINT``."""


def reject() -> NoReturn:
    """Raise UsageError. The debugger would wait for input that cannot arrive."""
    raise UsageError(
        "breakpoint()",
        found="a script that spark-submit has started, whose standard input is not the terminal",
        required="a process with a terminal",
        fix='eval "$(glue-secure local env)" and run the script with python SCRIPT --JOB_NAME NAME ...',
    )
