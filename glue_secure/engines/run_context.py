"""The session and the run of a GlueContext, in plain Spark and in Glue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glue_secure.preflight.fine_grained import refuse_rdds
from glue_secure.run.state import init_required

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.run.run import Run


class RunContext:
    """A Spark session, and the run that ``job.init`` starts on it.

    Attributes:
        spark_session: the session.
        secured_run: the run; None before ``job.init``.
    """

    spark_session: SparkSession
    secured_run: Run | None = None

    def require_run(self, call: str) -> Run:
        """Return the run.

        Args:
            call: name of the calling method, for the error.

        Raises:
            RefusedError: GS-SEC-007, ``job.init`` has not run; GS-LF-007, the call needs RDDs and the job
                runs under fine-grained access control.
        """
        if self.secured_run is None:
            raise init_required(call)
        refuse_rdds(call, fine_grained=self.secured_run.fine_grained)
        return self.secured_run

    @contextmanager
    def operation(self, call: str, fails_run_on: type[BaseException] = BaseException) -> Iterator[Run]:
        """Run one read or write. An exception of type ``fails_run_on`` marks the run as failed.

        Args:
            call: name of the calling method, for the error of :meth:`require_run`.
            fails_run_on: which exceptions mark the run as failed, so that it cannot commit.
        """
        run = self.require_run(call)
        with run.operation(fails_run_on):
            yield run
