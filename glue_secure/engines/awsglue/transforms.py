"""Transforms in Glue: awsglue's own, which call the frame's methods, but for three.

``Spigot`` and ``Relationalize`` write, so the frame is adopted first; ``Union`` of awsglue 5.x refers to
names that do not exist in it, and fails whatever it is given.
"""

from __future__ import annotations

from typing import Any

from awsglue import transforms as theirs

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.frames import adopt


class Spigot(theirs.Spigot):  # type: ignore[misc]
    """``DynamicFrame.spigot`` as a transform."""

    def __call__(self, frame: Any, path: str, options: Any, transformation_ctx: str = "") -> Any:
        """See :meth:`DynamicFrame.spigot`."""
        return super().__call__(adopt(frame), path, options, transformation_ctx)


class Relationalize(theirs.Relationalize):  # type: ignore[misc]
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
    ) -> Any:
        """See :meth:`DynamicFrame.relationalize`; without ``staging_path`` the job's ``--TempDir`` serves."""
        adopt(frame)
        staging = staging_path or frame.glue_ctx.require_run("Relationalize").temporary
        if not staging:
            raise UsageError(
                "Relationalize",
                found="neither staging_path nor --TempDir",
                required="an S3 location for the tables it makes of arrays",
            )
        return super().__call__(
            frame, staging, name, options, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Union(theirs.Union):  # type: ignore[misc]
    """``DynamicFrame.union`` as a transform."""

    def __call__(
        self,
        frame1: Any,
        frame2: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        """All records of both frames."""
        return adopt(frame1).union(frame2, transformation_ctx, info, stageThreshold, totalThreshold)


def __getattr__(name: str) -> Any:
    return getattr(theirs, name)
