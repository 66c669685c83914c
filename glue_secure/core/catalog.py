"""Data Catalog tables and partitions as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glue_secure.core.identifiers import S3Uri

# Formats of SerDes, by a part of the name of their class. Spark SQL creates tables without a classification.
# https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
_FORMATS_OF_SERDES = {
    "parquet": "parquet",
    "orc": "orc",
    "avro": "avro",
    "json": "json",
    "lazysimpleserde": "csv",
    "opencsvserde": "csv",
    "ionhiveserde": "ion",
}
# The classification of a table of a grok classifier is the classifier's, such as the name of a product.
# https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html
_GROK_SERDE, GROK = "grokserde", "groklog"


def classification_of(shape: Mapping[str, Any]) -> str:
    """Return the classification of a ``Table``: its parameter, else its Spark source or its SerDe's format.

    A table of the SerDe for grok patterns has the classification ``groklog``, whatever its parameter is.
    Return ``""`` if none of them is known.
    """
    storage = shape.get("StorageDescriptor") or {}
    parameters = {**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})}
    named = parameters.get("classification") or parameters.get("spark.sql.sources.provider")
    serde = str((storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "").rpartition(".")[2].lower()
    if serde == _GROK_SERDE:
        return GROK
    if named:
        return str(named).lower()
    return next((format for part, format in _FORMATS_OF_SERDES.items() if part in serde), "")


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """``Column`` of the Glue API.

    Attributes:
        name: the column's name.
        type: its Hive type: ``bigint``, ``struct<a:int,b:array<string>>``.
    """

    name: str
    type: str

    @classmethod
    def from_api(cls, shapes: Sequence[Mapping[str, Any]] | None) -> tuple[CatalogColumn, ...]:
        """Return the columns of a response. A column without a type is a string, as in Hive."""
        return tuple(
            cls(str(shape.get("Name", "")), str(shape.get("Type") or "string")) for shape in shapes or ()
        )


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """``Table`` of GetTable.

    Attributes:
        database: the database's name.
        name: the table's name.
        location: ``s3://...``, or ``database.schema.table`` behind a connection.
        classification: ``csv``, ``parquet``, ..., or the engine's name (``postgresql``); see
            :func:`classification_of`.
        connection: the Glue connection's name, ``""`` for a table in S3.
        serde: the SerDe's parameters (``field.delim``).
        parameters: the table's parameters (``skip.header.line.count``).
        columns: the columns of the data files.
        partition_keys: the partition columns, in order.
        version: the table version's id, ``""`` if the response has none.
        in_lake: whether its location is registered with Lake Formation.
    """

    database: str
    name: str
    location: str
    classification: str
    connection: str
    serde: Mapping[str, str]
    parameters: Mapping[str, str]
    columns: tuple[CatalogColumn, ...] = ()
    partition_keys: tuple[CatalogColumn, ...] = ()
    version: str = ""
    in_lake: bool = False

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CatalogTable:
        """Return the value of a GetTable response's ``Table``."""
        storage = shape.get("StorageDescriptor") or {}
        parameters = {**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})}
        return cls(
            database=str(shape.get("DatabaseName", "")),
            name=str(shape.get("Name", "")),
            location=str(storage.get("Location") or ""),
            classification=classification_of(shape),
            connection=str(parameters.get("connectionName") or ""),
            serde=_serde(storage),
            parameters={str(k): str(v) for k, v in parameters.items()},
            columns=CatalogColumn.from_api(storage.get("Columns")),
            partition_keys=CatalogColumn.from_api(shape.get("PartitionKeys")),
            version=str(shape.get("VersionId") or ""),
            in_lake=shape.get("IsRegisteredWithLakeFormation") is True,
        )


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """``Partition`` of GetPartitions.

    Attributes:
        values: one text for each partition key, in the table's order.
        location: S3 location of its data, not necessarily below the table's location.
        serde: the SerDe's parameters.
        parameters: the partition's parameters.
    """

    values: tuple[str, ...]
    location: str
    serde: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CatalogPartition:
        """Return the value of one entry of a GetPartitions response."""
        storage = shape.get("StorageDescriptor") or {}
        parameters = {**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})}
        return cls(
            values=tuple(str(value) for value in shape.get("Values") or ()),
            location=str(storage.get("Location") or ""),
            serde=_serde(storage),
            parameters={str(k): str(v) for k, v in parameters.items()},
        )


def _serde(storage: Mapping[str, Any]) -> dict[str, str]:
    return {str(k): str(v) for k, v in ((storage.get("SerdeInfo") or {}).get("Parameters") or {}).items()}


@dataclass(frozen=True, slots=True)
class PartitionValues:
    """Partition values of the Data Catalog, by the folder that contains a partition's objects.

    Attributes:
        keys: the partition columns, in order.
        values: for each folder, one text per partition column.
    """

    keys: tuple[CatalogColumn, ...]
    values: Mapping[S3Uri, tuple[str, ...]]
