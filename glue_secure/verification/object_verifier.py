"""Reading back how objects came out: by the driver, or spread over the executors when they are many.

A verdict is always the driver's. Executors only ask, and what they do not answer counts as not verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from glue_secure.core.findings import Finding, Verdict, enforce, passed, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import check_object
from glue_secure.core.ports import Engine, ObjectStore
from glue_secure.core.service import NotFound, ServiceError

HEADS_AT_ONCE = 16
"""HEAD requests that one process has under way. It does about 650 a second whatever the number of threads,
so more would only queue (bench/job_overhead.py shows the share of the run)."""
SPREAD_FROM = 2_000
"""So many objects are asked for by the executors. Fewer take the driver three seconds at most, and executors
that have not run Python yet need about one to begin (bench/verify.py)."""
MOST_TASKS = 8
"""Tasks that ask at once: 8 times 650 requests a second stay under the 5,500 that S3 gives to one prefix.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"""
_LEAST_SLICE = 500

_Look = tuple[Finding, "ObjectEncryption | None"]


class ObjectVerifier:
    """Reads back every object's encryption and holds it against the run's key.

    Args:
        key: what objects must be under.
        objects: S3 as the driver sees it.
        engine: has the executors.
        note: takes the passing finding.
        remote: makes S3 on an executor as ``objects`` is on the driver, and travels there with each task;
            None where the driver asks for everything.
    """

    def __init__(
        self,
        *,
        key: KmsKeyArn,
        objects: ObjectStore,
        engine: Engine,
        note: Callable[[Finding], object],
        remote: Callable[[], ObjectStore] | None = None,
    ) -> None:
        self._key, self._objects, self._engine, self._note = key, objects, engine, note
        self._remote = remote

    def verify(self, uris: Iterable[S3Uri], *, may_be_gone: bool = False) -> tuple[ObjectEncryption, ...]:
        """What S3 says of each object, in the order of ``uris``; it passes for all or raises.

        One passing finding is noted for all of them together; the objects themselves are the result.
        ``may_be_gone`` is for places where another writer renames and deletes: nothing is left to look at.

        Raises:
            RefusedError: GS-S3-004, an object is not SSE-KMS under the key.
            VerificationError: GS-S3-007, there is no answer for an object.
        """
        uris = tuple(uris)
        looks, how = self._spread(uris, may_be_gone), ", asked for on the executors"
        if looks is None:
            looks, how = inspect_all(self._objects, self._key, uris, may_be_gone), ""
        enforce(finding for finding, _ in looks)
        if looks:
            self._note(passed("GS-S3-004", f"{len(looks)} objects", f"aws:kms {self._key}{how}"))
        return tuple(seen for _, seen in looks if seen is not None)

    def _spread(self, uris: tuple[S3Uri, ...], may_be_gone: bool) -> list[_Look] | None:
        """Every object's look, by the executors; None where the driver is to do it."""
        if self._remote is None or len(uris) < SPREAD_FROM:
            return None
        size = max(_LEAST_SLICE, -(-len(uris) // MOST_TASKS))
        slices = [Slice(first, uris[first : first + size]) for first in range(0, len(uris), size)]
        try:
            answers = self._engine.on_executors(Task(self._remote, self._key, may_be_gone), slices)
        except Exception as error:
            # A task's own text may quote anything: the type is what is known to be safe.
            stop(self._lost(f"a Spark job that failed with {type(error).__name__}", len(uris)))
        if answers is None:
            return None
        told = {answer.first: answer.looks for answer in answers}
        if len(answers) != len(slices) or any(len(told.get(s.first, ())) != len(s.uris) for s in slices):
            count = sum(len(looks) for looks in told.values())
            stop(self._lost(f"{count} answers in {len(answers)} of {len(slices)} slices", len(uris)))
        looks: list[_Look] = []
        for one in slices:
            for uri, brief in zip(one.uris, told[one.first], strict=True):
                found = _unpacked(uri, brief, self._key)
                # Who asks with other credentials over there sees nothing either: the driver confirms it.
                gone = found[1] is None and found[0].verdict is Verdict.PASS
                looks.append(look(self._objects, self._key, uri, may_be_gone) if gone else found)
        return looks

    def _lost(self, found: str, objects: int) -> Finding:
        return unknown(
            "GS-S3-007",
            f"{objects} objects, asked for on the executors",
            found=found,
            required="one answer of HeadObject for each object",
            fix="see the failed tasks in Spark's log; executors need boto3, the job's role and a route to S3",
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """Objects that one task asks for, and the place of the first of them among all."""

    first: int
    uris: tuple[S3Uri, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A slice's looks, in its order: of a good object its size and whether a bucket key was used."""

    first: int
    looks: tuple[tuple[int, bool] | _Look, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What an executor runs. It travels whole, so nothing secret is in it."""

    remote: Callable[[], ObjectStore]
    key: KmsKeyArn
    may_be_gone: bool

    def __call__(self, part: Slice) -> Answer:
        """Ask for every object of a slice."""
        looks = inspect_all(self.remote(), self.key, part.uris, self.may_be_gone)
        return Answer(part.first, tuple(map(_packed, looks)))


def inspect_all(
    objects: ObjectStore, key: KmsKeyArn, uris: Iterable[S3Uri], may_be_gone: bool
) -> list[_Look]:
    """A look at each object, ``HEADS_AT_ONCE`` at once."""
    with ThreadPoolExecutor(max_workers=HEADS_AT_ONCE, thread_name_prefix="glue-secure-head") as pool:
        return list(pool.map(lambda uri: look(objects, key, uri, may_be_gone), uris))


def look(objects: ObjectStore, key: KmsKeyArn, uri: S3Uri, may_be_gone: bool) -> _Look:
    """One object held against the key, and what S3 said of it; None where there was no answer."""
    try:
        seen = objects.encryption(uri)
    except ServiceError as error:
        if may_be_gone and isinstance(error, NotFound):
            return passed("GS-S3-007", str(uri), "gone before it was looked at"), None
        finding = unknown(
            "GS-S3-007",
            str(uri),
            found=str(error),
            required="the answer of HeadObject",
            fix="give the job's role s3:GetObject on the target, and kms:Decrypt on the key",
            aws_code=error.code,
        )
        return finding, None
    return check_object(seen, key), seen


def _packed(one: _Look) -> tuple[int, bool] | _Look:
    finding, seen = one
    good = seen is not None and finding.verdict is Verdict.PASS
    return (seen.size, seen.bucket_key) if good and seen is not None else one


def _unpacked(uri: S3Uri, brief: tuple[int, bool] | _Look, key: KmsKeyArn) -> _Look:
    if isinstance(brief[0], Finding):
        return brief
    seen = ObjectEncryption(uri, "aws:kms", str(key), bool(brief[1]), brief[0])
    return check_object(seen, key), seen
