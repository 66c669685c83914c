"""The locations that a finished query wrote to, from its executed plan.

An unknown plan that may be a write counts as a write to an unknown location.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from glue_secure.core.identifiers import quoted
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.engines.spark.locations import path_of
from glue_secure.engines.spark.row_metrics import output_rows
from glue_secure.engines.spark.write_monitor.procedures import (
    of_existing_objects,
    writes_of_conversion,
    writes_of_node,
)
from glue_secure.engines.spark.write_monitor.table_lookup import TableLookup, locations_in

_DELTA = "delta."
_SPARK_PACKAGE = "org.apache.spark.sql."
_DELTA_PACKAGE = "io.delta."  # which has VACUUM
_VERSION_2_PACKAGE = "org.apache.spark.sql.execution.datasources.v2."
# What the physical writes of data source version 2 inherit, Spark 3.3 to 4.1: writes of version 2, and writes
# of a version 2 table by a version 1 source.
_VERSION_2_WRITES = frozenset(
    _VERSION_2_PACKAGE + name
    for name in ("V2TableWriteExec", "V2CreateTableAsSelectBaseExec", "SupportsV1Write")
)
_VERSION_2_COMMANDS = frozenset(_VERSION_2_PACKAGE + name for name in ("V2CommandExec", "LeafV2CommandExec"))
# Commands of Spark that write without one of these ancestors.
_VERSION_2_WRITING_COMMANDS = frozenset(("DeleteFromTableExec",))
# Classes of tables and catalogs that report a location and store only files.
_FILE_TABLES = re.compile(r"iceberg|\.delta\.", re.IGNORECASE)
# Commands that store metadata, or files, if their table or procedure is one of these.
_TABLE_COMMANDS = re.compile(
    r"(CreateTable|ReplaceTable|AtomicReplaceTable|AlterTable|TruncateTable|Call|\w+PartitionField"
    r"|SetWriteDistributionAndOrdering|(Set|Drop)IdentifierFields|(CreateOrReplace|Drop)(Branch|Tag))Exec"
)
# A procedure of Hudi and a command of Delta that add existing objects, whose encryption is unknown.
_ADOPTING = re.compile(r"RunBootstrapProcedure|CloneTableCommand")
# Procedures of Hudi that read, one that stores files without a file system of Hadoop, and commands that write
# rows: others may find nothing to do. https://hudi.apache.org/docs/procedures
_READING_OF_HUDI = re.compile(
    r"((Show|Stats)\w+|CommitsCompare|CopyToTempView|Help|ValidateMetadataTableFiles)Procedure"
)
_EXPORT_OF_HUDI = "ExportInstantsProcedure"
_ROWS_OF_HUDI = re.compile(r"(Update|Delete|MergeInto|Insert)\w*|\w*AsSelect\w*")
_PROCEDURES_WITH_ROWS_OF_HUDI = ("CopyToTableProcedure", "HdfsParquetImportProcedure")
# Commands of Delta without rows of the script, with what they store. RESTORE stores rows of an earlier state.
_MAINTENANCE_OF_DELTA: dict[str, Literal["rows", "current rows", "metadata"]] = {
    "DeltaGenerateCommand": "metadata",
    "DeltaReorgTableCommand": "current rows",
    "OptimizeTableCommand": "current rows",
    "RestoreTableCommand": "rows",
    "VacuumTableCommand": "metadata",
}
# The operation and the option of a write by Hudi that do the same as a bootstrap.
_HUDI_OPERATION, _HUDI_BOOTSTRAP = "hoodie.datasource.write.operation", "hoodie.bootstrap.base.path"
# Data sources of version 1 that store nothing.
_EPHEMERAL_SOURCES = re.compile(r"org\.apache\.spark\.sql\..*\.ConsoleSinkProvider")
# Formats whose option "path" is the location of their files.
_TABLE_FORMATS = ("delta", "hudi")
_CREATING_COMMANDS = frozenset(("CreateDataSourceTableCommand", "CreateTableCommand"))
# Each with its accessor for the table.
_EMPTYING_COMMANDS = {
    "AlterTableDropPartitionCommand": "tableName",
    "AlterTableRenameCommand": "oldName",
    "DropTableCommand": "tableName",
    "TruncateTableCommand": "tableName",
}
_LOCATING_COMMANDS = frozenset(("AlterTableAddPartitionCommand", "AlterTableSetLocationCommand"))
_URI = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Writes of files and table formats, whose objects the guard of S3 requests sees.
_FILE_WRITES = re.compile(
    r"LoadData|SparkWrite|SparkPositionDeltaWrite|iceberg|delta|hudi|Hoodie|FileBatchWrite|FileWrite|xml",
    re.IGNORECASE,
)
# Spark's own class for the write of a source that has none, so that only the table shows the source.
_DEFAULT_WRITE = "org.apache.spark.sql.connector.write.WriteBuilder$1"
_known_kinds: dict[str, bool] = {}


class ObservedTables:
    """Tables that queries of the session created, wrote or emptied.

    Attributes:
        emptied: the location of each table that was written and then dropped, renamed or truncated.
    """

    def __init__(self) -> None:
        self._created: set[tuple[str, str]] = set()
        self._locations: dict[tuple[str, str], str] = {}
        self._partitions: dict[tuple[str, str], set[str]] = {}
        self.emptied: set[str] = set()

    def observe(self, command: Any) -> None:
        """Take note of a command that creates or empties a table, or gives a partition its own location."""
        name = str(command.getClass().getSimpleName())
        if name in _CREATING_COMMANDS:
            if not command.ignoreIfExists():  # otherwise the table may have existed
                self._created.add(_identity(command.table().identifier()))
        elif name in _LOCATING_COMMANDS:
            table, locations = _identity(command.tableName()), _given_locations(command)
            if all(_URI.match(location) for location in locations):
                self._partitions.setdefault(table, set()).update(locations)
            else:
                self._created.discard(table)
        elif name in _EMPTYING_COMMANDS:
            table = _identity(getattr(command, _EMPTYING_COMMANDS[name])())
            if table in self._locations:
                self.emptied.add(self._locations[table])

    def observe_write(self, table: Any, location: str) -> None:
        """Take note of a write to a table (``CatalogTable``)."""
        self._locations[_identity(table.identifier())] = location

    def renamed_location(self, command: Any) -> str:
        """Return where ``AlterTableRenameCommand`` moved a managed table's files to, ``""`` if not known."""
        location = self._locations.get(_identity(command.oldName()), "")
        new_name = str(command.newName().table()).lower()
        return f"{location.rstrip('/').rpartition('/')[0]}/{new_name}" if location else ""

    def partition_locations(self, table: Any) -> set[str] | None:
        """Return the locations that queries of the session gave to partitions of a table (``CatalogTable``).

        None if the table may have partitions at other locations: another session created it.
        """
        identity = _identity(table.identifier())
        is_known = bool(identity[0]) and identity in self._created
        return self._partitions.get(identity, set()) if is_known else None


