"""States of Lake Formation as text, and a model of access that is written from AWS's pages alone.

``State.parse`` reads a state of ``tests/vectors/lake_formation/access.toml``; ``State.load`` puts it into the
in-memory service. ``NaiveModel`` asks every grant about every permission and column. It shares no code with
``glue_secure.governance.lakeformation``, and works on the shapes of the API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.testing.lake_formation import FakeLakeFormation

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999999999999"
IAM_GROUP = "IAM_ALLOWED_PRINCIPALS"
ALL_OF_A_TABLE = frozenset(("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE"))
TABLES = {
    ("sales", "customers"): (("id", "region", "email", "name"), ("day",)),
    ("sales", "orders"): (("id", "amount"), ("day",)),
    ("hr", "people"): (("id", "salary"), ()),
}
# Resource links, and the tables that they point to.
LINKS = {("hr", "customers"): ("sales", "customers")}


@dataclass(frozen=True)
class Given:
    """A grant: principal, the API's resource, permissions, grantable ones, and a condition."""

    principal: str
    resource: Mapping[str, Any]
    permissions: frozenset[str]
    grantable: frozenset[str] = frozenset()
    condition: str = ""

    @classmethod
    def parse(cls, text: str) -> Given:
        match = re.fullmatch(
            r"(?P<permissions>[A-Z_*, ]+) on (?P<on>.+?) to (?P<to>.+?)(?: when (?P<when>.+))?", text
        )
        names = [name.strip() for name in match["permissions"].split(",")]
        return cls(
            principal_of(match["to"]),
            resource_of(match["on"]),
            frozenset(name.rstrip("*") for name in names),
            frozenset(name.rstrip("*") for name in names if name.endswith("*")),
            match["when"] or "",
        )


@dataclass(frozen=True)
class State:
    """A state: the members of a TOML table, as shapes of the API."""

    grants: tuple[Given, ...] = ()
    tags: Mapping[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)
    expressions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    filters: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    opt_ins: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    administrators: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    database_locations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> State:
        tags: dict[tuple[str, str, str], dict[str, str]] = {}
        for text in table.get("tags", ()):
            pair, _, place = text.partition(" on ")
            key, _, value = pair.partition("=")
            parts = place.split(" ", 1)[1].split(".")
            location = (*parts, "", "")[:3]
            tags.setdefault(location, {})[key] = value
        return cls(
            grants=tuple(Given.parse(text) for text in table.get("grants", ())),
            tags=tags,
            expressions={name: expression_of(text) for name, text in table.get("expressions", {}).items()},
            filters=dict(filter_of(text) for text in table.get("filters", ())),
            opt_ins=tuple(
                (principal_of(text.split(": ", 1)[0]), resource_of(text.split(": ", 1)[1]))
                for text in table.get("opt_ins", ())
            ),
            administrators=tuple(map(principal_of, table.get("administrators", ()))),
            readers=tuple(map(principal_of, table.get("readers", ()))),
            locations=tuple(table.get("locations", ())),
            database_locations=table.get("database_locations", {}),
        )

    def load(self) -> FakeLakeFormation:
        """Return the in-memory service with this state."""
        lake = FakeLakeFormation(account=ACCOUNT)
        for (database, name), (columns, keys) in TABLES.items():
            lake.table(database, name, *columns, partition_keys=keys)
        for (database, name), target in LINKS.items():
            lake.link(database, name, ".".join(target))
        for database, location in self.database_locations.items():
            lake.databases[database] = {"Name": database, "LocationUri": location}
        lake.settings = {
            "DataLakeAdmins": [{"DataLakePrincipalIdentifier": name} for name in self.administrators],
            "ReadOnlyAdmins": [{"DataLakePrincipalIdentifier": name} for name in self.readers],
            "CreateDatabaseDefaultPermissions": [],
            "CreateTableDefaultPermissions": [],
        }
        for (database, table, column), pairs in self.tags.items():
            lake.tag(database, table, column, **pairs)
            for key, value in pairs.items():
                lake.tags.setdefault(key, []).append(value)
        for name, expression in self.expressions.items():
            lake.expressions[name] = tag_shapes(expression)
        lake.filters.update(self.filters)
        client = lake.client("lakeformation")
        for given in self.grants:
            names = (given.principal, given.resource)
            lake.put(*names, *given.permissions, condition=given.condition)
            lake.put(*names, *given.grantable, option=True, condition=given.condition)
        for principal, resource in self.opt_ins:
            client.create_lake_formation_opt_in(
                Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource
            )
        for location in self.locations:
            client.register_resource(ResourceArn=location_arn(location), UseServiceLinkedRole=True)
        return lake


