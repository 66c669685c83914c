"""``EntityDetector`` in Glue: awsglueml's own class, on this project's frames."""

from __future__ import annotations

from typing import Any

from glue_secure.engines.awsglue.frames import wrap, wrap_frame
from glue_secure.engines.awsglue.optional_packages import required, transforms_of

awsglueml_transforms = transforms_of("awsglueml")


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
    globals()[name] = _guarded(required(awsglueml_transforms, "awsglueml").EntityDetector)
    return globals()[name]
