"""RDD saves, which no query listener sees: the name of every Spark job of the run is checked.

``SparkHadoopWriter`` runs the job of each ``saveAs*File``, whatever the calling language, and Spark names the
job after it. If a script names its jobs itself (``callSite.short``), the call stack of the job's stage shows
it. Spark keeps the last thousand jobs, so they are checked while the run is open. The scheduler's count shows
whether a job was missed. If the session keeps fewer jobs (``spark.ui.retainedJobs``), the run has a store of
its own.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_WRITER = "SparkHadoopWriter"
_INTERVAL_SECONDS = 2.0
# Spark's and PySpark's own names of jobs: "count at job.py:12".
_CALL_SITE = re.compile(r"\w+ at \S+:\d+")
_RETAINED_JOBS = "spark.ui.retainedJobs"
_DEFAULT_RETAINED_JOBS = 1000
# Of the run's own store. Tasks are not needed.
_OWN_RETENTION = {_RETAINED_JOBS: "10000", "spark.ui.retainedStages": "1000", "spark.ui.retainedTasks": "1"}


class HadoopWriterJobs:
    """Counts the jobs that saved an RDD and that are not part of a write of the run.

    Args:
        context: the Scala ``SparkContext``.
        own_store: the result of :func:`own_store`, a store that is used instead of the context's.
    """

    def __init__(self, context: Any, own_store: Any = None) -> None:
        self._context = context
        self._store = context.statusStore() if own_store is None else own_store
        self._listener = None if own_store is None else own_store.listener().get()
        if self._listener is not None:
            context.addSparkListener(self._listener)
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
        if self._listener is not None:
            self._context.removeSparkListener(self._listener)

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
                    if self._is_save(self._store.job(job)):
                        self._saves.append(job)
                    self._next = job + 1
            except Exception as error:
                if listeners_are_done and not self._stop.is_set():
                    self._doubt = f"Spark's job {self._next} could not be read ({type(error).__name__})"
                    self._next += 1

    def _is_save(self, job: Any) -> bool:
        name = str(job.name())
        if _WRITER in name or _CALL_SITE.fullmatch(name):
            return _WRITER in name
        stages = str(job.stageIds().mkString(",")).split(",")
        with suppress(Exception):  # the stage is no longer in the store
            return _WRITER in str(self._store.lastStageAttempt(max(map(int, stages))).details())
        return False


def own_store(spark: SparkSession) -> Any:
    """Return a store of jobs of the run's own, None if the session's keeps enough jobs."""
    settings = spark.sparkContext._jsc.sc().getConf()
    if int(settings.get(_RETAINED_JOBS, str(_DEFAULT_RETAINED_JOBS))) >= _DEFAULT_RETAINED_JOBS:
        return None
    jvm: Any = spark.sparkContext._jvm
    for name, value in _OWN_RETENTION.items():
        settings.set(name, value)
    return jvm.org.apache.spark.status.AppStatusStore.createLiveStore(settings, jvm.scala.Option.empty())
