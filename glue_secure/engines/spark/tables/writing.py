"""Reads, writes and merges of SecureJob: a table by its name, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.table_buckets import table_buckets
from glue_secure.core.table_definition import STORAGE, TableDefinition
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.engines.spark.context.catalog_update import CatalogUpdate, partitions_of
from glue_secure.engines.spark.context.sinks import CatalogSink, S3Sink
from glue_secure.engines.spark.context.sources import CatalogSource
from glue_secure.engines.spark.lake_tables import FORMATS, LakeTable, lake_table
from glue_secure.engines.spark.tables.iceberg import IcebergTable
from glue_secure.io.call_checks import s3_location
from glue_secure.io.tables.increment import ERROR
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import TABLE_MODES, Publish, TableFormat, TableMode
from glue_secure.io.writer import WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.run.run import Run

Audit = Callable[["DataFrame"], object]
_PARTS_IN_A_BUCKET = 3


def read_table(
    run: Run,
    spark: SparkSession,
    table: str,
    *,
    transformation_ctx: str = "",
    on_change: str = ERROR,
    push_down_predicate: str = "",
) -> DataFrame:
    """Return the rows of a table that are new to the transformation context.

    Args:
        run: the run.
        spark: its session.
        table: ``DATABASE.TABLE`` of the Data Catalog, or ``CATALOG.NAMESPACE.TABLE`` of a table bucket.
        transformation_ctx: the transformation context; ``""`` reads all rows, without a bookmark.
        on_change: see :meth:`~glue_secure.io.tables.reader.TableReader.read`.
        push_down_predicate: Spark SQL; for a table of files, on the partition columns.

    Raises:
        UsageError: the new rows cannot be determined, or the table's format is not supported.
        RefusedError, VerificationError: a check of GS-S3, GS-CAT or GS-TLS stopped the read.
    """
    in_bucket = bucket_table(run, spark, table)
    if in_bucket is not None:
        frame: Any = run.table_reader.read(
            in_bucket, transformation_ctx=transformation_ctx, on_change=on_change
        )
        return frame.where(push_down_predicate) if push_down_predicate else frame
    database, name = split_name(table)
    found = run.reader.catalog_table(database, name)
    lake = lake_table(found)
    if lake is None:
        source = CatalogSource(database, name, transformation_ctx, push_down_predicate, {}, None, spark=spark)
        return source.read(run, dynamic=False)
    frame = run.table_reader.read(
        lake.open(run, spark),
        transformation_ctx=transformation_ctx,
        on_change=on_change,
        by_lake_formation=lake.is_read_by_lake_formation(run, spark),
    )
    return frame.where(push_down_predicate) if push_down_predicate else frame


def write_table(
    run: Run,
    frame: DataFrame,
    table: str,
    *,
    mode: TableMode,
    format: TableFormat,
    location: str = "",
    partition_by: Sequence[str] = (),
    options: Mapping[str, object] | None = None,
    overwrite_with_nothing: bool = False,
    publish: Publish = "at_once",
    audit: Audit | None = None,
) -> WriteRecord:
    """Write a frame to a table of the Data Catalog, and verify every object.

    Args:
        run: the run.
        frame: the frame.
        table: ``DATABASE.TABLE``, or ``CATALOG.NAMESPACE.TABLE`` of a table bucket.
        mode: what the write does to the table's rows; ``create`` creates the table.
        format: format of a table that is created; an existing table has its own.
        location: S3 location of a table that is created.
        partition_by: partition columns of a table that is created.
        options: options of Spark's writer for the format.
        overwrite_with_nothing: whether an overwrite by a frame without rows removes the table's rows.
        publish: ``after_audit`` writes to a branch of Iceberg, which the run's commit makes visible.
        audit: checks the rows of the branch.

    Raises:
        UsageError: the table, the mode or an option does not fit.
        RefusedError, VerificationError: as in :meth:`~glue_secure.io.tables.writer.TableWriter.write`.
    """
    resource = f"a write to table {table}"
    _check_mode(resource, mode, publish)
    spark, values = frame.sparkSession, {key: str(value) for key, value in (options or {}).items()}
    write = partial(
        run.table_writer.write,
        frame,
        mode=mode,
        partition_by=partition_by,
        options=values,
        overwrite_with_nothing=overwrite_with_nothing,
        staged=publish == "after_audit",
        audit=audit,
    )
    in_bucket = bucket_table(run, spark, table)
    if in_bucket is not None:
        if mode == "create":
            raise UsageError(
                resource,
                found="mode='create'",
                required="an existing table: S3 Tables chooses the location and the encryption of a new one",
                fix="create it outside this job, with a role that may create tables: "
                f"CREATE TABLE {table} (...) USING iceberg in Spark SQL",
            )
        return write(in_bucket)
    database, name = split_name(table)
    if mode == "create":
        _check_new(run, database, name, format, location)
        if format not in FORMATS:
            return _create_files(run, frame, database, name, format, location, partition_by, values)
        lake = LakeTable(database, name, str(s3_location(location, "write")), format)
    else:
        found = _existing_table(run, database, name)
        if lake_table(found) is None:
            if partition_by or publish != "at_once":
                raise UsageError(
                    resource,
                    found="partition_by" if partition_by else "publish='after_audit'",
                    required="neither: the table has its own partitions, and its files no branches",
                )
            return _write_files(run, frame, found, mode, values, overwrite_with_nothing)
        lake = _lake_table(found)
    operations = lake.open(run, spark, is_new=mode == "create")
    record = write(operations)
    if mode == "create" and lake.format != "iceberg":  # whose catalog is the Data Catalog
        run.catalog.create(lake.definition(spark, partition_by))
    return record


def merge_table(
    run: Run,
    frame: DataFrame,
    table: str,
    merge: Merge,
    *,
    publish: Publish = "at_once",
    audit: Audit | None = None,
) -> WriteRecord:
    """Merge a frame into a table of the Data Catalog, and verify every object.

    Raises:
        UsageError: the table's format cannot merge like this.
        RefusedError, VerificationError: as in :meth:`~glue_secure.io.tables.writer.TableWriter.merge`.
    """
    _check_mode(f"a merge into table {table}", "append", publish)
    in_bucket = bucket_table(run, frame.sparkSession, table)
    if in_bucket is not None:
        return run.table_writer.merge(frame, in_bucket, merge, staged=publish == "after_audit", audit=audit)
    database, name = split_name(table)
    found = _existing_table(run, database, name)
    if lake_table(found) is None:
        raise UsageError(
            f"a merge into table {table}",
            found=f"a table of {found.classification or 'unknown'} files",
            required=f"a table of {', '.join(FORMATS)}",
            fix="write it with job.write.table(..., mode='overwrite_partitions')",
        )
    operations = _lake_table(found).open(run, frame.sparkSession)
    return run.table_writer.merge(frame, operations, merge, staged=publish == "after_audit", audit=audit)


def bucket_table(run: Run, spark: SparkSession, table: str) -> IcebergTable | None:
    """Return a table of a table bucket of Amazon S3 Tables by ``CATALOG.NAMESPACE.TABLE``.

    None for a name with two parts, which is one of the Data Catalog.

    Raises:
        UsageError: the catalog is not a table bucket.
    """
    parts = str(table).split(".")
    if len(parts) != _PARTS_IN_A_BUCKET or not all(parts):
        return None
    catalog, namespace, name = parts
    known = table_buckets(run.engine.settings_in_force(), run.preflight.keys.s3)
    if catalog not in known:
        raise UsageError(
            f"table {table}",
            found=f"catalog {catalog}, which is not a table bucket of Amazon S3 Tables in this session",
            required=", ".join(sorted(known)) or "a table bucket in warehouse or glue.id of a catalog",
            fix="name a table of the Data Catalog as DATABASE.TABLE",
        )
    return IcebergTable(spark, catalog, namespace, name, is_in_bucket=True)


def split_name(table: str) -> tuple[str, str]:
    """Return database and table of ``DATABASE.TABLE``. Raises UsageError."""
    database, separator, name = str(table).partition(".")
    if not (database and separator and name) or "." in name:
        raise UsageError(
            "a table",
            found=repr(table),
            required="DATABASE.TABLE of the Data Catalog, or CATALOG.NAMESPACE.TABLE of a table bucket",
        )
    return database, name


def _check_mode(resource: str, mode: str, publish: str) -> None:
    for name, value, values in (("mode", mode, TABLE_MODES), ("publish", publish, get_args(Publish))):
        if value not in values:
            raise UsageError(f"{name} of {resource}", found=repr(value), required=", ".join(values))


def _check_new(run: Run, database: str, name: str, format: str, location: str) -> None:
    resource = f"mode='create' of table {database}.{name}"
    if format not in get_args(TableFormat):
        raise UsageError(resource, found=f"format={format!r}", required=", ".join(get_args(TableFormat)))
    if not location:
        raise UsageError(
            resource, found="no location", required="location='s3://BUCKET/PREFIX/' of the new table"
        )
    if run.catalog.existing_table(database, name) is not None:
        raise UsageError(
            resource,
            found="a table that exists",
            required="a table that does not exist",
            fix="use mode='append', 'overwrite' or 'overwrite_partitions'",
        )


def _existing_table(run: Run, database: str, name: str) -> TableDefinition:
    found = run.catalog.existing_table(database, name)
    if found is None:
        raise UsageError(
            f"table {database}.{name}",
            found="no table of that name in the Data Catalog",
            required="a table",
            fix=f"create it with job.write.table(frame, '{database}.{name}', mode='create', "
            "location='s3://BUCKET/PREFIX/')",
        )
    return found


def _lake_table(found: TableDefinition | CatalogTable) -> LakeTable:
    lake = lake_table(found)
    assert lake is not None  # noqa: S101 - the caller has checked it
    return lake


def _create_files(
    run: Run,
    frame: DataFrame,
    database: str,
    name: str,
    format: str,
    location: str,
    partition_by: Sequence[str],
    options: Mapping[str, str],
) -> WriteRecord:
    sink = S3Sink.parse("s3", {**options, "path": location, "partitionKeys": list(partition_by)}, format, {})
    update = CatalogUpdate.parse(database, name, {"enableUpdateCatalog": True})
    sink = replace(sink, update=update, mode="errorifexists")
    return sink.write(run, Table.of(frame))


def _write_files(
    run: Run,
    frame: DataFrame,
    table: TableDefinition,
    mode: TableMode,
    options: Mapping[str, str],
    overwrite_with_nothing: bool,
) -> WriteRecord:
    """Write to a table of files, and register its partitions."""
    resource = f"a write to table {table.database}.{table.name}"
    if table.connection:
        raise UsageError(
            resource,
            found=f"a table behind connection {table.connection}",
            required="a table in S3",
            fix=f"use job.write.jdbc(frame, connection={table.connection!r}, table=...)",
        )
    has_update = table.classification in STORAGE
    given = {**options, **({"enableUpdateCatalog": True} if has_update and table.partition_keys else {})}
    sink = CatalogSink(table.database, table.name, given).resolve(run)
    assert isinstance(sink, S3Sink)  # noqa: S101 - the table is in S3 and of files
    modes: dict[str, WriteMode] = {
        "append": "append", "overwrite": "overwrite", "overwrite_partitions": "overwrite_partitions",
    }  # fmt: skip
    sink = replace(sink, mode=modes[mode], overwrite_with_nothing=overwrite_with_nothing)
    record = sink.write(run, Table.of(frame))
    if mode == "overwrite" and table.partition_keys and (record.folders or overwrite_with_nothing):
        _delete_old_partitions(run, table, record)
    return record


def _delete_old_partitions(run: Run, table: TableDefinition, record: WriteRecord) -> None:
    """Remove the partitions whose objects an overwrite has deleted: those below the table's location."""
    location = S3Uri.parse(table.location)
    written = partitions_of(record, len(table.partition_keys))
    old = [
        values
        for values, place in run.catalog.partitions(table).items()
        if values not in written and S3Uri.parse(place).is_below(location)
    ]
    run.catalog.delete_partitions(table, old)
