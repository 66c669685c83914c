"""IPython extension for notebooks that use the embedded account: ``%load_ext glue_secure.notebook``.

``%glue_secure --JOB_NAME NAME --source LOCATION`` then sets the arguments of the notebook's run, as in
``sys.argv`` of a script. Imports of awsglue give glue-secure. Errors of glue-secure and of Spark are shown
without their tracebacks, and DataFrames as tables.
"""

from __future__ import annotations

import os
import shlex
import sys
from importlib import import_module
from types import TracebackType
from typing import Any

from glue_secure.core.arguments import BOOKMARK_URI, EVIDENCE_URI, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError

_TABLES = "--conf spark.sql.repl.eagerEval.enabled=true pyspark-shell"


def load_ipython_extension(shell: Any) -> None:
    """Use the running embedded account in this kernel, and register the magic ``%glue_secure``.

    Raises:
        UsageError: no account runs, or Spark was started before.
    """
    from glue_secure.embedded import environment, lifecycle

    shell.set_custom_exc((Exception,), _show_error)
    shell.register_magic_function(_set_arguments, "line", "glue_secure")
    account = lifecycle.status()
    if account is None:
        raise UsageError(
            "the embedded account", found="not running", required="a running one", fix="glue-secure local up"
        )
    if "pyspark" in sys.modules and sys.modules["pyspark"].SparkContext._active_spark_context is not None:
        raise UsageError("%load_ext glue_secure.notebook", found="a running Spark", required="the first cell")
    environment.use(account)
    # DataFrame displays itself as a table with this setting.
    os.environ["PYSPARK_SUBMIT_ARGS"] = _TABLES
    import_module("glue_secure.as_awsglue")


def _set_arguments(line: str) -> None:
    """Set the arguments of the notebook's run, and register its job in the embedded account.

    Raises:
        UsageError: ``--JOB_NAME`` is missing.
    """
    from glue_secure.embedded import lifecycle
    from glue_secure.embedded.account_setup import BOOKMARKS_URI
    from glue_secure.embedded.account_setup import EVIDENCE_URI as EVIDENCE
    from glue_secure.embedded.seed import ensure_job

    words = shlex.split(line)
    given = JobArguments.parse(["", *words])
    name = given.get("JOB_NAME")
    account = lifecycle.status()
    if not name or account is None:
        raise UsageError(
            "%glue_secure",
            found="no --JOB_NAME" if account else "no running account",
            required="%glue_secure --JOB_NAME NAME [--ARGUMENT VALUE ...]",
        )
    ensure_job(account, name)
    defaults = {EVIDENCE_URI: EVIDENCE, BOOKMARK_URI: BOOKMARKS_URI}
    added = [f"--{default}={value}" for default, value in defaults.items() if given.get(default) is None]
    sys.argv[:] = ["notebook.py", *words, *added]


def _show_error(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    """Show an error of glue-secure or of Spark in a few lines, and every other error with its traceback."""
    from glue_secure.run.process_hooks import short_error

    shown = error if isinstance(error, ServiceError) else short_error(error, trace)
    if shown is None:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    else:
        shell._showtraceback(type(shown), shown, [redact_text(str(shown))])
