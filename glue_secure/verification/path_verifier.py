"""Verification of a location where objects appear over time, such as a stream's checkpoint."""

from __future__ import annotations

import time
from datetime import datetime, timezone

from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.recorder import RunRecorder
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.target_guard import TargetGuard

_ALWAYS = datetime(1970, 1, 2, tzinfo=timezone.utc)


class PathVerifier:
    """Verifies each object below a location once, and records all of them as one write.

    Objects that existed before are verified too, unless :meth:`accept_existing` is called: a stream that
    resumes from a checkpoint depends on them.

    Args:
        location: the location.
        format: for the evidence.
        kind: the kind of write, for the evidence.
        guard: checks settings and lists the location.
        verifier: reads objects back.
        requests: whose receipts of these objects need no further verification.
        recorder: receives findings and the record.
    """

    def __init__(
        self,
        location: S3Uri,
        *,
        format: str,
        kind: str,
        guard: TargetGuard,
        verifier: ObjectVerifier,
        requests: S3Requests,
        recorder: RunRecorder,
    ) -> None:
        self.location, self.format, self._kind = location, format, kind
        self._guard, self._verifier, self._recorder = guard, verifier, recorder
        self._requests = requests
        self._since = _ALWAYS
        self._known: set[tuple[S3Uri, str]] = set()
        self._verified: dict[S3Uri, ObjectEncryption] = {}
        self._seconds = 0.0

    def accept_existing(self) -> None:
        """Exclude the objects that exist now: only objects that appear or change later are verified."""
        self._since = self._guard.start_write(self.location).time

    def verify(self) -> None:
        """Read back every object that appeared or changed since the last call.

        Raises:
            RefusedError: GS-S3-001 to -004, -008; a request that the guard stopped.
            VerificationError: GS-S3-007.
        """
        started = time.perf_counter()
        self._guard.check_encryption(self.location)
        with self._recorder.timed("verify"):
            self._requests.collect()
            self._requests.receipts.attribute_below(self.location)
            listed = self._guard.list_new(self.location, self._since)
            current = {(summary.uri, summary.etag) for summary in listed}
            new = sorted((uri for uri, _ in current - self._known), key=str)
            encryptions = self._verifier.verify(new, may_be_deleted=True)
            self._known |= current
            self._verified.update((encryption.uri, encryption) for encryption in encryptions)
        self._seconds += time.perf_counter() - started

    def record(self) -> WriteRecord:
        """Record everything that was verified as one write, and return the record."""
        objects = tuple(self._verified[uri] for uri in sorted(self._verified, key=str))
        record = WriteRecord(str(self.location), self.format, None, objects, self._seconds, self._kind)
        self._recorder.write(record)
        return record
