"""Drop-in door: ``from glue_secure.job import Job``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.context import GlueContext
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.runtime import composition, exits
from glue_secure.runtime.run import SecuredRun


class Job:
    """Glue's ``Job``: ``init`` starts the guard, ``commit`` ends the run.

    Args:
        glue_context: the GlueContext whose reads and writes belong to the job.
    """

    def __init__(self, glue_context: GlueContext) -> None:
        if not isinstance(glue_context, GlueContext):
            raise UsageError("Job", found=type(glue_context).__name__, required="Job(GlueContext(...))")
        self._glue_context = glue_context

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:
        """Establish the run. Until this has returned, the context refuses every read and write.

        Args:
            job_name: ``args["JOB_NAME"]``.
            args: what getResolvedOptions returned; added to the process's own arguments.

        Raises:
            Refusal, CannotVerify: a control stopped the run; nothing was read or written.
        """
        exits.install()
        if self._glue_context.secured_run is not None:
            raise UsageError("job.init", found="a second call", required="one job.init for a GlueContext")
        given = {name: str(value) for name, value in (args or {}).items() if value is not None}
        arguments = JobArguments({**composition.arguments().values, **given})
        identity = arguments.identity(job=job_name, fresh_run_id=composition.fresh_run_id())
        run = SecuredRun.start(
            identity,
            arguments,
            services=composition.services(),
            engine=composition.engine(self._glue_context.spark_session),
        )
        exits.watch(run)
        self._glue_context.secured_run = run

    def commit(self) -> None:
        """Commit the bookmark and write the evidence; every write is verified already.

        Raises:
            BookmarkConflict: another run committed first.
            CannotVerify: the bookmark or the evidence could not be written.
        """
        self._glue_context.require_run("job.commit").commit()

    def isInitialized(self) -> bool:
        """Whether ``init`` has succeeded."""
        return self._glue_context.secured_run is not None
