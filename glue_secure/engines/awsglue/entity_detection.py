"""``EntityDetector`` in Glue: awsglueml's own class, on this project's frames."""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.frames import wrap, wrap_frame

try:
    from awsglueml import transforms as awsglueml_transforms
except ModuleNotFoundError:
    awsglueml_transforms = None
if getattr(awsglueml_transforms, "__name__", "").startswith("glue_secure."):
    awsglueml_transforms = None  # the package is not installed, and glue-secure's is imported by its name


def _guarded(base: Any) -> type:
    class EntityDetector(base):  # type: ignore[misc]
        """awsglueml's class."""

        def detect(self, frame: Any, *arguments: Any, **options: Any) -> Any:
            """Return the frame with a column of the entities found."""
            return wrap(super().detect(wrap_frame(frame), *arguments, **options))

        def classify_columns(self, frame: Any, *arguments: Any, **options: Any) -> Any:
            """Return column → types of entities found."""
            return super().classify_columns(wrap_frame(frame), *arguments, **options)

    return EntityDetector


def __getattr__(name: str) -> Any:
    if name != "EntityDetector":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if awsglueml_transforms is None:
        raise UsageError(
            "awsglueml",
            found="the package is not installed here",
            required="AWS Glue, which has it; AWS's container does not",
            fix="run the job in AWS Glue, or in plain Spark: glue-secure run SCRIPT",
        )
    globals()[name] = _guarded(awsglueml_transforms.EntityDetector)
    return globals()[name]
