"""Dynamic frames in Glue: the real ones, whose writes pass the guard.

awsglue makes the results of its methods itself, always of its own class. So a frame is not made anew here:
:func:`adopt` gives a frame that awsglue has made this module's class, which adds no state, and every method
of the class adopts what the real one returns. A method that only a later awsglue has is refused, because it
may write. A frame that a script makes through ``awsglue`` itself, past the doors, is only adopted once a door
has seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from awsglue import dynamicframe as theirs

from glue_secure.engines.awsglue.jvm_call_guard import block_unknown_methods
from glue_secure.engines.awsglue.options import judge_s3_options
from glue_secure.preflight.fine_grained import refuse_rdds_in

T = TypeVar("T")

# Public names of awsglue 5.0 and 5.1 that do not write, or write through the context.
_FRAME = frozenset(
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
_COLLECTION = frozenset(["flatmap", "keys", "map", "select", "values"])

ResolveOption = theirs.ResolveOption
DynamicFrameReader = theirs.DynamicFrameReader
DynamicFrameWriter = theirs.DynamicFrameWriter

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "ResolveOption",
    "adopt",
]


def adopt(value: T) -> T:
    """``value``, and frames in it, of this module's classes when they are awsglue's own."""
    if type(value) is theirs.DynamicFrame:
        value.__class__ = DynamicFrame
    elif isinstance(value, theirs.DynamicFrameCollection):
        if type(value) is theirs.DynamicFrameCollection:
            value.__class__ = DynamicFrameCollection
        for frame in value.values():
            adopt(frame)
    return value


def _adopting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        return adopt(method(*arguments, **options))

    return call


def _adopt_results(ours: type, base: type) -> None:
    """Wrap every public method that ``ours`` inherits from ``base`` and does not define."""
    for name, member in vars(base).items():
        if not name.startswith("_") and callable(member) and name not in vars(ours):
            setattr(ours, name, _adopting(member))


class DynamicFrame(theirs.DynamicFrame):  # type: ignore[misc]
    """awsglue's DynamicFrame. What writes beside the sinks passes the run's guard.

    Args:
        jdf: the JVM's frame.
        glue_ctx: the GlueContext.
        name: the frame's name.
    """

    @classmethod
    def fromDF(cls, dataframe: Any, glue_ctx: Any, name: str = "") -> Any:
        """A DynamicFrame of a DataFrame's rows."""
        refuse_rdds_in(glue_ctx, "DynamicFrame.fromDF")
        return adopt(theirs.DynamicFrame.fromDF(dataframe, glue_ctx, name))

    def spigot(
        self,
        path: str,
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        """Write sample records below ``path`` while the frame is computed; verified at ``job.commit``.

        Raises:
            RefusedError: not S3 (GS-S3-006), an option that changes encryption (GS-S3-005), a kept place
                (GS-S3-009), no job.init (GS-SEC-007), a column policy (GS-COL-005).
        """
        wanted = {} if options is None else options
        with self.glue_ctx.guarded("spigot") as run:
            judge_s3_options(wanted, "spigot")
            run.reject_unprotectable_sink(path)
            run.watch_until_commit(path, format="json")
            return adopt(
                super().spigot(path, wanted, transformation_ctx, info, stageThreshold, totalThreshold)
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
    ) -> Any:
        """Flatten, and pivot arrays into tables of their own by way of files below ``staging_path``.

        The staged files are verified at ``job.commit``. Raises as :meth:`spigot` does.
        """
        wanted = {} if options is None else options
        with self.glue_ctx.guarded("relationalize") as run:
            judge_s3_options(wanted, "relationalize")
            run.reject_unprotectable_sink(staging_path)
            run.watch_until_commit(staging_path, format="csv")
            return adopt(
                super().relationalize(
                    root_table_name,
                    staging_path,
                    wanted,
                    transformation_ctx,
                    info,
                    stageThreshold,
                    totalThreshold,
                )
            )


class DynamicFrameCollection(theirs.DynamicFrameCollection):  # type: ignore[misc]
    """awsglue's DynamicFrameCollection, of this module's frames.

    Args:
        dynamic_frames: frames by name, or a list of them.
        glue_ctx: the GlueContext.
    """

    def __init__(self, dynamic_frames: Any, glue_ctx: Any) -> None:
        super().__init__(dynamic_frames, glue_ctx)
        adopt(self)


block_unknown_methods(DynamicFrame, theirs.DynamicFrame, _FRAME)
block_unknown_methods(DynamicFrameCollection, theirs.DynamicFrameCollection, _COLLECTION)
_adopt_results(DynamicFrame, theirs.DynamicFrame)
_adopt_results(DynamicFrameCollection, theirs.DynamicFrameCollection)
