"""boto3 calls of the driver: checked when they are made, and read back when the run commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from glue_secure.core.driver_s3 import CHECKED, WRITES, guarded_parameters
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import DriverS3, Operation
from glue_secure.verification.target_guard import TargetGuard

if TYPE_CHECKING:
    from boto3.session import Session


class DriverS3Recorder:
    """Adds the run's key to boto3's writes and records which objects they wrote.

    Args:
        key: the run's key.
        source: creates guarded sessions; None if the run has no AWS session.
        guard: rejects the locations of bookmarks and evidence.
        operation: each call is an operation of the run; a rejected call fails the run.
    """

    def __init__(
        self, *, key: KmsKeyArn, source: DriverS3 | None, guard: TargetGuard, operation: Operation
    ) -> None:
        self._key, self._source, self._guard, self._operation = key, source, guard, operation
        self._lock = Lock()
        self._uris: dict[S3Uri, None] = {}
        self._session: Session | None = None
        self._release: Callable[[], None] | None = None

    def guard_default_session(self, is_active: Callable[[], bool]) -> None:
        """Guard boto3's default session until :meth:`release_default_session`."""
        if self._source is not None:
            self._release = self._source.cover_default(self.check_call, is_active)

    def release_default_session(self) -> None:
        """Stop guarding boto3's default session."""
        if self._release is not None:
            self._release()

    @property
    def session(self) -> Session:
        """The run's guarded session, created once.

        Raises:
            UsageError: the run has no AWS session.
        """
        with self._lock:
            if self._session is None:
                if self._source is None:
                    raise UsageError(
                        "boto3_session",
                        found="services without a boto3 session",
                        required="services.driver_s3",
                    )
                self._session = self._source.guarded(self.check_call)
            return self._session

    def check_call(self, operation: str, parameters: Mapping[str, object]) -> Mapping[str, str]:
        """Return the parameters to add to an S3 call.

        Args:
            operation: the API operation (``PutObject``).
            parameters: the call's parameters.

        Raises:
            RefusedError: GS-S3-005, GS-S3-009.
            UsageError: the run is over.
        """
        if operation not in CHECKED:
            return {}
        with self._operation():
            added = guarded_parameters(operation, parameters, self._key)
            if operation in WRITES:
                uri = S3Uri(str(parameters.get("Bucket", "")), str(parameters.get("Key", "")))
                self._guard.reject_reserved_location(uri, f"{operation} to")
                with self._lock:
                    self._uris[uri] = None
            return added

    def uris(self) -> tuple[S3Uri, ...]:
        """Return every object that a call wrote or tried to write since :meth:`clear`."""
        with self._lock:
            return tuple(self._uris)

    def clear(self) -> None:
        """Remove the recorded objects, after they were read back."""
        with self._lock:
            self._uris.clear()
