# ruff: noqa: D102 - the docstring of each class describes its call
"""Glue's transforms as classes: ``ApplyMapping.apply(frame=..., mappings=...)``.

Each transform calls the method of its frame or collection. Names, arguments and defaults are those of
``awsglue.transforms`` (5.1). Sources: "AWS Glue PySpark transforms reference" and "GlueTransform base class"
of the AWS Glue developer guide.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.types.paths import null_fields

if TYPE_CHECKING:
    from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
    from glue_secure.dynamicframe.types.values import DynamicRecord

FRAME, COLLECTION = "DynamicFrame", "DynamicFrameCollection"
_ARGUMENTS: dict[str, tuple[str, str]] = {
    "frame": (FRAME, "The frame to transform."),
    "frame1": (FRAME, "The first frame."),
    "frame2": (FRAME, "The second frame."),
    "dfc": (COLLECTION, "The collection of frames."),
    "transformation_ctx": ("String", "The transformation context."),
    "info": ("String", "A text stored with each error of this transformation."),
    "stageThreshold": (
        "Integer",
        "The number of errors in this transformation at which it fails; 0 for no limit.",
    ),
    "totalThreshold": (
        "Integer",
        "The number of errors up to and including this transformation at which it fails; 0 for no limit.",
    ),
    "mappings": ("List[Tuple]", "(source, source type, target, target type) for each field of the result."),
    "case_sensitive": ("Boolean", "Whether the names of source fields must match in case."),
    "num_partitions": ("Integer", "The number of partitions of the result."),
    "shuffle": ("Boolean", "Whether rows may move between partitions."),
    "key": ("String", "The name of the frame in the collection."),
    "callable": ("Callable", "A function of a frame and a transformation context that returns a frame."),
    "BaseTransform": ("GlueTransform", "The transform to apply to each frame."),
    "frame_name": ("String", "The name of the transform's argument that takes the frame."),
    "base_kwargs": ("Dictionary", "Other arguments of the transform."),
    "f": ("Function", "A function of one record."),
    "preservesPartitioning": ("Boolean", "Whether records remain in their partitions."),
    "old_name": ("String", "The path of the field to rename."),
    "new_name": ("String", "The new path of the field."),
    "paths": ("List[String]", "The paths of fields."),
    "name1": ("String", "The name of the frame with the selected fields or rows."),
    "name2": ("String", "The name of the frame with all other fields or rows."),
    "comparison_dict": ("Dictionary", 'Paths to comparisons: {"age": {">": 10, "<": 20}}.'),
    "keys1": ("List[String]", "The keys of the first frame."),
    "keys2": ("List[String]", "The keys of the second frame, in the same order."),
    "path": ("String", "The path of a field, or the location to write to."),
    "options": ("Dictionary", "Options of the transform."),
    "format": ("String", "The format of the text in the field: json, csv or avro."),
    "staging_path": (
        "String",
        "The location at which Glue stages the tables of arrays; not used in plain Spark.",
    ),
    "name": ("String", "The name of the root table."),
    "specs": ("List[Tuple]", "(path, action) for each choice."),
    "choice": ("String", "One action for every choice."),
    "database": ("String", "The Data Catalog database, for match_catalog."),
    "table_name": ("String", "The Data Catalog table, for match_catalog."),
    "catalog_id": ("String", "The account id of the Data Catalog, for match_catalog."),
}
"""Argument name → its type and description, as ``describeArgs`` returns them."""


class GlueTransform:
    """The base class of all transforms. A script may subclass it and define ``__call__``."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Create the transform, call it with these arguments, and return its result."""
        transform: Any = cls()
        return transform(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        """Return the class name."""
        return cls.__name__

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """Return ``name``, ``type``, ``description``, ``optional`` and ``defaultValue`` of each argument."""
        raise NotImplementedError(f"describeArgs of {cls.__name__}")

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """Return type and description of the result."""
        raise NotImplementedError(f"describeReturn of {cls.__name__}")

    @classmethod
    def describeTransform(cls) -> str:
        """Return the description of the transform."""
        raise NotImplementedError(f"describeTransform of {cls.__name__}")

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        """Return type and description of each error."""
        raise NotImplementedError(f"describeErrors of {cls.__name__}")

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """Return name, arguments, result, description and errors under the key ``transform``."""
        return {
            "transform": {
                "name": cls.name(),
                "args": cls.describeArgs(),
                "returns": cls.describeReturn(),
                "description": cls.describeTransform(),
                "raises": cls.describeErrors(),
                "location": "internal",
            }
        }

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(sorted(self.__dict__.items()))))

    def __repr__(self) -> str:
        return f"<Transform: {self.name()}>"


