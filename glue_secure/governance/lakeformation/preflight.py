"""Check that a role has the Lake Formation permissions for a job's reads and writes (GS-LF-006).

A job without fine-grained access control needs access to all columns and rows of the tables that it reads.
https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-notes.html,
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html

What a job can do depends on its mode and on the version of Glue:
https://docs.aws.amazon.com/glue/latest/dg/security-lf-enable-considerations.html,
https://docs.aws.amazon.com/glue/latest/dg/security-access-control-fta.html,
https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation.access import (
    Access,
    can_create_tables,
    granted_locations,
    identities,
)
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.direct_access import (
    READ,
    WRITE,
    direct_permissions,
    role_name,
    role_policies,
)
from glue_secure.governance.lakeformation.explain import evaluate_link, facts_of, table_of, target_of
from glue_secure.governance.lakeformation.settings import Setting

_WRITES = frozenset(("DESCRIBE", "INSERT", "ALTER"))
"""INSERT for rows, and ALTER for partitions and columns that a write adds (``enableUpdateCatalog``)."""
_S3 = re.compile(r"s3[an]?://", re.IGNORECASE)
_ALL = frozenset(("ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"))
"""With full table access, a write needs ALL."""


class AccessMode(str, Enum):
    """How a job uses Lake Formation. A job has one mode."""

    NONE = "none"
    FINE_GRAINED = "fine-grained access control"
    FULL_TABLE = "full table access"


def check_job(
    account: Account,
    role: str,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    creates: Sequence[str] = (),
    locations: Sequence[str] = (),
    mode: AccessMode = AccessMode.NONE,
    glue: str = "5.1",
) -> list[Finding]:
    """Compare a role's permissions with the permissions that a job needs.

    Args:
        account: the account of the Data Catalog.
        role: ARN of the job's role.
        reads: tables that the job reads, as ``DATABASE.TABLE``.
        writes: existing tables that the job writes, as ``DATABASE.TABLE``.
        creates: databases in which the job creates tables.
        locations: ``s3://`` locations of those tables. A registered location needs DATA_LOCATION_ACCESS.
        mode: how the job uses Lake Formation. Some columns are sufficient for fine-grained access control.
        glue: version of Glue.

    Returns:
        A finding for each table, database and location, and with ``account.iam`` one for each table at a
        registered location (GS-LF-008).

    Raises:
        UsageError: a table does not exist, or this version of Glue does not have the mode.
        ServiceError: the account cannot be read.
    """
    version = _version(glue)
    if mode is not AccessMode.NONE and version < (5, 0):
        raise UsageError(
            f"Glue {glue}", found=mode.value, required="Glue 5.0 or later, or a job without this option"
        )
    facts = facts_of(account, role)
    links = {name: table_of(account, name) for name in (*reads, *writes)}
    tables = {name: target_of(account, link) for name, link in links.items()}
    access = {name: evaluate_link(role, link, tables[name], facts) for name, link in links.items()}
    findings = [_full_table_setting(account)] if mode is AccessMode.FULL_TABLE else []
    findings += [
        _finding(f"read of {name}", role, _missing_for_read(access[name], mode is AccessMode.FINE_GRAINED))
        for name in reads
    ]
    for name in writes:
        if mode is AccessMode.FINE_GRAINED and version < (5, 1):
            findings.append(_not_written(f"write of {name}", role, glue))
            continue
        needed = _ALL if mode is AccessMode.FULL_TABLE else _WRITES
        missing = sorted(needed - access[name].permissions)
        findings.append(
            _finding(f"write of {name}", role, [f"{permission} on the table" for permission in missing])
        )
    for database in creates:
        can_create = can_create_tables(role, account.id, database, account.database_tags(database), facts)
        missing = [] if can_create else ["CREATE_TABLE on the database"]
        findings.append(_finding(f"new tables in {database}", role, missing))
    located = [name for name in tables if _S3.match(tables[name].location)]
    registered = [location.arn for location in account.locations()] if locations or located else []
    governed = {
        name: _catalog_arn(account, tables[name].location)
        for name in located
        if not access[name].by_iam
        and any(_within(_catalog_arn(account, tables[name].location), parent) for parent in registered)
    }
    if governed and account.iam is not None:
        findings += _direct_access(account, role, governed, access)
    names = identities(role, account.id)
    is_administrator = bool(locations) and any(name in names for name in account.settings().administrators)
    own = [account.database_location(database) for database in creates] if locations else []
    own_arns = [_catalog_arn(account, uri) for uri in own if _S3.match(uri)]
    granted = [
        *granted_locations(role, account.id, facts),
        *(arn for arn in own_arns if any(_within(arn, parent) for parent in registered)),
    ]
    for location in locations:
        arn = _arn(account, location)
        # No permission is needed at the registered location of a database in which the role can create
        # tables, and whether it can is a finding of its own.
        allowed = (
            is_administrator
            or not any(_within(arn, parent) for parent in registered)
            or any(_within(arn, parent) for parent in granted)
        )
        missing = [] if allowed else ["DATA_LOCATION_ACCESS on the location"]
        findings.append(_finding(f"tables at {location}", role, missing))
    return findings


def _direct_access(
    account: Account, role: str, governed: Mapping[str, str], access: Mapping[str, Access]
) -> Iterator[Finding]:
    """GS-LF-008 for each table at a registered location, by the location's ARN."""
    try:
        name = role_name(role)
        if not name:
            raise ServiceError(f"{role} is not a role", code="", operation="ListRolePolicies")
        policies = list(role_policies(account.iam, name))
    except ServiceError as error:
        for table, arn in governed.items():
            yield unknown(
                "GS-LF-008",
                f"{table} at {arn} by {role}",
                found=str(error),
                required="readable policies of the role",
                fix="use a role with iam:ListRolePolicies, iam:GetRolePolicy, iam:ListAttachedRolePolicies, "
                "iam:GetPolicy and iam:GetPolicyVersion",
                aws_code=error.code,
            )
        return
    for table, arn in governed.items():
        own = direct_permissions(policies, arn, (*READ, *WRITE))
        granted = _granted_actions(access[table])
        beyond = {action: policy for action, policy in own.items() if action not in granted}
        resource = f"{table} at {arn} by {role}"
        if beyond:
            yield failed(
                "GS-LF-008",
                resource,
                found=", ".join(f"{action} by policy {policy}" for action, policy in beyond.items()),
                required="access to the data through Lake Formation only",
                fix="remove the location from the policy, and allow lakeformation:GetDataAccess",
            )
        else:
            yield passed(
                "GS-LF-008", resource, f"{', '.join(own)}: no more than its grants" if own else "none"
            )


