"""Proofs by a bucket's own rules, as a run comes by them: looked at before its first write and after each."""

from __future__ import annotations

from collections.abc import Sequence

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.policy import passed
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.verification.bucket_policy import SAMPLE_FROM, proof_of, sample_of


class BucketPolicyProver:
    """Says which new objects have to be read back.

    Args:
        key: what objects must be under.
        objects: S3 as the driver sees it.
        ledger: where a proof is noted.
        seed: chooses the sample; ``""``: nothing is proved.
    """

    def __init__(self, *, key: KmsKeyArn, objects: ObjectStore, ledger: RunRecorder, seed: str) -> None:
        self._key, self._objects, self._ledger, self._seed = key, objects, ledger, seed
        self._first: dict[str, BucketRules | None] = {}

    def look(self, bucket: str) -> None:
        """Remember the bucket's rules as they are before the run's first write there."""
        if self._seed and bucket not in self._first:
            self._first[bucket] = self._rules(bucket)

    def chosen(self, location: S3Uri, new: Sequence[S3Uri]) -> tuple[Sequence[S3Uri], str]:
        """The new objects to read back, and the digest of the proof for the others; all, and ``""``.

        A role without the permissions to read the rules, rules that changed since the run's first write
        there, and few objects all mean that every object is read back.
        """
        first = self._first.get(location.bucket)
        if first is None or len(new) < SAMPLE_FROM:
            return new, ""
        proof = proof_of(first, location, self._key)
        if proof is None or self._rules(location.bucket) != first:
            return new, ""
        return sample_of(new, self._seed), proof

    def note(self, location: S3Uri, proved: Sequence[S3Uri], proof: str) -> None:
        """Put a proof whose sample was good into the evidence, with the rules that it is made of."""
        rules = self._first.get(location.bucket)
        if proof and rules is not None:
            self._ledger.proofs[proof] = rules
            found = f"aws:kms {self._key} by the bucket's rules, SHA-256 {proof}"
            self._ledger.findings.append(passed("GS-S3-004", f"{len(proved)} objects", found))

    def _rules(self, bucket: str) -> BucketRules | None:
        try:
            return self._objects.rules(bucket)
        except ServiceError:
            return None
