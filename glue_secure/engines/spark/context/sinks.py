"""Sinks: an S3 location, a table behind a Glue connection, a table of the Data Catalog.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-jdbc-home.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glue_secure.connections.connectors.dynamodb import catalog_options, is_dynamodb_location, parse_write
from glue_secure.connections.engines.registry import JDBC_TYPES
from glue_secure.connections.redshift_load import with_location
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.ignored_options import Place, warn_of_ignored
from glue_secure.core.options import whole_number
from glue_secure.core.table_definition import TableDefinition
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.engines.glue_options import (
    known_options,
    reject_credentials,
    require_connection_name,
    require_run_account,
    uses_connection,
)
from glue_secure.engines.run_context import failure_context
from glue_secure.engines.spark.connectors.custom import CustomSink
from glue_secure.engines.spark.connectors.dynamodb import DynamoDbSink
from glue_secure.engines.spark.connectors.kafka import KafkaSink
from glue_secure.engines.spark.context.catalog_update import (
    UPDATE_OPTIONS,
    CatalogUpdate,
    require_table_keys,
)
from glue_secure.engines.spark.lake_tables import FORMATS as LAKE_FORMATS
from glue_secure.engines.spark.lake_tables import LakeSink, lake_sink, lake_table, update_not_offered
from glue_secure.engines.spark.protected_table import with_protected_data
from glue_secure.engines.spark.sink_formats import prepare, sink_format, writer_options
from glue_secure.io.call_checks import reject_protected_options, s3_location
from glue_secure.io.writer import WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.engines.run_context import RunContext
    from glue_secure.run.run import Run

_S3_OPTIONS = {"path", "partitionKeys", "compression", "compressionType"}
_CATALOG_OPTIONS = {"partitionKeys", "compression", "compressionType", *UPDATE_OPTIONS}
_FORMATS_AS_TYPE = ("parquet", "orc", *LAKE_FORMATS)


@dataclass(frozen=True, slots=True)
class S3Sink:
    """An S3 location and the format of the objects.

    Attributes:
        path: the S3 location.
        format: Glue's name of the format; ``""`` until it is set.
        format_options: Glue's ``format_options``.
        options: Glue's ``connection_options`` without ``path``.
        update: the update of the Data Catalog after the write; None for no update.
        mode: what the write does to existing objects.
        overwrite_with_nothing: whether an overwrite by a frame without rows deletes the objects.
    """

    path: str
    format: str
    format_options: Mapping[str, Any]
    options: Mapping[str, Any]
    update: CatalogUpdate | None = None
    mode: WriteMode = "append"
    overwrite_with_nothing: bool = False

    @classmethod
    def parse(
        cls,
        connection_type: str,
        options: Mapping[str, Any],
        format: str | None,
        format_options: Mapping[str, Any],
    ) -> S3Sink:
        """Return the sink of Glue's arguments. Glue also takes the format from ``connection_type="parquet"``.

        Raises:
            UsageError: the plain-Spark runtime does not offer the sink, or ``path`` is missing.
        """
        if connection_type in _FORMATS_AS_TYPE and format in (None, connection_type):
            format = connection_type
        elif connection_type != "s3":
            raise UsageError(
                "connection_type of a sink",
                found=repr(connection_type),
                required=f"s3, {', '.join(_FORMATS_AS_TYPE)}, {', '.join(JDBC_TYPES)}, "
                "or a connector of docs/connectors.md",
                fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
            )
        if not options.get("path"):
            raise UsageError("connection_options of an S3 sink", found="no path", required="path: s3://...")
        others = {name: value for name, value in options.items() if name != "path"}
        return cls(str(options["path"]), format or "", dict(format_options), others)

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Write a frame, verify its objects, and update the Data Catalog.

        Args:
            run: the run.
            table: the frame.
            name: the folder below ``path`` for a frame of a collection; ``""`` for a single frame.

        Raises:
            UsageError: an option is not known, or the format or the table cannot take the frame.
            RefusedError: GS-S3-005, an option would change encryption; and those of the run's writer.
        """
        if not self.format:
            raise UsageError("an S3 sink", found="no format", required="setFormat before the write")
        if self.update is None and str(self.options.get("enableUpdateCatalog", "")).lower() == "true":
            raise UsageError(
                "enableUpdateCatalog",
                found="no catalog table named",
                required="getSink(...).setCatalogInfo(catalogDatabase=, catalogTableName=), or from_catalog",
            )
        reject_protected_options({**self.options, **self.format_options}, f"write to {self.path}")
        format = sink_format(self.format)
        known = _S3_OPTIONS | UPDATE_OPTIONS | format.spark
        given = known_options(self.options, known, Place.S3_SINK, "connection_options of an S3 sink")
        options = writer_options(format, self.format_options, given)
        keys = self._partition_keys()
        location = f"{self.path.rstrip('/')}/{name}/" if name else self.path
        # Column policies first: some formats turn the whole row into one text.
        protected = run.columns.protect(table.data, location)
        table = with_protected_data(table, protected)
        prepared = prepare(table, format, self.format_options, options, keys)
        if self.update is not None:
            self.update.validate(run, table, path=self.path, format=format.name, keys=keys)
        record = run.writer.write_s3(
            protected.with_frame(prepared.data),
            location,
            format=prepared.writer,
            evidence_format=prepared.format,
            mode=self.mode,
            partition_by=keys,
            options=prepared.options,
            overwrite_with_nothing=self.overwrite_with_nothing,
        )
        if self.update is not None:
            self.update.apply(run, table, record, format=format.name, keys=keys, spark=options)
        return record

    def resolve(self, run: Run, spark: SparkSession) -> S3Sink | LakeSink:
        """Return the sink of the table that the path names; this sink for a format of files."""
        format = self.format.lower()
        if format not in LAKE_FORMATS:
            return self
        if self.update is not None:
            raise update_not_offered(format)
        options = {**self.options, **self.format_options, "path": self.path}
        return lake_sink(run, spark, format, options)

    def _partition_keys(self) -> list[str]:
        keys = self.options.get("partitionKeys") or ()
        if isinstance(keys, str) or not all(isinstance(key, str) for key in keys):
            raise UsageError("partitionKeys", found=repr(keys), required="a list of column names")
        return list(keys)