def _given_locations(command: Any) -> list[str]:
    """Return the locations that a command gives to partitions; ``""`` if it moves the whole table."""
    if str(command.getClass().getSimpleName()) == "AlterTableSetLocationCommand":
        return [str(command.location()) if command.partitionSpec().isDefined() else ""]
    partitions = command.partitionSpecsAndLocs()
    locations = (partitions.apply(position)._2() for position in range(partitions.size()))
    return [str(location.get()) for location in locations if location.isDefined()]


def _identity(identifier: Any) -> tuple[str, str]:
    database = identifier.database()
    return (str(database.get()).lower() if database.isDefined() else "", str(identifier.table()).lower())


def writes_of(
    execution: Any, *, failed: bool, tables: ObservedTables, lookup: TableLookup
) -> list[UnmanagedWrite]:
    """Return the writes of a query execution; an empty list if it only reads.

    The batches of a stream are left out: the stream is recorded where it starts.

    Args:
        execution: the ``QueryExecution``.
        failed: whether it failed.
        tables: takes note of the tables of the execution.
        lookup: reads tables that a procedure or a conversion names.
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
        return _data_writing_command(node.cmd(), execution, failed, tables)
    if name == "ExecutedCommandExec":
        if not failed:
            tables.observe(node.cmd())
        return _executed_command(node.cmd(), execution, failed, tables, lookup)
    if _is_version_2_write(node.getClass()):
        return _version_2_write(node, name, execution, failed, lookup)
    # A call that failed may have committed.
    if _TABLE_COMMANDS.fullmatch(name) and (not failed or name == "CallExec"):
        return _table_command(node, name, execution, failed, lookup)
    return []


def _data_writing_command(
    command: Any, execution: Any, failed: bool, tables: ObservedTables
) -> list[UnmanagedWrite]:
    name = str(command.getClass().getSimpleName())
    if name == "InsertIntoHadoopFsRelationCommand":
        format = str(command.fileFormat().getClass().getSimpleName()).removesuffix("FileFormat").lower()
        location = path_of(command.outputPath())
        if command.catalogTable().isDefined():
            return _table_writes(
                command.catalogTable().get(), location, format, command, execution, failed, tables
            )
        return [UnmanagedWrite(location, format, output_rows(command.metrics()), failed)]
    if name == "InsertIntoHiveTable":
        location = path_of(command.table().location())
        return _table_writes(command.table(), location, "hive", command, execution, failed, tables)
    if name == "InsertIntoHiveDirCommand":
        location = _location(command.storage())
        return [UnmanagedWrite(location, "hive", output_rows(command.metrics()), failed)]
    return [_to_unknown_location(name, failed)]


def _executed_command(
    command: Any, execution: Any, failed: bool, tables: ObservedTables, lookup: TableLookup
) -> list[UnmanagedWrite]:
    class_name, name = str(command.getClass().getName()), str(command.getClass().getSimpleName())
    if name == "SaveIntoDataSourceCommand":
        return _save_into_data_source(command, failed)
    if name == "InsertIntoDataSourceCommand":
        relation = str(command.logicalRelation().relation().getClass().getSimpleName())
        return [_to_data_source(relation, failed)]
    if name == "InsertIntoDataSourceDirCommand":
        return [UnmanagedWrite(_location(command.storage()), "directory", None, failed)]
    if name == "CreateDataSourceTableAsSelectCommand":
        writes = _create_table(command.table(), execution, failed)
        tables.observe_write(command.table(), writes[0].location)
        return writes
    if name == "AlterTableRenameCommand":
        location = tables.renamed_location(command)
        return [UnmanagedWrite(location, "table", None, failed)] if location else []
    if name.startswith(("Show", "Describe")):
        return []
    for part in (command, _part(command, "procedure"), _part(_part(command, "query"), "get")):
        kind = "" if part is None else str(part.getClass().getSimpleName())
        if _ADOPTING.fullmatch(kind):
            return [of_existing_objects(kind, failed)]
    if name == "CallProcedureHoodieCommand":
        kind = str(command.procedure().getClass().getSimpleName())
        if _READING_OF_HUDI.fullmatch(kind):
            return []
        write = _to_unknown_location(
            f"{class_name} {kind}", failed, may_store_nothing=kind != _EXPORT_OF_HUDI
        )
        return [replace(write, is_maintenance=kind not in _PROCEDURES_WITH_ROWS_OF_HUDI)]
    if ".sql.hudi." in class_name:
        has_no_rows = _ROWS_OF_HUDI.fullmatch(name) is None
        write = _to_unknown_location(class_name, failed, may_store_nothing=has_no_rows)
        return [replace(write, is_maintenance=has_no_rows)]
    if name == "ConvertToDeltaCommand":
        path = command.deltaPath()
        return writes_of_conversion(
            name,
            execution.sparkSession(),
            command.tableIdentifier(),
            lookup,
            location=str(path.get()) if path.isDefined() else "",
            failed=failed,
            has_just_ended=lookup.database_of(execution, failed=failed) is not None,
        )
    if ".sql.delta." in class_name or class_name.startswith(_DELTA_PACKAGE):
        location = _location_of_delta(command)
        write = (
            UnmanagedWrite(location, "delta", None, failed, table=f"{_DELTA}{quoted(location)}")
            if location
            else _to_unknown_location(class_name, failed, may_store_nothing=True)
        )
        content = _MAINTENANCE_OF_DELTA.get(name, "rows")
        return [replace(write, is_maintenance=name in _MAINTENANCE_OF_DELTA, content=content)]
    if name == "LoadDataCommand" or not class_name.startswith(_SPARK_PACKAGE):
        return [_to_unknown_location(class_name, failed)]
    return []


def _location_of_delta(command: Any) -> str:
    """Return where the table of a command of Delta is, ``""`` if that is not known."""
    log = _part(command, "deltaLog")
    for accessor in ("tahoeFileIndex", "targetFileIndex", "sourceTable"):
        if log is None:
            log = _part(_part(command, accessor), "deltaLog")
    if log is None:  # the table that OPTIMIZE and VACUUM have as their child
        log = _part(_part(_part(command, "child"), "table"), "deltaLog")
    path = _part(log, "dataPath")
    return "" if path is None else path_of(path)


def _save_into_data_source(command: Any, failed: bool) -> list[UnmanagedWrite]:
    source = str(command.dataSource().getClass().getName())
    if _EPHEMERAL_SOURCES.fullmatch(source):
        return []
    is_table = any(format in source.lower() for format in _TABLE_FORMATS)
    options = command.options()
    operation = str(options.apply(_HUDI_OPERATION)) if options.contains(_HUDI_OPERATION) else ""
    if options.contains(_HUDI_BOOTSTRAP) or operation.lower() == "bootstrap":
        return [of_existing_objects("a bootstrap by Hudi", failed)]
    if is_table and options.contains("path"):
        location = str(options.apply("path"))
        name = f"{_DELTA}{quoted(location)}" if "delta" in source.lower() else ""
        return [UnmanagedWrite(location, "table", None, failed, table=name)]
    return [_to_data_source(source.rpartition(".")[2], failed)]


def _create_table(table: Any, execution: Any, failed: bool) -> list[UnmanagedWrite]:
    if table.storage().locationUri().isDefined():
        location = _location(table.storage())
    else:
        catalog = execution.sparkSession().sessionState().catalog()
        location = path_of(catalog.defaultTablePath(table.identifier()))
    return [UnmanagedWrite(location, "table", None, failed)]


def _is_version_2_write(kind: Any) -> bool:
    """Return whether a class of physical operators writes through data source version 2.

    A command of another project is treated as a write, because it may write.
    """
    name = str(kind.getName())
    if name not in _known_kinds:
        ancestors = _ancestors(kind)
        is_of_spark = name.startswith(_SPARK_PACKAGE)
        _known_kinds[name] = bool(
            ancestors & _VERSION_2_WRITES
            or name.rpartition(".")[2] in _VERSION_2_WRITING_COMMANDS
            or (ancestors & _VERSION_2_COMMANDS and not is_of_spark)
        )
    return _known_kinds[name]


def _ancestors(kind: Any) -> frozenset[str]:
    """Return the names of a class's superclasses and interfaces, with its own."""
    names, pending = set(), [kind]
    while pending:
        current = pending.pop()
        name = str(current.getName())
        if name in names:
            continue
        names.add(name)
        parent = current.getSuperclass()
        pending += [*([parent] if parent is not None else []), *current.getInterfaces()]
    return frozenset(names)


