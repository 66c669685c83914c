"""The locations of a partitioned table's writes, with fakes of the JVM's objects."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from java_fakes import Option, Seq, java, method

from glue_secure.engines.spark.write_monitor.plans import ObservedTables
from glue_secure.engines.spark.write_monitor.plans import writes_of as writes_of_plan
from glue_secure.engines.spark.write_monitor.table_lookup import CurrentDatabase, TableLookup

CURRENT = CurrentDatabase("lake", ("db",))
TABLE = "s3a://bucket/table"
ELSEWHERE = "s3a://bucket/elsewhere"


IDENTIFIER = java("TableIdentifier", database=Option("db"), table="t")


def path(text):
    return java("Path", toString=text)


def executed(command, *, partitions=None):
    """Return a finished execution of a command, whose table has partitions, or was dropped since (None)."""

    def list_partitions(*_):
        if partitions is None:
            raise RuntimeError("the table was not found")
        return Seq(java("CatalogTablePartition", location=path(location)) for location in partitions)

    catalog = SimpleNamespace(listPartitions=list_partitions, **{"listPartitions$default$2": lambda: None})
    session = java("SparkSession", sessionState=java("SessionState", catalog=catalog))
    kind = "ExecutedCommandExec" if command.is_executed else "DataWritingCommandExec"
    node = java(kind, cmd=command)
    return java("QueryExecution", executedPlan=node, sparkSession=session)


def command(kind, *, is_executed=True, **members):
    result = java(kind, **members)
    result.is_executed = is_executed
    return result


def created(if_not_exists=False):
    table = java("CatalogTable", identifier=IDENTIFIER)
    return executed(command("CreateTableCommand", table=table, ignoreIfExists=if_not_exists))


def added(location):
    partition = java("Tuple2", _2=Option(location))
    return executed(
        command("AlterTableAddPartitionCommand", tableName=IDENTIFIER, partitionSpecsAndLocs=Seq([partition]))
    )


def moved(location, *, whole_table=False):
    spec = Option(None if whole_table else "day=1")
    return executed(
        command("AlterTableSetLocationCommand", tableName=IDENTIFIER, location=location, partitionSpec=spec)
    )


def inserted(partitions=None):
    names = Seq(["day"])
    table = java("CatalogTable", identifier=IDENTIFIER, location=path(TABLE), partitionColumnNames=names)
    metrics = java("Map", get=Option())
    return executed(
        command("InsertIntoHiveTable", is_executed=False, table=table, metrics=metrics), partitions=partitions
    )


class Lookup:
    """Tables by name, and locations that were converted to Delta Lake."""

    reads_versions = False

    def __init__(self, converted=(), *, database=None, **tables):
        self.database_of = lambda _execution, **_: database
        self.has_converted = converted.__contains__
        self.location_to_convert = lambda _session, identifier: identifier.location
        self.iceberg_locations = lambda _session, name: tables.get("__".join(name), [])


def writes_of(execution, *, lookup=None, **arguments):
    return writes_of_plan(execution, lookup=lookup or Lookup(), **arguments)


def locations_of(*executions):
    """Return the locations and problems of the last execution's writes."""
    tables = ObservedTables()
    for execution in executions:
        writes = writes_of(execution, failed=False, tables=tables)
    return [write.location or write.problem for write in writes]


def test_a_hive_insert_writes_to_partitions_outside_the_table():
    assert locations_of(inserted([f"{TABLE}/day=2", ELSEWHERE])) == [TABLE, ELSEWHERE]


def test_the_partitions_of_a_table_that_was_created_and_dropped_are_known():
    assert locations_of(created(), added(ELSEWHERE), inserted()) == [TABLE, ELSEWHERE]
    assert locations_of(created(), moved(ELSEWHERE), inserted()) == [TABLE, ELSEWHERE]
    assert locations_of(created(), added(None), inserted()) == [TABLE]


def test_the_partitions_of_a_table_that_was_dropped_and_created_again_are_known():
    assert locations_of(created(), added(ELSEWHERE), inserted([f"{TABLE}/day=2"])) == [TABLE, ELSEWHERE]


