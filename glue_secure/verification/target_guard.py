"""Checks of an S3 target: before a write its location, settings and client, after it the listing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from glue_secure.columns.enforcer import ProtectedFrame
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import CLOCK_DIFFERENCE, ObjectSummary
from glue_secure.core.policy import check_reserved_location
from glue_secure.core.ports import Engine, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError, listing_fix
from glue_secure.core.spark_conf import SettingsPlan, check_client, check_settings
from glue_secure.verification.table_buckets import TableBucketChecker
from glue_secure.verification.target_keys import TargetKeys

MARGIN = timedelta(seconds=2)
"""By how much ``LastModified`` of an object may be earlier than the ``Date`` of an answer that S3 gave before
the object was stored. Both are full seconds, and the clocks may be those of two servers of S3."""

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class WriteStart:
    """What S3 answered before a write.

    Attributes:
        time: S3's time, UTC.
        has_objects: whether the location has objects.
    """

    time: datetime
    has_objects: bool


class TargetGuard:
    """Checks the targets of one run's writes and deletions.

    Args:
        plan: the settings that must be in force.
        engine: reports the settings and the file system client of the session.
        objects: S3, called from the driver.
        recorder: receives the findings.
        reserved: locations of bookmarks and evidence, which no call may touch.
        targets: the keys of the policy file, checked before a write; None for no check.
        is_guarded: whether the request guard encrypts each request by its prefix.
        tables: checks table buckets of Amazon S3 Tables; None for no check.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        engine: Engine,
        objects: ObjectStore,
        recorder: RunRecorder,
        reserved: Sequence[S3Uri] = (),
        targets: TargetKeys | None = None,
        is_guarded: Callable[[], bool] = lambda: False,
        tables: TableBucketChecker | None = None,
    ) -> None:
        self._plan, self._engine, self._objects, self._recorder = plan, engine, objects, recorder
        self._reserved, self._is_guarded, self._targets = tuple(reserved), is_guarded, targets
        self._tables = tables
        self._run_started = recorder.started - CLOCK_DIFFERENCE

    def note_start(self, bucket: str) -> None:
        """Ask S3 for its time, before the run writes. Without an answer, the driver's clock decides."""
        with suppress(ServiceError):
            self._run_started = self._objects.time(bucket)

    def reject_reserved_location(self, location: S3Uri, action: str) -> None:
        """Reject a location that contains bookmarks or evidence, or is inside their prefixes.

        Args:
            location: the target.
            action: the call, for the message: ``write to``.

        Raises:
            RefusedError: GS-S3-009.
        """
        enforce([check_reserved_location(location, action, self._reserved)])

    def require_same_session(self, frame: DataFrame | ProtectedFrame, target: str) -> None:
        """Reject a frame of another Spark session, whose settings were not checked.

        The settings of a stream's session, to which the frames of ``foreachBatch`` belong, are checked here.

        Raises:
            RefusedError: GS-S3-010; GS-S3-001 to -003, the settings of a stream's session.
        """
        checked = frame.frame if isinstance(frame, ProtectedFrame) else frame
        is_same = self._engine.belongs_to_session(checked)
        settings = None if is_same else self._engine.settings_of_stream(checked)
        enforce([check_session(target, is_same=is_same or settings is not None)])
        if settings is not None:
            enforce(check_settings(self._plan, settings))

    def check_encryption(self, location: S3Uri) -> None:
        """Compare the settings in force and the bucket's client with the plan, and record the findings.

        Raises:
            RefusedError: GS-S3-001, -002, -003, -008, -013; GS-KMS, a key of the policy file cannot be used.
        """
        if self._targets is not None:
            self._targets.use([location])
        # Settings first: Hadoop cannot create a client from some contradictory settings.
        in_force = self._engine.settings_in_force()
        self._recorder.record(enforce(check_settings(self._plan, in_force)))
        if self._tables is not None:
            self._tables.require_buckets(in_force)
            self._tables.require_table(location, "")
        algorithm, key = self._engine.client_encryption(location)
        client = check_client(self._plan, location, algorithm, key, is_guarded=self._is_guarded())
        self._recorder.record(enforce([client]))

    def check_table_buckets(self) -> None:
        """Check the encryption of new tables in the table buckets that are catalogs of the session.

        Raises:
            RefusedError, VerificationError: GS-S3-013.
        """
        if self._tables is not None:
            self._tables.require_buckets(self._engine.settings_in_force())

    def check_table_bucket(self, location: S3Uri, table: str = "") -> None:
        """Check the encryption of a table in a table bucket, and of the bucket. Other locations pass.

        Args:
            location: where the table stores objects.
            table: ``catalog.namespace.name``, ``""`` if it is not known.

        Raises:
            RefusedError, VerificationError: GS-S3-013.
        """
        if self._tables is not None:
            self._tables.require_table(location, table)

    def list_objects(self, location: S3Uri) -> tuple[ObjectSummary, ...]:
        """Return every object below the location.

        Raises:
            VerificationError: GS-S3-007, the location cannot be listed.
        """
        with _listing(location):
            return tuple(self._objects.list(location))

    def start_write(self, location: S3Uri) -> WriteStart:
        """Return S3's time before a write. The location must be listable, so that the write can be verified.

        Raises:
            VerificationError: GS-S3-007, the location cannot be listed, or S3's answer has no time.
        """
        with _listing(location):
            has_objects = self._objects.first(location) is not None
            return WriteStart(self._objects.time(location.bucket), has_objects)

    def time_before(self, location: S3Uri) -> datetime:
        """Return S3's time before a write, without a listing.

        Raises:
            VerificationError: GS-S3-007, S3's answer has no time.
        """
        with _listing(location):
            return self._objects.time(location.bucket)

    def list_new(self, location: S3Uri, since: datetime) -> tuple[ObjectSummary, ...]:
        """Return every object below the location that may have been stored since S3's clock showed ``since``.

        Older objects need no memory.

        Raises:
            VerificationError: GS-S3-007, the location cannot be listed.
        """
        earliest = since - MARGIN
        with _listing(location):
            return tuple(entry for entry in self._objects.list(location) if entry.last_modified >= earliest)

    def list_recent(self, location: S3Uri) -> tuple[S3Uri, ...]:
        """Return every object below the location that may have been stored since the run started.

        Raises:
            VerificationError: GS-S3-007, the location cannot be listed.
        """
        return tuple(entry.uri for entry in self.list_new(location, self._run_started))

    def require_objects_written(self, location: S3Uri, rows: int | None, new: Sequence[S3Uri]) -> None:
        """Fail if rows were written but the listing has no new object. ``rows`` is None if not measured.

        Raises:
            VerificationError: GS-S3-007.
        """
        if new or rows == 0:
            return
        written = "an unknown number of rows" if rows is None else f"{rows} rows"
        stop(
            unknown(
                "GS-S3-007",
                str(location),
                found=f"{written} written, no new object listed",
                required="the objects of the write",
                fix="give the job's role s3:ListBucket on the target, and stop other jobs and lifecycle "
                "rules from deleting objects there",
            )
        )


@contextmanager
def _listing(location: S3Uri) -> Iterator[None]:
    """Raise GS-S3-007 for an error of S3 inside the block."""
    try:
        yield
    except ServiceError as error:
        stop(
            unknown(
                "GS-S3-007",
                str(location),
                found=str(error),
                required="a listing of the target, and S3's time before the write",
                fix=listing_fix(error, location.bucket, "give the job's role s3:ListBucket on the target"),
                aws_code=error.code,
            )
        )


def check_session(target: str, *, is_same: bool) -> Finding:
    """Return GS-S3-010: the frame to write belongs to the run's Spark session."""
    resource = f"write to {target}"
    if is_same:
        return passed("GS-S3-010", resource, "a frame of the run's session, or of a stream of it")
    return failed(
        "GS-S3-010",
        resource,
        found="a frame of another Spark session",
        required="a frame of the run's session",
        fix="create it with job.spark (glueContext.spark_session), not with newSession()",
    )
