"""Glue's transforms of Spark DataFrames, in plain Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from glue_secure.dynamicframe.frames import mapping
from glue_secure.dynamicframe.frames.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ApplyMapping:
    """Renames, casts and selects columns."""

    @staticmethod
    def apply(frame: DataFrame, mappings: Sequence[tuple[str, ...]]) -> DataFrame:
        """Return the mapped columns; see ``DynamicFrame.apply_mapping``.

        Raises:
            UsageError: a mapping is invalid.
        """
        return mapping.apply(Table.of(frame), mappings).data

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """Return the arguments of :meth:`apply`."""
        return [
            _argument("frame", "DataFrame", "The DataFrame to map."),
            _argument("mappings", "List", "Tuples: source column, source type, target column, target type."),
        ]

    @classmethod
    def describeTransform(cls) -> str:
        """Return what the transform does."""
        return "Rename, cast and select columns of a DataFrame."

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        """Return an empty list."""
        return []

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """Return the type of the result."""
        return {"type": "DataFrame", "description": "The mapped columns."}


ALL_TRANSFORMS = {ApplyMapping}


def _argument(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "description": description, "optional": False, "defaultValue": None}
