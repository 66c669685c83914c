"""Purge and transition: delete objects, or move them to another storage class, and record each object.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import PURGE, TRANSITION, HousekeepingRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.ports import Clock, ObjectStore, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.io.call_checks import s3_location
from glue_secure.io.read_objects import ReadObjects
from glue_secure.verification.object_verifier import ObjectVerifier, map_requests
from glue_secure.verification.target_guard import TargetGuard


@dataclass(frozen=True, slots=True)
class ObjectSelection:
    """The objects that a purge or transition processes.

    Attributes:
        retention_hours: objects modified within this many hours are skipped; 0 selects all.
        excluded_classes: objects of these storage classes are skipped.
        manifest: location of ``Success.csv`` and ``Failed.csv``; None for no manifest.
    """

    retention_hours: float
    excluded_classes: frozenset[str]
    manifest: S3Uri | None


class Housekeeping:
    """Purges and transitions of one run. Every public method is one operation of the run.

    Args:
        rules: how moved objects and manifests must be encrypted.
        objects: S3, called from the driver.
        guard: rejects the locations of bookmarks and evidence.
        verifier: reads moved objects and manifests back.
        clock: for the retention period.
        recorder: receives the records.
        read_objects: the objects that the run has read.
        operation: the context of one operation of the run.
    """

    def __init__(
        self,
        *,
        rules: EncryptionRules,
        objects: ObjectStore,
        guard: TargetGuard,
        verifier: ObjectVerifier,
        clock: Clock,
        recorder: RunRecorder,
        read_objects: ReadObjects,
        operation: Operation,
    ) -> None:
        self._read_objects = read_objects
        self._rules, self._objects, self._guard, self._verifier = rules, objects, guard, verifier
        self._clock, self._recorder, self._operation = clock, recorder, operation

    def purge(self, target: str, locations: Sequence[str], selection: ObjectSelection) -> Mapping[str, int]:
        """Delete the selected objects below each location.

        Args:
            target: the name in the evidence: the location, or ``database.table``.
            locations: S3 locations; none may overlap with bookmarks or evidence.
            selection: which objects.

        Returns:
            Location → number of objects that remain there.

        Raises:
            RefusedError: GS-S3-006, GS-S3-009; nothing was deleted.
            UsageError: the run has read an object and not yet written its rows; nothing was deleted.
            GlueSecureError: some objects could not be deleted; the manifest and the evidence name them.
        """
        with self._operation():
            selected = self._select("purge of", locations, selection)
            self._reject_unwritten_sources(target, selected.objects)

            def delete(summary: ObjectSummary) -> None:
                self._objects.remove(summary.uri, etag=summary.etag)

            done, failed = self._process(selected.objects, delete)
            self._finish(_record(target, PURGE, "", selected, done, failed), selection)
            deleted = {summary.uri for summary in done}
            return {
                location: sum(uri not in deleted for uri in uris)
                for location, uris in selected.listed.items()
            }

    def purge_custom(self, location: str, *, target: str, perform: Callable[[], None]) -> None:
        """Let Glue's own purge delete objects below a location, and record the objects that disappeared.

        Args:
            location: S3 location.
            target: the name in the evidence: the location, or ``database.table``.
            perform: deletes.

        Raises:
            RefusedError: GS-S3-006, GS-S3-009; nothing was deleted.
            VerificationError: GS-S3-007, the location cannot be listed.
        """
        with self._operation():
            uri = s3_location(location, "purge of")
            self._guard.reject_reserved_location(uri, "purge of")
            before = self._guard.list_objects(uri)
            perform()
            remaining = {summary.uri for summary in self._guard.list_objects(uri)}
            deleted = [summary for summary in before if summary.uri not in remaining]
            selected = _Selected({location: [summary.uri for summary in before]}, before)
            self._recorder.record_housekeeping(_record(target, PURGE, "", selected, deleted, ()))

    def transition(
        self, target: str, locations: Sequence[str], storage_class: str, selection: ObjectSelection
    ) -> HousekeepingRecord:
        """Move the selected objects to another storage class, under the run's key, and read each back.

        Args:
            target: the name in the evidence: the location, or ``database.table``.
            locations: S3 locations; none may overlap with bookmarks or evidence.
            storage_class: ``STANDARD_IA``, for example.
            selection: which objects.

        Raises:
            RefusedError: before the transition GS-S3-006, GS-S3-009; after it GS-S3-004.
            VerificationError: GS-S3-007.
            GlueSecureError: some objects could not be moved; the manifest and the evidence name them.
        """
        with self._operation():
            selected = self._select("transition of", locations, selection)

            def move(summary: ObjectSummary) -> None:
                if summary.storage_class != storage_class:
                    rule = self._rules.rule(summary.uri)
                    self._objects.copy_onto_itself(summary.uri, storage_class, rule=rule, etag=summary.etag)

            done, failed = self._process(selected.objects, move)
            moved = [summary for summary in done if summary.storage_class != storage_class]
            with self._recorder.timed("verify"):
                self._verifier.verify(summary.uri for summary in moved)
            record = _record(target, TRANSITION, storage_class, selected, moved, failed)
            self._finish(record, selection)
            return record

    def _reject_unwritten_sources(self, target: str, summaries: Sequence[ObjectSummary]) -> None:
        """Reject a purge of objects whose rows Spark still has to read: it reads them when it writes."""
        source = self._read_objects.unwritten_source(summary.uri for summary in summaries)
        if source:
            raise UsageError(
                f"purge of {target}",
                found=f"objects of {source}, which this run has read and not yet written anywhere",
                required="objects whose rows the run no longer needs",
                fix="write the frame before the purge, to a location outside of the purge",
            )

    def _select(self, action: str, locations: Sequence[str], selection: ObjectSelection) -> _Selected:
        """Check every location before anything is changed, then list them and select objects."""
        uris = {location: s3_location(location, action) for location in locations}
        for uri in uris.values():
            self._guard.reject_reserved_location(uri, action)
        if selection.manifest is not None:
            self._guard.reject_reserved_location(selection.manifest, "manifest at")
        oldest = self._clock.now() - timedelta(hours=selection.retention_hours)
        listed: dict[str, list[S3Uri]] = {}
        objects: dict[S3Uri, ObjectSummary] = {}  # once, also where two locations overlap
        for location, uri in uris.items():
            try:
                summaries = list(self._objects.list(uri))
            except ServiceError as error:
                raise GlueSecureError(f"cannot list {uri}: {error}", aws_code=error.code) from error
            listed[location] = [summary.uri for summary in summaries]
            for summary in summaries:
                is_old = not selection.retention_hours or summary.last_modified <= oldest
                if is_old and summary.storage_class not in selection.excluded_classes:
                    objects[summary.uri] = summary
        return _Selected(listed, list(objects.values()))

    def _process(
        self, summaries: Sequence[ObjectSummary], change: Callable[[ObjectSummary], None]
    ) -> tuple[list[ObjectSummary], list[ObjectSummary]]:
        """Change each object. Return the objects that were changed, and those that failed."""

        def succeeds(summary: ObjectSummary) -> bool:
            try:
                change(summary)
            except NotFound:
                return True  # deleted meanwhile
            except ServiceError:
                return False
            return True

        with self._recorder.timed("housekeeping"):
            outcomes = map_requests(succeeds, summaries)
        done = [summary for summary, succeeded in zip(summaries, outcomes, strict=True) if succeeded]
        return done, [
            summary for summary, succeeded in zip(summaries, outcomes, strict=True) if not succeeded
        ]

    def _finish(self, record: HousekeepingRecord, selection: ObjectSelection) -> None:
        """Record the call, write the manifest, and raise if an object failed."""
        self._recorder.record_housekeeping(record)
        if selection.manifest is not None:
            for name, uris in (("Success.csv", record.objects), ("Failed.csv", record.failed)):
                uri = selection.manifest.child(name)
                try:
                    self._objects.write_as(
                        uri, _manifest(uris), rule=self._rules.rule(uri), content_type="text/csv"
                    )
                except ServiceError as error:
                    raise GlueSecureError(
                        f"cannot write manifest {uri}: {error}; {len(record.objects)} objects were processed "
                        "and are in the evidence",
                        aws_code=error.code,
                    ) from error
                self._verifier.verify([uri])
        if record.failed:
            raise GlueSecureError(
                f"{record.action} of {record.target}: {len(record.failed)} of "
                f"{len(record.failed) + len(record.objects)} objects failed, the first is {record.failed[0]}"
            )


@dataclass(frozen=True, slots=True)
class _Selected:
    """All objects by location, and the objects to process."""

    listed: Mapping[str, Sequence[S3Uri]]
    objects: Sequence[ObjectSummary]


def _record(
    target: str,
    action: str,
    storage_class: str,
    selected: _Selected,
    done: Sequence[ObjectSummary],
    failed: Sequence[ObjectSummary],
) -> HousekeepingRecord:
    count = len({uri for uris in selected.listed.values() for uri in uris})
    return HousekeepingRecord(
        target,
        action,
        storage_class,
        tuple(summary.uri for summary in done),
        sum(summary.size for summary in done),
        count - len(done) - len(failed),
        tuple(summary.uri for summary in failed),
    )


def _manifest(uris: Iterable[S3Uri]) -> bytes:
    """Return bucket and key, one object a line, in the format of S3 Batch Operations."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((uri.bucket, uri.key) for uri in uris)
    return text.getvalue().encode()