@pytest.mark.parametrize(
    "before",
    [
        [],
        [created(if_not_exists=True)],
        [created(), added("relative/folder")],
        [created(), moved("s3a://bucket/other", whole_table=True)],
    ],
    ids=["created earlier", "may have existed", "relative location", "table moved"],
)
def test_the_partitions_of_other_dropped_tables_are_not_known(before):
    table, problem = locations_of(*before, inserted())
    assert table == TABLE
    assert "was dropped" in problem


ICEBERG = "org.apache.iceberg.spark.source"


def iceberg_table(**properties):
    return java("SparkTable", ICEBERG, properties={"provider": "iceberg", **properties})


def execution_of(node, analyzed=None):
    return java("QueryExecution", executedPlan=node, analyzed=analyzed)


def v2_node(kind, *ancestors, **members):
    """Return an operator of data source version 2 whose class has superclasses."""
    node = java(kind, "org.apache.spark.sql.execution.datasources.v2", **members)
    superclass = None
    for ancestor in ancestors:
        superclass = SimpleNamespace(
            getName=method(f"org.apache.spark.sql.execution.datasources.v2.{ancestor}"),
            getSuperclass=method(superclass),
            getInterfaces=list,
        )
    kind_class = node.getClass()
    kind_class.getSuperclass, kind_class.getInterfaces = method(superclass), list
    return node


def test_a_write_to_an_iceberg_table_is_at_its_location_and_at_the_paths_of_its_properties():
    table = iceberg_table(location=TABLE, **{"write.data.path": ELSEWHERE})
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=java("SparkWrite$BatchAppend", ICEBERG))
    assert locations_of(execution_of(node, analyzed)) == [TABLE, ELSEWHERE]


@pytest.mark.parametrize(
    ("earlier", "locations"), [([], [TABLE]), ([TABLE, ELSEWHERE], [TABLE, ELSEWHERE]), (None, [""])]
)
def test_without_receipts_a_write_is_at_the_locations_of_each_version_of_its_table(earlier, locations):
    table = iceberg_table(location=TABLE)
    table.table = method(java("BaseTable", "org.apache.iceberg"))
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=java("SparkWrite$BatchAppend", ICEBERG))
    lookup = Lookup()
    lookup.reads_versions, lookup.earlier_locations = True, method(earlier)
    found = writes_of(execution_of(node, analyzed), failed=False, tables=ObservedTables(), lookup=lookup)
    assert [write.location for write in found] == locations


def version(file, made):
    return java("MetadataLogEntry", file=file, timestampMillis=made)


def read_versions(*previous, properties=None):
    """Return the locations that a lookup, created at 10 ms, finds in versions of a table."""
    read = []

    def read_version(_io, file):
        read.append(file)
        return java("TableMetadata", properties=properties or {"write.data.path": file}, location=TABLE)

    parser = SimpleNamespace(read=read_version)
    org = SimpleNamespace(apache=SimpleNamespace(iceberg=SimpleNamespace(TableMetadataParser=parser)))
    system = SimpleNamespace(currentTimeMillis=lambda: 10)
    jvm = SimpleNamespace(org=org, java=SimpleNamespace(lang=SimpleNamespace(System=system)))
    lookup = TableLookup(SimpleNamespace(_jvm=jvm))
    metadata = java("TableMetadata", previousFiles=list(previous))
    table = java("BaseTable", operations=java("Operations", current=metadata), io=None)
    lookup.earlier_locations(table)
    found = lookup.earlier_locations(table)
    assert len(read) == len(set(read))
    return found


def test_the_versions_of_a_table_since_the_start_have_locations_and_are_read_once():
    old, new = version("00007-a", 9), version("00008-b", 10)
    assert read_versions() == []
    assert read_versions(old) == []
    assert read_versions(old, new) == [TABLE, "00008-b"]
    assert read_versions(version("s3a://b/t/metadata/v1.metadata.json", 11)) == [
        TABLE,
        "s3a://b/t/metadata/v1.metadata.json",
    ]


