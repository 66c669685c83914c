"""Texts about policies: what applies to a location, and what two policies differ in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.target_encryption import Algorithm, Encryption, EncryptionRule
from glue_secure.policyfile.levels import covering, is_within
from glue_secure.policyfile.model import (
    DEFAULT_ACCEPTED,
    PolicyException,
    PolicyFile,
    SourceRequirement,
    Target,
)

_DEFAULT = Target("", DEFAULT_ACCEPTED)

STARTER = """\
# What runs may do beyond the default: SSE-KMS under the key of the job's security configuration.
# docs/policy.md describes every key; check the file with: glue-secure policy-file lint policy.toml
schema = 1
name = "{name}"
level = "organisation"
exception_days = 90

# [[targets]]
# name = "zone-b"
# prefix = "s3://BUCKET/PREFIX/"
# encryption = "SSE-KMS"
# keys = ["arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"]
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two policies.

    Attributes:
        kind: ``weaker``, ``stricter`` or ``changed``.
        subject: location or entry.
        text: before and after.
    """

    kind: str
    subject: str
    text: str


def target_of(policy: PolicyFile, location: S3Uri | None, table: str = "") -> Target:
    """Return the target that applies to a location or table; one without a name for the default.

    Args:
        policy: the policy.
        location: the location, None for a table whose location is not known.
        table: ``DATABASE.TABLE``.
    """
    for target in policy.targets:
        if table and target.table == table.lower():
            return target
    if location is None:
        return _DEFAULT
    return covering((target for target in policy.targets if target.prefix is not None), location) or _DEFAULT


def explain(policy: PolicyFile, location: S3Uri | None, table: str = "") -> dict[str, Any]:
    """Return what a policy requires of a location or table, as JSON values."""
    target = target_of(policy, location, table)
    sources = [
        source.name
        for source in policy.sources
        if location is not None and EncryptionRule(source.prefix, ()).covers(location)
    ]
    return {
        "target": table or str(location),
        "entry": target.name or "the default",
        "prefix": target.subject if target.name else "",
        "written": str(target.accepted[0]),
        "accepted": [str(one) for one in target.accepted],
        "bucket_key": target.bucket_key,
        "other_accounts": target.shared_key,
        "reason": target.reason,
        "sources": sources,
    }


def show(policy: PolicyFile, today: date) -> dict[str, Any]:
    """Return a policy as JSON values.

    Args:
        policy: the policy.
        today: the current day, UTC, for the days that exceptions have left.
    """
    return {
        "name": policy.name,
        "exception_days": policy.exception_days,
        "table_rollback": policy.table_rollback,
        "targets": [
            {"name": one.name, "subject": one.subject, **_target(one), "reason": one.reason}
            for one in policy.targets
        ],
        "sources": [
            {
                "name": one.name,
                "prefix": str(one.prefix),
                "encryption": [algorithm.value for algorithm in one.algorithms],
                "keys": list(one.keys),
                "checked": one.checked,
                "tls_only": one.tls_only,
                "lake_formation_only": one.lake_formation_only,
            }
            for one in policy.sources
        ],
        "connectors": [
            {
                "class": one.class_name,
                "sha256": one.sha256,
                "image": one.image,
                "owner": one.owner,
                "reason": one.reason,
            }
            for one in policy.connectors
        ],
        "exceptions": [
            {
                "control": one.control,
                "resource": one.resource,
                "reason": one.reason,
                "ticket": one.ticket,
                "owner": one.owner,
                "expires": one.expires.isoformat(),
                "days_left": (one.expires - today).days,
            }
            for one in policy.exceptions
        ],
    }


def differences(before: PolicyFile, after: PolicyFile) -> tuple[Difference, ...]:
    """Return what two policies differ in: targets by location, then the other entries."""
    return (*_targets(before, after), *_others(before, after))


def _targets(before: PolicyFile, after: PolicyFile) -> Iterator[Difference]:
    subjects = {one.subject: (one.prefix, one.table) for policy in (before, after) for one in policy.targets}
    for subject, (prefix, table) in sorted(subjects.items()):
        old, new = target_of(before, prefix, table), target_of(after, prefix, table)
        if _target(old) == _target(new):
            continue
        kind = "stricter"
        if not is_within(new, old):
            kind = "weaker"
        elif is_within(old, new):
            kind = "changed"  # objects are written with another key
        yield Difference(kind, subject, f"{_text(old)} → {_text(new)}")


def _others(before: PolicyFile, after: PolicyFile) -> Iterator[Difference]:
    if before.exception_days != after.exception_days:
        kind = "weaker" if after.exception_days > before.exception_days else "stricter"
        yield Difference(kind, "exception_days", f"{before.exception_days} → {after.exception_days}")
    if before.table_rollback != after.table_rollback:
        values = f"{before.table_rollback} → {after.table_rollback}".lower()
        yield Difference("changed", "table_rollback", values)
    pairs: tuple[tuple[str, Sequence[Any], Sequence[Any], bool], ...] = (
        ("source", before.sources, after.sources, False),
        ("connector", before.connectors, after.connectors, True),
        ("exception", before.exceptions, after.exceptions, True),
        ("delegation", before.delegations, after.delegations, True),
    )
    sources = {one.prefix: one for one in before.sources}
    changed = [(sources[one.prefix], one) for one in after.sources if one.prefix in sources]
    for was, now in changed:
        if was != now:
            kind = "weaker" if not _requires(now, was) else "changed" if _requires(was, now) else "stricter"
            yield Difference(kind, _subject("source", now), f"for {now.prefix} changed")
    same = [one for pair in changed for one in pair]
    for kind, old, new, allows in pairs:
        old, new = ([one for one in entries if one not in same] for entries in (old, new))
        for one in new:
            if one not in old:
                yield Difference("weaker" if allows else "stricter", _subject(kind, one), "added")
        for one in old:
            if one not in new:
                yield Difference("stricter" if allows else "weaker", _subject(kind, one), "removed")


def _requires(one: SourceRequirement, other: SourceRequirement) -> bool:
    """Return whether a requirement is met only by what meets another. DSSE-KMS is stronger than SSE-KMS."""
    algorithms = {
        *other.algorithms,
        *((Algorithm.DSSE_KMS,) if Algorithm.SSE_KMS in other.algorithms else ()),
    }
    return (
        (not algorithms or (one.algorithms != () and algorithms.issuperset(one.algorithms)))
        and (not other.keys or (one.keys != () and set(other.keys).issuperset(one.keys)))
        and (one.checked == "all" or other.checked == "sample")
        and one.tls_only >= other.tls_only
        and one.lake_formation_only >= other.lake_formation_only
    )


def _subject(kind: str, entry: Any) -> str:
    if isinstance(entry, PolicyException):
        return f"exception from {entry.control} for {entry.resource} until {entry.expires}"
    name = getattr(entry, "name", "") or getattr(entry, "class_name", "") or f"to {entry.level.value}"
    return f"{kind} {name}"


def _target(target: Target) -> dict[str, Any]:
    return {
        "accepted": [str(one) for one in target.accepted],
        "bucket_key": target.bucket_key,
        "shared_key": target.shared_key,
    }


def _text(target: Target) -> str:
    def one(encryption: Encryption) -> str:
        return str(encryption).replace(" run", " under the run's key")

    return " or ".join(map(one, target.accepted)) + (
        ""
        if target.bucket_key is None
        else f" (bucket key {'required' if target.bucket_key else 'forbidden'})"
    )
