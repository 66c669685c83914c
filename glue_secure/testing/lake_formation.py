"""Lake Formation in memory, behind real clients: what it lacks in moto, and its failures.

botocore itself checks each request, and each answer here is checked against botocore's own model of the
service, as its Stubber does; so no shape is made up. Nothing leaves the process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

ADMIN = "arn:aws:iam::123456789012:role/admin"
_IAM = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]


@dataclass(slots=True)
class FakeLakeFormation:
    """One account. Its members are what AWS's answers hold; change them as somebody else would.

    Attributes:
        account: twelve digits.
        databases: name → GetDatabase's ``Database``.
        tables: (database, table) → columns.
        tags: LF-tag key → values.
        assigned: (database, table or ``""``, column or ``""``) → key → value.
        expressions: name → expression.
        filters: (database, table, name) → ``DataCellsFilter``.
        resources: ARN → ``ResourceInfo``.
        permissions: (principal, resource as JSON, condition) → permissions and grantable ones.
        opt_ins: (principal, resource as JSON).
        settings: ``DataLakeSettings``.
        page: entries of a page at most.
        requests: how often each operation was called.
        failing: of an entry of a batch: why it fails, ``""`` when it does not.
        denied: operations that are denied.
        ignored_operations: operations that answer well and change nothing.
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
        """A real client of ``lakeformation`` or ``glue`` whose requests this object answers."""
        import boto3

        made = boto3.client(
            service,
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - nothing leaves the process
        )
        made.meta.events.register_first("before-parameter-build.*.*", _note)
        made.meta.events.register_first("before-call.*.*", self._answer)
        return made

    def table(self, database: str, name: str, *columns: str, open_to_iam: bool = False) -> None:
        """Make a table, and its database."""
        self.databases.setdefault(database, {"Name": database})
        self.tables[database, name] = columns
        if open_to_iam:
            self.put("IAM_ALLOWED_PRINCIPALS", {"Table": {"DatabaseName": database, "Name": name}}, "ALL")

    def put(self, principal: str, resource: Mapping[str, Any], *words: str, option: bool = False) -> None:
        """Grant as somebody else would."""
        held = self.permissions.setdefault((principal, _key(resource), ""), (set(), set()))
        held[0].update(words)
        if option:
            held[1].update(words)

    def tag(self, database: str, table: str = "", column: str = "", **tags: str) -> None:
        """Assign LF-tags as somebody else would."""
        self.assigned.setdefault((database, table, column), {}).update(tags)

    def _answer(self, *, model: Any, context: dict[str, Any], **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.validate import validate_parameters

        asked = context["glue_secure_asked"]
        self.requests[model.name] += 1
        if self.record_requests:
            self.recorded_requests.append((model.name, asked))
        code = "AccessDeniedException" if model.name in self.denied else ""
        answer: dict[str, Any] = {}
        if not code:
            try:
                answer = (
                    {} if model.name in self.ignored_operations else getattr(self, f"_{model.name}")(asked)
                )
            except _Error as error:
                code = str(error)
        if code:
            return AWSResponse("https://lake", 400, {}, None), {"Error": {"Code": code, "Message": "fake"}}
        answer = {
            name: value for name, value in answer.items() if value != []
        }  # as the service leaves them out
        validate_parameters(answer, model.output_shape)
        return AWSResponse("https://lake", 200, {}, None), answer

    def _paged(self, member: str, entries: list[Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        begin, size = int(asked.get("NextToken") or 0), min(asked.get("MaxResults") or 1000, self.page)
        more = {"NextToken": str(begin + size)} if begin + size < len(entries) else {}
        return {member: entries[begin : begin + size], **more}

    def _GetDataLakeSettings(self, _asked: Any) -> Any:
        return {"DataLakeSettings": self.settings}

    def _PutDataLakeSettings(self, asked: Any) -> Any:
        self.settings = asked["DataLakeSettings"]
        return {}

    def _GetDatabases(self, asked: Any) -> Any:
        return self._paged("DatabaseList", list(self.databases.values()), asked)

    def _GetDatabase(self, asked: Any) -> Any:
        return {"Database": _of(self.databases, asked["Name"])}

    def _UpdateDatabase(self, asked: Any) -> Any:
        self.databases[asked["Name"]] = asked["DatabaseInput"]
        return {}

    def _GetTable(self, asked: Any) -> Any:
        columns = _of(self.tables, (asked["DatabaseName"], asked["Name"]))
        storage = {"Columns": [{"Name": one, "Type": "string"} for one in columns]}
        return {
            "Table": {
                "DatabaseName": asked["DatabaseName"],
                "Name": asked["Name"],
                "StorageDescriptor": storage,
            }
        }

    def _ListLFTags(self, asked: Any) -> Any:
        entries = [
            {"CatalogId": self.account, "TagKey": key, "TagValues": values}
            for key, values in self.tags.items()
        ]
        return self._paged("LFTags", entries, asked)

    def _CreateLFTag(self, asked: Any) -> Any:
        if asked["TagKey"] in self.tags:
            raise _Error("AlreadyExistsException")
        self.tags[asked["TagKey"]] = list(asked["TagValues"])
        return {}

    def _UpdateLFTag(self, asked: Any) -> Any:
        key = asked["TagKey"]
        gone = set(asked.get("TagValuesToDelete") or ())
        if any(tags.get(key) in gone for tags in self.assigned.values()):
            raise _Error("InvalidInputException")
        kept = [one for one in _of(self.tags, key) if one not in gone]
        self.tags[key] = kept + [one for one in asked.get("TagValuesToAdd") or () if one not in kept]
        return {}

    def _AddLFTagsToResource(self, asked: Any) -> Any:
        for place in _places(asked["Resource"]):
            for pair in asked["LFTags"]:
                if pair["TagValues"][0] not in self.tags.get(pair["TagKey"], ()):
                    error = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "no such LF-tag"}
                    return {"Failures": [{"LFTag": pair, "Error": error}]}
                self.assigned.setdefault(place, {})[pair["TagKey"]] = pair["TagValues"][0]
        return {"Failures": []}

    def _RemoveLFTagsFromResource(self, asked: Any) -> Any:
        for place in _places(asked["Resource"]):
            for pair in asked["LFTags"]:
                self.assigned.get(place, {}).pop(pair["TagKey"], None)
        return {"Failures": []}

    def _GetResourceLFTags(self, asked: Any) -> Any:
        if "Database" in asked["Resource"]:
            name = asked["Resource"]["Database"]["Name"]
            _of(self.databases, name)
            return {"LFTagOnDatabase": self._tags_of(name, "")["LFTagOnDatabase"]}
        of = asked["Resource"]["Table"]
        return self._tags_of(of["DatabaseName"], of["Name"])

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

    def _SearchDatabasesByLFTags(self, asked: Any) -> Any:
        (pair,) = asked["Expression"]
        key = pair["TagKey"]
        entries = [
            {
                "Database": {"CatalogId": self.account, "Name": database},
                "LFTags": [{"CatalogId": self.account, "TagKey": key, "TagValues": [tags[key]]}],
            }
            for (database, table, _), tags in self.assigned.items()
            if not table and tags.get(key) in pair["TagValues"]
        ]
        return self._paged("DatabaseList", entries, asked)

    def _SearchTablesByLFTags(self, asked: Any) -> Any:
        (pair,) = asked["Expression"]
        key, values = pair["TagKey"], set(pair["TagValues"])
        found = [
            (database, table)
            for (database, table) in self.tables
            if self.assigned.get((database, "", ""), {}).get(key) in values
            or self.assigned.get((database, table, ""), {}).get(key) in values
            or any(
                self.assigned.get((database, table, one), {}).get(key) in values
                for one in self.tables[database, table]
            )
        ]
        whole = self._paged("TableList", found, asked)
        whole["TableList"] = [
            {
                "Table": {"CatalogId": self.account, "DatabaseName": database, "Name": table},
                **self._tags_of(database, table, key),
            }
            for database, table in whole["TableList"]
        ]
        whole["TableList"] = [
            {name: value for name, value in one.items() if value} for one in whole["TableList"]
        ]
        return whole

    def _ListLFTagExpressions(self, asked: Any) -> Any:
        entries = [{"Name": name, "Expression": body} for name, body in self.expressions.items()]
        return self._paged("LFTagExpressions", entries, asked)

    def _CreateLFTagExpression(self, asked: Any) -> Any:
        if asked["Name"] in self.expressions:
            raise _Error("AlreadyExistsException")
        self.expressions[asked["Name"]] = asked["Expression"]
        return {}

    def _UpdateLFTagExpression(self, asked: Any) -> Any:
        _of(self.expressions, asked["Name"])
        self.expressions[asked["Name"]] = asked["Expression"]
        return {}

    def _ListDataCellsFilter(self, asked: Any) -> Any:
        return self._paged("DataCellsFilters", list(self.filters.values()), asked)

    def _CreateDataCellsFilter(self, asked: Any) -> Any:
        key = _filter(asked["TableData"])
        if key in self.filters:
            raise _Error("AlreadyExistsException")
        self.filters[key] = asked["TableData"]
        return {}

    def _UpdateDataCellsFilter(self, asked: Any) -> Any:
        key = _filter(asked["TableData"])
        _of(self.filters, key)
        self.filters[key] = asked["TableData"]
        return {}

    def _ListResources(self, asked: Any) -> Any:
        return self._paged("ResourceInfoList", list(self.resources.values()), asked)

    def _RegisterResource(self, asked: Any) -> Any:
        if asked["ResourceArn"] in self.resources:
            raise _Error("AlreadyExistsException")
        role = "arn:aws:iam::123456789012:role/aws-service-role/lakeformation.amazonaws.com/AWSServiceRole"
        self.resources[asked["ResourceArn"]] = {
            "ResourceArn": asked["ResourceArn"],
            "RoleArn": asked.get("RoleArn", role),
            "HybridAccessEnabled": asked.get("HybridAccessEnabled", False),
        }
        return {}

    def _UpdateResource(self, asked: Any) -> Any:
        _of(self.resources, asked["ResourceArn"]).update(asked)
        return {}

    def _ListLakeFormationOptIns(self, asked: Any) -> Any:
        entries = [
            {"Principal": {"DataLakePrincipalIdentifier": principal}, "Resource": json.loads(resource)}
            for principal, resource in sorted(self.opt_ins)
        ]
        return self._paged("LakeFormationOptInsInfoList", entries, asked)

    def _CreateLakeFormationOptIn(self, asked: Any) -> Any:
        self.opt_ins.add((asked["Principal"]["DataLakePrincipalIdentifier"], _key(asked["Resource"])))
        return {}

    def _DeleteLakeFormationOptIn(self, asked: Any) -> Any:
        self.opt_ins.discard((asked["Principal"]["DataLakePrincipalIdentifier"], _key(asked["Resource"])))
        return {}

    def _ListPermissions(self, asked: Any) -> Any:
        only = (asked.get("Principal") or {}).get("DataLakePrincipalIdentifier")
        keys = [key for key in self.permissions if only in (None, key[0])]
        whole = self._paged("PrincipalResourcePermissions", keys, asked)
        whole["PrincipalResourcePermissions"] = [
            one for key in whole["PrincipalResourcePermissions"] for one in self._listed(key)
        ]
        return whole

    def _listed(self, key: tuple[str, str, str]) -> list[dict[str, Any]]:
        """A pair as AWS lists it: SELECT on a table apart, as all of its columns; beside ALL all others."""
        principal, text, condition = key
        resource, (words, option) = json.loads(text), self.permissions[key]
        when = {"Condition": {"Expression": condition}} if condition else {}
        table = resource.get("Table") or {}
        more = (
            {"ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT"} if "ALL" in words and table else set()
        )
        words = words | more
        parts = [(resource, words)]
        if "SELECT" in words and table.get("Name"):
            parts = [
                (resource, words - {"SELECT"}),
                ({"TableWithColumns": {**table, "ColumnWildcard": {}}}, {"SELECT"}),
            ]
        return [
            {
                "Principal": {"DataLakePrincipalIdentifier": principal},
                "Resource": _with_catalog(of, self.account),
                "Permissions": sorted(some),
                "PermissionsWithGrantOption": sorted(option & some),
                **when,
            }
            for of, some in parts
            if some
        ]

    def _BatchGrantPermissions(self, asked: Any) -> Any:
        return self._batch(asked, lambda held, words, option: (held[0] | words, held[1] | option))

    def _BatchRevokePermissions(self, asked: Any) -> Any:
        return self._batch(asked, lambda held, words, option: (held[0] - words, held[1] - words - option))

    def _batch(self, asked: Any, change: Callable[..., tuple[set[str], set[str]]]) -> Any:
        if len(asked["Entries"]) > 20:
            raise _Error("InvalidInputException")
        failures = []
        for entry in asked["Entries"]:
            if why := self.failing(entry):
                error = {"ErrorCode": why, "ErrorMessage": "fake"}
                failures.append({"RequestEntry": entry, "Error": error})
                continue
            condition = (entry.get("Condition") or {}).get("Expression", "")
            key = (entry["Principal"]["DataLakePrincipalIdentifier"], _key(entry["Resource"]), condition)
            held = self.permissions.get(key, (set(), set()))
            words = set(entry.get("Permissions") or ())
            held = change(held, words, set(entry.get("PermissionsWithGrantOption") or ()))
            self.permissions[key] = held
            if not held[0]:
                del self.permissions[key]
        return {"Failures": failures}


class _Error(Exception):
    pass


def _note(*, params: Any, context: dict[str, Any], **_: Any) -> None:
    context["glue_secure_asked"] = json.loads(json.dumps(params))


def _of(held: Mapping[Any, Any], key: Any) -> Any:
    if key not in held:
        raise _Error("EntityNotFoundException")
    return held[key]


def _key(resource: Mapping[str, Any]) -> str:
    """A resource as it was named, whatever way: without its catalog, and a whole table as a table."""
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


def _places(resource: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    ((kind, inner),) = resource.items()
    if kind == "Database":
        return [(inner["Name"], "", "")]
    columns = inner.get("ColumnNames") or [""]
    return [(inner["DatabaseName"], inner["Name"], column) for column in columns]


def _filter(shape: Mapping[str, Any]) -> tuple[str, str, str]:
    return shape["DatabaseName"], shape["TableName"], shape["Name"]
