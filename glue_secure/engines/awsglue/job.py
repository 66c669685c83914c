"""Job in Glue: preflight, then the real ``Job.init``, then the guard; at the end the real commit.

The security configuration takes effect in the real ``Job.init``, so the settings are planned, applied and
read back after it. https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsglue.job import Job as AwsGlueJob

from glue_secure.core.arguments import BOOKMARKS
from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.context import GlueContext
from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes
from glue_secure.preflight.establish import establish
from glue_secure.run import composition, process_hooks
from glue_secure.run.init_required import before_init
from glue_secure.run.run import Run


class Job(AwsGlueJob):  # type: ignore[misc]
    """awsglue's ``Job``: ``init`` starts the guard, ``commit`` ends the run.

    Args:
        glue_context_or_spark_session: the GlueContext whose reads and writes belong to the job, or a
            ``SparkSession`` for a job that has none.
    """

    def __init__(self, glue_context_or_spark_session: Any) -> None:
        given = glue_context_or_spark_session
        if not isinstance(given, GlueContext) and not hasattr(given, "_jsparkSession"):
            raise UsageError(
                "Job",
                found=f"{type(given).__module__}.{type(given).__name__}",
                required="Job(GlueContext(...)) with glue_secure.context.GlueContext, or a SparkSession",
            )
        require_glue_classes(given._jvm)
        super().__init__(given)
        self._run: Run | None = None

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Establish the run. Until this has returned, the context refuses every read and write.

        Args:
            job_name: ``args["JOB_NAME"]``.
            args: what getResolvedOptions returned; added to the process's own arguments.

        Raises:
            RefusedError, VerificationError: a control stopped the run; nothing was read or written.
        """
        process_hooks.install()
        context = self._glue_context
        if self._run is not None or (context is not None and context.secured_run is not None):
            raise UsageError("job.init", found="a second call", required="one job.init for a GlueContext")
        given = {name: str(value) for name, value in (args or {}).items() if value is not None}
        arguments = composition.arguments().overlaid(given)
        if arguments.keeps_bookmarks():
            raise UsageError(
                f"--{BOOKMARKS} portable",
                found="said to job.init, when the context was made already",
                required="the job's own argument",
            )
        identity = arguments.identity(job=job_name, fresh_run_id=composition.fresh_run_id())
        services = composition.services()
        preflight = establish(identity, arguments, services)
        super().init(job_name, {} if args is None else args)
        self._run = Run.start(
            identity,
            arguments,
            services=services,
            engine=composition.engine(self._spark_session),
            preflight=preflight,
            glue_commit=super().commit,
            native_bookmarks=True,
        )
        process_hooks.watch(self._run)
        if context is not None:
            context.secured_run = self._run

    def isInitialized(self) -> bool:
        """Whether ``init`` has succeeded, here and in Glue."""
        return self._run is not None and bool(super().isInitialized())

    def commit(self) -> None:
        """Verify what is still unverified, let Glue commit its bookmark, and write the evidence.

        Raises:
            RefusedError: an object is not encrypted as it must be; Glue's bookmark was not committed.
            VerificationError: the evidence could not be written.
        """
        if self._run is None:
            raise before_init("job.commit")
        self._run.commit()
