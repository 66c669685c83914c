"""Which places a finished query wrote to, from its executed plan.

A plan that is not known here to be harmless and looks like a write is a write to an unknown place.
"""

from __future__ import annotations

import re
from typing import Any

from glue_secure.core.unmanaged_writes import UnmanagedWrite

_SPARKS_OWN = "org.apache.spark.sql."
# Physical writes of data source version 2 (package execution.datasources.v2), Spark 3.3 to 4.1.
_WRITES_V2 = re.compile(
    r"Append|Overwrite|ReplaceData|WriteDelta|WriteToDataSource|AsSelect|Merge|DeleteFrom"
)
# Formats whose "path" is where their files go.
_FILE_TABLES = ("delta", "hudi")


def native_writes(execution: Any, *, failed: bool) -> list[UnmanagedWrite]:
    """What one query execution wrote; nothing for one that only reads.

    A stream's batches are left out: the stream is judged where it starts.
    """
    if execution.getClass().getSimpleName() == "IncrementalExecution":
        return []
    try:
        node = execution.executedPlan()
    except Exception:
        if failed:  # the plan was never made, so nothing of it ran
            return []
        raise
    while node.getClass().getSimpleName() == "AdaptiveSparkPlanExec":
        node = node.executedPlan()
    kind = str(node.getClass().getSimpleName())
    if kind == "DataWritingCommandExec":
        return _of_data_writing(node.cmd(), execution, failed)
    if kind == "ExecutedCommandExec":
        return _of_command(node.cmd(), execution, failed)
    if _WRITES_V2.search(kind):
        return _of_version_2(node, kind, failed)
    return []


def _of_data_writing(command: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    kind = str(command.getClass().getSimpleName())
    if kind == "InsertIntoHadoopFsRelationCommand":
        format = str(command.fileFormat().getClass().getSimpleName()).removesuffix("FileFormat").lower()
        found = [UnmanagedWrite(str(command.outputPath()), format, _rows(command), failed)]
        if command.catalogTable().isDefined() and not command.partitionColumns().isEmpty():
            found += _partitions(execution, command.catalogTable().get(), found[0].location, format, failed)
        return found
    if kind == "InsertIntoHiveTable":
        return [UnmanagedWrite(str(command.table().location()), "hive", _rows(command), failed)]
    if kind == "InsertIntoHiveDirCommand":
        return [UnmanagedWrite(_uri(command.storage()), "hive", _rows(command), failed)]
    return [_unknown(kind, failed)]


def _of_command(command: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    name, kind = str(command.getClass().getName()), str(command.getClass().getSimpleName())
    if kind == "SaveIntoDataSourceCommand":
        return _of_source(command, failed)
    if kind == "InsertIntoDataSourceCommand":
        relation = str(command.logicalRelation().relation().getClass().getSimpleName())
        return [_elsewhere(relation, failed)]
    if kind == "InsertIntoDataSourceDirCommand":
        return [UnmanagedWrite(_uri(command.storage()), "directory", None, failed)]
    if kind == "CreateDataSourceTableAsSelectCommand":
        return _of_new_table(command.table(), execution, failed)
    if kind == "LoadDataCommand" or not name.startswith(_SPARKS_OWN) or ".delta." in name:
        return [_unknown(kind, failed)]
    return []


def _of_source(command: Any, failed: bool) -> list[UnmanagedWrite]:
    source = str(command.dataSource().getClass().getName())
    if any(known in source.lower() for known in _FILE_TABLES) and command.options().contains("path"):
        return [UnmanagedWrite(str(command.options().apply("path")), "table", None, failed)]
    return [_elsewhere(source.rpartition(".")[2], failed)]


def _of_new_table(table: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    if table.storage().locationUri().isDefined():
        place = _uri(table.storage())
    else:
        catalog = execution.sparkSession().sessionState().catalog()
        place = str(catalog.defaultTablePath(table.identifier()).toString())
    return [UnmanagedWrite(place, "table", None, failed)]


def _of_version_2(node: Any, kind: str, failed: bool) -> list[UnmanagedWrite]:
    writer = ""
    for accessor in ("write", "batchWrite"):
        try:
            writer = str(getattr(node, accessor)().getClass().getName())
            break
        except Exception:  # noqa: S112 - this kind of plan has another accessor, or none
            continue
    if "Noop" in writer:
        return []  # Spark's benchmark sink: nothing is written
    return [_unknown(f"{kind} {writer.rpartition('.')[2]}".strip(), failed)]


def _partitions(execution: Any, table: Any, below: str, format: str, failed: bool) -> list[UnmanagedWrite]:
    """Partitions that the catalog has elsewhere than below the table: Spark writes them where they are."""
    catalog = execution.sparkSession().sessionState().catalog()
    everything = catalog.listPartitions(table.identifier(), getattr(catalog, "listPartitions$default$2")())
    places = {str(everything.apply(at).location()) for at in range(everything.size())}
    return [
        UnmanagedWrite(place, format, None, failed)
        for place in sorted(places)
        if not place.startswith(below.rstrip("/") + "/")
    ]


def _uri(storage: Any) -> str:
    location = storage.locationUri()
    return str(location.get().toString()) if location.isDefined() else ""


def _rows(command: Any) -> int | None:
    found = command.metrics().get("numOutputRows")
    return int(found.get().value()) if found.isDefined() else None


def _unknown(kind: str, failed: bool) -> UnmanagedWrite:
    return UnmanagedWrite("", kind, None, failed, f"a write by {kind}, which does not tell where to")


def _elsewhere(source: str, failed: bool) -> UnmanagedWrite:
    """A data source of its own: a database and Kafka are no S3; of any other nothing is known."""
    for known in ("jdbc", "kafka"):
        if known in source.lower():
            return UnmanagedWrite(f"{known}: {source}", known, None, failed)
    return _unknown(source, failed)
