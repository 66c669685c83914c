"""awsglue without AWS: its Python side on a recorded fake of Glue's JVM, with a run in memory."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from recorded_glue_jvm import JavaObject, RecordedJvm, session_on
from run_fixture import run_fixture, server

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.identifiers import S3Uri
from glue_secure.run import composition, start

# Its tests are skipped on other Python versions. On the versions that it supports it must be installed.
if sys.version_info[:2] in ((3, 11), (3, 13)) and importlib.util.find_spec("awsglue") is None:
    raise pytest.UsageError("AWSGlueDataplanePython is missing: pip install -e '.[dev]'")

__all__ = ["run_fixture", "server"]

ARGV = ["script.py", "--JOB_NAME", "curate", "--JOB_RUN_ID", "jr_1"]
ARGV += ["--job-bookmark-option", "job-bookmark-enable", "--TempDir", "s3://curated/temporary/"]
ARGV += ["--glue-secure-evidence-uri", "s3://evidence/runs/"]
ARGS = {"JOB_NAME": "curate", "TempDir": "s3://curated/temporary/"}


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what SQLContext and awsglue do to the global gateway: there is none."""
    from pyspark.sql import SQLContext

    monkeypatch.setattr("pyspark.sql.context._monkey_patch_RDD", lambda session: None)
    monkeypatch.setattr("pyspark.sql.context.install_exception_handler", lambda: None)
    monkeypatch.setattr(SQLContext, "_instantiatedContext", None)
    for module in ("context", "job"):
        monkeypatch.setattr(f"awsglue.{module}.java_import", lambda *_: None)


@pytest.fixture
def make_context(no_spark: None) -> Callable[..., Any]:
    """``make_context(class)``: a GlueContext of that class on its own recorded JVM."""

    def make(kind: type) -> Any:
        jvm = RecordedJvm()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # SQLContext is deprecated
            context = kind(session_on(jvm))
        context.recorder = jvm
        return context

    return make


@pytest.fixture
def in_glue(run_fixture: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment of a Glue job in the account of ``run_fixture``."""
    from glue_secure.engines.awsglue import runtime

    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "glue")
    monkeypatch.setattr("sys.argv", list(ARGV))
    monkeypatch.setattr(composition, "services", run_fixture.services)
    monkeypatch.setattr(runtime, "create_engine", lambda spark: run_fixture.engine)
    monkeypatch.setattr(start, "install_process_hooks", lambda: None)
    monkeypatch.setattr(start, "end_at_exit", lambda run: None)
    for name, table in {
        "flights": {"Location": "s3://curated/flights/"},
        "carriers": {"Location": "ops.public.carriers", "Parameters": {"connectionName": "ops"}},
    }.items():
        response = {"DatabaseName": "lake", "Name": name, "StorageDescriptor": table}
        response["Parameters"] = {"classification": "parquet", **table.get("Parameters", {})}
        run_fixture.control_plane.tables["lake", name] = CatalogTable.from_api(response)
    return run_fixture


@pytest.fixture
def started(in_glue: Any, make_context: Callable[..., Any], server: Any) -> Any:
    """A context after ``job.init``, whose sinks write objects with the run's encryption."""
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    context = make_context(GlueContext)
    context.job = Job(context)
    context.job.init("curate", dict(ARGS))
    context.recorder.calls.clear()

    def write(*_: Any) -> JavaObject:
        uri = S3Uri("curated", f"flights/part-{len(context.recorder.calls)}")
        in_glue.objects.put(
            uri, algorithm=in_glue.engine.algorithm or "aws:kms", key=str(in_glue.engine.key or in_glue.key)
        )
        return JavaObject(context.recorder, "errors")

    context.recorder.on.update(pyWriteDynamicFrame=write, pyWriteDataFrame=write)
    return context


@pytest.fixture
def frame_of() -> Callable[..., Any]:
    """``frame_of(class, context)``: a DynamicFrame of that class on the context's recorded JVM."""

    def make(kind: type, context: Any, name: str = "flights") -> Any:
        return kind(JavaObject(context.recorder, "jdf"), context, name)

    return make
