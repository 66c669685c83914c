"""Who may do what with a table, asked of an account."""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.errors import UsageError
from glue_secure.core.lake.access import Access, LakeFacts, TableFacts, evaluate, identities
from glue_secure.core.lake.model import IAM_ALLOWED
from glue_secure.core.service import NotFound
from glue_secure.governance.lake.account import Account


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
    try:
        table = account.table(parts[0], parts[1])
    except NotFound as error:
        raise UsageError("TABLE", found=str(error), required="a table of the Data Catalog") from None
    columns = tuple(parts[2:]) or table.columns
    for column in columns:
        if column not in table.columns:
            raise UsageError("COLUMN", found=column, required=", ".join(table.columns))
    me = identities(principal, account.id) | {IAM_ALLOWED}
    settings = account.settings()
    facts = LakeFacts(
        grants=tuple(one for one in account.grants() if one.principal in me),
        expressions=dict(account.expressions()),
        filters=tuple(
            one for one in account.filters() if (one.database, one.table) == (table.database, table.name)
        ),
        opt_ins=frozenset(one for one in account.opt_ins() if one.principal in me),
        administrators=frozenset((*settings.administrators, *settings.readers)),
    )
    return Explained(principal, table, columns, evaluate(principal, table, facts))
