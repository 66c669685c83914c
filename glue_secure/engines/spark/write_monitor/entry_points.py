"""Python's own entry points to writes that no query listener sees, led through the run that is open.

``RDD.saveAs*`` becomes a guarded write. A checkpoint directory, a stream and a new session are shown to the
run. The functions are wrapped once; without an open run on the same context they do what they always did.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

_DIRECTORIES = ("mapreduce.output.fileoutputformat.outputdir", "mapred.output.dir")
_BY_PATH = (
    "saveAsHadoopFile",
    "saveAsNewAPIHadoopFile",
    "saveAsPickleFile",
    "saveAsSequenceFile",
    "saveAsTextFile",
)
_BY_SETTINGS = ("saveAsHadoopDataset", "saveAsNewAPIHadoopDataset")
_here = threading.local()
_open: list[tuple[Any, SparkHooks]] = []
_lock = threading.Lock()
_installed = False


class SparkHooks(Protocol):
    """Who is told."""

    def save(self, place: str, format: str, perform: Callable[[], Any]) -> None:
        """An RDD is to be saved at ``place``; ``perform`` does it."""

    def checkpoints(self, place: str) -> None:
        """Checkpoints are to go to ``place``. May refuse."""

    def streaming(self, query: Any) -> None:
        """A stream has started. May refuse, after stopping it."""

    def session(self, session: Any) -> None:
        """A session was made from the context."""


def attach(context: Any, points: SparkHooks) -> None:
    """Tell ``points`` of every call on ``context`` (a ``pyspark.SparkContext``) from now on."""
    _install()
    with _lock:
        _open.append((context, points))


def detach(points: SparkHooks) -> None:
    """Tell it no more."""
    with _lock:
        _open[:] = [entry for entry in _open if entry[1] is not points]


@contextmanager
def suppress_write_monitoring() -> Iterator[None]:
    """Calls in this block, on this thread, are the guard's own."""
    before = getattr(_here, "suppressed", False)
    _here.suppressed = True
    try:
        yield
    finally:
        _here.suppressed = before


def _of(context: Any) -> SparkHooks | None:
    if getattr(_here, "suppressed", False):
        return None
    with _lock:
        found = [points for known, points in _open if known is context]
    return found[-1] if found else None


def _install() -> None:
    global _installed
    with _lock:
        if _installed:
            return
        _installed = True
    from pyspark import RDD, SparkContext
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import DataStreamWriter

    for name in _BY_PATH:
        setattr(RDD, name, _saving(getattr(RDD, name), lambda path: str(path)))
    for name in _BY_SETTINGS:
        setattr(RDD, name, _saving(getattr(RDD, name), _directory))
    SparkContext.setCheckpointDir = _checkpointing(SparkContext.setCheckpointDir)
    for name in ("start", "toTable"):
        setattr(DataStreamWriter, name, _streaming(getattr(DataStreamWriter, name)))
    SparkSession.newSession = _new_session(SparkSession.newSession)


def _directory(settings: Mapping[str, str]) -> str:
    return next((str(settings[name]) for name in _DIRECTORIES if name in settings), "")


def _saving(real: Callable[..., Any], place_of: Callable[[Any], str]) -> Callable[..., Any]:
    @functools.wraps(real)
    def save(self: Any, where: Any = None, *args: Any, **kwargs: Any) -> Any:
        where = kwargs.pop("path", kwargs.pop("conf", where)) if where is None else where
        points = _of(self.ctx)
        if points is None or where is None:
            return real(self, where, *args, **kwargs)
        return points.save(
            place_of(where), real.__name__, functools.partial(real, self, where, *args, **kwargs)
        )

    return save


def _checkpointing(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def set_directory(self: Any, dirName: Any) -> Any:
        points = _of(self)
        if points is not None:
            points.checkpoints(str(dirName))
        return real(self, dirName)

    return set_directory


def _streaming(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        query = real(self, *args, **kwargs)
        points = _of(self._spark.sparkContext)
        if points is not None:
            points.streaming(query)
        return query

    return start


def _new_session(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def make(self: Any) -> Any:
        session = real(self)
        points = _of(self.sparkContext)
        if points is not None:
            points.session(session)
        return session

    return make
