"""A Data Catalog table as a write makes it: columns, partition keys, and where and how its files lie.

https://docs.aws.amazon.com/glue/latest/dg/update-from-job.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HIVE = "org.apache.hadoop.hive"
# What Hive and Athena read each format with: input format, output format, SerDe.
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
# The members of Table that TableInput takes too, by the API's model.
_INPUT = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table in S3.

    Attributes:
        database: the database's name.
        name: the table's name.
        location: where its files lie.
        classification: ``csv``, ``json``, ``parquet``, ``avro``, ...
        columns: name and Hive type of each, the partition keys left out.
        partition_keys: name and Hive type of each.
        serde: the SerDe's parameters.
        parameters: the table's own.
        connection: the Glue connection's name, ``""`` for a table in S3.
        version: the table version's id, ``""`` of a new table.
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
        """Read the ``Table`` member of a GetTable response."""
        storage = shape.get("StorageDescriptor") or {}
        parameters = _texts({**(storage.get("Parameters") or {}), **(shape.get("Parameters") or {})})
        return cls(
            database=str(shape.get("DatabaseName", "")),
            name=str(shape.get("Name", "")),
            location=str(storage.get("Location") or ""),
            classification=parameters.get("classification", "").lower(),
            columns=_columns(storage.get("Columns")),
            partition_keys=_columns(shape.get("PartitionKeys")),
            serde=_texts((storage.get("SerdeInfo") or {}).get("Parameters") or {}),
            parameters=parameters,
            connection=parameters.get("connectionName", ""),
            version=str(shape.get("VersionId") or ""),
            in_lake=shape.get("IsRegisteredWithLakeFormation") is True,
        )

    def to_api(self) -> dict[str, Any]:
        """``TableInput`` of CreateTable."""
        return {
            "Name": self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": self.classification, **self.parameters},
            "PartitionKeys": _shapes(self.partition_keys),
            "StorageDescriptor": self.storage(self.location),
        }

    def storage(self, location: str) -> dict[str, Any]:
        """``StorageDescriptor`` of the table, or of a partition of it, at ``location``."""
        reads, writes, serde = STORAGE[self.classification]
        return {
            "Columns": _shapes(self.columns),
            "Location": location,
            "InputFormat": reads,
            "OutputFormat": writes,
            "SerdeInfo": {"SerializationLibrary": serde, "Parameters": dict(self.serde)},
        }


def with_columns(shape: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """``TableInput`` of UpdateTable: the table as GetTable answered, with other columns and nothing else.

    A column that stays keeps its comment and parameters: column policies read tags there.
    """
    kept = {name: shape[name] for name in _INPUT if name in shape}
    storage = shape.get("StorageDescriptor") or {}
    known = {str(each["Name"]).lower(): each for each in storage.get("Columns", ())}
    made = [{**known.get(each["Name"].lower(), {}), **each} for each in _shapes(columns)]
    kept["StorageDescriptor"] = {**storage, "Columns": made}
    return kept


def _columns(shapes: Any) -> Columns:
    return tuple((str(shape["Name"]), str(shape.get("Type") or "")) for shape in shapes or ())


def _shapes(columns: Columns) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
