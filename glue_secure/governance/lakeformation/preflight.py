"""Check that a role has the Lake Formation permissions for a job's reads and writes (GS-LF-006).

A job without fine-grained access control needs access to all columns and rows of the tables that it reads.
https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-notes.html,
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.identifiers import S3Uri
from glue_secure.governance.lakeformation.access import (
    Access,
    can_create_tables,
    granted_locations,
    identities,
)
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.explain import evaluate_link, facts_of, table_of, target_of

_WRITES = frozenset(("DESCRIBE", "INSERT", "ALTER"))
"""INSERT for rows, and ALTER for partitions and columns that a write adds (``enableUpdateCatalog``)."""


def check_job(
    account: Account,
    role: str,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    creates: Sequence[str] = (),
    locations: Sequence[str] = (),
    fine_grained: bool = False,
) -> list[Finding]:
    """Compare a role's permissions with the permissions that a job needs.

    Args:
        account: the account of the Data Catalog.
        role: ARN of the job's role.
        reads: tables that the job reads, as ``DATABASE.TABLE``.
        writes: existing tables that the job writes, as ``DATABASE.TABLE``.
        creates: databases in which the job creates tables.
        locations: ``s3://`` locations of those tables. A registered location needs DATA_LOCATION_ACCESS.
        fine_grained: whether the job uses fine-grained access control, for which some columns are sufficient.

    Returns:
        A finding for each table, database and location.

    Raises:
        UsageError: a table does not exist.
        ServiceError: the account cannot be read.
    """
    facts = facts_of(account, role)
    links = {name: table_of(account, name) for name in (*reads, *writes)}
    tables = {name: target_of(account, link) for name, link in links.items()}
    access = {name: evaluate_link(role, link, tables[name], facts) for name, link in links.items()}
    findings = [
        _finding(f"read of {name}", role, _missing_for_read(access[name], fine_grained)) for name in reads
    ]
    for name in writes:
        missing = sorted(_WRITES - access[name].permissions)
        findings.append(
            _finding(f"write of {name}", role, [f"{permission} on the table" for permission in missing])
        )
    for database in creates:
        can_create = can_create_tables(role, account.id, database, account.database_tags(database), facts)
        missing = [] if can_create else ["CREATE_TABLE on the database"]
        findings.append(_finding(f"new tables in {database}", role, missing))
    registered = [location.arn for location in account.locations()] if locations else []
    names = identities(role, account.id)
    is_administrator = bool(locations) and any(name in names for name in account.settings().administrators)
    own = [account.database_location(database) for database in creates] if locations else []
    own_arns = [_arn(account, uri) for uri in own if uri.startswith("s3://")]
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


def _arn(account: Account, location: str) -> str:
    uri = S3Uri.parse(location)
    return f"arn:{account.partition}:s3:::{uri.bucket}/{uri.key}".rstrip("/")


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
