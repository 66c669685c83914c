"""Evaluate a principal's permissions on a table, by named resources and by LF-Tags, with reasons.

Lake Formation has no deny: permissions are the union of all grants.
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html (meaning of permissions),
https://docs.aws.amazon.com/lake-formation/latest/dg/tag-based-access-control.html (inheritance, expressions),
https://docs.aws.amazon.com/lake-formation/latest/dg/hybrid-access-workflow.html (hybrid access mode).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Permission,
    Resource,
    TableTags,
    expression_text,
    matches,
)

_ON_TABLES = frozenset(("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE"))
# The permissions reference: whoever has one of these can read the underlying data, and every permission on a
# table includes DESCRIBE.
_READING = frozenset(("SELECT", "INSERT", "DELETE"))
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+\Z")
_ROLE = re.compile(r"arn:([^:]+):iam::(\d{12}):role/(?:.*/)?([^/]+)\Z")
_IAM = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):(?:role|user)/.+\Z")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The properties of a table that permissions depend on.

    Attributes:
        account: account id of the table's catalog.
        database: name of the database.
        name: name of the table.
        columns: all columns, including partition keys.
        tags: the LF-Tags of the table.
        partition_keys: the columns that a column list or a cell filter cannot withhold.
        target: for a resource link, account, database and name of the table that it points to.
        location: ``s3://`` location of the data, ``""`` without one.
        catalog: id of the table's nested catalog, ``""`` for the default catalog.
    """

    account: str
    database: str
    name: str
    columns: tuple[str, ...]
    tags: TableTags = field(default_factory=TableTags)
    partition_keys: frozenset[str] = frozenset()
    target: tuple[str, str, str] | None = None
    location: str = ""
    catalog: str = ""

    def shown(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns that a principal reads to whom a grant shows some of them.

        Access to partition keys cannot be restricted.
        https://docs.aws.amazon.com/lake-formation/latest/dg/data-filtering-notes.html
        """
        visible = frozenset(columns)
        if not visible.intersection(self.columns):
            return ()
        return tuple(name for name in self.columns if name in visible or name in self.partition_keys)


@dataclass(frozen=True, slots=True)
class Identities:
    """The grantees that include a principal. ``grantee in identities`` is true for each of them.

    Attributes:
        names: their names.
        role: partition, account and name of a session's role. The ARN of a session has no path, and role
            names are unique in an account, so that the role is this one whatever its path.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """

    names: frozenset[str]
    role: tuple[str, str, str] | None = None

    def __contains__(self, grantee: str) -> bool:
        if grantee in self.names:
            return True
        match = _ROLE.match(grantee) if self.role else None
        return match is not None and match.groups() == self.role

    def including(self, name: str) -> Identities:
        """Return these identities and one more name."""
        return Identities(self.names | {name}, self.role)


@dataclass(frozen=True, slots=True)
class LakeFacts:
    """The grants and settings that permissions on a table depend on.

    Attributes:
        grants: grants of any principal.
        expressions: named LF-Tag expressions.
        filters: data cell filters.
        opt_ins: opt-ins of hybrid access mode.
        administrators: data lake administrators, including read-only administrators.
        groups: ARNs of the principal's SAML or IAM Identity Center groups, which AWS does not show. Grants
            to a group apply to its members.
    """

    grants: tuple[Grant, ...] = ()
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    filters: tuple[CellFilter, ...] = ()
    opt_ins: frozenset[OptIn] = frozenset()
    administrators: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """The effect of one grant on a table.

    Attributes:
        gives: whether the grant gives a permission on the table.
        text: the grant, and the reason for its effect.
        permissions: the permissions that it gives.
        columns: the columns that it lets the principal read.
        rows: the row filter expression of these columns, ``""`` for all rows.
    """

    gives: bool
    text: str
    permissions: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A principal's permissions on a table.

    Attributes:
        by_iam: whether only IAM permissions apply, because IAMAllowedPrincipals has Super.
        permissions: permissions on the table. They contain SELECT if a grant gives it for a column.
        columns: row filter expressions of what can be read, by column; ``""`` means all rows. Holders of
            INSERT and DELETE read the underlying data as well.
        reasons: the effect of each evaluated grant.
    """

    by_iam: bool
    permissions: frozenset[str]
    columns: Mapping[str, frozenset[str]]
    reasons: tuple[Reason, ...]

    @property
    def reads_all(self) -> bool:
        """Whether all columns of all rows can be read."""
        return self.by_iam or all("" in rows for rows in self.columns.values())


def evaluate(principal: str, table: TableFacts, lake: LakeFacts) -> Access:
    """Return the permissions of ``principal`` on the table.

    Grants with a condition are not counted, because the condition can only be evaluated for a request.
    """
    names = identities(principal, table.account, lake.groups)
    opted_in = _opted_in(names, table, lake)
    open_to_iam = [
        grant
        for grant in lake.grants
        if grant.principal == IAM_ALLOWED
        and Permission.ALL in grant.permissions
        and _applies_to(grant, table, lake)
    ]
    if open_to_iam and not opted_in:
        reasons = [
            Reason(True, f"{grant}: only IAM permissions apply, grants have no effect")
            for grant in open_to_iam
        ]
        all_rows = {column: frozenset(("",)) for column in table.columns}
        return Access(True, _ON_TABLES, all_rows, tuple(reasons))
    if not opted_in:
        names = names.including(IAM_ALLOWED)  # without Super, the group's grants apply to its members
    reasons = [_evaluate(grant, table, lake) for grant in lake.grants if grant.principal in names]
    if any(administrator in names for administrator in lake.administrators):
        reasons.append(
            Reason(True, "data lake administrator: DESCRIBE on all resources", frozenset(("DESCRIBE",)))
        )
    permissions = frozenset().union(*(reason.permissions for reason in reasons))
    columns = {
        column: frozenset(reason.rows for reason in reasons if column in reason.columns)
        for column in table.columns
    }
    return Access(False, permissions, columns, tuple(reasons))


def can_create_tables(
    principal: str, account: str, database: str, tags: Mapping[str, str], lake: LakeFacts
) -> bool:
    """Return whether ``principal`` can create tables in a database with these LF-Tags.

    Hybrid access mode applies to tables only, so permissions of IAMAllowedPrincipals on the database count
    for every principal.
    """
    names = identities(principal, account).including(IAM_ALLOWED)
    for grant in lake.grants:
        resource = grant.resource
        if grant.principal not in names or grant.condition:
            continue
        applies = resource == Resource(Kind.DATABASE, database)
        if resource.kind is Kind.DATABASES_WITH:
            expression = lake.expressions.get(resource.name, ()) if resource.name else resource.expression
            applies = matches(expression, tags)
        if applies and {Permission.ALL, Permission.CREATE_TABLE} & grant.permissions:
            return True
        if resource.kind is Kind.CATALOG and Permission.SUPER_USER in grant.permissions:
            return True
    return False


def granted_locations(principal: str, account: str, lake: LakeFacts) -> Iterator[str]:
    """Yield the ARNs of the locations at which ``principal`` can create tables."""
    names = identities(principal, account)
    for grant in lake.grants:
        if grant.principal in names and grant.resource.kind is Kind.LOCATION and not grant.condition:
            yield grant.resource.name


def identities(principal: str, account: str, others: frozenset[str] = frozenset()) -> Identities:
    """Return the grantees that include a principal: itself, its role, and the group of all IAM principals.

    Args:
        principal: the principal.
        account: id of the account whose grants are compared.
        others: further names, such as the principal's groups.
    """
    names, session, role = {principal, *others}, _ASSUMED.match(principal), None
    if session:
        role = (session["partition"], session["account"], session["role"])
        principal = f"arn:{role[0]}:iam::{role[1]}:role/{role[2]}"
        names.add(principal)
    iam = _IAM.match(principal)
    if iam and iam["account"] == account:
        names.add(f"{account}:IAMPrincipals")
    return Identities(frozenset(names), role)


def _opted_in(names: Identities, table: TableFacts, lake: LakeFacts) -> bool:
    """Return whether the principal has opted in to Lake Formation permissions for this table."""
    for opt_in in lake.opt_ins:
        resource = opt_in.resource
        if opt_in.condition or (resource.kind is not Kind.CATALOG and resource.catalog != table.catalog):
            continue  # a condition can only be evaluated for a request
        is_table = resource.kind is Kind.TABLE and (resource.database, resource.name) == (
            table.database,
            table.name,
        )
        is_all = resource.kind is Kind.ALL_TABLES and resource.database == table.database
        if opt_in.principal in names and (is_table or is_all or resource.kind is Kind.CATALOG):
            return True
    return False


def _applies_to(grant: Grant, table: TableFacts, lake: LakeFacts) -> bool:
    return bool(_evaluate(grant, table, lake).permissions)


def _evaluate(grant: Grant, table: TableFacts, lake: LakeFacts) -> Reason:
    resource, text = grant.resource, str(grant)
    same_table = (resource.database, resource.name) == (table.database, table.name)
    if grant.condition:
        return Reason(False, f"{text}: has a condition; not counted")
    if Permission.SUPER_USER in grant.permissions and _contains(resource, table):
        return _granted(text, _ON_TABLES, table.columns)
    if resource.kind is Kind.TABLES_WITH:
        return _evaluate_by_tags(grant, table, lake)
    if resource.catalog != table.catalog:
        return Reason(False, f"{text}: another resource")
    if resource.kind is Kind.ALL_TABLES and resource.database == table.database:
        return _granted(text, _expand_all(grant.permissions), table.columns)
    if not same_table:
        return Reason(False, f"{text}: another resource")
    if resource.kind is Kind.TABLE:
        return _granted(text, _expand_all(grant.permissions), table.columns)
    if resource.kind is Kind.COLUMNS:
        return _granted(text, grant.permissions, table.shown(resource.values))
    if resource.kind is Kind.OTHER_COLUMNS:
        visible = frozenset(table.columns).difference(resource.values)
        return _granted(text, grant.permissions, table.shown(visible))
    if resource.kind is Kind.CELLS:
        key = (resource.database, resource.name, resource.part)
        for cells in lake.filters:
            if (cells.database, cells.table, cells.name) == key:
                columns = table.shown(filter(cells.shows, table.columns))
                return _granted(text, grant.permissions - {"DROP"}, columns, cells.rows)
        return Reason(False, f"{text}: the filter does not exist")
    return Reason(False, f"{text}: another resource")


def _contains(catalog: Resource, table: TableFacts) -> bool:
    """Return whether a catalog contains a table, also in a catalog that is nested in it."""
    if catalog.kind not in (Kind.CATALOG, Kind.NESTED_CATALOG):
        return False
    same = catalog.catalog == table.catalog
    return same or (bool(catalog.catalog) and table.catalog.startswith(f"{catalog.catalog}/"))


def _evaluate_by_tags(grant: Grant, table: TableFacts, lake: LakeFacts) -> Reason:
    resource, text = grant.resource, str(grant)
    expression = lake.expressions.get(resource.name, ()) if resource.name else resource.expression
    if not expression:
        return Reason(False, f"{text}: the expression does not exist")
    permissions = _expand_all(grant.permissions)
    columns = [column for column in table.columns if matches(expression, table.tags.of_column(column))]
    table_matches = matches(expression, table.tags.of_table)
    if table_matches and len(columns) == len(table.columns):
        return _granted(f"{text}: the tags match", permissions, table.columns)
    mismatch = f"the table {_mismatch(expression, table.tags.of_table)}"
    if table_matches or columns:
        # https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-notes.html: if only some columns match,
        # permissions that need all columns are not given; DESCRIBE is given instead.
        result = "the tags match" if table_matches else mismatch
        text = f"{text}: {result}; matching columns: {', '.join(columns) or 'none'}"
        return _granted(text, (permissions & {"SELECT"}) | {"DESCRIBE"}, columns)
    return Reason(False, f"{text}: {mismatch}")


def _granted(text: str, permissions: Iterable[str], columns: Iterable[str], rows: str = "") -> Reason:
    granted = frozenset(map(str, permissions)) & _ON_TABLES
    readable = tuple(columns) if granted & _READING else ()
    if not readable:
        granted -= {"SELECT"}
    if granted:
        granted |= {"DESCRIBE"}
    return Reason(bool(granted), text, granted, readable, rows if readable else "")


def _expand_all(permissions: frozenset[str]) -> frozenset[str]:
    return _ON_TABLES if Permission.ALL in permissions else permissions


def _mismatch(expression: Expression, tags: Mapping[str, str]) -> str:
    failing = [(key, values) for key, values in expression if not matches(((key, values),), tags)]
    present = ", ".join(f"{key}={tags[key]}" if key in tags else f"no {key}" for key, _ in failing)
    return f"has {present}, not {expression_text(tuple(failing))}"
