"""awsglueml-compatible API: ``from glue_secure.awsglueml.transforms import EntityDetector``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.run.job_process import enter
from glue_secure.run.runtime_selection import load_api

if TYPE_CHECKING:
    from glue_secure.dynamicframe.entity_detection import EntityDetector

__all__ = ["EntityDetector"]

enter()

_SPARK = {"EntityDetector": "glue_secure.dynamicframe.entity_detection"}
_GLUE = {"EntityDetector": "glue_secure.engines.awsglue.entity_detection"}


def __getattr__(name: str) -> Any:
    return load_api(__name__, name, {"spark": _SPARK, "glue": _GLUE})
