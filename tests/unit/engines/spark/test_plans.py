"""The locations of a partitioned table's writes, with stand-ins for the JVM's objects."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.engines.spark.write_monitor.plans import ObservedTables, writes_of

TABLE = "s3a://bucket/table"
ELSEWHERE = "s3a://bucket/elsewhere"


class Option:
    def __init__(self, value=None):
        self.value = value

    def isDefined(self):
        return self.value is not None

    def get(self):
        return self.value


class Seq(list):
    def size(self):
        return len(self)

    def isEmpty(self):
        return not self

    def apply(self, position):
        return self[position]


def java(kind, package="org.apache.spark.sql", **members):
    """Return an object of a JVM class with methods that return values."""
    type_ = SimpleNamespace(getSimpleName=lambda: kind, getName=lambda: f"{package}.{kind}")
    return SimpleNamespace(getClass=lambda: type_, **{name: method(value) for name, value in members.items()})


def method(value):
    return lambda *_: value


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
