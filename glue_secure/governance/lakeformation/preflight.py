"""Whether a role holds the Lake Formation permissions that a job's reads and writes need (GS-LF-006).

A job without fine-grained access control has to see every column and row of a table that it reads.
https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-notes.html,
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.identifiers import S3Uri
from glue_secure.governance.lakeformation.access import Access, evaluate, given_locations, may_create_tables
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.explain import facts_of, table_of

_WRITES = frozenset(("DESCRIBE", "INSERT", "ALTER"))
"""Rows; and ALTER, for partitions and columns that a write adds (``enableUpdateCatalog``)."""


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
    """Hold a role's permissions against what a job does.

    Args:
        account: whose Data Catalog it is.
        role: ARN of the job's role.
        reads: tables, ``DATABASE.TABLE``.
        writes: tables that are there, likewise.
        creates: databases in which tables are made.
        locations: ``s3://`` where those tables lie; one that is registered needs DATA_LOCATION_ACCESS.
        fine_grained: whether the job runs with fine-grained access control; then some columns are enough.

    Raises:
        UsageError: there is no such table.
        ServiceError: the account cannot be read.
    """
    facts = facts_of(account, role)
    tables = {name: table_of(account, name) for name in (*reads, *writes)}
    access = {name: evaluate(role, table, facts) for name, table in tables.items()}
    findings = [_judge(f"read of {name}", role, _to_read(access[name], fine_grained)) for name in reads]
    findings += [
        _judge(f"write of {name}", role, [f"{one} on the table" for one in sorted(_WRITES - held)])
        for name in writes
        for held in [access[name].permissions]
    ]
    for database in creates:
        held_here = may_create_tables(role, account.id, database, account.database_tags(database), facts)
        findings.append(
            _judge(f"new tables in {database}", role, [] if held_here else ["CREATE_TABLE on the database"])
        )
    registered = [one.arn for one in account.locations()] if locations else []
    for location in locations:
        place = S3Uri.parse(location)
        arn = f"arn:aws:s3:::{place.bucket}/{place.key}".rstrip("/")
        is_open = not any(_within(arn, one) for one in registered)
        is_open = is_open or any(_within(arn, one) for one in given_locations(role, account.id, facts))
        lacking = [] if is_open else ["DATA_LOCATION_ACCESS on the location"]
        findings.append(_judge(f"tables at {location}", role, lacking))
    return findings


def _within(arn: str, above: str) -> bool:
    """Whether a location lies at or below another."""
    return arn == above.rstrip("/") or arn.startswith(above.rstrip("/") + "/")


def _to_read(access: Access, fine_grained: bool) -> Iterator[str]:
    if "DESCRIBE" not in access.permissions:
        yield "DESCRIBE on the table"
    if "SELECT" not in access.permissions:
        yield "SELECT on the table"
    elif not fine_grained and not access.reads_all:
        shut = [column for column, rows in access.columns.items() if "" not in rows]
        yield f"SELECT on all rows of columns {', '.join(shut)} (a job that sees a part runs fine-grained)"


def _judge(what: str, role: str, missing: Iterator[str] | list[str]) -> Finding:
    lacks = list(missing)
    if not lacks:
        return passed("GS-LF-006", f"{what} by {role}", "every permission that it needs")
    return failed(
        "GS-LF-006",
        f"{what} by {role}",
        found=f"no {', no '.join(lacks)}",
        required="every permission that it needs",
        fix="name them in [[grants]] of the permissions file, and glue-secure lakeformation apply",
    )
