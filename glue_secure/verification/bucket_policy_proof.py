"""Prove from a bucket's default encryption and policy that every upload is SSE-KMS under the run's key.

S3 chooses an upload's encryption from three request headers, and from the bucket's default when they are
absent. The proof evaluates the policy for every combination of headers that its conditions can distinguish.
Each combination that would not result in SSE-KMS under the key must be denied to every principal, for every
object key below the target. CopyObject and multipart uploads send the same headers and need the same
permission.

A statement is used only if all of its members are understood; any other statement is ignored. Ignoring is
safe: more statements can only deny more, because an allow never overrides a deny.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from glue_secure.core.findings import passed
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.json_documents import load_json
from glue_secure.core.objects import BucketRules
from glue_secure.core.policy_documents import PolicyCondition
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.core.target_encryption import EncryptionRules

SAMPLE_FROM = 1_000
"""Number of objects from which a write may be sampled. The driver reads fewer back in two seconds at most."""
SAMPLE_LEAST = 100
SAMPLE_SHARE = 100
"""One object in this many is read back from a proved write, but at least ``SAMPLE_LEAST``."""

_ALGORITHM = "s3:x-amz-server-side-encryption"
_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
_HEADERS = (_ALGORITHM, _KEY, _CUSTOMER)
_KMS = "aws:kms"
_OTHER = "\0"  # represents every value that no condition names
_ACTIONS = frozenset(("*", "s3:*", "s3:put*", "s3:putobject*", "s3:putobject"))
_MEMBERS = frozenset(("Sid", "Effect", "Principal", "Action", "Resource", "Condition"))
_EVERY_PRINCIPAL = ("*", {"AWS": "*"}, {"AWS": ["*"]})
_MAX_VALUES = 20
_OPERATOR = re.compile(r"(?P<kind>String|Arn)(?:Not)?Equals(?:IfExists)?\Z")
# A value without wildcards and without policy variables.
_LITERAL = re.compile(r"[^*?$\0]+\Z")
# Directory buckets use another action; access point aliases are not buckets.
_NOT_A_BUCKET = ("--x-s3", "-s3alias", "--ol-s3")


class BucketPolicyProver:
    """Decides which new objects of a write must be read back.

    Args:
        rules: how objects must be encrypted.
        objects: S3, called from the driver.
        recorder: receives the proofs that were used.
        seed: selects the sample; ``""`` disables proofs.
    """

    def __init__(
        self, *, rules: EncryptionRules, objects: ObjectStore, recorder: RunRecorder, seed: str
    ) -> None:
        self._encryption, self._objects, self._recorder, self._seed = rules, objects, recorder, seed
        self._first: dict[str, BucketRules | None] = {}

    def read_rules(self, bucket: str) -> None:
        """Read the bucket's rules before the run's first write to the bucket. Later calls do nothing."""
        if self._seed and bucket not in self._first:
            self._first[bucket] = self._rules(bucket)

    def select(self, location: S3Uri, new: Sequence[S3Uri]) -> tuple[Sequence[S3Uri], str]:
        """Return the new objects to read back, and the digest of the proof that covers the others.

        All objects are returned, with ``""``, when there are fewer than ``SAMPLE_FROM``, when the role may
        not read the bucket's rules, or when the rules changed since the run's first write to the bucket.
        """
        first = self._first.get(location.bucket)
        if first is None or len(new) < SAMPLE_FROM:
            return new, ""
        key = self._provable_key(location, first)
        proof = None if key is None else proof_of(first, location, key)
        if proof is None or self._rules(location.bucket) != first:
            return new, ""
        return sample_of(new, self._seed), proof

    def record(self, location: S3Uri, proved: Sequence[S3Uri], proof: str) -> None:
        """Record a proof whose sample passed, with the bucket rules that it follows from (GS-S3-004)."""
        rules = self._first.get(location.bucket)
        if proof and rules is not None:
            self._recorder.proofs[proof] = rules
            found = f"aws:kms {rules.key} by the bucket's rules, SHA-256 {proof}"
            self._recorder.record([passed("GS-S3-004", f"{len(proved)} objects", found)])

    def _provable_key(self, location: S3Uri, bucket: BucketRules) -> KmsKeyArn | None:
        """Return the bucket's default key if one rule that accepts it applies to everything below."""
        rule = self._encryption.rule(location)
        if rule.bucket_key is not None or self._encryption.below(location):
            return None
        if not bucket.key or not rule.accepts(bucket.algorithm, bucket.key):
            return None
        return KmsKeyArn.parse(bucket.key)

    def _rules(self, bucket: str) -> BucketRules | None:
        try:
            return self._objects.rules(bucket)
        except ServiceError:
            return None


