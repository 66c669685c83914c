"""Records that failed in a transformation: their columns, their number, and the error thresholds.

The columns are those that the AWS page prints for ``errorsAsDynamicFrame``:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
(section errorsAsDynamicFrame). A frame of errors contains the failed records, as in Glue. Exceptions and log
messages never contain them.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import GlueSecureError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

NAMES = ("callsite", "msg", "stackTrace", "input", "bytesread", "source", "dynamicRecord")
COLUMNS = (
    "callsite struct<site:string,info:string>, msg string, stackTrace string, input string, "
    "bytesread bigint, source string, dynamicRecord string"
)
"""The columns of the errors of one transformation. ``dynamicRecord`` is the record as JSON."""
_STACK_FRAMES = 12


class ErrorThresholdError(GlueSecureError):
    """More records failed than a threshold of the script allows. The message contains no record."""


@dataclass(frozen=True, slots=True)
class CallSite:
    """The place in the script that called a transformation.

    Attributes:
        site: the stack frames of the script, formatted as in a traceback.
        info: the ``info`` argument of the transformation.
    """

    site: str = ""
    info: str = ""

    @classmethod
    def here(cls, info: str) -> CallSite:
        """Return the current call site, without the stack frames of this package."""
        stack = [
            (frame, line)
            for frame, line in traceback.walk_stack(None)
            if not str(frame.f_globals.get("__name__", "")).startswith(
                ("glue_secure.core.", "glue_secure.dynamicframe.", "glue_secure.engines.")
            )
        ]
        summary = traceback.StackSummary.extract(iter(reversed(stack[:_STACK_FRAMES])))
        return cls("".join(summary.format()), str(info))


def row(
    call: CallSite,
    message: str,
    trace: str = "",
    *,
    text: str = "",
    source: str = "",
    record: str | None = None,
) -> tuple[Any, ...]:
    """Return one error as a row of :data:`COLUMNS`.

    Args:
        call: the call site of the transformation.
        message: the error message.
        trace: the traceback.
        text: the input that could not be parsed.
        source: the source of that input.
        record: the record as JSON.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    return ((call.site, call.info), message, trace, text, size, source, record)


def frame_of(
    rows: DataFrame,
    call: CallSite,
    message: str,
    trace: str | None = None,
    record: str | None = None,
    text: str | None = None,
) -> DataFrame:
    """Return the errors of one transformation as a DataFrame with :data:`COLUMNS`.

    Args:
        rows: one row per failed record.
        call: the call site of the transformation.
        message: name of the column with the error messages.
        trace: name of the column with the tracebacks.
        record: name of the column with the records as JSON.
        text: name of the column with the inputs that could not be parsed.
    """
    from pyspark.sql import functions as F

    def text_of(column: str | None) -> Column:
        return F.lit("") if column is None else F.coalesce(F.col(column), F.lit(""))

    return rows.select(
        F.struct(F.lit(call.site).alias("site"), F.lit(call.info).alias("info")).alias("callsite"),
        text_of(message).alias("msg"),
        text_of(trace).alias("stackTrace"),
        text_of(text).alias("input"),
        F.octet_length(text_of(text)).cast("bigint").alias("bytesread"),
        F.lit("").alias("source"),
        (F.lit(None).cast("string") if record is None else F.col(record)).alias("dynamicRecord"),
    )


def count(errors: Iterable[DataFrame]) -> int:
    """Return the number of failed records. Runs one Spark job per DataFrame of errors."""
    return sum(int(frame.count()) for frame in errors)


def check(
    stage: Iterable[DataFrame], total: Iterable[DataFrame], stage_threshold: int, total_threshold: int
) -> None:
    """Raise if more records failed than a threshold allows. A threshold of 0 is disabled.

    Source: "the maximum number of errors that can occur overall before processing errors out",
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-transforms-Unbox.html

    Args:
        stage: errors of the last transformation.
        total: errors of all transformations up to the last.
        stage_threshold: threshold for ``stage``.
        total_threshold: threshold for ``total``.

    Raises:
        ErrorThresholdError: a threshold is exceeded.
    """
    for name, frames, threshold in (
        ("stageThreshold", stage, stage_threshold),
        ("totalThreshold", total, total_threshold),
    ):
        if not threshold:
            continue
        failed = count(frames)
        if failed > threshold:
            scope = "in" if name == "stageThreshold" else "up to and including"
            raise ErrorThresholdError(
                f"{name} exceeded\n  found:    {failed} failed records {scope} this transformation\n"
                f"  required: at most {threshold}\n"
                "  fix:      set the threshold to 0 and inspect errorsAsDynamicFrame()"
            )
