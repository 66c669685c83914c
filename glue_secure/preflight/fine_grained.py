"""Fine-grained access control by Lake Formation, under which a job cannot use RDDs.

Spark then filters rows and columns of DataFrames only, and disables RDDs. DynamicFrames are built on RDDs.
https://docs.aws.amazon.com/glue/latest/dg/security-lf-enable.html
"""

from __future__ import annotations

import re
from typing import Any

from glue_secure.core.arguments import FINE_GRAINED, JobArguments
from glue_secure.core.errors import RefusedError
from glue_secure.core.options import truth

_USES_RDDS = re.compile(
    r"dynamic_?frame|getFrame|getSampleFrame|writeFrame|relationalize|spigot|\.write\b", re.IGNORECASE
)
# Part of the call's name → the equivalent with DataFrames. The first part that matches counts.
_ALTERNATIVES = (
    ("from_rdd", "spark.createDataFrame(rows, schema)"),
    # AWS replaces create_data_frame.from_catalog by Spark SQL as well:
    # https://docs.aws.amazon.com/glue/latest/dg/security-lf-migration-spark-dataframes.html
    ("from_catalog", "spark.table('DATABASE.TABLE')"),
    ("write", "DataFrame.write, or glueContext.write_data_frame.from_catalog(...)"),
    ("fromDF", "the DataFrame and its own methods"),
    ("", "glueContext.create_data_frame.from_options(...), getSource(...).getDataFrame() or spark.read"),
)


def is_fine_grained(arguments: JobArguments) -> bool:
    """Return whether the job runs with ``--enable-lakeformation-fine-grained-access true``.

    Raises:
        UsageError: the argument is neither true nor false.
    """
    value = arguments.get(FINE_GRAINED)
    return value is not None and truth(f"--{FINE_GRAINED}", value)


def refuse_rdds_in(context: Any, call: str) -> None:
    """Call :func:`refuse_rdds` with the run of a GlueContext, if ``job.init`` has started one."""
    run = getattr(context, "secured_run", None)
    if run is not None:
        refuse_rdds(call, fine_grained=run.fine_grained)


def refuse_rdds(call: str, *, fine_grained: bool) -> None:
    """Reject a call that uses RDDs, in a run with fine-grained access control.

    ``create_data_frame``, ``write_data_frame``, ``getSource(...).getDataFrame`` and calls without records are
    allowed.

    Raises:
        RefusedError: GS-LF-007.
    """
    # Any attribute of a mock is true, so a mocked context would be taken for one with fine-grained access.
    if fine_grained is not True or not _USES_RDDS.search(call):
        return
    is_write = call.startswith("write")
    alternative = next(
        text for part, text in _ALTERNATIVES if part in call and not (is_write and part == "from_catalog")
    )
    raise RefusedError(
        "GS-LF-007",
        resource=call,
        found=f"a DynamicFrame, which uses RDDs, with --{FINE_GRAINED} true",
        required="DataFrames only",
        fix=f"use {alternative}; or replace that argument by full table access, "
        "with a role that may read the whole table (docs/lake-formation.md#jobs)",
    )
