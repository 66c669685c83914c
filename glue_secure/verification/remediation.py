"""Re-encrypt objects in place: copy objects that are not encrypted as required onto themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glue_secure.core.errors import VerificationError
from glue_secure.core.findings import Verdict, enforce
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.policy import check_object, check_reserved_location
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import NotFound, ServiceError, listing_fix
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.verification.object_verifier import inspect_all, map_requests

_COPY_LIMIT = 5 * 2**30  # bytes; the limit of one CopyObject
_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")  # cannot be read without a restore


@dataclass(frozen=True, slots=True)
class Repair:
    """One object that is not encrypted as required.

    Attributes:
        object: the object as it was listed.
        found: how it is encrypted.
        obstacle: why it cannot be copied onto itself; ``""`` if it can.
    """

    object: ObjectSummary
    found: str
    obstacle: str


@dataclass(frozen=True, slots=True)
class RemediationPlan:
    """The changes that a remediation would make.

    Attributes:
        location: every object below it was inspected.
        rules: how objects must be encrypted.
        inspected: number of objects.
        repairs: the objects that are not encrypted as required.
    """

    location: S3Uri
    rules: EncryptionRules
    inspected: int
    repairs: tuple[Repair, ...]


def plan(
    location: S3Uri, rules: EncryptionRules, *, objects: ObjectStore, reserved: Sequence[S3Uri] = ()
) -> RemediationPlan:
    """Inspect every object below a location without changing anything.

    Args:
        location: the location.
        rules: how objects must be encrypted.
        objects: S3.
        reserved: locations of bookmarks and evidence; a copy would change the entity tags that they rely on.

    Raises:
        RefusedError: GS-S3-009, the location overlaps with bookmarks or evidence.
        VerificationError: GS-S3-007, the location cannot be listed or an object cannot be inspected.
    """
    enforce([check_reserved_location(location, "remediation of", reserved)])
    try:
        listed = list(objects.list(location))
    except ServiceError as error:
        raise VerificationError(
            "GS-S3-007",
            resource=str(location),
            found=str(error),
            required="a listing",
            fix=listing_fix(error, location.bucket, "allow s3:ListBucket on the bucket"),
            aws_code=error.code,
        ) from error
    inspections = inspect_all(objects, rules, [summary.uri for summary in listed], may_be_deleted=True)
    enforce(finding for finding, _ in inspections if finding.verdict is Verdict.UNKNOWN)
    repairs = [
        Repair(summary, finding.found, _obstacle(summary))
        for summary, (finding, _) in zip(listed, inspections, strict=True)
        if finding.verdict is Verdict.FAIL
    ]
    return RemediationPlan(location, rules, len(listed), tuple(repairs))


def apply(plan: RemediationPlan, *, objects: ObjectStore) -> dict[S3Uri, str]:
    """Copy each object of a plan onto itself, encrypted as required, and read it back.

    The copy is conditional on the entity tag, so an object that changed since the plan is not copied.

    Returns:
        Object → why it is still not encrypted as required; empty if all objects are.
    """

    def repair(repair: Repair) -> str:
        if repair.obstacle:
            return repair.obstacle
        summary = repair.object
        try:
            rule = plan.rules.rule(summary.uri)
            objects.copy_onto_itself(summary.uri, summary.storage_class, rule=rule, etag=summary.etag)
            finding = check_object(objects.encryption(summary.uri), plan.rules)
        except NotFound:
            return ""  # deleted meanwhile
        except ServiceError as error:
            return str(error)
        return "" if finding.verdict is Verdict.PASS else f"{finding.found}, after the copy"

    reasons = map_requests(repair, plan.repairs)
    return {repair.object.uri: reason for repair, reason in zip(plan.repairs, reasons, strict=True) if reason}


def _obstacle(summary: ObjectSummary) -> str:
    if summary.size > _COPY_LIMIT:
        return "larger than 5 GB: write it again in parts"
    if summary.storage_class in _ARCHIVED:
        return f"archived ({summary.storage_class}): restore it first"
    return ""
