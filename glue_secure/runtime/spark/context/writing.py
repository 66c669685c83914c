"""Writers, each through the run's write funnel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.runtime.spark.context.base import ContextBase
from glue_secure.runtime.spark.context.options import format_name, known
from glue_secure.runtime.spark.dynamicframe import DynamicFrame
from glue_secure.runtime.spark.formats import glue_options

_S3_SINK_OPTIONS = {"path", "partitionKeys", "compression"}


class Writing(ContextBase):
    """The part of GlueContext that writes."""

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
            name = format_name(connection_type, format)
            known(options, _S3_SINK_OPTIONS, "connection_options of an S3 sink")
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


class DynamicFrameWriter:
    """``glueContext.write_dynamic_frame``."""

    def __init__(self, glue_context: Writing) -> None:
        self._glue_context = glue_context

    def from_options(
        self, frame: DynamicFrame, connection_type: str, *arguments: Any, **options: Any
    ) -> DynamicFrame:
        """See :meth:`GlueContext.write_dynamic_frame_from_options`."""
        return self._glue_context.write_dynamic_frame_from_options(
            frame, connection_type, *arguments, **options
        )
