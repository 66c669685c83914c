"""Hooks in PySpark for the process of a job script: a new session, and a context that is stopped."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyspark import SparkContext
from pyspark.sql import SparkSession

_is_installed = False


def install(
    on_session: Callable[[Callable[[], SparkSession]], object], on_stop: Callable[[], object]
) -> None:
    """Call functions when the script creates a session and before it stops Spark. Can be repeated.

    Args:
        on_session: receives a function that returns the session. May raise.
        on_stop: is called while Spark still runs.
    """
    global _is_installed
    if _is_installed:
        return
    _is_installed = True
    initialise, stop = SparkSession.__init__, SparkContext.stop

    @functools.wraps(initialise)
    def initialise_and_report(self: SparkSession, *args: Any, **options: Any) -> None:
        initialise(self, *args, **options)
        on_session(lambda: self)

    @functools.wraps(stop)
    def report_and_stop(self: SparkContext) -> None:
        if self._jsc is not None:
            on_stop()
        stop(self)

    SparkSession.__init__ = initialise_and_report
    SparkContext.stop = report_and_stop


def active_session() -> SparkSession:
    """Return the active session, which is created if there is none."""
    from glue_secure.engines.spark.data_catalog import session_as_requested

    return session_as_requested(SparkSession.getActiveSession() or SparkSession.builder.getOrCreate())
