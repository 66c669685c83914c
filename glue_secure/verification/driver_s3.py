"""boto3 calls of the driver: judged at the call, read back when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

from glue_secure.core.driver_s3 import JUDGED, WRITES, guarded_parameters
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import DriverS3


class DriverS3Recorder:
    """Holds what boto3 was asked to write in one run.

    Args:
        key: the run's key.
        source: makes guarded sessions; None where the run has none.
        reject_reserved_location: refuses where bookmarks and evidence lie (GS-S3-009).
        call: a call of the run; what is refused in it spoils the run.
    """

    def __init__(
        self,
        *,
        key: KmsKeyArn,
        source: DriverS3 | None,
        reject_reserved_location: Callable[[S3Uri, str], None],
        call: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._key, self._source, self._refuse_kept, self._call = key, source, reject_reserved_location, call
        self._lock = Lock()
        self._uris: dict[S3Uri, None] = {}
        self._session: Any = None
        self._end: Callable[[], None] | None = None

    def cover(self, is_active: Callable[[], bool]) -> None:
        """Guard boto3's default session until :meth:`end`."""
        if self._source is not None:
            self._end = self._source.cover_default(self.judge, is_active)

    def end(self) -> None:
        """Let boto3's default session go."""
        if self._end is not None:
            self._end()

    @property
    def session(self) -> Any:
        """The guarded ``boto3.session.Session`` of the run, made once."""
        with self._lock:
            if self._session is None:
                if self._source is None:
                    raise UsageError("boto3_session", found="no AWS session", required="a run on an account")
                self._session = self._source.guarded(self.judge)
            return self._session

    def judge(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """What to add to a call. Raises RefusedError: GS-S3-005, GS-S3-009; UsageError: the run is over."""
        if operation not in JUDGED:
            return {}
        with self._call():
            added = guarded_parameters(operation, parameters, self._key)
            if operation in WRITES:
                uri = S3Uri(str(parameters.get("Bucket", "")), str(parameters.get("Key", "")))
                self._refuse_kept(uri, f"{operation} to")
                with self._lock:
                    self._uris[uri] = None
            return added

    def forget(self) -> None:
        """Everything so far was read back."""
        with self._lock:
            self._uris.clear()

    def uris(self) -> tuple[S3Uri, ...]:
        """Every object that a call was to write, also one that S3 then refused."""
        with self._lock:
            return tuple(self._uris)
