"""awsglue-compatible API: ``from glue_secure.transforms import *``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.transforms import (
        ALL_TRANSFORMS,
        ApplyMapping,
        Coalesce,
        DropFields,
        DropNullFields,
        ErrorsAsDynamicFrame,
        Filter,
        FlatMap,
        GlueTransform,
        Join,
        Map,
        MapToCollection,
        Relationalize,
        RenameField,
        Repartition,
        ResolveChoice,
        SelectFields,
        SelectFromCollection,
        Spigot,
        SplitFields,
        SplitRows,
        Unbox,
        Union,
        UnnestFrame,
        describe_transform,
        get_transform,
        get_transforms,
    )

__all__ = [
    "ALL_TRANSFORMS",
    "ApplyMapping",
    "Coalesce",
    "DropFields",
    "DropNullFields",
    "ErrorsAsDynamicFrame",
    "Filter",
    "FlatMap",
    "GlueTransform",
    "Join",
    "Map",
    "MapToCollection",
    "Relationalize",
    "RenameField",
    "Repartition",
    "ResolveChoice",
    "SelectFields",
    "SelectFromCollection",
    "Spigot",
    "SplitFields",
    "SplitRows",
    "Unbox",
    "Union",
    "UnnestFrame",
    "describe_transform",
    "get_transform",
    "get_transforms",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.dynamicframe.transforms")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.transforms")
# Not a name of awsglue, so ``import *`` omits it.
_SPARK["QualityGate"] = _GLUE["QualityGate"] = "glue_secure.quality.transform"


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
