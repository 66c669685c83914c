"""Deleting and moving objects: purge and transition, guarded as writes are, object by object in the evidence.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from glue_secure.core.errors import GlueSecureError
from glue_secure.core.evidence import HousekeepingRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.ports import Clock, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.spark_conf import SettingsPlan
from glue_secure.io.locations import s3_location
from glue_secure.io.writer import DataWriter
from glue_secure.verification.object_verifier import HEADS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Choice:
    """Which objects a purge or transition takes.

    Attributes:
        retention_hours: objects changed within so many hours stay; 0 takes all.
        excluded_classes: objects of these storage classes stay.
        manifest: where ``Success.csv`` and ``Failed.csv`` go; None for no manifest.
    """

    retention_hours: float
    excluded_classes: frozenset[str]
    manifest: S3Uri | None


class Housekeeping:
    """Purges and transitions of one run.

    Args:
        plan: the key that moved objects and manifests must be under.
        objects: S3 as the driver sees it.
        recorder: where each is noted.
        clock: for the retention period.
        funnel: knows which places no call may touch.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        objects: ObjectStore,
        recorder: RunRecorder,
        clock: Clock,
        funnel: DataWriter,
    ) -> None:
        self._plan, self._objects, self._recorder = plan, objects, recorder
        self._clock, self._funnel = clock, funnel

    def purge(self, target: str, locations: Sequence[str], choice: Choice) -> Mapping[str, int]:
        """Delete the chosen objects below each location.

        Args:
            target: what the evidence calls it: the location, or ``database.table``.
            locations: S3 locations; none may hold or lie in bookmarks or evidence.
            choice: which objects.

        Returns:
            location → how many objects are left there.

        Raises:
            RefusedError: GS-S3-006, GS-S3-009; nothing was deleted.
            GlueSecureError: some could not be deleted; the manifest and the evidence name them.
        """
        chosen = self._chosen("purge of", locations, choice)

        def delete(found: ObjectSummary) -> None:
            self._objects.remove(found.uri, etag=found.etag)

        done, failed = self._each(chosen.taken, delete)
        self._finish(HousekeepingRecord(target, "purge", "", *_told(done, chosen, failed)), choice)
        gone = {found.uri for found in done}
        return {place: sum(uri not in gone for uri in uris) for place, uris in chosen.found.items()}

    def transition(
        self, target: str, locations: Sequence[str], storage_class: str, choice: Choice
    ) -> HousekeepingRecord:
        """Move the chosen objects into another storage class, under the run's key, and read each back.

        Raises:
            RefusedError: before it GS-S3-006, GS-S3-009; after it GS-S3-004.
            VerificationError: GS-S3-007.
            GlueSecureError: some could not be moved; the manifest and the evidence name them.
        """
        chosen = self._chosen("transition of", locations, choice)

        def move(found: ObjectSummary) -> None:
            if found.storage_class != storage_class:
                self._objects.copy_onto_itself(found.uri, storage_class, key=self._plan.key, etag=found.etag)

        done, failed = self._each(chosen.taken, move)
        moved = [found for found in done if found.storage_class != storage_class]
        with self._recorder.timed("verify"):
            self._funnel.read_back.verify(found.uri for found in moved)
        record = HousekeepingRecord(target, "transition", storage_class, *_told(moved, chosen, failed))
        self._finish(record, choice)
        return record

    def _chosen(self, doing: str, locations: Sequence[str], choice: Choice) -> _Chosen:
        """Every place is judged before anything is touched."""
        places = {text: s3_location(text, doing) for text in locations}
        for place in places.values():
            self._funnel.reject_reserved_location(place, doing)
        if choice.manifest is not None:
            self._funnel.reject_reserved_location(choice.manifest, "manifest at")
        oldest = self._clock.now() - timedelta(hours=choice.retention_hours)
        found, taken = {}, {}
        for text, place in places.items():
            try:
                listed = list(self._objects.list(place))
            except ServiceError as error:
                raise GlueSecureError(f"cannot list {place}: {error}", aws_code=error.code) from error
            found[text] = [each.uri for each in listed]
            for each in listed:
                old = not choice.retention_hours or each.last_modified <= oldest
                if old and each.storage_class not in choice.excluded_classes:
                    taken[each.uri] = each  # once, also where two locations overlap
        return _Chosen(found, list(taken.values()))

    def _each(
        self, chosen: Iterable[ObjectSummary], act: Callable[[ObjectSummary], None]
    ) -> tuple[list[ObjectSummary], list[ObjectSummary]]:
        def attempt(found: ObjectSummary) -> bool:
            try:
                act(found)
            except NotFound:
                return True  # somebody else deleted it
            except ServiceError:
                return False
            return True

        chosen = list(chosen)
        with self._recorder.timed("housekeeping"), ThreadPoolExecutor(max_workers=HEADS_AT_ONCE) as pool:
            outcomes = list(pool.map(attempt, chosen))
        done = [found for found, went_well in zip(chosen, outcomes, strict=True) if went_well]
        return done, [found for found, went_well in zip(chosen, outcomes, strict=True) if not went_well]

    def _finish(self, record: HousekeepingRecord, choice: Choice) -> None:
        """Note it, write the manifest, and raise when something was left undone."""
        self._recorder.housekeeping.append(record)
        if choice.manifest is not None:
            for name, uris in (("Success.csv", record.objects), ("Failed.csv", record.failed)):
                uri = choice.manifest.child(name)
                try:
                    self._objects.write(uri, _manifest(uris), key=self._plan.key, content_type="text/csv")
                except ServiceError as error:
                    raise GlueSecureError(
                        f"cannot write manifest {uri}: {error}; {len(record.objects)} objects are done, "
                        "the evidence names them",
                        aws_code=error.code,
                    ) from error
                self._funnel.read_back.verify([uri])
        if record.failed:
            raise GlueSecureError(
                f"{record.action} of {record.target}: {len(record.failed)} of "
                f"{len(record.failed) + len(record.objects)} objects failed, the first is {record.failed[0]}"
            )


@dataclass(frozen=True, slots=True)
class _Chosen:
    found: Mapping[str, Sequence[S3Uri]]
    taken: Sequence[ObjectSummary]


def _told(
    done: Sequence[ObjectSummary], chosen: _Chosen, failed: Sequence[ObjectSummary]
) -> tuple[tuple[S3Uri, ...], int, int, tuple[S3Uri, ...]]:
    everything = {uri for uris in chosen.found.values() for uri in uris}
    kept = len(everything) - len(done) - len(failed)
    uris = tuple(found.uri for found in done)
    return uris, sum(found.size for found in done), kept, tuple(found.uri for found in failed)


def _manifest(uris: Iterable[S3Uri]) -> bytes:
    """Bucket and key, one object a line, as S3 Batch Operations writes them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((uri.bucket, uri.key) for uri in uris)
    return text.getvalue().encode()
