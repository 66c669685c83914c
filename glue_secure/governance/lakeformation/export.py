"""Export an account's permissions as a permissions file (``glue-secure lakeformation import``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from glue_secure.core.redaction import escape_unprintable
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
from glue_secure.governance.lakeformation.reference import ALLOWED, SOME_COLUMNS, table_of_grant
from glue_secure.governance.lakeformation.settings import Form, Setting, Settings

_OPT_INS = (Kind.CATALOG, Kind.NESTED_CATALOG, Kind.DATABASE, Kind.TABLE, Kind.ALL_TABLES)


def export(account: Account) -> str:
    """Return the permissions file as TOML. A plan of this file for the same account has no steps.

    Permissions that the file cannot express (on shared resources and unknown kinds of resources), and the
    permissions of IAMAllowedPrincipals, are written as comments.

    Raises:
        ServiceError: the account cannot be read.
        UsageError: the account contains a name that the file format does not accept.
    """
    text = "\n".join(_lines(account)) + "\n"
    parse(text, "the exported permissions")
    return text


def _lines(account: Account) -> Iterator[str]:
    yield from ("schema = 1", f"account = {_toml(account.id)}", "")
    yield from _settings(account.settings())
    tags = dict(account.tags())
    yield from ("[lf_tags]", *(f"{_toml(key)} = {_toml(values)}" for key, values in sorted(tags.items())), "")
    yield "[expressions]"
    yield from (
        f"{_toml(name)} = {_inline(expression)}" for name, expression in sorted(account.expressions())
    )
    for location in sorted(account.locations(), key=lambda location: location.arn):
        yield from _entry("locations", arn=location.arn, role=location.role, hybrid=location.hybrid)
    assigned: dict[Resource, dict[str, str]] = {}
    for tag in account.assigned(tags):
        if not tag.may_be_inherited:
            assigned.setdefault(tag.resource, {})[tag.key] = tag.value
    for resource, pairs in sorted(assigned.items()):
        if resource.catalog or resource.kind is Kind.OTHER:
            tags_text = ", ".join(f"{key}={value}" for key, value in sorted(pairs.items()))
            yield f"# Not managed by this file: {escape_unprintable(f'{tags_text} on {resource}')}"
            continue
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
    merged, not_managed = _merged(account.grants())
    for grant in merged:
        yield from _entry(
            "grants",
            principal=grant.principal,
            **_target(grant.resource),
            permissions=_permissions(grant.permissions),
            grantable=_permissions(grant.grantable),
            condition=grant.condition,
        )
    for opt_in in sorted(account.opt_ins()):
        if opt_in.resource.kind in _OPT_INS:
            yield from _entry(
                "opt_ins",
                principal=opt_in.principal,
                **_target(opt_in.resource),
                condition=opt_in.condition,
            )
        else:
            not_managed.append(opt_in)
    if not_managed:
        comments = (f"# {escape_unprintable(str(entry))}" for entry in not_managed)
        yield from ("", "# Not managed by this file:", *comments)


def _settings(settings: Settings) -> Iterator[str]:
    yield "[settings]"
    if not (settings.open_databases or settings.open_tables):
        yield "close_defaults = true"
    for setting, values in settings.values.items():
        if setting.form in (Form.TRUTH, Form.PARAMETER_TRUTH):
            yield f"{setting.member} = {_toml(bool(values))}"
        elif setting.form is Form.PARAMETER:
            yield from (f"{setting.member} = {_toml(value)}" for value in values)
        elif values or setting is not Setting.ADMINISTRATORS:
            # The service lists a deleted role or user by its unique id; no request accepts it.
            comment = "" if all(map(setting.accepts, values)) else "# Not managed by this file: "
            yield f"{comment}{setting.member} = {escape_unprintable(_toml(values))}"
    yield ""


def _permissions(names: frozenset[str]) -> list[str]:
    """Return the permissions for the file, in which ALL cannot be combined with others."""
    return [Permission.ALL.value] if Permission.ALL.value in names else sorted(names)


def _merged(grants: Iterator[Grant]) -> tuple[list[Grant], list[Grant | OptIn]]:
    """Return one grant for each pair, and the grants that the file cannot express."""
    merged: dict[Pair, Grant] = {}
    not_managed: list[Grant | OptIn] = []
    for grant in grants:
        is_known = grant.resource.kind in ALLOWED and grant.permissions <= ALLOWED[grant.resource.kind]
        if grant.principal == IAM_ALLOWED or not is_known:
            not_managed.append(grant)
            continue
        previous = merged.get(grant.pair)
        merged[grant.pair] = Grant(
            grant.principal,
            grant.resource,
            grant.permissions | (previous.permissions if previous else frozenset()),
            grant.grantable | (previous.grantable if previous else frozenset()),
            grant.condition,
        )
    whole_tables = {
        table_of_grant(grant) for grant in merged.values() if grant.resource.kind is Kind.TABLE
    } - {None}
    for pair, grant in list(merged.items()):
        if grant.resource.kind in SOME_COLUMNS and table_of_grant(grant) in whole_tables:
            not_managed.append(merged.pop(pair))  # has no effect, and a file cannot contain both
    return [merged[pair] for pair in sorted(merged)], not_managed


def _target(resource: Resource) -> dict[str, Any]:
    """Return the members of an entry that name a resource."""
    if resource.kind is Kind.CATALOG:
        return {"catalog": True}
    if resource.kind is Kind.NESTED_CATALOG:
        return {"catalog": resource.catalog}
    if resource.kind is Kind.LOCATION:
        return {"location": resource.name}
    if resource.kind is Kind.TAG:
        return {"lf_tag": resource.name, "values": resource.values}
    if resource.kind is Kind.EXPRESSION:
        return {"expression": resource.name}
    if resource.kind in (Kind.DATABASES_WITH, Kind.TABLES_WITH):
        prefix = "databases" if resource.kind is Kind.DATABASES_WITH else "tables"
        if resource.name:
            return {f"{prefix}_matching": resource.name}
        return {f"{prefix}_with": resource.expression}
    members: dict[str, Any] = {"catalog": resource.catalog, "database": resource.database}
    if resource.kind in (Kind.FUNCTION, Kind.ALL_FUNCTIONS):
        return {**members, "function": resource.name or "*"}
    if resource.kind is not Kind.DATABASE:
        members["table"] = "*" if resource.kind is Kind.ALL_TABLES else resource.name
    if resource.kind is Kind.COLUMNS:
        members["columns"] = resource.values
    if resource.kind is Kind.OTHER_COLUMNS:
        members["except"] = resource.values
    if resource.kind is Kind.CELLS:
        members["filter"] = resource.part
    return members


def _entry(kind: str, /, **members: Any) -> Iterator[str]:
    yield from ("", f"[[{kind}]]")
    for name, value in members.items():
        if value in ("", False, (), []):
            continue
        if name.endswith("_with"):
            yield f"{name} = {_inline(value)}"
        elif isinstance(value, dict):
            pairs = ", ".join(f"{_toml(key)} = {_toml(text)}" for key, text in sorted(value.items()))
            yield f"{name} = {{ {pairs} }}"
        else:
            yield f"{name} = {_toml(value)}"


def _inline(expression: Expression) -> str:
    return "{ " + ", ".join(f"{_toml(key)} = {_toml(values)}" for key, values in expression) + " }"


def _toml(value: str | bool | Sequence[str]) -> str:
    """Return a value as TOML. Basic strings are JSON strings, except for one character."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