def test_versions_of_a_table_that_are_not_known_have_no_known_location():
    assert read_versions(version("00008-b", 10)) is None
    provider = {"write.location-provider.impl": "com.example.Elsewhere"}
    assert read_versions(version("00000-a", 10), properties=provider) is None


def test_a_merge_into_an_iceberg_table_is_at_its_location():
    wrapped = java("RowLevelOperationTable", "org.apache.spark.sql.connector.write")
    wrapped.table = method(iceberg_table(location=TABLE))
    analyzed = java("ReplaceData", table=java("DataSourceV2Relation", table=wrapped))
    node = v2_node("ReplaceDataExec", "V2TableWriteExec", write=java("SparkWriteBuilder$1", ICEBERG))
    assert locations_of(execution_of(node, analyzed)) == [TABLE]


def test_a_write_of_spark_s_default_class_is_named_by_its_table_and_stores_files():
    table = java("HoodieDataSourceInternalTable", "org.apache.hudi.spark3.internal")
    table.properties = method(SimpleNamespace(get=lambda _name: None))
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    write = java("WriteBuilder$1", "org.apache.spark.sql.connector.write")
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=write)
    (found,) = writes_of(execution_of(node, analyzed), failed=False, tables=ObservedTables())
    assert found.problem.startswith("a write by AppendDataExec HoodieDataSourceInternalTable")
    assert found.stores_files


def test_a_new_iceberg_table_is_at_the_location_that_its_catalog_reports():
    catalog = java("SparkCatalog", "org.apache.iceberg.spark", loadTable=iceberg_table(location=TABLE))
    created = v2_node("CreateTableAsSelectExec", "V2CreateTableAsSelectBaseExec", catalog=catalog, ident="t")
    altered = v2_node("AlterTableExec", "LeafV2CommandExec", catalog=catalog, ident="t")
    shown = v2_node("DescribeTableExec", "LeafV2CommandExec", catalog=catalog, ident="t")
    assert locations_of(execution_of(created)) == [TABLE]
    assert locations_of(execution_of(altered)) == [TABLE]
    assert locations_of(execution_of(shown)) == []


def test_a_table_whose_files_a_class_of_the_job_places_has_no_known_location():
    provider = {"write.location-provider.impl": "com.example.Elsewhere"}
    table = iceberg_table(location=TABLE, **provider)
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=java("SparkWrite$BatchAppend", ICEBERG))
    (write,) = writes_of(execution_of(node, analyzed), failed=False, tables=ObservedTables())
    assert (write.location, write.stores_files) == ("", True)


def test_a_write_names_its_table_as_sql_does():
    table = iceberg_table(location=TABLE)
    table.name = method("glue_catalog.db.t")
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=java("SparkWrite$BatchAppend", ICEBERG))
    (write,) = writes_of(execution_of(node, analyzed), failed=False, tables=ObservedTables())
    assert write.table == "glue_catalog.db.t"
    merge = delta("MergeIntoCommand", deltaLog=java("DeltaLog", dataPath=path(TABLE)))
    node = java("ExecutedCommandExec", cmd=merge)
    (write,) = writes_of(execution_of(node), failed=False, tables=ObservedTables())
    assert write.table == f"delta.`{TABLE}`"


def called(procedure, *arguments, catalog="lake", package="org.apache.iceberg.spark.procedures"):
    """Return the execution of ``CallExec`` of a procedure with a table as its first argument."""
    of_catalog = java("Field", getType=java_class("TableCatalog"), get=java("SparkCatalog", name=catalog))
    of_catalog.setAccessible = method(None)
    base = java_class(
        "BaseProcedure", getDeclaredFields=[java("Field", getType=java_class("Map")), of_catalog]
    )
    procedure = java(f"{procedure}Procedure", package, parameters=[java("Parameter", name="table")])
    procedure.getClass().getSuperclass = method(base)
    row = SimpleNamespace(getUTF8String=arguments.__getitem__)
    node = v2_node("CallExec", "LeafV2CommandExec", procedure=procedure, input=row)
    parser = SimpleNamespace(parseMultipartIdentifier=lambda text: Seq(text.split(".")))
    state = java("SessionState", sqlParser=parser)
    return java("QueryExecution", executedPlan=node, sparkSession=java("SparkSession", sessionState=state))


