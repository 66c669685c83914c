"""Lake Formation in memory, used through real boto3 clients: operations that moto lacks, and failures.

botocore validates each request, and each response is validated against botocore's model of the service, as
botocore's Stubber does. No request leaves the process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

ADMIN = "arn:aws:iam::123456789012:role/admin"
_PARAMETERS = "glue_secure_parameters"
_IAM = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]


@dataclass(slots=True)
class FakeLakeFormation:
    """One account. Tests change its attributes to simulate changes by other users.

    Attributes:
        account: account id.
        databases: name → GetDatabase's ``Database``.
        tables: (database, table) → columns.
        tags: LF-Tag key → values.
        assigned: (database, table or ``""``, column or ``""``) → key → value.
        expressions: name → expression.
        filters: (database, table, name) → ``DataCellsFilter``.
        resources: ARN → ``ResourceInfo``.
        permissions: (principal, resource as JSON, condition) → permissions and grantable permissions.
        opt_ins: (principal, resource as JSON).
        settings: ``DataLakeSettings``.
        page: maximum number of entries of a page.
        requests: number of calls by operation.
        failing: returns the error code of a batch entry, ``""`` if the entry succeeds.
        denied: operations that return AccessDeniedException.
        ignored_operations: operations that return success without effect.
        recorded_requests: operation and parameters of each request, if ``record_requests`` is true.
    """

    account: str = "123456789012"
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)
    assigned: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    expressions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    filters: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[tuple[str, str, str], tuple[set[str], set[str]]] = field(default_factory=dict)
    opt_ins: set[tuple[str, str]] = field(default_factory=set)
    settings: dict[str, Any] = field(
        default_factory=lambda: {
            "DataLakeAdmins": [{"DataLakePrincipalIdentifier": ADMIN}],
            "CreateDatabaseDefaultPermissions": list(_IAM),
            "CreateTableDefaultPermissions": list(_IAM),
        }
    )
    page: int = 1000
    requests: Counter[str] = field(default_factory=Counter)
    failing: Callable[[Mapping[str, Any]], str] = lambda _entry: ""
    denied: set[str] = field(default_factory=set)
    ignored_operations: set[str] = field(default_factory=set)
    recorded_requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    record_requests: bool = True

    def client(self, service: str) -> Any:
        """Return a boto3 client of ``lakeformation`` or ``glue`` whose requests this object handles."""
        import boto3

        client = boto3.client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - nothing leaves the process
        )
        client.meta.events.register_first("before-parameter-build.*.*", _store_parameters)
        client.meta.events.register_first("before-call.*.*", self._respond)
        return client

    def table(self, database: str, name: str, *columns: str, open_to_iam: bool = False) -> None:
        """Create a table, and its database if it does not exist."""
        self.databases.setdefault(database, {"Name": database})
        self.tables[database, name] = columns
        if open_to_iam:
            self.put("IAM_ALLOWED_PRINCIPALS", {"Table": {"DatabaseName": database, "Name": name}}, "ALL")

    def put(self, principal: str, resource: Mapping[str, Any], *names: str, option: bool = False) -> None:
        """Grant permissions, as another user. ``option`` makes them grantable."""
        permissions, grantable = self.permissions.setdefault((principal, _key(resource), ""), (set(), set()))
        permissions.update(names)
        if option:
            grantable.update(names)

    def tag(self, database: str, table: str = "", column: str = "", **tags: str) -> None:
        """Assign LF-Tags, as another user."""
        self.assigned.setdefault((database, table, column), {}).update(tags)

    def _respond(self, *, model: Any, context: dict[str, Any], **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.validate import validate_parameters

        parameters = context[_PARAMETERS]
        self.requests[model.name] += 1
        if self.record_requests:
            self.recorded_requests.append((model.name, parameters))
        code = "AccessDeniedException" if model.name in self.denied else ""
        response: dict[str, Any] = {}
        if not code and model.name not in self.ignored_operations:
            try:
                response = getattr(self, f"_{model.name}")(parameters)
            except _ServiceError as error:
                code = str(error)
        if code:
            return AWSResponse("https://lake", 400, {}, None), {"Error": {"Code": code, "Message": "fake"}}
        # The service omits empty lists.
        response = {name: value for name, value in response.items() if value != []}
        validate_parameters(response, model.output_shape)
        return AWSResponse("https://lake", 200, {}, None), response

    def _paged(self, member: str, entries: list[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        begin = int(parameters.get("NextToken") or 0)
        size = min(parameters.get("MaxResults") or 1000, self.page)
        more = {"NextToken": str(begin + size)} if begin + size < len(entries) else {}
        return {member: entries[begin : begin + size], **more}

    def _GetDataLakeSettings(self, _parameters: Any) -> Any:
        return {"DataLakeSettings": self.settings}

    def _PutDataLakeSettings(self, parameters: Any) -> Any:
        self.settings = parameters["DataLakeSettings"]
        return {}

    def _GetDatabases(self, parameters: Any) -> Any:
        return self._paged("DatabaseList", list(self.databases.values()), parameters)

    def _GetDatabase(self, parameters: Any) -> Any:
        return {"Database": _existing(self.databases, parameters["Name"])}

    def _UpdateDatabase(self, parameters: Any) -> Any:
        self.databases[parameters["Name"]] = parameters["DatabaseInput"]
        return {}

    def _GetTable(self, parameters: Any) -> Any:
        columns = _existing(self.tables, (parameters["DatabaseName"], parameters["Name"]))
        storage = {"Columns": [{"Name": column, "Type": "string"} for column in columns]}
        return {
            "Table": {
                "DatabaseName": parameters["DatabaseName"],
                "Name": parameters["Name"],
                "StorageDescriptor": storage,
            }
        }

    def _ListLFTags(self, parameters: Any) -> Any:
        entries = [
            {"CatalogId": self.account, "TagKey": key, "TagValues": values}
            for key, values in self.tags.items()
        ]
        return self._paged("LFTags", entries, parameters)

    def _CreateLFTag(self, parameters: Any) -> Any:
        if parameters["TagKey"] in self.tags:
            raise _ServiceError("AlreadyExistsException")
        self.tags[parameters["TagKey"]] = list(parameters["TagValues"])
        return {}

    def _UpdateLFTag(self, parameters: Any) -> Any:
        key = parameters["TagKey"]
        gone = set(parameters.get("TagValuesToDelete") or ())
        if any(tags.get(key) in gone for tags in self.assigned.values()):
            raise _ServiceError("InvalidInputException")
        values = [value for value in _existing(self.tags, key) if value not in gone]
        self.tags[key] = values + [
            value for value in parameters.get("TagValuesToAdd") or () if value not in values
        ]
        return {}

    def _AddLFTagsToResource(self, parameters: Any) -> Any:
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
        if "Database" in parameters["Resource"]:
            name = parameters["Resource"]["Database"]["Name"]
            _existing(self.databases, name)
            return {"LFTagOnDatabase": self._tags_of(name, "")["LFTagOnDatabase"]}
        table = parameters["Resource"]["Table"]
        return self._tags_of(table["DatabaseName"], table["Name"])

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

    def _CreateLFTagExpression(self, parameters: Any) -> Any:
        if parameters["Name"] in self.expressions:
            raise _ServiceError("AlreadyExistsException")
        self.expressions[parameters["Name"]] = parameters["Expression"]
        return {}

    def _UpdateLFTagExpression(self, parameters: Any) -> Any:
        _existing(self.expressions, parameters["Name"])
        self.expressions[parameters["Name"]] = parameters["Expression"]
        return {}

    def _ListDataCellsFilter(self, parameters: Any) -> Any:
        return self._paged("DataCellsFilters", list(self.filters.values()), parameters)

    def _CreateDataCellsFilter(self, parameters: Any) -> Any:
        key = _filter_key(parameters["TableData"])
        if key in self.filters:
            raise _ServiceError("AlreadyExistsException")
        self.filters[key] = parameters["TableData"]
        return {}

    def _UpdateDataCellsFilter(self, parameters: Any) -> Any:
        key = _filter_key(parameters["TableData"])
        _existing(self.filters, key)
        self.filters[key] = parameters["TableData"]
        return {}

    def _ListResources(self, parameters: Any) -> Any:
        return self._paged("ResourceInfoList", list(self.resources.values()), parameters)

    def _RegisterResource(self, parameters: Any) -> Any:
        if parameters["ResourceArn"] in self.resources:
            raise _ServiceError("AlreadyExistsException")
        role = "arn:aws:iam::123456789012:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRole"
        self.resources[parameters["ResourceArn"]] = {
            "ResourceArn": parameters["ResourceArn"],
            "RoleArn": parameters.get("RoleArn", role),
            "HybridAccessEnabled": parameters.get("HybridAccessEnabled", False),
        }
        return {}

    def _UpdateResource(self, parameters: Any) -> Any:
        _existing(self.resources, parameters["ResourceArn"]).update(parameters)
        return {}

    def _ListLakeFormationOptIns(self, parameters: Any) -> Any:
        entries = [
            {"Principal": {"DataLakePrincipalIdentifier": principal}, "Resource": json.loads(resource)}
            for principal, resource in sorted(self.opt_ins)
        ]
        return self._paged("LakeFormationOptInsInfoList", entries, parameters)

    def _CreateLakeFormationOptIn(self, parameters: Any) -> Any:
        self.opt_ins.add(
            (parameters["Principal"]["DataLakePrincipalIdentifier"], _key(parameters["Resource"]))
        )
        return {}

    def _DeleteLakeFormationOptIn(self, parameters: Any) -> Any:
        self.opt_ins.discard(
            (parameters["Principal"]["DataLakePrincipalIdentifier"], _key(parameters["Resource"]))
        )
        return {}

    def _ListPermissions(self, parameters: Any) -> Any:
        only = (parameters.get("Principal") or {}).get("DataLakePrincipalIdentifier")
        keys = [key for key in self.permissions if only in (None, key[0])]
        page = self._paged("PrincipalResourcePermissions", keys, parameters)
        page["PrincipalResourcePermissions"] = [
            entry for key in page["PrincipalResourcePermissions"] for entry in self._listed(key)
        ]
        return page

    def _listed(self, key: tuple[str, str, str]) -> list[dict[str, Any]]:
        """Return a grant as AWS lists it.

        SELECT on a table is a separate entry, for all of its columns. ALL is listed with all others.
        """
        principal, text, condition = key
        resource, (permissions, grantable) = json.loads(text), self.permissions[key]
        condition_member = {"Condition": {"Expression": condition}} if condition else {}
        table = resource.get("Table") or {}
        if "ALL" in permissions and table:
            permissions = permissions | {"ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"}
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

    def _BatchGrantPermissions(self, parameters: Any) -> Any:
        return self._batch(parameters, lambda grant, names, option: (grant[0] | names, grant[1] | option))

    def _BatchRevokePermissions(self, parameters: Any) -> Any:
        return self._batch(
            parameters, lambda grant, names, option: (grant[0] - names, grant[1] - names - option)
        )

    def _batch(self, parameters: Any, change: Callable[..., tuple[set[str], set[str]]]) -> Any:
        if len(parameters["Entries"]) > 20:
            raise _ServiceError("InvalidInputException")
        failures = []
        for entry in parameters["Entries"]:
            if code := self.failing(entry):
                error = {"ErrorCode": code, "ErrorMessage": "fake"}
                failures.append({"RequestEntry": entry, "Error": error})
                continue
            condition = (entry.get("Condition") or {}).get("Expression", "")
            key = (entry["Principal"]["DataLakePrincipalIdentifier"], _key(entry["Resource"]), condition)
            grant = self.permissions.get(key, (set(), set()))
            names = set(entry.get("Permissions") or ())
            grant = change(grant, names, set(entry.get("PermissionsWithGrantOption") or ()))
            self.permissions[key] = grant
            if not grant[0]:
                del self.permissions[key]
        return {"Failures": failures}


class _ServiceError(Exception):
    """An error response; its text is the service's error code."""


def _store_parameters(*, params: Any, context: dict[str, Any], **_: Any) -> None:
    context[_PARAMETERS] = json.loads(json.dumps(params))


def _existing(entries: Mapping[Any, Any], key: Any) -> Any:
    if key not in entries:
        raise _ServiceError("EntityNotFoundException")
    return entries[key]


def _key(resource: Mapping[str, Any]) -> str:
    """Return a canonical key of a resource: without the catalog, and with all columns as the table itself."""
    ((kind, inner),) = resource.items()
    inner = {name: value for name, value in inner.items() if name not in ("CatalogId", "TableCatalogId")}
    if kind == "TableWithColumns" and inner.get("ColumnWildcard") == {}:
        kind, inner = "Table", {name: inner[name] for name in ("DatabaseName", "Name")}
    for name in ("ColumnNames", "TagValues"):
        if name in inner:
            inner[name] = sorted(inner[name])
    return json.dumps({kind: inner}, sort_keys=True)


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
