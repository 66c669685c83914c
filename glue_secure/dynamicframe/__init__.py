"""awsglue-compatible names: ``from glue_secure.dynamicframe import DynamicFrame``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection, ResolveOption
    from glue_secure.engines.spark.context import DynamicFrameReader, DynamicFrameWriter

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "ResolveOption",
]

enter()

_SPARK = {
    "DynamicFrame": "glue_secure.dynamicframe.frame",
    "DynamicFrameCollection": "glue_secure.dynamicframe.frame",
    "DynamicFrameReader": "glue_secure.engines.spark.context",
    "DynamicFrameWriter": "glue_secure.engines.spark.context",
    "ResolveOption": "glue_secure.dynamicframe.frame",
}
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.frames")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