def java_class(name, **members):
    return SimpleNamespace(
        getSimpleName=method(name), **{key: method(value) for key, value in members.items()}
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AddFiles", "add_files"),
        ("MigrateTable", "migrate"),
        ("SnapshotTable", "snapshot"),
        ("RegisterTable", "register_table"),
    ],
)
def test_a_procedure_that_adds_existing_objects_is_never_known(kind, name):
    (write,) = writes_of(called(kind, "db.t"), failed=False, tables=ObservedTables())
    assert write.problem == f"CALL {name}, which adds objects to a table that the run did not write"
    assert not write.stores_files


@pytest.mark.parametrize("kind", ["AncestorsOf", "CreateChangelogView", "RemoveOrphanFiles"])
def test_a_procedure_that_reads_or_deletes_is_no_write(kind):
    assert writes_of(called(kind, "db.t"), failed=False, tables=ObservedTables()) == []


@pytest.mark.parametrize("kind", ["AncestorsOf", "ExpireSnapshots"])
def test_a_procedure_of_another_project_is_not_known_by_its_name(kind):
    execution = called(kind, "db.t", package="com.example.iceberg")
    (write,) = writes_of(execution, failed=False, tables=ObservedTables(), lookup=Lookup(lake__db__t=[TABLE]))
    assert (write.location, write.may_store_nothing) == ("", False)


@pytest.mark.parametrize("text", ["db.t", "lake.db.t"])
@pytest.mark.parametrize("kind", ["ExpireSnapshots", "FastForwardBranch", "RewriteDataFiles"])
def test_a_procedure_of_a_table_stores_its_objects_where_the_table_does(kind, text):
    lookup = Lookup(lake__db__t=[TABLE, ELSEWHERE])
    found = writes_of(called(kind, text), failed=False, tables=ObservedTables(), lookup=lookup)
    assert [(write.location, write.table) for write in found] == [
        (TABLE, "lake.db.t"), (ELSEWHERE, "lake.db.t"),
    ]  # fmt: skip


@pytest.mark.parametrize(("catalog", "location"), [("lake", TABLE), ("other", "")])
def test_a_procedure_that_has_just_ended_is_in_the_database_of_its_session(catalog, location):
    lookup = Lookup(database=CURRENT, lake__db__t=[TABLE], other__db__t=[ELSEWHERE])
    execution = called("ExpireSnapshots", "t", catalog=catalog)
    (write,) = writes_of(execution, failed=False, tables=ObservedTables(), lookup=lookup)
    assert write.location == location


@pytest.mark.parametrize(
    ("kind", "text"),
    [("ExpireSnapshots", "t"), ("RewriteDataFiles", "db.dropped")],
    ids=["database of the session", "not found"],
)
def test_a_procedure_of_a_table_whose_location_is_not_known_may_store_nothing(kind, text):
    lookup = Lookup(lake__db__t=[TABLE], lake__t=[TABLE])
    (write,) = writes_of(called(kind, text), failed=False, tables=ObservedTables(), lookup=lookup)
    assert (write.location, write.stores_files, write.may_store_nothing) == ("", True, True)


def test_a_procedure_that_stores_a_copy_elsewhere_is_at_an_unknown_location():
    lookup = Lookup(lake__db__t=[TABLE])
    execution = called("RewriteTablePath", "db.t")
    (write,) = writes_of(execution, failed=False, tables=ObservedTables(), lookup=lookup)
    assert write.problem == "CALL rewrite_table_path, whose location is unknown"
    assert (write.stores_files, write.may_store_nothing) == (True, False)


def conversion(database, location, path=None):
    """Return the execution of ``CONVERT TO DELTA``."""
    identifier = java("TableIdentifier", database=Option(database), table=location)
    identifier.location = location
    converted = java(
        "ConvertToDeltaCommand",
        "org.apache.spark.sql.delta.commands",
        deltaPath=Option(path),
        tableIdentifier=identifier,
    )
    converted.is_executed = True
    return executed(converted)


