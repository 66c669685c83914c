"""Read back how objects are encrypted: from the driver, or from the executors if there are many objects.

The driver alone decides. Executors send HeadObject requests; an object without their answer is not verified.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from glue_secure.core.findings import Finding, Verdict, enforce, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import check_object
from glue_secure.core.ports import Engine, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.verification.target_keys import TargetKeys

PARALLEL_REQUESTS = 16
"""S3 requests that one process sends at once. It reaches about 650 a second with any number of threads, so
more would only queue (bench/job_overhead.py measures the share of the run)."""
SPREAD_FROM = 2_000
"""Number of objects from which executors send the requests. The driver needs three seconds at most for fewer,
and executors that have not started Python yet need about one second to start (bench/verify.py)."""
MAX_TASKS = 8
"""Tasks that send requests at once: 8 times 650 requests a second stay below the 5,500 that S3 serves per
prefix. https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"""
_MIN_BATCH = 500

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Inspection = tuple[Finding, "ObjectEncryption | None"]
"""One object's finding and its encryption; None without an answer from S3."""
# Size, bucket key, version, entity tag and checksum of an object.
_Packed = tuple[int | None, bool, str, str, str]


class ObjectVerifier:
    """Reads back every object's encryption and compares it with the rule of its location.

    Args:
        targets: how objects must be encrypted.
        objects: S3, called from the driver.
        engine: runs tasks on the executors.
        recorder: receives the finding.
        remote: creates the S3 client on an executor; it is sent with each task. None if the driver must send
            every request.
    """

    def __init__(
        self,
        *,
        targets: TargetKeys,
        objects: ObjectStore,
        engine: Engine,
        recorder: RunRecorder,
        remote: Callable[[], ObjectStore] | None = None,
    ) -> None:
        self._rules, self._objects, self._engine, self._recorder = targets.rules, objects, engine, recorder
        self._targets = targets
        self._remote = remote

    def verify(
        self, uris: Iterable[S3Uri], *, may_be_deleted: bool = False, is_sample: bool = False
    ) -> tuple[ObjectEncryption, ...]:
        """Return the encryption of each object, in the order of ``uris``, and record one finding for all.

        Args:
            uris: the objects.
            may_be_deleted: whether a missing object is accepted and left out of the result, because another
                writer renames and deletes there.
            is_sample: whether the objects were verified before, and are already counted by policy entry.

        Raises:
            RefusedError: GS-S3-004, an object is not encrypted as its rule requires; GS-KMS, a key of the
                policy file cannot be used.
            VerificationError: GS-S3-007, S3 gave no answer for an object.
        """
        uris = tuple(uris)
        inspections, source = self._inspect_on_executors(uris, may_be_deleted), ", requested by the executors"
        if inspections is None:
            inspections, source = inspect_all(self._objects, self._rules, uris, may_be_deleted), ""
        enforce(finding for finding, _ in inspections)
        self._recorder.record(combined(inspections, self._rules, source))
        found = tuple(encryption for _, encryption in inspections if encryption is not None)
        self._targets.used(found, count=not is_sample)
        return found

    def verify_again(self, uris: Iterable[S3Uri], rules: EncryptionRules) -> None:
        """Read back how objects are encrypted, and compare it with rules that changed since their write.

        Raises:
            RefusedError: GS-S3-004, an object is not encrypted as its rule requires.
            VerificationError: GS-S3-007, S3 gave no answer for an object.
        """
        inspections = inspect_all(self._objects, rules, uris, may_be_deleted=True)
        enforce(finding for finding, _ in inspections)
        self._recorder.record(combined(inspections, rules, ", after a table of the policy file has moved"))

    def _inspect_on_executors(self, uris: tuple[S3Uri, ...], may_be_deleted: bool) -> list[Inspection] | None:
        """Inspect every object on the executors. Return None if the driver must send the requests."""
        if self._remote is None or len(uris) < SPREAD_FROM:
            return None
        size = max(_MIN_BATCH, -(-len(uris) // MAX_TASKS))
        batches = [HeadBatch(first, uris[first : first + size]) for first in range(0, len(uris), size)]
        try:
            results = self._engine.on_executors(HeadTask(self._remote, self._rules, may_be_deleted), batches)
        except Exception as error:
            # The task's message may quote any text; only its type is safe to show.
            stop(_incomplete(f"a Spark job that failed with {type(error).__name__}", len(uris)))
        if results is None:
            return None
        by_first = {result.first: result.inspections for result in results}
        if len(results) != len(batches) or any(
            len(by_first.get(batch.first, ())) != len(batch.uris) for batch in batches
        ):
            count = sum(len(inspections) for inspections in by_first.values())
            stop(_incomplete(f"{count} answers in {len(results)} of {len(batches)} batches", len(uris)))
        inspections: list[Inspection] = []
        for batch in batches:
            for uri, packed in zip(batch.uris, by_first[batch.first], strict=True):
                inspection = _unpack(uri, packed, self._rules)
                # Executors with other credentials may not see the object; the driver confirms the deletion.
                is_missing = inspection[1] is None and inspection[0].verdict is Verdict.PASS
                inspections.append(
                    inspect(self._objects, self._rules, uri, may_be_deleted) if is_missing else inspection
                )
        return inspections


def combined(inspections: Iterable[Inspection], rules: EncryptionRules, source: str) -> list[Finding]:
    """Return one pass of GS-S3-004 for the objects that passed it with one encryption and by one rule.

    The evidence lists the objects anyway.

    Args:
        inspections: findings that no control stopped, with the objects.
        rules: the run's rules.
        source: where the encryption is known from, appended to the finding.
    """
    counts: dict[str, int] = {}
    for finding, encryption in inspections:
        if finding.control != "GS-S3-004" or finding.verdict is not Verdict.PASS or encryption is None:
            continue
        entry = rules.rule(encryption.uri).entry
        found = f"{encryption.algorithm} {encryption.key}".strip() + (f", by entry {entry}" if entry else "")
        counts[found] = counts.get(found, 0) + 1
    return [
        passed("GS-S3-004", f"{count} objects", f"{found}{source}") for found, count in sorted(counts.items())
    ]


@dataclass(frozen=True, slots=True)
class HeadBatch:
    """Objects of one task, and the index of the first of them among all objects."""

    first: int
    uris: tuple[S3Uri, ...]


@dataclass(frozen=True, slots=True)
class HeadResult:
    """Inspections of a batch, in its order; for an object that passed, only its size and bucket key."""

    first: int
    inspections: tuple[_Packed | Inspection, ...]


@dataclass(frozen=True, slots=True)
class HeadTask:
    """The function that an executor runs. It is serialised, so it contains no secret."""

    remote: Callable[[], ObjectStore]
    rules: EncryptionRules
    may_be_deleted: bool

    def __call__(self, batch: HeadBatch) -> HeadResult:
        """Inspect every object of a batch."""
        inspections = inspect_all(self.remote(), self.rules, batch.uris, self.may_be_deleted)
        return HeadResult(batch.first, tuple(_pack(one, self.rules) for one in inspections))


def map_requests(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return ``function(item)`` of each item, in order, with ``PARALLEL_REQUESTS`` calls at once.

    While the interpreter exits, Python starts no threads, and the calls are made one after the other.
    """
    if not threading.main_thread().is_alive():
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=PARALLEL_REQUESTS, thread_name_prefix="glue-secure-s3") as pool:
        return list(pool.map(function, items))


def inspect_all(
    objects: ObjectStore, rules: EncryptionRules, uris: Iterable[S3Uri], may_be_deleted: bool
) -> list[Inspection]:
    """Return the inspection of each object, in order."""
    return map_requests(lambda uri: inspect(objects, rules, uri, may_be_deleted), uris)


def inspect(objects: ObjectStore, rules: EncryptionRules, uri: S3Uri, may_be_deleted: bool) -> Inspection:
    """Return whether an object is encrypted as its rule requires (GS-S3-004), and its encryption.

    GS-S3-007 is returned if S3 gives no answer; it passes if the object is missing and ``may_be_deleted``.
    """
    try:
        encryption = objects.encryption(uri)
    except ServiceError as error:
        if may_be_deleted and isinstance(error, NotFound):
            return passed("GS-S3-007", str(uri), "deleted before it was read back"), None
        finding = unknown(
            "GS-S3-007",
            str(uri),
            found=str(error),
            required="the answer of HeadObject",
            fix="allow s3:GetObject on the object and kms:Decrypt on its key",
            aws_code=error.code,
        )
        return finding, None
    return check_object(encryption, rules), encryption


def _incomplete(found: str, count: int) -> Finding:
    return unknown(
        "GS-S3-007",
        f"{count} objects, requested by the executors",
        found=found,
        required="one answer of HeadObject for each object",
        fix="see the failed tasks in Spark's log; executors need boto3, the job's role and a route to S3",
    )


def _pack(inspection: Inspection, rules: EncryptionRules) -> _Packed | Inspection:
    """Return the facts of an object that passed a rule with one encryption, else the inspection."""
    finding, encryption = inspection
    if encryption is None or finding.verdict is not Verdict.PASS:
        return inspection
    has_one = len(rules.rule(encryption.uri).accepted) == 1
    facts = encryption.size, encryption.bucket_key, encryption.version, encryption.etag, encryption.checksum
    return facts if has_one else inspection


def _unpack(uri: S3Uri, packed: _Packed | Inspection, rules: EncryptionRules) -> Inspection:
    if len(packed) == 2:
        return packed
    size, bucket_key, *rest = packed
    written = rules.rule(uri).written
    encryption = ObjectEncryption(uri, written.algorithm.header, written.key, bucket_key, size, *rest)
    return check_object(encryption, rules), encryption
