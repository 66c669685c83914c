"""The keys that an estate names: GS-KMS-001 to -005, and GS-KMS-007 to -009."""

from __future__ import annotations

import re
from collections.abc import Iterator

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Absent, Estate, Shape, Unread
from glue_secure.audit.fixes import quoted
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import (
    SIGNING,
    Use,
    key_arn,
    named_buckets,
    named_keys,
    unread_users,
    user_requests,
)
from glue_secure.audit.resource_policies import UnreadablePolicyError, public_statements
from glue_secure.core.findings import failed, passed, unknown
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.policy import check_key

CONTROLS = (
    *(f"GS-KMS-00{number}" for number in (1, 2, 3, 4, 5)),
    *(f"GS-KMS-00{number}" for number in (7, 8, 9)),
)
_FROM_KMS = "AWS_KMS"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_UNIQUE_ID = re.compile(r"A[A-Z]{2}A[A-Z0-9]{12,}\Z")
_SHOWN = 5


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield from user_requests(estate)
    yield Request(calls.TRANSFORMS)
    yield Request(calls.CATALOG_SETTINGS)
    yield Request(calls.BUCKETS)
    for bucket in named_buckets(estate):
        yield Request(calls.BUCKET_ENCRYPTION, bucket)
    for name in named_keys(estate):
        yield Request(calls.KEY, name, _region(name))
        answer = estate.known_answer(calls.KEY, name)
        if answer is None or _is_foreign(estate, answer):
            continue
        arn = str(answer["KeyMetadata"]["Arn"])
        for call in (calls.KEY_POLICY, calls.GRANTS):
            yield Request(call, arn, _region(arn))
        if _can_rotate(answer):
            yield Request(calls.ROTATION, arn, _region(arn))


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    described: dict[str, tuple[Use, Shape]] = {}
    for name, use in named_keys(estate).items():
        answer = estate.answer(calls.KEY, name)
        resource = Resource(ResourceKind.KEY, key_arn(estate, name))
        purposes = ", ".join(sorted(use.purposes))
        jobs = tuple(use.jobs)
        if isinstance(answer, Unread):
            yield estate.unknown("GS-KMS-001", resource, answer, jobs)
        elif isinstance(answer, Absent):
            finding = failed(
                "GS-KMS-001",
                f"{name} ({purposes})",
                found="no such key",
                required="an existing key",
                fix="name an existing key where this one is named",
            )
            yield estate.finding(finding, resource, jobs)
        else:
            merged, _ = described.setdefault(resource.name, (Use(), answer))
            merged.purposes |= use.purposes
            merged.jobs |= use.jobs
            yield estate.finding(passed("GS-KMS-001", f"{name} ({purposes})", resource.name), resource, jobs)
    for arn, (use, answer) in described.items():
        yield from _key(estate, arn, use, answer)
    yield from _unread_names(estate)


def _unread_names(estate: Estate) -> Iterator[AuditFinding]:
    """Yield UNKNOWN where keys may be named that the audit does not know."""
    others = (estate.listing(call).unread for call in (calls.CONFIGURATIONS, calls.TRANSFORMS))
    for unread in (*unread_users(estate), *filter(None, others)):
        resource = Resource(ResourceKind.KEY, f"named by {unread.call.operation}")
        for control in CONTROLS:
            yield estate.unknown(control, resource, unread)
    settings = estate.answer(calls.CATALOG_SETTINGS)
    if isinstance(settings, Unread):
        for control in CONTROLS:
            yield estate.unknown(control, Resource(ResourceKind.KEY, "of the Data Catalog"), settings)
    for bucket, use in named_buckets(estate).items():
        answer = estate.answer(calls.BUCKET_ENCRYPTION, bucket)
        if isinstance(answer, Unread) and answer.code != "NoSuchBucket":
            yield estate.unknown(
                "GS-KMS-001",
                Resource(ResourceKind.KEY, f"default of bucket {bucket}"),
                answer,
                tuple(use.jobs),
            )


def _key(estate: Estate, arn: str, use: Use, answer: Shape) -> Iterator[AuditFinding]:
    key = KmsKey.from_api(answer["KeyMetadata"])
    resource, jobs = Resource(ResourceKind.KEY, arn), tuple(use.jobs)
    signs = use.purposes == {SIGNING}
    # S3 needs the key in the Region of its bucket, which may be another than the audit's.
    region = key.arn.region if all(map(_is_of_bucket, use.purposes)) else estate.region
    purposes = ", ".join(sorted(use.purposes))
    for finding in check_key(purposes, key, region=region, account=estate.account):
        if finding.control != "GS-KMS-004" or not signs:
            yield estate.finding(finding, resource, jobs)
    if _is_foreign(estate, answer):
        for control in ("GS-KMS-007", "GS-KMS-008", "GS-KMS-009"):
            finding = unknown(
                control,
                str(resource),
                found=f"a key of account {key.arn.account}: only that account can read its policy and grants",
                required="a key of this account",
                fix=f"audit account {key.arn.account}, or use a key of this account",
            )
            yield estate.finding(finding, resource, jobs)
        return
    if not signs:
        yield _rotation(estate, resource, answer, jobs)
    yield _policy(estate, resource, jobs)
    yield _grants(estate, resource, jobs)


