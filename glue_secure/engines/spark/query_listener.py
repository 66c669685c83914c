"""Hearing of the queries that a Spark session finishes, for as long as a run lasts.

Spark takes a listener off by identity, and Py4J makes a new Java object of a Python one each time it is
passed: what was registered can never be taken off. So one listener stays on a session, and those that it
tells come and go on this side.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

Ear = Callable[[Any, bool], None]
"""Takes a finished query execution and whether it failed; called on Py4J's callback thread."""

_listeners: list[_Listener] = []
_lock = threading.Lock()


def listen(session: Any, ear: Ear) -> Callable[[], None]:
    """Tell ``ear`` of every query execution that finishes from now on; the answer ends that.

    Args:
        session: the JVM's ``SparkSession``. Py4J's callback server must run.
        ear: who is told.
    """
    with _lock:
        _listeners[:] = [each for each in _listeners if not each.is_over()]
        found = next((each for each in _listeners if each.session.equals(session)), None)
        if found is None:
            found = _Listener(session)
            _listeners.append(found)
        if not found.is_registered():  # it is new, or the script took it off
            session.listenerManager().register(found)
        found.ears.append(ear)
    return functools.partial(_leave, found, ear)


def _leave(listener: _Listener, ear: Ear) -> None:
    with _lock:
        if ear in listener.ears:
            listener.ears.remove(ear)


def _name_of(listener: Any) -> str:
    try:
        return str(listener.toString())
    except Exception:  # a listener in Python that is not ours, and has no such method
        return ""


class _Listener:
    """``org.apache.spark.sql.util.QueryExecutionListener`` in Python, through Py4J."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.ears: list[Ear] = []

    def is_over(self) -> bool:
        """Whether the session ended, or its JVM."""
        try:
            return bool(self.session.sparkContext().isStopped())
        except Exception:
            return True

    def is_registered(self) -> bool:
        """Whether Spark still tells it."""
        return any(
            _name_of(each) == self.toString() for each in self.session.listenerManager().listListeners()
        )

    def toString(self) -> str:
        """What Java calls it: another proxy for it is another object there, of the same name."""
        return f"glue-secure listener {id(self)}"

    def onSuccess(self, _function: str, execution: Any, _duration: int) -> None:
        self._tell(execution, failed=False)

    def onFailure(self, _function: str, execution: Any, _exception: Any) -> None:
        self._tell(execution, failed=True)

    def _tell(self, execution: Any, *, failed: bool) -> None:
        with _lock:
            ears = tuple(self.ears)
        for ear in ears:
            ear(execution, failed)

    class Java:
        """Py4J's marker."""

        implements = ("org.apache.spark.sql.util.QueryExecutionListener",)
