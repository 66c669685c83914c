"""How a script ends: refusals as text with their exit code, evidence for a run that was left open."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any

from glue_secure.core.errors import GlueSecureError
from glue_secure.core.redaction import redact_text
from glue_secure.runtime.run import SecuredRun

_installed = False
_open_runs: list[SecuredRun] = []


def watch(run: SecuredRun) -> None:
    """See that ``run`` leaves evidence however the script ends (short of SIGKILL)."""
    install()
    _open_runs.append(run)


def install() -> None:
    """Give this project's errors their text and exit code at the top of a script; harmless when repeated."""
    global _installed
    if _installed:
        return
    _installed = True
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        for run in _open_runs:
            run.close(error)
        if not isinstance(error, GlueSecureError):
            return previous(kind, error, trace)
        print(redact_text(str(error)), file=sys.stderr, flush=True)  # noqa: T201 - the script's last word
        # A SystemExit raised in an excepthook sets the process's exit code.
        raise SystemExit(error.exit_code)

    sys.excepthook = hook
    atexit.register(_close_left_open)


def _close_left_open() -> None:
    for run in _open_runs:
        # The interpreter is going down: there is nobody left to handle an error.
        with suppress(Exception):
            run.close(outcome="ended without job.commit()")
