"""What an import of an awsglue-compatible module does to the process of a job script.

The modules call :func:`enter` when they are imported. An error of glue-secure then ends the script with its
exit code and without a stack trace, whatever the script called before. In the process that runs a job script,
the other hooks of :mod:`glue_secure.run.process_hooks` are installed too.

This module imports the standard library only: Spark's Python workers import the modules as well.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from glue_secure.run import missing_packages

# Modules that Spark starts its Python workers with.
_WORKERS = ("pyspark.daemon", "pyspark.worker")
_entered = False


def enter() -> None:
    """Install the hooks that this process needs. A second call does nothing."""
    global _entered
    if _entered or _is_worker():
        return
    _entered = True
    if os.environ.get("GLUE_SECURE_RUNTIME") == "spark":
        missing_packages.install()
    if is_job_process():
        from glue_secure.run.process_hooks import install_process_hooks

        install_process_hooks()
    else:
        _install_error_hook()


def is_job_process() -> bool:
    """Return whether this process runs a job script: ``spark-submit`` or AWS Glue started it.

    A process that a script starts for its own work, with multiprocessing, is none.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")
    is_child = multiprocessing is not None and multiprocessing.parent_process() is not None
    has_name = any(word == "--JOB_NAME" or word.startswith("--JOB_NAME=") for word in sys.argv[1:])
    # spark-submit sets the variable for the script that it runs, and pyspark for an interactive shell.
    return not is_child and (has_name or "PYSPARK_GATEWAY_PORT" in os.environ)


def _is_worker() -> bool:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(spec, "name", "") in _WORKERS


def _install_error_hook() -> None:
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        from glue_secure.run.process_hooks import end_with_error

        return end_with_error(previous, kind, error, trace)

    sys.excepthook = hook
