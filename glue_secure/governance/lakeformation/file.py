"""Read the permissions file (TOML or JSON). Errors name the line.

docs/lake-formation.md describes the format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path as FilePath
from typing import Any

from glue_secure.core.document_lines import Path, line_of
from glue_secure.core.documents import load_document
from glue_secure.core.errors import UsageError, unread
from glue_secure.core.identifiers import S3Uri
from glue_secure.governance.lakeformation.desired import Deleted, Deletion, DesiredState, Location, Pair
from glue_secure.governance.lakeformation.lint import ACCEPTABLE
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Permission,
    Resource,
    RowAttachment,
    RowPolicy,
    expression_of,
)
from glue_secure.governance.lakeformation.reference import (
    ALLOWED,
    IN_NESTED_CATALOGS,
    MOST_BYTES,
    MOST_FILTERS,
    MOST_TAGS,
    MOST_VALUES,
    NOT_FOR_OTHER_ACCOUNTS,
    NOT_MANAGED,
    NOT_PRINCIPALS,
    SOME_COLUMNS,
    TableOfGrant,
    table_of_grant,
)
from glue_secure.governance.lakeformation.settings import (
    CROSS_ACCOUNT_VERSIONS,
    MOST_PRINCIPALS,
    TRUE,
    Form,
    Setting,
)
from glue_secure.policyfile.model import PolicyException

_TOP = (
    "schema", "account", "settings", "principals", "lf_tags", "expressions",
    "locations", "assign", "filters", "grants", "opt_ins", "delete",
    "exceptions", "row_policies", "row_attachments",
)  # fmt: skip
_TARGET = (
    "catalog", "database", "table", "columns", "except", "filter", "function", "location", "lf_tag", "values",
    "expression", "tables_with", "databases_with", "tables_matching", "databases_matching",
)  # fmt: skip
_GRANT = ("principal", "principals", "permissions", "grantable", "condition", *_TARGET)
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^\s]+\Z|\d{12}(?::IAMPrincipals)?\Z")
_CATALOG = re.compile(r"(?:\d{12}:)?[^\s:/][^\s:]*\Z")
_ACCOUNT = re.compile(r"\d{12}\Z")
_S3 = re.compile(r"arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]+(?:/.*)?\Z")
# LFTagKey and LFTagValue of the API. Lake Formation stores both in lower case:
# https://docs.aws.amazon.com/lake-formation/latest/dg/lf-tag-considerations.html
_TAG = re.compile(r"[^\W\d_A-Z]?[\w .:/=+@%*-]*\Z")
_LONGEST = {"rows": 2048, "condition": 3000}  # PredicateString and ExpressionString of the API
_NAME = re.compile(r"[^\x00-\x1f]{1,255}\Z")


def read(path: FilePath, partition: str = "aws") -> DesiredState:
    """Read a permissions file.

    Args:
        path: TOML, or JSON if the name ends with ``.json``.
        partition: of the account's ARNs, for locations that are written as ``s3://``.

    Raises:
        UsageError: the file cannot be read or is invalid. The message names file and line.
    """
    return parse(_text_of(path), str(path), as_json=path.suffix.lower() == ".json", partition=partition)


def read_for_lint(path: FilePath) -> tuple[DesiredState, dict[Path, int]]:
    """Read a permissions file and the line of each of its values. Raises UsageError, as ``read``."""
    as_json = path.suffix.lower() == ".json"
    document, lines = load_document(_text_of(path), str(path), as_json=as_json)
    return parse_document(document, str(path), lines), lines


def _text_of(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), found=unread(error), required="a readable permissions file") from None


def parse(text: str, name: str, *, as_json: bool = False, partition: str = "aws") -> DesiredState:
    """Parse the text of a permissions file.

    Args:
        text: TOML, or JSON with the same structure.
        name: name of the file in messages.
        as_json: whether the text is JSON.
        partition: of the account's ARNs.

    Raises:
        UsageError: the text is invalid. The message names the line.
    """
    document, lines = load_document(text, name, as_json=as_json)
    return parse_document(document, name, lines, partition=partition)


def parse_document(
    document: Mapping[str, Any],
    name: str,
    lines: dict[Path, int] | None = None,
    *,
    partition: str = "aws",
) -> DesiredState:
    """Convert a parsed file, for example of a saved plan. Raises UsageError."""
    return _Reader(name, lines or {}, partition).desired(document)


class _Reader:
    def __init__(self, name: str, lines: dict[Path, int], partition: str) -> None:
        self._name, self._lines, self._partition = name, lines, partition
        self._account = ""
        self._aliases: dict[str, str] = {}
        self._used: set[str] = set()
        self._tags: dict[str, tuple[str, ...]] = {}
        self._expressions: dict[str, Expression] = {}
        self._filters: dict[tuple[str, str, str], CellFilter] = {}
        self._on_tables: dict[TableOfGrant, dict[bool, Grant]] = {}

    def desired(self, document: Mapping[str, Any]) -> DesiredState:
        self._known(document, _TOP, ())
        if document.get("schema") != 1:
            raise self._wrong(("schema",), repr(document.get("schema")), "schema = 1")
        self._account = self._text(document, "account", (), optional=True, like=_ACCOUNT, form="12 digits")
        settings = self._table(document, "settings", ())
        names = ("close_to_iam", "close_defaults", *(setting.member for setting in Setting))
        self._known(settings, names, ("settings",))
        for alias, arn in self._table(document, "principals", ()).items():
            self._aliases[alias] = self._principal(arn, ("principals", alias))
        for key, values in self._table(document, "lf_tags", ()).items():
            path: Path = ("lf_tags", key)
            self._tags[self._tag_key(key, path)] = self._tag_values(values, path, wildcard=False)
            self._require_at_most(len(values), MOST_VALUES, "values of an LF-Tag", path)
        for key, tags in self._table(document, "expressions", ()).items():
            self._expressions[self._like(key, _NAME, ("expressions", key), "a name")] = self._expression(
                tags, ("expressions", key)
            )
        locations = {location.arn: location for location in self._locations(document)}
        for _, path, entry in self._entries(document, "filters"):
            self._filter(entry, path)
        grants: dict[Pair, Grant] = {}
        numbers: dict[Pair, int] = {}
        for number, path, entry in self._entries(document, "grants"):
            for grant in self._grant(entry, path):
                if grant.pair in grants:
                    raise self._wrong(
                        path,
                        f"a second grant on {grant.resource} for {grant.principal}",
                        "one grant for each resource and principal",
                    )
                grants[grant.pair], numbers[grant.pair] = grant, number
                self._require_not_excluded(grant, path)
        self._require_few_filters(grants, numbers)
        opt_ins = {
            opt_in
            for _, path, entry in self._entries(document, "opt_ins")
            for opt_in in self._opt_in(entry, path)
        }
        desired = DesiredState(
            account=self._account,
            close_to_iam=self._texts(settings, "close_to_iam", ("settings",)),
            close_defaults=self._truth(settings, "close_defaults", ("settings",)),
            settings=dict(self._settings(settings)),
            principals=frozenset(self._used),
            tags=self._tags,
            expressions=self._expressions,
            locations=locations,
            assignments=self._assignments(document),
            filters=self._filters,
            grants=grants,
            opt_ins=frozenset(opt_ins),
            row_policies=dict(self._row_policies(document)),
            row_attachments=frozenset(self._row_attachments(document)),
            exceptions=tuple(self._exceptions(document)),
            numbers=numbers,
            document=_with_texts_for_dates(document),
        )
        return replace(desired, deletions=frozenset(self._deletions(document, desired)))

    def _deletions(self, document: Mapping[str, Any], desired: DesiredState) -> Iterator[Deletion]:
        """Yield the objects to delete. The rest of the file must not use them."""
        entry = self._table(document, "delete", ())
        kinds = ("lf_tags", "expressions", "locations", "filters", "row_policies")
        self._known(entry, kinds, ("delete",))
        used = set(_used(desired))
        for deletion, path in self._deleted(entry):
            if deletion in used:
                raise self._wrong(
                    path, f"{deletion}, which the file uses", "names that the file does not use"
                )
            yield deletion

    def _row_policies(self, document: Mapping[str, Any]) -> Iterator[tuple[str, RowPolicy]]:
        seen: set[str] = set()
        for _, path, entry in self._entries(document, "row_policies"):
            self._known(entry, ("name", "columns", "rows"), path)
            name = self._text(entry, "name", path)
            if name in seen:
                raise self._wrong(path, f"row policy {name} twice", "unique names")
            seen.add(name)
            columns = self._table(entry, "columns", path)
            if not columns:
                raise self._wrong(path, "no columns", 'columns = { name = "type" }')
            kinds = {
                column: self._like(kind, _NAME, (*path, "columns", column), "the type of the column")
                for column, kind in columns.items()
            }
            rows = self._text(entry, "rows", path)
            yield name, RowPolicy(name, tuple(sorted(kinds.items())), rows)

    def _row_attachments(self, document: Mapping[str, Any]) -> Iterator[RowAttachment]:
        seen: set[RowAttachment] = set()
        names = ("policy", "principal", "principals", "database", "table", "default", "condition")
        for _, path, entry in self._entries(document, "row_attachments"):
            self._known(entry, names, path)
            default = self._truth(entry, "default", path)
            table = self._catalog_name(entry, "table", path)
            resource = Resource(Kind.TABLE, self._catalog_name(entry, "database", path), table)
            named = "principal" in entry or "principals" in entry
            if default == named:
                raise self._wrong(
                    path,
                    "default with principals" if named else "neither principals nor default",
                    "principal, principals, or default = true",
                )
            for principal in self._principals(entry, path) if named else [""]:
                attachment = RowAttachment(
                    self._text(entry, "policy", path),
                    principal,
                    resource,
                    default,
                    self._text(entry, "condition", path, optional=True),
                )
                if attachment in seen:
                    raise self._wrong(path, f"{attachment} a second time", "unique attachments")
                seen.add(attachment)
                yield attachment

    def _exceptions(self, document: Mapping[str, Any]) -> Iterator[PolicyException]:
        names = ("rule", "resource", "reason", "ticket", "owner", "expires")
        for _, path, entry in self._entries(document, "exceptions"):
            self._known(entry, names, path)
            rule, resource, reason, ticket, owner = (self._text(entry, name, path) for name in names[:-1])
            if rule not in ACCEPTABLE:
                raise self._wrong((*path, "rule"), repr(rule), f"one of {', '.join(ACCEPTABLE)}")
            if not resource.replace("*", "").strip():
                raise self._wrong((*path, "resource"), repr(resource), "a pattern that names a resource")
            if "expires" not in entry:
                raise self._wrong(path, "no expires", "expires = YYYY-MM-DD")
            expires = self._date(entry["expires"], (*path, "expires"))
            yield PolicyException(rule, resource, reason, ticket, owner, expires)

    def _date(self, value: Any, path: Path) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self._wrong(path, repr(value), "a date, YYYY-MM-DD") from None

    def _deleted(self, entry: Mapping[str, Any]) -> Iterator[tuple[Deletion, Path]]:
        for name in self._texts(entry, "lf_tags", ("delete",)):
            path: Path = ("delete", "lf_tags")
            yield Deletion(Deleted.TAG, self._tag_key(name, path)), path
        for name in self._texts(entry, "row_policies", ("delete",)):
            yield Deletion(Deleted.ROW_POLICY, name), ("delete", "row_policies")
        for name in self._texts(entry, "expressions", ("delete",)):
            yield Deletion(Deleted.EXPRESSION, name), ("delete", "expressions")
        for name in self._texts(entry, "locations", ("delete",)):
            path = ("delete", "locations")
            yield Deletion(Deleted.LOCATION, self._location(name, path)), path
        filters = entry.get("filters", [])
        if not isinstance(filters, list):
            raise self._wrong(("delete", "filters"), _kind(filters), "a list of tables")
        for index, cells in enumerate(filters):
            path = ("delete", "filters", index)
            if not isinstance(cells, dict):
                raise self._wrong(path, _kind(cells), "a table with database, table and name")
            self._known(cells, ("database", "table", "name"), path)
            database, table = (self._catalog_name(cells, name, path) for name in ("database", "table"))
            yield Deletion(Deleted.FILTER, self._text(cells, "name", path), database, table), path

    def _settings(self, entry: Mapping[str, Any]) -> Iterator[tuple[Setting, tuple[str, ...]]]:
        for setting in Setting:
            if setting.member not in entry:
                continue
            path: Path = ("settings", setting.member)
            if setting.form in (Form.TRUTH, Form.PARAMETER_TRUTH):
                yield setting, TRUE if self._truth(entry, setting.member, ("settings",)) else ()
            elif setting is Setting.CROSS_ACCOUNT_VERSION:
                version = entry[setting.member]
                if isinstance(version, bool) or str(version) not in CROSS_ACCOUNT_VERSIONS:
                    raise self._wrong(path, repr(version), f"one of {', '.join(CROSS_ACCOUNT_VERSIONS)}")
                yield setting, (str(version),)
            else:
                names = self._texts(entry, setting.member, ("settings",))
                self._require_at_most(len(names), MOST_PRINCIPALS, "entries", path)
                if setting is Setting.ADMINISTRATORS and not names:
                    raise self._wrong(path, "no administrator", "one or more administrators")
                yield setting, tuple(sorted({self._setting_value(setting, name, path) for name in names}))

    def _setting_value(self, setting: Setting, value: str, path: Path) -> str:
        is_principal = setting in (Setting.ADMINISTRATORS, Setting.READERS)
        name = self._aliases.get(value, value) if is_principal else value
        if not setting.accepts(name):
            required = "an alias of [principals], or the ARN of an IAM role or user"
            raise self._wrong(path, repr(value), required if is_principal else "account ids of 12 digits")
        return name

    def _locations(self, document: Mapping[str, Any]) -> Iterator[Location]:
        seen: set[str] = set()
        for _, path, entry in self._entries(document, "locations"):
            self._known(entry, ("arn", "role", "hybrid"), path)
            arn = self._location(self._text(entry, "arn", path), (*path, "arn"))
            if arn in seen:
                raise self._wrong(path, f"{arn} a second time", "unique locations")
            seen.add(arn)
            role = self._text(entry, "role", path, optional=True)
            yield Location(arn, role, self._truth(entry, "hybrid", path))

    def _assignments(self, document: Mapping[str, Any]) -> dict[Resource, dict[str, str]]:
        assignments: dict[Resource, dict[str, str]] = {}
        for _, path, entry in self._entries(document, "assign"):
            self._known(entry, ("database", "table", "columns", "tags"), path)
            database = self._catalog_name(entry, "database", path)
            table = self._catalog_name(entry, "table", path, optional=True)
            columns = self._texts(entry, "columns", path)
            if columns and not table:
                raise self._wrong(path, "columns without a table", "database, table and columns")
            tags = {}
            for key, value in self._table(entry, "tags", path).items():
                tag_path = (*path, "tags", key)
                tags[self._tag_key(key, tag_path)] = self._tag(value, tag_path, 256)
                self._require_tag(key, (value,), tag_path)
            self._require_at_most(len(tags), MOST_TAGS, "LF-Tags of a resource", (*path, "tags"))
            if not table:
                resources = [Resource(Kind.DATABASE, database)]
            elif not columns:
                resources = [Resource(Kind.TABLE, database, table)]
            else:
                resources = [Resource(Kind.COLUMNS, database, table, values=(name,)) for name in columns]
            for resource in resources:
                if resource in assignments:
                    raise self._wrong(path, f"{resource} a second time", "unique resources")
                assignments[resource] = tags
        return assignments

    def _filter(self, entry: Mapping[str, Any], path: Path) -> None:
        self._known(entry, ("name", "database", "table", "rows", "columns", "except"), path)
        columns, excluded = self._texts(entry, "columns", path), self._texts(entry, "except", path)
        if columns and excluded:
            raise self._wrong(path, "columns and except", "columns or except, or neither for all columns")
        rows = self._text(entry, "rows", path, optional=True)
        if not rows and not columns and not excluded:
            raise self._wrong(path, "a filter without rows, columns or except", "rows, columns or except")
        cells = CellFilter(
            self._catalog_name(entry, "database", path),
            self._catalog_name(entry, "table", path),
            self._text(entry, "name", path),
            rows,
            tuple(sorted(columns)),
            tuple(sorted(excluded)),
        )
        key = (cells.database, cells.table, cells.name)
        if key in self._filters:
            raise self._wrong(
                path, f"filter {cells.name} of {cells.database}.{cells.table} twice", "unique filters"
            )
        self._filters[key] = cells

    def _grant(self, entry: Mapping[str, Any], path: Path) -> Iterator[Grant]:
        self._known(entry, _GRANT, path)
        resource = self._resource(entry, path)
        permissions = self._permissions(entry, "permissions", path, resource)
        if not permissions:
            raise self._wrong(path, "no permissions", "permissions = [...]")
        grantable = self._permissions(entry, "grantable", path, resource)
        if not grantable <= permissions:
            raise self._wrong(
                (*path, "grantable"),
                ", ".join(sorted(grantable - permissions)),
                "a subset of permissions",
            )
        if grantable and resource.kind is Kind.OTHER_COLUMNS:
            raise self._wrong((*path, "grantable"), "grantable with except", "columns instead of except")
        condition = self._text(entry, "condition", path, optional=True)
        for principal in self._principals(entry, path):
            shared = sorted(permissions & NOT_FOR_OTHER_ACCOUNTS)
            if shared and resource.kind is Kind.DATABASE and self._is_other_account(principal):
                raise self._wrong(
                    (*path, "permissions"),
                    f"{', '.join(shared)} on a database for {principal}",
                    "permissions other than ALL and DROP for another account or an organization",
                )
            yield Grant(principal, resource, permissions, grantable, condition)

    def _require_few_filters(self, grants: Mapping[Pair, Grant], numbers: Mapping[Pair, int]) -> None:
        counts: Counter[tuple[str, str, str]] = Counter()
        for pair, grant in grants.items():
            resource = grant.resource
            if resource.kind is Kind.CELLS and Permission.SELECT in grant.permissions:
                table = (grant.principal, resource.database, resource.name)
                counts[table] += 1
                what = f"cell filters of {resource.database}.{resource.name} for {grant.principal}"
                self._require_at_most(counts[table], MOST_FILTERS, what, ("grants", numbers[pair]))

    def _require_not_excluded(self, grant: Grant, path: Path) -> None:
        table = table_of_grant(grant)
        if table is None:
            return
        kinds = self._on_tables.setdefault(table, {})
        is_partial = grant.resource.kind in SOME_COLUMNS
        other = kinds.get(not is_partial)
        if other is not None:
            raise self._wrong(
                path,
                f"{grant}, beside {other}",
                "either SELECT on some columns, or permissions on the table",
                fix="use a data cell filter ([[filters]]) instead of columns or except, "
                "or remove one of the grants; SELECT on columns includes DESCRIBE",
            )
        kinds[is_partial] = grant

    def _opt_in(self, entry: Mapping[str, Any], path: Path) -> Iterator[OptIn]:
        self._known(entry, ("principal", "principals", "catalog", "database", "table", "condition"), path)
        resource = self._resource(entry, path)
        condition = self._text(entry, "condition", path, optional=True)
        for principal in self._principals(entry, path):
            yield OptIn(principal, resource, condition)

    def _resource(self, entry: Mapping[str, Any], path: Path) -> Resource:
        """Return the resource that an entry names."""
        if not isinstance(entry.get("catalog"), str):
            return self._resource_of_default_catalog(entry, path)
        catalog = self._nested_catalog(entry["catalog"], (*path, "catalog"))
        if not any(name in entry for name in _TARGET if name != "catalog"):
            return Resource(Kind.NESTED_CATALOG, catalog=catalog)
        inner = {name: value for name, value in entry.items() if name != "catalog"}
        resource = self._resource_of_default_catalog(inner, path)
        if resource.kind not in IN_NESTED_CATALOGS:
            raise self._wrong(
                (*path, "catalog"),
                f"{resource.kind.value} with catalog",
                "catalog with database, and table, columns, except or function; data cell filters and "
                "LF-Tags of nested catalogs are not managed by this file",
            )
        return replace(resource, catalog=catalog)

    def _nested_catalog(self, text: str, path: Path) -> str:
        """Return the id of a nested catalog, with the account."""
        name = self._like(text, _CATALOG, path, "ACCOUNT:NAME, as ACCOUNT:s3tablescatalog/BUCKET, or NAME")
        if name[:12].isdigit() and name[12:13] == ":":
            if self._account not in ("", name[:12]):
                raise self._wrong(path, repr(text), f"a catalog of account {self._account}")
            return name
        if not self._account:
            raise self._wrong(path, repr(text), "ACCOUNT:NAME, or account = ... at the top of the file")
        return f"{self._account}:{name}"

    def _resource_of_default_catalog(self, entry: Mapping[str, Any], path: Path) -> Resource:
        members = {name for name in _TARGET if name in entry}
        database = self._catalog_name(entry, "database", path, optional=True)
        table = self._text(entry, "table", path, optional=True)
        if table not in ("", "*"):
            table = self._catalog_name(entry, "table", path)
        if members == {"catalog"} and self._truth(entry, "catalog", path):
            return Resource(Kind.CATALOG)
        if members == {"database"}:
            return Resource(Kind.DATABASE, database)
        if members == {"database", "table"}:
            return (
                Resource(Kind.ALL_TABLES, database) if table == "*" else Resource(Kind.TABLE, database, table)
            )
        if members in ({"database", "table", "columns"}, {"database", "table", "except"}) and table != "*":
            member, kind = (
                ("columns", Kind.COLUMNS) if "columns" in members else ("except", Kind.OTHER_COLUMNS)
            )
            columns = tuple(sorted(set(self._texts(entry, member, path))))
            if not columns:
                raise self._wrong((*path, member), "no column", "one or more columns")
            return Resource(kind, database, table, values=columns)
        if members == {"database", "table", "filter"} and table != "*":
            name = self._text(entry, "filter", path)
            return Resource(Kind.CELLS, database, table, name)
        if members == {"database", "function"}:
            name = self._text(entry, "function", path)
            if name == "*":
                return Resource(Kind.ALL_FUNCTIONS, database)
            return Resource(Kind.FUNCTION, database, name)
        if members == {"location"}:
            arn = self._location(self._text(entry, "location", path), (*path, "location"))
            return Resource(Kind.LOCATION, name=arn)
        if members == {"lf_tag", "values"}:
            key = self._tag_key(self._text(entry, "lf_tag", path), (*path, "lf_tag"))
            values = self._tag_values(entry["values"], (*path, "values"))
            self._require_tag(key, values, (*path, "values"))
            return Resource(Kind.TAG, name=key, values=tuple(sorted(values)))
        if members == {"expression"}:
            return Resource(Kind.EXPRESSION, name=self._text(entry, "expression", path))
        for prefix, kind in (("tables", Kind.TABLES_WITH), ("databases", Kind.DATABASES_WITH)):
            if members == {f"{prefix}_with"}:
                expression_path = (*path, f"{prefix}_with")
                expression = self._expression(entry[f"{prefix}_with"], expression_path)
                size = sum(len(word.encode()) for key, values in expression for word in (key, *values))
                self._require_at_most(size, MOST_BYTES, "bytes of keys and values", expression_path)
                return Resource(kind, expression=expression)
            if members == {f"{prefix}_matching"}:
                return Resource(kind, name=self._text(entry, f"{prefix}_matching", path))
        raise self._wrong(
            path,
            ", ".join(sorted(members)) or "no resource",
            "one of: catalog = true; catalog = 'ACCOUNT:NAME'; database; database and table (or '*'); "
            "database, table, and one of columns, except and filter; database and function (or '*'); "
            "location; lf_tag and values; expression; tables_with; databases_with; tables_matching; "
            "databases_matching",
        )

    def _permissions(
        self, entry: Mapping[str, Any], name: str, path: Path, resource: Resource
    ) -> frozenset[str]:
        names, member_path = self._texts(entry, name, path), (*path, name)
        allowed = {permission.value for permission in ALLOWED[resource.kind]}
        choices = ", ".join(sorted(allowed))
        for permission in names:
            if permission not in {known.value for known in Permission}:
                raise self._wrong(member_path, repr(permission), choices)
            if permission not in allowed:
                found = f"{permission} on {resource}"
                raise self._wrong(member_path, found, f"{choices} on {resource.kind.value}")
        if Permission.ALL.value in names and len(set(names)) > 1:
            raise self._wrong(member_path, "ALL and others", "ALL alone, which includes every permission")
        return frozenset(names)

    def _expression(self, tags: Any, path: Path) -> Expression:
        if not isinstance(tags, dict) or not tags:
            raise self._wrong(path, _kind(tags), "a table of LF-Tag keys and their values that is not empty")
        expression = {}
        for key, values in tags.items():
            key_path = (*path, key)
            expression[self._tag_key(key, key_path)] = self._tag_values(values, key_path)
            self._require_tag(key, expression[key], key_path)
        return expression_of(expression)

    def _require_tag(self, key: str, values: tuple[str, ...], path: Path) -> None:
        """Reject values that are missing in the file's declaration of the key."""
        if key not in self._tags:
            return
        declared = self._tags[key]
        undeclared = [value for value in values if value != "*" and value not in declared]
        if undeclared:
            required = f"one of {', '.join(declared)}, as declared in lf_tags.{key}"
            raise self._wrong(path, f"{key}={undeclared[0]}", required)

    def _principals(self, entry: Mapping[str, Any], path: Path) -> list[str]:
        if ("principal" in entry) == ("principals" in entry):
            raise self._wrong(
                path,
                "principal and principals" if "principal" in entry else "no principal",
                "principal or principals",
            )
        if "principal" in entry:
            return [self._principal(entry["principal"], (*path, "principal"))]
        names = self._texts(entry, "principals", path)
        if not names or len(set(names)) != len(names):
            raise self._wrong((*path, "principals"), "an empty list or a duplicate", "unique principals")
        return [self._principal(name, (*path, "principals")) for name in names]

    def _principal(self, value: Any, path: Path) -> str:
        name = self._aliases.get(value, value) if isinstance(value, str) else value
        if name == IAM_ALLOWED:
            raise self._wrong(
                path,
                name,
                "an IAM principal",
                fix="use settings.close_to_iam to revoke this group's permissions",
            )
        if not isinstance(name, str) or not _PRINCIPAL.match(name):
            raise self._wrong(
                path, repr(value), "a name of [principals], an ARN, an account or ACCOUNT:IAMPrincipals"
            )
        unsupported = NOT_PRINCIPALS.match(name)
        if unsupported:
            raise self._wrong(
                path, repr(name), "a role, a user, a SAML or IAM Identity Center identity, or an account"
            )
        self._used.add(name)
        return name

    def _is_other_account(self, principal: str) -> bool:
        is_account = _ACCOUNT.match(principal) is not None and principal != self._account
        return is_account or ":organizations:" in principal

    def _require_at_most(self, count: int, most: int, what: str, path: Path) -> None:
        if count > most:
            raise self._wrong(path, f"{count} {what}", f"at most {most}")

    def _location(self, text: str, path: Path) -> str:
        if text.startswith("s3://"):
            try:
                location = S3Uri.parse(text)
            except UsageError as error:
                raise self._wrong(path, error.found, error.required) from None
            return f"arn:{self._partition}:s3:::{location.bucket}" + (
                f"/{location.key.rstrip('/')}" if location.key else ""
            )
        return self._like(text, _S3, path, "s3://BUCKET/PREFIX or arn:aws:s3:::BUCKET/PREFIX").rstrip("/")

    def _tag_key(self, value: Any, path: Path) -> str:
        key = self._tag(value, path, 128)
        if "*" in key:
            raise self._wrong(path, repr(key), "a key without *")
        return key

    def _tag(self, value: Any, path: Path, limit: int) -> str:
        if (
            isinstance(value, str)
            and 0 < len(value) <= limit
            and value == value.lower()
            and _TAG.match(value)
        ):
            return value
        required = f"1 to {limit} lower-case letters, digits, spaces or _ . : / = + - @ %"
        raise self._wrong(path, repr(value), required)

    def _tag_values(self, values: Any, path: Path, *, wildcard: bool = True) -> tuple[str, ...]:
        if not isinstance(values, list) or not values or len(set(map(str, values))) != len(values):
            raise self._wrong(path, _kind(values), "a list of unique values")
        tag_values = tuple(self._tag(value, path, 256) for value in values)
        if "*" in tag_values and (not wildcard or len(tag_values) > 1):
            raise self._wrong(path, "*", "* alone, which matches every value" if wildcard else "values")
        return tag_values

    def _catalog_name(
        self, entry: Mapping[str, Any], name: str, path: Path, *, optional: bool = False
    ) -> str:
        text = self._text(entry, name, path, optional=optional)
        if text != text.lower():
            required = f"{text.lower()!r}, because the Data Catalog stores names in lower case"
            raise self._wrong((*path, name), repr(text), required)
        return text

    def _entries(
        self, document: Mapping[str, Any], name: str
    ) -> Iterator[tuple[int, Path, Mapping[str, Any]]]:
        entries = document.get(name, [])
        if not isinstance(entries, list):
            raise self._wrong((name,), _kind(entries), f"[[{name}]] tables")
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise self._wrong((name, index), _kind(entry), "a table")
            yield index, (name, index), entry

    def _table(self, entry: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
        value = entry.get(name, {})
        if not isinstance(value, dict):
            raise self._wrong((*path, name), _kind(value), "a table")
        return value

    def _text(
        self,
        entry: Mapping[str, Any],
        name: str,
        path: Path,
        *,
        optional: bool = False,
        like: re.Pattern[str] = _NAME,
        form: str = "a text of 1 to 255 characters",
    ) -> str:
        if optional and name not in entry:
            return ""
        if name not in entry:
            raise self._wrong(path, f"no {name}", f"{name} = ...")
        if name in _LONGEST:
            like = re.compile(rf"(?s).{{1,{_LONGEST[name]}}}\Z")
            form = f"a text of 1 to {_LONGEST[name]} characters"
        return self._like(entry[name], like, (*path, name), form)

    def _texts(self, entry: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
        values = entry.get(name, [])
        if not isinstance(values, list):
            raise self._wrong((*path, name), _kind(values), "a list")
        texts = tuple(self._like(value, _NAME, (*path, name), "texts") for value in values)
        if len(set(texts)) != len(texts):
            raise self._wrong((*path, name), "a duplicate", "unique values")
        if name in ("columns", "except") and any(text != text.lower() for text in texts):
            raise self._wrong(
                (*path, name), ", ".join(texts), "names in lower case, as the Data Catalog stores them"
            )
        return texts

    def _truth(self, entry: Mapping[str, Any], name: str, path: Path) -> bool:
        value = entry.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong((*path, name), repr(value), "true or false")
        return value

    def _like(self, value: Any, form: re.Pattern[str], path: Path, required: str) -> str:
        if isinstance(value, str) and form.match(value):
            return value
        raise self._wrong(path, repr(value), required)

    def _known(self, entry: Mapping[str, Any], names: tuple[str, ...], path: Path) -> None:
        for name in entry:
            if name not in names and name in NOT_MANAGED:
                raise self._wrong((*path, name), repr(name), NOT_MANAGED[name])
            if name not in names:
                raise self._wrong((*path, name), repr(name), f"one of {', '.join(names)}")

    def _wrong(self, path: Path, found: str, required: str, *, fix: str = "") -> UsageError:
        member = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        line = f":{line_of(path, self._lines)}" if self._lines else ""
        return UsageError(f"{self._name}{line} {member}".rstrip(), found=found, required=required, fix=fix)


def _with_texts_for_dates(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with dates as texts, because JSON has no dates."""
    exceptions = [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in entry.items()}
        for entry in document.get("exceptions", ())
    ]
    return {**document, "exceptions": exceptions} if exceptions else dict(document)


def _used(desired: DesiredState) -> Iterator[Deletion]:
    """Yield the objects that the file declares or uses."""
    yield from (Deletion(Deleted.TAG, key) for key in desired.tags)
    yield from (Deletion(Deleted.EXPRESSION, name) for name in desired.expressions)
    yield from (Deletion(Deleted.LOCATION, arn) for arn in desired.locations)
    yield from (Deletion(Deleted.FILTER, name, *table) for *table, name in desired.filters)
    yield from (Deletion(Deleted.ROW_POLICY, name) for name in desired.row_policies)
    yield from (Deletion(Deleted.ROW_POLICY, attachment.policy) for attachment in desired.row_attachments)
    for expression in desired.expressions.values():
        yield from Deletion.of_expression(expression)
    for tags in desired.assignments.values():
        yield from (Deletion(Deleted.TAG, key) for key in tags)
    for grant in desired.grants.values():
        yield from Deletion.of_resource(grant.resource)


def _kind(value: Any) -> str:
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