@dataclass(frozen=True, slots=True)
class JdbcSink:
    """A table behind a Glue connection.

    Attributes:
        connection: the Glue connection's name.
        table: the database table; ``""`` for a collection, whose frames go to tables of their names.
        database: the database that the connection must name; ``""`` for any.
        options: the caller's other options, which are checked when the connection is opened.
    """

    connection: str
    table: str
    database: str
    options: Mapping[str, str]

    @classmethod
    def parse(
        cls, connection: str, options: Mapping[str, Any], *, redshift_tmp_dir: str = "", resource: str
    ) -> JdbcSink:
        """Return the sink of ``connection_options``.

        Args:
            connection: the Glue connection's name.
            options: Glue's ``connection_options``.
            redshift_tmp_dir: an S3 location or ``""``. Glue's tutorials pass it for every engine. Rows are
                written there for a COPY of Amazon Redshift, with the option ``aws_iam_role``.
            resource: the subject of errors.

        Raises:
            RefusedError: GS-TLS-008, credentials among the options; GS-S3-006, ``redshift_tmp_dir`` is not in
                S3.
        """
        options = with_location(options, redshift_tmp_dir)
        if redshift_tmp_dir:
            s3_location(redshift_tmp_dir, f"{resource} with redshift_tmp_dir")
        reject_credentials(options, ("password", "user"), resource)
        if "bulkSize" in options:  # the number of parallel inserts: Spark's numPartitions
            if "numPartitions" in options:
                raise UsageError(resource, found="bulkSize and numPartitions", required="one of them")
            options["numPartitions"] = whole_number(
                f"bulkSize of {resource}", options.pop("bulkSize"), least=1
            )
        table, database = options.pop("dbtable", ""), options.pop("database", "")
        texts = {name: str(value) for name, value in options.items()}
        return cls(connection, str(table), str(database), texts)

    @classmethod
    def parse_typed(cls, connection_type: str, options: Mapping[str, Any]) -> JdbcSink:
        """Return the sink of ``connection_type="postgresql"``, whose options name a Glue connection.

        Raises:
            UsageError: the options name no Glue connection; and those of :meth:`parse`.
            RefusedError: GS-TLS-008, a URL or credentials take the place of a connection; and those of
                :meth:`parse`.
        """
        resource = f"a {connection_type} sink"
        if not uses_connection(options):
            reject_credentials(options, ("password", "user", "url"), resource)
        connection = require_connection_name(options, resource)
        names = ("connectionName", "useConnectionProperties")
        others = {name: value for name, value in options.items() if name not in names}
        # The connection's engine must be the one that the call names.
        others["vendor"] = connection_type
        return cls.parse(connection, others, resource=f"connection_options of {resource}")

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Append a frame.

        Args:
            run: the run.
            table: the frame.
            name: the database table for a frame of a collection; ``""`` for a single frame.

        Raises:
            UsageError: no table or two are named, or a column's type does not exist in a database.
            RefusedError: those of the run's writer.
        """
        resource = f"a write through connection {self.connection}"
        if name and self.table:
            raise UsageError(
                resource,
                found=f"a collection and dbtable {self.table}",
                required="no dbtable: each frame goes to the table of its name",
            )
        if not (name or self.table):
            raise UsageError(resource, found="no dbtable", required="dbtable: TABLE or SCHEMA.TABLE")
        for field in table.schema.fields:
            if isinstance(field.dataType, (glue.ChoiceType, glue.StructType, glue.MapType)):
                raise UsageError(
                    resource,
                    found=f"column {field.name}, a {field.dataType.typeName()}",
                    required="columns that a database table can have",
                    fix="resolveChoice or relationalize first",
                )
        return run.writer.write_jdbc(
            table.data, self.connection, name or self.table, database=self.database, options=self.options
        )


@dataclass(frozen=True, slots=True)
class CatalogSink:
    """A table of the Data Catalog.

    Attributes:
        database: the table's database.
        name: the table's name.
        options: Glue's ``additional_options``.
        redshift_tmp_dir: Glue's argument, for a table behind a connection.
    """

    database: str
    name: str
    options: Mapping[str, Any]
    redshift_tmp_dir: str = ""

    def resolve(self, run: Run) -> S3Sink | JdbcSink | DynamoDbSink | LakeSink:
        """Read the table from the catalog and return its sink.

        A partitioned table is written by its own keys if the call names none: objects beside the partitions
        would belong to no partition.

        Raises:
            UsageError: the options or the arguments do not fit the table.
        """
        table = run.catalog.table(self.database, self.name)
        resource = f"a write to table {self.database}.{self.name}"
        if is_dynamodb_location(table.location):
            connector_options = catalog_options(table.location, self.options, writes=True)
            return DynamoDbSink(connector_options, parse_write(connector_options))
        lake = lake_table(table)
        if lake is not None:
            return LakeSink(lake, self.options)
        if table.connection:
            # A crawler writes the location as database.schema.table; the connection names the database.
            database, _, name = table.location.partition(".")
            options = {
                **({"database": database} if name else {}),
                **self.options,
                "dbtable": name or database,
            }
            return JdbcSink.parse(
                table.connection, options, redshift_tmp_dir=self.redshift_tmp_dir, resource=resource
            )
        if self.redshift_tmp_dir:
            s3_location(self.redshift_tmp_dir, f"{resource} with redshift_tmp_dir")
            warn_of_ignored("redshift_tmp_dir", resource, "it is for Amazon Redshift")
        if not table.classification:
            raise UsageError(
                resource, found="no classification", required="the table's parameter classification"
            )
        known = _CATALOG_OPTIONS | sink_format(table.classification).spark
        given = known_options(
            self.options, known, Place.CATALOG_S3_SINK, "additional_options of a catalog sink"
        )
        keys = given.get("partitionKeys")
        if keys is not None:
            require_table_keys(table, keys, f"partitionKeys of {resource}")
        options = {name: value for name, value in given.items() if name not in UPDATE_OPTIONS}
        options["partitionKeys"] = [name for name, _ in table.partition_keys] if keys is None else list(keys)
        return S3Sink(
            table.location,
            table.classification,
            _format_options(table),
            options,
            CatalogUpdate.parse(self.database, self.name, given),
        )


Sink = S3Sink | JdbcSink | DynamoDbSink | KafkaSink | CustomSink | CatalogSink


@check_argument_types(lambda sink: failure_context(sink._context))
class DataSink:
    """The result of ``getSink``: set its format and catalog table, then write frames.

    Nothing is read or written before a write is called.
    """

    def __init__(
        self, context: RunContext, sink: Sink, *, call: str = "getSink", catalog_id: str | None = None
    ) -> None:
        self._context, self._sink, self._call = context, sink, call
        self._catalog_id = catalog_id

    def setFormat(self, format: str, **options: Any) -> None:
        """Set the format, and its ``format_options``."""
        sink = self._require_s3("setFormat")
        self._sink = replace(sink, format=format, format_options=options)

    def setAccumulableSize(self, size: int) -> None:
        """Check ``size`` and ignore it: in Glue it limits the error records that a writer collects.

        Here a record that cannot be written fails the whole write.
        """
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise UsageError("setAccumulableSize", found=repr(size), required="a whole number, at least 0")

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:
        """Name the table that ``enableUpdateCatalog`` creates or updates."""
        sink = self._require_s3("setCatalogInfo")
        options = {name: value for name, value in sink.options.items() if name not in UPDATE_OPTIONS}
        self._catalog_id = catalogId
        # A second call names another table and leaves the update options as they are.
        update_options = (
            {"enableUpdateCatalog": sink.update.enabled, "updateBehavior": sink.update.behavior}
            if sink.update is not None
            else sink.options
        )
        update = CatalogUpdate.parse(catalogDatabase, catalogTableName, update_options)
        self._sink = replace(sink, options=options, update=update)

    def writeFrame(self, dynamic_frame: DynamicFrame, info: str = "") -> DynamicFrame:  # noqa: ARG002
        """Write a DynamicFrame and return it. A record that cannot be written fails the whole write."""
        with self._context.operation(f"{self._call}.writeFrame") as run:
            if not isinstance(dynamic_frame, DynamicFrame):
                raise _wrong_type("writeFrame", dynamic_frame, "a DynamicFrame (DynamicFrame.fromDF)")
            self._write(run, dynamic_frame.table)
            return dynamic_frame

    def writeDataFrame(
        self,
        data_frame: DataFrame,
        glue_context: Any,  # noqa: ARG002 - Glue's signature
        info: str = "",  # noqa: ARG002 - Glue's signature
    ) -> DataFrame:
        """Write a DataFrame and return it."""
        with self._context.operation(f"{self._call}.writeDataFrame") as run:
            if not hasattr(data_frame, "_jdf"):
                raise _wrong_type("writeDataFrame", data_frame, "a DataFrame")
            self._write(run, data_frame)
            return data_frame

    def write(
        self, dynamic_frame_or_dfc: DynamicFrame | DynamicFrameCollection, info: str = ""
    ) -> DynamicFrame | DynamicFrameCollection:
        """Write a DynamicFrame, or each frame of a collection under its own name; return the argument."""
        self._context.require_run(f"{self._call}.write")
        if isinstance(dynamic_frame_or_dfc, DynamicFrame):
            return self.writeFrame(dynamic_frame_or_dfc, info)
        with self._context.operation(f"{self._call}.write") as run:
            if not isinstance(dynamic_frame_or_dfc, DynamicFrameCollection):
                required = "a DynamicFrame (DynamicFrame.fromDF) or a DynamicFrameCollection"
                raise _wrong_type("write", dynamic_frame_or_dfc, required)
            has_update = isinstance(self._sink, S3Sink) and self._sink.update is not None
            if has_update or isinstance(self._sink, CatalogSink):
                raise UsageError("a catalog table", found="a collection", required="one DynamicFrame")
            for name in dynamic_frame_or_dfc.keys():  # noqa: SIM118 - Glue's collection is not a mapping
                self._write(run, dynamic_frame_or_dfc[name].table, name)
            return dynamic_frame_or_dfc

    def _require_s3(self, call: str) -> S3Sink:
        if not isinstance(self._sink, S3Sink):
            raise UsageError(call, found="a sink that is not S3", required="an S3 sink")
        return self._sink

    def _write(self, run: Run, frame: Table | DataFrame, name: str = "") -> None:
        require_run_account(run, self._call, self._catalog_id)
        data = frame.data if isinstance(frame, Table) else frame
        sink = self._sink.resolve(run) if isinstance(self._sink, CatalogSink) else self._sink
        if isinstance(sink, S3Sink):
            sink = sink.resolve(run, data.sparkSession)
        if isinstance(sink, LakeSink):
            sink.write(run, data, name)
        else:
            sink.write(run, frame if isinstance(frame, Table) else Table.of(frame), name)


def _format_options(table: TableDefinition) -> dict[str, Any]:
    """Return Glue's ``format_options`` of a table: those of a CSV table come from its SerDe."""
    if table.classification != "csv":
        return {}
    return {
        "separator": table.serde.get("field.delim", table.serde.get("separatorChar", ",")),
        "quoteChar": table.serde.get("quoteChar", '"'),
        "writeHeader": table.parameters.get("skip.header.line.count", "0") != "0",
    }


def _wrong_type(call: str, value: object, required: str) -> UsageError:
    return UsageError(call, found=type(value).__name__, required=required)
