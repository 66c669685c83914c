"""Steps on rows and partitions: split, join, union, merge, repartition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.dynamicframe.emulation.base import FrameBase, frame_of, paths_of

if TYPE_CHECKING:
    from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection
    from glue_secure.dynamicframe.emulation.frame import DynamicFrame

# Every step has Glue's ``transformation_ctx`` and ``info``; what fails no record has no use for them.
# ruff: noqa: ARG002


class RowOperations(FrameBase):
    """The part of DynamicFrame that changes which rows there are, and where."""

    def split_rows(
        self,
        comparison_dict: Mapping[str, Mapping[str, Any]],
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Two frames: ``name1`` has the rows that hold to all comparisons, ``name2`` the others."""
        from glue_secure.dynamicframe.emulation.collection import DynamicFrameCollection
        from glue_secure.dynamicframe.frames import rows

        first, second = rows.split_rows(self.table, {p: dict(c) for p, c in comparison_dict.items()})
        frames = {
            name1: self._step(first, stageThreshold, totalThreshold, name=name1),
            name2: self._step(second, stageThreshold, totalThreshold, name=name2),
        }
        return DynamicFrameCollection(frames, self.glue_ctx)

    def join(
        self,
        paths1: str | list[str],
        paths2: str | list[str],
        frame2: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The equality join of two frames."""
        from glue_secure.dynamicframe.frames import rows

        other = frame_of(frame2, "frame2 of join")
        left, right = paths_of(paths1, "paths1 of join"), paths_of(paths2, "paths2 of join")
        table = rows.join(self.table, other.table, left, right)
        name = self.name + other.name
        return self._step(table, stageThreshold, totalThreshold, name=name, others=[other.table])

    def union(
        self,
        other_frame: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The rows of both frames."""
        from glue_secure.dynamicframe.frames import rows

        other = frame_of(other_frame, "other_frame of union")
        table = rows.union(self.table, other.table)
        return self._step(table, stageThreshold, totalThreshold, others=[other.table])

    def mergeDynamicFrame(
        self,
        stage_dynamic_frame: DynamicFrame,
        primary_keys: str | list[str],
        transformation_ctx: str = "",
        options: Mapping[str, Any] | None = None,
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """This frame's rows, those with a key in the staging frame replaced by the staging frame's."""
        from glue_secure.dynamicframe.frames import rows

        stage = frame_of(stage_dynamic_frame, "stage_dynamic_frame of mergeDynamicFrame")
        keys = paths_of(primary_keys, "primary_keys of mergeDynamicFrame")
        table = rows.merge(self.table, stage.table, keys, dict(options or {}))
        return self._step(table, stageThreshold, totalThreshold, others=[stage.table])

    def getNumPartitions(self) -> int:
        """How many partitions the data has."""
        return int(self.table.data.rdd.getNumPartitions())

    def repartition(
        self,
        num_partitions: int,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The same rows in that many partitions."""
        data = self.table.data.repartition(num_partitions)
        table = self.table.with_data(data, self.table.schema)
        return self._step(table, stageThreshold, totalThreshold)

    def coalesce(
        self,
        num_partitions: int,
        shuffle: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The same rows in at most that many partitions; with ``shuffle`` in just that many."""
        change = self.table.data.repartition if shuffle else self.table.data.coalesce
        table = self.table.with_data(change(num_partitions), self.table.schema)
        return self._step(table, stageThreshold, totalThreshold)
