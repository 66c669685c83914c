"""Explain a principal's permissions on a table of an account."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.errors import UsageError
from glue_secure.core.service import NotFound
from glue_secure.governance.lakeformation.access import Access, LakeFacts, TableFacts, evaluate, identities
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.model import IAM_ALLOWED


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
    account: Account, principal: str, name: str, groups: frozenset[str] = frozenset()
) -> AccessExplanation:
    """Return the permissions of ``principal`` on ``DATABASE.TABLE[.COLUMN]``, and the reasons.

    Args:
        account: the account.
        principal: ARN of a role, a session of a role, an IAM user, or a SAML or IAM Identity Center user.
        name: the table or column.
        groups: ARNs of the principal's SAML or IAM Identity Center groups.

    Raises:
        UsageError: the table or column does not exist.
        ServiceError: the account cannot be read.
    """
    parts = name.lower().split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError("TABLE", found=repr(name), required="DATABASE.TABLE or DATABASE.TABLE.COLUMN")
    table = table_of(account, ".".join(parts[:2]))
    columns = tuple(parts[2:]) or table.columns
    for column in columns:
        if column not in table.columns:
            raise UsageError("COLUMN", found=column, required=", ".join(table.columns))
    return AccessExplanation(
        principal, table, columns, evaluate(principal, table, facts_of(account, principal, groups))
    )


def table_of(account: Account, name: str) -> TableFacts:
    """Read the table ``DATABASE.TABLE`` of the account.

    Raises:
        UsageError: the table does not exist.
        ServiceError: the account cannot be read.
    """
    database, _, table = name.lower().partition(".")
    if not database or not table or "." in table:
        raise UsageError("TABLE", found=repr(name), required="DATABASE.TABLE")
    try:
        return account.table(database, table)
    except NotFound as error:
        raise UsageError("TABLE", found=str(error), required="a table of the Data Catalog") from None


def facts_of(account: Account, principal: str, groups: frozenset[str] = frozenset()) -> LakeFacts:
    """Read the grants that can apply to a principal, in one pass over the account.

    Raises:
        ServiceError: the account cannot be read.
    """
    names = identities(principal, account.id, groups).including(IAM_ALLOWED)
    settings = account.settings()
    return LakeFacts(
        grants=tuple(grant for grant in account.grants() if grant.principal in names),
        expressions=dict(account.expressions()),
        filters=tuple(account.filters()),
        opt_ins=frozenset(opt_in for opt_in in account.opt_ins() if opt_in.principal in names),
        administrators=frozenset((*settings.administrators, *settings.readers)),
        groups=groups,
    )
