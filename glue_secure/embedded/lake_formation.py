"""Lake Formation in memory: the operations that glue-secure and its users need, over a given Data Catalog.

The embedded account serves it over HTTPS, because moto's Lake Formation lacks LF-Tag expressions, data cell
filters, opt-ins and searches by LF-Tags, and lists permissions differently from AWS.
``glue_secure.testing.lake_formation`` puts the same service behind boto3 clients.
https://docs.aws.amazon.com/lake-formation/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_ENTRIES = 20
"""Maximum number of entries of a batch request."""
_ON_TABLES = frozenset(("ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"))
_IAM = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
_SERVICE_LINKED_ROLE = (
    "role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess"
)

OPERATIONS = (
    "AddLFTagsToResource",
    "AttachRLSPolicy",
    "BatchGrantPermissions",
    "BatchRevokePermissions",
    "CreateDataCellsFilter",
    "CreateLFTag",
    "CreateLFTagExpression",
    "CreateRLSPolicy",
    "CreateLakeFormationOptIn",
    "DeleteDataCellsFilter",
    "DeleteLFTag",
    "DeleteLFTagExpression",
    "DeleteLakeFormationOptIn",
    "DeleteRLSPolicy",
    "DeregisterResource",
    "DescribeResource",
    "DetachRLSPolicy",
    "GetDataCellsFilter",
    "GetDataLakeSettings",
    "GetLFTag",
    "GetLFTagExpression",
    "GetResourceLFTags",
    "GrantPermissions",
    "ListDataCellsFilter",
    "ListLFTagExpressions",
    "ListLFTags",
    "ListLakeFormationOptIns",
    "ListPermissions",
    "ListRLSPolicies",
    "ListRLSPolicyAttachments",
    "ListResources",
    "PutDataLakeSettings",
    "RegisterResource",
    "RemoveLFTagsFromResource",
    "RevokePermissions",
    "SearchDatabasesByLFTags",
    "SearchTablesByLFTags",
    "UpdateDataCellsFilter",
    "UpdateLFTag",
    "UpdateLFTagExpression",
    "UpdateRLSPolicy",
    "UpdateResource",
)
"""The operations of the service. Others do not exist here."""


class LakeFormationError(Exception):
    """An error response.

    Attributes:
        code: the service's error code.
        message: the service's error message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