def proof_of(
    rules: BucketRules, location: S3Uri, key: KmsKeyArn, algorithms: Sequence[str] = (_KMS,)
) -> str | None:
    """Return the rules' digest if every upload to ``location`` must be SSE-KMS under ``key``, else None.

    None does not mean that the bucket is insecure: the rules may enforce the key in a way that is not
    understood.

    Args:
        rules: the bucket's rules.
        location: where objects are uploaded.
        key: the key of every object.
        algorithms: the algorithms that an object may have, for example ``aws:kms:dsse`` as well.
    """
    if rules.algorithm not in algorithms or rules.key != str(key) or rules.bucket != location.bucket:
        return None
    if location.bucket.endswith(_NOT_A_BUCKET):
        return None
    denials = [
        conditions
        for statement in _statements(rules.policy)
        if (conditions := _denial(statement, location, key.partition)) is not None
    ]
    values: dict[str, set[str | None]] = {header: {None, _OTHER} for header in _HEADERS}
    for condition in itertools.chain(*denials):
        if condition.operator != "Null":
            values[condition.key].update(condition.values)
    values[_ALGORITHM] |= {_KMS, "AES256", "aws:kms:dsse"}
    values[_KEY].add(str(key))
    if any(len(alternatives) > _MAX_VALUES for alternatives in values.values()):
        return None
    for combination in itertools.product(*values.values()):
        headers = dict(zip(_HEADERS, combination, strict=True))
        if not _results_in_key(headers, key, algorithms) and not _is_denied(headers, denials):
            return None
    text = json.dumps([rules.bucket, rules.algorithm, rules.key, rules.policy])
    return hashlib.sha256(text.encode()).hexdigest()


def requires_tls(rules: BucketRules, location: S3Uri, partition: str) -> bool:
    """Return whether the bucket policy denies every request without TLS to the objects below a location.

    False does not mean that plain HTTP is allowed: the policy may deny it in a way that is not understood.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS
    """
    prefix = f"arn:{partition}:s3:::{location.bucket}/{location.key.rstrip('/')}"
    return any(_covers(resources, prefix) for resources in _tls_denials(rules.policy))


def requires_tls_everywhere(rules: BucketRules, partition: str) -> bool:
    """Return whether the bucket policy denies every request without TLS to the bucket and to all objects."""
    bucket = f"arn:{partition}:s3:::{rules.bucket}"
    resources = [resource for denied in _tls_denials(rules.policy) for resource in denied]
    return _covers(resources, f"{bucket}/") and (bucket in resources or _covers(resources, bucket))


def _tls_denials(policy: str) -> Iterator[tuple[str, ...]]:
    """Yield the resources of each statement that denies all requests without TLS to every principal."""
    for statement in _statements(policy):
        if not isinstance(statement, dict) or not set(statement) <= _MEMBERS:
            continue
        if statement.get("Effect") != "Deny" or statement.get("Principal") not in _EVERY_PRINCIPAL:
            continue
        actions, resources = _texts(statement.get("Action")), _texts(statement.get("Resource"))
        condition = statement.get("Condition")
        if not actions or not {"*", "s3:*"} & set(map(str.lower, actions)) or not resources:
            continue
        if not isinstance(condition, dict) or set(condition) != {"Bool"}:
            continue
        tests = condition["Bool"]
        if isinstance(tests, dict) and [name.lower() for name in tests] == ["aws:securetransport"]:
            values = _texts(next(iter(tests.values())))
            if values and [value.lower() for value in values] == ["false"]:
                yield resources


