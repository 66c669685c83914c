"""Job in plain Spark: Glue's signatures, this project's guard and bookmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.arguments import CONTINUATIONS, BookmarkOption
from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.context import GlueContext
from glue_secure.run.start import read_arguments, start_run


class Job:
    """Glue's ``Job``: ``init`` starts the guard, ``commit`` ends the run.

    Args:
        glue_context_or_spark_session: the GlueContext whose reads and writes belong to the job, or a
            ``SparkSession`` for a job that has none.
    """

    def __init__(self, glue_context_or_spark_session: Any) -> None:
        given = glue_context_or_spark_session
        if not isinstance(given, GlueContext) and not hasattr(given, "_jsparkSession"):
            raise UsageError(
                "Job", found=type(given).__name__, required="Job(GlueContext(...)), or a SparkSession"
            )
        self._glue_context = given if isinstance(given, GlueContext) else GlueContext(given)

    @classmethod
    def continuation_options(cls) -> list[str]:
        """The old name of the bookmark's option, and its values."""
        return ["--continuation-option", *CONTINUATIONS]

    @classmethod
    def job_bookmark_options(cls) -> list[str]:
        """The bookmark's option, and its values: enable, pause, disable."""
        order = (BookmarkOption.ENABLE, BookmarkOption.PAUSE, BookmarkOption.DISABLE)
        return ["--job-bookmark-option", *(option.value for option in order)]

    @classmethod
    def job_bookmark_range_options(cls) -> list[str]:
        """The options that pause takes."""
        return ["--job-bookmark-from", "--job-bookmark-to"]

    @classmethod
    def id_params(cls) -> list[str]:
        """Arguments that say which run this is."""
        return ["--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--SECURITY_CONFIGURATION"]

    @classmethod
    def encryption_type_options(cls) -> list[str]:
        """Glue's legacy argument, which GS-SEC-009 refuses."""
        return ["--encryption-type", "sse-s3"]

    @classmethod
    def data_lineage_options(cls) -> list[str]:
        """The option of data lineage."""
        return ["--enable-data-lineage"]

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Start the run. Until this method has returned, the context rejects every read and write.

        Args:
            job_name: ``args["JOB_NAME"]``.
            args: the result of ``getResolvedOptions``; it overrides the arguments of the process.

        Raises:
            UsageError: a second call, or an invalid argument.
            RefusedError, VerificationError: a control stopped the run; nothing was read or written.
        """
        if self._glue_context.secured_run is not None:
            raise UsageError("job.init", found="a second call", required="one job.init for a GlueContext")
        self._glue_context.secured_run = start_run(
            read_arguments(init_arguments=args), lambda: self._glue_context.spark_session, job_name=job_name
        )

    def commit(self) -> None:
        """Commit the bookmark and write the evidence; every write is verified already.

        Raises:
            BookmarkConflictError: another run committed first.
            VerificationError: the bookmark or the evidence could not be written.
        """
        self._glue_context.require_run("job.commit").commit()

    def isInitialized(self) -> bool:
        """Whether ``init`` has succeeded."""
        return self._glue_context.secured_run is not None
