"""Requirements of the policy file on objects that a run reads (GS-S3-014)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError, listing_fix
from glue_secure.core.target_encryption import Algorithm, EncryptionRule
from glue_secure.policyfile.model import RUN_KEY, SourceRequirement
from glue_secure.verification.bucket_policy_proof import requires_tls, sample_of
from glue_secure.verification.object_verifier import map_requests


class SourceChecker:
    """Reads back how objects are encrypted before a run reads them, where the policy file requires it.

    Args:
        requirements: of the policy file.
        run_key: the key that ``run`` stands for.
        objects: S3, called from the driver.
        recorder: receives the findings.
        seed: selects the sample of a requirement that is checked by one.
    """

    def __init__(
        self,
        requirements: Sequence[SourceRequirement],
        *,
        run_key: KmsKeyArn,
        objects: ObjectStore,
        recorder: RunRecorder,
        seed: str,
    ) -> None:
        self._requirements, self._run_key = tuple(requirements), str(run_key)
        self._objects, self._recorder, self._seed = objects, recorder, seed
        self._rules: dict[str, BucketRules] = {}

    def check_locations(self, locations: Sequence[S3Uri]) -> None:
        """List locations, and check their objects as :meth:`check`. For reads whose objects are not known.

        Raises:
            RefusedError, VerificationError: GS-S3-014.
        """
        for location in locations:
            if any(_meets(requirement, location) for requirement in self._requirements):
                try:
                    listed = [summary.uri for summary in self._objects.list(location)]
                except ServiceError as error:
                    stop(_unreadable(str(location), error, "s3:ListBucket", location.bucket))
                self.check(listed)

    def check(self, uris: Sequence[S3Uri]) -> None:
        """Check the objects against each requirement whose prefix they are below, and record the findings.

        Raises:
            RefusedError: GS-S3-014, an object does not meet a requirement.
            VerificationError: GS-S3-014, S3 gave no answer for an object.
        """
        for requirement in self._requirements:
            rule = EncryptionRule(requirement.prefix, ())
            covered = [uri for uri in uris if rule.covers(uri)]
            if covered:
                with self._recorder.timed("check sources"):
                    findings = [self._checked(requirement, covered)]
                    if requirement.tls_only:
                        findings.append(self._transport(requirement))
                self._recorder.record(enforce(self._recorder.tolerated(findings)))
                uses = self._recorder.policy_uses
                uses[requirement.name] = uses.get(requirement.name, 0) + len(covered)

    def _checked(self, requirement: SourceRequirement, covered: Sequence[S3Uri]) -> Finding:
        selected = sample_of(covered, self._seed) if requirement.checked == "sample" else covered
        try:
            answers = map_requests(self._encryption, selected)
        except ServiceError as error:
            return _unreadable(str(requirement.prefix), error, "s3:GetObject and kms:Decrypt")
        encryptions = [answer for answer in answers if answer is not None]
        return check_source(requirement, encryptions, len(covered), self._run_key)

    def _transport(self, requirement: SourceRequirement) -> Finding:
        bucket = requirement.prefix.bucket
        if bucket not in self._rules:
            try:
                self._rules[bucket] = self._objects.rules(bucket)
            except ServiceError as error:
                return _unreadable(
                    f"bucket {bucket}", error, "s3:GetBucketPolicy, s3:GetEncryptionConfiguration", bucket
                )
        return check_transport(requirement, self._rules[bucket], KmsKeyArn.parse(self._run_key).partition)

    def _encryption(self, uri: S3Uri) -> ObjectEncryption | None:
        try:
            return self._objects.encryption(uri)
        except NotFound:
            return None  # deleted after the listing


def check_source(
    requirement: SourceRequirement, encryptions: Sequence[ObjectEncryption], count: int, run_key: str
) -> Finding:
    """Check the encryption of objects that a run reads (GS-S3-014).

    Args:
        requirement: the requirement.
        encryptions: of the objects that were read back.
        count: number of objects that are read.
        run_key: the key that ``run`` stands for.
    """
    resource = str(requirement.prefix)
    keys = [run_key if key == RUN_KEY else key for key in requirement.keys]
    wrong = [one for one in encryptions if not _is_met(requirement, one, keys)]
    if not wrong:
        kinds = Counter(f"{one.algorithm or 'no encryption named'} {one.key}".strip() for one in encryptions)
        counted = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        found = f"{len(encryptions)} of {count} objects, by entry {requirement.name}: {counted}"
        return passed("GS-S3-014", resource, found)
    first = wrong[0]
    found = " under ".join(part for part in (first.algorithm or "no encryption named", first.key) if part)
    algorithms = [algorithm.header for algorithm in requirement.algorithms]
    required = " or ".join(algorithms) + (f" under {' or '.join(keys)}" if keys else "")
    return failed(
        "GS-S3-014",
        resource,
        found=f"{len(wrong)} of {len(encryptions)} objects, the first is {first.uri}: {found}",
        required=f"{required.strip()}, by entry {requirement.name}",
        fix=f"let the owner of the data encrypt it again, for example with glue-secure remediate {resource} "
        "--job NAME; or add an exception for a migration to the policy file",
    )


def check_transport(requirement: SourceRequirement, rules: BucketRules, partition: str) -> Finding:
    """Check that a source's bucket policy denies requests without TLS (GS-S3-014)."""
    resource = f"bucket {rules.bucket}"
    if requires_tls(rules, requirement.prefix, partition):
        return passed("GS-S3-014", resource, f"TLS only, by entry {requirement.name}")
    return failed(
        "GS-S3-014",
        resource,
        found="no statement that denies s3:* without aws:SecureTransport to every principal",
        required=f"TLS only, by entry {requirement.name}",
        fix=f"add to the bucket policy: {json.dumps(_tls_statement(rules.bucket, partition))}",
    )


def _tls_statement(bucket: str, partition: str) -> dict[str, object]:
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _is_met(requirement: SourceRequirement, encryption: ObjectEncryption, keys: Sequence[str]) -> bool:
    headers = {algorithm.header for algorithm in requirement.algorithms}
    if headers and encryption.algorithm not in headers:
        return False
    is_named = Algorithm.SSE_S3 in requirement.algorithms and encryption.algorithm == Algorithm.SSE_S3.header
    return not keys or is_named or encryption.key in keys


def _meets(requirement: SourceRequirement, location: S3Uri) -> bool:
    return requirement.prefix.overlaps(location)


def _unreadable(resource: str, error: ServiceError, actions: str, bucket: str = "") -> Finding:
    return unknown(
        "GS-S3-014",
        resource,
        found=str(error),
        required="the encryption of the objects that are read",
        fix=listing_fix(error, bucket, f"allow {actions} on them"),
        aws_code=error.code,
    )
