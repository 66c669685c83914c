"""What all transforms have: ``apply``, and their descriptions. Source: "GlueTransform base class"."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

FRAME, COLLECTION = "DynamicFrame", "DynamicFrameCollection"
DESCRIBED: dict[str, tuple[str, str]] = {
    "frame": (FRAME, "The frame to transform."),
    "frame1": (FRAME, "The first frame."),
    "frame2": (FRAME, "The second frame."),
    "dfc": (COLLECTION, "The collection of frames."),
    "transformation_ctx": ("String", "The name under which the transformation's state is kept."),
    "info": ("String", "A text that goes with the errors of this transformation."),
    "stageThreshold": ("Integer", "How many errors this transformation may have; 0 for any number."),
    "totalThreshold": ("Integer", "How many errors there may be up to and with this transformation."),
    "mappings": ("List[Tuple]", "(source, source type, target, target type) for each field of the result."),
    "case_sensitive": ("Boolean", "Whether the names of sources must match in case."),
    "num_partitions": ("Integer", "How many partitions the result has."),
    "shuffle": ("Boolean", "Whether rows may move between partitions."),
    "key": ("String", "The name of the frame in the collection."),
    "callable": ("Callable", "A function of a frame and a transformation context that gives a frame."),
    "BaseTransform": ("GlueTransform", "The transform to apply to each frame."),
    "frame_name": ("String", "The name of the transform's argument that takes the frame."),
    "base_kwargs": ("Dictionary", "Further arguments of the transform."),
    "f": ("Function", "A function of one record."),
    "preservesPartitioning": ("Boolean", "Whether records stay in their partitions."),
    "old_name": ("String", "The path of the field to rename."),
    "new_name": ("String", "Its new path."),
    "paths": ("List[String]", "The paths of fields."),
    "name1": ("String", "The name of the frame that is split off."),
    "name2": ("String", "The name of the frame that remains."),
    "comparison_dict": ("Dictionary", 'Paths to comparisons: {"age": {">": 10, "<": 20}}.'),
    "keys1": ("List[String]", "The keys of the first frame."),
    "keys2": ("List[String]", "The keys of the second frame, in the same order."),
    "path": ("String", "A path: of a field, or of the place to write to."),
    "options": ("Dictionary", "Further options."),
    "format": ("String", "The format of the text in the field: json, csv or avro."),
    "staging_path": ("String", "Where Glue stages the tables of arrays; plain Spark stages nothing."),
    "name": ("String", "The name of the root table."),
    "specs": ("List[Tuple]", "(path, action) for each choice."),
    "choice": ("String", "One action for every choice."),
    "database": ("String", "The Data Catalog's database, for match_catalog."),
    "table_name": ("String", "The Data Catalog's table, for match_catalog."),
    "catalog_id": ("String", "The Data Catalog's account, for match_catalog."),
}
"""Type and meaning of every argument, by its name."""


class GlueTransform:
    """The base of all transforms; a script may derive its own from it and define ``__call__``."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """The transform's result for these arguments."""
        transform: Any = cls()
        return transform(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        """The class's name."""
        return cls.__name__

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """One dictionary for each argument: name, type, description, optional, defaultValue."""
        raise NotImplementedError(f"describeArgs of {cls.__name__}")

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """Type and description of the result."""
        raise NotImplementedError(f"describeReturn of {cls.__name__}")

    @classmethod
    def describeTransform(cls) -> str:
        """What it does."""
        raise NotImplementedError(f"describeTransform of {cls.__name__}")

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        """Type and description of each error."""
        raise NotImplementedError(f"describeErrors of {cls.__name__}")

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """All of it under ``transform``."""
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


class Described(GlueTransform):
    """A transform that describes itself from its docstring and signature."""

    returns: ClassVar[str] = FRAME

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """One dictionary for each argument."""
        call: Any = cls.__call__
        found = []
        for name, parameter in list(inspect.signature(call).parameters.items())[1:]:
            kind, text = DESCRIBED[name]
            optional = (
                parameter.default is not inspect.Parameter.empty or parameter.kind is parameter.VAR_KEYWORD
            )
            default = None if parameter.default in (inspect.Parameter.empty, None) else str(parameter.default)
            found.append(
                {
                    "name": name,
                    "type": kind,
                    "description": text,
                    "optional": optional,
                    "defaultValue": default,
                }
            )
        return found

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """Type and description of the result."""
        return {"type": cls.returns, "description": cls.describeTransform()}

    @classmethod
    def describeTransform(cls) -> str:
        """What it does."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        """None are declared, as in Glue."""
        return []
