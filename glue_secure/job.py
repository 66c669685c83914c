"""awsglue-compatible API: ``from glue_secure.job import Job``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.engines.spark.job import Job

__all__ = [
    "Job",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.engines.spark.job")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.job")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
