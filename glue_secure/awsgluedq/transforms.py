"""awsgluedq-compatible API: ``from glue_secure.awsgluedq.transforms import EvaluateDataQuality``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.data_quality import EvaluateDataQuality

__all__ = ["EvaluateDataQuality"]

enter()

_SPARK = {"EvaluateDataQuality": "glue_secure.dynamicframe.data_quality"}
_GLUE = {"EvaluateDataQuality": "glue_secure.engines.awsglue.data_quality"}


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
