"""awsglue without AWS: a recording stand-in for its JVM, and a run in memory behind the adapter."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from run_fixture import run_fixture, server

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.identifiers import S3Uri
from glue_secure.run import composition, start

# The tests that need it are left out where it cannot be (setup.cfg); on the Python it is made for, never.
if sys.version_info[:2] == (3, 11) and importlib.util.find_spec("awsglue") is None:
    raise pytest.UsageError("AWSGlueDataplanePython is missing: pip install -e '.[dev]'")

__all__ = ["run_fixture", "server"]

ARGV = ["script.py", "--JOB_NAME", "curate", "--JOB_RUN_ID", "jr_1"]
ARGV += ["--job-bookmark-option", "job-bookmark-enable", "--TempDir", "s3://curated/temporary/"]
ARGV += ["--glue-secure-evidence-uri", "s3://evidence/runs/"]
ARGS = {"JOB_NAME": "curate", "TempDir": "s3://curated/temporary/"}
# What awsglue calls the JVM for without touching data.
_PLUMBING = ("JsonOptions", "CallSite", "toSeq", "GlueLogger", "GlueContext", "sc", "seqAsJava", "sqlContext")


class Jvm:
    """The gateway's stand-in: every name is there, every call is noted, results are objects like it.

    Attributes:
        calls: method and arguments, in order; options as dictionaries, stacks of callers left out.
        on: method → what it does and returns.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.on: dict[str, Callable[..., Any]] = {
            "JsonOptions": Options,
            "seqAsJava": lambda _: [],
            "count": lambda: 0,
            "isInitialized": lambda: True,
            "extractJDBCConf": lambda *_: {"user": "me", "password": "hunter2", "fullUrl": "jdbc:x"},
            "getName": lambda: "frame",
        }

    def called(self, *names: str) -> list[tuple[str, tuple[Any, ...]]]:
        return [call for call in self.calls if not names or call[0] in names]

    def data_calls(self) -> list[tuple[str, tuple[Any, ...]]]:
        return [call for call in self.calls if call[0] not in _PLUMBING]


class Options:
    def __init__(self, text: str) -> None:
        self.values = json.loads(text)


class Java:
    """An object, class or package of the JVM."""

    def __init__(self, jvm: Jvm, path: str) -> None:
        self.__dict__.update(_jvm_of=jvm, _path=path)

    def _get_object_id(self) -> str:
        return self._path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Java(self._jvm_of, name)

    def __call__(self, *arguments: Any) -> Any:
        self._jvm_of.calls.append((self._path, tuple(map(_plain, arguments))))
        if self._path in self._jvm_of.on:
            return self._jvm_of.on[self._path](*arguments)
        return Java(self._jvm_of, f"{self._path}()")


def _plain(value: Any) -> Any:
    if isinstance(value, Options):
        return {name: item for name, item in value.values.items() if name != "callSite"}
    if hasattr(value, "_get_object_id"):
        return f"<{value._get_object_id()}>"
    return "(stack)" if isinstance(value, str) and 'File "' in value else value


class _Context:
    """A SparkContext, as far as awsglue looks."""

    def __init__(self, jvm: Jvm) -> None:
        self._jvm, self._jsc = Java(jvm, "jvm"), Java(jvm, "jsc")


def session_on(jvm: Jvm) -> Any:
    """A SparkSession that leads to the recorder and to no Spark."""
    from pyspark.sql import SparkSession

    session = object.__new__(SparkSession)
    session._sc, session._jvm, session._jsparkSession = _Context(jvm), Java(jvm, "jvm"), Java(jvm, "session")
    return session


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLContext and awsglue reach for globals of a live gateway; here there is none."""
    from pyspark.sql import SQLContext

    monkeypatch.setattr("pyspark.sql.context._monkey_patch_RDD", lambda session: None)
    monkeypatch.setattr("pyspark.sql.context.install_exception_handler", lambda: None)
    monkeypatch.setattr(SQLContext, "_instantiatedContext", None)
    for module in ("context", "job"):
        monkeypatch.setattr(f"awsglue.{module}.java_import", lambda *_: None)


@pytest.fixture
def make_context(no_spark: None) -> Callable[..., Any]:
    """``make_context(class)``: a GlueContext of that class on a recorder of its own."""

    def make(kind: type) -> Any:
        jvm = Jvm()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # SQLContext says that it is deprecated
            context = kind(session_on(jvm))
        context.recorder = jvm
        return context

    return make


@pytest.fixture
def in_glue(run_fixture: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The process as it is in a Glue job of the run_fixture's account."""
    from glue_secure.engines.awsglue import runtime

    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
    monkeypatch.setattr("sys.argv", list(ARGV))
    monkeypatch.setattr(composition, "services", run_fixture.services)
    monkeypatch.setattr(runtime, "create_engine", lambda spark: run_fixture.engine)
    monkeypatch.setattr(start, "install_process_hooks", lambda: None)
    monkeypatch.setattr(start, "close_at_exit", lambda run: None)
    for name, table in {
        "flights": {"Location": "s3://curated/flights/"},
        "carriers": {"Location": "ops.public.carriers", "Parameters": {"connectionName": "ops"}},
    }.items():
        shape = {"DatabaseName": "lake", "Name": name, "StorageDescriptor": table}
        shape["Parameters"] = {"classification": "parquet", **table.get("Parameters", {})}
        run_fixture.control_plane.tables["lake", name] = CatalogTable.from_api(shape)
    return run_fixture


@pytest.fixture
def started(in_glue: Any, make_context: Callable[..., Any], server: Any) -> Any:
    """A guarded context whose job has been initialised, and whose sinks write well encrypted objects."""
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    context = make_context(GlueContext)
    context.job = Job(context)
    context.job.init("curate", dict(ARGS))
    context.recorder.calls.clear()

    def write(*_: Any) -> Java:
        uri = S3Uri("curated", f"flights/part-{len(context.recorder.calls)}")
        in_glue.objects.put(
            uri, algorithm=in_glue.engine.algorithm or "aws:kms", key=str(in_glue.engine.key or in_glue.key)
        )
        return Java(context.recorder, "errors")

    context.recorder.on.update(pyWriteDynamicFrame=write, pyWriteDataFrame=write)
    return context


@pytest.fixture
def frame_of() -> Callable[..., Any]:
    """``frame_of(class, context)``: a DynamicFrame of that class, of the recorder's JVM."""

    def make(kind: type, context: Any, name: str = "flights") -> Any:
        return kind(Java(context.recorder, "jdf"), context, name)

    return make
