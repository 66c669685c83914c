"""A Data Catalog table as a write creates or updates it.

https://docs.aws.amazon.com/glue/latest/dg/update-from-job.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.core.catalog import classification_of

_HIVE = "org.apache.hadoop.hive"
# Input format, output format and SerDe of Hive and Athena, by classification.
# https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html
STORAGE = {
    "csv": (
        "org.apache.hadoop.mapred.TextInputFormat",
        f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat",
        f"{_HIVE}.serde2.lazy.LazySimpleSerDe",
    ),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "parquet": (
        f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat",
        f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat",
        f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "avro": (
        f"{_HIVE}.ql.io.avro.AvroContainerInputFormat",
        f"{_HIVE}.ql.io.avro.AvroContainerOutputFormat",
        f"{_HIVE}.serde2.avro.AvroSerDe",
    ),
}
# What Spark and Hudi store for tables that Hive does not read as files.
LAKE_STORAGE = {
    "delta": (
        "org.apache.hadoop.mapred.SequenceFileInputFormat",
        f"{_HIVE}.ql.io.HiveSequenceFileOutputFormat",
        f"{_HIVE}.serde2.lazy.LazySimpleSerDe",
    ),
    "hudi": (
        "org.apache.hudi.hadoop.HoodieParquetInputFormat",
        f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat",
        f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
}
TABLE_INPUT = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip
"""The members that Table and TableInput have in common."""

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table in S3.

    Attributes:
        database: the database's name.
        name: the table's name.
        location: S3 location of its files.
        classification: ``csv``, ``json``, ``parquet``, ``avro``, ...
        columns: name and Hive type of each column that is not a partition key.
        partition_keys: name and Hive type of each partition key.
        serde: the SerDe's parameters.
        parameters: the table's parameters.
        connection: the Glue connection's name, ``""`` for a table in S3.
        version: the table version's id, ``""`` for a new table.
        in_lake: whether its location is registered with Lake Formation.
    """

    database: str
    name: str
    location: str
    classification: str
    columns: Columns
    partition_keys: Columns = ()
    serde: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    connection: str = ""
    version: str = ""
    in_lake: bool = False

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> TableDefinition:
        """Return the value of a GetTable response's ``Table``."""
        storage = shape.get("StorageDescriptor") or {}
        parameters = _texts({**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})})
        return cls(
            database=str(shape.get("DatabaseName", "")),
            name=str(shape.get("Name", "")),
            location=str(storage.get("Location") or ""),
            classification=classification_of(shape),
            columns=_columns(storage.get("Columns")),
            partition_keys=_columns(shape.get("PartitionKeys")),
            serde=_texts((storage.get("SerdeInfo") or {}).get("Parameters") or {}),
            parameters=parameters,
            connection=parameters.get("connectionName", ""),
            version=str(shape.get("VersionId") or ""),
            in_lake=shape.get("IsRegisteredWithLakeFormation") is True,
        )

    def to_api(self) -> dict[str, Any]:
        """Return ``TableInput`` of CreateTable."""
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": self.classification, **self.parameters},
            "PartitionKeys": _shapes(self.partition_keys),
            "StorageDescriptor": self.storage(self.location),
        }

    def storage(self, location: str) -> dict[str, Any]:
        """Return ``StorageDescriptor`` of the table, or of one of its partitions, at ``location``."""
        input_format, output_format, serde = {**STORAGE, **LAKE_STORAGE}[self.classification]
        return {
            "Columns": _shapes(self.columns),
            "Location": location,
            "InputFormat": input_format,
            "OutputFormat": output_format,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": dict(self.serde)},
        }


def with_columns(shape: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return ``TableInput`` of UpdateTable: the table of GetTable with other columns.

    A remaining column keeps its comment and its parameters, which column policies read as tags.
    """
    table_input = {name: shape[name] for name in TABLE_INPUT if name in shape}
    storage = shape.get("StorageDescriptor") or {}
    known = {str(column["Name"]).lower(): column for column in storage.get("Columns", ())}
    replaced = [{**known.get(column["Name"].lower(), {}), **column} for column in _shapes(columns)]
    table_input["StorageDescriptor"] = {**storage, "Columns": replaced}
    return table_input


def _columns(shapes: Any) -> Columns:
    return tuple((str(shape["Name"]), str(shape.get("Type") or "")) for shape in shapes or ())


def _shapes(columns: Columns) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
