"""GlueContext in plain Spark: Glue's signatures, every read and write through the run's funnels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import Refusal, UsageError
from glue_secure.runtime.spark.dynamicframe import DynamicFrame
from glue_secure.runtime.spark.formats import FORMATS, glue_options

if TYPE_CHECKING:
    from glue_secure.runtime.run import SecuredRun

_JDBC_TYPES = ("postgresql", "mysql", "sqlserver", "oracle", "redshift")
_S3_SOURCE_OPTIONS = {"paths", "recurse", "useS3ListImplementation"}
_S3_SINK_OPTIONS = {"path", "partitionKeys", "compression"}
_JDBC_SOURCE_OPTIONS = {"connectionName", "useConnectionProperties", "dbtable"}


class GlueContext:
    """The entry to reads and writes; it refuses both until ``job.init`` has run.

    Args:
        sparkContext: a ``SparkContext`` or ``SparkSession``; None takes or makes the session.
        options: Glue's ``minPartitions`` and ``targetPartitions``; they do nothing in plain Spark.

    Attributes:
        spark_session: the ``SparkSession``. What is read or written through it is not guarded at the call.
        create_dynamic_frame: readers ``from_options`` and ``from_catalog``.
        write_dynamic_frame: writer ``from_options``.
    """

    def __init__(self, sparkContext: Any = None, **options: Any) -> None:
        unknown = set(options) - {"minPartitions", "targetPartitions"}
        if unknown:
            raise UsageError(
                "GlueContext", found=", ".join(sorted(unknown)), required="minPartitions, targetPartitions"
            )
        self.spark_session = _session_of(sparkContext)
        self.secured_run: SecuredRun | None = None
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)

    def __getattr__(self, name: str) -> Any:
        # Glue's class is a SQLContext; what scripts use of that (sql, read, table, ...) is the session's.
        if name == "spark_session" or name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.spark_session, name)

    def require_run(self, call: str) -> SecuredRun:
        """The run, or a refusal when ``job.init`` has not been called (GS-SEC-007)."""
        if self.secured_run is None:
            raise Refusal(
                "GS-SEC-007",
                resource=call,
                found="called before job.init",
                required="job = Job(glueContext); job.init(args['JOB_NAME'], args) first",
                fix="move job.init above the first read or write",
            )
        return self.secured_run

    def create_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
    ) -> DynamicFrame:
        """Read S3 (``connection_type="s3"``, ``{"paths": [...]}``) or a table through a Glue connection.

        A table is read with ``connection_type="postgresql"`` and ``{"useConnectionProperties": "true",
        "connectionName": NAME, "dbtable": TABLE}``.
        """
        run = self.require_run("create_dynamic_frame.from_options")
        with run.call():
            options = dict(connection_options or {})
            if connection_type in _JDBC_TYPES:
                if format is not None or push_down_predicate:
                    found = "push_down_predicate" if push_down_predicate else "format"
                    raise UsageError(
                        f"a {connection_type} source", found=found, required="connection_options only"
                    )
                return self._frame(self._read_jdbc(run, connection_type, options), transformation_ctx)
            if push_down_predicate:
                raise UsageError(
                    "an S3 source by paths", found="push_down_predicate", required="from_catalog for it"
                )
            name = _format_name(connection_type, format)
            _known(options, _S3_SOURCE_OPTIONS, "connection_options of an S3 source")
            paths = options.get("paths")
            if not isinstance(paths, (list, tuple)) or not paths:
                raise UsageError(
                    "connection_options of an S3 source",
                    found=f"paths={paths!r}",
                    required="a list of S3 locations",
                )
            frame = run.read_s3(
                list(paths),
                format=name,
                options=glue_options(name, format_options or {}),
                transformation_ctx=transformation_ctx,
            )
            return self._frame(frame, transformation_ctx)

    def create_dynamic_frame_from_catalog(
        self,
        database: str,
        table_name: str,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
    ) -> DynamicFrame:
        """Read a Data Catalog table that lies in S3 or behind a JDBC connection."""
        run = self.require_run("create_dynamic_frame.from_catalog")
        with run.call():
            refused = {
                "redshift_tmp_dir": redshift_tmp_dir,
                "push_down_predicate": push_down_predicate,
                "additional_options": additional_options,
                "catalog_id": catalog_id,
            }
            for name, value in refused.items():
                if value:
                    raise UsageError(
                        "from_catalog in plain Spark", found=name, required="database and table_name only"
                    )
            return self._frame(
                run.read_table(database, table_name, transformation_ctx=transformation_ctx),
                transformation_ctx,
            )

    def write_dynamic_frame_from_options(
        self,
        frame: DynamicFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - Glue's signature; sinks keep no bookmark here
    ) -> DynamicFrame:
        """Write to S3 (``{"path": ..., "partitionKeys": [...]}``), verified; returns ``frame``."""
        run = self.require_run("write_dynamic_frame.from_options")
        with run.call():
            if not isinstance(frame, DynamicFrame):
                raise UsageError(
                    "write_dynamic_frame",
                    found=type(frame).__name__,
                    required="a DynamicFrame (DynamicFrame.fromDF)",
                )
            options = dict(connection_options or {})
            name = _format_name(connection_type, format)
            _known(options, _S3_SINK_OPTIONS, "connection_options of an S3 sink")
            chosen = glue_options(name, format_options or {})
            if options.get("compression"):
                chosen["compression"] = str(options["compression"])
            keys: Sequence[str] = options.get("partitionKeys") or ()
            run.write_s3(
                frame.toDF(),
                str(options.get("path", "")),
                format=name,
                partition_by=list(keys),
                options=chosen,
            )
            return frame

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> dict[str, Any]:
        """What a native ``spark.read.jdbc`` needs, TLS included: ``fullUrl`` carries full verification.

        Returns:
            ``user``, ``password``, ``vendor``, ``url`` (without the database), ``fullUrl``, ``enforceSSL``,
            ``customJDBCCert``, ``customJDBCCertString`` and ``skipCustomJDBCCertValidation``, as in Glue.
        """
        run = self.require_run("extract_jdbc_conf")
        with run.call(Refusal):
            if catalog_id:
                raise UsageError(
                    "extract_jdbc_conf in plain Spark",
                    found="catalog_id",
                    required="the account's own catalog",
                )
            return run.jdbc_conf(connection_name)

    def _read_jdbc(self, run: SecuredRun, connection_type: str, options: dict[str, Any]) -> Any:
        connection = options.pop("connectionName", None)
        table = options.pop("dbtable", None)
        through_connection = str(options.pop("useConnectionProperties", "")).lower() == "true"
        if "password" in {name.lower() for name in options}:
            raise Refusal(
                "GS-TLS-008",
                resource=f"{connection_type} source",
                found="a password in connection_options",
                required="a Glue connection whose password lies in Secrets Manager",
                fix='use {"useConnectionProperties": "true", "connectionName": ..., "dbtable": ...}',
            )
        if not (connection and table and through_connection):
            raise UsageError(
                f"connection_options of a {connection_type} source",
                found=", ".join(sorted(options)) or "too little",
                required=", ".join(sorted(_JDBC_SOURCE_OPTIONS)),
                fix='{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}',
            )
        return run.read_jdbc(str(connection), str(table), options={n: str(v) for n, v in options.items()})

    def _frame(self, dataframe: Any, transformation_ctx: str) -> DynamicFrame:
        return DynamicFrame(dataframe, self, transformation_ctx)


class DynamicFrameReader:
    """``glueContext.create_dynamic_frame``."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_options(self, connection_type: str, *arguments: Any, **options: Any) -> DynamicFrame:
        """See :meth:`GlueContext.create_dynamic_frame_from_options`."""
        return self._glue_context.create_dynamic_frame_from_options(connection_type, *arguments, **options)

    def from_catalog(self, database: str, table_name: str, *arguments: Any, **options: Any) -> DynamicFrame:
        """See :meth:`GlueContext.create_dynamic_frame_from_catalog`."""
        return self._glue_context.create_dynamic_frame_from_catalog(
            database, table_name, *arguments, **options
        )


