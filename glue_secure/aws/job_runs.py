"""Job runs: start, state and stop. Used by the command line only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError

_ENDED = frozenset(("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"))


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as GetJobRun returns it.

    Attributes:
        state: ``JobRunState``: ``STARTING``, ``RUNNING``, ``SUCCEEDED``, ...
        error: ``ErrorMessage``, or "".
        seconds: ``ExecutionTime``: seconds for which the run has consumed resources.
        session_policy: ``ExecutionRoleSessionPolicy``, or "".
    """

    state: str
    error: str = ""
    seconds: int = 0
    session_policy: str = ""

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in _ENDED


class JobRuns:
    """Job runs of AWS Glue.

    Args:
        client: of AWS Glue.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def start(self, job: str, arguments: Mapping[str, str], session_policy: str = "") -> str:
        """Start a run and return its id (StartJobRun). Raises ServiceError.

        Args:
            job: Name of the job.
            arguments: Arguments; the names include ``--``.
            session_policy: ``ExecutionRoleSessionPolicy``, or "" for none.
        """
        limits = {"ExecutionRoleSessionPolicy": session_policy} if session_policy else {}
        with translate_errors("StartJobRun"):
            answer = self._client.start_job_run(JobName=job, Arguments=dict(arguments), **limits)
        return str(answer["JobRunId"])

    def state(self, job: str, run: str) -> RunState:
        """Return the state of a run (GetJobRun). Raises NotFound, ServiceError."""
        with translate_errors("GetJobRun"):
            shape = self._client.get_job_run(JobName=job, RunId=run)["JobRun"]
        return RunState(
            str(shape.get("JobRunState", "")),
            redact_text(str(shape.get("ErrorMessage") or "")),
            int(shape.get("ExecutionTime") or 0),
            str(shape.get("ExecutionRoleSessionPolicy") or ""),
        )

    def stop(self, job: str, run: str) -> None:
        """Stop a run (BatchStopJobRun). Raises ServiceError, also for an error inside the response."""
        with translate_errors("BatchStopJobRun"):
            answer = self._client.batch_stop_job_run(JobName=job, JobRunIds=[run])
        for failure in answer.get("Errors") or ():
            detail = failure.get("ErrorDetail") or {}
            code, text = str(detail.get("ErrorCode", "")), redact_text(str(detail.get("ErrorMessage", "")))
            raise ServiceError(
                f"BatchStopJobRun {run}: {code}: {text}", code=code, operation="BatchStopJobRun"
            )
