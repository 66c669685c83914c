"""awsglue-compatible API: ``from glue_secure.dataframe_transforms import ApplyMapping``, for DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.dataframe_transforms import ALL_TRANSFORMS, ApplyMapping

__all__ = [
    "ALL_TRANSFORMS",
    "ApplyMapping",
]

enter()

_SPARK = dict.fromkeys(__all__, "glue_secure.dynamicframe.dataframe_transforms")
_GLUE = dict.fromkeys(__all__, "glue_secure.engines.awsglue.dataframe_transforms")


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
