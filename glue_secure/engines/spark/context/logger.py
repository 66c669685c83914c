"""``get_logger``: a logger with the methods of Glue's, on Python's logging, redacted."""

from __future__ import annotations

import logging
import sys

from glue_secure.core.redaction import redact_text

NAME = "glue_secure.job"
_TRACE = 5


class GlueLogger:
    """The result of ``glueContext.get_logger()``: ``info``, ``warn``, ``error``, ``debug``, ``trace``.

    In Glue it is Log4j's logger. Here it is Python's logger ``glue_secure.job``, and secrets are removed from
    every message. If the script has not configured logging, INFO and above go to standard error.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(NAME)
        if not self._logger.hasHandlers():
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            self._logger.addHandler(handler)
            self._logger.setLevel(logging.INFO)

    def info(self, message: object) -> None:
        """Log at INFO."""
        self._log(logging.INFO, message)

    def warn(self, message: object) -> None:
        """Log at WARNING."""
        self._log(logging.WARNING, message)

    def error(self, message: object) -> None:
        """Log at ERROR."""
        self._log(logging.ERROR, message)

    def debug(self, message: object) -> None:
        """Log at DEBUG."""
        self._log(logging.DEBUG, message)

    def trace(self, message: object) -> None:
        """Log at level 5, below DEBUG."""
        self._log(_TRACE, message)

    def _log(self, level: int, message: object) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", redact_text(str(message)))