class NaiveModel:
    """What AWS's pages say about one state, asked by grant, permission and column."""

    def __init__(self, state: State) -> None:
        self.state = state

    def access(
        self, who: str, groups: frozenset[str], database: str, table: str
    ) -> tuple[bool, frozenset[str], dict[str, frozenset[str]]]:
        """Return whether IAM decides alone, the permissions on the table, and row filters by column."""
        columns, keys = TABLES[LINKS.get((database, table), (database, table))]
        if (database, table) in LINKS:
            _, on_link, _ = self.access_to(who, groups, database, table, ((), ()))
            if not on_link:
                return False, frozenset(), {column: frozenset() for column in (*columns, *keys)}
            database, table = LINKS[database, table]
        return self.access_to(who, groups, database, table, (columns, keys))

    def access_to(
        self,
        who: str,
        groups: frozenset[str],
        database: str,
        table: str,
        shape: tuple[tuple[str, ...], tuple[str, ...]],
    ) -> tuple[bool, frozenset[str], dict[str, frozenset[str]]]:
        """Return the access to a table, or to a resource link itself, which has no columns."""
        columns, keys = shape
        every = (*columns, *keys)
        me = self.names(who) | groups
        opted_in = any(
            self.same(principal, me) and self.opens(resource, database, table)
            for principal, resource in self.state.opt_ins
        )
        if not opted_in and any(
            given.principal == IAM_GROUP
            and not given.condition
            and "ALL" in given.permissions
            and any(self.gives(given, permission, database, table) for permission in ALL_OF_A_TABLE)
            for given in self.state.grants
        ):
            return True, ALL_OF_A_TABLE, {column: frozenset(("",)) for column in every}
        mine = [
            given
            for given in self.state.grants
            if not given.condition
            and (self.same(given.principal, me) or (given.principal == IAM_GROUP and not opted_in))
        ]
        permissions = {
            permission
            for permission in ALL_OF_A_TABLE
            if any(self.gives(given, permission, database, table) for given in mine)
        }
        if any(self.same(name, me) for name in (*self.state.administrators, *self.state.readers)):
            permissions.add("DESCRIBE")
        rows = {
            column: frozenset(row for given in mine for row in self.rows(given, column, database, table))
            for column in every
        }
        return False, frozenset(permissions), rows

    def may_create_tables(self, who: str, database: str) -> bool:
        """CREATE_TABLE or Super on the database, by name or by its LF-Tags."""
        me = self.names(who)
        for given in self.state.grants:
            if not {"CREATE_TABLE", "ALL"} & given.permissions or given.condition:
                continue
            ((kind, inner),) = given.resource.items()
            on_database = kind == "Database" and inner["Name"] == database
            by_tags = kind == "LFTagPolicy" and inner["ResourceType"] == "DATABASE"
            if by_tags:
                on_database = self.satisfied(inner, self.state.tags.get((database, "", ""), {}))
            if on_database and (self.same(given.principal, me) or given.principal == IAM_GROUP):
                return True
        return False

    def may_use_location(self, who: str, database: str, location: str) -> bool:
        """The three cases of "Create table use case" in the permissions reference."""
        me = self.names(who)
        if not any(below(location, registered) for registered in self.state.locations):
            return True
        if any(self.same(name, me) for name in self.state.administrators):
            return True
        own = self.state.database_locations.get(database, "")
        if (
            own
            and below(location, own)
            and any(below(own, registered) for registered in self.state.locations)
        ):
            return True
        return any(
            "DataLocation" in given.resource
            and self.same(given.principal, me)
            and below(location_arn(location), given.resource["DataLocation"]["ResourceArn"])
            for given in self.state.grants
        )

    def gives(self, given: Given, permission: str, database: str, table: str) -> bool:
        """Whether a grant gives a permission on the table."""
        names = ALL_OF_A_TABLE if "ALL" in given.permissions else given.permissions
        scope = self.scope(given.resource, database, table)
        if scope == "nothing":
            return False
        if scope == "whole":
            return permission in names or (permission == "DESCRIBE" and bool(names & ALL_OF_A_TABLE))
        # Some columns or rows: SELECT, and to see them.
        readable = any(
            list(self.rows(given, column, database, table))
            for column in sum(TABLES.get((database, table), ((), ())), ())
        )
        if permission == "SELECT":
            return readable
        return permission == "DESCRIBE" and (readable or scope == "columns by tags")

    def rows(self, given: Given, column: str, database: str, table: str) -> Iterator[str]:
        """Yield the row filter with which a grant shows a column; ``""`` for all rows."""
        names = ALL_OF_A_TABLE if "ALL" in given.permissions else given.permissions
        columns, keys = TABLES.get((database, table), ((), ()))
        scope = self.scope(given.resource, database, table)
        ((_, inner),) = given.resource.items()
        if scope == "whole" and names & {"SELECT", "INSERT", "DELETE"}:
            yield ""
        if scope in ("nothing", "whole") or "SELECT" not in names:
            return
        if scope == "columns by tags":
            if self.satisfied(inner, self.tags(database, table, column)):
                yield ""
            return
        row = ""
        if scope == "cells":
            shape = self.state.filters.get((database, table, inner["Name"]))
            if shape is None:
                return
            row, inner = shape["RowFilter"].get("FilterExpression", ""), shape
        # A list whose columns no longer exist shows none. AWS's pages do not mention this.
        listed = set(inner.get("ColumnNames") or {*columns, *keys}) & {*columns, *keys}
        listed -= set((inner.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ())
        # "You cannot restrict access control on columns that are partition keys."
        if column in listed or (column in keys and listed):
            yield row

    def scope(self, resource: Mapping[str, Any], database: str, table: str) -> str:
        """How much of the table a resource is."""
        ((kind, inner),) = resource.items()
        if kind == "Table" and inner["DatabaseName"] == database:
            return "whole" if "TableWildcard" in inner or inner.get("Name") == table else "nothing"
        if kind == "TableWithColumns" and (inner["DatabaseName"], inner["Name"]) == (database, table):
            return "columns"
        if kind == "DataCellsFilter" and (inner["DatabaseName"], inner["TableName"]) == (database, table):
            return "cells"
        if kind == "LFTagPolicy" and inner["ResourceType"] == "TABLE":
            columns = sum(TABLES.get((database, table), ((), ())), ())
            matching = [
                self.satisfied(inner, self.tags(database, table, column)) for column in ("", *columns)
            ]
            return "whole" if all(matching) else "columns by tags" if any(matching) else "nothing"
        return "nothing"

    def satisfied(self, policy: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
        """All keys of the expression, each by one of its values."""
        if "ExpressionName" in policy:
            expression = self.state.expressions.get(policy["ExpressionName"], {})
        else:
            expression = {pair["TagKey"]: pair["TagValues"] for pair in policy["Expression"]}
        if not expression:
            return False
        for key, values in expression.items():
            if not any(tags.get(key) == value or (value == "*" and key in tags) for value in values):
                return False
        return True

    def tags(self, database: str, table: str, column: str) -> dict[str, str]:
        """Inherited LF-Tags, replaced level by level."""
        effective: dict[str, str] = {}
        for level in ((database, "", ""), (database, table, ""), (database, table, column)):
            effective.update(self.state.tags.get(level, {}))
        return effective

    def opens(self, resource: Mapping[str, Any], database: str, table: str) -> bool:
        """Whether an opt-in is for the table."""
        return resource == {"Catalog": {}} or (
            "Table" in resource and self.scope(resource, database, table) == "whole"
        )

    def names(self, who: str) -> frozenset[str]:
        """The grantees that include a principal: itself, and all IAM principals of its account."""
        is_iam = re.match(rf"arn:aws:(?:iam::{ACCOUNT}:(?:role|user)/|sts::{ACCOUNT}:assumed-role/)", who)
        return frozenset((who, f"{ACCOUNT}:IAMPrincipals")) if is_iam else frozenset((who,))

    def same(self, grantee: str, me: frozenset[str]) -> bool:
        """Whether a grantee is the principal, or the role of its session, whatever the role's path."""
        for name in me:
            session = re.match(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/", name)
            if session and re.fullmatch(
                rf"arn:aws:iam::{session[1]}:role/(?:.*/)?{re.escape(session[2])}", grantee
            ):
                return True
        return grantee in me


def below(place: str, parent: str) -> bool:
    """Whether a location is equal to or below another, by whole path segments."""
    inner, outer = (text.rstrip("/").split("/") for text in (place, parent))
    return inner[: len(outer)] == outer


def principal_of(text: str) -> str:
    """Return the API's principal: ``role/x``, ``session x``, ``saml-user/ann``, ``everyone`` and so on."""
    account, _, name = text.partition(":") if re.match(r"\d{12}:", text) else (ACCOUNT, "", text)
    kind, _, rest = name.partition("/")
    fixed = {
        "IAMAllowedPrincipals": IAM_GROUP,
        "everyone": f"{ACCOUNT}:IAMPrincipals",
        "everyone of 999999999999": f"{OTHER_ACCOUNT}:IAMPrincipals",
        "account 999999999999": OTHER_ACCOUNT,
        "organization": f"arn:aws:organizations::{ACCOUNT}:organization/o-abcdefghijkl",
        "organizational-unit": f"arn:aws:organizations::{ACCOUNT}:ou/o-abcdefghijkl/ou-ab00-cdefghij",
    }
    if text in fixed:
        return fixed[text]
    if name.startswith("session "):
        return f"arn:aws:sts::{account}:assumed-role/{name.removeprefix('session ')}/run-1"
    if kind in ("role", "user"):
        return f"arn:aws:iam::{account}:{name}"
    if kind in ("saml-user", "saml-group"):
        return f"arn:aws:iam::{account}:saml-provider/idp:{kind.removeprefix('saml-')}/{rest}"
    if kind in ("idc-user", "idc-group"):
        return f"arn:aws:identitystore:::{kind.removeprefix('idc-')}/{rest}"
    raise ValueError(text)


def resource_of(text: str) -> dict[str, Any]:
    """Return the API's resource: ``table sales.orders``, ``columns sales.orders (id)`` and so on."""
    kind, _, rest = text.partition(" ")
    if text == "catalog":
        return {"Catalog": {}}
    if kind == "catalog":
        return {"Catalog": {"Id": f"{ACCOUNT}:{rest}"}}
    if kind == "database":
        return {"Database": {"Name": rest}}
    if kind == "location":
        return {"DataLocation": {"ResourceArn": location_arn(rest)}}
    if kind in ("tables", "databases") and " " in rest:
        resource_type = {"tables": "TABLE", "databases": "DATABASE"}[kind]
        how, _, what = rest.partition(" ")
        body = (
            {"ExpressionName": what} if how == "matching" else {"Expression": tag_shapes(expression_of(what))}
        )
        return {"LFTagPolicy": {"ResourceType": resource_type, **body}}
    if kind == "tables":
        return {"Table": {"DatabaseName": rest.removesuffix(".*"), "TableWildcard": {}}}
    database, _, name = rest.partition(".")
    if kind == "table":
        return {"Table": {"DatabaseName": database, "Name": name}}
    if kind == "cells":
        table, _, part = name.partition("/")
        return {
            "DataCellsFilter": {
                "TableCatalogId": ACCOUNT,
                "DatabaseName": database,
                "TableName": table,
                "Name": part,
            }
        }
    match = re.fullmatch(r"(\w+) (except )?\((.*)\)", name)
    listed = re.split(r",\s*", match[3])
    columns = {"ColumnWildcard": {"ExcludedColumnNames": listed}} if match[2] else {"ColumnNames": listed}
    return {"TableWithColumns": {"DatabaseName": database, "Name": match[1], **columns}}


def filter_of(text: str) -> tuple[tuple[str, str, str], dict[str, Any]]:
    """Return key and ``DataCellsFilter`` of ``NAME of TABLE: columns id, name; rows EXPRESSION``."""
    match = re.fullmatch(r"(\S+) of (\w+)\.(\w+): (columns|except) (.+?); rows (.+)", text)
    name, database, table, how, listed, rows = match.groups()
    columns = re.split(r",\s*", listed)
    shape: dict[str, Any] = {
        "TableCatalogId": ACCOUNT,
        "DatabaseName": database,
        "TableName": table,
        "Name": name,
    }
    shape["RowFilter"] = {"AllRowsWildcard": {}} if rows == "*" else {"FilterExpression": rows}
    if how == "except":
        shape["ColumnWildcard"] = {"ExcludedColumnNames": columns}
    elif columns == ["*"]:
        shape["ColumnWildcard"] = {}
    else:
        shape["ColumnNames"] = columns
    return (database, table, name), shape


def expression_of(text: str) -> dict[str, tuple[str, ...]]:
    """Return keys and values of ``classification=public|internal, pii=false``."""
    pairs = (pair.split("=") for pair in re.split(r",\s*", text))
    return {key: tuple(values.split("|")) for key, values in pairs}


def tag_shapes(expression: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return the API's list of ``LFTag``."""
    return [{"TagKey": key, "TagValues": list(values)} for key, values in expression.items()]


def location_arn(location: str) -> str:
    """Return the ARN of an ``s3://`` location."""
    return "arn:aws:s3:::" + location.removeprefix("s3://").rstrip("/")
