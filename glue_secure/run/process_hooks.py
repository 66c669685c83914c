"""How the process of a job script ends: exit code, error text, and evidence of a run that is still open.

``install_process_hooks`` changes three things of the process, because a script in AWS Glue has no caller that
could:

- ``sys.excepthook``: an error of glue-secure is printed without a stack trace, and its exit code
  (``core.errors.exit_code``) becomes the exit code of the process. Open runs are closed with the error first.
- SIGTERM, unless the script handles it: raises :class:`Terminated` in the main thread, so that ``with``
  blocks and ``finally`` clauses run and the evidence is written. The exit code is 143.
- ``atexit``: a run that is still open is closed without a commit.

It is called when a run starts and by ``getResolvedOptions``, the first call of most Glue scripts: a missing
argument is printed without a stack trace, and the exit code is 2.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from glue_secure.core.errors import GlueSecureError, exit_code
from glue_secure.core.redaction import redact_text
from glue_secure.run.before_init import expect_init
from glue_secure.run.run import Run

_installed = False
_handles_sigterm = False
_terminated = False
# With the process that each run belongs to: a forked process inherits the list, but must not close these
# runs.
_open_runs: list[tuple[int, Run]] = []


class Terminated(SystemExit):
    """SIGTERM was received. The exit code is 143, as a shell reports it."""

    def __init__(self) -> None:
        super().__init__("terminated by SIGTERM")
        self.code = 128 + signal.SIGTERM


def close_at_exit(run: Run) -> None:
    """Close the run when the process ends, so that it leaves evidence. SIGKILL prevents that."""
    # A process that starts many runs, such as a test suite, must not keep the closed ones in memory.
    _open_runs[:] = [entry for entry in _open_runs if entry[1].is_open]
    _open_runs.append((os.getpid(), run))


def install_process_hooks() -> None:
    """Install the hooks, and reject storing S3 calls until a run starts. A second call does nothing."""
    global _installed
    expect_init()
    _handle_sigterm()
    if _installed:
        return
    _installed = True
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        for run in _runs_of_this_process():
            run.close(error)
        if not isinstance(error, GlueSecureError):
            return previous(kind, error, trace)
        print(redact_text(str(error)), file=sys.stderr, flush=True)  # noqa: T201 - the error text of the script
        # A SystemExit raised in an excepthook sets the exit code of the process.
        raise SystemExit(exit_code(error))

    sys.excepthook = hook
    atexit.register(_close_open_runs)


def _handle_sigterm() -> None:
    global _handles_sigterm
    # Python allows only the main thread to set a signal handler.
    if _handles_sigterm or threading.current_thread() is not threading.main_thread():
        return
    _handles_sigterm = True
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    owner = os.getpid()

    def handler(number: int, _frame: FrameType | None) -> None:
        global _terminated
        if os.getpid() != owner:  # a forked process, for example of multiprocessing, ends by the signal
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        # A second SIGTERM would interrupt the writing of the evidence.
        signal.signal(number, signal.SIG_IGN)
        _terminated = True
        raise Terminated

    signal.signal(signal.SIGTERM, handler)


def _runs_of_this_process() -> list[Run]:
    return [run for process, run in _open_runs if process == os.getpid()]


def _close_open_runs() -> None:
    for run in _runs_of_this_process():
        # The interpreter is shutting down, so no caller can handle an error.
        with suppress(Exception):
            run.close(outcome="terminated by SIGTERM" if _terminated else "ended without job.commit()")
