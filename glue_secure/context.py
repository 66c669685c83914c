"""awsglue-compatible API: ``from glue_secure.context import GlueContext``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.engines.spark.context import GlueContext

__all__ = [
    "GlueContext",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.engines.spark.context")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.context")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
