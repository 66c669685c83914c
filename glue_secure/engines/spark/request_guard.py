"""The guard in the S3 clients of the driver's JVM and of the executors (Java, in ``jvm/``).

The guard is a JAR on the class path of the driver and the executors. The AWS SDK loads its request handlers
into every S3 client, and ``spark.plugins`` starts its Spark plugin, which gives the executors the policy and
the driver their receipts.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.request_guard import RequestPolicy, RequestReport, report_of
from glue_secure.engines.spark.guard_jar import PLUGIN_CLASS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


MANY_EVENTS = 10_000
"""As ``Events.SEGMENT`` of the guard: with fewer events, the guard has no others."""
# The guards of the open runs of this process, oldest first. A JVM checks requests against one policy: that of
# the last run that was opened. Each open run gets the events of all of them.
_open: list[RequestGuard] = []
_lock = threading.RLock()


class RequestGuard:
    """The request guard for one run.

    Args:
        spark: the session.
        scheme: the scheme of the runtime's S3 paths.
    """

    def __init__(self, *, spark: SparkSession, scheme: str) -> None:
        self._spark, self._scheme = spark, scheme
        self._events: list[str] = []
        self._workers: Mapping[str, str] = {}
        self._policy: RequestPolicy | None = None

    def open(self, policy: RequestPolicy, settings: Mapping[str, str]) -> str:
        """Check S3 requests against a policy from now on.

        Return why receipts cannot be relied on, ``""`` if they can.

        Args:
            policy: the policy.
            settings: the ``fs.s3*`` settings with which the guard is tested.
        """
        guard = self._guard
        if guard is None:
            return "the JAR of the request guard is not on Spark's class path"
        if not guard.isStarted():
            return f"spark.plugins does not contain {PLUGIN_CLASS}"
        with _lock:
            while self._collect():  # events from before the run belong to no run
                self._events.clear()
            self._events.clear()
            self._policy = policy
            _open.append(self)
            self._send(guard, settings)
        session = self._spark._jsparkSession.sessionState()
        probe = self._spark._jvm.gluesecure.guard.Probe
        return str(probe.run(policy.probe.with_scheme(self._scheme), session.newHadoopConf()))

    def guard_python_workers(self, workers: Mapping[str, str]) -> bool:
        """Let executors guard their Python workers from now on; see ``PythonWorkers.java``.

        Return whether executors do so: the guard has started, and the policy of this run is in force.
        """
        with _lock:
            guard = self._guard
            if guard is None or not guard.isStarted() or _open[-1:] != [self]:
                return False
            self._workers = dict(workers)
            guard.guardPythonWorkers(_java(self._spark._jvm, self._workers))
        return True

    def end_writes(self, seconds: float) -> Sequence[str]:
        """Refuse storing requests of the driver from now on, and return those still in progress after a wait.

        While another run is open in this process, its requests are not refused, and nothing is waited for.
        """
        with _lock:
            guard = self._guard
            if guard is None or _open != [self]:
                return ()
        return _lines(guard.commit(int(seconds * 1000)))

    def resume_writes(self) -> None:
        """Allow storing requests again, after :meth:`end_writes`."""
        with _lock:
            guard = self._guard
            if guard is not None and _open == [self]:
                self._send(guard, {})

    def take(self) -> RequestReport:
        """Return what the guard observed since the last call; not more than fits in memory."""
        if self._policy is None:
            return RequestReport()  # the events are those of other runs
        with _lock:
            has_more = self._collect()
            events, self._events = self._events, []
        return report_of(events, has_more=has_more)

    def close(self) -> None:
        """Refuse storing requests from now on, unless another run is open."""
        with _lock:
            if self not in _open:
                return
            _open.remove(self)
            guard = self._guard
            if guard is None:
                return
            if _open:
                _open[-1]._send(guard, {})
            else:
                guard.close()

    def _send(self, guard: Any, settings: Mapping[str, str]) -> None:
        assert self._policy is not None  # noqa: S101 - open() has set it
        message = self._policy.message(scheme=self._scheme, settings=settings)
        with suppress_client_logs():  # fs.s3a.secret.key may be among the settings
            guard.open(_java(self._spark._jvm, {**message, "workers": self._workers}))

    def _collect(self) -> bool:
        """Take events of the JVM, give them to every open run, and return whether there may be more."""
        guard = self._guard
        if guard is None:
            return False
        events = _lines(guard.drain())
        for run in {*_open, self}:
            run._events.extend(events)
        return len(events) >= MANY_EVENTS

    @functools.cached_property
    def _guard(self) -> Any:
        """The JVM's class; None if the JAR is not on the class path."""
        from py4j.java_gateway import JavaClass

        found = self._spark._jvm.gluesecure.guard.Guard
        return found if isinstance(found, JavaClass) else None


def _lines(text: object) -> list[str]:
    """Return the lines of a text of the JVM. Only U+000A ends one: S3 allows any character in a key."""
    return [line for line in str(text).split("\n") if line]


def _java(jvm: Any, value: object) -> Any:
    """Return mappings, sequences and texts as the JVM's collections."""
    if isinstance(value, Mapping):
        mapping = jvm.java.util.HashMap()
        for name, entry in value.items():
            mapping.put(name, _java(jvm, entry))
        return mapping
    if isinstance(value, Sequence) and not isinstance(value, str):
        entries = jvm.java.util.ArrayList()
        for entry in value:
            entries.add(_java(jvm, entry))
        return entries
    return value
