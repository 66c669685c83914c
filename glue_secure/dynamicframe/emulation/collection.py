"""Frames by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation.frame import DynamicFrame

if TYPE_CHECKING:
    from collections.abc import Mapping


class DynamicFrameCollection:
    """What splitting and relationalizing give.

    Args:
        dynamic_frames: frames by name, or a list of frames (each by its own name).
        glue_ctx: the context.
    """

    def __init__(
        self, dynamic_frames: Mapping[str, DynamicFrame] | list[DynamicFrame], glue_ctx: Any
    ) -> None:
        if isinstance(dynamic_frames, list):
            dynamic_frames = {frame.name: frame for frame in dynamic_frames}
        if not isinstance(dynamic_frames, dict):
            raise TypeError(
                f"dynamic_frames: a dict or a list of frames, not {type(dynamic_frames).__name__}"
            )
        self._frames: dict[str, DynamicFrame] = dict(dynamic_frames)
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> DynamicFrame:
        return self._frames[key]

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._frames.keys()

    def values(self) -> ValuesView[DynamicFrame]:
        """The frames."""
        return self._frames.values()

    def select(self, key: str, transformation_ctx: str = "") -> DynamicFrame:  # noqa: ARG002
        """The frame of that name, or an empty one without fields, as in awsglue."""
        if key in self._frames:
            return self._frames[key]
        empty = self._glue_ctx.spark_session.createDataFrame([], "struct<>")
        return DynamicFrame(empty, self._glue_ctx, key)

    def map(
        self, callable: Callable[[DynamicFrame, str], DynamicFrame], transformation_ctx: str = ""
    ) -> DynamicFrameCollection:
        """``callable(frame, context)`` of each frame, under the same names.

        Raises:
            TypeError: it gave something else than a frame.
        """
        result: dict[str, DynamicFrame] = {}
        for name, frame in self._frames.items():
            made = callable(frame, f"{transformation_ctx}:{name}")
            if not isinstance(made, DynamicFrame):
                raise TypeError(f"callable must return a DynamicFrame, not {type(made).__name__}")
            result[name] = made
        return DynamicFrameCollection(result, self._glue_ctx)

    def flatmap(
        self,
        f: Callable[[DynamicFrame, str], DynamicFrame | DynamicFrameCollection],
        transformation_ctx: str = "",
    ) -> DynamicFrameCollection:
        """``f(frame, context)`` of each frame: a frame, by its name, or a collection, by its names.

        Raises:
            TypeError: it gave something else.
            UsageError: two results have the same name. (Glue keeps the last.)
        """
        result: dict[str, DynamicFrame] = {}
        for frame in self._frames.values():
            made: Any = f(frame, f"{transformation_ctx}:{frame.name}")
            if isinstance(made, DynamicFrame):
                made = {made.name: made}
            elif not isinstance(made, DynamicFrameCollection):
                kind = type(made).__name__
                raise TypeError(f"f must return a DynamicFrame or a DynamicFrameCollection, not {kind}")
            for name in made.keys():  # noqa: SIM118 - a collection has keys, as in awsglue
                if name in result:
                    raise UsageError(
                        "DynamicFrameCollection.flatmap", found=f"{name} twice", required="names that differ"
                    )
                result[name] = made[name]
        return DynamicFrameCollection(result, self._glue_ctx)
