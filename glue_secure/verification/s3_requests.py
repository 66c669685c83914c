"""The S3 requests of a run: receipts to verify writes with, and refusals that fail the run."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock

from glue_secure.core.errors import ControlError, RefusedError, VerificationError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.policy import check_object
from glue_secure.core.ports import Engine
from glue_secure.core.receipt_book import PAGE, ReceiptBook, ReceiptGroup
from glue_secure.core.receipts import STORED, UNANSWERED, Receipt
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.request_guard import RequestPolicy
from glue_secure.verification.object_verifier import Inspection, ObjectVerifier, combined
from glue_secure.verification.target_keys import TargetKeys

GUARD_CLASS = "gluesecure.guard.Guard"
WORK_FOLDER = "_temporary"
"""The folder below a target from which the committers of Hadoop rename the files of a write."""
SAMPLE = 3
"""Objects of one write that are also read back, to audit the receipts."""


class S3Requests:
    """Receipts of the S3 requests of every JVM, and whether they can be relied on.

    Args:
        policy: what requests must satisfy.
        targets: the keys of the policy file.
        engine: guards the requests.
        verifier: reads back the sample, and the objects whose receipt does not say how they are encrypted.
        receipts: the run's receipts.
        recorder: receives findings.

    Attributes:
        receipts: the run's receipts.
        problem: why receipts cannot be relied on, ``""`` if they can.
        other_schemes: schemes of other file systems that the JVMs wrote bytes to during the run.
    """

    def __init__(
        self,
        *,
        policy: RequestPolicy,
        targets: TargetKeys,
        engine: Engine,
        verifier: ObjectVerifier,
        receipts: ReceiptBook,
        recorder: RunRecorder,
    ) -> None:
        self._policy, self._engine, self._verifier = policy, engine, verifier
        self._targets = targets
        self._recorder = recorder
        self.receipts = receipts
        self.problem = "the run has not started"
        self._jar = ""
        self._collecting = Lock()
        self.other_schemes: set[str] = set()

    @property
    def are_guarded(self) -> bool:
        """Whether the receipts name every object that the JVMs stored."""
        return not self.problem

    def as_mapping(self) -> dict[str, str]:
        """Return for the evidence whether writes are verified with receipts, and why not if they are not."""
        others = {"other_file_systems": ", ".join(sorted(self.other_schemes))} if self.other_schemes else {}
        if self.problem:
            return {"verification": "listings", "reason": self.problem, **others}
        return {"verification": "receipts", "jar_sha256": self._jar, **others}

    def start(self) -> None:
        """Enforce the policy on requests from now on, and test the guard."""
        self.problem = self._engine.guard_requests(self._policy)
        if not self.problem:
            jar = self._engine.jar_of(GUARD_CLASS)
            self._jar = digest(jar.read_bytes()) if jar is not None else ""

    def collect(self) -> None:
        """Add the receipts since the last call.

        Raises:
            RefusedError: the guard stopped a request since the last call; its control and text.
        """
        refusals: list[RefusedError] = []
        has_more = True
        with self._collecting:
            while has_more:
                report = self._engine.take_requests()
                self.receipts.add(report.receipts)
                self.other_schemes.update(report.other_schemes)
                if report.gaps and not self.problem:
                    self.problem = report.gaps[0]
                refusals += report.refusals[:1]
                has_more = report.has_more
        for refusal in refusals:
            raise refusal

    def end_writes(self, seconds: float) -> Sequence[str]:
        """Refuse storing requests of the driver from now on, because the run commits.

        Args:
            seconds: how long to wait for requests in progress.

        Returns:
            The requests that are still in progress, as text; always empty if requests are not guarded.
        """
        found = self._engine.end_writes(seconds) if self.are_guarded else ()
        return [f"an S3 request in progress: {request}" for request in found]

    def cause_of(self, error: BaseException) -> BaseException:
        """Return the refusal of the request that an error of Spark comes from, else the error itself."""
        if isinstance(error, ControlError):
            return error
        try:
            self.collect()
        except ControlError as refusal:
            refusal.__cause__ = error
            return refusal
        except Exception:  # the JVM has stopped
            return error
        return error

    def verify(self, receipts: ReceiptGroup) -> None:
        """Verify how each object is encrypted, as S3 answered when it was stored.

        Read back are objects whose receipt does not say, objects that a request without an answer may have
        stored, those that the run left in the folder of a committer, and a sample of the others. Afterwards
        each receipt says how its object is encrypted, and the group has no object of an unanswered request
        that does not exist.

        Args:
            receipts: of the requests of the JVMs or of botocore's clients.

        Raises:
            RefusedError: GS-S3-004, an object is not encrypted as its rule requires.
            VerificationError: GS-S3-007, S3 gave no answer for an object that was read back, or another
                program removed a file from the folder of a committer before it was renamed.
        """
        rules = self._policy.rules
        proved = receipts.with_encryption()
        count = len(proved)
        sampled = set(random.SystemRandom().sample(range(count), min(SAMPLE, count)))
        sample: list[S3Uri] = []
        # The run deletes what it renames, so it has neither renamed nor deleted these.
        not_renamed: list[S3Uri] = []

        def inspect() -> Iterator[Inspection]:
            for number, batch in enumerate(_batches(proved)):
                encryptions = [receipt.encryption() for receipt in batch]
                findings = enforce(check_object(encryption, rules) for encryption in encryptions)
                self._targets.used(encryptions)
                first = number * PAGE
                sample.extend(one.uri for at, one in enumerate(encryptions, first) if at in sampled)
                not_renamed.extend(one.uri for one in encryptions if WORK_FOLDER in one.uri.key.split("/"))
                yield from zip(findings, encryptions, strict=False)

        source = ", in S3's responses to the requests that stored them"
        self._recorder.record(combined(inspect(), rules, source))
        self._verifier.verify(sample, may_be_deleted=True, is_sample=True)
        self._require_left(not_renamed)
        for outcome in (STORED, UNANSWERED):
            for batch in _batches(receipts.without_encryption(outcome)):
                uris = [receipt.uri for receipt in batch]
                answers = self._verifier.verify(uris, may_be_deleted=outcome == UNANSWERED)
                self.receipts.resolve(batch, answers)

    def _require_left(self, not_renamed: Sequence[S3Uri]) -> None:
        """Raise a VerificationError if an object in the folder of a committer is missing."""
        if not_renamed:
            left = self._verifier.verify(not_renamed, may_be_deleted=True, is_sample=True)
            missing = sorted({*map(str, not_renamed)} - {str(one.uri) for one in left})
            if missing:
                raise _not_renamed(missing[0])


def _not_renamed(uri: str) -> VerificationError:
    return VerificationError(
        "GS-S3-007",
        resource=uri,
        found="deleted by another program before this run renamed it, so that its rows are not at the target",
        required="every object of the write",
        fix="let runs that write to one target run one after the other, or give each a target of its own; "
        "then remove the objects of this run and run it again",
    )


def _batches(receipts: Iterable[Receipt]) -> Iterator[list[Receipt]]:
    """Yield lists of at most ``PAGE`` receipts."""
    rest = iter(receipts)
    while batch := list(islice(rest, PAGE)):
        yield batch