@pytest.mark.parametrize(
    ("execution", "converted"),
    [
        (conversion("parquet", TABLE), TABLE),
        (conversion("db", TABLE), TABLE),
        (conversion("parquet", TABLE, ELSEWHERE), ELSEWHERE),
    ],
    ids=["folder", "table", "log elsewhere"],
)
def test_a_conversion_to_delta_is_never_known(execution, converted):
    lookup = Lookup([converted], database=CURRENT)
    (write,) = writes_of(execution, failed=False, tables=ObservedTables(), lookup=lookup)
    assert write.problem.startswith("ConvertToDeltaCommand, which adds objects")
    assert write.adopts


def test_a_conversion_of_a_table_of_delta_stores_its_properties_at_most():
    for execution, locations in ((conversion("parquet", TABLE), []), (conversion("db", TABLE), [TABLE])):
        lookup = Lookup(database=CURRENT)
        found = writes_of(execution, failed=False, tables=ObservedTables(), lookup=lookup)
        assert [write.location for write in found] == locations


@pytest.mark.parametrize(
    ("execution", "adopts"),
    [
        (conversion("db", TABLE), [True]),
        (conversion("parquet", TABLE), []),
        (conversion("db", TABLE, ELSEWHERE), [False]),
    ],
    ids=["table", "folder", "log elsewhere"],
)
def test_gs_s3_012_a_conversion_is_not_known_if_its_table_may_have_changed_since(execution, adopts):
    found = writes_of(execution, failed=False, tables=ObservedTables(), lookup=Lookup())
    assert [write.adopts for write in found] == adopts


def test_a_conversion_of_a_table_that_cannot_be_read_is_not_known():
    execution, lookup = conversion("db", TABLE), SimpleNamespace(database_of=lambda *_, **__: CURRENT)
    (write,) = writes_of(execution, failed=True, tables=ObservedTables(), lookup=lookup)
    assert write.adopts


def test_gs_s3_012_a_call_that_failed_may_have_added_existing_objects():
    (write,) = writes_of(called("AddFiles", "db.t"), failed=True, tables=ObservedTables())
    assert write.adopts


@pytest.mark.parametrize("kind", ["AncestorsOf", "RewriteDataFiles", "RewriteTablePath"])
def test_the_table_of_a_call_that_failed_is_verified(kind):
    lookup = Lookup(lake__db__t=[TABLE])
    found = writes_of(called(kind, "db.t"), failed=True, tables=ObservedTables(), lookup=lookup)
    # A write that counts as failed would stop the run without a verification.
    assert not any(write.failed for write in found)
    places = [(write.location, write.may_store_nothing) for write in found]
    assert places == {"RewriteDataFiles": [(TABLE, False)], "RewriteTablePath": [("", True)]}.get(kind, [])


def options_of(**options):
    named = {name.replace("__", "."): text for name, text in options.items()}
    return SimpleNamespace(contains=named.__contains__, apply=named.__getitem__)


@pytest.mark.parametrize(
    "command",
    [
        java("CreateDeltaTableCommand", query=Option(java("CloneTableCommand"))),
        java("CallProcedureHoodieCommand", procedure=java("RunBootstrapProcedure")),
        java(
            "SaveIntoDataSourceCommand",
            dataSource=java("Spark3DefaultSource", "org.apache.hudi"),
            options=options_of(path=TABLE, hoodie__datasource__write__operation="BOOTSTRAP"),
        ),
        java(
            "SaveIntoDataSourceCommand",
            dataSource=java("Spark3DefaultSource", "org.apache.hudi"),
            options=options_of(path=TABLE, hoodie__bootstrap__base__path=ELSEWHERE),
        ),
    ],
    ids=["clone", "procedure", "operation", "option"],
)
def test_a_table_of_the_objects_of_others_is_never_known(command):
    node = java("ExecutedCommandExec", cmd=command)
    (write,) = writes_of(execution_of(node), failed=False, tables=ObservedTables())
    assert "which adds objects to a table that the run did not write" in write.problem
    assert (write.location, write.stores_files) == ("", False)


