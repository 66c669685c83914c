"""Who may do what with a table, asked of an account."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.errors import UsageError
from glue_secure.core.service import NotFound
from glue_secure.governance.lakeformation.access import Access, LakeFacts, TableFacts, evaluate, identities
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.model import IAM_ALLOWED


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer to one question.

    Attributes:
        principal: who.
        table: what.
        columns: the columns that were asked about: the one, or all.
        access: what it may do, and why.
    """

    principal: str
    table: TableFacts
    columns: tuple[str, ...]
    access: Access


def explain(account: Account, principal: str, what: str) -> Explained:
    """Read the account and tell what ``principal`` may do with ``DATABASE.TABLE[.COLUMN]``, and why.

    Raises:
        UsageError: there is no such table or column.
        ServiceError: the account cannot be read.
    """
    parts = what.lower().split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise UsageError("TABLE", found=repr(what), required="DATABASE.TABLE or DATABASE.TABLE.COLUMN")
    table = table_of(account, ".".join(parts[:2]))
    columns = tuple(parts[2:]) or table.columns
    for column in columns:
        if column not in table.columns:
            raise UsageError("COLUMN", found=column, required=", ".join(table.columns))
    return Explained(principal, table, columns, evaluate(principal, table, facts_of(account, principal)))


def table_of(account: Account, name: str) -> TableFacts:
    """``DATABASE.TABLE``, as the account has it. Raises UsageError, ServiceError."""
    database, _, table = name.lower().partition(".")
    if not database or not table or "." in table:
        raise UsageError("TABLE", found=repr(name), required="DATABASE.TABLE")
    try:
        return account.table(database, table)
    except NotFound as error:
        raise UsageError("TABLE", found=str(error), required="a table of the Data Catalog") from None


def facts_of(account: Account, principal: str) -> LakeFacts:
    """What is granted that may concern a principal: one pass over the account. Raises ServiceError."""
    me = identities(principal, account.id) | {IAM_ALLOWED}
    settings = account.settings()
    return LakeFacts(
        grants=tuple(one for one in account.grants() if one.principal in me),
        expressions=dict(account.expressions()),
        filters=tuple(account.filters()),
        opt_ins=frozenset(one for one in account.opt_ins() if one.principal in me),
        administrators=frozenset((*settings.administrators, *settings.readers)),
    )