def _version_2_write(
    node: Any, name: str, execution: Any, failed: bool, lookup: TableLookup
) -> list[UnmanagedWrite]:
    writer = ""
    for accessor in ("write", "batchWrite", "catalog", "table"):
        part = _part(node, accessor)
        if part is not None:
            writer = str(part.getClass().getName())
            break
    if "Noop" in writer:
        return []  # Spark's benchmark sink writes nothing
    table = _table_of(node, execution)
    locations = _locations_of_table(table)
    if locations and lookup.reads_versions and ".iceberg." in str(table.getClass().getName()):
        # The properties of the table are the current ones, and no longer those at the time of the write.
        earlier = lookup.earlier_locations(table.table())
        locations = [] if earlier is None else list(dict.fromkeys([*locations, *earlier]))
    if locations:
        name = _name_of_table(table)
        return [UnmanagedWrite(location, "table", None, failed, table=name) for location in locations]
    if writer == _DEFAULT_WRITE and table is not None:
        writer = str(table.getClass().getName())
    return [_to_unknown_location(f"{name} {writer}".strip(), failed)]


def _table_command(
    node: Any, name: str, execution: Any, failed: bool, lookup: TableLookup
) -> list[UnmanagedWrite]:
    """Return the writes of a command that stores metadata of a table, or calls a procedure."""
    parts = (_part(node, accessor) for accessor in ("procedure", "catalog", "table"))
    kind = next((str(part.getClass().getName()) for part in parts if part is not None), "")
    if not _FILE_TABLES.search(kind):
        return []
    if name == "CallExec":
        return writes_of_node(node, execution, lookup, failed=failed)
    table = _table_of(node, None)
    locations = _locations_of_table(table)
    if locations:
        name_of_table = _name_of_table(table)
        writes = [UnmanagedWrite(location, "table", table=name_of_table) for location in locations]
    else:
        writes = [_to_unknown_location(f"{name} {kind}", failed=False)]
    # Other commands may go back to rows that the table had before.
    content: Literal["rows", "metadata"] = "metadata" if name == "CreateTableExec" else "rows"
    return [replace(write, is_maintenance=True, content=content) for write in writes]