class DynamicFrameWriter:
    """``glueContext.write_dynamic_frame``."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_options(
        self, frame: DynamicFrame, connection_type: str, *arguments: Any, **options: Any
    ) -> DynamicFrame:
        """See :meth:`GlueContext.write_dynamic_frame_from_options`."""
        return self._glue_context.write_dynamic_frame_from_options(
            frame, connection_type, *arguments, **options
        )


def _session_of(spark: Any) -> Any:
    from pyspark.sql import SparkSession

    if isinstance(spark, SparkSession):
        return spark
    return SparkSession(spark) if spark is not None else SparkSession.builder.getOrCreate()


def _format_name(connection_type: str, format: str | None) -> str:
    """Glue silently takes the format from ``connection_type="parquet"``; an S3 type needs one named."""
    if connection_type == "s3" and format:
        return "parquet" if format == "glueparquet" else format
    if connection_type in FORMATS and format in (None, connection_type):
        return connection_type
    raise UsageError(
        "connection_type and format",
        found=f"{connection_type!r}, {format!r}",
        required=f"'s3' with one of {', '.join(sorted(FORMATS))}; or {', '.join(_JDBC_TYPES[:1])}",
    )


def _known(options: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(options) - known)
    if unknown:
        raise UsageError(
            what,
            found=", ".join(unknown),
            required=", ".join(sorted(known)),
            fix="docs/differences-from-glue.md lists what the plain-Spark runtime does not offer",
        )
