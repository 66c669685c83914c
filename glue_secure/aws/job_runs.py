"""Runs of a job: started, looked at, stopped. For a laptop alone."""

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
    """A run as GetJobRun tells it.

    Attributes:
        state: ``STARTING``, ``RUNNING``, ``SUCCEEDED``, ... in Glue's own words.
        error: Glue's ``ErrorMessage``, or "".
        seconds: ``ExecutionTime``: how long it has consumed resources.
    """

    state: str
    error: str = ""
    seconds: int = 0

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.state in _ENDED


class JobRuns:
    """Job runs of AWS Glue.

    Args:
        client: of AWS Glue.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def start(self, job: str, arguments: Mapping[str, str]) -> str:
        """StartJobRun; the run's id. Arguments carry their ``--``. Raises NotFound, ServiceError."""
        with translate_errors("StartJobRun"):
            return str(self._client.start_job_run(JobName=job, Arguments=dict(arguments))["JobRunId"])

    def state(self, job: str, run: str) -> RunState:
        """GetJobRun. Raises NotFound, ServiceError."""
        with translate_errors("GetJobRun"):
            found = self._client.get_job_run(JobName=job, RunId=run)["JobRun"]
        return RunState(
            str(found.get("JobRunState", "")),
            redact_text(str(found.get("ErrorMessage") or "")),
            int(found.get("ExecutionTime") or 0),
        )

    def stop(self, job: str, run: str) -> None:
        """BatchStopJobRun of one run. Raises ServiceError, also for what the answer lists as failed."""
        with translate_errors("BatchStopJobRun"):
            answer = self._client.batch_stop_job_run(JobName=job, JobRunIds=[run])
        for failure in answer.get("Errors") or ():
            detail = failure.get("ErrorDetail") or {}
            code, text = str(detail.get("ErrorCode", "")), redact_text(str(detail.get("ErrorMessage", "")))
            raise ServiceError(
                f"BatchStopJobRun {run}: {code}: {text}", code=code, operation="BatchStopJobRun"
            )
