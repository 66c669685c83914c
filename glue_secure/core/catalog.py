"""A Data Catalog table, as far as a read needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """``Table`` of GetTable.

    Attributes:
        database: the database's name.
        name: the table's name.
        location: ``s3://...``, or ``database.schema.table`` behind a connection.
        classification: ``csv``, ``parquet``, ..., or the engine's name (``postgresql``).
        connection: the Glue connection's name, ``""`` for a table in S3.
        serde: the SerDe's parameters (``field.delim``).
        parameters: the table's own (``skip.header.line.count``).
    """

    database: str
    name: str
    location: str
    classification: str
    connection: str
    serde: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CatalogTable:
        """Read the ``Table`` member of a GetTable response."""
        storage = shape.get("StorageDescriptor") or {}
        parameters = {**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})}
        return cls(
            database=str(shape.get("DatabaseName", "")),
            name=str(shape.get("Name", "")),
            location=str(storage.get("Location") or ""),
            classification=str(parameters.get("classification") or "").lower(),
            connection=str(parameters.get("connectionName") or ""),
            serde={
                str(k): str(v) for k, v in ((storage.get("SerdeInfo") or {}).get("Parameters") or {}).items()
            },
            parameters={str(k): str(v) for k, v in parameters.items()},
        )
