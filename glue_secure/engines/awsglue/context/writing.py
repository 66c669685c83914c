"""Writes of the guarded GlueContext: the real methods, and every object that appears is verified."""

from __future__ import annotations

from typing import Any

from glue_secure.engines.awsglue.context.base import GuardedContext, Options
from glue_secure.engines.awsglue.frames import adopt
from glue_secure.engines.awsglue.options import JdbcReach, enforced, parse_connection, parse_sink
from glue_secure.engines.awsglue.sources_and_sinks import wrap_sink


class Writing(GuardedContext):
    """The part of GlueContext that writes."""

    def getSink(
        self, connection_type: str, format: str | None = None, transformation_ctx: str = "", **options: Any
    ) -> Any:
        """A guarded DataSink, for ``setFormat``, ``setCatalogInfo`` and ``writeFrame``."""
        with self.guarded("getSink") as run:
            reach, wanted = parse_sink(connection_type, format, options), options
            if isinstance(reach, JdbcReach):
                run.open_connection(reach.connection, reach.options)
                wanted = enforced(options)
            else:
                run.reject_reserved_location(reach.places[0], "write to")
            with self._gate.opened("getSink"):
                sink = super().getSink(connection_type, format, transformation_ctx, **wanted)
            return wrap_sink(sink, reach)

    def write_dynamic_frame_from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write to a Data Catalog table, and verify every object that appeared below its location."""
        call = "write_dynamic_frame.from_catalog"
        with self.guarded(call):
            reach, wanted = self._table(
                call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
            )
            real = super().write_dynamic_frame_from_catalog

            def write() -> Any:
                with self._gate.opened("getCatalogSink"):
                    return real(
                        frame,
                        database,
                        table_name,
                        redshift_tmp_dir,
                        transformation_ctx,
                        wanted,
                        catalog_id,
                        **kwargs,
                    )

            return adopt(self.written(reach, write, lambda: int(frame.count())))

    def write_data_frame_from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Options | None = None,
        catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write a DataFrame to a Data Catalog table; verified likewise."""
        call = "write_data_frame.from_catalog"
        with self.guarded(call):
            reach, wanted = self._table(
                call, database, table_name, redshift_tmp_dir, additional_options, catalog_id, kwargs
            )
            real = super().write_data_frame_from_catalog

            def write() -> Any:
                with self._gate.opened("getCatalogSink"):
                    return real(
                        frame,
                        database,
                        table_name,
                        redshift_tmp_dir,
                        transformation_ctx,
                        wanted,
                        catalog_id,
                        **kwargs,
                    )

            return self.written(reach, write, lambda: int(frame.count()))

    def write_from_jdbc_conf(
        self,
        frame_or_dfc: Any,
        catalog_connection: str,
        connection_options: Options | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> Any:
        """Write to a table behind a Glue connection, whose TLS is verified first."""
        with self.guarded("write_dynamic_frame.from_jdbc_conf"):
            self._own_catalog("write_dynamic_frame.from_jdbc_conf", catalog_id)
            self._temporary_place(redshift_tmp_dir, "write")
            wanted = dict(connection_options or {})
            reach = parse_connection(catalog_connection, wanted, f"sink of {catalog_connection}")
            real = super().write_from_jdbc_conf

            def write() -> Any:
                with self._gate.opened("getJDBCSink"):
                    return real(
                        frame_or_dfc,
                        catalog_connection,
                        enforced(wanted),
                        redshift_tmp_dir,
                        transformation_ctx,
                        catalog_id,
                    )

            return adopt(self.written(reach, write, lambda: 0))
