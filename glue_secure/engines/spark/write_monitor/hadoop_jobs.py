"""RDD saves, which no query listener sees: every Spark job of the run is looked at by its name.

``SparkHadoopWriter`` runs the job of each ``saveAs*File``, in whatever language it was called, and Spark
names the job after it. Spark keeps the last thousand jobs, so they are looked at while the run goes on, and
the scheduler's count tells whether one was missed.
"""

from __future__ import annotations

import threading
from typing import Any

_WRITER = "SparkHadoopWriter"
_EVERY_SECONDS = 2.0


class HadoopWriterJobs:
    """Counts the jobs that saved an RDD and that no guarded call accounts for.

    Args:
        context: the Scala ``SparkContext``.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._next = self._total()
        self._claimed: set[int] = set()
        self._saves: list[int] = []
        self._doubt = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glue-secure-jobs", daemon=True)
        self._thread.start()

    def total(self) -> int:
        """How many jobs the context has started so far."""
        return self._total()

    def claim(self, first: int, end: int) -> None:
        """Jobs from ``first`` to before ``end`` belong to a guarded call."""
        with self._lock:
            self._claimed.update(range(first, end))

    def take(self) -> tuple[int, str]:
        """How many saves nothing accounts for since the last look, and why that may be wrong (or ``""``)."""
        self._look(settled=True)
        with self._lock:
            unclaimed = [job for job in self._saves if job not in self._claimed]
            self._saves.clear()
            doubt, self._doubt = self._doubt, ""
        return len(unclaimed), doubt

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self._look()

    def _look(self, *, settled: bool = False) -> None:
        """Look at the jobs since the last look.

        A job has its number before Spark's own listener has its name. While the run goes on, one without
        a name is asked again the next time; once the listeners have caught up it is one that was missed.
        """
        with self._lock:
            try:
                for job in range(self._next, self._total()):
                    if _WRITER in str(self._context.statusStore().job(job).name()):
                        self._saves.append(job)
                    self._next = job + 1
            except Exception as error:
                if settled and not self._stop.is_set():
                    self._doubt = f"job {self._next} of Spark could not be looked at ({type(error).__name__})"
                    self._next += 1

    def _total(self) -> int:
        return int(self._context.dagScheduler().numTotalJobs())
