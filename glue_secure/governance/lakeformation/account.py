"""Read and change Lake Formation in an account, in pages and batches, with injected clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation.access import TableFacts
from glue_secure.governance.lakeformation.desired import Deleted, Deletion, Location
from glue_secure.governance.lakeformation.model import (
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Resource,
    RowAttachment,
    RowPolicy,
    TableTags,
    expression_from_api,
    expression_to_api,
    tags_from_api,
)
from glue_secure.governance.lakeformation.settings import (
    DEFAULTS,
    SettingChange,
    Settings,
    include_iam_group,
)

BATCH = 20
"""Maximum number of entries of BatchGrantPermissions."""

_NOT_REVOKED = "No permissions revoked"
"""The service's message if it lists permissions that were not granted explicitly, such as a creator's.

https://github.com/hashicorp/terraform-provider-aws/issues/35160
"""

_PAGE = 1000  # maximum of MaxResults
_SEARCH_PAGE = 100  # maximum of MaxResults of searches by LF-Tags
_VALUES = 50  # maximum number of LF-Tag values in a request
_DATABASE_INPUT = ("Name", "Description", "LocationUri", "Parameters", "TargetDatabase", "FederatedDatabase")


@dataclass(frozen=True, slots=True, order=True)
class AssignedTag:
    """One LF-Tag of a resource.

    Attributes:
        resource: a database, a table, or one column.
        key: the LF-Tag's key.
        value: the LF-Tag's value on this resource.
        may_be_inherited: whether the parent has the same value. The searches do not show whether the tag is
            inherited or assigned in this case.
    """

    resource: Resource
    key: str
    value: str
    may_be_inherited: bool = False


class BatchFailedError(ServiceError):
    """A batch request succeeded, but some of its entries failed.

    Args:
        operation: the operation.
        entries: index in the batch and error of each failed entry.
        not_revoked: indexes of entries that had no effect, because the principal has no such explicit grant.

    Attributes:
        entries: index in the batch and error of each failed entry.
        not_revoked: as above.
    """

    def __init__(
        self, operation: str, entries: Sequence[tuple[int, str]], not_revoked: Sequence[int] = ()
    ) -> None:
        errors = "; ".join(f"entry {number}: {error}" for number, error in entries[:5])
        more = f" and {len(entries) - 5} more" if len(entries) > 5 else ""
        super().__init__(f"{operation}: {errors}{more}", code="Failures", operation=operation)
        self.entries, self.not_revoked = tuple(entries), tuple(not_revoked)


class Account:
    """Lake Formation in one account. Every method raises ServiceError.

    Args:
        lakeformation: a Lake Formation client.
        glue: a Glue client, for the default permissions of databases.
        account: the account id.
        iam: an IAM client, for the policies of a job's role; None if they are not checked.
    """

    def __init__(self, *, lakeformation: Any, glue: Any, account: str, iam: Any = None) -> None:
        self._lake, self._glue, self.id, self.iam = lakeformation, glue, account, iam

    @property
    def partition(self) -> str:
        """The partition of the account's ARNs: ``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return str(self._lake.meta.partition)

    def settings(self) -> Settings:
        """Read the settings (GetDataLakeSettings)."""
        return Settings.from_api(self._settings())

    def open_databases(self) -> Iterator[str]:
        """Yield the databases whose new tables get permissions for IAMAllowedPrincipals (GetDatabases)."""
        for entry in self._pages("GetDatabases", "DatabaseList", client=self._glue, MaxResults=100):
            if include_iam_group(entry.get("CreateTableDefaultPermissions")):
                yield str(entry["Name"])

    def tags(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and all values of the account's own LF-Tags (ListLFTags)."""
        for entry in self._pages("ListLFTags", "LFTags", MaxResults=_PAGE):
            if entry.get("CatalogId") in (None, "", self.id):
                yield str(entry["TagKey"]), tuple(sorted(map(str, entry["TagValues"])))

    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """Yield the named LF-Tag expressions (ListLFTagExpressions)."""
        for entry in self._pages("ListLFTagExpressions", "LFTagExpressions", MaxResults=_PAGE):
            yield str(entry["Name"]), expression_from_api(entry.get("Expression"))

    def locations(self) -> Iterator[Location]:
        """Yield the registered locations (ListResources)."""
        for entry in self._pages("ListResources", "ResourceInfoList", MaxResults=_PAGE):
            role = str(entry.get("RoleArn") or "")
            if "/aws-service-role/lakeformation.amazonaws.com/" in role:
                role = ""
            yield Location(str(entry["ResourceArn"]), role, entry.get("HybridAccessEnabled") is True)

    def filters(self) -> Iterator[CellFilter]:
        """Yield the data cell filters of the default catalog (ListDataCellsFilter)."""
        for entry in self._pages("ListDataCellsFilter", "DataCellsFilters", MaxResults=_PAGE):
            if entry.get("TableCatalogId") in (None, "", self.id):
                yield CellFilter.from_api(entry)

    def assigned(self, tags: Mapping[str, Sequence[str]]) -> Iterator[AssignedTag]:
        """Yield the resources with these LF-Tags (SearchDatabasesByLFTags, SearchTablesByLFTags)."""
        for key, values in tags.items():
            for begin in range(0, len(values), _VALUES):
                expression = [{"TagKey": key, "TagValues": list(values[begin : begin + _VALUES])}]
                search: dict[str, Any] = {"Expression": expression, "MaxResults": _SEARCH_PAGE}
                for entry in self._pages("SearchDatabasesByLFTags", "DatabaseList", **search):
                    if value := _value(entry.get("LFTags"), key):
                        shape = {"Database": entry["Database"]}
                        yield AssignedTag(Resource.from_api(shape, self.id), key, value)
                for entry in self._pages("SearchTablesByLFTags", "TableList", **search):
                    yield from _table_tags(entry, key, self.id)

    def grants(self, nested: Iterable[Resource] = ()) -> Iterator[Grant]:
        """Yield the grants (ListPermissions). The service can list a pair in several entries.

        Args:
            nested: resources of nested catalogs, whose grants are listed resource by resource, because a
                listing of the account need not contain them.
        """
        listed = {resource.listed_with for resource in nested}
        for entry in self._pages("ListPermissions", "PrincipalResourcePermissions", MaxResults=_PAGE):
            grant = Grant.from_api(entry, self.id)
            if grant.resource.listed_with not in listed:
                yield grant
        for resource in sorted(listed):
            request = {"Resource": resource.to_api(), "MaxResults": _PAGE}
            for entry in self._pages("ListPermissions", "PrincipalResourcePermissions", **request):
                grant = Grant.from_api(entry, self.id)
                if grant.resource.listed_with == resource:
                    yield grant

    def opt_ins(self) -> Iterator[OptIn]:
        """Yield the opt-ins of hybrid access mode (ListLakeFormationOptIns)."""
        for entry in self._pages("ListLakeFormationOptIns", "LakeFormationOptInsInfoList", MaxResults=_PAGE):
            yield OptIn.from_api(entry, self.id)

    def grant(self, grants: Sequence[Grant]) -> None:
        """Grant permissions (BatchGrantPermissions). Raises BatchFailedError."""
        self._batch("BatchGrantPermissions", grants)

    def revoke(self, grants: Sequence[Grant]) -> None:
        """Revoke permissions (BatchRevokePermissions). Raises BatchFailedError."""
        self._batch("BatchRevokePermissions", grants)

    def create_tag(self, key: str, values: Sequence[str]) -> None:
        """Create an LF-Tag (CreateLFTag, and UpdateLFTag if it has more values than fit into a request)."""
        self._call("CreateLFTag", TagKey=key, TagValues=list(values[:_VALUES]))
        if values[_VALUES:]:
            self.change_tag(key, add=values[_VALUES:])

    def change_tag(self, key: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Add and remove values of an LF-Tag (UpdateLFTag)."""
        for name, values in (("TagValuesToAdd", add), ("TagValuesToDelete", remove)):
            for begin in range(0, len(values), _VALUES):
                self._call("UpdateLFTag", TagKey=key, **{name: list(values[begin : begin + _VALUES])})

    def put_expression(self, name: str, expression: Expression, *, exists: bool) -> None:
        """Create or update an LF-Tag expression (CreateLFTagExpression, UpdateLFTagExpression)."""
        operation = "UpdateLFTagExpression" if exists else "CreateLFTagExpression"
        self._call(operation, Name=name, Expression=expression_to_api(expression))

    def put_filter(self, cells: CellFilter, *, exists: bool) -> None:
        """Create or update a data cell filter (CreateDataCellsFilter, UpdateDataCellsFilter)."""
        operation = "UpdateDataCellsFilter" if exists else "CreateDataCellsFilter"
        self._call(operation, TableData=cells.to_api(self.id))

    def assign(self, resource: Resource, tags: Mapping[str, str]) -> None:
        """Assign or replace LF-Tags of a resource (AddLFTagsToResource). Raises BatchFailedError."""
        self._tag("AddLFTagsToResource", resource, tags)

    def unassign(self, resource: Resource, tags: Mapping[str, str]) -> None:
        """Remove LF-Tags from a resource (RemoveLFTagsFromResource). Raises BatchFailedError."""
        self._tag("RemoveLFTagsFromResource", resource, tags)

    def register(self, location: Location, *, exists: bool) -> None:
        """Register or update a location (RegisterResource, UpdateResource)."""
        shape: dict[str, Any] = {"ResourceArn": location.arn, "HybridAccessEnabled": location.hybrid}
        if location.role:
            shape["RoleArn"] = location.role
        elif not exists:
            shape["UseServiceLinkedRole"] = True
        self._call("UpdateResource" if exists else "RegisterResource", **shape)

    def opt_in(self, opt_in: OptIn) -> None:
        """Create an opt-in (CreateLakeFormationOptIn)."""
        self._call("CreateLakeFormationOptIn", **opt_in.to_api())

    def opt_out(self, opt_in: OptIn) -> None:
        """Delete an opt-in (DeleteLakeFormationOptIn)."""
        self._call("DeleteLakeFormationOptIn", **opt_in.to_api())

    def close_defaults(self) -> None:
        """Remove the default permissions of the account (PutDataLakeSettings)."""
        settings = self._settings()
        self._call("PutDataLakeSettings", DataLakeSettings={**settings, **{name: [] for name in DEFAULTS}})

    def row_policies(self) -> Iterator[RowPolicy]:
        """Yield the row-level security policies (ListRLSPolicies)."""
        return map(RowPolicy.from_api, self._pages("ListRLSPolicies", "RLSPolicies", MaxResults=_PAGE))

    def row_attachments(self) -> Iterator[RowAttachment]:
        """Yield the row-level security policies of tables (ListRLSPolicyAttachments)."""
        for entry in self._pages("ListRLSPolicyAttachments", "RLSPolicyAttachments", MaxResults=_PAGE):
            yield RowAttachment.from_api(entry, self.id)

    def put_row_policy(self, policy: RowPolicy, *, exists: bool) -> None:
        """Create a policy, or change its filter expression (CreateRLSPolicy, UpdateRLSPolicy)."""
        if exists:
            self._call("UpdateRLSPolicy", Name=policy.name, FilterExpression=policy.rows)
        else:
            self._call("CreateRLSPolicy", **policy.to_api())

    def attach(self, attachment: RowAttachment) -> None:
        """Attach a row-level security policy to a table (AttachRLSPolicy)."""
        self._call("AttachRLSPolicy", **attachment.to_api("SetDefault"))

    def detach(self, attachment: RowAttachment) -> None:
        """Detach a row-level security policy from a table (DetachRLSPolicy)."""
        self._call("DetachRLSPolicy", **attachment.to_api("RemoveDefault"))

    def delete(self, deletion: Deletion) -> None:
        """Delete an object, or deregister a location.

        The operations are DeregisterResource, DeleteDataCellsFilter, DeleteRLSPolicy, DeleteLFTagExpression
        and DeleteLFTag.
        """
        name = deletion.name
        if deletion.kind is Deleted.LOCATION:
            self._call("DeregisterResource", ResourceArn=name)
        elif deletion.kind is Deleted.EXPRESSION:
            self._call("DeleteLFTagExpression", Name=name)
        elif deletion.kind is Deleted.ROW_POLICY:
            self._call("DeleteRLSPolicy", Name=name)
        elif deletion.kind is Deleted.TAG:
            self._call("DeleteLFTag", TagKey=name)
        else:
            self._call(
                "DeleteDataCellsFilter",
                TableCatalogId=self.id,
                DatabaseName=deletion.database,
                TableName=deletion.table,
                Name=name,
            )

    def change_setting(self, change: SettingChange) -> None:
        """Change one setting, and leave all others (GetDataLakeSettings, PutDataLakeSettings)."""
        settings = self._settings()
        change.apply(settings)
        self._call("PutDataLakeSettings", DataLakeSettings=settings)

    def close_database(self, name: str) -> None:
        """Remove the default permissions of a database (UpdateDatabase)."""
        database = self._call("GetDatabase", client=self._glue, Name=name)["Database"]
        unchanged = {member: database[member] for member in _DATABASE_INPUT if member in database}
        self._call(
            "UpdateDatabase",
            client=self._glue,
            Name=name,
            DatabaseInput={**unchanged, "CreateTableDefaultPermissions": []},
        )

    def table(self, database: str, name: str, catalog: str = "") -> TableFacts:
        """Read columns, location, LF-Tags and target of a table or resource link.

        The operations are GetTable and GetResourceLFTags.
        """
        nested = {"CatalogId": catalog} if catalog else {}
        request = {"DatabaseName": database, "Name": name, **nested}
        table = self._call("GetTable", client=self._glue, **request)["Table"]
        resource = {"Table": {"DatabaseName": database, "Name": name, **nested}}
        tags = tags_from_api(self._call("GetResourceLFTags", Resource=resource))
        return _table_facts(table, tags, self.id, database, name, catalog)

    def tables(self) -> Iterator[TableFacts]:
        """Yield the tables and resource links of the default catalog.

        The operations are GetDatabases, GetTables for each database, and the searches by LF-Tags.
        """
        assigned: dict[Resource, dict[str, str]] = {}
        for tag in self.assigned(dict(self.tags())):
            assigned.setdefault(tag.resource, {})[tag.key] = tag.value
        columns: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        for resource, tags in assigned.items():
            if resource.kind is Kind.COLUMNS and not resource.catalog:
                columns.setdefault((resource.database, resource.name), {})[resource.values[0]] = tags
        for shape in self._pages("GetDatabases", "DatabaseList", client=self._glue, MaxResults=100):
            if shape.get("TargetDatabase"):
                continue  # its tables are those of another database or account
            database = str(shape["Name"])
            request = {"DatabaseName": database, "MaxResults": 100}
            for table in self._pages("GetTables", "TableList", client=self._glue, **request):
                name = str(table["Name"])
                own = TableTags(
                    assigned.get(Resource(Kind.DATABASE, database), {}),
                    assigned.get(Resource(Kind.TABLE, database, name), {}),
                    columns.get((database, name), {}),
                )
                yield _table_facts(table, own, self.id, database, name)

    def database_location(self, name: str) -> str:
        """Read the location of a database, ``""`` without one (GetDatabase)."""
        database = self._call("GetDatabase", client=self._glue, Name=name)["Database"]
        return str(database.get("LocationUri") or "")

    def database_tags(self, name: str) -> Mapping[str, str]:
        """Read the LF-Tags of a database (GetResourceLFTags)."""
        response = self._call("GetResourceLFTags", Resource={"Database": {"Name": name}})
        return tags_from_api(response).database

    def _settings(self) -> dict[str, Any]:
        return dict(self._call("GetDataLakeSettings")["DataLakeSettings"])

    def _batch(self, operation: str, grants: Sequence[Grant]) -> None:
        for begin in range(0, len(grants), BATCH):
            batch = grants[begin : begin + BATCH]
            entries = [{"Id": str(number), **grant.to_api()} for number, grant in enumerate(batch)]
            failures = self._call(operation, Entries=entries).get("Failures") or ()
            if failures:
                failed = [_failure(failure, batch) for failure in failures]
                not_revoked = [number for number, error in failed if _NOT_REVOKED in error]
                raise BatchFailedError(operation, failed, not_revoked)

    def _tag(self, operation: str, resource: Resource, tags: Mapping[str, str]) -> None:
        pairs = [{"TagKey": key, "TagValues": [value]} for key, value in tags.items()]
        failures = self._call(operation, Resource=resource.to_api(), LFTags=pairs).get("Failures") or ()
        if failures:
            entries = [
                (number, f"{(failure.get('LFTag') or {}).get('TagKey')} on {resource}: {_error(failure)}")
                for number, failure in enumerate(failures)
            ]
            raise BatchFailedError(operation, entries)

    def _pages(self, operation: str, member: str, *, client: Any = None, **parameters: Any) -> Iterator[Any]:
        while True:
            page = self._call(operation, client=client, **parameters)
            yield from page.get(member) or ()
            if not page.get("NextToken"):
                return
            parameters["NextToken"] = page["NextToken"]

    def _call(self, operation: str, *, client: Any = None, **parameters: Any) -> Any:
        client = client or self._lake
        method = getattr(client, _METHODS[operation], None)
        if method is None:
            raise UsageError(
                "boto3",
                found=f"a version without {operation}",
                required="a version that has this operation of AWS",
                fix="python -m pip install --upgrade boto3",
            )
        with translate_errors(operation):
            return method(**parameters)


_METHODS = {
    "AddLFTagsToResource": "add_lf_tags_to_resource",
    "AttachRLSPolicy": "attach_rls_policy",
    "CreateRLSPolicy": "create_rls_policy",
    "DeleteRLSPolicy": "delete_rls_policy",
    "DetachRLSPolicy": "detach_rls_policy",
    "ListRLSPolicies": "list_rls_policies",
    "ListRLSPolicyAttachments": "list_rls_policy_attachments",
    "UpdateRLSPolicy": "update_rls_policy",
    "BatchGrantPermissions": "batch_grant_permissions",
    "BatchRevokePermissions": "batch_revoke_permissions",
    "CreateDataCellsFilter": "create_data_cells_filter",
    "CreateLFTag": "create_lf_tag",
    "CreateLFTagExpression": "create_lf_tag_expression",
    "CreateLakeFormationOptIn": "create_lake_formation_opt_in",
    "DeleteDataCellsFilter": "delete_data_cells_filter",
    "DeleteLFTag": "delete_lf_tag",
    "DeleteLFTagExpression": "delete_lf_tag_expression",
    "DeleteLakeFormationOptIn": "delete_lake_formation_opt_in",
    "DeregisterResource": "deregister_resource",
    "GetDataLakeSettings": "get_data_lake_settings",
    "GetDatabase": "get_database",
    "GetDatabases": "get_databases",
    "GetResourceLFTags": "get_resource_lf_tags",
    "GetTable": "get_table",
    "GetTables": "get_tables",
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


def _table_facts(
    shape: Mapping[str, Any], tags: TableTags, account: str, database: str, name: str, catalog: str = ""
) -> TableFacts:
    storage = shape.get("StorageDescriptor") or {}
    keys = tuple(str(column["Name"]) for column in shape.get("PartitionKeys") or ())
    names = (*(str(column["Name"]) for column in storage.get("Columns") or ()), *keys)
    link = shape.get("TargetTable") or {}
    target = (
        (str(link.get("CatalogId") or account), str(link["DatabaseName"]), str(link["Name"]))
        if link
        else None
    )
    location = str(storage.get("Location") or "")
    return TableFacts(account, database, name, names, tags, frozenset(keys), target, location, catalog)


def _value(shapes: Any, key: str) -> str:
    for shape in shapes or ():
        if shape.get("TagKey") == key and shape.get("TagValues"):
            return str(shape["TagValues"][0])
    return ""


def _table_tags(shape: Mapping[str, Any], key: str, account: str) -> Iterator[AssignedTag]:
    table = Resource.from_api({"Table": shape["Table"]}, account)
    database_value = _value(shape.get("LFTagOnDatabase"), key)
    table_value = _value(shape.get("LFTagsOnTable"), key)
    if table_value:
        yield AssignedTag(table, key, table_value, table_value == database_value)
    for column in (shape.get("LFTagsOnColumns") or ()) if table.kind is Kind.TABLE else ():
        value = _value(column.get("LFTags"), key)
        if value:
            resource = replace(table, kind=Kind.COLUMNS, values=(str(column["Name"]),))
            yield AssignedTag(resource, key, value, value == (table_value or database_value))


def _failure(shape: Mapping[str, Any], grants: Sequence[Grant]) -> tuple[int, str]:
    entry_id = str((shape.get("RequestEntry") or {}).get("Id", ""))
    if entry_id.isdecimal() and int(entry_id) < len(grants):
        return int(entry_id), f"{grants[int(entry_id)]}: {_error(shape)}"
    return -1, f"{entry_id}: {_error(shape)}"


def _error(shape: Mapping[str, Any]) -> str:
    error = shape.get("Error") or {}
    return f"{error.get('ErrorCode', 'no code')}: {redact_text(str(error.get('ErrorMessage', '')))}"
