"""The writes of ``CALL`` statements, by the procedures' names, and those of commands that convert a table.

Spark 3 has the procedure in the executed plan. Spark 4 calls it when it analyses the statement, so that only
the parsed statement names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from glue_secure.core.identifiers import quoted
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.engines.spark.write_monitor.statement_texts import called_procedures
from glue_secure.engines.spark.write_monitor.table_lookup import (
    CurrentDatabase,
    TableLookup,
    current_database,
    is_folder,
)

# Procedures of Iceberg. https://iceberg.apache.org/docs/1.10.0/spark-procedures/
_PACKAGE = "org.apache.iceberg.spark.procedures."
_ADOPTING = ("add_files", "migrate", "register_table", "snapshot")
# They read, or delete.
_STORING_NOTHING = ("ancestors_of", "create_changelog_view", "remove_orphan_files")
# They store data or metadata where their argument "table" does, or nothing.
_OF_A_TABLE = (
    "cherrypick_snapshot",
    "compute_partition_stats",
    "compute_table_stats",
    "expire_snapshots",
    "fast_forward",
    "publish_changes",
    "rewrite_data_files",
    "rewrite_manifests",
    "rewrite_position_delete_files",
    "rollback_to_snapshot",
    "rollback_to_timestamp",
    "set_current_snapshot",
)
# Those that store no rows of an earlier state or of a branch.
_OF_CURRENT_ROWS = ("rewrite_data_files", "rewrite_position_delete_files")
_OF_METADATA = ("compute_partition_stats", "compute_table_stats", "expire_snapshots", "rewrite_manifests")
# Names of classes that do not follow from the names in SQL.
_NAMES_OF_CLASSES = {
    "FastForwardBranch": "fast_forward",
    "MigrateTable": "migrate",
    "SnapshotTable": "snapshot",
}
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")
_PARTS_WITH_CATALOG = 3
_PARTS_WITH_DATABASE = 2
# Spark 4 wraps a statement with parameters.
_WITH_PARAMETERS = ("NameParameterizedQuery", "PosParameterizedQuery")


def statement_of(plan: Any) -> tuple[Any, bool]:
    """Return the parsed statement of a logical plan, and whether ``EXPLAIN`` has it.

    A plan may have parameters.
    """
    is_explained = False
    while True:
        kind = str(plan.getClass().getSimpleName())
        if kind == "ExplainCommand":
            plan, is_explained = plan.logicalPlan(), True
        elif kind in _WITH_PARAMETERS:
            plan = plan.child()
        else:
            return plan, is_explained


def writes_of_node(node: Any, execution: Any, lookup: TableLookup, *, failed: bool) -> list[UnmanagedWrite]:
    """Return the writes of a procedure of Iceberg that a physical operator of Spark 3 (``CallExec``) called.

    Args:
        node: the operator.
        execution: the ``QueryExecution``.
        lookup: reads the table.
        failed: whether the call failed, perhaps after its commit.
    """
    kind = str(node.procedure().getClass().getName())
    name = kind.rpartition(".")[2].removesuffix("Procedure")
    name = _NAMES_OF_CLASSES.get(name) or _WORDS.sub("_", name).lower()
    if not kind.startswith(_PACKAGE):
        name = kind
    session, database = execution.sparkSession(), lookup.database_of(execution, failed=failed)
    return _writes(
        name, lambda: _located(_table_of_node(node, session, database), session, lookup), failed=failed
    )


def writes_of_call(
    statement: Any, session: Any, lookup: TableLookup, *, failed: bool
) -> list[UnmanagedWrite]:
    """Return the writes of a ``CALL`` statement of Spark 4, whose executed plan has the result only.

    Args:
        statement: the parsed statement, which has just ended.
        session: the JVM's ``SparkSession``.
        lookup: reads the table.
        failed: whether the call failed, perhaps after its commit.
    """
    parts, database = _name_of_procedure(statement.procedure(), session), current_database(session)
    if not parts:
        return [of_existing_objects("CALL IDENTIFIER of a name that is not a literal", failed=False)]
    return _writes(
        parts[-1].lower(),
        lambda: _located(_table_of_call(statement, parts, session, database), session, lookup),
        failed=failed,
    )


def calls_in_text(text: str) -> list[UnmanagedWrite]:
    """Return the writes of procedures that a script or an ``EXECUTE IMMEDIATE`` of Spark 4 may have called.

    Where a procedure of a table stored its objects is not known.
    """
    called, problem = called_procedures(text), ""
    if any(name not in (*_STORING_NOTHING, *_OF_A_TABLE) for name in called.names):
        problem = "a CALL in a script or an EXECUTE IMMEDIATE"
    elif called.executes_unknown_text:
        problem = "an EXECUTE IMMEDIATE of a statement whose text is not known"
    if problem:
        problem += ", which may add objects to a table that the run did not write"
        return [UnmanagedWrite("", "CALL", problem=problem, adopts=True)]
    return [write for name in called.names for write in _writes(name, list, failed=False)]


def writes_of_conversion(
    name: str,
    session: Any,
    identifier: Any,
    lookup: TableLookup,
    *,
    location: str = "",
    failed: bool = False,
    refused: bool = False,
    has_just_ended: bool = True,
) -> list[UnmanagedWrite]:
    """Return the writes of a command that converts a table of Parquet to Delta Lake.

    A table that was converted before stays as it is.

    Args:
        name: the command or function.
        session: the JVM's ``SparkSession``.
        identifier: Spark's ``TableIdentifier``, or its text.
        lookup: reads the table's log.
        location: where the log is to be; ``""`` for the location of the table.
        failed: whether the command failed, perhaps after its commit.
        refused: whether Spark refused it when it analysed it.
        has_just_ended: whether no later statement can have changed the table of a catalog.
    """
    try:
        if isinstance(identifier, str):
            identifier = session.sessionState().sqlParser().parseTableIdentifier(identifier)
        if not has_just_ended and not location and not is_folder(identifier):
            return [of_existing_objects(name, failed)]
        location = location or lookup.location_to_convert(session, identifier)
    except Exception:  # there is no such table, or Spark has ended
        # Spark resolves the table before it converts it.
        return [] if refused else [of_existing_objects(name, failed)]
    try:
        has_converted = lookup.has_converted(location)
    except Exception:  # another release of Delta, or Spark has ended
        has_converted = True
    if has_converted:
        return [of_existing_objects(name, failed)]
    # Delta stores the properties of a table of the catalog in a table that was converted before.
    table = f"delta.{quoted(location)}"
    if is_folder(identifier):
        return []
    return [UnmanagedWrite(location, "delta", None, failed, table=table, is_maintenance=True)]


def of_existing_objects(name: str, failed: bool) -> UnmanagedWrite:
    """Return the write of a command or function that adds existing objects to a table."""
    problem = f"{name}, which adds objects to a table that the run did not write"
    return UnmanagedWrite("", name, None, failed, problem, adopts=True)


def _writes(
    name: str, locate: Callable[[], Sequence[UnmanagedWrite]], *, failed: bool
) -> list[UnmanagedWrite]:
    """Return the writes of a procedure. The table of one that failed is verified: it may have committed."""
    if name in _STORING_NOTHING:
        return []
    if name in _ADOPTING:
        return [of_existing_objects(f"CALL {name}", failed=False)]
    is_of_a_table = name in _OF_A_TABLE
    content: Literal["rows", "current rows", "metadata"] = "rows"
    if name in _OF_CURRENT_ROWS:
        content = "current rows"
    elif name in _OF_METADATA:
        content = "metadata"
    located = locate() if is_of_a_table else ()
    unknown = UnmanagedWrite(
        "",
        f"CALL {name}",
        problem=f"CALL {name}, whose location is unknown",
        stores_files=True,
        may_store_nothing=failed or is_of_a_table,
    )
    is_maintenance = failed or is_of_a_table
    return [replace(write, is_maintenance=is_maintenance, content=content) for write in located or [unknown]]


def _located(name: Sequence[str], session: Any, lookup: TableLookup) -> list[UnmanagedWrite]:
    """Return a write to each location of a table; an empty list if its name or locations are not known."""
    if not name:
        return []
    return [
        UnmanagedWrite(location, "table", table=".".join(name))
        for location in lookup.iceberg_locations(session, name)
    ]


def _table_of_node(node: Any, session: Any, database: CurrentDatabase | None) -> list[str]:
    """Return the parts of the name of the table that ``CallExec`` has as an argument."""
    try:
        names = [str(parameter.name()) for parameter in node.procedure().parameters()]
        text = str(node.input().getUTF8String(names.index("table")))
        return _full_name(text, _catalog_of(node.procedure()), session, database)
    except Exception:  # another release of Iceberg
        return []


def _catalog_of(procedure: Any) -> str:
    """Return the name of the catalog of a procedure, which only a field of its superclass has."""
    kind = procedure.getClass()
    while kind.getSimpleName() != "BaseProcedure":
        kind = kind.getSuperclass()
    field = next(found for found in kind.getDeclaredFields() if "Catalog" in found.getType().getSimpleName())
    field.setAccessible(True)
    return str(field.get(procedure).name())


def _name_of_procedure(procedure: Any, session: Any) -> list[str]:
    """Return the parts of the name of a parsed procedure, an empty list if an expression has the name."""
    if str(procedure.getClass().getSimpleName()) != "PlanWithUnresolvedIdentifier":
        return _texts(procedure.nameParts())
    expression = procedure.identifierExpr()
    if str(expression.getClass().getSimpleName()) != "Literal":
        return []
    return _texts(session.sessionState().sqlParser().parseMultipartIdentifier(str(expression.value())))


def _table_of_call(
    statement: Any, parts: Sequence[str], session: Any, database: CurrentDatabase
) -> list[str]:
    """Return the parts of the name of the table that a parsed ``CALL`` has as a literal argument."""
    arguments = statement.args()
    for position in range(arguments.size()):
        argument = arguments.apply(position)
        kind = str(argument.getClass().getSimpleName())
        if kind == "NamedArgumentExpression" and str(argument.key()).lower() == "table":
            argument, kind = argument.value(), str(argument.value().getClass().getSimpleName())
        elif position:
            continue
        if kind == "Literal":
            has_catalog = len(parts) >= _PARTS_WITH_CATALOG
            catalog = parts[0] if has_catalog else database.catalog
            return _full_name(str(argument.value()), catalog, session, database)
    return []


def _full_name(text: str, catalog: str, session: Any, database: CurrentDatabase | None) -> list[str]:
    """Return the parts of a table's name with the catalog; an empty list if its database is not known.

    A name without a database is in that of the session when the statement ended.
    """
    parts = _texts(session.sessionState().sqlParser().parseMultipartIdentifier(text))
    if parts[0] == catalog:
        parts = parts[1:]
    if len(parts) == 1 and database is not None and database.catalog == catalog:
        parts = [*database.namespace, *parts]
    return [catalog, *parts] if len(parts) >= _PARTS_WITH_DATABASE else []


def _texts(parts: Any) -> list[str]:
    return [str(parts.apply(position)) for position in range(parts.size())]
