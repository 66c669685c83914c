"""A bucket whose default encryption and policy leave one outcome only: a proof in place of most HEADs.

S3 decides an upload's encryption by three headers, and by the bucket's default where there are none. The
policy is tried with every combination of headers that its conditions can tell apart; each that would not end
in SSE-KMS under the key must be denied, to everybody, for every key below the place. CopyObject and multipart
uploads carry the same headers under the same action. Only what is wholly understood counts: a statement with
anything else in it is as if it were not there. That is safe, because further statements can only deny more:
an allow never undoes a deny.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import BucketRules

SAMPLE_FROM = 1_000
"""A write of fewer objects is read back whole, proof or not: that takes the driver two seconds at most."""
SAMPLE_LEAST = 100
SAMPLE_SHARE = 100
"""Of a proved write one object in so many is read back, and never fewer than ``SAMPLE_LEAST``."""

_ALGORITHM = "s3:x-amz-server-side-encryption"
_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_CUSTOMER = "s3:x-amz-server-side-encryption-customer-algorithm"
_HEADERS = (_ALGORITHM, _KEY, _CUSTOMER)
_KMS = "aws:kms"
_OTHER = "\0"  # stands for every text that no condition names
_ACTIONS = frozenset(("*", "s3:*", "s3:put*", "s3:putobject*", "s3:putobject"))
_MEMBERS = frozenset(("Sid", "Effect", "Principal", "Action", "Resource", "Condition"))
_MOST_VALUES = 20
_OPERATOR = re.compile(r"(?P<kind>String|Arn)(?P<negated>Not)?Equals(?P<if_exists>IfExists)?\Z")
# No pattern, no policy variable.
_LITERAL = re.compile(r"[^*?$\0]+\Z")
# Directory buckets have another action; aliases of access points are no buckets.
_NO_BUCKET = ("--x-s3", "-s3alias", "--ol-s3")

_Headers = Mapping[str, "str | None"]


@dataclass(frozen=True, slots=True)
class _Condition:
    """One understood condition: it holds of these headers, or it does not."""

    header: str
    values: tuple[str, ...]
    holds: Callable[[str | None], bool]


def proof_of(rules: BucketRules, location: S3Uri, key: KmsKeyArn) -> str | None:
    """The rules' digest when they leave uploads to ``location`` no outcome but SSE-KMS under ``key``.

    None is no verdict on the bucket: it may well be safe in a way that is not understood here.
    """
    if (rules.algorithm, rules.key) != (_KMS, str(key)) or rules.bucket != location.bucket:
        return None
    if location.bucket.endswith(_NO_BUCKET):
        return None
    denials = [
        conditions
        for statement in _statements(rules.policy)
        if (conditions := _denial(statement, location, key.partition)) is not None
    ]
    named = {header: {None, _OTHER} for header in _HEADERS}
    for condition in itertools.chain(*denials):
        named[condition.header].update(condition.values)
    named[_ALGORITHM] |= {_KMS, "AES256", "aws:kms:dsse"}
    named[_KEY].add(str(key))
    if any(len(values) > _MOST_VALUES for values in named.values()):
        return None
    for values in itertools.product(*named.values()):
        headers = dict(zip(_HEADERS, values, strict=True))
        denied = any(all(one.holds(headers[one.header]) for one in denial) for denial in denials)
        if not denied and not _is_good(headers, key):
            return None
    text = json.dumps([rules.bucket, rules.algorithm, rules.key, rules.policy])
    return hashlib.sha256(text.encode()).hexdigest()


def sample_of(uris: Iterable[S3Uri], seed: str) -> list[S3Uri]:
    """The objects of a proved write to read back: 1 %, and ``SAMPLE_LEAST`` at least.

    They are those with the smallest SHA-256 of seed and location, so that an auditor can choose them again.
    """
    ranked = sorted(uris, key=lambda uri: hashlib.sha256(f"{seed}\n{uri}".encode()).digest())
    return ranked[: max(SAMPLE_LEAST, -(-len(ranked) // SAMPLE_SHARE))]


def _is_good(headers: _Headers, key: KmsKeyArn) -> bool:
    """Whether an upload with these headers ends under the key, by name or by default, or not at all."""
    if headers[_CUSTOMER] is not None:
        return False
    # A key without an algorithm S3 refuses; were it to take it, it would be this key or the default's.
    return headers[_ALGORITHM] in (None, _KMS) and (
        headers[_KEY] == str(key) or (headers[_ALGORITHM] is None and headers[_KEY] is None)
    )


def _statements(policy: str) -> Sequence[Any]:
    try:
        document = json.loads(policy or "{}", object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(document, dict) or not set(document) <= {"Version", "Id", "Statement"}:
        return ()
    found = document.get("Statement", ())
    return found if isinstance(found, list) else (found,)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member that is there twice")
    return dict(pairs)


def _denial(statement: Any, location: S3Uri, partition: str) -> list[_Condition] | None:
    """The conditions of a statement that denies uploads to the place to everybody; None for any other."""
    if not isinstance(statement, dict) or not set(statement) <= _MEMBERS or statement.get("Effect") != "Deny":
        return None
    if statement.get("Principal") not in ("*", {"AWS": "*"}, {"AWS": ["*"]}):
        return None
    actions, resources = _texts(statement.get("Action")), _texts(statement.get("Resource"))
    if actions is None or resources is None or not _ACTIONS & {one.lower() for one in actions}:
        return None
    # Everything there is named like this or longer.
    place = f"arn:{partition}:s3:::{location.bucket}/{location.key.rstrip('/')}"
    covers = any(
        one == "*" or (one.endswith("*") and _LITERAL.match(one[:-1]) and place.startswith(one[:-1]))
        for one in resources
    )
    return _conditions(statement.get("Condition", {})) if covers else None


def _conditions(block: Any) -> list[_Condition] | None:
    found: list[_Condition] = []
    if not isinstance(block, dict):
        return None
    for operator, tests in block.items():
        # Names are alike in any case; what S3 makes of two spellings of one is not known.
        if not isinstance(tests, dict) or len({name.lower() for name in tests}) != len(tests):
            return None
        for header, given in tests.items():
            condition = _condition(operator, header.lower(), _texts(given))
            if condition is None:
                return None
            found.append(condition)
    return found


def _condition(operator: str, header: str, values: tuple[str, ...] | None) -> _Condition | None:
    if header not in _HEADERS or values is None or not all(map(_LITERAL.match, values)):
        return None
    if operator == "Null":
        if len(values) != 1 or values[0].lower() not in ("true", "false"):
            return None
        wanted = values[0].lower() == "true"
        return _Condition(header, (), lambda value: (value is None) == wanted)
    match = _OPERATOR.match(operator)
    if match is None:
        return None
    if match["kind"] == "Arn" and (header != _KEY or not all(one.startswith("arn:") for one in values)):
        return None
    negated, if_exists = bool(match["negated"]), bool(match["if_exists"])
    # An absent header: a negated operator holds, any other only with IfExists.
    return _Condition(
        header, values, lambda value: negated or if_exists if value is None else (value in values) != negated
    )


def _texts(value: Any) -> tuple[str, ...] | None:
    """One text or several; None for anything else, and for none."""
    several = value if isinstance(value, list) else [value]
    several = [str(one).lower() if isinstance(one, bool) else one for one in several]
    return tuple(several) if several and all(isinstance(one, str) for one in several) else None
