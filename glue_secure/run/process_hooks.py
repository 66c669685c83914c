"""How the process of a job script ends: exit code, error text, and evidence of a run that is still open.

``install_process_hooks`` changes three things of the process, because a script in AWS Glue has no caller that
could:

- ``sys.excepthook``: an error of glue-secure is printed without a stack trace, and its exit code
  (``core.errors.exit_code``) becomes the exit code of the process. Open runs are closed with the error first.
- SIGTERM, unless the script handles it: raises :class:`Terminated` in the main thread, so that ``with``
  blocks and ``finally`` clauses run and the evidence is written. The exit code is 143.
- ``atexit``: a run that is still open is verified and ends without a commit (ADR 25), which is printed on
  stderr. The exit code changes if the verification fails, or if the next run would read the same input again.

It is called when a script imports an awsglue-compatible module (:mod:`glue_secure.run.job_process`), when a
run starts and by ``getResolvedOptions``. In the process of a script with ``--JOB_NAME``, a Spark session
starts the run (:mod:`glue_secure.run.automatic_start`), and a run that no ``job.init`` has joined is verified
before the script stops Spark.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from types import FrameType, TracebackType
from typing import Any

from glue_secure.core.errors import EngineError, GlueSecureError, RefusedError, exit_code
from glue_secure.core.evidence import ENDED_WITHOUT_COMMIT, TERMINATED
from glue_secure.core.redaction import redact_text
from glue_secure.core.request_guard import refusal_in
from glue_secure.run.automatic_start import no_run, start_automatically
from glue_secure.run.before_init import expect_init
from glue_secure.run.breakpoints import without_terminal
from glue_secure.run.job_process import is_job_process
from glue_secure.run.run import Run
from glue_secure.run.runtime_selection import load_session_hooks
from glue_secure.verification.child_processes import CHILD_PROCESSES

# Files that a traceback of a script's call goes through.
_STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep
_LIBRARIES = re.compile(r"[/\\](?:site-packages|pyspark|py4j|glue_secure|awsglue)[/\\]|\A<")
# Spark's errors of a script that uses or writes a column of a frame without columns.
_MISSING_COLUMNS = re.compile(r"UNRESOLVED_COLUMN|EMPTY_SCHEMA|nested empty schemas?|cannot be resolved")
_PACKAGES = frozenset(("glue_secure", "awsglue", "pyspark", "boto3", "botocore", "s3transfer", "aiobotocore"))
_installed = False
_exit_code = 0
_handles_sigterm = False
_terminated = False
# With the process that each run belongs to: a forked process inherits the list, but must not close these
# runs.
_open_runs: list[tuple[int, Run]] = []


class Terminated(SystemExit):
    """SIGTERM was received. The exit code is 143, as a shell reports it."""

    def __init__(self) -> None:
        super().__init__(TERMINATED)
        self.code = 128 + signal.SIGTERM


def end_at_exit(run: Run) -> None:
    """End the run when the process ends, so that it leaves evidence. SIGKILL prevents that."""
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
    sys.excepthook = partial(end_with_error, sys.excepthook)
    atexit.register(_end_open_runs)
    if is_job_process() and find_spec("pyspark") is not None:
        load_session_hooks().install(start_automatically, _end_waiting_runs)


def end_with_error(
    previous: Callable[..., Any],
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> Any:
    """Close the open runs with an error that ended the script, and print it; an ``excepthook``.

    Args:
        previous: the hook for errors that are neither glue-secure's nor Spark's.
        kind: the error's class.
        error: the error.
        trace: its traceback.

    Raises:
        SystemExit: with the exit code of the error; 130 for Ctrl-C.
    """
    error = close_failed_runs(error)
    if isinstance(error, KeyboardInterrupt):
        lines = [line for run in _runs_of_this_process() for line in _interrupted(run)]
        print("\n".join(("interrupted", *lines)), file=sys.stderr, flush=True)  # noqa: T201 - as below
        raise SystemExit(exit_code(error))
    shown = short_error(error, trace)
    if shown is None:
        return previous(kind, error, trace)
    text = str(shown)
    call = script_call(trace)
    if call is not None and call.filename not in text:
        text += f"\n  script:   {call.filename}, line {call.lineno}"
    print(redact_text(text), file=sys.stderr, flush=True)  # noqa: T201 - the error text of the script
    # A SystemExit raised in an excepthook sets the exit code of the process.
    raise SystemExit(exit_code(shown))


def _interrupted(run: Run) -> list[str]:
    """Return what an interrupted run has committed, and where its evidence is."""
    report = run.bookmarks.report()
    is_committed = report.sequence_after != report.sequence_before
    return [
        f"  run:      {run.identity.run_id} of job {run.identity.job}",
        "  outcome:  the bookmark was committed before the interruption"
        if is_committed
        else "  outcome:  nothing was committed; the next run reads the same input again",
        f"  evidence: {run.evidence_uri or 'none'}",
    ]


def short_error(error: BaseException, trace: TracebackType | None) -> GlueSecureError | None:
    """Return an error of glue-secure or Spark as it is printed; None if it is neither."""
    runs = _runs_of_this_process()
    error = without_terminal(error) or error
    if not isinstance(error, GlueSecureError):
        with suppress(Exception):  # Py4J asks the JVM for the message, and the JVM may have stopped
            error = refusal_in(str(error)) or error
    if isinstance(error, RefusedError) and error.control == "GS-SEC-007" and not runs:
        error = no_run(error.resource)  # the request guard cannot see which argument is missing
    if not isinstance(error, GlueSecureError):
        error = _engine_failure(error, trace, runs) or error
    if isinstance(error, EngineError):
        error = _of_a_frame_without_columns(error, runs)
    return error if isinstance(error, GlueSecureError) else None


def script_call(trace: TracebackType | None) -> traceback.FrameSummary | None:
    """Return the innermost call of a traceback that the script made, None if it made none."""
    frames = [
        frame
        for frame in traceback.extract_tb(trace)
        if not _LIBRARIES.search(frame.filename) and not frame.filename.startswith(_STANDARD_LIBRARY)
    ]
    return frames[-1] if frames else None


def _of_a_frame_without_columns(error: EngineError, runs: list[Run]) -> EngineError:
    """Return the error with the source without objects that caused it; the error itself if none did."""
    reads = [text for run in runs for text in run.reader.reads_without_objects()]
    if not reads or not _MISSING_COLUMNS.search(error.cause):
        return error
    return EngineError(
        error.resource,
        cause=f"a frame without columns, because there was nothing to read: {'; '.join(reads)}",
        fix="upload the objects, correct the location, or pass a schema to the read",
    )


def _engine_failure(
    error: BaseException, trace: TracebackType | None, runs: list[Run]
) -> GlueSecureError | None:
    """Return an error of the engine in a script's own call, in a few lines and with the script's line."""
    if not runs:
        return None
    call = script_call(trace) or traceback.FrameSummary("the script", None, "")
    resource = f"{call.filename}, line {call.lineno}: {call.line}"
    try:
        return runs[-1].engine.failure_of(error, resource)
    except Exception:  # the JVM has ended; the error itself is printed
        return None


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


def close_failed_runs(error: BaseException) -> BaseException:
    """Close the open runs with the error that ended the script, and return the described error."""
    for run in _runs_of_this_process():
        error = run.close(error) or error
    return error


def close_open_runs() -> None:
    """Close the open runs of this process without verification: a test process is not a job."""
    for run in _runs_of_this_process():
        with suppress(Exception):
            run.close(outcome=ENDED_WITHOUT_COMMIT)


def script_line() -> str:
    """Return file and line of the innermost caller outside glue-secure, PySpark and boto3, or ``""``."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _PACKAGES:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return ""