def call_of_hudi(kind):
    command = java("CallProcedureHoodieCommand", "org.apache.spark.sql.hudi.command", procedure=java(kind))
    return execution_of(java("ExecutedCommandExec", cmd=command))


@pytest.mark.parametrize(
    "kind", ["ShowCommitsProcedure", "StatsFileSizeProcedure", "CopyToTempViewProcedure", "HelpProcedure"]
)
def test_a_procedure_of_hudi_that_reads_is_no_write(kind):
    assert locations_of(call_of_hudi(kind)) == []


@pytest.mark.parametrize(
    ("kind", "may_store_nothing"),
    [("RunCleanProcedure", True), ("RepairDeduplicateProcedure", True), ("ExportInstantsProcedure", False)],
)
def test_a_procedure_of_hudi_may_store_nothing(kind, may_store_nothing):
    (write,) = writes_of(call_of_hudi(kind), failed=False, tables=ObservedTables())
    assert write.problem == f"a write by CallProcedureHoodieCommand {kind}, whose location is unknown"
    assert (write.stores_files, write.may_store_nothing) == (True, may_store_nothing)


@pytest.mark.parametrize(
    ("kind", "may_store_nothing"),
    [
        ("CreateHoodieTableCommand", True),
        ("DropHoodieTableCommand", True),
        ("CreateHoodieTableAsSelectCommand", False),
        ("UpdateHoodieTableCommand", False),
        ("InsertIntoHoodieTableCommand", False),
    ],
)
def test_a_definition_of_a_table_of_hudi_may_store_nothing(kind, may_store_nothing):
    node = java("ExecutedCommandExec", cmd=java(kind, "org.apache.spark.sql.hudi.command"))
    (write,) = writes_of(execution_of(node), failed=False, tables=ObservedTables())
    assert (write.stores_files, write.may_store_nothing) == (True, may_store_nothing)


def test_a_table_of_delta_that_is_created_with_rows_is_at_its_location():
    written = delta("CreateDeltaTableCommand", deltaLog=java("DeltaLog", dataPath=path(TABLE)))
    written.query = method(Option(java("Project")))
    assert locations_of(execution_of(java("ExecutedCommandExec", cmd=written))) == [TABLE]


def test_a_table_of_another_project_is_at_an_unknown_location_whatever_its_properties_say():
    table = java("JdbcTable", "com.example", properties={"location": TABLE})
    analyzed = java("AppendData", table=java("DataSourceV2Relation", table=table))
    node = v2_node("AppendDataExec", "V2TableWriteExec", write=java("JdbcWrite", "com.example"))
    (write,) = writes_of(execution_of(node, analyzed), failed=False, tables=ObservedTables())
    assert (write.location, write.stores_files) == ("", False)


def delta(kind, **members):
    return java(kind, "org.apache.spark.sql.delta.commands", **members)


@pytest.mark.parametrize(
    "members",
    [
        {"deltaLog": java("DeltaLog", dataPath=path(TABLE))},
        {"targetFileIndex": java("Index", deltaLog=java("DeltaLog", dataPath=path(TABLE)))},
        {"sourceTable": java("DeltaTableV2", deltaLog=java("DeltaLog", dataPath=path(TABLE)))},
    ],
    ids=["log", "file index", "source"],
)
def test_a_command_of_delta_writes_to_its_table(members):
    node = java("ExecutedCommandExec", cmd=delta("MergeIntoCommand", **members))
    assert locations_of(execution_of(node)) == [TABLE]


@pytest.mark.parametrize("package", ["org.apache.spark.sql.delta.commands", "io.delta.tables.execution"])
def test_a_command_of_delta_for_the_files_of_a_table_is_at_its_location(package):
    table = java("DeltaTableV2", deltaLog=java("DeltaLog", dataPath=path(TABLE)))
    command = java("VacuumTableCommand", package, child=java("ResolvedTable", table=table))
    assert locations_of(execution_of(java("ExecutedCommandExec", cmd=command))) == [TABLE]


