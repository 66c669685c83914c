"""An account's Lake Formation, read in pages and changed in batches, through injected clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation.access import TableFacts
from glue_secure.governance.lakeformation.desired import Location
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Resource,
    expression_from_api,
    expression_to_api,
    tags_from_api,
)

BATCH = 20
"""Entries of BatchGrantPermissions that the service takes at once."""

_PAGE = 1000  # MaxResults' own limit
_FOUND = 100  # of the searches by LF-tags
_VALUES = 50  # values of an LF-tag in one request
_DEFAULTS = ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions")
_DATABASE_INPUT = ("Name", "Description", "LocationUri", "Parameters", "TargetDatabase", "FederatedDatabase")


@dataclass(frozen=True, slots=True)
class Settings:
    """Of ``DataLakeSettings``, what permissions depend on.

    Attributes:
        administrators: data lake administrators, sorted.
        readers: read-only administrators, sorted.
        open_databases: whether new databases come with permissions for IAMAllowedPrincipals.
        open_tables: whether new tables do.
    """

    administrators: tuple[str, ...]
    readers: tuple[str, ...]
    open_databases: bool
    open_tables: bool


@dataclass(frozen=True, slots=True, order=True)
class Assigned:
    """One LF-tag on a resource.

    Attributes:
        resource: a database, a table, or one column.
        key: the LF-tag's key.
        value: the one value that it has here.
        same: whether the resource would inherit that very value; the searches do not tell which it is.
    """

    resource: Resource
    key: str
    value: str
    same: bool = False


class BatchFailed(ServiceError):
    """Entries of a batch failed while the request succeeded.

    Attributes:
        entries: each failed entry's number in the batch, and why.
    """

    def __init__(self, operation: str, entries: Sequence[tuple[int, str]]) -> None:
        told = "; ".join(f"entry {number}: {why}" for number, why in entries[:5])
        more = f" and {len(entries) - 5} more" if len(entries) > 5 else ""
        super().__init__(f"{operation}: {told}{more}", code="Failures", operation=operation)
        self.entries = tuple(entries)


class Account:
    """What the planner reads and the applier changes. Every method raises ServiceError.

    Args:
        lakeformation: a Lake Formation client.
        glue: a Glue client, for databases' own defaults.
        account: twelve digits.
    """

    def __init__(self, *, lakeformation: Any, glue: Any, account: str) -> None:
        self._lake, self._glue, self.id = lakeformation, glue, account

    def settings(self) -> Settings:
        """GetDataLakeSettings."""
        held = self._settings()
        return Settings(
            administrators=_principals(held.get("DataLakeAdmins")),
            readers=_principals(held.get("ReadOnlyAdmins")),
            open_databases=_opens(held.get(_DEFAULTS[0])),
            open_tables=_opens(held.get(_DEFAULTS[1])),
        )

    def open_databases(self) -> Iterator[str]:
        """GetDatabases: those whose new tables come with permissions for IAMAllowedPrincipals."""
        for one in self._pages("GetDatabases", "DatabaseList", client=self._glue, MaxResults=100):
            if _opens(one.get("CreateTableDefaultPermissions")):
                yield str(one["Name"])

    def tags(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """ListLFTags: key and all of its values, of the account's own."""
        for one in self._pages("ListLFTags", "LFTags", MaxResults=_PAGE):
            if one.get("CatalogId") in (None, "", self.id):
                yield str(one["TagKey"]), tuple(sorted(map(str, one["TagValues"])))

    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """ListLFTagExpressions."""
        for one in self._pages("ListLFTagExpressions", "LFTagExpressions", MaxResults=_PAGE):
            yield str(one["Name"]), expression_from_api(one.get("Expression"))

    def locations(self) -> Iterator[Location]:
        """ListResources."""
        for one in self._pages("ListResources", "ResourceInfoList", MaxResults=_PAGE):
            role = str(one.get("RoleArn") or "")
            own = "" if "/aws-service-role/lakeformation.amazonaws.com/" in role else role
            yield Location(str(one["ResourceArn"]), own, one.get("HybridAccessEnabled") is True)

    def filters(self) -> Iterator[CellFilter]:
        """ListDataCellsFilter."""
        for one in self._pages("ListDataCellsFilter", "DataCellsFilters", MaxResults=_PAGE):
            yield CellFilter.from_api(one)

    def assigned(self, tags: Mapping[str, Sequence[str]]) -> Iterator[Assigned]:
        """SearchDatabasesByLFTags and SearchTablesByLFTags, key by key."""
        for key, values in tags.items():
            for begin in range(0, len(values), _VALUES):
                expression = [{"TagKey": key, "TagValues": list(values[begin : begin + _VALUES])}]
                asked: dict[str, Any] = {"Expression": expression, "MaxResults": _FOUND}
                for one in self._pages("SearchDatabasesByLFTags", "DatabaseList", **asked):
                    if value := _value(one.get("LFTags"), key):
                        yield Assigned(Resource(Kind.DATABASE, str(one["Database"]["Name"])), key, value)
                for one in self._pages("SearchTablesByLFTags", "TableList", **asked):
                    yield from _of_table(one, key)

    def grants(self) -> Iterator[Grant]:
        """ListPermissions, as the service lists them: one pair may come in several."""
        pages = self._pages("ListPermissions", "PrincipalResourcePermissions", MaxResults=_PAGE)
        return (Grant.from_api(one, self.id) for one in pages)

    def opt_ins(self) -> Iterator[OptIn]:
        """ListLakeFormationOptIns."""
        for one in self._pages("ListLakeFormationOptIns", "LakeFormationOptInsInfoList", MaxResults=_PAGE):
            principal = str((one.get("Principal") or {}).get("DataLakePrincipalIdentifier", ""))
            yield OptIn(principal, Resource.from_api(one["Resource"], self.id))

    def grant(self, grants: Sequence[Grant]) -> None:
        """BatchGrantPermissions. Raises BatchFailed."""
        self._batch("BatchGrantPermissions", grants)

    def revoke(self, grants: Sequence[Grant]) -> None:
        """BatchRevokePermissions. Raises BatchFailed."""
        self._batch("BatchRevokePermissions", grants)

    def create_tag(self, key: str, values: Sequence[str]) -> None:
        """CreateLFTag, and UpdateLFTag for values beyond the first request's."""
        self._call("CreateLFTag", TagKey=key, TagValues=list(values[:_VALUES]))
        if values[_VALUES:]:
            self.change_tag(key, add=values[_VALUES:])

    def change_tag(self, key: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """UpdateLFTag."""
        for name, values in (("TagValuesToAdd", add), ("TagValuesToDelete", remove)):
            for begin in range(0, len(values), _VALUES):
                self._call("UpdateLFTag", TagKey=key, **{name: list(values[begin : begin + _VALUES])})

    def put_expression(self, name: str, expression: Expression, *, exists: bool) -> None:
        """CreateLFTagExpression or UpdateLFTagExpression."""
        operation = "UpdateLFTagExpression" if exists else "CreateLFTagExpression"
        self._call(operation, Name=name, Expression=expression_to_api(expression))

    def put_filter(self, cells: CellFilter, *, exists: bool) -> None:
        """CreateDataCellsFilter or UpdateDataCellsFilter."""
        operation = "UpdateDataCellsFilter" if exists else "CreateDataCellsFilter"
        self._call(operation, TableData=cells.to_api(self.id))

    def assign(self, resource: Resource, tags: Mapping[str, str]) -> None:
        """AddLFTagsToResource; a key that is there gets the new value. Raises BatchFailed."""
        self._tag("AddLFTagsToResource", resource, tags)

    def unassign(self, resource: Resource, tags: Mapping[str, str]) -> None:
        """RemoveLFTagsFromResource. Raises BatchFailed."""
        self._tag("RemoveLFTagsFromResource", resource, tags)

    def register(self, location: Location, *, exists: bool) -> None:
        """RegisterResource or UpdateResource."""
        shape: dict[str, Any] = {"ResourceArn": location.arn, "HybridAccessEnabled": location.hybrid}
        if location.role:
            shape["RoleArn"] = location.role
        elif not exists:
            shape["UseServiceLinkedRole"] = True
        self._call("UpdateResource" if exists else "RegisterResource", **shape)

    def opt_in(self, one: OptIn) -> None:
        """CreateLakeFormationOptIn."""
        self._call("CreateLakeFormationOptIn", **_opt(one))

    def opt_out(self, one: OptIn) -> None:
        """DeleteLakeFormationOptIn."""
        self._call("DeleteLakeFormationOptIn", **_opt(one))

    def close_defaults(self) -> None:
        """PutDataLakeSettings: as they are, but with empty defaults."""
        held = self._settings()
        self._call("PutDataLakeSettings", DataLakeSettings={**held, **{name: [] for name in _DEFAULTS}})

    def close_database(self, name: str) -> None:
        """UpdateDatabase: as it is, but with empty defaults."""
        held = self._call("GetDatabase", client=self._glue, Name=name)["Database"]
        kept = {member: held[member] for member in _DATABASE_INPUT if member in held}
        self._call(
            "UpdateDatabase",
            client=self._glue,
            Name=name,
            DatabaseInput={**kept, "CreateTableDefaultPermissions": []},
        )

    def table(self, database: str, name: str) -> TableFacts:
        """GetTable and GetResourceLFTags: what a table's permissions depend on."""
        held = self._call("GetTable", client=self._glue, DatabaseName=database, Name=name)["Table"]
        columns = [
            *((held.get("StorageDescriptor") or {}).get("Columns") or ()),
            *(held.get("PartitionKeys") or ()),
        ]
        resource = {"Table": {"DatabaseName": database, "Name": name}}
        tags = tags_from_api(self._call("GetResourceLFTags", Resource=resource))
        return TableFacts(self.id, database, name, tuple(str(one["Name"]) for one in columns), tags)

    def database_tags(self, name: str) -> Mapping[str, str]:
        """GetResourceLFTags of a database."""
        answer = self._call("GetResourceLFTags", Resource={"Database": {"Name": name}})
        return tags_from_api(answer).database

    def _settings(self) -> dict[str, Any]:
        return dict(self._call("GetDataLakeSettings")["DataLakeSettings"])

    def _batch(self, operation: str, grants: Sequence[Grant]) -> None:
        for begin in range(0, len(grants), BATCH):
            some = grants[begin : begin + BATCH]
            entries = [{"Id": str(number), **one.to_api()} for number, one in enumerate(some)]
            failed = self._call(operation, Entries=entries).get("Failures") or ()
            if failed:
                raise BatchFailed(operation, [_failure(one, some) for one in failed])

    def _tag(self, operation: str, resource: Resource, tags: Mapping[str, str]) -> None:
        pairs = [{"TagKey": key, "TagValues": [value]} for key, value in tags.items()]
        failed = self._call(operation, Resource=resource.to_api(), LFTags=pairs).get("Failures") or ()
        if failed:
            told = [
                (number, f"{(one.get('LFTag') or {}).get('TagKey')} on {resource}: {_error(one)}")
                for number, one in enumerate(failed)
            ]
            raise BatchFailed(operation, told)

    def _pages(self, operation: str, member: str, *, client: Any = None, **asked: Any) -> Iterator[Any]:
        while True:
            page = self._call(operation, client=client, **asked)
            yield from page.get(member) or ()
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def _call(self, operation: str, *, client: Any = None, **asked: Any) -> Any:
        client = client or self._lake
        with translate_errors(operation):
            return getattr(client, _METHODS[operation])(**asked)


_METHODS = {
    "AddLFTagsToResource": "add_lf_tags_to_resource",
    "BatchGrantPermissions": "batch_grant_permissions",
    "BatchRevokePermissions": "batch_revoke_permissions",
    "CreateDataCellsFilter": "create_data_cells_filter",
    "CreateLFTag": "create_lf_tag",
    "CreateLFTagExpression": "create_lf_tag_expression",
    "CreateLakeFormationOptIn": "create_lake_formation_opt_in",
    "DeleteLakeFormationOptIn": "delete_lake_formation_opt_in",
    "GetDataLakeSettings": "get_data_lake_settings",
    "GetDatabase": "get_database",
    "GetDatabases": "get_databases",
    "GetResourceLFTags": "get_resource_lf_tags",
    "GetTable": "get_table",
    "ListDataCellsFilter": "list_data_cells_filter",
    "ListLFTagExpressions": "list_lf_tag_expressions",
    "ListLFTags": "list_lf_tags",
    "ListLakeFormationOptIns": "list_lake_formation_opt_ins",
    "ListPermissions": "list_permissions",
    "ListResources": "list_resources",
    "PutDataLakeSettings": "put_data_lake_settings",
    "RegisterResource": "register_resource",
    "RemoveLFTagsFromResource": "remove_lf_tags_from_resource",
    "SearchDatabasesByLFTags": "search_databases_by_lf_tags",
    "SearchTablesByLFTags": "search_tables_by_lf_tags",
    "UpdateDataCellsFilter": "update_data_cells_filter",
    "UpdateDatabase": "update_database",
    "UpdateLFTag": "update_lf_tag",
    "UpdateLFTagExpression": "update_lf_tag_expression",
    "UpdateResource": "update_resource",
}


def _principals(shapes: Any) -> tuple[str, ...]:
    return tuple(sorted(str(one["DataLakePrincipalIdentifier"]) for one in shapes or ()))


def _opens(shapes: Any) -> bool:
    """Whether default permissions give the group anything."""
    return any(
        (one.get("Principal") or {}).get("DataLakePrincipalIdentifier") == IAM_ALLOWED
        and one.get("Permissions")
        for one in shapes or ()
    )


def _value(shapes: Any, key: str) -> str:
    for one in shapes or ():
        if one.get("TagKey") == key and one.get("TagValues"):
            return str(one["TagValues"][0])
    return ""


def _of_table(shape: Mapping[str, Any], key: str) -> Iterator[Assigned]:
    database, table = str(shape["Table"]["DatabaseName"]), str(shape["Table"]["Name"])
    inherited = _value(shape.get("LFTagOnDatabase"), key)
    own = _value(shape.get("LFTagsOnTable"), key)
    if own:
        yield Assigned(Resource(Kind.TABLE, database, table), key, own, own == inherited)
    for column in shape.get("LFTagsOnColumns") or ():
        value = _value(column.get("LFTags"), key)
        if value:
            resource = Resource(Kind.COLUMNS, database, table, values=(str(column["Name"]),))
            yield Assigned(resource, key, value, value == (own or inherited))


def _opt(one: OptIn) -> dict[str, Any]:
    return {
        "Principal": {"DataLakePrincipalIdentifier": one.principal},
        "Resource": one.resource.to_api(),
    }


def _failure(shape: Mapping[str, Any], grants: Sequence[Grant]) -> tuple[int, str]:
    number = str((shape.get("RequestEntry") or {}).get("Id", ""))
    known = number.isdecimal() and int(number) < len(grants)
    return int(number) if known else -1, f"{grants[int(number)] if known else number}: {_error(shape)}"


def _error(shape: Mapping[str, Any]) -> str:
    error = shape.get("Error") or {}
    return f"{error.get('ErrorCode', 'no code')}: {redact_text(str(error.get('ErrorMessage', '')))}"
