"""Requirements of the policy file on objects that a run reads (GS-S3-014)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from glue_secure.core.evidence import EncryptionCount, count_encryptions
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules, ObjectEncryption
from glue_secure.core.ports import ObjectStore
from glue_secure.core.receipt_book import ReceiptBook
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import NotFound, ServiceError, listing_fix
from glue_secure.core.target_encryption import Algorithm, EncryptionRule
from glue_secure.policyfile.model import RUN_KEY, SourceRequirement
from glue_secure.verification.bucket_policy_proof import requires_tls, sample_of
from glue_secure.verification.object_verifier import map_requests

NOTED = 3
"""Objects of a read that are inspected for the evidence if nothing is required of them."""
UNKNOWN = "unknown"
"""The algorithm in the evidence of an object for which S3 gave no answer."""


class SourceChecker:
    """Notes how objects that a run reads are encrypted, and checks what the policy file requires.

    Args:
        requirements: of the policy file.
        run_key: the key that ``run`` stands for.
        objects: S3, called from the driver.
        recorder: receives the findings.
        seed: selects the sample of a requirement that is checked by one.
        full_table_access: whether the job has settings for full table access by Lake Formation.
    """

    def __init__(
        self,
        requirements: Sequence[SourceRequirement],
        *,
        run_key: KmsKeyArn,
        objects: ObjectStore,
        recorder: RunRecorder,
        seed: str,
        full_table_access: bool = False,
    ) -> None:
        self._requirements, self._run_key = tuple(requirements), str(run_key)
        self._objects, self._recorder, self._seed = objects, recorder, seed
        self._full_table_access = full_table_access
        self._rules: dict[str, BucketRules] = {}
        # Objects below a requirement that this class has checked, so that a response about them is not
        # checked again; and locations whose reads used credentials of Lake Formation.
        self._known: set[S3Uri] = set()
        self._vended: set[S3Uri] = set()

    def check_locations(
        self, locations: Sequence[S3Uri], *, by_lake_formation: bool = False
    ) -> tuple[EncryptionCount, ...]:
        """Check locations as :meth:`check`, for reads whose objects are not known. They are listed if needed.

        Args:
            locations: S3 locations.
            by_lake_formation: whether the read uses credentials of Lake Formation.

        Raises:
            RefusedError, VerificationError: GS-S3-014.
        """
        met = [one for one in self._requirements if any(map(one.prefix.overlaps, locations))]
        if by_lake_formation:
            self._vended.update(locations)
        for requirement in met:
            if requirement.lake_formation_only:
                self._record(requirement, [self._credentials(requirement, by_lake_formation)], 0)
        most = None if any(not one.lake_formation_only or one.requires_encryption for one in met) else NOTED
        listed: list[S3Uri] = []
        for location in locations:
            try:
                listed += [summary.uri for summary in islice(self._objects.list(location), most)]
            except ServiceError as error:
                if most is None:
                    stop(_unreadable(str(location), error, "s3:ListBucket", location.bucket))
        return self._check(listed, by_lake_formation=None)

    def check(self, uris: Sequence[S3Uri]) -> tuple[EncryptionCount, ...]:
        """Check objects that Spark reads next, and return how they are encrypted, for the evidence.

        Each requirement whose prefix they are below is checked, and its findings are recorded. Without a
        requirement, at most ``NOTED`` objects are inspected, and what S3 does not answer is no error.

        Raises:
            RefusedError: GS-S3-014, an object does not meet a requirement.
            VerificationError: GS-S3-014, S3 gave no answer for an object.
        """
        return self._check(uris, by_lake_formation=False)

    def check_responses(self, receipts: ReceiptBook, problem: str) -> None:
        """Check the objects that the session or botocore's clients read outside glue-secure (GS-S3-014).

        Args:
            receipts: of S3's responses.
            problem: why the responses to Spark's clients are not known, ``""`` if they are. The finding is
                UNKNOWN then, and stops no run.

        Raises:
            RefusedError: GS-S3-014, an object does not meet a requirement.
            VerificationError: GS-S3-014, S3 gave no answer for an object that was copied.
        """
        reads = [one for one in receipts.reads() if one.uri not in self._known]
        for requirement in self._requirements:
            covered = [one for one in reads if one.uri.is_below(requirement.prefix)]
            if covered and requirement.requires_encryption:
                finding = check_source(requirement, covered, len(covered), self._run_key)
                self._record(requirement, [finding], len(covered))
            by_role = [one for one in covered if not any(map(one.uri.is_below, self._vended))]
            if by_role and requirement.lake_formation_only:
                self._record(requirement, [self._credentials(requirement, False)], len(by_role))
        self._check([uri for uri in receipts.copied() if uri not in self._known], by_lake_formation=False)
        if problem and any(requirement.is_of_reads for requirement in self._requirements):
            self._recorder.record([_unobserved(problem)])

    def _check(self, uris: Sequence[S3Uri], *, by_lake_formation: bool | None) -> tuple[EncryptionCount, ...]:
        """Check objects. ``by_lake_formation`` is None if the credentials were checked before."""
        answers: dict[S3Uri, ObjectEncryption | None] = {}
        for requirement in self._requirements:
            rule = EncryptionRule(requirement.prefix, ())
            covered = [uri for uri in uris if rule.covers(uri)]
            if covered:
                findings = []
                with self._recorder.timed("check sources"):
                    if requirement.lake_formation_only and by_lake_formation is not None:
                        findings.append(self._credentials(requirement, by_lake_formation))
                    if requirement.requires_encryption or not requirement.lake_formation_only:
                        findings.append(self._checked(requirement, covered, answers))
                    if requirement.tls_only:
                        findings.append(self._transport(requirement))
                if requirement.is_of_reads:
                    self._known.update(covered)
                self._record(requirement, findings, len(covered))
        if not answers and uris:
            chosen = random.SystemRandom().sample(range(len(uris)), min(NOTED, len(uris)))
            with self._recorder.timed("note sources"):
                return _counted(map_requests(self._noted, [uris[number] for number in chosen]))
        return _counted(answers.values())

    def _record(self, requirement: SourceRequirement, findings: Sequence[Finding], count: int) -> None:
        self._recorder.record(enforce(self._recorder.tolerated(findings)))
        uses = self._recorder.policy_uses
        uses[requirement.name] = uses.get(requirement.name, 0) + count

    def _checked(
        self,
        requirement: SourceRequirement,
        covered: Sequence[S3Uri],
        answers: dict[S3Uri, ObjectEncryption | None],
    ) -> Finding:
        selected = sample_of(covered, self._seed) if requirement.checked == "sample" else covered
        new = [uri for uri in selected if uri not in answers]
        try:
            answers.update(zip(new, map_requests(self._encryption, new), strict=True))
        except ServiceError as error:
            return _unreadable(str(requirement.prefix), error, "s3:GetObject and kms:Decrypt")
        encryptions = [answer for uri in selected if (answer := answers[uri]) is not None]
        return check_source(requirement, encryptions, len(covered), self._run_key)

    def _credentials(self, requirement: SourceRequirement, by_lake_formation: bool) -> Finding:
        return check_credentials(requirement, by_lake_formation, self._full_table_access)

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

    def _noted(self, uri: S3Uri) -> ObjectEncryption | None:
        try:
            return self._encryption(uri)
        except ServiceError:
            return ObjectEncryption(uri, UNKNOWN, "", False, None)


def check_credentials(
    requirement: SourceRequirement, by_lake_formation: bool, full_table_access: bool
) -> Finding:
    """Check that a read uses credentials of Lake Formation (GS-S3-014).

    Lake Formation gives credentials for the location of a table that is registered with it. Iceberg's catalog
    requests them itself; a read of an S3 path uses those of the job's role. In full table access, EMRFS
    requests them for some paths, and neither reports for which.
    https://docs.aws.amazon.com/lake-formation/latest/dg/full-table-credential-vending.html

    Args:
        requirement: the requirement.
        by_lake_formation: whether the read uses such credentials.
        full_table_access: whether the job has settings for full table access.
    """
    resource, entry = str(requirement.prefix), requirement.name
    required = f"credentials of Lake Formation, by entry {entry}"
    if by_lake_formation:
        return passed(
            "GS-S3-014", resource, f"{required}: a registered table, and a catalog that asks for them"
        )
    if full_table_access:
        return unknown(
            "GS-S3-014",
            resource,
            found="a read in full table access that does not show whose credentials it used",
            required=required,
            fix="read an Iceberg table of the Data Catalog with create_data_frame.from_catalog",
        )
    return failed(
        "GS-S3-014",
        resource,
        found="a read with the S3 permissions of the job's role",
        required=required,
        fix="read an Iceberg table of the Data Catalog as docs/policy.md#lake-formation-only describes",
    )


def _unobserved(problem: str) -> Finding:
    return unknown(
        "GS-S3-014",
        "reads of Spark outside glue-secure",
        found=f"not known: {problem}",
        required="S3's responses to the requests of Spark, which the request guard records",
        fix="give the job the JAR of the request guard (docs/packaging.md)",
    )


def _counted(answers: Iterable[ObjectEncryption | None]) -> tuple[EncryptionCount, ...]:
    return count_encryptions(answer for answer in answers if answer is not None)


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


def _unreadable(resource: str, error: ServiceError, actions: str, bucket: str = "") -> Finding:
    return unknown(
        "GS-S3-014",
        resource,
        found=str(error),
        required="the encryption of the objects that are read",
        fix=listing_fix(error, bucket, f"allow {actions} on them"),
        aws_code=error.code,
    )
