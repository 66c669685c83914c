"""Logs of the wire, kept shut while a secret passes over it.

At DEBUG botocore logs the bodies of answers and py4j logs every command to the JVM. Redaction cannot
help: the records are other libraries' and go to whatever handlers the script has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WIRE_LOGGERS = ("botocore", "urllib3", "py4j")

_lock = threading.Lock()
_inside = 0
_levels: dict[str, int] = {}  # the level to restore, by the logger's name


@contextmanager
def suppress_client_logs() -> Iterator[None]:
    """Let ``WIRE_LOGGERS`` and all below them log nothing under WARNING inside the block.

    Blocks may nest, and those of several threads overlap: the last one out restores the levels that
    the first one found. Other threads' records of these loggers are missing meanwhile.
    """
    global _inside
    with _lock:
        _inside += 1
        for name in _names():
            logger = logging.getLogger(name)
            effective = logger.getEffectiveLevel()
            if effective < logging.WARNING:
                _levels.setdefault(name, logger.level)
                logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for name, level in _levels.items():
                    logging.getLogger(name).setLevel(level)
                _levels.clear()


def _names() -> list[str]:
    # A logger below with a level of its own does not ask the one above it. Parents come first, so that
    # one without a level of its own follows its parent and is left as it is.
    below = tuple(f"{name}." for name in WIRE_LOGGERS)
    known = list(logging.root.manager.loggerDict.items())
    own = [name for name, logger in known if isinstance(logger, logging.Logger) and name.startswith(below)]
    return [*WIRE_LOGGERS, *sorted(own)]