class DescribedTransform(GlueTransform):
    """A transform whose description is derived from its docstring and the signature of its call."""

    returns: ClassVar[str] = FRAME

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            checked = check_argument_types(lambda _transform: nullcontext())(vars(cls)["__call__"])
            setattr(cls, "__call__", checked)  # noqa: B010 - mypy rejects the assignment to a method

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """Return one dict per argument of ``__call__``."""
        call: Any = cls.__call__
        arguments = []
        for name, parameter in list(inspect.signature(call).parameters.items())[1:]:
            kind, text = _ARGUMENTS[name]
            optional = (
                parameter.default is not inspect.Parameter.empty or parameter.kind is parameter.VAR_KEYWORD
            )
            default = None if parameter.default in (inspect.Parameter.empty, None) else str(parameter.default)
            arguments.append(
                {
                    "name": name,
                    "type": kind,
                    "description": text,
                    "optional": optional,
                    "defaultValue": default,
                }
            )
        return arguments

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """Return type and description of the result."""
        return {"type": cls.returns, "description": cls.describeTransform()}

    @classmethod
    def describeTransform(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        """Return an empty list: as in Glue, no errors are declared."""
        return []


class ApplyMapping(DescribedTransform):
    """Return the mapped fields, renamed and cast. Other fields are dropped."""

    def __call__(
        self, frame: DynamicFrame, mappings: tuple[str, ...] | Sequence[tuple[str, ...]],
        case_sensitive: bool = False, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.apply_mapping(
            mappings, case_sensitive, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Coalesce(DescribedTransform):
    """Return the same records in fewer partitions."""

    def __call__(
        self, frame: DynamicFrame, num_partitions: int, shuffle: bool = False, transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.coalesce(
            num_partitions, shuffle, transformation_ctx, info, stageThreshold, totalThreshold
        )


class DropFields(DescribedTransform):
    """Return the frame without these fields."""

    def __call__(
        self, frame: DynamicFrame, paths: str | list[str], transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.drop_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class DropNullFields(DescribedTransform):
    """Return the frame without the fields of the null type."""

    def __call__(
        self, frame: DynamicFrame, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        paths = list(null_fields(frame.schema()))
        return frame.drop_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class ErrorsAsDynamicFrame(DescribedTransform):
    """Return the records that failed in the transformations up to this frame."""

    def __call__(self, frame: DynamicFrame) -> DynamicFrame:
        return frame.errorsAsDynamicFrame()


class Filter(DescribedTransform):
    """Return the records for which a function is true."""

    def __call__(
        self, frame: DynamicFrame, f: Callable[[DynamicRecord], Any], transformation_ctx: str = "",
        info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.filter(f, transformation_ctx, info, stageThreshold, totalThreshold)


class FlatMap(DescribedTransform):
    """Apply a transform to each frame of a collection and return all results in one collection."""

    returns = COLLECTION

    def __call__(
        self,
        dfc: DynamicFrameCollection,
        BaseTransform: type[GlueTransform],
        frame_name: str,
        transformation_ctx: str = "",
        **base_kwargs: Any,
    ) -> DynamicFrameCollection:
        def apply(frame: DynamicFrame, transformation_ctx: str) -> Any:
            return BaseTransform.apply(
                **{**base_kwargs, frame_name: frame, "transformation_ctx": transformation_ctx}
            )

        return dfc.flatmap(apply, transformation_ctx)


class Join(DescribedTransform):
    """Return the equality join of two frames."""

    def __call__(
        self,
        frame1: DynamicFrame,
        frame2: DynamicFrame,
        keys1: str | list[str],
        keys2: str | list[str],
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        return frame1.join(keys1, keys2, frame2, transformation_ctx)


class Map(DescribedTransform):
    """Apply a function to each record."""

    def __call__(
        self, frame: DynamicFrame, f: Callable[[DynamicRecord], Any], preservesPartitioning: bool = False,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.map(f, preservesPartitioning, transformation_ctx, info, stageThreshold, totalThreshold)


class MapToCollection(DescribedTransform):
    """Apply a function to each frame of a collection."""

    returns = COLLECTION

    def __call__(
        self,
        dfc: DynamicFrameCollection,
        callable: Callable[[DynamicFrame, str], DynamicFrame],
        transformation_ctx: str = "",
    ) -> DynamicFrameCollection:
        return dfc.map(callable, transformation_ctx)


class Relationalize(DescribedTransform):
    """Return flat tables: the root table and one table per array."""

    returns = COLLECTION

    def __call__(
        self, frame: DynamicFrame, staging_path: str | None = None, name: str = "roottable",
        options: Mapping[str, Any] | None = None, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        return frame.relationalize(
            name, staging_path or "", options or {}, transformation_ctx, info, stageThreshold, totalThreshold
        )


class RenameField(DescribedTransform):
    """Return the frame with one field renamed."""

    def __call__(
        self, frame: DynamicFrame, old_name: str, new_name: str, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.rename_field(
            old_name, new_name, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Repartition(DescribedTransform):
    """Return the same records in the given number of partitions."""

    def __call__(
        self, frame: DynamicFrame, num_partitions: int, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.repartition(num_partitions, transformation_ctx, info, stageThreshold, totalThreshold)


class ResolveChoice(DescribedTransform):
    """Return the frame with its choices resolved."""

    def __call__(
        self, frame: DynamicFrame, specs: tuple[str, str] | Sequence[tuple[str, str]] | None = None,
        choice: str = "", database: str | None = None, table_name: str | None = None,
        transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0, catalog_id: str | None = None,
    ) -> DynamicFrame:  # fmt: skip
        return frame.resolveChoice(
            specs, choice, database, table_name, transformation_ctx, info, stageThreshold, totalThreshold,
            catalog_id,
        )  # fmt: skip


class SelectFields(DescribedTransform):
    """Return the frame with these fields only."""

    def __call__(
        self, frame: DynamicFrame, paths: str | list[str], transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.select_fields(paths, transformation_ctx, info, stageThreshold, totalThreshold)


class SelectFromCollection(DescribedTransform):
    """Return one frame of a collection."""

    def __call__(self, dfc: DynamicFrameCollection, key: str, transformation_ctx: str = "") -> DynamicFrame:
        return dfc.select(key, transformation_ctx)


class Spigot(DescribedTransform):
    """Write a sample of the records and return the frame."""

    def __call__(
        self, frame: DynamicFrame, path: str, options: Mapping[str, Any] | None, transformation_ctx: str = ""
    ) -> DynamicFrame:
        return frame.spigot(path, options, transformation_ctx)


class SplitFields(DescribedTransform):
    """Return two frames: one with the given fields, one with all others."""

    returns = COLLECTION

    def __call__(
        self, frame: DynamicFrame, paths: str | list[str], name1: str | None = None, name2: str | None = None,
        transformation_ctx: str = "", info: str = "", stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        base = frame.name or "frame"
        first = f"{base}1" if name1 is None else name1
        second = f"{base}2" if name2 is None else name2
        return frame.split_fields(
            paths, first, second, transformation_ctx, info, stageThreshold, totalThreshold
        )


class SplitRows(DescribedTransform):
    """Return two frames: one with the records that satisfy the comparisons, one with all others."""

    returns = COLLECTION

    def __call__(
        self, frame: DynamicFrame, comparison_dict: Mapping[str, Mapping[str, Any]],
        name1: str = "frame1", name2: str = "frame2",
        transformation_ctx: str = "", info: str | None = None, stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:  # fmt: skip
        return frame.split_rows(
            comparison_dict, name1, name2, transformation_ctx, info or "", stageThreshold, totalThreshold
        )


class Unbox(DescribedTransform):
    """Return the frame with the string in one field parsed."""

    def __call__(
        self, frame: DynamicFrame, path: str, format: str, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0, **options: Any,
    ) -> DynamicFrame:  # fmt: skip
        return frame.unbox(path, format, transformation_ctx, info, stageThreshold, totalThreshold, **options)


class Union(DescribedTransform):
    """Return the records of both frames."""

    def __call__(
        self, frame1: DynamicFrame, frame2: DynamicFrame, transformation_ctx: str = "", info: str = "",
        stageThreshold: int = 0, totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame1.union(frame2, transformation_ctx, info, stageThreshold, totalThreshold)


class UnnestFrame(DescribedTransform):
    """Return the frame with nested struct fields as top-level fields."""

    def __call__(
        self, frame: DynamicFrame, transformation_ctx: str = "", info: str = "", stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:  # fmt: skip
        return frame.unnest(transformation_ctx, info, stageThreshold, totalThreshold)


ALL_TRANSFORMS = frozenset(DescribedTransform.__subclasses__())
"""All transforms of this module."""


def get_transforms() -> set[GlueTransform]:
    """Return one instance of each transform."""
    return {transform() for transform in ALL_TRANSFORMS}


def get_transform(name: str) -> GlueTransform | None:
    """Return the transform of this name, ignoring case, or None."""
    return next(
        (transform for transform in get_transforms() if transform.name().lower() == name.lower()), None
    )


def describe_transform(name: str) -> str:
    """Return the description of a transform as JSON, ``{}`` for an unknown name."""
    transform = get_transform(name)
    return json.dumps(transform.describe() if transform else {}, sort_keys=True, indent=4)
