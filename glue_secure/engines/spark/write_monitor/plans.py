"""The locations that a finished query wrote to, from its executed plan.

An unknown plan that may be a write counts as a write to an unknown location.
"""

from __future__ import annotations

import re
from typing import Any

from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.engines.spark.locations import path_of
from glue_secure.engines.spark.row_metrics import output_rows

_SPARK_PACKAGE = "org.apache.spark.sql."
# Physical writes of data source version 2 (package execution.datasources.v2), Spark 3.3 to 4.1.
_WRITES_V2 = re.compile(
    r"Append|Overwrite|ReplaceData|WriteDelta|WriteToDataSource|AsSelect|Merge|DeleteFrom"
)
# Formats whose option "path" is the location of their files.
_TABLE_FORMATS = ("delta", "hudi")


def writes_of(execution: Any, *, failed: bool) -> list[UnmanagedWrite]:
    """Return the writes of a query execution; an empty list if it only reads.

    The batches of a stream are left out: the stream is recorded where it starts.
    """
    if execution.getClass().getSimpleName() == "IncrementalExecution":
        return []
    try:
        node = execution.executedPlan()
    except Exception:
        if failed:  # without a plan nothing ran
            return []
        raise
    while node.getClass().getSimpleName() == "AdaptiveSparkPlanExec":
        node = node.executedPlan()
    name = str(node.getClass().getSimpleName())
    if name == "DataWritingCommandExec":
        return _data_writing_command(node.cmd(), execution, failed)
    if name == "ExecutedCommandExec":
        return _executed_command(node.cmd(), execution, failed)
    if _WRITES_V2.search(name):
        return _version_2_write(node, name, failed)
    return []


def _data_writing_command(command: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    name = str(command.getClass().getSimpleName())
    if name == "InsertIntoHadoopFsRelationCommand":
        format = str(command.fileFormat().getClass().getSimpleName()).removesuffix("FileFormat").lower()
        location = path_of(command.outputPath())
        writes = [UnmanagedWrite(location, format, output_rows(command.metrics()), failed)]
        if command.catalogTable().isDefined() and not command.partitionColumns().isEmpty():
            writes += _outer_partitions(execution, command.catalogTable().get(), location, format, failed)
        return writes
    if name == "InsertIntoHiveTable":
        location = path_of(command.table().location())
        return [UnmanagedWrite(location, "hive", output_rows(command.metrics()), failed)]
    if name == "InsertIntoHiveDirCommand":
        location = _location(command.storage())
        return [UnmanagedWrite(location, "hive", output_rows(command.metrics()), failed)]
    return [_to_unknown_location(name, failed)]


def _executed_command(command: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    class_name, name = str(command.getClass().getName()), str(command.getClass().getSimpleName())
    if name == "SaveIntoDataSourceCommand":
        return _save_into_data_source(command, failed)
    if name == "InsertIntoDataSourceCommand":
        relation = str(command.logicalRelation().relation().getClass().getSimpleName())
        return [_to_data_source(relation, failed)]
    if name == "InsertIntoDataSourceDirCommand":
        return [UnmanagedWrite(_location(command.storage()), "directory", None, failed)]
    if name == "CreateDataSourceTableAsSelectCommand":
        return _create_table(command.table(), execution, failed)
    if name == "LoadDataCommand" or not class_name.startswith(_SPARK_PACKAGE) or ".delta." in class_name:
        return [_to_unknown_location(name, failed)]
    return []


def _save_into_data_source(command: Any, failed: bool) -> list[UnmanagedWrite]:
    source = str(command.dataSource().getClass().getName())
    is_table = any(format in source.lower() for format in _TABLE_FORMATS)
    if is_table and command.options().contains("path"):
        return [UnmanagedWrite(str(command.options().apply("path")), "table", None, failed)]
    return [_to_data_source(source.rpartition(".")[2], failed)]


def _create_table(table: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    if table.storage().locationUri().isDefined():
        location = _location(table.storage())
    else:
        catalog = execution.sparkSession().sessionState().catalog()
        location = path_of(catalog.defaultTablePath(table.identifier()))
    return [UnmanagedWrite(location, "table", None, failed)]


def _version_2_write(node: Any, name: str, failed: bool) -> list[UnmanagedWrite]:
    writer = ""
    for accessor in ("write", "batchWrite"):
        try:
            writer = str(getattr(node, accessor)().getClass().getName())
            break
        except Exception:  # noqa: S112 - this class has another accessor, or none
            continue
    if "Noop" in writer:
        return []  # Spark's benchmark sink writes nothing
    return [_to_unknown_location(f"{name} {writer.rpartition('.')[2]}".strip(), failed)]


def _outer_partitions(
    execution: Any, table: Any, table_location: str, format: str, failed: bool
) -> list[UnmanagedWrite]:
    """Return a write to each partition of a table that is outside of the table's location.

    Spark writes partitions to their locations in the catalog.
    """
    catalog = execution.sparkSession().sessionState().catalog()
    partitions = catalog.listPartitions(table.identifier(), getattr(catalog, "listPartitions$default$2")())
    locations = {path_of(partitions.apply(position).location()) for position in range(partitions.size())}
    return [
        UnmanagedWrite(location, format, None, failed)
        for location in sorted(locations)
        if not location.startswith(table_location.rstrip("/") + "/")
    ]


def _location(storage: Any) -> str:
    location = storage.locationUri()
    return path_of(location.get()) if location.isDefined() else ""


def _to_unknown_location(name: str, failed: bool) -> UnmanagedWrite:
    return UnmanagedWrite("", name, None, failed, f"a write by {name}, whose location is unknown")


def _to_data_source(source: str, failed: bool) -> UnmanagedWrite:
    """Return a write to a data source: databases and Kafka are not S3; the location of others is unknown."""
    for name in ("jdbc", "kafka"):
        if name in source.lower():
            return UnmanagedWrite(f"{name}: {source}", name, None, failed)
    return _to_unknown_location(source, failed)
