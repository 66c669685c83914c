"""An account as a permissions file: what ``import`` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.desired import Pair
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    Expression,
    Grant,
    Kind,
    OptIn,
    Permission,
    Resource,
)


def export(account: Account) -> str:
    """The file, as TOML; planned against the same account it asks for nothing.

    What the form has no words for (grants on shared resources, on kinds unknown here) and the permissions of
    IAMAllowedPrincipals stand in it as comments.

    Raises:
        ServiceError: the account cannot be read.
    """
    text = "\n".join(_lines(account)) + "\n"
    parse(
        text, "what was read from the account"
    )  # a name that the form refuses shows here, not at the next plan
    return text


def _lines(account: Account) -> Iterator[str]:
    yield from ("schema = 1", f"account = {_toml(account.id)}", "")
    tags = dict(account.tags())
    yield from ("[lf_tags]", *(f"{_toml(key)} = {_toml(values)}" for key, values in sorted(tags.items())), "")
    yield "[expressions]"
    yield from (
        f"{_toml(name)} = {_inline(expression)}" for name, expression in sorted(account.expressions())
    )
    for place in sorted(account.locations(), key=lambda one: one.arn):
        yield from _entry("locations", arn=place.arn, role=place.role, hybrid=place.hybrid)
    assigned: dict[Resource, dict[str, str]] = {}
    for one in account.assigned(tags):
        if not one.same:
            assigned.setdefault(one.resource, {})[one.key] = one.value
    for resource, pairs in sorted(assigned.items()):
        members = {name: value for name, value in _target(resource).items() if name != "tags"}
        yield from _entry("assign", **members, tags=pairs)
    for cells in sorted(account.filters()):
        yield from _entry(
            "filters",
            name=cells.name,
            database=cells.database,
            table=cells.table,
            rows=cells.rows,
            columns=cells.columns,
            **{"except": cells.excluded},
        )
    merged, left = _merged(account.grants())
    for grant in merged:
        words = (
            [Permission.ALL.value] if Permission.ALL.value in grant.permissions else sorted(grant.permissions)
        )
        option = (
            [Permission.ALL.value] if Permission.ALL.value in grant.grantable else sorted(grant.grantable)
        )
        yield from _entry(
            "grants",
            principal=grant.principal,
            **_target(grant.resource),
            permissions=words,
            grantable=option,
            condition=grant.condition,
        )
    for opt_in in sorted(account.opt_ins()):
        if opt_in.resource.kind in (Kind.CATALOG, Kind.DATABASE, Kind.TABLE, Kind.ALL_TABLES):
            yield from _entry("opt_ins", principal=opt_in.principal, **_target(opt_in.resource))
        else:
            left.append(opt_in)
    if left:
        yield from ("", "# Not managed by this file:", *(f"# {_one_line(str(one))}" for one in left))


def _merged(grants: Iterator[Grant]) -> tuple[list[Grant], list[Grant | OptIn]]:
    """One grant for each pair, and those that the form has no words for."""
    found: dict[Pair, Grant] = {}
    left: list[Grant | OptIn] = []
    for one in grants:
        if one.principal == IAM_ALLOWED or one.resource.kind is Kind.OTHER:
            left.append(one)
            continue
        held = found.get(one.pair)
        found[one.pair] = Grant(
            one.principal,
            one.resource,
            one.permissions | (held.permissions if held else frozenset()),
            one.grantable | (held.grantable if held else frozenset()),
            one.condition,
        )
    return [found[pair] for pair in sorted(found)], left


def _target(of: Resource) -> dict[str, Any]:
    """The members that name a resource."""
    if of.kind is Kind.CATALOG:
        return {"catalog": True}
    if of.kind is Kind.LOCATION:
        return {"location": of.name}
    if of.kind is Kind.TAG:
        return {"lf_tag": of.name, "values": of.values}
    if of.kind is Kind.EXPRESSION:
        return {"expression": of.name}
    if of.kind in (Kind.DATABASES_WITH, Kind.TABLES_WITH):
        word = "databases" if of.kind is Kind.DATABASES_WITH else "tables"
        return {f"{word}_matching": of.name} if of.name else {f"{word}_with": of.expression}
    members: dict[str, Any] = {"database": of.database}
    if of.kind is not Kind.DATABASE:
        members["table"] = "*" if of.kind is Kind.ALL_TABLES else of.name
    if of.kind is Kind.COLUMNS:
        members["columns"] = of.values
    if of.kind is Kind.OTHER_COLUMNS:
        members["except"] = of.values
    if of.kind is Kind.CELLS:
        members["filter"] = of.part
    return members


def _entry(kind: str, /, **members: Any) -> Iterator[str]:
    yield from ("", f"[[{kind}]]")
    for name, value in members.items():
        if value in ("", False, (), []):
            continue
        if name.endswith("_with"):
            yield f"{name} = {_inline(value)}"
        elif isinstance(value, dict):
            pairs = ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in sorted(value.items()))
            yield f"{name} = {{ {pairs} }}"
        else:
            yield f"{name} = {_toml(value)}"


def _inline(expression: Expression) -> str:
    return "{ " + ", ".join(f"{_toml(key)} = {_toml(values)}" for key, values in expression) + " }"


def _toml(value: str | bool | Sequence[str]) -> str:
    """A value as TOML, whose basic strings are JSON's but for one sign."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
