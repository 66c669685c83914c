"""awsglue-compatible API: column functions of AWS Glue's JVM classes, for the awsglue runtime only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.engines.awsglue.functions import explodeWithIndex, namedStruct, replaceArrayElement

__all__ = [
    "explodeWithIndex",
    "namedStruct",
    "replaceArrayElement",
]

enter()

_SPARK: dict[str, str] = {}
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.functions")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