def sample_of(uris: Iterable[S3Uri], seed: str) -> list[S3Uri]:
    """Return the objects of a proved write to read back: 1 %, but at least ``SAMPLE_LEAST``.

    The sample has the smallest SHA-256 of seed and location, so that an auditor can compute it again.
    """
    ranked = sorted(uris, key=lambda uri: hashlib.sha256(f"{seed}\n{uri}".encode()).digest())
    return ranked[: max(SAMPLE_LEAST, -(-len(ranked) // SAMPLE_SHARE))]


def _is_denied(headers: dict[str, str | None], denials: Iterable[Sequence[PolicyCondition]]) -> bool:
    context = {name: (value,) for name, value in headers.items() if value is not None}
    return any(all(condition.is_met(context) for condition in denial) for denial in denials)


def _results_in_key(headers: dict[str, str | None], key: KmsKeyArn, algorithms: Sequence[str]) -> bool:
    """Return whether S3 encrypts an upload with these headers under the key, or rejects the upload."""
    if headers[_CUSTOMER] is not None:
        return False
    # S3 rejects a key header without an algorithm. If it accepted one, it would use that key or the default.
    return headers[_ALGORITHM] in (None, *algorithms) and (
        headers[_KEY] == str(key) or (headers[_ALGORITHM] is None and headers[_KEY] is None)
    )


def _statements(policy: str) -> Sequence[Any]:
    try:
        document = load_json(policy or "{}")
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, dict) or not set(document) <= {"Version", "Id", "Statement"}:
        return ()
    statements = document.get("Statement", ())
    return statements if isinstance(statements, list) else (statements,)


def _denial(statement: Any, location: S3Uri, partition: str) -> list[PolicyCondition] | None:
    """Return the conditions of a statement that denies uploads below the location to everyone, else None."""
    if not isinstance(statement, dict) or not set(statement) <= _MEMBERS or statement.get("Effect") != "Deny":
        return None
    if statement.get("Principal") not in _EVERY_PRINCIPAL:
        return None
    actions, resources = _texts(statement.get("Action")), _texts(statement.get("Resource"))
    if actions is None or resources is None or not _ACTIONS & {action.lower() for action in actions}:
        return None
    # The ARN of every object below the location starts with this text.
    prefix = f"arn:{partition}:s3:::{location.bucket}/{location.key.rstrip('/')}"
    return _conditions(statement.get("Condition", {})) if _covers(resources, prefix) else None


def _covers(resources: Iterable[str], prefix: str) -> bool:
    """Return whether a statement's resources contain every object whose ARN starts with a prefix."""
    return any(
        resource == "*"
        or (
            resource.endswith("*")
            and _LITERAL.match(resource[:-1]) is not None
            and prefix.startswith(resource[:-1])
        )
        for resource in resources
    )


def _conditions(block: Any) -> list[PolicyCondition] | None:
    conditions: list[PolicyCondition] = []
    if not isinstance(block, dict):
        return None
    for operator, tests in block.items():
        # Names are case-insensitive. How S3 treats two spellings of one name is not documented.
        if not isinstance(tests, dict) or len({name.lower() for name in tests}) != len(tests):
            return None
        for header, texts in tests.items():
            condition = _condition(operator, header.lower(), _texts(texts))
            if condition is None:
                return None
            conditions.append(condition)
    return conditions


def _condition(operator: str, header: str, values: tuple[str, ...] | None) -> PolicyCondition | None:
    """Return an understood condition: an exact comparison of one of the three headers, or ``Null``."""
    if header not in _HEADERS or values is None or not all(map(_LITERAL.match, values)):
        return None
    if operator == "Null":
        is_boolean = len(values) == 1 and values[0].lower() in ("true", "false")
        return PolicyCondition(operator, header, values) if is_boolean else None
    match = _OPERATOR.match(operator)
    if match is None:
        return None
    if match["kind"] == "Arn" and (header != _KEY or not all(value.startswith("arn:") for value in values)):
        return None
    return PolicyCondition(operator, header, values)


def _texts(value: Any) -> tuple[str, ...] | None:
    """Return one text or several as a tuple; None for other types and for an empty list."""
    texts = value if isinstance(value, list) else [value]
    texts = [str(text).lower() if isinstance(text, bool) else text for text in texts]
    return tuple(texts) if texts and all(isinstance(text, str) for text in texts) else None
