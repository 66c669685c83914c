"""Whether a run is open, and which of its operations are in progress."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from glue_secure.core.errors import ControlError, EngineError, GlueSecureError, UsageError
from glue_secure.core.identifiers import RunId
from glue_secure.core.redaction import redacting_logger

_LOG = redacting_logger(__name__)


class RunState:
    """The state of a run: open, committing, or ended. Thread-safe.

    Args:
        run_id: the run, for messages.
    """

    def __init__(self, run_id: RunId) -> None:
        self._run_id = run_id
        self._lock = Lock()
        self._in_progress = 0
        self._committing = False
        self._outcome: str | None = None
        self._failure: BaseException | None = None
        self._process = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self._outcome is None

    @property
    def has_failed(self) -> bool:
        """Whether an operation has failed, so that the run cannot commit."""
        return self._failure is not None

    @contextmanager
    def operation(self, fails_run_on: type[BaseException] = BaseException, /) -> Iterator[None]:
        """Run one read or write. An exception of type ``fails_run_on`` marks the run as failed.

        A script may catch the exception and continue. A failed run still cannot commit, because its bookmark
        would skip data that was selected but not written, or not verified. A read that fails does not change
        the bookmark, so only a failed control marks the run as failed.

        Raises:
            UsageError: the run has ended or begun to commit; or it ended during the operation.
        """
        with self._lock:
            self._require_open()
            self._in_progress += 1
        try:
            yield
        except fails_run_on as error:
            self._failure = self._failure or error
            raise
        finally:
            with self._lock:
                self._in_progress -= 1
        if self._outcome is not None:
            raise UsageError(
                f"run {self._run_id} has ended",
                found=f"a read or write that finished after the run {self._outcome}, without evidence",
                required="reads and writes that finish before the run ends",
                fix="wait for threads before the block ends",
            )

    def begin_commit(self) -> None:
        """Stop accepting operations.

        Raises:
            UsageError: this is a forked process, the run has ended, or operations are in progress in other
                threads.
        """
        if os.getpid() != self._process:
            raise UsageError(
                f"commit of run {self._run_id}",
                found=f"a call in process {os.getpid()}, forked from the job's process {self._process}",
                required="a call in the job's own process",
                fix="call job.commit() in the job's process after its child processes have ended; a child "
                "process ends with os._exit()",
            )
        with self._lock:
            self._require_open()
            if self._in_progress:
                raise UsageError(
                    f"commit of run {self._run_id}",
                    found=f"{self._in_progress} reads or writes in progress in other threads",
                    required="none",
                    fix="wait for them before job.commit()",
                )
            self._committing = True

    def failed_control_in(self, error: BaseException) -> BaseException:
        """Return the failed control of an operation that an error of Spark quotes, else the error itself."""
        failure = self._failure
        if isinstance(failure, ControlError) and failure is not error and str(failure) in str(error):
            failure.__cause__ = error
            return failure
        return error

    def require_no_failure(self) -> None:
        """Raise the error of the first operation that failed, and log that the error is an earlier one."""
        if self._failure is not None:
            _LOG.error("nothing is committed: a read or write failed earlier, and the script continued")
        if isinstance(self._failure, EngineError):
            failure = self._failure
            raise EngineError(
                failure.resource,
                cause=failure.cause,
                location=failure.location,
                fix=failure.fix,
                outcome="the script continued; nothing is committed",
            ) from failure
        if isinstance(self._failure, GlueSecureError):
            raise self._failure
        if self._failure is not None:
            raise GlueSecureError(
                f"a read or write failed with {type(self._failure).__name__} and the script continued; "
                "nothing is committed"
            ) from self._failure

    def end(self, outcome: str) -> bool:
        """End the run. Return False if it has ended already, or if this is a forked process."""
        if self._outcome is not None or os.getpid() != self._process:
            return False
        self._outcome = outcome
        return True

    def _require_open(self) -> None:
        if self._outcome is not None or self._committing:
            raise UsageError(
                f"run {self._run_id} has ended",
                found=f"a read, write or commit after it {self._outcome or 'began to commit'}",
                required="all reads and writes before job.commit()",
                fix="move the call before job.commit(); the evidence does not cover later calls",
            )
