"""Transforms in Glue: awsglue's own, which call the frame's methods, and three replacements.

``Spigot`` and ``Relationalize`` write, so they wrap the frame first. ``Union`` of awsglue 5.x uses undefined
names and fails for every argument.
"""

from __future__ import annotations

from typing import Any

from awsglue import transforms as awsglue_transforms

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.frames import DynamicFrame, DynamicFrameCollection, wrap_frame


class Spigot(awsglue_transforms.Spigot):  # type: ignore[misc]
    """``DynamicFrame.spigot`` as a transform."""

    def __call__(self, frame: Any, path: str, options: Any, transformation_ctx: str = "") -> DynamicFrame:
        """See :meth:`DynamicFrame.spigot`."""
        return wrap_frame(super().__call__(wrap_frame(frame), path, options, transformation_ctx))


class Relationalize(awsglue_transforms.Relationalize):  # type: ignore[misc]
    """``DynamicFrame.relationalize`` as a transform."""

    def __call__(
        self,
        frame: Any,
        staging_path: str | None = None,
        name: str = "roottable",
        options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """See :meth:`DynamicFrame.relationalize`. ``staging_path`` defaults to the job's ``--TempDir``.

        Raises:
            UsageError: neither ``staging_path`` nor ``--TempDir`` is set.
        """
        frame = wrap_frame(frame)
        staging_path = staging_path or frame.glue_ctx.require_run("Relationalize").temporary
        if not staging_path:
            raise UsageError(
                "Relationalize",
                found="neither staging_path nor --TempDir",
                required="an S3 location for its temporary files",
            )
        frames: DynamicFrameCollection = super().__call__(
            frame, staging_path, name, options, transformation_ctx, info, stageThreshold, totalThreshold
        )
        return frames


class Union(awsglue_transforms.Union):  # type: ignore[misc]
    """``DynamicFrame.union`` as a transform."""

    def __call__(
        self,
        frame1: Any,
        frame2: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return a frame of all records of both frames."""
        return wrap_frame(
            wrap_frame(frame1).union(frame2, transformation_ctx, info, stageThreshold, totalThreshold)
        )


def __getattr__(name: str) -> Any:
    return getattr(awsglue_transforms, name)
