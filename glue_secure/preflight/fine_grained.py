"""Fine-grained access control by Lake Formation, as a job asks for it, and what it leaves no room for.

Under it Spark keeps data behind a boundary that rows cross through DataFrames alone. RDDs are shut, and
awsglue's dynamic frames are made on them.
https://docs.aws.amazon.com/glue/latest/dg/security-lf-enable.html
"""

from __future__ import annotations

import re
from typing import Any

from glue_secure.core.arguments import FINE_GRAINED, JobArguments
from glue_secure.core.errors import RefusedError, UsageError

_ON_RDDS = re.compile(
    r"dynamic_?frame|getFrame|getSampleFrame|writeFrame|relationalize|spigot|\.write\b", re.IGNORECASE
)
# The call's own words → what does the same with DataFrames; the first that is found in it counts.
_WAYS = (
    ("from_rdd", "spark.createDataFrame(rows, schema)"),
    ("from_catalog", "glueContext.create_data_frame.from_catalog(...) or spark.table('DATABASE.TABLE')"),
    ("write", "DataFrame.write, or glueContext.write_data_frame.from_catalog(...)"),
    ("fromDF", "keep the DataFrame, and use its own methods"),
    ("", "glueContext.create_data_frame.from_options(...), getSource(...).getDataFrame() or spark.read"),
)


def is_fine_grained(arguments: JobArguments) -> bool:
    """Whether the job runs with ``--enable-lakeformation-fine-grained-access true``.

    Raises:
        UsageError: the argument has a value that is neither true nor false.
    """
    value = arguments.get(FINE_GRAINED)
    if value is None or value.lower() == "false":
        return False
    if value.lower() == "true":
        return True
    raise UsageError(f"--{FINE_GRAINED}", found=repr(value), required="true or false")


def refuse_rdds_in(context: Any, call: str) -> None:
    """The same for a call that may come before ``job.init``, of a context that may have no run yet."""
    run = getattr(context, "secured_run", None)
    if run is not None:
        refuse_rdds(call, fine_grained=run.fine_grained)


def refuse_rdds(call: str, *, fine_grained: bool) -> None:
    """Refuse a call that works on RDDs in a run of fine-grained access control (GS-LF-007).

    ``create_data_frame``, ``write_data_frame``, ``getSource(...).getDataFrame`` and all that touches no
    records go on.
    """
    if not fine_grained or not _ON_RDDS.search(call):
        return
    write = call.startswith("write")
    way = next(way for word, way in _WAYS if word in call and not (write and word == "from_catalog"))
    raise RefusedError(
        "GS-LF-007",
        resource=call,
        found=f"a dynamic frame, which works on RDDs, with --{FINE_GRAINED} true",
        required="DataFrames only",
        fix=f"{way}; or run without that argument, as a role that may read the whole table",
    )
