"""Serve Lake Formation at moto's endpoint, over the Data Catalog of moto's Glue."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from glue_secure.embedded.account import ACCOUNT_ID, REGION
from glue_secure.embedded.lake_formation import OPERATIONS, LakeFormationError, LakeFormationService

Response = tuple[int, dict[str, str], str]


class CatalogDatabases(Mapping[str, Any]):
    """The databases of a Glue backend of moto, by name."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getitem__(self, name: str) -> Any:
        return self._backend.databases[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._backend.databases))

    def __len__(self) -> int:
        return len(self._backend.databases)


class CatalogTables(Mapping[tuple[str, str], tuple[str, ...]]):
    """The columns and partition keys of the tables of a Glue backend of moto, by database and table."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getitem__(self, key: tuple[str, str]) -> tuple[str, ...]:
        database, name = key
        shape = self._backend.databases[database].tables[name].as_dict()
        columns = (shape.get("StorageDescriptor") or {}).get("Columns") or ()
        keys = shape.get("PartitionKeys") or ()
        return tuple(str(column["Name"]) for column in (*columns, *keys))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for database in list(self._backend.databases.values()):
            yield from ((database.name, name) for name in list(database.tables))

    def __len__(self) -> int:
        return sum(len(database.tables) for database in self._backend.databases.values())


def serve_lake_formation() -> LakeFormationService:
    """Replace moto's Lake Formation in this process. Return the service.

    New databases and tables get the default permissions of ``DataLakeSettings``, as in AWS:
    https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
    """
    from moto.glue.models import glue_backends
    from moto.lakeformation import urls

    backend = glue_backends[ACCOUNT_ID][REGION]
    service = LakeFormationService(
        ACCOUNT_ID, databases=CatalogDatabases(backend), tables=CatalogTables(backend)
    )
    lock = threading.RLock()
    urls.url_paths.clear()
    for operation in OPERATIONS:
        urls.url_paths[f"{{0}}/{operation}$"] = _handler(service, lock, operation)
    _follow_catalog(backend, service, lock)
    return service


def _handler(
    service: LakeFormationService, lock: threading.RLock, operation: str
) -> Callable[[Any, str, Any], Response]:
    def respond(request: Any, _url: str, _headers: Any) -> Response:
        headers = {"Content-Type": "application/json"}
        try:
            parameters = json.loads(request.get_data() or b"{}")
            with lock:
                return 200, headers, json.dumps(service.handle(operation, parameters))
        except LakeFormationError as error:
            headers["x-amzn-ErrorType"] = error.code
            return 400, headers, json.dumps({"__type": error.code, "Message": error.message})

    respond.__name__ = operation  # moto names the route after the function
    return respond


def _follow_catalog(backend: Any, service: LakeFormationService, lock: threading.RLock) -> None:
    """Give new databases and tables their default permissions, and remove what belongs to deleted ones."""
    create_database, create_table = backend.create_database, backend.create_table
    delete_database, delete_table = backend.delete_database, backend.delete_table

    def created_database(database_name: str, database_input: dict[str, Any], *rest: Any) -> Any:
        with lock:
            defaults = service.settings.get("CreateTableDefaultPermissions")
            definition = {"CreateTableDefaultPermissions": defaults, **database_input}
            database = create_database(database_name, definition, *rest)
            service.database_created(database.name)
            return database

    def created_table(database_name: str, *rest: Any) -> Any:
        with lock:
            table = create_table(database_name, *rest)
            database = backend.get_database(database_name)
            defaults = database.input.get("CreateTableDefaultPermissions")
            service.table_created(table.database_name, table.name, defaults)
            return table

    def deleted_database(database_name: str) -> None:
        with lock:
            delete_database(database_name)
            service.deleted(database_name.lower())

    def deleted_table(database_name: str, table_name: str) -> None:
        with lock:
            delete_table(database_name, table_name)
            service.deleted(database_name.lower(), table_name.lower())

    backend.create_database, backend.create_table = created_database, created_table
    backend.delete_database, backend.delete_table = deleted_database, deleted_table
