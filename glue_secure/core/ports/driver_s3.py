"""Calls of botocore's clients, and boto3 sessions for job scripts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.target_encryption import EncryptionRules


@dataclass(frozen=True, slots=True)
class ChildPolicy:
    """What the S3 calls of the other Python processes of a job must satisfy.

    Attributes:
        run: id of the run.
        rules: how stored objects must be encrypted.
        reserved: locations of bookmarks and evidence.
        endpoint: URL that the run's own S3 requests go to.
        is_open: whether the run is open.
    """

    run: str
    rules: EncryptionRules
    reserved: tuple[S3Uri, ...]
    endpoint: str
    is_open: bool = True


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

    def records_read(self, location: S3Uri) -> bool:
        """Return whether the response to a read of an object is recorded."""

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error; the run can no longer commit."""

    def check_call(
        self, operation: str, parameters: Mapping[str, Any], endpoint: str, *, presigned: bool
    ) -> Mapping[str, str | bool]:
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

    def in_child(self) -> CallGuard:
        """Return the guard of a process that was forked from this one."""


class DriverS3(Protocol):
    """Guards botocore's clients in this process."""

    def guarded(self, guard: CallGuard) -> Any:
        """Return a ``boto3.session.Session`` whose clients belong to ``guard``'s run."""

    def guard_process(self, guard: CallGuard) -> None:
        """Let ``guard`` decide about the calls of every client of this process from now on."""
