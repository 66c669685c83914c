"""awsglue-compatible API: the class that ``glueContext.getSink`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.engines.spark.context.sinks import DataSink

__all__ = [
    "DataSink",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.engines.spark.context.sinks")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.sources_and_sinks")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
