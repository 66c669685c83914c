"""awsglue-compatible API: ``from glue_secure.transforms import *``."""

from __future__ import annotations

import sys
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

# awsglue.transforms is a package, and scripts import from its modules as well:
# from awsglue.transforms.apply_mapping import ApplyMapping. All of them are this module.
MODULES = frozenset(
    {
        "apply_mapping",
        "coalesce",
        "collection_transforms",
        "drop_nulls",
        "dynamicframe_filter",
        "dynamicframe_map",
        "errors_as_dynamicframe",
        "field_transforms",
        "relationalize",
        "repartition",
        "resolve_choice",
        "transform",
        "unbox",
        "union",
        "unnest_frame",
    }
)
__path__: list[str] = []
sys.modules.update({f"{__name__}.{name}": sys.modules[__name__] for name in MODULES})

_SPARK = dict.fromkeys(__all__, "glue_secure.dynamicframe.transforms")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.transforms")
# Not a name of awsglue, so ``import *`` omits it.
_SPARK["QualityGate"] = _GLUE["QualityGate"] = "glue_secure.quality.transform"


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return sys.modules[__name__]
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
