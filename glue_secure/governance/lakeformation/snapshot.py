"""The state of an account that access depends on, as a file, to explain access without the account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.core.json_documents import parse_json
from glue_secure.governance.lakeformation.access import TableFacts
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.model import (
    CellFilter,
    Expression,
    Grant,
    OptIn,
    Resource,
    TableTags,
    expression_from_api,
    expression_to_api,
)
from glue_secure.governance.lakeformation.settings import Setting, Settings

SCHEMA = "glue-secure/lakeformation-snapshot/1"
_MEMBERS = {
    "schema", "account", "taken", "administrators", "read_only_administrators", "expressions", "filters",
    "grants", "opt_ins", "tables",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of an account's default catalog at a time. It has the methods of Account that explain needs.

    Attributes:
        id: the account id.
        taken: the time, ISO 8601, UTC.
        administrators: data lake administrators.
        readers: read-only administrators.
        expression_items: named LF-Tag expressions.
        filter_items: data cell filters.
        grant_items: grants.
        opt_in_items: opt-ins.
        table_items: tables and resource links, by database and name.
    """

    id: str
    taken: str
    administrators: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    expression_items: Mapping[str, Expression] = field(default_factory=dict, repr=False)
    filter_items: tuple[CellFilter, ...] = field(default=(), repr=False)
    grant_items: tuple[Grant, ...] = field(default=(), repr=False)
    opt_in_items: tuple[OptIn, ...] = field(default=(), repr=False)
    table_items: Mapping[tuple[str, str], TableFacts] = field(default_factory=dict, repr=False)

    def settings(self) -> Settings:
        """Return the administrators, as settings."""
        return Settings({Setting.ADMINISTRATORS: self.administrators, Setting.READERS: self.readers})

    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """Yield the named LF-Tag expressions."""
        return iter(self.expression_items.items())

    def filters(self) -> Iterator[CellFilter]:
        """Yield the data cell filters."""
        return iter(self.filter_items)

    def grants(self, nested: Iterable[Resource] = ()) -> Iterator[Grant]:  # noqa: ARG002 - as in Account
        """Yield the grants. Those of nested catalogs are as a listing of the account has them."""
        return iter(self.grant_items)

    def opt_ins(self) -> Iterator[OptIn]:
        """Yield the opt-ins."""
        return iter(self.opt_in_items)

    def tables(self) -> Iterator[TableFacts]:
        """Yield the tables and resource links."""
        return iter(self.table_items.values())

    def table(self, database: str, name: str, catalog: str = "") -> TableFacts:
        """Return a table.

        Raises:
            UsageError: the snapshot does not contain the table, or it is in a nested catalog.
        """
        found = self.table_items.get((database, name))
        if found is None or catalog:
            raise UsageError(
                "TABLE",
                found=f"{catalog and catalog + '/'}{database}.{name}",
                required=f"a table of the snapshot of {self.taken}, which has the default catalog only",
            )
        return found


def take(account: Account, now: datetime) -> dict[str, Any]:
    """Read the account, and return the snapshot as a JSON document.

    Args:
        account: the account.
        now: the time, UTC.

    Raises:
        ServiceError: the account cannot be read.
    """
    settings = account.settings()
    return {
        "schema": SCHEMA,
        "account": account.id,
        "taken": now.isoformat(timespec="seconds"),
        "administrators": list(settings.administrators),
        "read_only_administrators": list(settings.readers),
        "expressions": {name: expression_to_api(body) for name, body in account.expressions()},
        "filters": [cells.to_api(account.id) for cells in account.filters()],
        "grants": [grant.to_api() for grant in account.grants()],
        "opt_ins": [opt_in.to_api() for opt_in in account.opt_ins()],
        "tables": [_table_to_json(table) for table in account.tables()],
    }


def write(document: Mapping[str, Any], path: Path) -> None:
    """Write a snapshot to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    write_output(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def read(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        UsageError: the file is not a complete snapshot.
    """
    required = f"a file written by glue-secure lakeformation snapshot, with schema {SCHEMA}"
    try:
        document = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(str(path), found=str(error), required=required) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or set(document) != _MEMBERS:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise UsageError(str(path), found=repr(found), required=required)
    try:
        return _from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(str(path), found=f"{type(error).__name__}: {error}", required=required) from None


def _from_json(document: Mapping[str, Any]) -> Snapshot:
    account = str(document["account"])
    tables = [_table_from_json(shape, account) for shape in document["tables"]]
    return Snapshot(
        id=account,
        taken=datetime.fromisoformat(document["taken"]).isoformat(timespec="seconds"),
        administrators=tuple(map(str, document["administrators"])),
        readers=tuple(map(str, document["read_only_administrators"])),
        expression_items={
            str(name): expression_from_api(body) for name, body in document["expressions"].items()
        },
        filter_items=tuple(map(CellFilter.from_api, document["filters"])),
        grant_items=tuple(Grant.from_api(shape, account) for shape in document["grants"]),
        opt_in_items=tuple(OptIn.from_api(shape, account) for shape in document["opt_ins"]),
        table_items={(table.database, table.name): table for table in tables},
    )


def _table_to_json(table: TableFacts) -> dict[str, Any]:
    return {
        "database": table.database,
        "name": table.name,
        "columns": list(table.columns),
        "partition_keys": sorted(table.partition_keys),
        "target": None if table.target is None else list(table.target),
        "tags": {
            "database": dict(table.tags.database),
            "table": dict(table.tags.table),
            "columns": {name: dict(tags) for name, tags in table.tags.columns.items()},
        },
    }


def _table_from_json(shape: Mapping[str, Any], account: str) -> TableFacts:
    tags, target = shape["tags"], shape["target"]
    if target is not None:
        owner, database, name = target
        target = (str(owner), str(database), str(name))
    return TableFacts(
        account,
        str(shape["database"]),
        str(shape["name"]),
        tuple(map(str, shape["columns"])),
        TableTags(
            dict(tags["database"]),
            dict(tags["table"]),
            {str(name): dict(own) for name, own in tags["columns"].items()},
        ),
        frozenset(map(str, shape["partition_keys"])),
        target,
    )
