"""A recorded fake of Glue's JVM: awsglue's Python side runs on it without AWS.

Every name exists, every call is recorded, and every result is an object like it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# Calls of awsglue to the JVM that access no data.
_WITHOUT_DATA = (
    "JsonOptions", "CallSite", "toSeq", "GlueLogger", "GlueContext", "sc", "seqAsJava", "sqlContext",
)  # fmt: skip


class RecordedJvm:
    """The JVM.

    Attributes:
        calls: method and arguments, in order; options as dictionaries, call stacks left out.
        on: a function for each method that returns something in particular.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.on: dict[str, Callable[..., Any]] = {
            "JsonOptions": JsonOptions,
            "seqAsJava": lambda _: [],
            "count": lambda: 0,
            "isInitialized": lambda: True,
            "extractJDBCConf": lambda *_: {"user": "me", "password": "hunter2", "fullUrl": "jdbc:x"},
            "getName": lambda: "frame",
        }

    def called(self, *names: str) -> list[tuple[str, tuple[Any, ...]]]:
        """Return the calls of these methods; without names, of all."""
        return [call for call in self.calls if not names or call[0] in names]

    def data_calls(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Return the calls that access data."""
        return [call for call in self.calls if call[0] not in _WITHOUT_DATA]


class JsonOptions:
    """Glue's options object."""

    def __init__(self, text: str) -> None:
        self.values = json.loads(text)


class JavaObject:
    """An object, class or package of the JVM."""

    def __init__(self, jvm: RecordedJvm, path: str) -> None:
        self.__dict__.update(recorder=jvm, _path=path)

    def _get_object_id(self) -> str:
        return self._path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return JavaObject(self.recorder, name)

    def __call__(self, *arguments: Any) -> Any:
        self.recorder.calls.append((self._path, tuple(map(_plain, arguments))))
        if self._path in self.recorder.on:
            return self.recorder.on[self._path](*arguments)
        return JavaObject(self.recorder, f"{self._path}()")


def session_on(jvm: RecordedJvm) -> Any:
    """Return a SparkSession whose JVM is the recorded fake."""
    from pyspark.sql import SparkSession

    session = object.__new__(SparkSession)
    session._sc, session._jvm = _SparkContext(jvm), JavaObject(jvm, "jvm")
    session._jsparkSession = JavaObject(jvm, "session")
    return session


class _SparkContext:
    """The attributes of a SparkContext that awsglue uses."""

    def __init__(self, jvm: RecordedJvm) -> None:
        self._jvm, self._jsc = JavaObject(jvm, "jvm"), JavaObject(jvm, "jsc")


def _plain(value: Any) -> Any:
    if isinstance(value, JsonOptions):
        return {name: item for name, item in value.values.items() if name != "callSite"}
    if hasattr(value, "_get_object_id"):
        return f"<{value._get_object_id()}>"
    return "(stack)" if isinstance(value, str) and 'File "' in value else value
