"""``get_logger``: a logger with Glue's methods, on Python's logging, redacted."""

from __future__ import annotations

import logging
import sys

from glue_secure.core.redaction import redact_text

NAME = "glue_secure.job"
_TRACE = 5


class GlueLogger:
    """What ``glueContext.get_logger()`` gives: ``info``, ``warn``, ``error``, ``debug``, ``trace``.

    Glue's logger is Log4j's in the JVM; this one is Python's ``glue_secure.job``, so that every message
    passes the redactor. Where the script has set up no logging, INFO and above go to standard error.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(NAME)
        if not self._logger.hasHandlers():
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            self._logger.addHandler(handler)
            self._logger.setLevel(logging.INFO)

    def info(self, message: object) -> None:
        """At INFO."""
        self._log(logging.INFO, message)

    def warn(self, message: object) -> None:
        """At WARNING."""
        self._log(logging.WARNING, message)

    def error(self, message: object) -> None:
        """At ERROR."""
        self._log(logging.ERROR, message)

    def debug(self, message: object) -> None:
        """At DEBUG."""
        self._log(logging.DEBUG, message)

    def trace(self, message: object) -> None:
        """Below DEBUG."""
        self._log(_TRACE, message)

    def _log(self, level: int, message: object) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", redact_text(str(message)))
