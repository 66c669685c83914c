"""Job in Glue: preflight, then awsglue's ``Job.init``, then the run's checks; at the end awsglue's commit.

The security configuration takes effect in awsglue's ``Job.init``, so the settings are planned, applied and
read back after it. https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from awsglue.job import Job as AwsGlueJob

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.context import GlueContext
from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes
from glue_secure.run.automatic_start import no_run
from glue_secure.run.runtime_selection import GlueJob
from glue_secure.run.start import read_arguments, start_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.run.run import Run


class Job(AwsGlueJob):  # type: ignore[misc]
    """awsglue's ``Job``: ``init`` starts the run or joins the one that has started, ``commit`` ends it.

    Args:
        glue_context_or_spark_session: the GlueContext whose reads and writes belong to the job, or a
            ``SparkSession`` for a job without one.
    """

    def __init__(self, glue_context_or_spark_session: GlueContext | SparkSession) -> None:
        context = glue_context_or_spark_session
        if not isinstance(context, GlueContext) and not hasattr(context, "_jsparkSession"):
            raise UsageError(
                "Job",
                found=f"{type(context).__module__}.{type(context).__name__}",
                required="Job(GlueContext(...)) with glue_secure.context.GlueContext, or a SparkSession",
            )
        require_glue_classes(context._jvm)
        super().__init__(context)
        self._run: Run | None = None

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Start the run, or join the one that started with the context.

        Args:
            job_name: ``args["JOB_NAME"]``.
            args: the result of ``getResolvedOptions``; it overrides the arguments of the process.

        Raises:
            UsageError: a second call, or an invalid argument.
            RefusedError, VerificationError: a control stopped the run; nothing was read or written.
        """
        context = self._glue_context
        run = self._started_run()
        if run is not None and not run.awaits_init:
            raise UsageError("job.init", found="a second call", required="one job.init for a GlueContext")
        glue_job = GlueJob(
            init=partial(super().init, job_name, {} if args is None else args),
            commit=super().commit,
            tracks_bookmark=True,
        )
        self._run = start_run(
            read_arguments(init_arguments=args),
            lambda: self._spark_session,
            job_name=job_name,
            glue_job=glue_job,
        )
        if context is not None:
            context.secured_run = self._run

    def isInitialized(self) -> bool:
        """Return whether ``init`` has succeeded, here and in awsglue."""
        run = self._started_run()
        return run is not None and not run.awaits_init and bool(super().isInitialized())

    def commit(self) -> None:
        """Verify what is not verified yet, let Glue commit its bookmark, and write the evidence.

        Raises:
            RefusedError: an object is not encrypted as required; Glue's bookmark was not committed.
            VerificationError: the evidence could not be written.
        """
        run = self._started_run()
        if run is None:
            raise no_run("job.commit")
        run.commit()

    def _started_run(self) -> Run | None:
        context_run = None if self._glue_context is None else self._glue_context.secured_run
        return self._run or context_run
