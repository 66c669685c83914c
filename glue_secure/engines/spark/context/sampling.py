"""Samples: a few records of the first objects of a source. They are never tracked by a bookmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation import DynamicFrame
from glue_secure.engines.spark.context.base import ContextBase
from glue_secure.engines.spark.context.catalog_source import catalog_source
from glue_secure.engines.spark.context.options import known
from glue_secure.engines.spark.context.sources import DataSource, source_of_type


class Sampling(ContextBase):
    """The part of GlueContext that samples."""

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        sample_options: Mapping[str, Any] | None = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - Redshift's alone, and Redshift is not served here
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        erieTxId: str = "",
        asOfTime: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """At most ``num`` records of a Data Catalog table.

        Args:
            sample_options: ``maxSamplePartitions`` and ``maxSampleFilesPerPartition``, 10 each by default.
            erieTxId: of governed tables, which are not served here.
            asOfTime: likewise.
        """
        self.require_run("create_sample_dynamic_frame_from_catalog")
        if erieTxId or asOfTime:
            raise UsageError(
                "create_sample_dynamic_frame_from_catalog",
                found="erieTxId" if erieTxId else "asOfTime",
                required="neither: governed tables are not served in plain Spark",
            )
        source = catalog_source(
            database, table_name, transformation_ctx, push_down_predicate, additional_options, catalog_id,
            kwargs,
        )  # fmt: skip
        known(kwargs, set(), "create_sample_dynamic_frame_from_catalog")
        made = DataSource(source, self, source.table, call="create_sample_dynamic_frame_from_catalog")
        return made.getSampleFrame(num, **dict(sample_options or {}))

    def create_sample_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        num: int | None = None,
        sample_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """At most ``num`` records of an S3 or JDBC source; see the other for ``sample_options``."""
        self.require_run("create_sample_dynamic_frame_from_options")
        known(kwargs, set(), "create_sample_dynamic_frame_from_options")
        source, name = source_of_type(
            connection_type, format, transformation_ctx, push_down_predicate, connection_options or {}
        )
        made = DataSource(source, self, name, call="create_sample_dynamic_frame_from_options")
        if format is not None:
            made.setFormat(format, **dict(format_options or {}))
        return made.getSampleFrame(num, **dict(sample_options or {}))
