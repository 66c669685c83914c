"""Databases, tables and partitions of the Glue API as objects of the Hive metastore, in Thrift's JSON.

The Glue API has Hive's structure with other names. Thrift identifies a member of a struct by a number:
https://github.com/apache/hive/blob/rel/release-2.3.9/metastore/if/hive_metastore.thrift
Its JSON (``TJSONProtocol``) is ``{"1": {"str": "name"}, "8": {"lst": ["str", 1, "x"]}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from glue_secure.core.errors import UsageError

_TEXTS = "lst:str"
_MAP = "map"
# Member of the Glue API → number in Hive's struct, and the type of the value: a type of Thrift, texts, a map
# of texts, or the name of another struct (after lst: for a list).
_STRUCTS: dict[str, dict[str, tuple[int, str]]] = {
    "Database": {
        "Name": (1, "str"),
        "Description": (2, "str"),
        "LocationUri": (3, "str"),
        "Parameters": (4, _MAP),
    },
    "Table": {
        "Name": (1, "str"),
        "DatabaseName": (2, "str"),
        "Owner": (3, "str"),
        "CreateTime": (4, "i32"),
        "LastAccessTime": (5, "i32"),
        "Retention": (6, "i32"),
        "StorageDescriptor": (7, "StorageDescriptor"),
        "PartitionKeys": (8, "lst:Column"),
        "Parameters": (9, _MAP),
        "ViewOriginalText": (10, "str"),
        "ViewExpandedText": (11, "str"),
        "TableType": (12, "str"),
    },
    "Partition": {
        "Values": (1, _TEXTS),
        "DatabaseName": (2, "str"),
        "TableName": (3, "str"),
        "CreationTime": (4, "i32"),
        "LastAccessTime": (5, "i32"),
        "StorageDescriptor": (6, "StorageDescriptor"),
        "Parameters": (7, _MAP),
    },
    "StorageDescriptor": {
        "Columns": (1, "lst:Column"),
        "Location": (2, "str"),
        "InputFormat": (3, "str"),
        "OutputFormat": (4, "str"),
        "Compressed": (5, "tf"),
        "NumberOfBuckets": (6, "i32"),
        "SerdeInfo": (7, "SerDeInfo"),
        "BucketColumns": (8, _TEXTS),
        "SortColumns": (9, "lst:Order"),
        "Parameters": (10, _MAP),
        "StoredAsSubDirectories": (12, "tf"),
    },
    "SerDeInfo": {"Name": (1, "str"), "SerializationLibrary": (2, "str"), "Parameters": (3, _MAP)},
    "Column": {"Name": (1, "str"), "Type": (2, "str"), "Comment": (3, "str")},
    "Order": {"Column": (1, "str"), "SortOrder": (2, "i32")},
    # The result of get_partitions_by_expr: a struct that has nothing but a list of partitions.
    "Partitions": {"Partitions": (1, "lst:Partition"), "HasUnknown": (2, "tf")},
    "Tables": {"Tables": (1, "lst:Table")},
}
_TABLE_TYPES = ("EXTERNAL_TABLE", "MANAGED_TABLE", "VIRTUAL_VIEW", "INDEX_TABLE", "MATERIALIZED_VIEW")
# Hive reads these members without a check for null.
_STORAGE_DEFAULTS: Mapping[str, Any] = {
    "Columns": (),
    "Compressed": False,
    "NumberOfBuckets": -1,
    "SerdeInfo": {},
    "BucketColumns": (),
    "SortColumns": (),
    "Parameters": {},
}
_TIMES = ("CreateTime", "CreationTime", "LastAccessTime")


def database_json(shape: Mapping[str, Any]) -> str:
    """Return Hive's ``Database`` of a ``Database`` of the Glue API."""
    return _json("Database", {"Parameters": {}, **shape, "Name": str(shape["Name"]).lower()})


def table_json(shape: Mapping[str, Any]) -> str:
    """Return Hive's ``Table`` of a ``Table`` of the Glue API."""
    return _json("Table", _table(shape))


def tables_json(shapes: Sequence[Mapping[str, Any]]) -> str:
    """Return Hive's ``GetTablesResult``."""
    return _json("Tables", {"Tables": [_table(shape) for shape in shapes]})


def partitions_json(shapes: Sequence[Mapping[str, Any]]) -> str:
    """Return Hive's ``PartitionsByExprResult``."""
    partitions = [
        {
            "Parameters": {},
            **shape,
            "StorageDescriptor": _storage(shape),
            "CreationTime": _epoch(shape.get("CreationTime")),
            "LastAccessTime": _epoch(shape.get("LastAccessTime")),
        }
        for shape in shapes
    ]
    return _json("Partitions", {"Partitions": partitions, "HasUnknown": False})


