"""Tables of the embedded Data Catalog without data: made by hand, or copied from an account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.table_definition import STORAGE, TABLE_INPUT, Columns, TableDefinition
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import provision
from glue_secure.embedded.clients import clients

FORMATS = tuple(STORAGE)
# What GetDatabase returns and the input of CreateDatabase has as well.
_DATABASE = ("Name", "Description", "LocationUri", "Parameters")


def columns_of(text: str, option: str) -> Columns:
    """Return columns of ``id bigint, tags array<string>``, as AWS Glue names them.

    Raises:
        UsageError: a column has no type.
    """
    columns: list[tuple[str, str]] = []
    # A comma inside of a type is inside of brackets.
    for part in re.split(r",(?![^<(]*[>)])", text):
        name, _, kind = part.strip().partition(" ")
        if not name or not kind.strip():
            raise UsageError(option, found=repr(part.strip()), required="NAME TYPE, NAME TYPE")
        columns.append((name.lower(), kind.strip()))
    return tuple(columns)


def define_table(
    account: EmbeddedAccount,
    name: str,
    location: str,
    columns: str,
    *,
    format: str = "parquet",
    partition_keys: str = "",
    replace: bool = False,
) -> None:
    """Create a table, and its database and bucket unless they exist.

    Args:
        account: a running account.
        name: ``DATABASE.TABLE``.
        location: ``s3://BUCKET/PREFIX/``.
        columns: names and types: ``id bigint, name string``.
        format: one of ``FORMATS``.
        partition_keys: names and types, as for ``columns``.
        replace: whether the definition replaces one that exists.

    Raises:
        UsageError: the table exists, or an argument is invalid.
    """
    database, _, table = name.partition(".")
    if not database or not table:
        raise UsageError("DATABASE.TABLE", found=repr(name), required="a database and a table: sales.orders")
    table_columns = columns_of(columns, "--columns")
    keys = columns_of(partition_keys, "--partition-keys") if partition_keys else ()
    place = S3Uri.parse(location)
    if format not in STORAGE:
        raise UsageError("--format", found=repr(format), required=", ".join(FORMATS))
    is_csv = format == "csv"
    definition = TableDefinition(
        database=database,
        name=table,
        location=location,
        classification=format,
        columns=table_columns,
        partition_keys=keys,
        serde={"field.delim": ",", "serialization.format": ","} if is_csv else {"serialization.format": "1"},
        parameters={"skip.header.line.count": "1"} if is_csv else {},
    )
    glue = _with_database(account, {"Name": database})
    create_bucket(account, place.bucket)
    try:
        glue.create_table(DatabaseName=database, TableInput=definition.to_api())
    except glue.exceptions.AlreadyExistsException:
        if not replace:
            raise UsageError(
                f"table {database}.{table}", found="exists already", required="a new name"
            ) from None
        glue.update_table(DatabaseName=database, TableInput=definition.to_api())


def read_database(glue: Any, database: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a database and its tables as inputs of CreateDatabase and CreateTable.

    Args:
        glue: client of AWS Glue of the account that has the database.
        database: its name.

    Raises:
        UsageError: there is no such database.
    """
    try:
        found = glue.get_database(Name=database)["Database"]
    except glue.exceptions.EntityNotFoundException:
        raise UsageError(f"database {database}", found="no such database", required="its name") from None
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    tables = [_chosen(table, TABLE_INPUT) for page in pages for table in page["TableList"]]
    return _chosen(found, _DATABASE), tables


def import_database(
    account: EmbeddedAccount, database: Mapping[str, Any], tables: Iterable[Mapping[str, Any]]
) -> tuple[list[str], list[str]]:
    """Create a database, its tables and the buckets of their locations. Nothing has data.

    Returns:
        Names of the tables that were created, and of those that exist already and stay.
    """
    glue = _with_database(account, database)
    created: list[str] = []
    existing: list[str] = []
    for table in tables:
        location = str((table.get("StorageDescriptor") or {}).get("Location") or "")
        if location.startswith(("s3://", "s3a://", "s3n://")):
            create_bucket(account, location.partition("://")[2].partition("/")[0])
        try:
            glue.create_table(DatabaseName=database["Name"], TableInput=dict(table))
            created.append(str(table["Name"]))
        except glue.exceptions.AlreadyExistsException:
            existing.append(str(table["Name"]))
    return created, existing


def _with_database(account: EmbeddedAccount, database: Mapping[str, Any]) -> Any:
    """Create a database, unless it exists, and return the client of AWS Glue."""
    provision(account)
    glue = clients(account)("glue")
    with suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput=dict(database))
    return glue


def create_bucket(account: EmbeddedAccount, bucket: str) -> None:
    """Create a bucket unless it exists."""
    s3 = clients(account)("s3")
    if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)


def _chosen(shape: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: shape[name] for name in names if shape.get(name) is not None}
