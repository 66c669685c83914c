"""The finished query executions of Spark sessions, for as long as a run is open.

Spark removes a listener by identity, and Py4J creates a new Java object for a Python object each time it is
passed to the JVM: a registered listener can never be removed. So one listener stays on each session, and its
callbacks are added and removed in Python.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glue_secure.core.redaction import redacting_logger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QueryCallback = Callable[[Any, bool], None]
"""Receives a finished ``QueryExecution`` of the JVM and whether it failed."""

# A job of many actions must not keep the plans of all of them.
_MOST_PENDING = 64
# How long to wait for Spark's listener queue. Spark's own 10 s are too short on a busy machine.
_WAIT_MS = 120_000
_LOG = redacting_logger(__name__)

_listeners: list[_Listener] = []
_lock = threading.Lock()


class FinishedQueries:
    """The query executions that finish on a session, passed to callbacks on the caller's thread.

    Args:
        spark: the session.

    Attributes:
        failure: why executions are no longer observed; None while they are.
    """

    def __init__(self, *, spark: SparkSession) -> None:
        self._spark = spark
        self._lock = threading.Lock()
        self._pending: list[tuple[Any, bool]] = []
        self._callbacks: list[QueryCallback] = []
        self._removals: list[Callable[[], None]] = []
        self._is_closed = False
        self.failure: str | None = None
        try:
            from pyspark.java_gateway import ensure_callback_server_started

            ensure_callback_server_started(spark.sparkContext._gateway)
            self.add_session(spark._jsparkSession)
        except Exception as error:
            self._fail(error)

    def add_session(self, session: Any) -> None:
        """Observe another session as well (the JVM's ``SparkSession``)."""
        self._removals.append(add_query_listener(session, self._on_finished))

    def add_callback(self, callback: QueryCallback) -> None:
        """Pass each finished execution to ``callback``."""
        self._callbacks.append(callback)

    def wait_for_listeners(self) -> None:
        """Wait until Spark has delivered every finished execution, and pass them to the callbacks."""
        if self._is_closed:
            return
        try:
            self._spark._jsc.sc().listenerBus().waitUntilEmpty(_WAIT_MS)
        except Exception as error:
            self._fail(error)
            return
        self._deliver()

    def close(self) -> None:
        """Stop observing."""
        self._is_closed, self.failure = True, self.failure or "closed"
        for remove in self._removals:
            remove()

    def _on_finished(self, execution: Any, failed: bool) -> None:
        """Called on Py4J's callback thread."""
        with self._lock:
            self._pending.append((execution, failed))
            is_full = len(self._pending) >= _MOST_PENDING
        if is_full:
            self._deliver()

    def _deliver(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, []
        for execution, failed in pending:
            for callback in self._callbacks:
                callback(execution, failed)

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            self.failure = type(error).__name__
            _LOG.warning("queries are no longer observed, so rows are not counted: %s", self.failure)


def add_query_listener(session: Any, on_finished: QueryCallback) -> Callable[[], None]:
    """Call ``on_finished`` for every query execution that finishes on a session; return its removal.

    Args:
        session: the JVM's ``SparkSession``. Py4J's callback server must run.
        on_finished: called on Py4J's callback thread.
    """
    with _lock:
        _listeners[:] = [listener for listener in _listeners if not listener.is_over()]
        listener = next((known for known in _listeners if known.session.equals(session)), None)
        if listener is None:
            listener = _Listener(session)
            _listeners.append(listener)
        if not listener.is_registered():  # it is new, or the script removed it
            session.listenerManager().register(listener)
        listener.callbacks.append(on_finished)
    return functools.partial(_remove, listener, on_finished)


def _remove(listener: _Listener, callback: QueryCallback) -> None:
    with _lock:
        if callback in listener.callbacks:
            listener.callbacks.remove(callback)


class _Listener:
    """``org.apache.spark.sql.util.QueryExecutionListener`` in Python, through Py4J."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.callbacks: list[QueryCallback] = []

    def is_over(self) -> bool:
        """Return whether the session or its JVM has ended."""
        try:
            return bool(self.session.sparkContext().isStopped())
        except Exception:
            return True

    def is_registered(self) -> bool:
        """Return whether the session still has this listener."""
        return any(
            _name_of(registered) == self.toString()
            for registered in self.session.listenerManager().listListeners()
        )

    def toString(self) -> str:
        """Return the name in Java. Another proxy of this listener is another Java object with this name."""
        return f"glue-secure listener {id(self)}"

    def onSuccess(self, _function: str, execution: Any, _duration: int) -> None:
        self._notify(execution, failed=False)

    def onFailure(self, _function: str, execution: Any, _exception: Any) -> None:
        self._notify(execution, failed=True)

    def _notify(self, execution: Any, *, failed: bool) -> None:
        with _lock:
            callbacks = tuple(self.callbacks)
        for callback in callbacks:
            callback(execution, failed)

    class Java:
        """Py4J's declaration of the implemented interfaces."""

        implements = ("org.apache.spark.sql.util.QueryExecutionListener",)


def _name_of(listener: Any) -> str:
    try:
        return str(listener.toString())
    except Exception:  # another project's listener in Python without this method
        return ""
