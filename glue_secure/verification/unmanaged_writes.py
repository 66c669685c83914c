"""Verify, at commit, the writes that a script made through Spark without glue-secure, or through boto3.

With the request guard, the receipts of S3's responses name every object that Spark stored, and plans only
name the writes. Without it, only the location of a write is known, and there is no listing from before it.
Therefore every object below the location is read back that may have been stored since the run started.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence

from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import Finding, enforce, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import BOTO3, Receipt
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redact_text
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport, unrepeated_failures
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.target_guard import TargetGuard

_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
_FIX = (
    "write with job.write or the GlueContext; for what only Spark can write, use job.write.custom(target, "
    "function), or glueContext.write_custom(target, function)"
)
_FIX_JDBC = (
    "write through a Glue connection, whose server is verified: "
    "glueContext.write_dynamic_frame.from_jdbc_conf("
    'frame=DynamicFrame.fromDF(frame, glueContext, "rows"), catalog_connection="CONNECTION", '
    'connection_options={"dbtable": "SCHEMA.TABLE", "database": "DATABASE"}), which appends'
)
_FIX_ACTIVE = (
    "wait before job.commit(): thread.join() for a thread, query.awaitTermination() or query.stop() for a "
    "stream"
)


class UnmanagedWriteVerifier:
    """Checks writes that a script made without glue-secure against the same controls as the run's own writes.

    Args:
        guard: checks and lists targets.
        verifier: reads objects back.
        requests: the receipts of Spark's S3 requests.
        columns: the run's column policy, which forbids unmanaged writes.
        recorder: receives findings and records.
        local_files: whether a write to the machine's own files is recorded and not rejected, for tests.
    """

    def __init__(
        self,
        *,
        guard: TargetGuard,
        verifier: ObjectVerifier,
        requests: S3Requests,
        columns: ColumnPolicyEnforcer,
        recorder: RunRecorder,
        local_files: bool = False,
    ) -> None:
        self._guard, self._verifier, self._requests = guard, verifier, requests
        self._columns, self._recorder, self._local_files = columns, recorder, local_files
        self._unverified: tuple[UnmanagedWrite, ...] = ()
        self._emptied: set[S3Uri | None] = set()

    def require_observable(self, report: UnmanagedWriteReport) -> None:
        """Stop a run at its start if Spark's writes cannot be observed, or if a write is forbidden.

        Args:
            report: what the engine observed before the first operation of the run, for example a checkpoint
                directory that was set on the session earlier.

        Raises:
            RefusedError: GS-S3-011, a location that is not S3; GS-COL-006, a write under a column policy.
            VerificationError: GS-S3-012, a write may be missed.
        """
        enforce(self._columns.check_bypass(report.writes))
        writes = [write for write in report.writes if not self._is_allowed_locally(write)]
        enforce(check_unmanaged_writes(self._to_be_located(writes), report.doubts))

    def require_no_active_work(self, active: Sequence[str]) -> None:
        """Stop a commit while Spark works.

        Args:
            active: a description of the work.

        Raises:
            VerificationError: GS-S3-012.
        """
        if active:
            enforce(check_unmanaged_writes((), (), active))

    def verify(self, report: UnmanagedWriteReport, *, staged: bool = False) -> None:
        """Check every location, read back its new objects, and record the writes.

        Args:
            report: what the engine observed.
            staged: whether :meth:`DataWriter.verify_deferred_writes` verified objects that AWS Glue may have
                written with an RDD save, whose location Spark does not report. RDD saves without a location
                are then attributed to the verified locations.

        Raises:
            RefusedError: GS-S3-001 to -004, -008, -009; GS-S3-011, a location that is not S3; GS-COL-006, a
                write under a column policy.
            VerificationError: GS-S3-007; GS-S3-012, a write may have been missed, or Spark still works.
            GlueSecureError: a write failed in Spark, and no later write repeated it.
        """
        self._unverified = report.writes
        self._emptied = {parsed_location(location) for location in report.emptied}
        with self._recorder.timed("verify unmanaged"):
            writes = [
                write
                for write in report.writes
                if not (staged and write.format == "rdd" and not write.location)
                and not self._is_allowed_locally(write)
            ]
            located = [*self._to_be_located(writes), *self._to_other_file_systems(writes)]
            by_location: dict[S3Uri, list[UnmanagedWrite]] = {}
            for write in located:
                location = parsed_location(write.location)
                if location is not None:
                    by_location.setdefault(location, []).append(write)
            receipts = self._unmanaged_receipts(by_location)
            unknown_writes = [
                UnmanagedWrite(str(location), "files") for location in receipts if location not in by_location
            ]
            self._recorder.record(enforce(self._columns.check_bypass([*report.writes, *unknown_writes])))
            self._recorder.record(enforce(check_unmanaged_writes(located, report.doubts, report.active)))
            for location in by_location:
                self._guard.reject_reserved_location(location, "write outside glue-secure to")
            for location in dict.fromkeys([*by_location, *receipts]):
                writes_there = by_location.get(location, [])
                self._verify_location(location, writes_there, receipts.get(location, ()))
                self._unverified = tuple(write for write in self._unverified if write not in writes_there)
            self._require_no_failure(report.writes)
            self._recorder.writes.extend(
                WriteRecord(write.location, write.format, write.rows, (), 0.0, "unmanaged-unverified")
                for write in report.writes
                if self._is_allowed_locally(write)
            )
            self._unverified = ()

    def verify_boto3_writes(self, receipts: Sequence[Receipt], *, incomplete: Sequence[Receipt] = ()) -> None:
        """Verify the objects that botocore's clients wrote, and record one write for each bucket.

        Args:
            receipts: of the objects that the calls left, or may have left.
            incomplete: multipart uploads that were not completed; they store no object.

        Raises:
            RefusedError: GS-S3-004, an object is not SSE-KMS under the run's key.
            VerificationError: GS-S3-007, an object cannot be read back.
        """
        for upload in incomplete:
            self._recorder.writes.append(
                WriteRecord(str(upload.uri), "incomplete multipart upload", None, (), 0.0, "boto3")
            )
        if not receipts:
            return
        started = time.perf_counter()
        with self._recorder.timed("verify unmanaged"):
            verified = self._requests.verify(receipts)
        seconds = time.perf_counter() - started
        for bucket in dict.fromkeys(receipt.uri.bucket for receipt in receipts):
            objects = tuple(encryption for encryption in verified if encryption.uri.bucket == bucket)
            self._recorder.writes.append(
                WriteRecord(
                    f"s3://{bucket}/", "object", None, objects, seconds, "boto3", verified_by="receipts"
                )
            )

    def record_unverified(self, writes: Sequence[UnmanagedWrite], uris: Sequence[S3Uri] = ()) -> None:
        """Record the writes of a run that ends without a commit. They are not verified.

        They include the writes that :meth:`verify` received and did not verify because it raised.

        Args:
            writes: the other observed writes.
            uris: the objects that boto3 calls on the driver wrote.
        """
        boto3_writes = (UnmanagedWrite(str(uri), "boto3") for uri in uris)
        for write in dict.fromkeys([*self._unverified, *writes, *boto3_writes]):
            self._recorder.writes.append(
                WriteRecord(
                    write.location or write.problem, write.format, write.rows, (), 0.0, "unmanaged-unverified"
                )
            )
        for location, receipts in self._unmanaged_receipts(()).items():
            objects = tuple(receipt.encryption() for receipt in receipts)
            self._recorder.writes.append(
                WriteRecord(str(location), "files", None, objects, 0.0, "unmanaged-unverified")
            )

    def _is_allowed_locally(self, write: UnmanagedWrite) -> bool:
        return self._local_files and write.location.startswith("file:/")

    def _to_be_located(self, writes: Sequence[UnmanagedWrite]) -> list[UnmanagedWrite]:
        """Return the writes whose location must be known.

        A write of files without a location is left out if receipts name its files: the guard works, files
        were stored that belong to no other write, and no other file system than S3 was written to.
        """
        requests = self._requests
        has_receipts = (
            requests.are_guarded and not requests.other_schemes and bool(requests.receipts.unattributed())
        )
        return [write for write in writes if write.location or not (write.stores_files and has_receipts)]

    def _to_other_file_systems(self, writes: Sequence[UnmanagedWrite]) -> list[UnmanagedWrite]:
        """Return a write for each file system to which bytes went that no observed write names.

        The local disk is left out: Spark and Hive themselves keep files there.
        """
        schemes = sorted(self._requests.other_schemes - {"file"})
        return [
            UnmanagedWrite(f"{scheme}://", "files")
            for scheme in schemes
            if not any(write.location.startswith(f"{scheme}:") for write in writes)
        ]

    def _unmanaged_receipts(self, locations: Iterable[S3Uri]) -> dict[S3Uri, list[Receipt]]:
        """Return the receipts that no write of the run has, by the location of the write that they belong to.

        This is the longest of ``locations`` that an object is below, or else the object's folder without
        partition folders.
        """
        grouped: dict[S3Uri, list[Receipt]] = {}
        by_length = sorted(locations, key=lambda location: len(location.key), reverse=True)
        for receipt in self._requests.receipts.unattributed() if self._requests.are_guarded else ():
            if receipt.client == BOTO3:
                continue
            below = (location for location in by_length if receipt.uri.is_below(location))
            grouped.setdefault(next(below, _folder(receipt.uri)), []).append(receipt)
        return grouped

    def _was_emptied(self, location: S3Uri) -> bool:
        """Return whether the run itself is known to have deleted objects below a location.

        Known are purges, deletions by botocore's clients, and Spark's commands for a table.
        """
        purged = (uri for record in self._recorder.housekeeping for uri in record.objects)
        return (
            location in self._emptied
            or self._requests.receipts.has_deleted_below(location)
            or any(uri.is_below(location) for uri in purged)
        )

    def _require_no_failure(self, writes: Sequence[UnmanagedWrite]) -> None:
        failures = unrepeated_failures(writes)
        if failures:
            targets = ", ".join(redact_text(f"{write.format} to {write.location}") for write in failures)
            raise GlueSecureError(
                f"a write by Spark failed and the script continued; nothing is committed: {targets}\n"
                "  fix:      let the error end the script, or repeat the write, in the same format to the "
                "same location; an error in a thread does not end the script"
            )

    def _verify_location(
        self, location: S3Uri, writes: Sequence[UnmanagedWrite], receipts: Sequence[Receipt]
    ) -> None:
        """Verify the writes to one location, with receipts if requests are guarded, and record them."""
        requests = self._requests
        recent: tuple[S3Uri, ...] = ()
        if requests.are_guarded:
            started = time.perf_counter()
            objects = requests.verify(receipts)
            requests.receipts.attribute(receipts)
        else:
            self._guard.check_encryption(location)
            started = time.perf_counter()
            recent = self._guard.list_recent(location)
            objects = self._verifier.verify(recent, may_be_deleted=True)
        counts = [write.rows for write in writes if write.rows is not None]
        if any(counts) and not all(write.failed for write in writes) and not self._may_be_empty(location):
            self._guard.require_objects_written(location, sum(counts), recent)
        self._recorder.writes.append(
            WriteRecord(
                str(location),
                ", ".join(dict.fromkeys(write.format for write in writes)) or "files",
                sum(counts) if counts else None,
                objects,
                time.perf_counter() - started,
                "unmanaged",
                verified_by="receipts" if requests.are_guarded else "HeadObject",
            )
        )

    def _may_be_empty(self, location: S3Uri) -> bool:
        """Return whether a location that rows were written to may have no objects now."""
        if self._requests.are_guarded:
            return self._requests.receipts.has_stored_below(location)
        return self._was_emptied(location)


def check_unmanaged_writes(
    writes: Sequence[UnmanagedWrite], doubts: Sequence[str], active: Sequence[str] = ()
) -> list[Finding]:
    """Return GS-S3-011 for each location, and GS-S3-012, passed or once for each doubt and active work.

    A write without a location that can be parsed is a doubt.

    Args:
        writes: the observed writes.
        doubts: why a write may have been missed.
        active: work of Spark that has not ended.
    """
    by_location: dict[str, Finding] = {}
    doubts = list(doubts)
    for write in writes:
        if write.location and not _S3.match(write.location):
            by_location[write.location] = failed(
                "GS-S3-011",
                f"write of {write.format} outside glue-secure",
                found=redact_text(write.location),
                required="s3://BUCKET/PREFIX, encrypted with SSE-KMS",
                fix=_FIX_JDBC if write.location.startswith("jdbc:") else _FIX,
            )
        elif (location := parsed_location(write.location)) is None:
            doubts.append(write.problem or f"a write to {write.location!r}")
        else:
            by_location[write.location] = passed("GS-S3-011", "write outside glue-secure", str(location))
    resource = "writes outside glue-secure"
    problems = [
        unknown("GS-S3-012", resource, found=found, required=required, fix=fix)
        for reasons, required, fix in (
            (doubts, "the location of every write of the session", _FIX),
            (active, "no work of Spark when the run commits", _FIX_ACTIVE),
        )
        for found in reasons
    ]
    if problems:
        return [*by_location.values(), *problems]
    return [*by_location.values(), passed("GS-S3-012", resource, f"{len(writes)} writes observed")]


def _folder(uri: S3Uri) -> S3Uri:
    """Return the folder of an object, without partition folders (``day=1``)."""
    folders = uri.key.split("/")[:-1]
    while folders and "=" in folders[-1]:
        folders.pop()
    return S3Uri(uri.bucket, "/".join(folders))


def parsed_location(location: str) -> S3Uri | None:
    """Return the S3 location that a plan reports, None if it is not in S3."""
    try:
        return S3Uri.parse(location)
    except UsageError:
        return None
