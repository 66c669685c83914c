"""Select the runtime: plain Spark, or AWS Glue's own ``awsglue``.

``GLUE_SECURE_RUNTIME=spark`` selects plain Spark. ``GLUE_SECURE_RUNTIME=glue``, or no such variable where
awsglue is installed, selects awsglue. There is no fallback: if awsglue is installed and cannot be imported,
the error is raised.

A job in AWS Glue with ``--glue-secure-bookmarks portable`` uses the context and frames of the plain-Spark
runtime on Glue's session, because these use glue-secure's bookmarks.

The engines are above this package in the layers contract, so their modules are imported by name, here only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.ports import Engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RUNTIME = "GLUE_SECURE_RUNTIME"
SPARK, GLUE = "spark", "glue"
_ENGINES = {SPARK: "glue_secure.engines.spark.runtime", GLUE: "glue_secure.engines.awsglue.runtime"}


@dataclass(frozen=True, slots=True)
class GlueJob:
    """AWS Glue's own ``Job`` of a run.

    Attributes:
        init: calls ``Job.init``, in which the security configuration takes effect.
        commit: calls ``Job.commit``.
        tracks_bookmark: whether Glue's own job bookmark is the run's bookmark.
    """

    init: Callable[[], None]
    commit: Callable[[], None]
    tracks_bookmark: bool


class Runtime(Protocol):
    """The module ``runtime`` of an engine package."""

    def create_engine(self, session: SparkSession) -> Engine:
        """Return the engine of a session."""

    def glue_job(
        self, session: SparkSession, name: str, arguments: Mapping[str, str], *, tracks_bookmark: bool
    ) -> GlueJob | None:
        """Return AWS Glue's own job for a session; None outside of AWS Glue.

        ``tracks_bookmark`` is whether a GlueContext may read in the run.

        Raises:
            UsageError: the session's JVM has no Glue classes.
        """


def selected_runtime(environ: Mapping[str, str] | None = None) -> str:
    """Return ``spark`` or ``glue``.

    Raises:
        UsageError: the variable has another value, or awsglue is required and not installed.
    """
    value = (os.environ if environ is None else environ).get(RUNTIME, "")
    if value == SPARK:
        return SPARK
    if value in ("", GLUE) and find_spec("awsglue") is not None:
        return GLUE
    found = repr(value) if value else "not set"
    raise UsageError(
        RUNTIME,
        found=f"{found}, and awsglue is not installed" if value in ("", GLUE) else found,
        required="spark (plain Spark), or glue where awsglue is installed (AWS Glue, its container)",
        fix=f"export {RUNTIME}=spark, or start the script with: glue-secure run SCRIPT",
    )


def load_runtime() -> Runtime:
    """Import the selected runtime. Raises UsageError as :func:`selected_runtime` does."""
    module: Any = import_module(_ENGINES[selected_runtime()])
    runtime: Runtime = module
    return runtime


def load_session_hooks() -> Any:
    """Import the module ``engines.session_hooks``, which imports PySpark."""
    return import_module("glue_secure.engines.session_hooks")


def api_runtime() -> str:
    """Return the runtime whose context and frames the awsglue-compatible modules export.

    Raises:
        UsageError: as :func:`selected_runtime`.
    """
    selected = selected_runtime()
    return SPARK if JobArguments.parse(sys.argv).has_portable_bookmarks() else selected


def load_api(module: str, name: str, modules: Mapping[str, Mapping[str, str]]) -> Any:
    """Return the object that an awsglue-compatible module exports as ``name``.

    Args:
        module: name of that module.
        name: public name.
        modules: runtime → public name → module that defines it.

    Raises:
        AttributeError: the module exports no such name.
        UsageError: the selected runtime does not implement it, or no runtime can be selected.
    """
    if not any(name in names for names in modules.values()):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    selected = api_runtime()
    if name not in modules[selected]:
        raise UsageError(
            f"{module}.{name}",
            found=f"{RUNTIME}={selected}",
            required=" or ".join(runtime for runtime, names in modules.items() if name in names),
            fix="docs/surface.md lists the names that each runtime implements",
        )
    return getattr(import_module(modules[selected][name]), name)
