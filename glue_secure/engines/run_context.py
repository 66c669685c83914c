"""The session and the run of a GlueContext, in plain Spark and in Glue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from glue_secure.core.evidence import WriteRecord
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.preflight.fine_grained import refuse_rdds
from glue_secure.run import test_mode
from glue_secure.run.automatic_start import no_run, start_automatically
from glue_secure.run.start import read_arguments, start_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from glue_secure.run.run import Run


def failure_context(
    context: Any, fails_run_on: type[BaseException] = BaseException
) -> AbstractContextManager[None] | None:
    """Return the context of a usage error in a call of a GlueContext; None before the run.

    Args:
        context: the GlueContext.
        fails_run_on: ControlError for calls that only read; see :meth:`RunState.operation`.
    """
    run: Run | None = context.secured_run
    return None if run is None else run.operation(fails_run_on)


class RunContext:
    """A Spark session, and the run on it.

    Attributes:
        spark_session: the session.
        secured_run: the run, which starts with the context if the script has ``--JOB_NAME``, and with
            ``job.init`` otherwise; None before.
    """

    spark_session: SparkSession
    secured_run: Run | None = None

    def start_run_automatically(self) -> None:
        """Start the run without ``job.init``, or take the one that has started, if the process allows it.

        Raises:
            UsageError: an argument is invalid.
            RefusedError, VerificationError: a control stopped the run.
        """
        self.secured_run = start_automatically(lambda: self.spark_session)

    def require_run(self, call: str) -> Run:
        """Return the run.

        Args:
            call: name of the calling method, for the error.

        Raises:
            RefusedError: GS-SEC-007, there is no run; GS-LF-007, the call needs RDDs and the job runs under
                fine-grained access control.
        """
        if test_mode.is_enabled() and (self.secured_run is None or not self.secured_run.is_open):
            self.secured_run = start_run(read_arguments(), lambda: self.spark_session)
        if self.secured_run is None:
            raise no_run(call)
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

    @check_argument_types(failure_context)
    def write_custom(self, target: str, write: Callable[[], object], format: str = "custom") -> WriteRecord:
        """Call a function that writes to S3 through Spark or Hadoop, and verify every object that it wrote.

        awsglue has no such method. It is for what Glue's sinks do not write, for example a model's ``save``,
        XML, or an Iceberg table's ``writeTo``:
        ``glueContext.write_custom(target, lambda: model.save("s3a://BUCKET/MODEL/"))``.

        Args:
            target: S3 location below which the function writes.
            write: the function. It is called once, in the calling thread.
            format: name of the format in the evidence.

        Returns:
            The record of the write in the evidence, with every object.

        Raises:
            RefusedError: before the write GS-S3-001 to -003, -006, -008, -009, GS-COL-005; after it
                GS-S3-004.
            VerificationError: GS-S3-007.
        """
        with self.operation("write_custom") as run:

            def perform() -> None:
                write()

            return run.writer.write_custom(target, format=format, perform=perform)