@dataclass(slots=True)
class LakeFormationService:
    """Lake Formation in one account. Callers serialize their calls.

    Attributes:
        account: account id.
        databases: the names of the Data Catalog's databases, as keys.
        tables: (database, table) → all columns, including partition keys.
        tags: LF-Tag key → values.
        assigned: (database, table or ``""``, column or ``""``) → key → value.
        expressions: name → expression.
        filters: (database, table, name) → ``DataCellsFilter``.
        resources: ARN → ``ResourceInfo``.
        permissions: (principal, resource as JSON, condition) → permissions and grantable permissions.
        opt_ins: (principal, resource as JSON), and the condition if there is one.
        settings: ``DataLakeSettings``. A new account has no administrators, and gives IAMAllowedPrincipals
            Super on new databases and tables.
        row_policies: name → ``RLSPolicy``.
        row_attachments: ``RLSPolicyAttachment`` as JSON, sorted.
        by_table: the keys of permissions by table, for grants that others exclude.
        implicit: permissions that are listed but were not granted, such as those of a table's creator.
        lists_nested: whether a listing of the account contains permissions on nested catalogs.
        page: maximum number of entries of a page.
        failing: returns the error code of a batch entry, ``""`` if the entry succeeds.
    """

    account: str = "123456789012"
    databases: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    assigned: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    expressions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    filters: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[tuple[str, str, str], tuple[set[str], set[str]]] = field(default_factory=dict)
    opt_ins: set[tuple[str, ...]] = field(default_factory=set)
    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "DataLakeAdmins": [],
            "CreateDatabaseDefaultPermissions": list(_IAM),
            "CreateTableDefaultPermissions": list(_IAM),
        }
    )
    row_policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    row_attachments: list[str] = field(default_factory=list)
    by_table: dict[tuple[str, ...], set[tuple[str, str, str]]] = field(default_factory=dict)
    implicit: set[tuple[str, str, str]] = field(default_factory=set)
    lists_nested: bool = True
    page: int = 1000
    failing: Callable[[Mapping[str, Any]], str] = lambda _entry: ""

    def handle(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response to a request. As in AWS, empty lists are omitted.

        Raises:
            LakeFormationError: the service's error response.
        """
        response = getattr(self, f"_{operation}")(parameters)
        return {name: value for name, value in response.items() if value != []}

    def put(
        self,
        principal: str,
        resource: Mapping[str, Any],
        *names: str,
        option: bool = False,
        condition: str = "",
    ) -> None:
        """Grant permissions, as another user and without any check. ``option`` makes them grantable."""
        key = (principal, _key(resource), condition)
        permissions, grantable = self.permissions.setdefault(key, (set(), set()))
        permissions.update(names)
        if option:
            grantable.update(names)

    def database_created(self, name: str) -> None:
        """Give a new database the default permissions of the settings."""
        self._put_defaults(
            {"Database": {"Name": name}}, self.settings.get("CreateDatabaseDefaultPermissions")
        )

    def table_created(self, database: str, name: str, defaults: Iterable[Mapping[str, Any]] | None) -> None:
        """Give a new table the default permissions of its database."""
        self._put_defaults({"Table": {"DatabaseName": database, "Name": name}}, defaults)

    def deleted(self, database: str, table: str = "") -> None:
        """Remove the permissions, LF-Tags, cell filters and opt-ins of a deleted database or table."""

        def gone(names: tuple[str, str]) -> bool:
            return names[0] == database and table in ("", names[1])

        for key in [key for key in self.permissions if gone(_names(json.loads(key[1])))]:
            del self.permissions[key]
        for location in [location for location in self.assigned if gone(location[:2])]:
            del self.assigned[location]
        for name in [name for name in self.filters if gone(name[:2])]:
            del self.filters[name]
        self.opt_ins -= {opt_in for opt_in in self.opt_ins if gone(_names(json.loads(opt_in[1])))}

    def _put_defaults(
        self, resource: Mapping[str, Any], defaults: Iterable[Mapping[str, Any]] | None
    ) -> None:
        for entry in defaults or ():
            self.put(entry["Principal"]["DataLakePrincipalIdentifier"], resource, *entry["Permissions"])

    def _paged(self, member: str, entries: list[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        begin = int(parameters.get("NextToken") or 0)
        size = min(parameters.get("MaxResults") or 1000, self.page)
        more = {"NextToken": str(begin + size)} if begin + size < len(entries) else {}
        return {member: entries[begin : begin + size], **more}

    def _require(self, resource: Mapping[str, Any]) -> None:
        """Raise EntityNotFoundException if the database or table of a resource does not exist."""
        database, table = _names(resource)
        ((_, inner),) = resource.items()
        if inner.get("CatalogId", inner.get("TableCatalogId")) not in (None, self.account):
            return
        if database and database not in self.databases:
            raise _not_found(f"Database {database} not found.")
        if table and (database, table) not in self.tables:
            raise _not_found(f"Table {table} not found.")

    def _GetDataLakeSettings(self, _parameters: Any) -> Any:
        return {"DataLakeSettings": self.settings}

    def _PutDataLakeSettings(self, parameters: Any) -> Any:
        self.settings = parameters["DataLakeSettings"]
        return {}

    def _ListLFTags(self, parameters: Any) -> Any:
        entries = [
            {"CatalogId": self.account, "TagKey": key, "TagValues": values}
            for key, values in self.tags.items()
        ]
        return self._paged("LFTags", entries, parameters)

    def _GetLFTag(self, parameters: Any) -> Any:
        key = parameters["TagKey"]
        return {"CatalogId": self.account, "TagKey": key, "TagValues": _existing(self.tags, key)}

    def _CreateLFTag(self, parameters: Any) -> Any:
        if parameters["TagKey"] in self.tags:
            raise _exists("Tag key already exists.")
        self.tags[parameters["TagKey"]] = list(parameters["TagValues"])
        return {}

    def _UpdateLFTag(self, parameters: Any) -> Any:
        key = parameters["TagKey"]
        gone = set(parameters.get("TagValuesToDelete") or ())
        if any(tags.get(key) in gone for tags in self.assigned.values()):
            raise LakeFormationError("InvalidInputException", "A value is assigned to a resource.")
        values = [value for value in _existing(self.tags, key) if value not in gone]
        self.tags[key] = values + [
            value for value in parameters.get("TagValuesToAdd") or () if value not in values
        ]
        return {}

    def _DeleteLFTag(self, parameters: Any) -> Any:
        key = parameters["TagKey"]
        _existing(self.tags, key)
        del self.tags[key]
        for tags in self.assigned.values():
            tags.pop(key, None)
        return {}

    def _AddLFTagsToResource(self, parameters: Any) -> Any:
        self._require(parameters["Resource"])
        for location in _tagged_resources(parameters["Resource"]):
            for pair in parameters["LFTags"]:
                if pair["TagValues"][0] not in self.tags.get(pair["TagKey"], ()):
                    error = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "no such LF-Tag"}
                    return {"Failures": [{"LFTag": pair, "Error": error}]}
                self.assigned.setdefault(location, {})[pair["TagKey"]] = pair["TagValues"][0]
        return {"Failures": []}

    def _RemoveLFTagsFromResource(self, parameters: Any) -> Any:
        for location in _tagged_resources(parameters["Resource"]):
            for pair in parameters["LFTags"]:
                self.assigned.get(location, {}).pop(pair["TagKey"], None)
        return {"Failures": []}

    def _GetResourceLFTags(self, parameters: Any) -> Any:
        self._require(parameters["Resource"])
        database, table = _names(parameters["Resource"])
        if not table:
            return {"LFTagOnDatabase": self._tags_of(database, "")["LFTagOnDatabase"]}
        return self._tags_of(database, table)

    def _tags_of(self, database: str, table: str, only: str = "") -> dict[str, Any]:
        def shapes(tags: Mapping[str, str]) -> list[dict[str, Any]]:
            return [
                {"CatalogId": self.account, "TagKey": key, "TagValues": [value]}
                for key, value in tags.items()
                if only in ("", key)
            ]

        above = self.assigned.get((database, "", ""), {})
        columns = [
            {"Name": column, "LFTags": tags}
            for column in self.tables.get((database, table), ())
            if (tags := shapes(self.assigned.get((database, table, column), {})))
        ]
        return {
            "LFTagOnDatabase": shapes(above),
            "LFTagsOnTable": shapes({**above, **self.assigned.get((database, table, ""), {})}),
            "LFTagsOnColumns": columns,
        }

    def _SearchDatabasesByLFTags(self, parameters: Any) -> Any:
        (pair,) = parameters["Expression"]
        key = pair["TagKey"]
        entries = [
            {
                "Database": {"CatalogId": self.account, "Name": database},
                "LFTags": [{"CatalogId": self.account, "TagKey": key, "TagValues": [tags[key]]}],
            }
            for (database, table, _), tags in self.assigned.items()
            if not table and tags.get(key) in pair["TagValues"]
        ]
        return self._paged("DatabaseList", entries, parameters)

    def _SearchTablesByLFTags(self, parameters: Any) -> Any:
        (pair,) = parameters["Expression"]
        key, values = pair["TagKey"], set(pair["TagValues"])
        tables = [
            (database, table)
            for (database, table) in self.tables
            if self.assigned.get((database, "", ""), {}).get(key) in values
            or self.assigned.get((database, table, ""), {}).get(key) in values
            or any(
                self.assigned.get((database, table, column), {}).get(key) in values
                for column in self.tables[database, table]
            )
        ]
        page = self._paged("TableList", tables, parameters)
        page["TableList"] = [
            {
                "Table": {"CatalogId": self.account, "DatabaseName": database, "Name": table},
                **self._tags_of(database, table, key),
            }
            for database, table in page["TableList"]
        ]
        page["TableList"] = [
            {name: value for name, value in entry.items() if value} for entry in page["TableList"]
        ]
        return page

    def _ListLFTagExpressions(self, parameters: Any) -> Any:
        entries = [{"Name": name, "Expression": body} for name, body in self.expressions.items()]
        return self._paged("LFTagExpressions", entries, parameters)

    def _GetLFTagExpression(self, parameters: Any) -> Any:
        name = parameters["Name"]
        return {
            "CatalogId": self.account,
            "Name": name,
            "Expression": _existing(self.expressions, name),
        }

    def _CreateLFTagExpression(self, parameters: Any) -> Any:
        if parameters["Name"] in self.expressions:
            raise _exists("LFTag expression already exists.")
        self.expressions[parameters["Name"]] = parameters["Expression"]
        return {}

    def _UpdateLFTagExpression(self, parameters: Any) -> Any:
        _existing(self.expressions, parameters["Name"])
        self.expressions[parameters["Name"]] = parameters["Expression"]
        return {}

    def _DeleteLFTagExpression(self, parameters: Any) -> Any:
        _existing(self.expressions, parameters["Name"])
        del self.expressions[parameters["Name"]]
        return {}

    def _ListDataCellsFilter(self, parameters: Any) -> Any:
        only = parameters.get("Table") or {}
        entries = [
            shape
            for (database, table, _), shape in self.filters.items()
            if not only or (database, table) == (only.get("DatabaseName"), only.get("Name"))
        ]
        return self._paged("DataCellsFilters", entries, parameters)

    def _GetDataCellsFilter(self, parameters: Any) -> Any:
        return {"DataCellsFilter": _existing(self.filters, _filter_key(parameters))}

    def _CreateDataCellsFilter(self, parameters: Any) -> Any:
        key = _filter_key(parameters["TableData"])
        if key in self.filters:
            raise _exists("Data cells filter already exists.")
        self._require({"Table": {"DatabaseName": key[0], "Name": key[1]}})
        self.filters[key] = parameters["TableData"]
        return {}

    def _UpdateDataCellsFilter(self, parameters: Any) -> Any:
        key = _filter_key(parameters["TableData"])
        _existing(self.filters, key)
        self.filters[key] = parameters["TableData"]
        return {}

    def _DeleteDataCellsFilter(self, parameters: Any) -> Any:
        key = _filter_key(parameters)
        _existing(self.filters, key)
        del self.filters[key]
        return {}

    def _ListRLSPolicies(self, parameters: Any) -> Any:
        return self._paged("RLSPolicies", list(self.row_policies.values()), parameters)

    def _CreateRLSPolicy(self, parameters: Any) -> Any:
        if parameters["Name"] in self.row_policies:
            raise _exists("RLS policy already exists.")
        self.row_policies[parameters["Name"]] = {"CatalogId": self.account, **parameters}
        return {}

    def _UpdateRLSPolicy(self, parameters: Any) -> Any:
        _existing(self.row_policies, parameters["Name"]).update(parameters)
        return {}

    def _DeleteRLSPolicy(self, parameters: Any) -> Any:
        name = parameters["Name"]
        _existing(self.row_policies, name)
        del self.row_policies[name]
        self.row_attachments = [
            text for text in self.row_attachments if json.loads(text)["PolicyName"] != name
        ]
        return {}

    def _ListRLSPolicyAttachments(self, parameters: Any) -> Any:
        return self._paged(
            "RLSPolicyAttachments", [json.loads(text) for text in self.row_attachments], parameters
        )

    def _AttachRLSPolicy(self, parameters: Any) -> Any:
        _existing(self.row_policies, parameters["Name"])
        self._require(parameters["Resource"])
        self.row_attachments.append(_row_attachment(parameters, "SetDefault"))
        return {}

    def _DetachRLSPolicy(self, parameters: Any) -> Any:
        attachment = _row_attachment(parameters, "RemoveDefault")
        if attachment not in self.row_attachments:
            raise _not_found("The policy is not attached.")
        self.row_attachments.remove(attachment)
        return {}

    def _ListResources(self, parameters: Any) -> Any:
        return self._paged("ResourceInfoList", list(self.resources.values()), parameters)

    def _DescribeResource(self, parameters: Any) -> Any:
        return {"ResourceInfo": _existing(self.resources, parameters["ResourceArn"])}

    def _RegisterResource(self, parameters: Any) -> Any:
        arn = parameters["ResourceArn"]
        if arn in self.resources:
            raise _exists("Resource is already registered.")
        partition = arn.split(":")[1]
        service_linked = f"arn:{partition}:iam::{self.account}:{_SERVICE_LINKED_ROLE}"
        self.resources[arn] = {
            "ResourceArn": arn,
            "RoleArn": parameters.get("RoleArn", service_linked),
            "HybridAccessEnabled": parameters.get("HybridAccessEnabled", False),
        }
        return {}

    def _UpdateResource(self, parameters: Any) -> Any:
        _existing(self.resources, parameters["ResourceArn"]).update(parameters)
        return {}

    def _DeregisterResource(self, parameters: Any) -> Any:
        _existing(self.resources, parameters["ResourceArn"])
        del self.resources[parameters["ResourceArn"]]
        return {}

    def _ListLakeFormationOptIns(self, parameters: Any) -> Any:
        entries = [
            {
                "Principal": {"DataLakePrincipalIdentifier": principal},
                "Resource": _with_catalog(json.loads(resource), self.account),
                **({"Condition": {"Expression": condition[0]}} if condition else {}),
            }
            for principal, resource, *condition in sorted(self.opt_ins)
        ]
        return self._paged("LakeFormationOptInsInfoList", entries, parameters)

    def _CreateLakeFormationOptIn(self, parameters: Any) -> Any:
        self._require(parameters["Resource"])
        self.opt_ins.add(_opt_in(parameters))
        return {}

    def _DeleteLakeFormationOptIn(self, parameters: Any) -> Any:
        self.opt_ins.discard(_opt_in(parameters))
        return {}

    def _ListPermissions(self, parameters: Any) -> Any:
        """List permissions. On a table, also those on its columns, as AWS does."""
        principal = (parameters.get("Principal") or {}).get("DataLakePrincipalIdentifier")
        only = parameters.get("Resource")
        if principal and not only:
            raise LakeFormationError(
                "InvalidInputException", "Resource is mandatory if Principal is set in the input."
            )
        keys = [
            key
            for key in self.permissions
            if principal in (None, key[0])
            and (self._is_listed(json.loads(key[1])) if only is None else _is_of(json.loads(key[1]), only))
        ]
        page = self._paged("PrincipalResourcePermissions", keys, parameters)
        page["PrincipalResourcePermissions"] = [
            entry for key in page["PrincipalResourcePermissions"] for entry in self._listed(key)
        ]
        return page

    def _is_listed(self, resource: Mapping[str, Any]) -> bool:
        return self.lists_nested or not _catalog(resource)

    def _listed(self, key: tuple[str, str, str]) -> list[dict[str, Any]]:
        """Return a grant as AWS lists it.

        SELECT on a table is a separate entry, for all of its columns. ALL is listed with all others.
        """
        principal, text, condition = key
        resource, (permissions, grantable) = json.loads(text), self.permissions[key]
        condition_member = {"Condition": {"Expression": condition}} if condition else {}
        table = resource.get("Table") or {}
        if "ALL" in permissions and table:
            permissions = permissions | _ON_TABLES
        entries = [(resource, permissions)]
        if "SELECT" in permissions and table.get("Name"):
            entries = [
                (resource, permissions - {"SELECT"}),
                ({"TableWithColumns": {**table, "ColumnWildcard": {}}}, {"SELECT"}),
            ]
        return [
            {
                "Principal": {"DataLakePrincipalIdentifier": principal},
                "Resource": _with_catalog(entry_resource, self.account),
                "Permissions": sorted(names),
                "PermissionsWithGrantOption": sorted(grantable & names),
                **condition_member,
            }
            for entry_resource, names in entries
            if names
        ]

    def _GrantPermissions(self, parameters: Any) -> Any:
        self._change(parameters, _granted)
        return {}

    def _RevokePermissions(self, parameters: Any) -> Any:
        self._change(parameters, _revoked)
        return {}

    def _BatchGrantPermissions(self, parameters: Any) -> Any:
        return self._batch(parameters, _granted)

    def _BatchRevokePermissions(self, parameters: Any) -> Any:
        return self._batch(parameters, _revoked)

    def _batch(self, parameters: Any, change: Change) -> Any:
        if len(parameters["Entries"]) > MAX_ENTRIES:
            raise LakeFormationError("InvalidInputException", f"More than {MAX_ENTRIES} entries.")
        failures = []
        for entry in parameters["Entries"]:
            try:
                if code := self.failing(entry):
                    raise LakeFormationError(code, "fake")
                self._change(entry, change)
            except LakeFormationError as error:
                shape = {"ErrorCode": error.code, "ErrorMessage": error.message}
                failures.append({"RequestEntry": entry, "Error": shape})
        return {"Failures": failures}

    def _change(self, entry: Mapping[str, Any], change: Change) -> None:
        if change is _granted:
            self._require(entry["Resource"])
        condition = (entry.get("Condition") or {}).get("Expression", "")
        key = (entry["Principal"]["DataLakePrincipalIdentifier"], _key(entry["Resource"]), condition)
        if change is _granted and self._is_excluded(key):
            raise LakeFormationError("InvalidInputException", "Permissions modification is invalid.")
        names = set(entry.get("Permissions") or ())
        if change is _revoked and key in self.implicit:
            raise LakeFormationError("InvalidInputException", "No permissions revoked. Grantee has none.")
        option = set(entry.get("PermissionsWithGrantOption") or ())
        self.permissions[key] = change(self.permissions.get(key, (set(), set())), names, option)
        self._remember(key)
        if not self.permissions[key][0]:
            del self.permissions[key]

    def _is_excluded(self, key: tuple[str, str, str]) -> bool:
        """Return whether other permissions exclude a grant: on a table, or on some of its columns.

        https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
        """
        others = self.by_table.get(_table(key), ())
        return any(other in self.permissions and _kind(other) != _kind(key) for other in others)

    def _remember(self, key: tuple[str, str, str]) -> None:
        if table := _table(key):
            self.by_table.setdefault(table, set()).add(key)


Permissions = tuple[set[str], set[str]]
Change = Callable[[Permissions, set[str], set[str]], Permissions]


def _granted(permissions: Permissions, names: set[str], option: set[str]) -> Permissions:
    return permissions[0] | names, permissions[1] | option


def _revoked(permissions: Permissions, names: set[str], option: set[str]) -> Permissions:
    return permissions[0] - names, permissions[1] - names - option


def _not_found(message: str) -> LakeFormationError:
    return LakeFormationError("EntityNotFoundException", message)


def _exists(message: str) -> LakeFormationError:
    return LakeFormationError("AlreadyExistsException", message)


def _existing(entries: Mapping[Any, Any], key: Any) -> Any:
    if key not in entries:
        raise _not_found(f"{key} not found.")
    return entries[key]


def _key(resource: Mapping[str, Any]) -> str:
    """Return a canonical key of a resource: without the catalog, and with all columns as the table itself."""
    ((kind, inner),) = resource.items()
    # The id of a nested catalog, ACCOUNT:NAME, belongs to the key.
    inner = {
        name: value
        for name, value in inner.items()
        if name not in ("CatalogId", "TableCatalogId", "Id") or ":" in value
    }
    if kind == "TableWithColumns" and inner.get("ColumnWildcard") == {}:
        kind, inner = "Table", {name: inner[name] for name in ("DatabaseName", "Name")}
    for name in ("ColumnNames", "TagValues"):
        if name in inner:
            inner[name] = sorted(inner[name])
    return json.dumps({kind: inner}, sort_keys=True)


def _names(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Return database and table of a resource, each ``""`` if the resource has none."""
    ((kind, inner),) = resource.items()
    if kind == "Database":
        return str(inner["Name"]), ""
    if kind == "DataCellsFilter":
        return str(inner.get("DatabaseName", "")), str(inner.get("TableName", ""))
    if kind in ("Table", "TableWithColumns"):
        return str(inner["DatabaseName"]), str(inner.get("Name", ""))
    return "", ""


def _row_attachment(parameters: Mapping[str, Any], default: str) -> str:
    shape = {"PolicyName": parameters["Name"], "Resource": json.loads(_key(parameters["Resource"]))}
    members = {name: parameters[name] for name in ("Principal", "Condition") if name in parameters}
    is_default = {"DefaultRLSPolicy": True} if parameters.get(default) else {}
    return json.dumps({**shape, **members, **is_default}, sort_keys=True)


def _opt_in(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    condition = (parameters.get("Condition") or {}).get("Expression")
    principal = parameters["Principal"]["DataLakePrincipalIdentifier"]
    return (principal, _key(parameters["Resource"]), *([condition] if condition else []))


def _kind(key: tuple[str, str, str]) -> str:
    return str(next(iter(json.loads(key[1]))))


def _table(key: tuple[str, str, str]) -> tuple[str, ...]:
    """Return principal, condition, catalog, database and table of permissions on a table or its columns."""
    shape = json.loads(key[1])
    names = _names(shape)
    on_table = next(iter(shape)) in ("Table", "TableWithColumns") and names[1]
    return (key[0], key[2], _catalog(shape), *names) if on_table else ()


def _is_of(resource: Mapping[str, Any], only: Mapping[str, Any]) -> bool:
    table = only.get("Table") or {}
    same_table = (
        bool(table.get("Name")) and _names(resource) == _names(only) and _catalog(resource) == _catalog(only)
    )
    return _key(resource) == _key(only) or (same_table and "TableWithColumns" in resource)


def _catalog(resource: Mapping[str, Any]) -> str:
    """Return the id of the nested catalog of a resource, ``""`` for the default catalog."""
    ((_, inner),) = resource.items()
    owner = str(inner.get("CatalogId", inner.get("Id", "")))
    return owner if ":" in owner else ""


def _with_catalog(resource: Mapping[str, Any], account: str) -> dict[str, Any]:
    ((kind, inner),) = resource.items()
    name = {"DataCellsFilter": "TableCatalogId", "Catalog": "Id"}.get(kind, "CatalogId")
    return {kind: {name: account, **inner}}


def _tagged_resources(resource: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    ((kind, inner),) = resource.items()
    if kind == "Database":
        return [(inner["Name"], "", "")]
    columns = inner.get("ColumnNames") or [""]
    return [(inner["DatabaseName"], inner["Name"], column) for column in columns]


def _filter_key(shape: Mapping[str, Any]) -> tuple[str, str, str]:
    return shape["DatabaseName"], shape["TableName"], shape["Name"]
