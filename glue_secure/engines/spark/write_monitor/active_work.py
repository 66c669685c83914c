"""Work of a Spark context that has started and not ended: SQL executions, streams and jobs.

The numbers come from the objects that Spark itself works with, not from the stores of its user interface:
those forget entries (``spark.ui.retainedExecutions``) and are written by listeners, later. Work of every
session and every thread of the context counts. The work of a run is synchronous, so none of it is active when
the run commits.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from glue_secure.core.redaction import redact_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SQL_EXECUTION = "org.apache.spark.sql.execution.SQLExecution$"
_INTERVAL_SECONDS = 0.1
_MOST_CHARACTERS = 120


class ActiveWork:
    """The active work of a session's Spark context.

    Args:
        spark: the session.
    """

    def __init__(self, *, spark: SparkSession) -> None:
        self._spark = spark
        self._context = spark.sparkContext._jsc.sc()

    def wait(self, seconds: float) -> tuple[str, ...]:
        """Wait until no work is active, at most ``seconds``. Return a description of the work that is."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                active = self._describe()
            except Exception as error:
                active = [f"Spark's active work could not be read ({type(error).__name__})"]
            if not active or time.monotonic() >= deadline:
                return tuple(text + _other_threads() for text in active)
            time.sleep(_INTERVAL_SECONDS)

    def _describe(self) -> list[str]:
        executions = self._executions()
        shared = self._spark._jsparkSession.sharedState()
        streams = [entry.getValue() for entry in shared.activeStreamingQueries().entrySet().toArray()]
        described = [f"stream {_text(stream.name()) or stream.id()} is running" for stream in streams]
        jobs = self._context.dagScheduler().activeJobs().iterator()
        while jobs.hasNext():
            job = jobs.next()
            properties = job.properties()
            description = properties.getProperty("spark.job.description") if properties is not None else None
            execution = properties.getProperty("spark.sql.execution.id") if properties is not None else None
            text = _text(description) or _text(job.callSite().shortForm())
            if str(execution) in executions:
                executions[str(execution)] += f", {text}"
            else:
                described.append(f"Spark job {job.jobId()} is running: {text}")
        return [
            f"SQL execution {number} is running: {text}" for number, text in executions.items()
        ] + described

    def _executions(self) -> dict[str, str]:
        """Return SQL execution → its command."""
        kind = self._spark.sparkContext._jvm.java.lang.Class.forName(_SQL_EXECUTION)
        field = kind.getDeclaredField("executionIdToQueryExecution")
        field.setAccessible(True)
        running = field.get(kind.getField("MODULE$").get(None))
        return {
            str(entry.getKey()): _text(entry.getValue().logical().nodeName())
            for entry in running.entrySet().toArray()
        }


def _other_threads() -> str:
    """Return the names of Python's other threads, which may have started the work."""
    names = [
        thread.name
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    return f"; other threads: {', '.join(names)}" if names else ""


def _text(value: Any) -> str:
    text = redact_text(" ".join(str(value).split())) if value is not None else ""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
