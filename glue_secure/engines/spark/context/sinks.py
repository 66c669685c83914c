"""DataSink: what ``getSink`` gives, and what every write of a frame goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.engines.spark.context.catalog_sink import CatalogTarget, require_own_catalog
from glue_secure.engines.spark.context.catalog_update import UPDATE_OPTIONS, CatalogUpdate
from glue_secure.engines.spark.context.jdbc_sink import JdbcTarget
from glue_secure.engines.spark.context.s3_sink import S3Target

if TYPE_CHECKING:
    from glue_secure.engines.spark.context.base import ContextBase
    from glue_secure.run.run import Run


class DataSink:
    """What ``getSink`` gives: set its format and catalog table, then write frames. Glue's ``DataSink``.

    Made by the context; nothing is read or written before a write is called.
    """

    def __init__(
        self,
        context: ContextBase,
        target: S3Target | JdbcTarget | CatalogTarget,
        *,
        call: str = "getSink",
        catalog_id: str | None = None,
    ) -> None:
        self._context, self._target, self._call = context, target, call
        self._catalog_id = catalog_id

    def setFormat(self, format: str, **options: Any) -> None:
        """The format, and its ``format_options``."""
        if not isinstance(self._target, S3Target):
            raise UsageError("setFormat", found="a sink that is not S3", required="an S3 sink")
        self._target = replace(self._target, format=format, format_options=options)

    def setAccumulableSize(self, size: int) -> None:
        """How many error records Glue's writer keeps; here a write keeps none, it fails as a whole."""
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise UsageError("setAccumulableSize", found=repr(size), required="a whole number from 0 on")

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:
        """The table that ``enableUpdateCatalog`` creates or updates."""
        if not isinstance(self._target, S3Target):
            raise UsageError("setCatalogInfo", found="a sink that is not S3", required="an S3 sink")
        options = {n: v for n, v in self._target.options.items() if n not in UPDATE_OPTIONS}
        self._catalog_id = catalogId
        known = self._target.update  # a second call names another table; what was asked for stays
        asked = (
            {"enableUpdateCatalog": known.enabled, "updateBehavior": known.behavior}
            if known is not None
            else self._target.options
        )
        update = CatalogUpdate.asked(catalogDatabase, catalogTableName, asked)
        self._target = replace(self._target, options=options, update=update)

    def writeFrame(self, dynamic_frame: DynamicFrame, info: str = "") -> DynamicFrame:  # noqa: ARG002
        """Write a DynamicFrame; returns it. A row that cannot be written fails the write as a whole."""
        run = self._context.require_run(f"{self._call}.writeFrame")
        with run.call():
            if not isinstance(dynamic_frame, DynamicFrame):
                raise _wrong("writeFrame", dynamic_frame, "a DynamicFrame (DynamicFrame.fromDF)")
            self._write(run, dynamic_frame.table)
            return dynamic_frame

    def writeDataFrame(
        self,
        data_frame: Any,
        glue_context: Any,  # noqa: ARG002 - Glue's signature
        info: str = "",  # noqa: ARG002 - Glue's signature
    ) -> Any:
        """Write a DataFrame; returns it."""
        run = self._context.require_run(f"{self._call}.writeDataFrame")
        with run.call():
            if not hasattr(data_frame, "_jdf"):
                raise _wrong("writeDataFrame", data_frame, "a DataFrame")
            self._write(run, Table.of(data_frame))
            return data_frame

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        """Write a DynamicFrame, or each frame of a collection under its own name; returns what was given."""
        run = self._context.require_run(f"{self._call}.write")
        if isinstance(dynamic_frame_or_dfc, DynamicFrame):
            return self.writeFrame(dynamic_frame_or_dfc, info)
        with run.call():
            if not isinstance(dynamic_frame_or_dfc, DynamicFrameCollection):
                required = "a DynamicFrame (DynamicFrame.fromDF) or a DynamicFrameCollection"
                raise _wrong("write", dynamic_frame_or_dfc, required)
            updates = isinstance(self._target, S3Target) and self._target.update is not None
            if updates or isinstance(self._target, CatalogTarget):
                raise UsageError("a catalog table", found="a collection", required="one DynamicFrame")
            for name in dynamic_frame_or_dfc.keys():  # noqa: SIM118 - Glue's collection is no mapping
                self._write(run, dynamic_frame_or_dfc[name].table, name)
            return dynamic_frame_or_dfc

    def _write(self, run: Run, table: Table, name: str = "") -> None:
        require_own_catalog(run, self._catalog_id)
        target = self._target.resolve(run) if isinstance(self._target, CatalogTarget) else self._target
        target.write(run, table, name)


def _wrong(call: str, value: Any, required: str) -> UsageError:
    return UsageError(call, found=type(value).__name__, required=required)
