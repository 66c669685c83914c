"""Verify, at commit, the writes that a script made through Spark without glue-secure, or through boto3.

With the request guard, the receipts of S3's responses name every object that Spark stored, and plans only
name the writes. Without it, only the location of a write is known, and there is no listing from before it.
Therefore every object below the location is read back that may have been stored since the run started.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence

from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.core.errors import GlueSecureError, UsageError, VerificationError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import Finding, enforce, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.receipt_book import ReceiptGroup
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
_FIX_ADOPTED = (
    "do not add existing objects to a table: read them with job.read or the GlueContext, and write the rows "
    "to the table with job.write or the GlueContext, which stores new objects under the run's key; execute "
    "other procedures with spark.sql('CALL ...'), not in a script or an EXECUTE IMMEDIATE"
)
_FIX_JDBC = (
    "write through a Glue connection, whose server is verified: "
    "glueContext.write_dynamic_frame.from_jdbc_conf("
    'frame=DynamicFrame.fromDF(frame, glueContext, "rows"), catalog_connection="CONNECTION", '
    'connection_options={"dbtable": "SCHEMA.TABLE", "database": "DATABASE"}), which appends'
)
_TABLES = ("table", "delta", "hudi")
"""Formats of writes that commit to a table, as the plans of Spark name them."""
_METADATA_FOLDERS = frozenset(("_delta_log", "_symlink_format_manifest", "metadata"))
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
            RefusedError: GS-S3-011, a location that is not S3; GS-COL-006, a write under a column policy;
                GS-S3-013, a catalog is a table bucket with another encryption.
            VerificationError: GS-S3-012, a write may be missed; GS-S3-013, as above, not known.
        """
        self._guard.check_table_buckets()
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
                UnmanagedWrite(str(location), "files")
                for location, group in receipts.items()
                if _has_unobserved_objects(location, by_location.get(location, ()), group)
            ]
            self._recorder.record(enforce(self._columns.check_bypass([*report.writes, *unknown_writes])))
            self._recorder.record(enforce(check_unmanaged_writes(located, report.doubts, report.active)))
            for location, writes_there in by_location.items():
                self._guard.reject_reserved_location(location, "write outside glue-secure to")
                for table in dict.fromkeys(write.table for write in writes_there):
                    self._guard.check_table_bucket(location, table)
            for location in dict.fromkeys([*by_location, *receipts]):
                writes_there = by_location.get(location, [])
                self._verify_location(location, writes_there, receipts.get(location))
                self._unverified = tuple(write for write in self._unverified if write not in writes_there)
            self._require_no_failure(report.writes)
            for write in filter(self._is_allowed_locally, report.writes):
                self._recorder.write(
                    WriteRecord(write.location, write.format, write.rows, (), 0.0, "unmanaged-unverified")
                )
            self._unverified = ()

    @property
    def unverified_tables(self) -> tuple[UnmanagedWrite, ...]:
        """The writes to tables that :meth:`verify` received and did not verify because it raised."""
        return tuple(
            write
            for write in self._unverified
            if write.location and not write.failed and write.format in _TABLES
        )

    def verify_boto3_writes(self, *, incomplete: Sequence[Receipt] = ()) -> None:
        """Verify the objects that botocore's clients wrote, and record one write for each bucket.

        Args:
            incomplete: multipart uploads that were not completed; they store no object.

        Raises:
            RefusedError: GS-S3-004, an object is not SSE-KMS under the run's key.
            VerificationError: GS-S3-007, an object cannot be read back.
        """
        for upload in incomplete:
            self._recorder.write(
                WriteRecord(str(upload.uri), "incomplete multipart upload", None, (), 0.0, "boto3")
            )
        for bucket, receipts in self._boto3_receipts().items():
            started = time.perf_counter()
            with self._recorder.timed("verify unmanaged"):
                self._requests.verify(receipts)
            record = WriteRecord(
                str(bucket),
                "object",
                None,
                (),
                time.perf_counter() - started,
                "boto3",
                verified_by="receipts",
            )
            self._recorder.write(record, receipts.encryptions())
            self._requests.receipts.attribute(receipts)

    def record_unverified(self, writes: Sequence[UnmanagedWrite]) -> None:
        """Record the writes of a run that ends without a commit. They are not verified.

        They include the writes that :meth:`verify` received and did not verify because it raised, and those
        of botocore's clients. If receipts cannot be read, a record without objects says so.

        Args:
            writes: the other observed writes.
        """
        for write in dict.fromkeys([*self._unverified, *writes]):
            self._recorder.write(
                WriteRecord(
                    write.location or write.problem, write.format, write.rows, (), 0.0, "unmanaged-unverified"
                )
            )
        for format, groups in (
            ("boto3", self._boto3_receipts),
            ("files", lambda: self._unmanaged_receipts(())),
        ):
            try:
                for location, receipts in groups().items():
                    record = WriteRecord(str(location), format, None, (), 0.0, "unmanaged-unverified")
                    self._recorder.write(record, receipts.encryptions())
            except VerificationError as error:
                if error.control != "GS-S3-007":
                    raise
                unknown = f"objects that are not listed: {error.found}"
                self._recorder.write(WriteRecord(unknown, format, None, (), 0.0, "unmanaged-unverified"))

    def _is_allowed_locally(self, write: UnmanagedWrite) -> bool:
        return self._local_files and write.location.startswith("file:/")

    def _to_be_located(self, writes: Sequence[UnmanagedWrite]) -> list[UnmanagedWrite]:
        """Return the writes whose location must be known.

        A write of files without a location is left out if receipts name its files: the guard works, files
        were stored that belong to no other write, or the write may have stored none, and no other file system
        than S3 was written to.
        """
        requests = self._requests
        is_known = requests.are_guarded and not requests.other_schemes
        has_receipts = is_known and bool(requests.receipts.unattributed())
        return [
            write
            for write in writes
            if write.location
            or not write.stores_files
            or not (has_receipts or (is_known and write.may_store_nothing))
        ]

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

    def _boto3_receipts(self) -> Mapping[S3Uri, ReceiptGroup]:
        """Return the receipts of botocore's clients that no write of the run has, by bucket."""
        return self._requests.receipts.by_place(
            lambda receipt: S3Uri(receipt.uri.bucket, "") if receipt.client == BOTO3 else None
        )

    def _unmanaged_receipts(self, locations: Iterable[S3Uri]) -> Mapping[S3Uri, ReceiptGroup]:
        """Return the receipts that no write of the run has, by the location of the write that they belong to.

        This is the longest of ``locations`` that an object is below, or else the object's folder without
        partition folders.
        """
        by_length = sorted(locations, key=lambda location: len(location.key), reverse=True)

        def place_of(receipt: Receipt) -> S3Uri | None:
            if receipt.client == BOTO3:
                return None
            below = (location for location in by_length if receipt.uri.is_below(location))
            return next(below, _folder(receipt.uri))

        return self._requests.receipts.by_place(place_of) if self._requests.are_guarded else {}

    def _was_emptied(self, location: S3Uri) -> bool:
        """Return whether the run itself is known to have deleted objects below a location.

        Known are purges, deletions by botocore's clients, and Spark's commands for a table.
        """
        return (
            location in self._emptied
            or self._requests.receipts.has_deleted_below(location)
            or self._recorder.has_purged_below(location)
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
        self, location: S3Uri, writes: Sequence[UnmanagedWrite], receipts: ReceiptGroup | None
    ) -> None:
        """Verify the writes to one location, with receipts if requests are guarded, and record them."""
        requests = self._requests
        recent: tuple[S3Uri, ...] = ()
        objects: Iterable[ObjectEncryption] = ()
        if requests.are_guarded:
            started = time.perf_counter()
            if receipts is not None:
                requests.verify(receipts)
                objects = receipts.encryptions()
        else:
            self._guard.check_encryption(location)
            started = time.perf_counter()
            recent = self._guard.list_recent(location)
            objects = self._verifier.verify(recent, may_be_deleted=True)
        counts = [write.rows for write in writes if write.rows is not None]
        if any(counts) and not all(write.failed for write in writes) and not self._may_be_empty(location):
            self._guard.require_objects_written(location, sum(counts), recent)
        self._recorder.write(
            WriteRecord(
                str(location),
                ", ".join(dict.fromkeys(write.format for write in writes)) or "files",
                sum(counts) if counts else None,
                (),
                time.perf_counter() - started,
                "unmanaged",
                verified_by="receipts" if requests.are_guarded else "HeadObject",
            ),
            objects,
        )
        if receipts is not None:
            requests.receipts.attribute(receipts)

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
    not_located: list[tuple[str, str]] = [(doubt, _FIX) for doubt in doubts]
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
            found = write.problem or f"a write to {write.location!r}"
            not_located.append((found, _FIX_ADOPTED if write.adopts else _FIX))
        else:
            by_location[write.location] = passed("GS-S3-011", "write outside glue-secure", str(location))
    resource = "writes outside glue-secure"
    problems = [
        unknown("GS-S3-012", resource, found=found, required=required, fix=fix)
        for reasons, required in (
            (not_located, "the location of every write of the session"),
            ([(work, _FIX_ACTIVE) for work in active], "no work of Spark when the run commits"),
        )
        for found, fix in reasons
    ]
    if problems:
        return [*by_location.values(), *problems]
    return [*by_location.values(), passed("GS-S3-012", resource, f"{len(writes)} writes observed")]


def _has_unobserved_objects(
    location: S3Uri, writes: Sequence[UnmanagedWrite], receipts: Iterable[Receipt]
) -> bool:
    """Return whether a location has objects that the observed writes to it do not explain.

    Writes of metadata explain the objects in folders of metadata only.
    """
    if not writes or any(write.content != "metadata" for write in writes):
        return not writes
    folders = (receipt.uri.key.removeprefix(location.as_prefix()).split("/")[:-1] for receipt in receipts)
    return not all(map(_METADATA_FOLDERS.intersection, folders))


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
