"""botocore's clients in a job's process before its run: a storing S3 call starts the run, or is rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from glue_secure.aws import botocore_guard
from glue_secure.core.driver_s3 import is_storing
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports.driver_s3 import Recorder
from glue_secure.run.automatic_start import no_run, start_automatically


class BeforeInit:
    """Starts the run at the first storing S3 call; rejects the call (GS-SEC-007) if no run can start.

    Clients without verified TLS are rejected. Implements ``ports.driver_s3.CallGuard``.
    """

    is_open = False

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error."""
        raise error

    def check_call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        endpoint: str,
        *,
        presigned: bool,
    ) -> Mapping[str, str | bool]:
        """Return what the run adds to a storing call, ``{}`` for any other call.

        Raises:
            RefusedError: GS-SEC-007, no run can start; or a control stopped the run or the call.
        """
        if not is_storing(operation, parameters):
            return {}
        run = start_automatically()
        if run is None:
            raise no_run(f"{operation} to s3://{parameters.get('Bucket', '')}/{parameters.get('Key', '')}")
        return run.driver_s3.check_call(operation, parameters, endpoint, presigned=presigned)

    @contextmanager
    def request(
        self,
        operation: str,  # noqa: ARG002 - part of the port
        parameters: Mapping[str, Any],  # noqa: ARG002 - part of the port
        size: int | None,  # noqa: ARG002 - part of the port
    ) -> Iterator[Recorder]:
        """Record nothing."""
        yield _ignore

    def records_read(self, _location: S3Uri) -> bool:
        """Return False: without a run, nothing is required of sources."""
        return False

    def in_child(self) -> BeforeInit:
        """Return the guard of a forked process."""
        return self


def expect_init() -> None:
    """Let no S3 call of this process store without a run, because it is a job's process.

    ``getResolvedOptions``, ``GlueContext(...)`` and the start of a run call it. A process that only imports
    glue-secure is not a job's process.
    """
    botocore_guard.guard_before_run(BeforeInit())


def _ignore(status: int, response: Mapping[str, Any], *, is_certain: bool) -> None:
    """Ignore a response."""
