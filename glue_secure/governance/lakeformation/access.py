"""What a principal may do with a table, by named grants and by LF-tags together, and why.

Lake Formation has no deny: what any grant gives, stands.
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html (what a permission means),
https://docs.aws.amazon.com/lake-formation/latest/dg/tag-based-access-control.html (inheritance, expressions),
https://docs.aws.amazon.com/lake-formation/latest/dg/hybrid-access-workflow.html (when it is asked at all).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Permission,
    TableTags,
    matches,
    told_expression,
)

_ON_TABLES = frozenset(("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE"))
# Each of these lets its holder look at the table, by the reference.
_SHOWS = frozenset(("SELECT", "INSERT", "DELETE"))
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+\Z")
_IAM = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):(?:role|user)/.+\Z")


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table, as far as permissions depend on it.

    Attributes:
        account: whose catalog it lies in.
        database: its database.
        name: its name.
        columns: all of its columns, partition keys included.
        tags: its LF-tags.
    """

    account: str
    database: str
    name: str
    columns: tuple[str, ...]
    tags: TableTags = field(default_factory=TableTags)


@dataclass(frozen=True, slots=True)
class LakeFacts:
    """What is granted, as far as it may concern one table.

    Attributes:
        grants: of any principal.
        expressions: named LF-tag expressions.
        filters: cell filters.
        opt_ins: who is held to Lake Formation in hybrid access mode.
        administrators: data lake administrators, read-only ones included.
    """

    grants: tuple[Grant, ...] = ()
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    filters: tuple[CellFilter, ...] = ()
    opt_ins: frozenset[OptIn] = frozenset()
    administrators: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """One grant, and what came of it.

    Attributes:
        gives: whether it gives anything here.
        text: which grant, and why or why not.
        permissions: what it gives.
        columns: the columns that its SELECT opens.
        rows: the predicate of the rows that it opens, ``""`` for all.
    """

    gives: bool
    text: str
    permissions: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """The answer.

    Attributes:
        by_iam: whether Lake Formation is not asked: IAM alone decides.
        permissions: what the principal may do with the table; SELECT stands here when it opens any column.
        columns: column → predicates of the rows that may be read of it; ``""`` among them means all rows.
        reasons: every grant that was looked at, and what came of it.
    """

    by_iam: bool
    permissions: frozenset[str]
    columns: Mapping[str, frozenset[str]]
    reasons: tuple[Reason, ...]

    @property
    def reads_all(self) -> bool:
        """Whether every column of every row may be read."""
        return self.by_iam or all("" in rows for rows in self.columns.values())


def evaluate(principal: str, table: TableFacts, lake: LakeFacts) -> Access:
    """What ``principal`` may do with the table.

    A conditional grant gives nothing here: what its condition depends on is not known before the request.
    """
    me = identities(principal, table.account)
    held = _held(me, table, lake)
    open_to_iam = [
        one
        for one in lake.grants
        if one.principal == IAM_ALLOWED and Permission.ALL in one.permissions and _covers(one, table, lake)
    ]
    if open_to_iam and not held:
        reasons = [Reason(True, f"{one}: IAM alone decides, no grant counts") for one in open_to_iam]
        every = {column: frozenset(("",)) for column in table.columns}
        return Access(True, _ON_TABLES, every, tuple(reasons))
    if not held:
        me = me | {IAM_ALLOWED}  # without Super the group is one more holder of what it was granted
    reasons = [_judge(grant, table, lake) for grant in lake.grants if grant.principal in me]
    if me & lake.administrators:
        reasons.append(
            Reason(True, "data lake administrator: DESCRIBE on everything", frozenset(("DESCRIBE",)))
        )
    permissions = frozenset().union(*(one.permissions for one in reasons))
    columns = {
        column: frozenset(one.rows for one in reasons if column in one.columns) for column in table.columns
    }
    return Access(False, permissions, columns, tuple(reasons))


def may_create_tables(
    principal: str, account: str, database: str, tags: Mapping[str, str], lake: LakeFacts
) -> bool:
    """Whether ``principal`` may make tables in a database that has these LF-tags.

    Hybrid access mode is of tables; a database that IAMAllowedPrincipals holds is open to everybody.
    """
    me = identities(principal, account) | {IAM_ALLOWED}
    for grant in lake.grants:
        on = grant.resource
        if grant.principal not in me or grant.condition:
            continue
        here = on.kind is Kind.DATABASE and on.database == database
        if on.kind is Kind.DATABASES_WITH:
            here = matches(lake.expressions.get(on.name, ()) if on.name else on.expression, tags)
        if here and {Permission.ALL, Permission.CREATE_TABLE} & grant.permissions:
            return True
        if on.kind is Kind.CATALOG and Permission.SUPER_USER in grant.permissions:
            return True
    return False