def _table_of(node: Any, execution: Any) -> Any:
    """Return the table of version 2 that a physical operator writes to, None if the operator has none."""
    table = _part(node, "table")
    for identifier in ("ident", "identifier"):
        name = _part(node, identifier)
        if table is None and name is not None:
            table = _part(_part(node, "catalog"), "loadTable", name)
    if table is None and execution is not None:
        table = _part(_part(execution.analyzed(), "table"), "table")
    # Spark wraps the table that MERGE, UPDATE or DELETE rewrites.
    if table is not None and str(table.getClass().getSimpleName()) == "RowLevelOperationTable":
        table = _part(table, "table")
    return table


def _locations_of_table(table: Any) -> list[str]:
    """Return where a table of Iceberg or Delta stores its files, an empty list if that is not known."""
    if table is None or not _FILE_TABLES.search(str(table.getClass().getName())):
        return []
    properties = table.properties()
    return locations_in(properties, str(properties.get("location") or ""))


def _name_of_table(table: Any) -> str:
    """Return how SQL names a table of Iceberg or Delta, ``""`` if that is not known."""
    if ".delta." in str(table.getClass().getName()):
        location = table.properties().get("location")
        return f"{_DELTA}{quoted(str(location))}" if location else ""
    return str(_part(table, "name") or "")