def database_input(text: str) -> dict[str, Any]:
    """Return ``DatabaseInput`` of Hive's ``Database``."""
    shape: dict[str, Any] = _without_empty_texts(_shape("Database", text))
    return shape


def table_input(text: str) -> dict[str, Any]:
    """Return ``TableInput`` of Hive's ``Table``, whose database is the member ``DatabaseName``."""
    shape: dict[str, Any] = _without_empty_texts(_shape("Table", text))
    for time in _TIMES:
        shape.pop(time, None)
    return shape


def partition_inputs(text: str) -> list[dict[str, Any]]:
    """Return the list of ``PartitionInput`` of Hive's ``PartitionsByExprResult``."""
    inputs = []
    for shape in _shape("Partitions", text)["Partitions"]:
        for member in (*_TIMES, "DatabaseName", "TableName"):
            shape.pop(member, None)
        inputs.append(_without_empty_texts(shape))
    return inputs


def _table(shape: Mapping[str, Any]) -> dict[str, Any]:
    table_type = str(shape.get("TableType") or "").upper()
    return {
        "Owner": "",
        "PartitionKeys": (),
        "Parameters": {},
        **shape,
        "TableType": table_type if table_type in _TABLE_TYPES else _TABLE_TYPES[0],
        "StorageDescriptor": _storage(shape),
        "CreateTime": _epoch(shape.get("CreateTime")),
        "LastAccessTime": _epoch(shape.get("LastAccessTime")),
    }


def _storage(shape: Mapping[str, Any]) -> dict[str, Any]:
    storage = {**_STORAGE_DEFAULTS, **(shape.get("StorageDescriptor") or {})}
    storage["SerdeInfo"] = {"Parameters": {}, **storage["SerdeInfo"]}
    # A column without a type is a string, as in Hive.
    storage["Columns"] = [{**column, "Type": column.get("Type") or "string"} for column in storage["Columns"]]
    return storage


def _epoch(time: Any) -> int:
    return int(time.timestamp()) if isinstance(time, datetime) else 0


def _without_empty_texts(shape: Any) -> Any:
    # The Glue API rejects an empty text where Hive has one.
    if isinstance(shape, dict):
        return {
            name: _without_empty_texts(value) if name != "Parameters" else value
            for name, value in shape.items()
            if value != ""
        }
    return [_without_empty_texts(value) for value in shape] if isinstance(shape, list) else shape


def _json(struct: str, shape: Mapping[str, Any]) -> str:
    return json.dumps(_encoded(struct, shape), separators=(",", ":"))


def _encoded(struct: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(number): _value(kind, shape[member])
        for member, (number, kind) in _STRUCTS[struct].items()
        if shape.get(member) is not None
    }


def _value(kind: str, value: Any) -> dict[str, Any]:
    if kind == "map":
        texts = {str(name): str(text) for name, text in value.items()}
        return {"map": ["str", "str", len(texts), texts]}
    if kind == _TEXTS:
        return {"lst": ["str", len(value), *map(str, value)]}
    if kind.startswith("lst:"):
        return {"lst": ["rec", len(value), *(_encoded(kind[4:], item) for item in value)]}
    if kind in _STRUCTS:
        return {"rec": _encoded(kind, value)}
    return {kind: str(value) if kind == "str" else int(value)}


def _shape(struct: str, text: str) -> dict[str, Any]:
    try:
        return _decoded(struct, json.loads(text))
    except (AttributeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UsageError(
            f"a {struct.lower()} of the Hive metastore",
            found=f"an unknown form ({type(error).__name__})",
            required="Thrift's JSON of Hive 2.3",
        ) from error


def _decoded(struct: str, members: Mapping[str, Any]) -> dict[str, Any]:
    shape = {}
    for member, (number, kind) in _STRUCTS[struct].items():
        if str(number) in members:
            ((_, value),) = members[str(number)].items()
            shape[member] = _plain(kind, value)
    return shape


def _plain(kind: str, value: Any) -> Any:
    if kind == "map":
        return dict(value[3])
    if kind == _TEXTS:
        return list(value[2:])
    if kind.startswith("lst:"):
        return [_decoded(kind[4:], item) for item in value[2:]]
    if kind in _STRUCTS:
        return _decoded(kind, value)
    return bool(value) if kind == "tf" else value
