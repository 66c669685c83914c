"""Calls of botocore's clients, and boto3 sessions for job scripts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Protocol

from glue_secure.core.errors import RefusedError


class Recorder(Protocol):
    """Takes the response to a request."""

    def __call__(self, status: int, response: Mapping[str, Any], *, is_certain: bool) -> None:
        """Record a response.

        Args:
            status: HTTP status.
            response: botocore's parsed response.
            is_certain: whether an error means that nothing was stored. It is not certain if the request was
                sent more than once.
        """


class CallGuard(Protocol):
    """Decides about the calls of botocore's clients."""

    @property
    def is_open(self) -> bool:
        """Whether the run is open."""

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error; the run can no longer commit."""

    def check_call(
        self, operation: str, parameters: Mapping[str, Any], endpoint: str, *, presigned: bool
    ) -> Mapping[str, str]:
        """Return the parameters to add to an S3 call, before it is sent or signed.

        Args:
            operation: the API operation (``PutObject``).
            parameters: of the call.
            endpoint: URL of the client's endpoint.
            presigned: whether a URL is signed instead of a request sent.

        Raises:
            GlueSecureError: the call is rejected.
        """

    def request(
        self, operation: str, parameters: Mapping[str, Any], size: int | None
    ) -> AbstractContextManager[Recorder]:
        """Return the context in which one S3 request is sent.

        Args:
            operation: the API operation.
            parameters: of the call.
            size: bytes of the request's body; None if it is not known.
        """


class DriverS3(Protocol):
    """Guards botocore's clients in this process."""

    def guarded(self, guard: CallGuard) -> Any:
        """Return a ``boto3.session.Session`` whose clients belong to ``guard``'s run."""

    def guard_process(self, guard: CallGuard) -> None:
        """Let ``guard`` decide about the calls of every client of this process from now on."""
