"""Explain the access of many principals to many tables, with one pass over the account or a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glue_secure.core.errors import UsageError, unread
from glue_secure.governance.lakeformation.access import Access, LakeFacts, TableFacts, identities
from glue_secure.governance.lakeformation.explain import AccountState, evaluate_link
from glue_secure.governance.lakeformation.model import IAM_ALLOWED, Grant, is_like

TableKey = tuple[str, str, str]
"""Nested catalog, database and name of a table. A name ``""`` stands for all tables of the database."""


@dataclass(frozen=True, slots=True)
class Member:
    """A principal and its groups.

    Attributes:
        principal: its ARN.
        groups: ARNs of its SAML or IAM Identity Center groups.
    """

    principal: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A principal's access to a table.

    Attributes:
        member: the principal.
        table: the table or resource link.
        access: the access; None for a resource link whose target is not in the account.
    """

    member: Member
    table: TableFacts
    access: Access | None


def read_members(path: Path) -> list[Member]:
    """Read principals: one a line, followed by the ARNs of its groups. ``#`` begins a comment.

    Raises:
        UsageError: the file cannot be read or names no principal.
    """
    members = [Member(words[0], frozenset(words[1:])) for words in map(str.split, _lines(path))]
    return list(dict.fromkeys(members))


def read_tables(path: Path, tables: Sequence[TableFacts]) -> list[TableFacts]:
    """Return the tables that a file names: ``DATABASE.TABLE`` a line, in which ``*`` stands for any text.

    Raises:
        UsageError: the file cannot be read, or a line matches no table.
    """
    chosen: dict[TableKey, TableFacts] = {}
    for pattern in _lines(path):
        fitting = [table for table in tables if is_like(f"{table.database}.{table.name}", pattern.lower())]
        if not fitting:
            raise UsageError(str(path), found=pattern, required="DATABASE.TABLE, or DATABASE.*, that exists")
        chosen |= {(table.catalog, table.database, table.name): table for table in fitting}
    return list(chosen.values())


def explain_all(
    state: AccountState, members: Iterable[Member], tables: Iterable[TableFacts], every: Iterable[TableFacts]
) -> Iterator[BatchRow]:
    """Yield the access of each principal to each table.

    Args:
        state: the account or a snapshot.
        members: the principals.
        tables: the tables.
        every: all tables of the account, for the targets of resource links.

    Raises:
        ServiceError: the account cannot be read.
    """
    tables = list(tables)
    by_name = {(table.account, table.database, table.name): table for table in every}
    grants, settings = list(state.grants()), state.settings()
    lake = LakeFacts(
        expressions=dict(state.expressions()),
        filters=tuple(state.filters()),
        opt_ins=frozenset(state.opt_ins()),
        administrators=frozenset((*settings.administrators, *settings.readers)),
    )
    for member in members:
        names = identities(member.principal, state.id, member.groups).including(IAM_ALLOWED)
        index = _GrantIndex(grant for grant in grants if grant.principal in names)
        facts = replace(
            lake,
            groups=member.groups,
            opt_ins=frozenset(opt_in for opt_in in lake.opt_ins if opt_in.principal in names),
        )
        for table in tables:
            target = by_name.get(table.target) if table.target else table
            if target is None:
                yield BatchRow(member, table, None)
                continue
            relevant = replace(facts, grants=index.of(table, target))
            yield BatchRow(member, table, evaluate_link(member.principal, table, target, relevant))


class _GrantIndex:
    """Grants by the table that they apply to, so that the cost of a table does not depend on all grants."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_table: dict[TableKey, list[Grant]] = {}
        self._others: list[Grant] = []
        for grant in grants:
            resource = grant.resource
            if resource.database:
                key = (resource.catalog, resource.database, resource.name)
                self._by_table.setdefault(key, []).append(grant)
            else:
                self._others.append(grant)

    def of(self, *tables: TableFacts) -> tuple[Grant, ...]:
        """Return the grants that can apply to tables, each once."""
        keys = dict.fromkeys(
            (table.catalog, table.database, name) for table in tables for name in (table.name, "")
        )
        return (*(grant for key in keys for grant in self._by_table.get(key, ())), *self._others)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), found=unread(error), required="a readable list") from None
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    if not any(lines):
        raise UsageError(str(path), found="no entry", required="one entry a line")
    return [line for line in lines if line]
