"""Readers: S3, JDBC and catalog sources, each through the run's read funnel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import Refusal, UsageError
from glue_secure.runtime.spark.context.base import ContextBase
from glue_secure.runtime.spark.context.options import JDBC_TYPES, format_name, known
from glue_secure.runtime.spark.dynamicframe import DynamicFrame
from glue_secure.runtime.spark.formats import glue_options

if TYPE_CHECKING:
    from glue_secure.runtime.run import SecuredRun

_S3_SOURCE_OPTIONS = {"paths", "recurse", "useS3ListImplementation"}
_JDBC_SOURCE_OPTIONS = {"connectionName", "useConnectionProperties", "dbtable"}


class Reading(ContextBase):
    """The part of GlueContext that reads."""

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
            if connection_type in JDBC_TYPES:
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
            name = format_name(connection_type, format)
            known(options, _S3_SOURCE_OPTIONS, "connection_options of an S3 source")
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


class DynamicFrameReader:
    """``glueContext.create_dynamic_frame``."""

    def __init__(self, glue_context: Reading) -> None:
        self._glue_context = glue_context

    def from_options(self, connection_type: str, *arguments: Any, **options: Any) -> DynamicFrame:
        """See :meth:`GlueContext.create_dynamic_frame_from_options`."""
        return self._glue_context.create_dynamic_frame_from_options(connection_type, *arguments, **options)

    def from_catalog(self, database: str, table_name: str, *arguments: Any, **options: Any) -> DynamicFrame:
        """See :meth:`GlueContext.create_dynamic_frame_from_catalog`."""
        return self._glue_context.create_dynamic_frame_from_catalog(
            database, table_name, *arguments, **options
        )
