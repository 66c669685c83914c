"""The log groups of jobs, crawlers and sessions: GS-DEP-005, and the access of jobs to them: GS-IAM-006.

AWS names the groups of a security configuration after it, in forms that differ between versions of Glue
(:func:`glue_secure.core.log_groups.log_groups`). The audit therefore checks each group that exists below
``/aws-glue/``, and each group that a job's arguments name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Estate, Shape, Unread, derived
from glue_secure.audit.fixes import quoted
from glue_secure.audit.identities import identities, unread
from glue_secure.audit.identities import requests as identity_requests
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.references import configurations, job_log_groups, key_arn
from glue_secure.core.findings import failed, passed, unknown

CONTROLS = ("GS-DEP-005", "GS-IAM-006")
_PREFIX = "/aws-glue/"
_ASSOCIATE, _ASSOCIATE_CONTROL = "logs:AssociateKmsKey", "GS-IAM-006"


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    for call in (calls.JOBS, calls.CONFIGURATIONS):
        yield Request(call)
    yield Request(calls.LOG_GROUPS, _PREFIX)
    yield from identity_requests()
    for prefix in _custom_prefixes(estate):
        yield Request(calls.LOG_GROUPS, prefix)
    for configuration in configurations(estate).values():
        key = configuration.cloudwatch.key if configuration.cloudwatch else ""
        if key:
            yield Request(calls.KEY, key, key.split(":")[3] if key.startswith("arn:") else "")


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    yield from _associations(estate)
    for call in (calls.JOBS, calls.CONFIGURATIONS):
        why = estate.listing(call).unread
        if why:
            yield estate.unknown("GS-DEP-005", Resource(ResourceKind.LOG_GROUP, f"of {call.operation}"), why)
    groups: dict[str, Shape] = {}
    for prefix in (_PREFIX, *_custom_prefixes(estate)):
        listing = estate.listing(calls.LOG_GROUPS, prefix)
        groups.update((str(group["logGroupName"]), group) for group in listing.items)
        if listing.unread:
            yield estate.unknown("GS-DEP-005", Resource(ResourceKind.LOG_GROUP, f"{prefix}*"), listing.unread)
    users: dict[str, set[str]] = {}
    for job in estate.known(calls.JOBS):
        for pattern in job_log_groups(job):
            users.setdefault(pattern, set()).add(str(job["Name"]))
    for name in groups:
        folder = f"{name.rpartition('/')[0]}/*"
        users.setdefault(name, set()).update(users.get(folder, ()))
    named = [name for name in groups if name.startswith(_PREFIX) or users[name]]
    for name in sorted(named):
        yield from _group(estate, groups[name], tuple(users[name]))


def _associations(estate: Estate) -> Iterator[AuditFinding]:
    """GS-IAM-006: the role may associate the key with each group that AWS documents for the configuration."""
    reason = unread(estate) or estate.listing(calls.JOBS).unread
    if reason is not None:
        yield estate.unknown(_ASSOCIATE_CONTROL, Resource(ResourceKind.ROLE, "of jobs"), reason)
        return
    roles = {one.name: one for one in identities(estate) if ":role/" in one.arn}
    denied_of: dict[tuple[str, ...], list[str]] = {}
    for job in estate.known(calls.JOBS):
        name = str(job.get("Role") or "").rpartition("/")[2]
        role = roles.get(name)
        if role is None or not job.get("SecurityConfiguration"):
            continue  # GS-IAM-001 and GS-SEC-001 report them.
        resource = Resource(ResourceKind.ROLE, name)
        text = f"log groups of job {job['Name']!r}"
        groups = [
            group for group in job_log_groups(job) if group.endswith(f"-{job['SecurityConfiguration']}")
        ]
        prefix = f"arn:{estate.partition}:logs:{estate.region}:{estate.account}:log-group"
        if (subject := (name, *groups)) not in denied_of:
            denied_of[subject] = [
                group for group in groups if not role.allows(_ASSOCIATE, f"{prefix}:{group}")
            ]
        denied = denied_of[subject]
        if not denied:
            finding = passed(
                _ASSOCIATE_CONTROL, text, f"role {name} may associate keys with {', '.join(groups)}"
            )
        elif role.missing:
            finding = unknown(
                _ASSOCIATE_CONTROL,
                text,
                found=f"the policy {role.missing} is not known",
                required=f"{_ASSOCIATE} on {', '.join(groups)}",
                fix=f"grant {calls.POLICIES.permission}",
            )
        else:
            finding = failed(
                _ASSOCIATE_CONTROL,
                text,
                found=f"role {name} may not associate keys with {', '.join(denied)}",
                required=f"{_ASSOCIATE} on {', '.join(groups)}",
                fix=f"allow {_ASSOCIATE} on these log groups in a policy of role {name}",
            )
        yield estate.finding(finding, resource, (str(job["Name"]),), part=f"job {job['Name']}")


def _group(estate: Estate, group: Shape, jobs: tuple[str, ...]) -> Iterator[AuditFinding]:
    name, found = str(group["logGroupName"]), str(group.get("kmsKeyId") or "")
    resource = Resource(ResourceKind.LOG_GROUP, name)
    text = f"log group {name}"
    configuration = _configuration_of(estate, name)
    setting = configurations(estate)[configuration].cloudwatch if configuration else None
    expected = setting.key if setting else ""
    required = f"encryption under {expected or 'a customer managed key'}"
    fix = f"aws logs associate-kms-key --log-group-name {quoted(name)} --kms-key-id "
    fix += quoted(expected or "KEY-ARN")
    if expected:
        answer = estate.answers.get((calls.KEY.name, expected))
        if found and isinstance(answer, Unread) and found != expected:
            yield estate.unknown("GS-DEP-005", resource, answer, jobs)
            return
    if not configuration and estate.listing(calls.CONFIGURATIONS).unread and found:
        finding = unknown(
            "GS-DEP-005", text, found=f"{found}; the security configurations are unknown", required=required,
            fix="grant glue:GetSecurityConfigurations",
        )  # fmt: skip
    elif found and (not expected or found == key_arn(estate, expected)):
        finding = passed("GS-DEP-005", text, found)
    else:
        finding = failed("GS-DEP-005", text, found=found or "no key", required=required, fix=fix)
    yield estate.finding(finding, resource, jobs)


def _configuration_of(estate: Estate, group: str) -> str:
    """Return the longest security configuration that a group's name ends with, or names before a role."""
    return next((name for name, pattern in _configuration_patterns(estate) if pattern.search(group)), "")


@derived
def _configuration_patterns(estate: Estate) -> list[tuple[str, re.Pattern[str]]]:
    names = sorted(configurations(estate), key=len, reverse=True)
    return [(name, re.compile(rf"[-/]{re.escape(name)}(?:-role/.*)?\Z")) for name in names]


@derived
def _custom_prefixes(estate: Estate) -> tuple[str, ...]:
    """Return prefixes of the groups outside ``/aws-glue/`` that jobs name."""
    names = {pattern.removesuffix("*") for job in estate.known(calls.JOBS) for pattern in job_log_groups(job)}
    return tuple(sorted(name for name in names if name and not name.startswith(_PREFIX)))
