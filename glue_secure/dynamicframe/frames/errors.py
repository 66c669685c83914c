"""Records that failed: what they look like, how many there are, and when that is too many.

The columns are those that the AWS page prints for ``errorsAsDynamicFrame``:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
(section errorsAsDynamicFrame). A frame of errors holds the records themselves, since that is what it is for;
no exception and no log does.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import GlueSecureError
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

NAMES = ("callsite", "msg", "stackTrace", "input", "bytesread", "source", "dynamicRecord")
COLUMNS = (
    "callsite struct<site:string,info:string>, msg string, stackTrace string, input string, "
    "bytesread bigint, source string, dynamicRecord string"
)
"""The columns of one step's errors; ``dynamicRecord`` is the record's JSON until a frame is made of it."""
_FRAMES_SHOWN = 12


class ErrorThresholdReached(GlueSecureError):
    """So many records failed that the script wanted to stop. The records are not in the message."""


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where a step was called.

    Attributes:
        site: the script's lines, as a traceback prints them.
        info: what the script said about the step.
    """

    site: str = ""
    info: str = ""

    @classmethod
    def here(cls, info: str) -> CallSite:
        """The caller's lines, this package's own left out."""
        walked = [
            (frame, line)
            for frame, line in traceback.walk_stack(None)
            if not str(frame.f_globals.get("__name__", "")).startswith(
                ("glue_secure.dynamicframe.", "glue_secure.engines.")
            )
        ]
        lines = traceback.StackSummary.extract(iter(reversed(walked[:_FRAMES_SHOWN])))
        return cls("".join(lines.format()), str(info))


def row(
    call: CallSite,
    message: str,
    trace: str = "",
    *,
    text: str = "",
    source: str = "",
    record: str | None = None,
) -> tuple[Any, ...]:
    """One error, laid out by :data:`COLUMNS`.

    Args:
        call: where the step was called.
        message: what went wrong.
        trace: the traceback.
        text: the input that could not be read.
        source: where that came from.
        record: the record, as JSON.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    return ((call.site, call.info), message, trace, text, size, source, record)


def count(errors: Iterable[Any]) -> int:
    """How many records the steps lost; runs a Spark job for each step that may have lost any."""
    return sum(int(frame.count()) for frame in errors)


def check(stage: Iterable[Any], total: Iterable[Any], stage_threshold: int, total_threshold: int) -> None:
    """Raise when as many records failed as a threshold says. A threshold of 0 is never reached.

    Source: "the number of errors ... at which the process should error out ... The default is zero, which
    indicates that the process should not error out", on the page above.

    Raises:
        ErrorThresholdReached: a threshold is reached.
    """
    for name, frames, threshold in (
        ("stageThreshold", stage, stage_threshold),
        ("totalThreshold", total, total_threshold),
    ):
        if not threshold:
            continue
        found = count(frames)
        if found >= threshold:
            where = "in this step" if name == "stageThreshold" else "up to and including this step"
            raise ErrorThresholdReached(
                f"{name} reached\n  found:    {found} records that failed {where}\n"
                f"  required: fewer than {threshold}\n"
                "  fix:      look at errorsAsDynamicFrame() of the frame, made without a threshold"
            )


def as_table(table: Table) -> Table:
    """The errors as a table of one column, ``error``, the failed records as structs again."""
    from pyspark.sql import functions as F

    from glue_secure.dynamicframe.frames import json_source

    spark = table.data.sparkSession
    frame = spark.createDataFrame([], COLUMNS)
    for errors in table.errors:
        frame = frame.union(errors)
    parsed, kind = json_source.column(frame, "dynamicRecord")
    error = F.struct(*[(parsed if name == "dynamicRecord" else F.col(name)).alias(name) for name in NAMES])
    fields = [
        glue.Field("callsite", glue.StructType([glue.Field(n, glue.StringType()) for n in ("site", "info")])),
        *(glue.Field(name, glue.StringType()) for name in ("msg", "stackTrace", "input")),
        glue.Field("bytesread", glue.LongType()),
        glue.Field("source", glue.StringType()),
        glue.Field("dynamicRecord", kind),
    ]
    schema = glue.StructType([glue.Field("error", glue.StructType(fields))])
    return Table(frame.select(error.alias("error")), schema)


def frame_of(
    rows: Any,
    call: CallSite,
    message: str,
    trace: str | None = None,
    record: str | None = None,
    text: str | None = None,
) -> Any:
    """The errors of one step from a DataFrame of what failed, laid out by :data:`COLUMNS`.

    Args:
        rows: what failed.
        call: where the step was called.
        message: the column of the messages.
        trace: the column of the tracebacks.
        record: the column of the records as JSON.
        text: the column of the inputs that could not be read.
    """
    from pyspark.sql import functions as F

    def of(column: str | None) -> Any:
        return F.lit("") if column is None else F.coalesce(F.col(column), F.lit(""))

    return rows.select(
        F.struct(F.lit(call.site).alias("site"), F.lit(call.info).alias("info")).alias("callsite"),
        of(message).alias("msg"),
        of(trace).alias("stackTrace"),
        of(text).alias("input"),
        F.octet_length(of(text)).cast("bigint").alias("bytesread"),
        F.lit("").alias("source"),
        (F.lit(None).cast("string") if record is None else F.col(record)).alias("dynamicRecord"),
    )
