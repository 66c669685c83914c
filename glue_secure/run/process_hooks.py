"""How a script ends: refusals as text with their exit code, evidence for a run that was left open."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from glue_secure.core.errors import GlueSecureError
from glue_secure.core.redaction import redact_text
from glue_secure.run.run import Run

_installed = False
_handles_sigterm = False
_terminated = False
# With the process that each run belongs to: a fork inherits this list, and the runs are not its own.
_open_runs: list[tuple[int, Run]] = []


class Terminated(SystemExit):
    """SIGTERM asked for the end. The exit code is a shell's for it, 143; evidence names this type."""

    def __init__(self) -> None:
        super().__init__("terminated by SIGTERM")
        self.code = 128 + signal.SIGTERM


def watch(run: Run) -> None:
    """See that ``run`` leaves evidence however the script ends (short of SIGKILL)."""
    install()
    # A process that makes many runs, as a test suite does, must not keep each with its clients.
    _open_runs[:] = [entry for entry in _open_runs if entry[1].is_open]
    _open_runs.append((os.getpid(), run))


def install() -> None:
    """Give this project's errors their text and exit code at the top of a script; harmless when repeated.

    SIGTERM unwinds the script, so that its blocks and the evidence see it end, unless the script handles
    the signal itself.
    """
    global _installed
    _handle_sigterm()
    if _installed:
        return
    _installed = True
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        for run in _own_runs():
            run.close(error)
        if not isinstance(error, GlueSecureError):
            return previous(kind, error, trace)
        print(redact_text(str(error)), file=sys.stderr, flush=True)  # noqa: T201 - the script's last word
        # A SystemExit raised in an excepthook sets the process's exit code.
        raise SystemExit(error.exit_code)

    sys.excepthook = hook
    atexit.register(_close_left_open)


def _handle_sigterm() -> None:
    global _handles_sigterm
    # Python lets the main thread alone set a handler.
    if _handles_sigterm or threading.current_thread() is not threading.main_thread():
        return
    _handles_sigterm = True
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    owner = os.getpid()

    def handler(number: int, _frame: FrameType | None) -> None:
        global _terminated
        if os.getpid() != owner:  # a fork, of multiprocessing for instance: it ends as it always did
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # A second one would only cut the evidence short; who cannot wait has SIGKILL.
        signal.signal(number, signal.SIG_IGN)
        _terminated = True
        raise Terminated

    signal.signal(signal.SIGTERM, handler)


def _own_runs() -> list[Run]:
    return [run for process, run in _open_runs if process == os.getpid()]


def _close_left_open() -> None:
    for run in _own_runs():
        # The interpreter is going down: there is nobody left to handle an error.
        with suppress(Exception):
            run.close(outcome="terminated by SIGTERM" if _terminated else "ended without job.commit()")