def _granted_actions(access: Access) -> tuple[str, ...]:
    """Return the actions on objects that grants contain. INSERT and DELETE both insert, update and read."""
    writes = {"INSERT", "DELETE"} & access.permissions
    reads = access.reads_all and ("SELECT" in access.permissions or bool(writes))
    return (*(READ if reads else ()), *(WRITE if writes else ()))


def _full_table_setting(account: Account) -> Finding:
    """GS-LF-006 for the setting without which Lake Formation gives a job no credentials of whole tables.

    https://docs.aws.amazon.com/lake-formation/latest/dg/full-table-credential-vending.html
    """
    setting, resource = Setting.FULL_TABLE_ACCESS, "full table access"
    if account.settings().values.get(setting):
        return passed("GS-LF-006", resource, f"{setting.member} = true")
    return failed(
        "GS-LF-006",
        resource,
        found=f"{setting.member} = false",
        required="true",
        fix=f"set {setting.member} = true in [settings] of the permissions file, "
        "and run glue-secure lakeformation apply FILE",
    )


def _not_written(operation: str, role: str, glue: str) -> Finding:
    return failed(
        "GS-LF-006",
        f"{operation} by {role}",
        found=f"fine-grained access control in Glue {glue}, which writes with the role's own S3 permissions",
        required="Glue 5.1 or later, or full table access",
        fix="set the job's Glue version to 5.1, or write in a job with full table access",
    )


def _version(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})", text)
    if match is None:
        raise UsageError("the Glue version", found=repr(text), required="a version such as 5.1")
    return int(match[1]), int(match[2])


def _arn(account: Account, location: str) -> str:
    uri = S3Uri.parse(location)
    return f"arn:{account.partition}:s3:::{uri.bucket}/{uri.key}".rstrip("/")


def _catalog_arn(account: Account, location: str) -> str:
    """Return the ARN of a location in the Data Catalog. Names of old buckets can be invalid today."""
    return f"arn:{account.partition}:s3:::{_S3.sub('', location)}".rstrip("/")


def _within(arn: str, parent: str) -> bool:
    """Return whether a location is equal to or below another."""
    return arn == parent.rstrip("/") or arn.startswith(parent.rstrip("/") + "/")


def _missing_for_read(access: Access, fine_grained: bool) -> Iterator[str]:
    if "DESCRIBE" not in access.permissions:
        yield "DESCRIBE on the table"
    if "SELECT" not in access.permissions:
        yield "SELECT on the table"
    elif not fine_grained and not access.reads_all:
        restricted = [column for column, rows in access.columns.items() if "" not in rows]
        yield (
            f"SELECT on all rows of columns {', '.join(restricted)} "
            "(partial access needs fine-grained access control)"
        )


def _finding(operation: str, role: str, missing: Iterator[str] | list[str]) -> Finding:
    permissions = list(missing)
    if not permissions:
        return passed("GS-LF-006", f"{operation} by {role}", "all required permissions")
    return failed(
        "GS-LF-006",
        f"{operation} by {role}",
        found=f"no {', no '.join(permissions)}",
        required="all required permissions",
        fix="add them to [[grants]] of the permissions file, and run glue-secure lakeformation apply FILE",
    )
