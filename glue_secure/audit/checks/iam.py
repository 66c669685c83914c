"""Roles of jobs and principals that create or start jobs: GS-IAM, and GS-NET-001.

Administrators, whom a policy allows every action on every resource, are not limited by any of these controls
and are left out, except as roles of jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Request
from glue_secure.audit.estate import Estate
from glue_secure.audit.fixes import quoted
from glue_secure.audit.identities import (
    Context,
    Identity,
    identities,
    listed,
    unread,
)
from glue_secure.audit.identities import (
    requests as identity_requests,
)
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.governance.lakeformation.direct_access import matches_resource
from glue_secure.governance.policies.network import ACTIONS, SECURITY_GROUP_IDS, SUBNET_IDS, VPC_IDS

TRUST, PASS_ROLE, START, HIERARCHY, ESCALATION = (f"GS-IAM-00{number}" for number in range(1, 6))
NETWORK = "GS-NET-001"
CONTROLS = (TRUST, PASS_ROLE, START, HIERARCHY, ESCALATION, NETWORK)
_GLUE = "glue.amazonaws.com"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": _GLUE}, "Action": "sts:AssumeRole"}],
}
_CREATES = (*ACTIONS, "glue:CreateDevEndpoint")
_CHANGES_IAM = (
    "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy",
    "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:CreateRole",
    "iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)  # fmt: skip
_TABLE_ACTIONS = (
    "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition",
    "glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable", "glue:CreatePartition",
    "glue:BatchCreatePartition", "glue:UpdatePartition", "glue:DeletePartition",
)  # fmt: skip
_DATABASE_ACTIONS = ("glue:GetDatabase", "glue:CreateDatabase", "glue:UpdateDatabase", "glue:DeleteDatabase")
_IN_CATALOG = re.compile(
    r"(?P<prefix>arn:[^:]*:glue:[^:]*:[^:]*):(?P<kind>table|database)/(?P<database>[^/]+)"
)


def requests(_: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield Request(calls.JOBS)
    yield from identity_requests()


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    reason = unread(estate)
    jobs = estate.listing(calls.JOBS).unread
    if reason is not None:
        for control in CONTROLS:
            yield estate.unknown(control, Resource(ResourceKind.ROLE, "(all)"), reason)
        return
    if jobs is not None:
        for control in CONTROLS:
            yield estate.unknown(control, Resource(ResourceKind.ROLE, "of jobs"), jobs)
    found = identities(estate)
    users: dict[str, set[str]] = {}
    for job in estate.known(calls.JOBS):
        users.setdefault(str(job.get("Role") or "").rpartition("/")[2], set()).add(str(job["Name"]))
    by_name = {one.name: one for one in found if ":role/" in one.arn}
    for name, job_names in sorted(users.items()):
        role = by_name.get(name)
        resource = Resource(ResourceKind.ROLE, name or "(none)")
        findings = [_missing(name)] if role is None else [_trust(role), *_hierarchy(role)]
        for finding in findings:
            yield estate.finding(finding, resource, tuple(job_names))
    decided = set()
    for identity in found:
        resource = Resource(ResourceKind.ROLE, identity.name)
        for finding in _of_identity(identity, is_of_job=identity.name in users):
            decided.add(finding.control)
            yield estate.finding(finding, resource, tuple(users.get(identity.name, ())))
    for control in sorted({PASS_ROLE, START, ESCALATION, NETWORK} - decided) if jobs is None else ():
        administrators = sum(identity.is_administrator for identity in found)
        others = len(found) - administrators
        text = f"none of {others} roles and users has a permission that the control is about"
        text += f"; {administrators} administrators are left out" if administrators else ""
        yield estate.finding(passed(control, "roles and users", text), estate.resource)


def _missing(name: str) -> Finding:
    return failed(
        TRUST,
        f"role {name or '(none)'}",
        found="no such role in the account",
        required=f"a role that {_GLUE} can assume",
        fix="name an existing role in the job",
    )


# Trust


def _trust(role: Identity) -> Finding:
    """GS-IAM-001: only the Glue service can assume the role."""
    services: set[str] = set()
    others: set[str] = set()
    for statement in listed(role.trust.get("Statement")):
        if statement.get("Effect") != "Allow":
            continue
        if "NotPrincipal" in statement:
            others.add("NotPrincipal")
        principal = statement.get("Principal")
        entries: Mapping[str, Any] = principal if isinstance(principal, Mapping) else {"": principal}
        for kind, names in entries.items():
            (services if kind == "Service" else others).update(map(str, listed(names)))
    foreign = sorted(others | {name for name in services if name != _GLUE})
    resource = f"trust policy of role {role.name}"
    if _GLUE in services and not foreign:
        return passed(TRUST, resource, _GLUE)
    return failed(
        TRUST,
        resource,
        found=f"{', '.join(foreign)} can assume it" if foreign else f"{_GLUE} cannot assume it",
        required=f"{_GLUE} alone",
        fix=f"aws iam update-assume-role-policy --role-name {quoted(role.name)} --policy-document "
        + quoted(json.dumps(_TRUST)),
    )


# The Data Catalog's hierarchy


def _hierarchy(role: Identity) -> Iterator[Finding]:
    """GS-IAM-004: what is allowed on a table is allowed on its database and catalog as well."""
    resource = f"policies of role {role.name}"
    if role.missing:
        yield _unknown(HIERARCHY, role)
        return
    for action in (*_TABLE_ACTIONS, *_DATABASE_ACTIONS):
        for pattern in role.patterns(action):
            missing = [
                name
                for name in _relatives(pattern, action)
                if not role.allows(action, role.example(name, action))
            ]
            if missing:
                yield failed(
                    HIERARCHY,
                    f"{resource}: {action} on {pattern}",
                    found=f"{action} is not allowed on {', '.join(missing)}",
                    required="the resource, its database and the catalog; for a deletion, its children too",
                    fix=f"add {', '.join(missing)} to the statement",
                )
                return
    yield passed(HIERARCHY, resource, "every allowed resource of the Data Catalog with its ancestors")


def _relatives(pattern: str, action: str) -> list[str]:
    """Return the further resources that an action on a table or database needs."""
    match = _IN_CATALOG.match(pattern)
    if match is None:
        return []
    prefix, database = match["prefix"], match["database"]
    if match["kind"] == "table":
        return [f"{prefix}:database/{database}", f"{prefix}:catalog"]
    if action == "glue:DeleteDatabase":
        return [
            f"{prefix}:catalog",
            f"{prefix}:table/{database}/*",
            f"{prefix}:userDefinedFunction/{database}/*",
        ]
    return [f"{prefix}:catalog"]


# Principals that create or start jobs


def _of_identity(identity: Identity, *, is_of_job: bool) -> Iterator[Finding]:
    if identity.is_administrator:
        if is_of_job:
            yield failed(
                ESCALATION,
                f"role {identity.name}",
                found="a policy that allows every action on every resource",
                required="permissions for what its jobs do",
                fix="detach the policy, and allow what the jobs of the role do",
            )
        return
    creates = any(identity.patterns(action) for action in _CREATES)
    starts = identity.patterns("glue:StartJobRun")
    if identity.missing and (creates or starts or is_of_job):
        yield from (_unknown(control, identity) for control in (PASS_ROLE, START, ESCALATION, NETWORK))
        return
    if creates or is_of_job:
        yield from _pass_role(identity)
        yield from _escalation(identity)
    if creates:
        yield _network(identity)
    if starts:
        yield _start(identity, starts)


def _pass_role(identity: Identity) -> Iterator[Finding]:
    """GS-IAM-002: named roles alone can be passed to Glue."""
    context: Context = {"iam:PassedToService": (_GLUE,)}
    patterns = identity.patterns("iam:PassRole", context)
    if not patterns:
        return
    resource = f"policies of {identity.name}: iam:PassRole"
    every = _unlimited(identity, "iam:PassRole", patterns, context)
    if not every:
        yield passed(PASS_ROLE, resource, _limited(identity, "iam:PassRole", patterns))
        return
    yield failed(
        PASS_ROLE,
        resource,
        found=f"allowed on {every}: a job can run with any role",
        required="the ARNs of the roles of jobs",
        fix="name the roles in Resource, with iam:PassedToService glue.amazonaws.com",
    )


def _start(identity: Identity, patterns: tuple[str, ...]) -> Finding:
    """GS-IAM-003: who may start runs, and so choose their arguments, may do so for named jobs."""
    resource = f"policies of {identity.name}: glue:StartJobRun"
    every = _unlimited(identity, "glue:StartJobRun", patterns, {})
    if not every:
        return passed(START, resource, _limited(identity, "glue:StartJobRun", patterns))
    return failed(
        START,
        resource,
        found=f"allowed on {every}: arguments of any job can load code that runs as the job's role",
        required="the ARNs of jobs",
        fix="name the jobs in Resource",
    )


def _unlimited(identity: Identity, action: str, patterns: tuple[str, ...], context: Context) -> str:
    """Return the pattern that allows an action on a resource that no policy names, ``""`` without one."""
    invented = identity.invented(action)
    for pattern in patterns:
        region = (pattern.split(":") + [""] * 4)[3]
        resource = invented
        if invented.split(":")[3] and region and not set("*?") & set(region):
            resource = ":".join((*invented.split(":", 5)[:3], region, *invented.split(":", 5)[4:]))
        if matches_resource({"Resource": pattern}, resource) and identity.allows(action, resource, context):
            return pattern
    return ""


def _limited(identity: Identity, action: str, patterns: tuple[str, ...]) -> str:
    is_wide = matches_resource({"Resource": list(patterns)}, identity.invented(action))
    text = ", ".join(patterns)
    return f"{text}, which a permissions boundary or a Deny statement limits" if is_wide else text


def _escalation(identity: Identity) -> Iterator[Finding]:
    """GS-IAM-005: a principal that changes roles has a permissions boundary, or must set one.

    A boundary that the principal can remove, replace or change is no limit.
    """
    without = {"iam:PermissionsBoundary": None}
    actions = [action for action in _CHANGES_IAM if identity.patterns(action, without)]
    resource = f"policies of {identity.name}"
    own = identity.changes_of_own_boundary
    if own:
        yield failed(
            ESCALATION,
            resource,
            found=f"{', '.join(own)} on its own permissions boundary, {identity.boundary_arn}",
            required="a permissions boundary that the principal cannot remove, replace or change",
            fix=f"deny {', '.join(own)} in {identity.boundary_arn}",
        )
    elif not actions:
        yield passed(ESCALATION, resource, "no change of roles without a permissions boundary")
    elif all(identity.is_limited_in(action, without) for action in actions):
        yield passed(ESCALATION, resource, f"{actions[0]}, within a permissions boundary")
    else:
        yield failed(
            ESCALATION,
            resource,
            found=f"{', '.join(actions)} without a permissions boundary"
            + (" that limits them" if identity.boundary is not None else ""),
            required="a permissions boundary, or a condition on iam:PermissionsBoundary",
            fix=f"remove the actions, or limit {identity.name} by a permissions boundary (aws iam "
            + (
                "put-user-permissions-boundary --user-name "
                if ":user/" in identity.arn
                else "put-role-permissions-boundary --role-name "
            )
            + f"{quoted(identity.name)} --permissions-boundary POLICY-ARN)",
        )


def _network(identity: Identity) -> Finding:
    """GS-NET-001: jobs and sessions outside of the permitted VPCs are denied."""
    resource = f"policies of {identity.name}: {', '.join(ACTIONS)}"
    absent: dict[str, tuple[str, ...] | None] = {VPC_IDS: None, SUBNET_IDS: None, SECURITY_GROUP_IDS: None}
    own = sorted(set(_values(identity, VPC_IDS)))
    contexts: list[tuple[str, Context]] = [
        ("without a VPC", absent),
        ("in another VPC", {VPC_IDS: ("vpc-00000000000000000",)}),
    ]
    if own:
        contexts.append(("in a permitted and another VPC", {VPC_IDS: (own[0], "vpc-00000000000000000")}))
    for action in ACTIONS:
        for where, context in contexts:
            if identity.patterns(action, context):
                return failed(
                    NETWORK,
                    resource,
                    found=f"{action} is allowed {where}",
                    required="Deny with ForAnyValue:StringNotEquals on glue:VpcIds, and Deny with Null",
                    fix="add both; glue-secure policy iam --deployer has them if the project has a VPC",
                )
    return passed(NETWORK, resource, f"denied outside of {', '.join(own)}")


def _values(identity: Identity, key: str) -> Iterator[str]:
    for _, statement in identity.statements:
        for operator, tests in (statement.get("Condition") or {}).items():
            for name, values in tests.items() if not str(operator).startswith("Null") else ():
                if str(name).lower() == key.lower():
                    yield from map(str, listed(values))


def _unknown(control: str, identity: Identity) -> Finding:
    return unknown(
        control,
        f"policies of {identity.name}",
        found=f"the document of {identity.missing} was not returned",
        required="the documents of all policies",
        fix="run the audit again; if it remains, review the policy",
    )
