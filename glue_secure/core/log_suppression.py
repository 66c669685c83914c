"""Silence loggers of other libraries while a secret is in transit.

At DEBUG botocore logs the bodies of responses, and py4j logs every command to the JVM. Redaction cannot
remove a secret from them: the records belong to other libraries and go to the handlers of the script.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CLIENT_LOGGERS = ("botocore", "urllib3", "py4j")


class LogSuppression:
    """Raises the level of loggers and of every logger below them.

    Blocks may be nested, and those of several threads may overlap: the last block that ends restores the
    levels. Meanwhile records of other threads by these loggers are suppressed too.

    Args:
        names: of the loggers.
        level: the lowest level that is still logged.
    """

    def __init__(self, *names: str, level: int) -> None:
        self._loggers, self._level = names, level
        self._lock = threading.Lock()
        self._blocks = 0
        self._levels: dict[str, int] = {}

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Suppress records below the level inside the block."""
        with self._lock:
            self._blocks += 1
            for name in self._names():
                logger = logging.getLogger(name)
                if logger.getEffectiveLevel() < self._level:
                    self._levels.setdefault(name, logger.level)
                    logger.setLevel(self._level)
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if not self._blocks:
                    for name, level in self._levels.items():
                        logging.getLogger(name).setLevel(level)
                    self._levels.clear()

    def _names(self) -> list[str]:
        # A child with its own level ignores its parent's. Parents come first: a child without its own level
        # then follows its parent and is not changed.
        prefixes = tuple(f"{name}." for name in self._loggers)
        known = list(logging.root.manager.loggerDict.items())
        children = [
            name for name, logger in known if isinstance(logger, logging.Logger) and name.startswith(prefixes)
        ]
        return [*self._loggers, *sorted(children)]


suppress_client_logs = LogSuppression(*CLIENT_LOGGERS, level=logging.WARNING)
"""Silence botocore, urllib3 and py4j below WARNING: ``with suppress_client_logs(): ...``."""
