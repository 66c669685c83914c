"""botocore's clients in a job's process before ``job.init``: storing S3 calls are rejected (GS-SEC-007)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from glue_secure.aws import botocore_guard
from glue_secure.core.driver_s3 import is_storing
from glue_secure.core.errors import RefusedError
from glue_secure.core.ports.driver_s3 import Recorder
from glue_secure.run.state import init_required


class BeforeInit:
    """Rejects storing S3 calls and clients without verified TLS. Implements ``ports.driver_s3.CallGuard``."""

    is_open = False

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error."""
        raise error

    def check_call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        endpoint: str,  # noqa: ARG002 - part of the port
        *,
        presigned: bool,  # noqa: ARG002 - part of the port
    ) -> Mapping[str, str]:
        """Return ``{}``. Raises RefusedError (GS-SEC-007) for a call that stores something."""
        if is_storing(operation, parameters):
            raise init_required(
                f"{operation} to s3://{parameters.get('Bucket', '')}/{parameters.get('Key', '')}"
            )
        return {}

    @contextmanager
    def request(
        self,
        operation: str,  # noqa: ARG002 - part of the port
        parameters: Mapping[str, Any],  # noqa: ARG002 - part of the port
        size: int | None,  # noqa: ARG002 - part of the port
    ) -> Iterator[Recorder]:
        """Record nothing."""
        yield _ignore

    def in_child(self) -> BeforeInit:
        """Return the guard of a forked process."""
        return self


def expect_init() -> None:
    """Reject storing S3 calls of this process until its first run starts, because it is a job's process.

    ``getResolvedOptions``, ``GlueContext(...)`` and the start of a run call it. A process that only imports
    glue-secure is not a job's process.
    """
    botocore_guard.guard_before_run(BeforeInit())


def _ignore(status: int, response: Mapping[str, Any], *, is_certain: bool) -> None:
    """Ignore a response."""
