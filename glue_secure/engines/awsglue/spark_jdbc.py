"""Databases whose server Glue's own reader does not verify by name: read and written by Spark's JDBC source.

glue-secure opens the connection, forces full verification in the driver's options, and converts between
Spark's DataFrames and awsglue's DynamicFrames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.connections.manager import VERIFIED_BY_GLUE
from glue_secure.connections.redshift_load import LOAD_OPTIONS
from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.options import JdbcTarget
from glue_secure.engines.awsglue.spark_sources_and_sinks import SparkSink, SparkSource
from glue_secure.io.partitioned_reads import source_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from glue_secure.run.run import Run

_NOT_OF_THE_DRIVER = ("connectionname", "useconnectionproperties")
_ACTIONS = ("preactions", "postactions")


def reads_with_spark(run: Run, target: JdbcTarget) -> bool:
    """Verify a connection, and return whether Glue's own reader and writer do not verify its server by name.

    Raises:
        RefusedError, VerificationError: GS-TLS.
    """
    of_writes = (*_ACTIONS, *LOAD_OPTIONS)
    options = {name: value for name, value in target.options.items() if name.lower() not in of_writes}
    return run.connections.open(target.connection, options).engine not in VERIFIED_BY_GLUE


def reject_bookmark(run: Run, transformation_ctx: str, resource: str) -> None:
    """Raise UsageError for a read that Glue's own bookmark would track: Spark's source has no bookmark."""
    if transformation_ctx and run.bookmarks.managed_by_glue:
        raise UsageError(
            f"a bookmark of {resource}",
            found="job bookmarks and a transformation_ctx, for a database that Spark reads",
            required="no bookmark: Glue's own reader has it, and does not verify this server by name",
            fix='transformation_ctx="" reads every row; or start the job with --glue-secure-bookmarks '
            "portable, whose bookmarks support this database (docs/bookmarks.md)",
        )


class SparkJdbcSource(SparkSource):
    """The result of ``getSource`` for such a database.

    Args:
        context: the GlueContext.
        target: the connection, and the options of the call.
        transformation_ctx: the transformation context.
        name: the name of the DynamicFrame.
    """

    def __init__(self, context: Any, target: JdbcTarget, transformation_ctx: str, name: str) -> None:
        super().__init__(context, name)
        self._target, self._transformation_ctx = target, transformation_ctx

    def setFormat(self, format: str, **options: Any) -> None:  # noqa: ARG002
        """Raise UsageError: a table in a database has no format."""
        raise UsageError("a JDBC source", found="a format", required="connection_options only")

    def _read(self, *, sample: bool) -> DataFrame:
        transformation_ctx = "" if sample else self._transformation_ctx
        with self._sql_ctx.operation("DataSource.getDataFrame") as run:
            reject_bookmark(run, transformation_ctx, f"connection {self._target.connection}")
            options = _of_the_driver(self._target.options)
            named = {"dbtable": self._target.table} if not _names_source(options) else {}
            table, options = source_of({**options, **named})
            return run.reader.read_jdbc(
                self._target.connection,
                table,
                options=options,
                transformation_ctx=transformation_ctx,
            )


class SparkJdbcSink(SparkSink):
    """The result of ``getSink`` for such a database.

    Args:
        context: the GlueContext.
        target: the connection, and the options of the call.
    """

    def __init__(self, context: Any, target: JdbcTarget) -> None:
        super().__init__(context)
        self._target = target

    def setFormat(self, format: str, **options: Any) -> None:  # noqa: ARG002
        """Raise UsageError: a table in a database has no format."""
        raise UsageError("a JDBC sink", found="a format", required="connection_options only")

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:  # noqa: ARG002
        """Raise UsageError: only sinks in S3 update the Data Catalog."""
        raise UsageError("setCatalogInfo", found="a JDBC sink", required="an S3 sink")

    def _write(self, frame: DataFrame, name: str = "") -> None:
        with self._sql_ctx.operation("DataSink.write") as run:
            options, table = _of_the_driver(self._target.options), name or self._target.table
            options.pop("dbtable", "")
            database = str(options.pop("database", ""))
            if "bulkSize" in options:  # the number of parallel inserts
                options["numPartitions"] = options.pop("bulkSize")
            if not table:
                raise UsageError("a JDBC sink", found="no dbtable", required="dbtable: TABLE or SCHEMA.TABLE")
            run.writer.write_jdbc(frame, self._target.connection, table, database=database, options=options)


def _of_the_driver(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name.lower() not in _NOT_OF_THE_DRIVER}


def _names_source(options: Mapping[str, Any]) -> bool:
    return any(options.get(name) for name in ("dbtable", "query", "sampleQuery"))
