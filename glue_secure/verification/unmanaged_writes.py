"""Writes past the funnel, verified when the run ends: what a script wrote through Spark itself, or boto3.

There is no listing from before such a write, so the rule is one of time: below its place, every object that
S3 says was last modified since the run began is read back. S3 refuses requests whose clock is more than 15
minutes off (RequestTimeTooSkewed), so no driver that can write at all is further off than that, and objects
of that margin are read back too: what is unclear counts as the run's.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import Finding, enforce, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redact_text
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.io.writer import DataWriter

MARGIN = timedelta(minutes=15)
_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
_FIX = (
    "write with job.write or the GlueContext; what only Spark can write goes through "
    "job.write.through(target, function)"
)


class UnmanagedWriteVerifier:
    """Holds a run's native writes against the same controls as its guarded ones.

    Args:
        plan: the key that objects must be under.
        objects: S3 as the driver sees it.
        funnel: guards and lists places.
        recorder: where the writes are noted.
    """

    def __init__(
        self, *, plan: SettingsPlan, objects: ObjectStore, funnel: DataWriter, recorder: RunRecorder
    ) -> None:
        self._plan, self._objects, self._funnel, self._recorder = plan, objects, funnel, recorder

    def require_observable(self, seen: UnmanagedWriteReport) -> None:
        """Refuse to start what could not be watched (GS-S3-011, -012), or goes past columns (GS-COL-006)."""
        enforce(self._funnel.check_column_policy_bypass(seen.writes))
        self._judged(seen.writes, seen.doubts)

    def verify(self, seen: UnmanagedWriteReport, *, staged: bool = False) -> None:
        """Judge every place, read back every object that is new there, and note it in the evidence.

        Args:
            seen: what the engine saw.
            staged: whether an engine staged data in places that were watched until the commit. RDD saves
                that tell no place are taken to be that.

        Raises:
            RefusedError: GS-S3-011, a place that is not S3; GS-S3-009; GS-S3-004; a setting, as in guarded writes;
                GS-COL-006, any write under a column policy.
            VerificationError: GS-S3-012, something may have been missed; GS-S3-007.
        """
        with self._recorder.timed("verify natives"):
            self._recorder.record(enforce(self._funnel.check_column_policy_bypass(seen.writes)))
            writes = [w for w in seen.writes if not (staged and w.format == "rdd" and not w.place)]
            places = self._judged(writes, seen.doubts)
            self._recorder.record(
                [passed("GS-S3-012", "native writes", f"{len(writes)} beside the guarded ones")]
            )
            for location, found in places.items():
                self._verify_place(location, found)

    def verify_calls(self, uris: Sequence[S3Uri]) -> None:
        """Read back each object that boto3 calls of the driver put somewhere (docs: job.s3)."""
        if not uris:
            return
        begun = time.perf_counter()
        with self._recorder.timed("verify natives"):
            found = self._funnel.read_back.verify(uris, may_be_gone=True)
        for bucket in dict.fromkeys(uri.bucket for uri in uris):
            mine = tuple(each for each in found if each.uri.bucket == bucket)
            self._recorder.writes.append(
                WriteRecord(f"s3://{bucket}/", "object", None, mine, time.perf_counter() - begun, "boto3")
            )

    def note_unverified(self, writes: Sequence[UnmanagedWrite], uris: Sequence[S3Uri] = ()) -> None:
        """Put what a run that failed wrote past the funnel into its evidence: seen, and not read back."""
        for write in dict.fromkeys([*writes, *(UnmanagedWrite(str(uri), "boto3") for uri in uris)]):
            self._recorder.writes.append(
                WriteRecord(
                    write.place or write.problem, write.format, write.rows, (), 0.0, "native-unverified"
                )
            )

    def _judged(
        self, writes: Sequence[UnmanagedWrite], told: Sequence[str]
    ) -> dict[S3Uri, list[UnmanagedWrite]]:
        findings: list[Finding] = []
        doubts, places = list(told), dict[S3Uri, list[UnmanagedWrite]]()
        for write in writes:
            if write.place and not _S3.match(write.place):
                required = "s3://BUCKET/PREFIX, where SSE-KMS is"
                resource = f"native write of {write.format}"
                findings.append(
                    failed("GS-S3-011", resource, found=redact_text(write.place), required=required, fix=_FIX)
                )
                continue
            location = _location(write)
            if location is None:
                doubts.append(write.problem or f"a write to {write.place!r}")
            else:
                places.setdefault(location, []).append(write)
        findings += [
            unknown(
                "GS-S3-012", "native writes", found=doubt, required="every write of the session", fix=_FIX
            )
            for doubt in doubts
        ]
        enforce(findings)
        for location in places:
            self._funnel.reject_reserved_location(location, "native write to")
            self._recorder.record([passed("GS-S3-011", "native write", str(location))])
        return places

    def _verify_place(self, location: S3Uri, writes: Sequence[UnmanagedWrite]) -> None:
        self._funnel.guard(location)
        begun, since = time.perf_counter(), self._since()
        recent = [each.uri for each in self._funnel.listed(location) if each.last_modified >= since]
        found = self._funnel.read_back.verify(recent, may_be_gone=True)
        counted = [write.rows for write in writes if write.rows is not None]
        if any(counted) and not all(write.failed for write in writes):
            self._funnel.require_objects_written(location, sum(counted), recent)
        self._recorder.writes.append(
            WriteRecord(
                str(location),
                ", ".join(dict.fromkeys(write.format for write in writes)),
                sum(counted) if counted else None,
                found,
                time.perf_counter() - begun,
                "native",
            )
        )

    def _since(self) -> datetime:
        return self._recorder.started - MARGIN


def _location(write: UnmanagedWrite) -> S3Uri | None:
    try:
        return S3Uri.parse(write.place)
    except UsageError:
        return None
