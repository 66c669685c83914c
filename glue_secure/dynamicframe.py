"""Drop-in door: ``from glue_secure.dynamicframe import DynamicFrame``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.runtime.choice import serve

if TYPE_CHECKING:
    from glue_secure.runtime.spark.context import DynamicFrameReader, DynamicFrameWriter
    from glue_secure.runtime.spark.dynamicframe import DynamicFrame, DynamicFrameCollection, ResolveOption

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "ResolveOption",
]

_SPARK = {
    "DynamicFrame": "glue_secure.runtime.spark.dynamicframe",
    "DynamicFrameCollection": "glue_secure.runtime.spark.dynamicframe",
    "DynamicFrameReader": "glue_secure.runtime.spark.context",
    "DynamicFrameWriter": "glue_secure.runtime.spark.context",
    "ResolveOption": "glue_secure.runtime.spark.dynamicframe",
}
_GLUE = dict.fromkeys(__all__, "glue_secure.runtime.glue.frames")


def __getattr__(name: str) -> Any:
    return serve(__name__, name, {"spark": _SPARK, "glue": _GLUE})