def _rotation(estate: Estate, resource: Resource, described: Shape, jobs: tuple[str, ...]) -> AuditFinding:
    fix = f"aws kms enable-key-rotation --key-id {quoted(resource.name)}"
    required = "automatic rotation"
    if not _can_rotate(described):
        origin, spec = (
            str(described["KeyMetadata"].get(name) or "unknown") for name in ("Origin", "KeySpec")
        )
        finding = failed(
            "GS-KMS-007",
            str(resource),
            found=f"a {spec} key with key material from {origin}, which AWS KMS does not rotate",
            required=required,
            fix="use a symmetric key with key material from AWS KMS, or accept it in the baseline file",
        )
        return estate.finding(finding, resource, jobs)
    answer = estate.answer(calls.ROTATION, resource.name)
    if isinstance(answer, Absent | Unread):
        return _unread(estate, "GS-KMS-007", resource, calls.ROTATION, answer, jobs)
    if answer.get("KeyRotationEnabled") is True:
        days = answer.get("RotationPeriodInDays")
        found = f"every {days} days" if days else "on"
        return estate.finding(passed("GS-KMS-007", str(resource), found), resource, jobs)
    finding = failed("GS-KMS-007", str(resource), found="off", required=required, fix=fix)
    return estate.finding(finding, resource, jobs)


def _policy(estate: Estate, resource: Resource, jobs: tuple[str, ...]) -> AuditFinding:
    answer = estate.answer(calls.KEY_POLICY, resource.name)
    if isinstance(answer, Absent | Unread):
        return _unread(estate, "GS-KMS-008", resource, calls.KEY_POLICY, answer, jobs)
    required = "no statement that allows every principal"
    try:
        public = public_statements(str(answer["Policy"]))
    except UnreadablePolicyError as error:
        finding = unknown(
            "GS-KMS-008", str(resource), found=str(error), required=required, fix="correct the key policy"
        )
        return estate.finding(finding, resource, jobs)
    if public:
        finding = failed(
            "GS-KMS-008",
            str(resource),
            found=f"every principal, in {', '.join(public)}",
            required=required,
            fix="name the principals in the key policy, or limit the statement with kms:CallerAccount "
            f"(aws kms put-key-policy --key-id {quoted(resource.name)} --policy file://policy.json)",
        )
        return estate.finding(finding, resource, jobs)
    return estate.finding(passed("GS-KMS-008", str(resource), "no such statement"), resource, jobs)


def _grants(estate: Estate, resource: Resource, jobs: tuple[str, ...]) -> AuditFinding:
    listing = estate.listing(calls.GRANTS, resource.name)
    if listing.unread:
        return estate.unknown("GS-KMS-009", resource, listing.unread, jobs)
    others = [grant for grant in listing.items if not _is_own(_grantee(grant), estate)]
    foreign = [grant for grant in others if not _UNIQUE_ID.match(_grantee(grant))]
    if others and not foreign:
        finding = unknown(
            "GS-KMS-009",
            str(resource),
            found=f"{len(others)} grants to unique ids, such as {_grantee(others[0])}: AWS shows the id of a "
            "principal that was deleted, and does not name its account",
            required="grants to principals of this account and to AWS services",
            fix=f"aws kms revoke-grant --key-id {quoted(resource.name)} "
            f"--grant-id {quoted(others[0].get('GrantId'))}",
        )
        return estate.finding(finding, resource, jobs)
    if foreign:
        shown = "; ".join(
            f"{_grantee(grant)} may {', '.join(grant.get('Operations') or ())}" for grant in foreign[:_SHOWN]
        )
        finding = failed(
            "GS-KMS-009",
            str(resource),
            found=f"{len(foreign)} grants to other accounts: {shown}",
            required="grants to principals of this account and to AWS services",
            fix=f"aws kms revoke-grant --key-id {quoted(resource.name)} "
            f"--grant-id {quoted(foreign[0].get('GrantId'))}",
        )
        return estate.finding(finding, resource, jobs)
    names = sorted({_grantee(grant).rpartition(":")[2] for grant in listing.items})
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    found = f"{len(listing.items)} grants" + (f": {shown}" if names else "")
    return estate.finding(passed("GS-KMS-009", str(resource), found), resource, jobs)


def _unread(
    estate: Estate,
    control: str,
    resource: Resource,
    call: calls.Call,
    answer: Absent | Unread,
    jobs: tuple[str, ...],
) -> AuditFinding:
    unread = (
        answer
        if isinstance(answer, Unread)
        else Unread(call, answer.code, f"{call.operation}: {answer.code}")
    )
    return estate.unknown(control, resource, unread, jobs)


def _can_rotate(described: Shape) -> bool:
    metadata = described["KeyMetadata"]
    spec = metadata.get("KeySpec") or metadata.get("CustomerMasterKeySpec")
    return bool(spec == "SYMMETRIC_DEFAULT" and metadata.get("Origin", _FROM_KMS) == _FROM_KMS)


def _is_foreign(estate: Estate, described: Shape) -> bool:
    return str(described["KeyMetadata"]["Arn"]).split(":")[4] != estate.account


def _grantee(grant: Shape) -> str:
    return str(grant.get("GranteePrincipal") or grant.get("GranteeServicePrincipal") or "(unknown)")


def _is_own(principal: str, estate: Estate) -> bool:
    """Return whether a grantee is of the account or a service (``dynamodb.eu-west-1.amazonaws.com``)."""
    return f":{estate.account}:" in principal or principal.rpartition(".amazonaws.")[2].startswith("com")


def _is_of_bucket(purpose: str) -> bool:
    return purpose.startswith("default of bucket ")


def _region(name: str) -> str:
    """Return the Region of an ARN, ``""`` for an id or alias."""
    parts = name.split(":")
    return parts[3] if name.startswith("arn:") and len(parts) > 5 else ""
