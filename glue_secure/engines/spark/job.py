"""Job in plain Spark: awsglue's methods, with glue-secure's checks and bookmarks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from glue_secure.core.arguments import CONTINUATIONS, BookmarkOption
from glue_secure.core.errors import UsageError
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.engines.run_context import failure_context
from glue_secure.engines.spark.context import GlueContext
from glue_secure.run import test_mode
from glue_secure.run.start import read_arguments, start_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@check_argument_types(lambda job: failure_context(job._glue_context) or nullcontext())
class Job:
    """A job: ``init`` starts the run or joins the one that has started, ``commit`` ends it.

    Args:
        glue_context_or_spark_session: the GlueContext whose reads and writes belong to the job, or a
            ``SparkSession`` for a job without one.
    """

    def __init__(self, glue_context_or_spark_session: GlueContext | SparkSession) -> None:
        context = glue_context_or_spark_session
        if not isinstance(context, GlueContext):
            if not hasattr(context, "_jsparkSession"):
                raise UsageError(
                    "Job", found=type(context).__name__, required="Job(GlueContext(...)), or a SparkSession"
                )
            context = GlueContext(context)
        self._glue_context = context

    @classmethod
    def continuation_options(cls) -> list[str]:
        """Return the older name of the bookmark argument, and its values."""
        return ["--continuation-option", *CONTINUATIONS]

    @classmethod
    def job_bookmark_options(cls) -> list[str]:
        """Return the bookmark argument, and its values: enable, pause, disable."""
        order = (BookmarkOption.ENABLE, BookmarkOption.PAUSE, BookmarkOption.DISABLE)
        return ["--job-bookmark-option", *(option.value for option in order)]

    @classmethod
    def job_bookmark_range_options(cls) -> list[str]:
        """Return the arguments of ``job-bookmark-pause``."""
        return ["--job-bookmark-from", "--job-bookmark-to"]

    @classmethod
    def id_params(cls) -> list[str]:
        """Return the arguments that identify the run."""
        return ["--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--SECURITY_CONFIGURATION"]

    @classmethod
    def encryption_type_options(cls) -> list[str]:
        """Return Glue's legacy argument, which glue-secure rejects (GS-SEC-009)."""
        return ["--encryption-type", "sse-s3"]

    @classmethod
    def data_lineage_options(cls) -> list[str]:
        """Return the argument of data lineage."""
        return ["--enable-data-lineage"]

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Start the run, or join the one that started with the context, whose bookmark is used from now on.

        Args:
            job_name: ``args["JOB_NAME"]``.
            args: the result of ``getResolvedOptions``; it overrides the arguments of the process.

        Raises:
            UsageError: a second call, or an invalid argument.
            RefusedError, VerificationError: a control stopped the run; nothing was read or written.
        """
        test_mode.end(self._glue_context.secured_run)
        if self.isInitialized() and not test_mode.is_enabled():
            raise UsageError("job.init", found="a second call", required="one job.init for a GlueContext")
        self._glue_context.secured_run = start_run(
            read_arguments(init_arguments=args), lambda: self._glue_context.spark_session, job_name=job_name
        )

    def commit(self) -> None:
        """Verify what is not verified yet, commit the bookmark, and write the evidence.

        Raises:
            RefusedError: an object is not encrypted as required; nothing was committed.
            BookmarkConflictError: another run committed first.
            VerificationError: the bookmark or the evidence could not be written.
        """
        self._glue_context.require_run("job.commit").commit()

    def isInitialized(self) -> bool:
        """Return whether ``init`` has succeeded."""
        run = self._glue_context.secured_run
        return run is not None and not run.awaits_init