def _part(owner: Any, accessor: str, *arguments: Any) -> Any:
    """Return what a method of the JVM returns; None if the object has no such method, or it failed."""
    if owner is None:
        return None
    try:
        return getattr(owner, accessor)(*arguments)
    except Exception:  # objects of the JVM differ between the versions of Spark and of the table formats
        return None


def _table_writes(
    table: Any, location: str, format: str, command: Any, execution: Any, failed: bool, tables: ObservedTables
) -> list[UnmanagedWrite]:
    """Return the writes of a command that inserts into a table (``CatalogTable``)."""
    tables.observe_write(table, location)
    outer: list[UnmanagedWrite] = []
    if not table.partitionColumnNames().isEmpty():
        outer = _outer_partitions(execution, table, location, format, failed, tables)
    # Spark does not report how many of the rows are in outer partitions.
    rows = None if outer else output_rows(command.metrics())
    return [UnmanagedWrite(location, format, rows, failed), *outer]


def _outer_partitions(
    execution: Any, table: Any, table_location: str, format: str, failed: bool, tables: ObservedTables
) -> list[UnmanagedWrite]:
    """Return a write to each partition of a table that is outside of the table's location.

    Spark writes partitions to their locations in the catalog. The table may have been dropped, or dropped and
    created again, since the write.
    """
    catalog = execution.sparkSession().sessionState().catalog()
    locations = tables.partition_locations(table)
    try:
        partitions = catalog.listPartitions(
            table.identifier(), getattr(catalog, "listPartitions$default$2")()
        )
    except Exception:  # the table may have been dropped or renamed since
        if locations is None:
            problem = (
                "a write to a partitioned table that was dropped, whose partitions may have been elsewhere"
            )
            return [UnmanagedWrite("", format, None, failed, problem, stores_files=True)]
    else:
        listed = (partitions.apply(position).location() for position in range(partitions.size()))
        locations = (locations or set()) | {path_of(location) for location in listed}
    return [
        UnmanagedWrite(location, format, None, failed)
        for location in sorted(locations)
        if not location.startswith(table_location.rstrip("/") + "/")
    ]


def _location(storage: Any) -> str:
    location = storage.locationUri()
    return path_of(location.get()) if location.isDefined() else ""


def _to_unknown_location(name: str, failed: bool, *, may_store_nothing: bool = False) -> UnmanagedWrite:
    words = " ".join(word.rpartition(".")[2] for word in name.split())
    problem = f"a write by {words}, whose location is unknown"
    stores_files = bool(_FILE_WRITES.search(name))
    return UnmanagedWrite("", words, None, failed, problem, stores_files, may_store_nothing=may_store_nothing)


def _to_data_source(source: str, failed: bool) -> UnmanagedWrite:
    """Return a write to a data source: databases and Kafka are not S3; the location of others is unknown."""
    for name in ("jdbc", "kafka"):
        if name in source.lower():
            return UnmanagedWrite(f"{name}: {source}", name, None, failed)
    return _to_unknown_location(source, failed)
