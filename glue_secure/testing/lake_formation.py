"""Lake Formation in memory, used through real boto3 clients: operations that moto lacks, and failures.

botocore validates each request, and each response is validated against botocore's model of the service, as
botocore's Stubber does. No request leaves the process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.embedded.lake_formation import LakeFormationError, LakeFormationService

ADMIN = "arn:aws:iam::123456789012:role/admin"
_PARAMETERS = "glue_secure_parameters"


@dataclass(slots=True)
class FakeLakeFormation(LakeFormationService):
    """One account, with its Data Catalog. Tests change its attributes to simulate changes by other users.

    Attributes:
        databases: name → GetDatabase's ``Database``.
        tables: (database, table) → all columns, including partition keys.
        partition_keys: (database, table) → partition keys, which are the last of the columns.
        locations: (database, table) → location of the table.
        links: (database, name of a resource link) → GetTable's ``TargetTable``.
        requests: number of calls by operation.
        denied: operations that return AccessDeniedException.
        ignored_operations: operations that return success without effect.
        recorded_requests: operation and parameters of each request, if ``record_requests`` is true.
    """

    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    partition_keys: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    locations: dict[tuple[str, str], str] = field(default_factory=dict)
    links: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    denied: set[str] = field(default_factory=set)
    ignored_operations: set[str] = field(default_factory=set)
    recorded_requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    record_requests: bool = True

    def __post_init__(self) -> None:
        self.settings["DataLakeAdmins"] = [{"DataLakePrincipalIdentifier": ADMIN}]

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

    def table(
        self,
        database: str,
        name: str,
        *columns: str,
        open_to_iam: bool = False,
        partition_keys: tuple[str, ...] = (),
    ) -> None:
        """Create a table, and its database if it does not exist."""
        self.databases.setdefault(database, {"Name": database})
        self.tables[database, name] = (*columns, *partition_keys)
        self.partition_keys[database, name] = partition_keys
        if open_to_iam:
            self.put("IAM_ALLOWED_PRINCIPALS", {"Table": {"DatabaseName": database, "Name": name}}, "ALL")

    def link(self, database: str, name: str, target: str, *, account: str = "") -> None:
        """Create a resource link to the table ``DATABASE.TABLE``, by default of this account."""
        self.table(database, name)
        target_database, _, target_name = target.partition(".")
        self.links[database, name] = {
            "CatalogId": account or self.account,
            "DatabaseName": target_database,
            "Name": target_name,
        }

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
        code, message = "AccessDeniedException" if model.name in self.denied else "", "fake"
        response: dict[str, Any] = {}
        if not code and model.name not in self.ignored_operations:
            try:
                response = self.handle(model.name, parameters)
            except LakeFormationError as error:
                code, message = error.code, error.message
        if code:
            return AWSResponse("https://lake", 400, {}, None), {"Error": {"Code": code, "Message": message}}
        validate_parameters(response, model.output_shape)
        return AWSResponse("https://lake", 200, {}, None), response

    def _GetDatabases(self, parameters: Any) -> Any:
        return self._paged("DatabaseList", list(self.databases.values()), parameters)

    def _GetDatabase(self, parameters: Any) -> Any:
        return {"Database": self._of_catalog(self.databases, parameters["Name"])}

    def _UpdateDatabase(self, parameters: Any) -> Any:
        self.databases[parameters["Name"]] = parameters["DatabaseInput"]
        return {}

    def _GetTable(self, parameters: Any) -> Any:
        name = (parameters["DatabaseName"], parameters["Name"])
        shapes = [{"Name": column, "Type": "string"} for column in self._of_catalog(self.tables, name)]
        keys = len(self.partition_keys.get(name, ()))
        if name in self.links:
            return {"Table": {"DatabaseName": name[0], "Name": name[1], "TargetTable": self.links[name]}}
        return {
            "Table": {
                "DatabaseName": parameters["DatabaseName"],
                "Name": parameters["Name"],
                "StorageDescriptor": {
                    "Columns": shapes[: len(shapes) - keys],
                    "Location": self.locations.get(name, ""),
                },
                "PartitionKeys": shapes[len(shapes) - keys :],
            }
        }

    def _GetTables(self, parameters: Any) -> Any:
        names = [name for name in self.tables if name[0] == parameters["DatabaseName"]]
        page = self._paged("TableList", names, parameters)
        page["TableList"] = [
            self._GetTable({"DatabaseName": database, "Name": name})["Table"]
            for database, name in page["TableList"]
        ]
        return page

    def _of_catalog(self, entries: Mapping[Any, Any], name: Any) -> Any:
        if name not in entries:
            raise LakeFormationError("EntityNotFoundException", f"{name} not found.")
        return entries[name]


def _store_parameters(*, params: Any, context: dict[str, Any], **_: Any) -> None:
    context[_PARAMETERS] = json.loads(json.dumps(params))
