"""Reads of the guarded GlueContext: the real methods, once what they reach is guarded."""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import ControlError
from glue_secure.engines.awsglue.context.base import GuardedContext, Options
from glue_secure.engines.awsglue.frames import adopt
from glue_secure.engines.awsglue.sources_and_sinks import wrap_source
from glue_secure.preflight.fine_grained import refuse_rdds_in


class Reading(GuardedContext):
    """The part of GlueContext that reads."""

    def getSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> Any:
        """A guarded DataSource, for ``setFormat`` and ``getFrame``."""
        reach, wanted = self._source("getSource", connection_type, format, options)
        real = super().getSource

        def make() -> Any:
            with self._gate.opened("getSource"):
                return real(connection_type, format, transformation_ctx, push_down_predicate, **wanted)

        return wrap_source(self._read("getSource", reach, transformation_ctx, make))

    def getStreamingSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> Any:
        """A guarded StreamingDataSource: ``create_data_frame`` reads through it."""
        reach, wanted = self._source("getStreamingSource", connection_type, format, options)
        real = super().getStreamingSource

        def make() -> Any:
            with self._gate.opened("getSource"):
                return real(connection_type, format, transformation_ctx, push_down_predicate, **wanted)

        return wrap_source(self._read("getStreamingSource", reach, transformation_ctx, make))

    def create_dynamic_frame_from_rdd(
        self,
        data: Any,
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        """A DynamicFrame of an RDD."""
        refuse_rdds_in(self, "create_dynamic_frame.from_rdd")
        return adopt(
            super().create_dynamic_frame_from_rdd(data, name, schema, sample_ratio, transformation_ctx)
        )

    def create_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """A DynamicFrame of a Data Catalog table, in S3 or behind a Glue connection."""
        call = "create_dynamic_frame.from_catalog"
        reach, wanted = self._table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )
        real = super().create_dynamic_frame_from_catalog

        def make() -> Any:
            with self._gate.opened("getCatalogSource"):
                return real(
                    database,
                    table_name,
                    redshift_tmp_dir,
                    transformation_ctx,
                    push_down_predicate,
                    wanted,
                    catalog_id,
                    **kwargs,
                )

        return adopt(self._read(call, reach, transformation_ctx, make))

    def create_data_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """A DataFrame of a Data Catalog table, in S3 or behind a Glue connection."""
        call = "create_data_frame.from_catalog"
        reach, wanted = self._table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )
        real = super().create_data_frame_from_catalog

        def make() -> Any:
            with self._gate.opened("getCatalogSource"):
                return real(
                    database,
                    table_name,
                    redshift_tmp_dir,
                    transformation_ctx,
                    push_down_predicate,
                    wanted,
                    catalog_id,
                    **kwargs,
                )

        return self._read(call, reach, transformation_ctx, make)

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        sample_options: Options | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        erieTxId: str = "",
        asOfTime: str = "",
        **kwargs: Any,
    ) -> Any:
        """A DynamicFrame of at most ``num`` records of a Data Catalog table."""
        call = "create_sample_dynamic_frame_from_catalog"
        reach, wanted = self._table(
            call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
        )
        real = super().create_sample_dynamic_frame_from_catalog

        def make() -> Any:
            with self._gate.opened("getCatalogSource"):
                return real(
                    database,
                    table_name,
                    num,
                    {} if sample_options is None else sample_options,
                    redshift_tmp_dir,
                    transformation_ctx,
                    push_down_predicate,
                    wanted,
                    catalog_id,
                    erieTxId,
                    asOfTime,
                    **kwargs,
                )

        return adopt(self._read(call, reach, transformation_ctx, make))

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> Options:
        """What a native ``spark.read.jdbc`` needs; ``fullUrl`` carries full verification."""
        run = self.require_run("extract_jdbc_conf")
        with run.call(ControlError):
            self._own_catalog("extract_jdbc_conf", catalog_id)
            safe = run.jdbc_conf(connection_name)
            with self._gate.opened("extractJDBCConf"):
                found = super().extract_jdbc_conf(connection_name, catalog_id)
            names = ("fullUrl", "enforceSSL", "skipCustomJDBCCertValidation")
            return {**dict(found), **{name: safe[name] for name in names}}