def given_locations(principal: str, account: str, lake: LakeFacts) -> Iterator[str]:
    """ARNs of the locations at which ``principal`` may make tables."""
    me = identities(principal, account)
    for grant in lake.grants:
        if grant.principal in me and grant.resource.kind is Kind.LOCATION and not grant.condition:
            yield grant.resource.name


def identities(principal: str, account: str) -> frozenset[str]:
    """Names under which a principal may hold grants: its own, its role's, and all IAM principals'."""
    names = {principal}
    if assumed := _ASSUMED.match(principal):
        principal = f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['role']}"
        names.add(principal)
    found = _IAM.match(principal)
    if found and found["account"] == account:
        names.add(f"{account}:IAMPrincipals")
    return frozenset(names)


def _held(me: Collection[str], table: TableFacts, lake: LakeFacts) -> bool:
    """Whether the principal opted in, for this table, to Lake Formation's permissions."""
    for one in lake.opt_ins:
        of = one.resource
        is_table = of.kind is Kind.TABLE and (of.database, of.name) == (table.database, table.name)
        is_all = of.kind is Kind.ALL_TABLES and of.database == table.database
        if one.principal in me and (is_table or is_all or of.kind is Kind.CATALOG):
            return True
    return False


def _covers(grant: Grant, table: TableFacts, lake: LakeFacts) -> bool:
    return bool(_judge(grant, table, lake).permissions)


def _judge(grant: Grant, table: TableFacts, lake: LakeFacts) -> Reason:
    on, what = grant.resource, str(grant)
    here = (on.database, on.name) == (table.database, table.name)
    if grant.condition:
        return Reason(False, f"{what}: conditional; not counted")
    if on.kind is Kind.CATALOG and Permission.SUPER_USER in grant.permissions:
        return _gives(what, _ON_TABLES, table.columns)
    if (on.kind is Kind.TABLE and here) or (on.kind is Kind.ALL_TABLES and on.database == table.database):
        return _gives(what, _expanded(grant.permissions), table.columns)
    if on.kind is Kind.COLUMNS and here:
        return _gives(what, grant.permissions, [one for one in table.columns if one in on.values])
    if on.kind is Kind.OTHER_COLUMNS and here:
        return _gives(what, grant.permissions, [one for one in table.columns if one not in on.values])
    if on.kind is Kind.CELLS and here:
        for each in lake.filters:
            if (each.database, each.table, each.name) == (on.database, on.name, on.part):
                shown = [one for one in table.columns if each.shows(one)]
                return _gives(what, grant.permissions - {"DROP"}, shown, each.rows)
        return Reason(False, f"{what}: the filter is not known")
    if on.kind is Kind.TABLES_WITH:
        return _by_tags(grant, table, lake)
    return Reason(False, f"{what}: another resource")


def _by_tags(grant: Grant, table: TableFacts, lake: LakeFacts) -> Reason:
    on, what = grant.resource, str(grant)
    expression = lake.expressions.get(on.name, ()) if on.name else on.expression
    if not expression:
        return Reason(False, f"{what}: the expression is not known")
    permissions = _expanded(grant.permissions)
    matching = [one for one in table.columns if matches(expression, table.tags.of_column(one))]
    of_table = matches(expression, table.tags.of_table)
    if of_table and len(matching) == len(table.columns):
        return _gives(f"{what}: the tags match", permissions, table.columns)
    if of_table or matching:
        # https://docs.aws.amazon.com/lake-formation/latest/dg/TBAC-notes.html: of a part of the columns
        # nothing is given that needs all of them, but DESCRIBE in its place.
        why = "the tags match" if of_table else f"the table {_why_not(expression, table.tags.of_table)}"
        text = f"{what}: {why}; of the columns match {', '.join(matching) or 'none'}"
        return _gives(text, (permissions & {"SELECT"}) | {"DESCRIBE"}, matching)
    return Reason(False, f"{what}: the table {_why_not(expression, table.tags.of_table)}")


def _gives(text: str, permissions: Iterable[str], columns: Iterable[str], rows: str = "") -> Reason:
    given = frozenset(map(str, permissions)) & _ON_TABLES
    opened = tuple(columns) if "SELECT" in given else ()
    if not opened:
        given -= {"SELECT"}
    if given & _SHOWS:
        given |= {"DESCRIBE"}
    return Reason(bool(given), text, given, opened, rows if opened else "")


def _expanded(permissions: frozenset[str]) -> frozenset[str]:
    return _ON_TABLES if Permission.ALL in permissions else permissions


def _why_not(expression: Expression, tags: Mapping[str, str]) -> str:
    failing = [(key, values) for key, values in expression if not matches(((key, values),), tags)]
    found = ", ".join(f"{key}={tags[key]}" if key in tags else f"no {key}" for key, _ in failing)
    return f"has {found}, not {told_expression(tuple(failing))}"
