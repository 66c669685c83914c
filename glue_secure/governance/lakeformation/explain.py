"""Explain a principal's permissions on a table of an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from glue_secure.core.errors import UsageError
from glue_secure.core.service import NotFound
from glue_secure.governance.lakeformation.access import (
    Access,
    LakeFacts,
    Reason,
    TableFacts,
    evaluate,
    identities,
)
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Resource,
)
from glue_secure.governance.lakeformation.settings import Settings


class AccountState(Protocol):
    """What an explanation needs of an account. Account and Snapshot have it."""

    @property
    def id(self) -> str:
        """The account id."""

    def settings(self) -> Settings:
        """Return the settings."""

    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """Yield the named LF-Tag expressions."""

    def filters(self) -> Iterator[CellFilter]:
        """Yield the data cell filters."""

    def grants(self, nested: Iterable[Resource] = ()) -> Iterator[Grant]:
        """Yield the grants."""

    def opt_ins(self) -> Iterator[OptIn]:
        """Yield the opt-ins."""

    def table(self, database: str, name: str, catalog: str = "") -> TableFacts:
        """Return a table."""

    def tables(self) -> Iterator[TableFacts]:
        """Yield the tables and resource links of the default catalog."""


@dataclass(frozen=True, slots=True)
class AccessExplanation:
    """A principal's access to a table.

    Attributes:
        principal: the principal.
        table: the table.
        columns: the requested columns: one, or all.
        access: permissions and reasons.
    """

    principal: str
    table: TableFacts
    columns: tuple[str, ...]
    access: Access


def explain(
    account: AccountState, principal: str, name: str, groups: frozenset[str] = frozenset(), catalog: str = ""
) -> AccessExplanation:
    """Return the permissions of ``principal`` on ``DATABASE.TABLE[.COLUMN]``, and the reasons.

    Args:
        account: the account.
        principal: ARN of a role, a session of a role, an IAM user, or a SAML or IAM Identity Center user.
        name: the table or column.
        groups: ARNs of the principal's SAML or IAM Identity Center groups.
        catalog: id of the table's nested catalog, ``ACCOUNT:NAME`` or ``NAME``.

    Raises:
        UsageError: the table or column does not exist.
        ServiceError: the account cannot be read.
    """
    parts = name.lower().split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError("TABLE", found=repr(name), required="DATABASE.TABLE or DATABASE.TABLE.COLUMN")
    if catalog and not catalog.startswith(f"{account.id}:"):
        catalog = f"{account.id}:{catalog}"
    link = table_of(account, ".".join(parts[:2]), catalog)
    table = target_of(account, link)
    columns = tuple(parts[2:]) or table.columns
    for column in columns:
        if column not in table.columns:
            raise UsageError("COLUMN", found=column, required=", ".join(table.columns))
    access = evaluate_link(principal, link, table, facts_of(account, principal, groups, link, table))
    return AccessExplanation(principal, table, columns, access)


def evaluate_link(principal: str, link: TableFacts, table: TableFacts, facts: LakeFacts) -> Access:
    """Return the access to a table through a resource link, or by its own name if ``link`` is the table.

    A resource link is visible with a permission on the link. Its data needs permissions on the table as well.
    https://docs.aws.amazon.com/lake-formation/latest/dg/resource-links-about.html
    """
    access = evaluate(principal, table, facts)
    if link is table or evaluate(principal, link, facts).permissions:
        return access
    text = f"no permission on the resource link {link.database}.{link.name}"
    return Access(False, frozenset(), dict.fromkeys(table.columns, frozenset()), (Reason(False, text),))


def target_of(account: AccountState, table: TableFacts) -> TableFacts:
    """Return the table that a resource link points to; a table itself.

    Raises:
        UsageError: the link points to a table of another account, whose grants are not in this account, or to
            a table that does not exist.
        ServiceError: the account cannot be read.
    """
    if table.target is None:
        return table
    owner, database, name = table.target
    if owner != account.id:
        raise UsageError(
            "TABLE",
            found=f"{table.database}.{table.name}, a resource link to {database}.{name} of account {owner}",
            required="a table of this account, whose Lake Formation has its grants",
            fix=f"run the command in account {owner}, for {database}.{name}",
        )
    return table_of(account, f"{database}.{name}")


def table_of(account: AccountState, name: str, catalog: str = "") -> TableFacts:
    """Read the table ``DATABASE.TABLE`` of the account, or of one of its nested catalogs.

    Raises:
        UsageError: the table does not exist.
        ServiceError: the account cannot be read.
    """
    database, _, table = name.lower().partition(".")
    if not database or not table or "." in table:
        raise UsageError("TABLE", found=repr(name), required="DATABASE.TABLE")
    try:
        return account.table(database, table, catalog)
    except NotFound as error:
        raise UsageError("TABLE", found=str(error), required="a table of the Data Catalog") from None


def facts_of(
    account: AccountState, principal: str, groups: frozenset[str] = frozenset(), *tables: TableFacts
) -> LakeFacts:
    """Read the grants that can apply to a principal, in one pass over the account.

    Args:
        account: the account.
        principal: the principal.
        groups: the principal's groups.
        tables: tables of nested catalogs whose grants are read too.

    Raises:
        ServiceError: the account cannot be read.
    """
    names = identities(principal, account.id, groups).including(IAM_ALLOWED)
    settings = account.settings()
    return LakeFacts(
        grants=tuple(grant for grant in account.grants(_nested(tables)) if grant.principal in names),
        expressions=dict(account.expressions()),
        filters=tuple(account.filters()),
        opt_ins=frozenset(opt_in for opt_in in account.opt_ins() if opt_in.principal in names),
        administrators=frozenset((*settings.administrators, *settings.readers)),
        groups=groups,
    )


def _nested(tables: Iterable[TableFacts]) -> Iterator[Resource]:
    """Yield the resources of nested catalogs whose grants apply to the tables."""
    for table in tables:
        if not table.catalog:
            continue
        names = table.catalog.split("/")
        for length in range(1, len(names) + 1):
            yield Resource(Kind.NESTED_CATALOG, catalog="/".join(names[:length]))
        yield Resource(Kind.ALL_TABLES, table.database, catalog=table.catalog)
        yield Resource(Kind.TABLE, table.database, table.name, catalog=table.catalog)
