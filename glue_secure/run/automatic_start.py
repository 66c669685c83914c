"""The run that starts without ``job.init``, in the process of a job script.

A script of AWS Glue need not call ``job.init``. Its run starts with the first of these: a Spark session, a
``GlueContext``, a boto3 call that stores something. The arguments are those of the process. A later
``job.init`` joins the run, and only then its bookmark is used, as in AWS Glue. ``job.commit()`` or the end of
the process ends the run.

The process must have ``--JOB_NAME`` and a location for the evidence. There is one such run for a process, and
none after a run was started with ``job.init`` or SecureJob. Processes of pytest start none.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glue_secure.core.arguments import DECISIVE, EVIDENCE_URI, JobArguments
from glue_secure.core.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.run.run import Run


class _Process:
    """What was started in this process."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.process = os.getpid()
        self.allowed = True
        self.is_starting = False
        self.has_started = False
        self.run: Run | None = None
        self.arguments = JobArguments({})
        self.error: BaseException | None = None


_state = _Process()


def forbid() -> None:
    """Let each run of this process start with ``job.init`` or SecureJob only: the process tests jobs."""
    _state.allowed = False


def start_automatically(session: Callable[[], SparkSession] | None = None) -> Run | None:
    """Return the open run of the process that started without ``job.init``; start it if there was no run.

    Args:
        session: returns the Spark session; by default, the active session, which is created if necessary.

    Returns:
        None if no run may start here, for example because ``--JOB_NAME`` is missing.

    Raises:
        UsageError: an argument is invalid.
        RefusedError, VerificationError: a control stopped the run, now or in an earlier call.
    """
    with _state.lock:
        if _state.is_starting or not _state.allowed or os.getpid() != _state.process:
            return None
        if _state.error is not None:
            raise _state.error
        if _state.run is not None:
            return _state.run if _state.run.is_open else None
        if _state.has_started or _missing_argument():
            return None
        from glue_secure.run.start import read_arguments, start_run

        try:
            arguments = read_arguments()
            run = start_run(arguments, session or _session, awaits_init=True)
        except Exception as error:
            _state.error = error
            raise
        _state.run, _state.arguments = run, arguments
        return run


@contextmanager
def starting() -> Iterator[None]:
    """Start no run automatically while the block runs, nor afterwards: a run is being started."""
    with _state.lock:
        before, _state.is_starting, _state.has_started = _state.is_starting, True, True
        try:
            yield
        finally:
            _state.is_starting = before


def waiting_run() -> Run | None:
    """Return the open run that started automatically, if no ``job.init`` has joined it yet."""
    run = _state.run
    return run if run is not None and run.is_open and run.awaits_init else None


def join(run: Run, arguments: JobArguments, job_name: str | None) -> Run:
    """Return the run that started automatically, after ``job.init`` or SecureJob has joined it.

    Raises:
        UsageError: the call names another job, or passes an argument that decides the run and is not one of
            the process.
        RefusedError, VerificationError: the bookmark cannot be used.
    """
    identity = arguments.identity(job=job_name, fresh_run_id=str(run.identity.run_id))
    if identity != run.identity:
        raise UsageError(
            "job.init",
            found=f"run {identity.run_id} of job {identity.job}",
            required=f"run {run.identity.run_id} of job {run.identity.job}, which has started",
            fix="pass JOB_NAME and JOB_RUN_ID as arguments of the script",
        )
    for name in DECISIVE:
        if _decisive(arguments, name) != _decisive(_state.arguments, name):
            raise UsageError(
                "job.init",
                found=f"--{name}, which the script's own arguments do not have",
                required="the arguments with which the run has started",
                fix=f"pass --{name} as an argument of the script",
            )
    try:
        with run.recorder.timed("bookmark"):
            run.recorder.record(run.bookmarks.begin())
    except BaseException as error:
        run.close(error)
        raise
    run.awaits_init = False
    return run


def _decisive(arguments: JobArguments, name: str) -> str | None:
    """Return the value of an argument that decides the run.

    getResolvedOptions always returns a bookmark option, and the same for its two names.
    """
    if name in ("job-bookmark-option", "continuation-option"):
        return arguments.bookmark_option().value
    return arguments.get(name)


def no_run(call: str) -> RefusedError:
    """Return the error for a call that needs a run, in a process without one (GS-SEC-007)."""
    missing = _missing_argument() if _state.allowed and not _state.has_started else ""
    if missing:
        return RefusedError(
            "GS-SEC-007",
            resource=call,
            found=f"no run: the script has no argument --{missing}, and job.init was not called",
            required="a run, which starts by itself if --JOB_NAME and --glue-secure-evidence-uri are given",
            fix=f"add --{missing} {_EXAMPLES[missing]} to the script's arguments, or call job.init before it",
        )
    return RefusedError(
        "GS-SEC-007",
        resource=call,
        found="called before job.init",
        required="job = Job(glueContext); job.init(args['JOB_NAME'], args) first",
        fix="move job.init above the first read or write",
    )


_EXAMPLES = {"JOB_NAME": "NAME", EVIDENCE_URI: "s3://BUCKET/PREFIX/"}


def _missing_argument() -> str:
    from glue_secure.run.composition import arguments

    given = arguments()
    return next((name for name in _EXAMPLES if not given.get(name)), "")


def _session() -> SparkSession:
    from glue_secure.run.runtime_selection import load_session_hooks

    return load_session_hooks().active_session()
