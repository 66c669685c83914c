"""The buckets that jobs and crawlers use: GS-BKT."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.checks import keys
from glue_secure.audit.estate import Absent, Estate, Shape, Unread, derived
from glue_secure.audit.fixes import inline, quoted
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import (
    OWN_PURPOSES,
    Use,
    arguments_of,
    assets_bucket,
    bucket_default,
    bucket_regions,
    configurations,
    key_arn,
    named_buckets,
    unread_users,
    unreadable_locations,
)
from glue_secure.core.arguments import EVIDENCE_KEY, EVIDENCE_URI
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.policy_documents import Statement
from glue_secure.governance.policies.buckets import data_bucket
from glue_secure.governance.policies.documents import PolicyScope
from glue_secure.verification.bucket_policy_proof import proof_of, requires_tls_everywhere

CONTROLS = ("GS-BKT-001", "GS-BKT-002", "GS-BKT-003", "GS-BKT-004", "GS-BKT-005", "GS-BKT-006")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_MISSING = "NoSuchBucket"
_KMS, _DOUBLE = "aws:kms", "aws:kms:dsse"
_ANY_KEY = "KEY_ARN"
"""Stands in a fix for a key that the audit does not know."""
_RETENTION = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}},
}


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield from keys.requests(estate)
    for bucket, use in named_buckets(estate).items():
        yield Request(calls.BUCKET_POLICY, bucket)
        yield Request(calls.PUBLIC_ACCESS, bucket)
        if EVIDENCE_URI in use.purposes:
            yield Request(calls.OBJECT_LOCK, bucket)
        answer = estate.answers.get((calls.PUBLIC_ACCESS.name, bucket))
        if answer is not None and not (_is_known(answer) and _unblocked(answer) == []):
            yield Request(calls.ACCOUNT_PUBLIC_ACCESS, estate.account)


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    for bucket, use in sorted(named_buckets(estate).items()):
        yield from _Bucket(estate, bucket, use).findings()
    for location, use in sorted(unreadable_locations(estate).items()):
        for control in CONTROLS:
            finding = unknown(
                control,
                f"location {location} ({', '.join(sorted(use.purposes))})",
                found="no name of a bucket, so that the bucket is not known",
                required="s3://BUCKET/KEY",
                fix="correct the argument or location",
            )
            yield estate.finding(finding, Resource(ResourceKind.BUCKET, location), tuple(use.jobs))
    for unread in unread_users(estate):
        for control in CONTROLS:
            resource = Resource(ResourceKind.BUCKET, f"of {unread.call.operation}")
            yield estate.unknown(control, resource, unread)
    buckets = estate.listing(calls.BUCKETS).unread
    if buckets:
        yield estate.unknown("GS-BKT-005", Resource(ResourceKind.BUCKET, assets_bucket(estate)), buckets)


class _Bucket:
    """The checks of one bucket."""

    def __init__(self, estate: Estate, name: str, use: Use) -> None:
        self._estate, self._name, self._use = estate, name, use
        self._jobs = tuple(use.jobs)
        self._resource = Resource(ResourceKind.BUCKET, name)
        self._text = f"bucket {name} ({', '.join(sorted(use.purposes))})"

    def findings(self) -> Iterator[AuditFinding]:
        """Yield the findings. A bucket that does not exist has one alone."""
        yield from self._owner()
        answer = self._estate.answer(calls.BUCKET_POLICY, self._name)
        if isinstance(answer, Unread) and answer.code == _MISSING:
            return
        yield self._default()
        yield from self._policy(answer)
        yield self._public_access()
        if EVIDENCE_URI in self._use.purposes:
            yield self._object_lock()

    def _found(self, finding: Finding) -> AuditFinding:
        return self._estate.finding(finding, self._resource, self._jobs)

    def _failed(self, control: str, found: str, required: str, fix: str) -> AuditFinding:
        return self._found(failed(control, self._text, found=found, required=required, fix=fix))

    def _unread(self, control: str, unread: Unread) -> AuditFinding:
        return self._estate.unknown(control, self._resource, unread, self._jobs)

    def _owner(self) -> Iterator[AuditFinding]:
        """GS-BKT-005: a bucket of code, temporary files, evidence or bookmarks belongs to the account."""
        if not self._use.purposes & OWN_PURPOSES:
            return
        listing = self._estate.listing(calls.BUCKETS)
        if any(bucket.get("Name") == self._name for bucket in listing.items):
            yield self._found(passed("GS-BKT-005", self._text, f"a bucket of account {self._estate.account}"))
        elif listing.unread:
            yield self._unread("GS-BKT-005", listing.unread)
        else:
            answer = self._estate.answer(calls.BUCKET_POLICY, self._name)
            missing = isinstance(answer, Unread) and answer.code == _MISSING
            yield self._failed(
                "GS-BKT-005",
                "no such bucket, so that any account can create it"
                if missing
                else "a bucket of another account",
                f"a bucket of account {self._estate.account}",
                f"create the bucket {self._name} in this account, or name another one in the job"
                if missing
                else "name a bucket of this account in the job, and compare its objects with your own",
            )

    def _default(self) -> AuditFinding:
        """GS-BKT-001: the default encryption is SSE-KMS under a key of the jobs that use the bucket."""
        answer = self._estate.answer(calls.BUCKET_ENCRYPTION, self._name)
        if isinstance(answer, Unread):
            return self._unread("GS-BKT-001", answer)
        algorithm, name = bucket_default(self._estate, self._name)
        expected = _expected_keys(self._estate).get(self._name, set())
        required = "aws:kms under " + (" or ".join(sorted(expected)) or "a customer managed key")
        default = {"SSEAlgorithm": _KMS, "KMSMasterKeyID": self._expected_key()}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        known = "this key" if expected else f"a customer managed key as {_ANY_KEY}"
        fix = f"set SSEAlgorithm aws:kms with {known}: aws s3api put-bucket-encryption --bucket "
        fix += f"{quoted(self._name)} --server-side-encryption-configuration {inline(rules)}"
        if algorithm not in (_KMS, _DOUBLE) or not name:
            found = f"{algorithm} without a key" if algorithm.startswith("aws:kms") else algorithm or "AES256"
            return self._failed("GS-BKT-001", found, required, fix)
        described = self._estate.answers.get((calls.KEY.name, name))
        if isinstance(described, Unread) and name not in expected:
            return self._unread("GS-BKT-001", described)
        key = key_arn(self._estate, name)
        if key in expected:
            return self._found(passed("GS-BKT-001", self._text, f"{algorithm} under {key}"))
        unread = self._estate.listing(calls.CONFIGURATIONS).unread
        if unread and self._has_configuration():
            return self._unread("GS-BKT-001", unread)
        if expected:
            return self._failed("GS-BKT-001", f"{algorithm} under {key}", required, fix)
        metadata = (self._estate.known_answer(calls.KEY, name) or {}).get("KeyMetadata") or {}
        manager = metadata.get("KeyManager")
        if manager != "CUSTOMER":
            found = f"a key of AWS, {key}" if manager else f"{key}, which does not exist"
            return self._failed("GS-BKT-001", f"{algorithm} under {found}", required, fix)
        return self._found(passed("GS-BKT-001", self._text, f"{algorithm} under {key}"))

    def _expected_key(self) -> str:
        """Return a key of the jobs that use the bucket, or a placeholder."""
        return min(_expected_keys(self._estate).get(self._name, ()), default=_ANY_KEY)

    def _has_configuration(self) -> bool:
        """Return whether a job that uses the bucket names a security configuration."""
        return any(
            job["Name"] in self._use.jobs and job.get("SecurityConfiguration")
            for job in self._estate.known(calls.JOBS)
        )

    def _policy(self, answer: Shape | Absent | Unread) -> Iterator[AuditFinding]:
        """GS-BKT-002 and -003: the policy denies requests without TLS, and uploads under another key."""
        if isinstance(answer, Unread):
            yield self._unread("GS-BKT-002", answer)
            yield self._unread("GS-BKT-003", answer)
            return
        policy = "" if isinstance(answer, Absent) else str(answer["Policy"])
        found = "no bucket policy" if not policy else "the bucket policy has no such statement"
        rules = BucketRules(self._name, "", "", policy)
        if requires_tls_everywhere(rules, self._estate.partition):
            yield self._found(passed("GS-BKT-002", self._text, "denied by the bucket policy"))
        else:
            yield self._failed(
                "GS-BKT-002",
                found,
                "a statement that denies s3:* without TLS (aws:SecureTransport) to every principal, on the "
                "bucket and all objects",
                self._policy_fix(self._statements(_ANY_KEY)[:1]),
            )
        yield self._pinned(policy, found)

    def _statements(self, key: str) -> tuple[Statement, ...]:
        """Return the statements of a bucket policy: TLS first, then those that pin the key."""
        estate = self._estate
        return data_bucket(
            PolicyScope(estate.region, estate.account, estate.partition), self._name, key
        ).statements

    def _policy_fix(self, statements: Iterable[Statement]) -> str:
        texts = ", ".join(json.dumps(statement.to_json()) for statement in statements)
        return (
            "add the statements to the bucket policy (put-bucket-policy replaces all of it); for a bucket of "
            f"a project file, glue-secure policy bucket ALIAS --account {self._estate.account} "
            f"--region {self._estate.region} prints them; statements: {texts}"
        )

    def _pinned(self, policy: str, found: str) -> AuditFinding:
        required = "statements that deny uploads under another key or algorithm to every principal"
        encryption = self._estate.answer(calls.BUCKET_ENCRYPTION, self._name)
        if isinstance(encryption, Unread):
            return self._unread("GS-BKT-003", encryption)
        algorithm, name = bucket_default(self._estate, self._name)
        described = self._estate.answers.get((calls.KEY.name, name))
        if name and isinstance(described, Unread):
            return self._unread("GS-BKT-003", described)
        try:
            key = KmsKeyArn.parse(key_arn(self._estate, name))
        except UsageError:
            fix = "set a key in the default encryption, as the fix of GS-BKT-001 does; then "
            fix += self._policy_fix(self._statements(self._expected_key())[1:])
            return self._failed("GS-BKT-003", "no key in the default encryption", required, fix)
        rules = BucketRules(self._name, algorithm, str(key), policy)
        accepted = (_KMS, _DOUBLE) if algorithm == _DOUBLE else (_KMS,)
        if proof_of(rules, S3Uri(self._name, ""), key, accepted) is not None:
            return self._found(passed("GS-BKT-003", self._text, f"every upload is under {key}"))
        return self._failed("GS-BKT-003", found, required, self._policy_fix(self._statements(str(key))[1:]))

    def _public_access(self) -> AuditFinding:
        """GS-BKT-004: all four settings block public access, of the bucket or of its own account."""
        if self._name not in bucket_regions(self._estate):
            unread = self._estate.listing(calls.BUCKETS).unread
            return self._public_access_of_another_account(unread)
        missing: list[str] = list(_BLOCKS)
        unread = None
        for call, key in (
            (calls.PUBLIC_ACCESS, self._name),
            (calls.ACCOUNT_PUBLIC_ACCESS, self._estate.account),
        ):
            answer = self._estate.answers.get((call.name, key))
            if answer is None:
                continue
            if isinstance(answer, Unread):
                unread = answer
            elif not isinstance(answer, Absent):
                missing = [name for name in missing if name in _unblocked(answer)]
        if not missing:
            return self._found(passed("GS-BKT-004", self._text, "blocked"))
        if unread is not None:
            return self._unread("GS-BKT-004", unread)
        return self._failed(
            "GS-BKT-004",
            f"without {', '.join(missing)}",
            "the four settings of Block Public Access, on the bucket or the account",
            f"aws s3api put-public-access-block --bucket {quoted(self._name)} "
            "--public-access-block-configuration " + ",".join(f"{name}=true" for name in _BLOCKS),
        )

    def _public_access_of_another_account(self, unread: Unread | None) -> AuditFinding:
        """GS-BKT-004 of a bucket that may belong to another account, whose settings the audit cannot read."""
        answer = self._estate.answer(calls.PUBLIC_ACCESS, self._name)
        if isinstance(answer, Unread):
            return self._unread("GS-BKT-004", answer)
        missing = _unblocked(answer)
        if not missing:
            return self._found(passed("GS-BKT-004", self._text, "blocked"))
        if unread:
            return self._unread("GS-BKT-004", unread)
        return self._found(
            unknown(
                "GS-BKT-004",
                self._text,
                found=f"without {', '.join(missing)} on the bucket, and a bucket of another account, "
                "whose own settings cannot be read",
                required="the four settings of Block Public Access, on the bucket",
                fix="ask the owner of the bucket for the four settings, or audit the owner's account",
            )
        )

    def _object_lock(self) -> AuditFinding:
        """GS-BKT-006: objects of evidence cannot be deleted or replaced during a retention period."""
        answer = self._estate.answer(calls.OBJECT_LOCK, self._name)
        required = "Object Lock with a default retention"
        fix = (
            f"set a default retention: aws s3api put-object-lock-configuration --bucket {quoted(self._name)} "
            f"--object-lock-configuration {inline(_RETENTION)}; mode COMPLIANCE cannot be shortened later; a "
            "bucket without versioning needs versioning first"
        )
        if isinstance(answer, Unread):
            return self._unread("GS-BKT-006", answer)
        lock = {} if isinstance(answer, Absent) else answer.get("ObjectLockConfiguration") or {}
        retention = (lock.get("Rule") or {}).get("DefaultRetention") or {}
        if lock.get("ObjectLockEnabled") != "Enabled":
            return self._failed("GS-BKT-006", "no Object Lock", required, fix)
        period = next(
            (f"{retention[unit]} {unit.lower()}" for unit in ("Days", "Years") if retention.get(unit)), ""
        )
        if not retention.get("Mode") or not period:
            return self._failed("GS-BKT-006", "Object Lock without a default retention", required, fix)
        return self._found(passed("GS-BKT-006", self._text, f"{retention['Mode']} for {period}"))


@derived
def _expected_keys(estate: Estate) -> dict[str, set[str]]:
    """Return the keys for objects of the jobs that use each bucket, and of their evidence."""
    users = named_buckets(estate)
    buckets: dict[str, list[str]] = {}
    for bucket, use in users.items():
        for name in use.jobs:
            buckets.setdefault(name, []).append(bucket)
    expected: dict[str, set[str]] = {}
    known = configurations(estate)
    for job in estate.known(calls.JOBS):
        configuration = known.get(str(job.get("SecurityConfiguration") or ""))
        settings = configuration.s3 if configuration else ()
        own = {key_arn(estate, setting.key) for setting in settings if setting.key}
        evidence = arguments_of(job).get(EVIDENCE_KEY)
        for bucket in buckets.get(str(job["Name"]), ()):
            expected.setdefault(bucket, set()).update(own)
            if evidence and EVIDENCE_URI in users[bucket].purposes:
                expected[bucket].add(key_arn(estate, evidence))
    return expected


def _is_known(answer: Shape | Absent | Unread) -> bool:
    return not isinstance(answer, Absent | Unread)


def _unblocked(answer: Shape | Absent | Unread) -> list[str]:
    """Return the settings of Block Public Access that an answer does not have."""
    blocks = {} if isinstance(answer, Absent | Unread) else answer.get("PublicAccessBlockConfiguration") or {}
    return [name for name in _BLOCKS if blocks.get(name) is not True]