@pytest.mark.parametrize(
    ("command", "is_maintenance", "content"),
    [
        (delta("OptimizeTableCommand"), True, "current rows"),
        (delta("DeltaReorgTableCommand"), True, "current rows"),
        (delta("DeltaGenerateCommand"), True, "metadata"),
        (java("VacuumTableCommand", "io.delta.tables.execution"), True, "metadata"),
        (delta("RestoreTableCommand"), True, "rows"),
        (delta("MergeIntoCommand"), False, "rows"),
        (delta("CreateDeltaTableCommand"), False, "rows"),
        (java("RepairHoodieTableCommand", "org.apache.spark.sql.hudi.command"), True, "rows"),
        (java("UpdateHoodieTableCommand", "org.apache.spark.sql.hudi.command"), False, "rows"),
    ],
    ids=lambda value: str(value.getClass().getSimpleName()) if hasattr(value, "getClass") else None,
)
def test_maintenance_of_a_table_has_no_rows_of_the_script(command, is_maintenance, content):
    node = java("ExecutedCommandExec", cmd=command)
    (write,) = writes_of(execution_of(node), failed=True, tables=ObservedTables())
    assert (write.is_maintenance, write.content) == (is_maintenance, content)


@pytest.mark.parametrize(
    ("kind", "is_maintenance"),
    [
        ("RollbackToInstantTimeProcedure", True),
        ("RunClusteringProcedure", True),
        ("CopyToTableProcedure", False),
    ],
)
def test_a_service_of_hudi_has_no_rows_of_the_script(kind, is_maintenance):
    (write,) = writes_of(call_of_hudi(kind), failed=True, tables=ObservedTables())
    assert (write.is_maintenance, write.content) == (is_maintenance, "rows")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("ExpireSnapshots", "metadata"),
        ("RewriteDataFiles", "current rows"),
        ("RollbackToSnapshot", "rows"),
        ("FastForwardBranch", "rows"),
    ],
)
def test_a_procedure_of_a_table_has_no_rows_of_the_script(kind, content):
    for lookup in (Lookup(lake__db__t=[TABLE]), Lookup()):
        (write,) = writes_of(called(kind, "db.t"), failed=False, tables=ObservedTables(), lookup=lookup)
        assert (write.is_maintenance, write.content) == (True, content)


@pytest.mark.parametrize("kind", ["AddFiles", "RewriteTablePath"])
def test_other_procedures_are_no_maintenance(kind):
    (write,) = writes_of(called(kind, "db.t"), failed=False, tables=ObservedTables())
    assert (write.is_maintenance, write.content) == (False, "rows")


@pytest.mark.parametrize(("kind", "content"), [("CreateTableExec", "metadata"), ("AlterTableExec", "rows")])
def test_a_definition_of_a_table_has_no_rows_of_the_script(kind, content):
    catalog = java("SparkCatalog", "org.apache.iceberg.spark", loadTable=iceberg_table(location=TABLE))
    node = v2_node(kind, "LeafV2CommandExec", catalog=catalog, ident="t")
    (write,) = writes_of(execution_of(node), failed=False, tables=ObservedTables())
    assert (write.is_maintenance, write.content) == (True, content)


def test_a_failed_conversion_of_a_table_that_was_converted_before_loses_no_rows():
    (write,) = writes_of(
        conversion("db", TABLE), failed=True, tables=ObservedTables(), lookup=Lookup(database=CURRENT)
    )
    assert write.is_maintenance


def test_a_command_of_delta_or_hudi_without_a_location_stores_files_unless_it_only_describes():
    hudi = java("UpdateHoodieTableCommand", "org.apache.spark.sql.hudi.command")
    for command in (delta("OptimizeTableCommand"), hudi):
        node = java("ExecutedCommandExec", cmd=command)
        (write,) = writes_of(execution_of(node), failed=False, tables=ObservedTables())
        assert (write.location, write.stores_files) == ("", True)
        assert write.may_store_nothing == (command is not hudi)
    for command in (delta("DescribeDeltaHistory"), java("ShowX", "org.apache.spark.sql.hudi.command")):
        assert locations_of(execution_of(java("ExecutedCommandExec", cmd=command))) == []
