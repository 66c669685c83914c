"""Lake Formation: GS-LF-001, -002, -008 and -010 to -012.

An account without registered locations, and without grants to other principals than IAMAllowedPrincipals,
does not use Lake Formation: IAM alone decides there, and the controls pass.

ListPermissions and GetDatabases return what the caller may see, without an error about the rest. A pass that
needs these lists is therefore UNKNOWN unless the caller is an administrator or read-only administrator.
https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_ListPermissions.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Call, Request
from glue_secure.audit.estate import Absent, Estate, Unread
from glue_secure.audit.fixes import quoted
from glue_secure.audit.identities import DETAILS, Identity, identities
from glue_secure.audit.identities import requests as identity_requests
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.governance.lakeformation.direct_access import READ, WRITE, direct_permissions, role_name
from glue_secure.governance.lakeformation.model import IAM_ALLOWED, Grant
from glue_secure.governance.lakeformation.settings import Setting, Settings, include_iam_group

SUPER, DEFAULTS, DIRECT = "GS-LF-001", "GS-LF-002", "GS-LF-008"
HYBRID, ADMINISTRATORS, FILTERING = "GS-LF-010", "GS-LF-011", "GS-LF-012"
_USE: tuple[Call, ...] = (calls.LAKE_PERMISSIONS, calls.LAKE_LOCATIONS)
_NEEDED_BY: Mapping[str, tuple[Call, ...]] = {
    SUPER: _USE,
    DEFAULTS: (*_USE, calls.DATABASES),
    DIRECT: (calls.LAKE_LOCATIONS, calls.JOBS, *DETAILS),
    HYBRID: (calls.LAKE_LOCATIONS,),
    ADMINISTRATORS: (*_USE, calls.JOBS, *DETAILS),
    FILTERING: (),
}
CONTROLS = tuple(_NEEDED_BY)
_OF_SETTINGS = frozenset({DEFAULTS, ADMINISTRATORS, FILTERING})
_FILTERED = frozenset({SUPER, DEFAULTS, ADMINISTRATORS})
"""Controls whose pass needs lists that contain only what the caller may see."""
_CLOSE = "glue-secure lakeformation plan shows the steps; take Super from IAMAllowedPrincipals"


def requests(_: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield Request(calls.CALLER)
    yield Request(calls.LAKE_SETTINGS)
    yield Request(calls.JOBS)
    yield Request(calls.DATABASES)
    yield from map(Request, _USE)
    yield from identity_requests()


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    checks = {
        SUPER: _super,
        DEFAULTS: _defaults,
        DIRECT: _direct,
        HYBRID: _hybrid,
        ADMINISTRATORS: _administrators,
        FILTERING: _filtering,
    }
    for control, check in checks.items():
        unread = _unread(estate, control)
        if unread is not None:
            yield estate.unknown(control, Resource(ResourceKind.CATALOG, "Lake Formation"), unread)
            continue
        if control in _OF_SETTINGS and _settings(estate) is None:
            finding = unknown(control, "DataLakeSettings", found="no settings", required="the settings",
                              fix="run the audit again")  # fmt: skip
            yield estate.finding(finding, estate.resource)
            continue
        hidden = _hidden(estate) if control in _FILTERED else None
        for result in check(estate):
            is_complete = control == ADMINISTRATORS and _is_used(estate)
            if hidden is None or result.verdict is not Verdict.PASS or is_complete:
                yield result
            elif isinstance(hidden, Unread):
                yield estate.unknown(control, result.resource, hidden)
            else:
                yield replace(result, finding=replace(hidden, control=control))


def _hidden(estate: Estate) -> Finding | Unread | None:
    """Return why lists may lack grants and databases, None if the caller sees all of them."""
    settings, caller = estate.answer(calls.LAKE_SETTINGS), estate.answer(calls.CALLER)
    for answer in (settings, caller):
        if isinstance(answer, Unread):
            return answer
    arn = "" if isinstance(caller, Absent | Unread) else str(caller.get("Arn") or "")
    shape = {} if isinstance(settings, Absent | Unread) else settings.get("DataLakeSettings") or {}
    administrators = {
        str(principal.get("DataLakePrincipalIdentifier"))
        for member in ("DataLakeAdmins", "ReadOnlyAdmins")
        for principal in shape.get(member) or ()
    }
    role = role_name(arn)
    if arn and any(
        arn == name or (role and role == role_name(name) and arn.split(":")[4] == name.split(":")[4])
        for name in administrators
    ):
        return None
    return unknown(
        SUPER,
        "Lake Formation",
        found=f"the caller {arn or '(unknown)'} is no administrator of the data lake: AWS does not list "
        "grants and databases that it may not see",
        required="an auditor that sees every grant and database",
        fix="add the auditor to ReadOnlyAdmins of the data lake settings (aws lakeformation "
        "get-data-lake-settings, then put-data-lake-settings with all members of its answer)",
    )


def _unread(estate: Estate, control: str) -> Unread | None:
    reasons = [estate.listing(call).unread for call in _NEEDED_BY[control]]
    if control in _OF_SETTINGS:
        answer = estate.answer(calls.LAKE_SETTINGS)
        reasons.append(answer if isinstance(answer, Unread) else None)
    return next(filter(None, reasons), None)


def _settings(estate: Estate) -> Settings | None:
    answer = estate.answer(calls.LAKE_SETTINGS)
    return None if isinstance(answer, Absent | Unread) else Settings.from_api(answer["DataLakeSettings"])


def _grants(estate: Estate) -> list[Grant]:
    return [Grant.from_api(shape, estate.account) for shape in estate.known(calls.LAKE_PERMISSIONS)]


def _is_used(estate: Estate) -> bool:
    return bool(estate.known(calls.LAKE_LOCATIONS)) or any(
        grant.principal != IAM_ALLOWED for grant in _grants(estate)
    )


def _of_account(estate: Estate, finding: Finding) -> AuditFinding:
    return estate.finding(finding, Resource(ResourceKind.CATALOG, estate.account))


def _not_used(estate: Estate, control: str) -> AuditFinding:
    found = "Lake Formation is not used: no registered location, and no grant to a principal"
    return _of_account(estate, passed(control, "Lake Formation", found))


def _super(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-001: IAMAllowedPrincipals has no Super on databases and tables."""
    if not _is_used(estate):
        yield _not_used(estate, SUPER)
        return
    open_grants = [grant for grant in _grants(estate) if grant.principal == IAM_ALLOWED and grant.permissions]
    for grant in open_grants:
        permissions = ", ".join(sorted(grant.permissions)).replace("ALL", "Super")
        finding = failed(
            SUPER,
            str(grant.resource),
            found=f"IAMAllowedPrincipals has {permissions}",
            required="no permission of IAMAllowedPrincipals, so that grants decide",
            fix=_CLOSE,
        )
        yield estate.finding(finding, Resource(ResourceKind.TABLE, str(grant.resource)))
    if not open_grants:
        yield _of_account(estate, passed(SUPER, "Lake Formation", "no permission of IAMAllowedPrincipals"))


