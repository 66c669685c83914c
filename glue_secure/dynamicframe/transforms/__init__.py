# ruff: noqa: D102 - each class says what its call does
"""Glue's transforms as classes: ``ApplyMapping.apply(frame=..., mappings=...)``.

Each one calls the method of its frame or collection, so it works on any object that has the method. The
names, arguments and defaults are those of ``awsglue.transforms`` (5.1). Source: "AWS Glue PySpark transforms
reference" of the AWS Glue developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from glue_secure.dynamicframe.transforms.base import COLLECTION, Described, GlueTransform
from glue_secure.dynamicframe.types.paths import null_fields


class ApplyMapping(Described):
    """The fields that are mapped, renamed and cast; no others."""

    def __call__(
        self, frame: Any, mappings: Any, case_sensitive: bool = False, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.apply_mapping(
            mappings, case_sensitive, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Coalesce(Described):
    """The same records in fewer partitions."""

    def __call__(
        self, frame: Any, num_partitions: int, shuffle: bool = False, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.coalesce(
            num_partitions, shuffle, transformation_ctx, info, stageThreshold, totalThreshold
        )


class DropFields(Described):
    """The frame without these fields."""

    def __call__(
        self, frame: Any, paths: Any, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.drop_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class DropNullFields(Described):
    """The frame without the fields of the null type."""

    def __call__(
        self, frame: Any, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        paths = list(null_fields(frame.schema()))
        return frame.drop_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class ErrorsAsDynamicFrame(Described):
    """The records that failed on the way to this frame, as a frame."""

    def __call__(self, frame: Any) -> Any:
        return frame.errorsAsDynamicFrame()


class Filter(Described):
    """The records for which a function is true."""

    def __call__(
        self, frame: Any, f: Callable[[Any], Any], transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.filter(f, transformation_ctx, info, stageThreshold, totalThreshold)


class FlatMap(Described):
    """A transform applied to each frame of a collection, all results in one collection."""

    returns = COLLECTION

    def __call__(
        self, dfc: Any, BaseTransform: Any, frame_name: str, transformation_ctx: str = "", **base_kwargs: Any
    ) -> Any:
        def each(frame: Any, transformation_ctx: str) -> Any:
            return BaseTransform.apply(
                **{**base_kwargs, frame_name: frame, "transformation_ctx": transformation_ctx}
            )

        return dfc.flatmap(each, transformation_ctx)


class Join(Described):
    """The pairs of records whose keys are equal."""

    def __call__(self, frame1: Any, frame2: Any, keys1: Any, keys2: Any, transformation_ctx: str = "") -> Any:
        return frame1.join(keys1, keys2, frame2, transformation_ctx)


class Map(Described):
    """A function applied to every record."""

    def __call__(
        self, frame: Any, f: Callable[[Any], Any], preservesPartitioning: bool = False,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.map(f, preservesPartitioning, transformation_ctx, info, stageThreshold, totalThreshold)


class MapToCollection(Described):
    """A function applied to each frame of a collection."""

    returns = COLLECTION

    def __call__(self, dfc: Any, callable: Callable[..., Any], transformation_ctx: str = "") -> Any:
        return dfc.map(callable, transformation_ctx)


class Relationalize(Described):
    """Flat tables: the root, and one for every array."""

    returns = COLLECTION

    def __call__(
        self, frame: Any, staging_path: str | None = None, name: str = "roottable", options: Any = None,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.relationalize(
            name, staging_path or "", options or {}, transformation_ctx, info, stageThreshold, totalThreshold
        )


class RenameField(Described):
    """The frame with one field renamed."""

    def __call__(
        self, frame: Any, old_name: str, new_name: str, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.rename_field(
            old_name, new_name, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Repartition(Described):
    """The same records in that many partitions."""

    def __call__(
        self, frame: Any, num_partitions: int, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.repartition(num_partitions, transformation_ctx, info, stageThreshold, totalThreshold)


class ResolveChoice(Described):
    """The frame with its choices resolved."""

    def __call__(
        self, frame: Any, specs: Any = None, choice: str = "", database: str | None = None,
        table_name: str | None = None, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0, catalog_id: str | None = None,
    ) -> Any:  # fmt: skip
        return frame.resolveChoice(
            specs, choice, database, table_name, transformation_ctx, info, stageThreshold, totalThreshold,
            catalog_id,
        )  # fmt: skip


class SelectFields(Described):
    """The frame with these fields only."""

    def __call__(
        self, frame: Any, paths: Any, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.select_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class SelectFromCollection(Described):
    """One frame of a collection."""

    def __call__(self, dfc: Any, key: str, transformation_ctx: str = "") -> Any:
        return dfc.select(key, transformation_ctx)


class Spigot(Described):
    """The frame itself, with a sample of its records written on the way."""

    def __call__(self, frame: Any, path: str, options: Any, transformation_ctx: str = "") -> Any:
        return frame.spigot(path, options, transformation_ctx)


class SplitFields(Described):
    """Two frames: the fields named, and the rest."""

    returns = COLLECTION

    def __call__(
        self, frame: Any, paths: Any, name1: str | None = None, name2: str | None = None,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        base = frame.name or "frame"
        first = f"{base}1" if name1 is None else name1
        second = f"{base}2" if name2 is None else name2
        return frame.split_fields(
            paths, first, second, transformation_ctx, info, stageThreshold, totalThreshold
        )


class SplitRows(Described):
    """Two frames: the records for which the comparisons hold, and the rest."""

    returns = COLLECTION

    def __call__(
        self, frame: Any, comparison_dict: Any, name1: str = "frame1", name2: str = "frame2",
        transformation_ctx: str = "", info: str | None = None, stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.split_rows(
            comparison_dict, name1, name2, transformation_ctx, info or "", stageThreshold, totalThreshold
        )


class Unbox(Described):
    """The frame with the text of one field parsed."""

    def __call__(
        self, frame: Any, path: str, format: str, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0, **options: Any,
    ) -> Any:  # fmt: skip
        return frame.unbox(path, format, transformation_ctx, info, stageThreshold, totalThreshold, **options)


class Union(Described):
    """The records of both frames."""

    def __call__(
        self, frame1: Any, frame2: Any, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame1.union(frame2, transformation_ctx, info, stageThreshold, totalThreshold)


class UnnestFrame(Described):
    """The frame with nested structs as top-level fields."""

    def __call__(
        self, frame: Any, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:  # fmt: skip
        return frame.unnest(transformation_ctx, info, stageThreshold, totalThreshold)


ALL_TRANSFORMS = frozenset(Described.__subclasses__())
"""The 22 transforms."""


def get_transforms() -> set[GlueTransform]:
    """One instance of each."""
    return {transform() for transform in ALL_TRANSFORMS}


def get_transform(name: str) -> GlueTransform | None:
    """The transform of that name, in any case; None when there is none."""
    return next((found for found in get_transforms() if found.name().lower() == name.lower()), None)


def describe_transform(name: str) -> str:
    """A transform's description as JSON; ``{}`` for an unknown name."""
    transform = get_transform(name)
    return json.dumps(transform.describe() if transform else {}, sort_keys=True, indent=4)
