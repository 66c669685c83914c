"""DynamicFrames in Glue: awsglue's, whose writes go through the run.

awsglue's methods return frames of awsglue's own class. So a frame is not created again here: :func:`wrap`
changes the class of a frame to this module's subclass, which has no state of its own, and every method of the
subclass wraps the frames that it returns. A method that only a later awsglue has raises UsageError, because
it may write. A frame that a script creates with ``awsglue`` itself is wrapped when it is first passed to
``glue_secure``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from awsglue import dynamicframe as awsglue_dynamicframe

from glue_secure.engines.awsglue.jvm_call_guard import block_unknown_methods
from glue_secure.engines.awsglue.options import validate_options
from glue_secure.preflight.fine_grained import refuse_rdds_in

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Public names of awsglue 5.0 to 6.0 that do not write, or that write through the context.
_FRAME_METHODS = frozenset(
    [
        "apply_mapping",
        "applyMapping",
        "assertErrorThreshold",
        "coalesce",
        "count",
        "drop_fields",
        "errorsAsDynamicFrame",
        "errorsCount",
        "filter",
        "fromDF",
        "getNumPartitions",
        "join",
        "map",
        "mapPartitions",
        "mapPartitionsWithIndex",
        "mergeDynamicFrame",
        "printSchema",
        "rename_field",
        "repartition",
        "resolveChoice",
        "schema",
        "select_fields",
        "show",
        "simplify_ddb_json",
        "split_fields",
        "split_rows",
        "stageErrorsCount",
        "toDF",
        "unbox",
        "union",
        "unnest",
        "unnest_ddb_json",
        "with_frame_schema",
        "write",
    ]
)
_COLLECTION_METHODS = frozenset(["flatmap", "keys", "map", "select", "values"])

ResolveOption = awsglue_dynamicframe.ResolveOption
DynamicFrameReader = awsglue_dynamicframe.DynamicFrameReader
DynamicFrameWriter = awsglue_dynamicframe.DynamicFrameWriter

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "ResolveOption",
    "wrap",
    "wrap_frame",
]


def wrap(value: Any) -> Any:
    """Change awsglue's frames, also those in a collection, to this module's classes; return ``value``."""
    if type(value) is awsglue_dynamicframe.DynamicFrame:
        value.__class__ = DynamicFrame
    elif isinstance(value, awsglue_dynamicframe.DynamicFrameCollection):
        if type(value) is awsglue_dynamicframe.DynamicFrameCollection:
            value.__class__ = DynamicFrameCollection
        for frame in value.values():
            wrap(frame)
    return value


def wrap_frame(frame: Any) -> DynamicFrame:
    """Change the class of awsglue's frame to this module's and return it."""
    wrapped: DynamicFrame = wrap(frame)
    return wrapped


def _wrapping(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        return wrap(method(*arguments, **options))

    return call


def _wrap_results(subclass: type, base: type) -> None:
    """Override every public method that ``subclass`` inherits from ``base``, to wrap what it returns."""
    for name, member in vars(base).items():
        if not name.startswith("_") and callable(member) and name not in vars(subclass):
            setattr(subclass, name, _wrapping(member))


class DynamicFrame(awsglue_dynamicframe.DynamicFrame):  # type: ignore[misc]
    """awsglue's DynamicFrame. Its methods that write (besides sinks) go through the run.

    Args:
        jdf: the JVM's frame.
        glue_ctx: the GlueContext.
        name: the frame's name.
    """

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: Any, name: str = "") -> DynamicFrame:
        """Return a DynamicFrame of a DataFrame's rows.

        Raises:
            RefusedError: GS-LF-007, the job runs under fine-grained access control.
        """
        refuse_rdds_in(glue_ctx, "DynamicFrame.fromDF")
        return wrap_frame(awsglue_dynamicframe.DynamicFrame.fromDF(dataframe, glue_ctx, name))

    def spigot(
        self,
        path: str,
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Write sample records below ``path`` when the frame is computed; verified at ``job.commit``.

        Raises:
            RefusedError: not S3 (GS-S3-006), an option that changes encryption (GS-S3-005), a reserved
                location (GS-S3-009), no job.init (GS-SEC-007), a column policy (GS-COL-005).
        """
        options = {} if options is None else options
        with self.glue_ctx.operation("spigot") as run:
            validate_options(options, "spigot")
            run.columns.reject_unprotectable_sink(path)
            run.writer.verify_at_commit(path, format="json", saves_rdds=True)
            return wrap_frame(
                super().spigot(path, options, transformation_ctx, info, stageThreshold, totalThreshold)
            )

    def relationalize(
        self,
        root_table_name: str,
        staging_path: str,
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Flatten nested columns, and pivot arrays into tables of their own.

        Glue writes temporary files below ``staging_path``. They are verified at ``job.commit``. Raises as
        :meth:`spigot` does.
        """
        options = {} if options is None else options
        with self.glue_ctx.operation("relationalize") as run:
            validate_options(options, "relationalize")
            run.columns.reject_unprotectable_sink(staging_path)
            run.writer.verify_at_commit(staging_path, format="csv", saves_rdds=True)
            frames: DynamicFrameCollection = wrap(
                super().relationalize(
                    root_table_name,
                    staging_path,
                    options,
                    transformation_ctx,
                    info,
                    stageThreshold,
                    totalThreshold,
                )
            )
            return frames


class DynamicFrameCollection(awsglue_dynamicframe.DynamicFrameCollection):  # type: ignore[misc]
    """awsglue's DynamicFrameCollection, of this module's frames.

    Args:
        dynamic_frames: frames by name, or a list of them.
        glue_ctx: the GlueContext.
    """

    def __init__(self, dynamic_frames: Any, glue_ctx: Any) -> None:
        super().__init__(dynamic_frames, glue_ctx)
        wrap(self)


block_unknown_methods(DynamicFrame, awsglue_dynamicframe.DynamicFrame, _FRAME_METHODS)
block_unknown_methods(
    DynamicFrameCollection, awsglue_dynamicframe.DynamicFrameCollection, _COLLECTION_METHODS
)
_wrap_results(DynamicFrame, awsglue_dynamicframe.DynamicFrame)
_wrap_results(DynamicFrameCollection, awsglue_dynamicframe.DynamicFrameCollection)
