"""Re-encrypt objects where they lie: what is not SSE-KMS under the expected key is copied onto itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.findings import Finding, Verdict, enforce, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.policy import check_object
from glue_secure.core.ports import ObjectStore
from glue_secure.core.service import NotFound, ServiceError

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_AT_ONCE = 16
_COPY_LIMIT = 5 * 2**30  # bytes that one CopyObject takes
_NOT_COPIED = ("GLACIER", "DEEP_ARCHIVE")  # archived: their bytes are not there to be read


@dataclass(frozen=True, slots=True)
class Repair:
    """One object that is not as it must be.

    Attributes:
        object: as it was listed.
        found: how it is encrypted.
        obstacle: why it cannot be copied onto itself; ``""`` when it can.
    """

    object: ObjectSummary
    found: str
    obstacle: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a remediation would do.

    Attributes:
        location: below which everything was looked at.
        key: that objects must be under.
        looked_at: how many objects there are.
        repairs: those that are not under it.
    """

    location: S3Uri
    key: KmsKeyArn
    looked_at: int
    repairs: tuple[Repair, ...]


def plan(location: S3Uri, key: KmsKeyArn, *, objects: ObjectStore, kept: Sequence[S3Uri] = ()) -> Plan:
    """Look at every object below a location; nothing is changed.

    Args:
        location: where to look.
        key: what objects must be under.
        objects: S3.
        kept: where bookmarks and evidence lie: their entity tags are part of what they prove.

    Raises:
        RefusedError: GS-S3-009, bookmarks or evidence lie there.
        VerificationError: GS-S3-007, the location or an object cannot be looked at.
    """
    for place in kept:
        if location.overlaps(place):
            raise RefusedError(
                "GS-S3-009",
                resource=f"remediation of {location}",
                found=f"a location that holds, or lies in, {place}",
                required="a location apart from bookmarks and evidence",
                fix="name a prefix beside them; glue-secure bookmark rekey changes a bookmark's key",
            )
    try:
        listed = list(objects.list(location))
    except ServiceError as error:
        raise VerificationError(
            "GS-S3-007",
            resource=str(location),
            found=str(error),
            required="a listing",
            fix="give the caller s3:ListBucket",
            aws_code=error.code,
        ) from error
    repairs = []
    for found, finding in zip(listed, _each(listed, lambda one: _look(one, key, objects)), strict=True):
        if finding.verdict is Verdict.UNKNOWN:
            enforce([finding])
        if finding.verdict is Verdict.FAIL:
            repairs.append(Repair(found, finding.found, _obstacle(found)))
    return Plan(location, key, len(listed), tuple(repairs))


def apply(made: Plan, *, objects: ObjectStore) -> dict[S3Uri, str]:
    """Copy each object of a plan onto itself under the key, and read it back.

    An object that changed since the plan is left alone: the copy is conditional on its entity tag.

    Returns:
        Object → why it is still not under the key; empty when all are.
    """

    def repair(one: Repair) -> str:
        if one.obstacle:
            return one.obstacle
        found = one.object
        try:
            objects.copy_onto_itself(found.uri, found.storage_class, key=made.key, etag=found.etag)
            finding = check_object(objects.encryption(found.uri), made.key)
        except NotFound:
            return ""  # somebody deleted it: nothing is left to encrypt
        except ServiceError as error:
            return str(error)
        return "" if finding.verdict is Verdict.PASS else f"{finding.found}, after the copy"

    answers = _each(made.repairs, repair)
    return {one.object.uri: why for one, why in zip(made.repairs, answers, strict=True) if why}


def _each(items: Sequence[_Item], act: Callable[[_Item], _Answer]) -> list[_Answer]:
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="glue-secure-remediate") as pool:
        return list(pool.map(act, items))


def _look(found: ObjectSummary, key: KmsKeyArn, objects: ObjectStore) -> Finding:
    try:
        return check_object(objects.encryption(found.uri), key)
    except NotFound:
        return passed("GS-S3-007", str(found.uri), "gone before it was looked at")
    except ServiceError as error:
        return unknown(
            "GS-S3-007",
            str(found.uri),
            found=str(error),
            required="the answer of HeadObject",
            fix="give the caller s3:GetObject there, and kms:Decrypt on the key it is under",
            aws_code=error.code,
        )


def _obstacle(found: ObjectSummary) -> str:
    if found.size > _COPY_LIMIT:
        return "larger than 5 GB: write it anew in parts"
    if found.storage_class in _NOT_COPIED:
        return f"archived ({found.storage_class}): restore it first"
    return ""