def _defaults(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-002: new databases and tables get no permissions for IAMAllowedPrincipals."""
    settings = _settings(estate)
    if settings is None or not _is_used(estate):
        yield _not_used(estate, DEFAULTS)
        return
    opened = ["databases"] if settings.open_databases else []
    opened += ["tables"] if settings.open_tables else []
    opened += [
        f"tables of {database['Name']}"
        for database in estate.known(calls.DATABASES)
        if include_iam_group(database.get("CreateTableDefaultPermissions"))
    ]
    if opened:
        finding = failed(
            DEFAULTS,
            "DataLakeSettings",
            found=f"IAMAllowedPrincipals gets permissions on new {', '.join(opened)}",
            required="no default permissions",
            fix=_CLOSE,
        )
    else:
        finding = passed(DEFAULTS, "DataLakeSettings", "no default permissions of IAMAllowedPrincipals")
    yield _of_account(estate, finding)


def _direct(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-008: roles of jobs have no S3 permissions of their own at registered locations."""
    locations = [str(one["ResourceArn"]).rstrip("/") for one in estate.known(calls.LAKE_LOCATIONS)]
    roles = {one.name: one for one in identities(estate) if ":role/" in one.arn}
    users: dict[str, set[str]] = {}
    for job in estate.known(calls.JOBS):
        users.setdefault(str(job.get("Role") or "").rpartition("/")[2], set()).add(str(job["Name"]))
    checked = {name: jobs for name, jobs in users.items() if name in roles}
    for name, jobs in sorted(checked.items()) if locations else ():
        resource = Resource(ResourceKind.ROLE, name)
        yield estate.finding(_of_role(roles[name], locations), resource, tuple(jobs))
    if not locations or not checked:
        found = "no registered location" if not locations else "no job has a role of the account"
        yield _of_account(estate, passed(DIRECT, "Lake Formation", found))


def _of_role(role: Identity, locations: list[str]) -> Finding:
    resource = f"policies of role {role.name}"
    if role.missing:
        return unknown(
            DIRECT,
            resource,
            found=f"the document of {role.missing} was not returned",
            required="the documents of all policies",
            fix="run the audit again; if it remains, review the policy",
        )
    policies: list[tuple[str, Mapping[str, Any]]] = [
        (name, {"Statement": [statement]}) for name, statement in role.statements
    ]
    for location in locations:
        allowed = direct_permissions(policies, location, (*READ, *WRITE))
        if allowed:
            action, policy = next(iter(allowed.items()))
            return failed(
                DIRECT,
                resource,
                found=f"policy {policy} allows {action} at {location}",
                required="access by the grants of Lake Formation alone",
                fix=f"limit the policy to locations that are not registered, or deny {action} there",
            )
    return passed(DIRECT, resource, f"no S3 permissions at {len(locations)} registered locations")


def _hybrid(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-010: registered locations are not in hybrid access mode."""
    for shape in estate.known(calls.LAKE_LOCATIONS):
        location = str(shape["ResourceArn"])
        if shape.get("HybridAccessEnabled"):
            finding = failed(
                HYBRID,
                location,
                found="hybrid access mode: principals without an opt-in use their IAM permissions",
                required="Lake Formation's permissions for every principal",
                fix=f"aws lakeformation update-resource --resource-arn {quoted(location)} "
                "--no-hybrid-access-enabled --role-arn ROLE, after every principal that needs access has "
                "a grant",
            )
        else:
            finding = passed(HYBRID, location, "not in hybrid access mode")
        yield estate.finding(finding, Resource(ResourceKind.CATALOG, location))
    if not estate.known(calls.LAKE_LOCATIONS):
        yield _of_account(estate, passed(HYBRID, "Lake Formation", "no registered location"))


def _administrators(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-011: the administrators are existing roles and users of the account, and no roles of jobs."""
    settings = _settings(estate)
    if settings is None or not _is_used(estate):
        yield _not_used(estate, ADMINISTRATORS)
        return
    existing = {one.arn for one in identities(estate)}
    of_jobs = {str(job.get("Role") or "").rpartition("/")[2] for job in estate.known(calls.JOBS)}
    wrong = []
    for arn in settings.administrators:
        if arn.rpartition("/")[2] in of_jobs and ":role/" in arn:
            wrong.append(f"{arn}, the role of a job")
        elif not Setting.ADMINISTRATORS.accepts(arn) or f"::{estate.account}:" not in arn:
            wrong.append(f"{arn}, which is no role or user of the account")
        elif arn not in existing:
            wrong.append(f"{arn}, which does not exist")
    if not settings.administrators:
        wrong.append("no administrator")
    if wrong:
        finding = failed(
            ADMINISTRATORS,
            "DataLakeSettings",
            found="; ".join(wrong),
            required="roles and users of people who administer the data lake",
            fix="correct administrators in the permissions file, then glue-secure lakeformation plan",
        )
    else:
        finding = passed(ADMINISTRATORS, "DataLakeSettings", ", ".join(settings.administrators))
    yield _of_account(estate, finding)


def _filtering(estate: Estate) -> Iterator[AuditFinding]:
    """GS-LF-012: no engine of another account gets credentials and filters the data itself."""
    settings = _settings(estate)
    values = settings.values if settings is not None else {}
    accounts = values.get(Setting.FILTERING_ACCOUNTS, ()) if values.get(Setting.EXTERNAL_FILTERING) else ()
    others = [account for account in accounts if account != estate.account]
    if others:
        finding = failed(
            FILTERING,
            "DataLakeSettings",
            found=f"accounts {', '.join(others)} filter data themselves",
            required="the account itself, or no account",
            fix="correct external_data_filtering_accounts in the permissions file, then glue-secure "
            "lakeformation plan",
        )
    else:
        finding = passed(FILTERING, "DataLakeSettings", "no other account filters data itself")
    yield _of_account(estate, finding)