def _end_waiting_runs() -> None:
    """End the runs that no ``job.init`` has joined, because the script stops Spark."""
    global _exit_code
    for run in _runs_of_this_process():
        if run.is_open and run.awaits_init:
            _exit_code = _end_without_commit(run) or _exit_code


def _end_open_runs() -> None:
    code = _exit_code
    for run in _runs_of_this_process():
        if not run.is_open:
            continue
        if _terminated:
            with suppress(Exception):
                run.close(outcome=TERMINATED)
                lines = ("terminated", *_interrupted(run))
                print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - the error text of the script
        else:
            code = _end_without_commit(run) or code
    CHILD_PROCESSES.remove()
    if code:
        # No exception of an atexit function changes the exit code. Functions that were registered before the
        # hooks do not run; the most common of them closes the log handlers.
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


def _end_without_commit(run: Run) -> int:
    """Verify and end a run that the script did not commit, and say so. Return the exit code."""
    calls = "job.init() and job.commit() were" if run.awaits_init else "job.commit() was"
    lines = [f"{calls} not called", f"  run:      {run.identity.run_id} of job {run.identity.job}"]
    if run.call_site:
        lines.append(f"  started:  {run.call_site}")
    code = 0
    try:
        if run.end_without_commit():
            code = GlueSecureError.exit_code
            lines += [
                "  found:    input read with a bookmark, which did not move: the next run reads it again",
                f"  evidence: {run.evidence_uri}",
                "  fix:      call job.commit() at the end of the script, or end the with block of SecureJob;",
                "            for a job without a bookmark, pass --job-bookmark-option job-bookmark-disable",
            ]
        else:
            lines[0] = f"warning: {lines[0]}"
            lines += [
                "  found:    every write was verified; no bookmark was moved",
                f"  evidence: {run.evidence_uri}",
            ]
    except GlueSecureError as error:
        code = exit_code(error)
        lines.append(str(error))
    except Exception as error:  # the JVM has stopped, for example
        code = GlueSecureError.exit_code
        lines += [
            f"  found:    what was written could not be verified ({type(error).__name__})",
            "  fix:      call job.commit() before Spark is stopped",
        ]
    print(redact_text("\n".join(lines)), file=sys.stderr, flush=True)  # noqa: T201 - the error text of the script
    return code
