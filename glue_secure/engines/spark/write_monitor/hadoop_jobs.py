"""RDD saves, which no query listener sees: the name of every Spark job of the run is checked.

``SparkHadoopWriter`` runs the job of each ``saveAs*File``, whatever the calling language, and Spark names the
job after it. Spark keeps the last thousand jobs, so they are checked while the run is open. The scheduler's
count shows whether a job was missed.
"""

from __future__ import annotations

import threading
from typing import Any

_WRITER = "SparkHadoopWriter"
_INTERVAL_SECONDS = 2.0


class HadoopWriterJobs:
    """Counts the jobs that saved an RDD and that are not part of a write of the run.

    Args:
        context: the Scala ``SparkContext``.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._next = self.started()
        self._attributed: set[int] = set()
        self._saves: list[int] = []
        self._doubt = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._check_regularly, name="glue-secure-jobs", daemon=True)
        self._thread.start()

    def started(self) -> int:
        """Return how many jobs the context has started."""
        return int(self._context.dagScheduler().numTotalJobs())

    def attribute_to_run(self, first: int, end: int) -> None:
        """Count the jobs from ``first`` to before ``end`` as part of a write of the run."""
        with self._lock:
            self._attributed.update(range(first, end))

    def take(self) -> tuple[int, str]:
        """Return the number of unmanaged saves since the last call, and why it may be wrong (or ``""``)."""
        self._check(listeners_are_done=True)
        with self._lock:
            unmanaged = [job for job in self._saves if job not in self._attributed]
            self._saves.clear()
            doubt, self._doubt = self._doubt, ""
        return len(unmanaged), doubt

    def close(self) -> None:
        """Stop checking."""
        self._stop.set()

    def _check_regularly(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            self._check()

    def _check(self, *, listeners_are_done: bool = False) -> None:
        """Check the jobs since the last check.

        A job gets its number before Spark's own listener records its name. A job without a name is checked
        again the next time; once the listeners are done, it counts as missed.
        """
        with self._lock:
            try:
                for job in range(self._next, self.started()):
                    if _WRITER in str(self._context.statusStore().job(job).name()):
                        self._saves.append(job)
                    self._next = job + 1
            except Exception as error:
                if listeners_are_done and not self._stop.is_set():
                    self._doubt = f"Spark's job {self._next} could not be read ({type(error).__name__})"
                    self._next += 1
