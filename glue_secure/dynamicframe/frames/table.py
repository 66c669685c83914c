"""The value of a DynamicFrame: a DataFrame, its Glue schema, and the errors of its transformations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue_secure.dynamicframe.frames.schema import from_spark
from glue_secure.dynamicframe.types import glue_types as glue

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class Table:
    """The input and result of every function in this package.

    Attributes:
        data: the DataFrame. Its columns are the fields of the schema; choices are stored as structs.
        schema: the schema in Glue's types.
        errors: DataFrames of failed records, one per transformation with errors, oldest first, with the
            columns of :data:`~glue_secure.dynamicframe.frames.errors.COLUMNS`.
    """

    data: DataFrame
    schema: glue.StructType
    errors: tuple[DataFrame, ...] = ()

    @classmethod
    def of(cls, data: DataFrame, errors: Iterable[DataFrame] = ()) -> Table:
        """Return the table of a DataFrame. Its structs are structs, not choices."""
        schema = from_spark(data.schema)
        assert isinstance(schema, glue.StructType)  # noqa: S101 - a DataFrame's schema is a struct
        return cls(data, schema, tuple(errors))

    def with_data(self, data: DataFrame, schema: glue.StructType | None = None) -> Table:
        """Return a table of other data with the same errors.

        Without ``schema``, the DataFrame's own is used.
        """
        return Table.of(data, self.errors) if schema is None else Table(data, schema, self.errors)

    def choices(self) -> tuple[str, ...]:
        """Return ``name (int, string)`` for each column that is a choice or contains one."""
        return tuple(
            f"{field.name} ({', '.join(sorted(field.dataType.choices))})"
            if isinstance(field.dataType, glue.ChoiceType)
            else f"{field.name} (several types inside)"
            for field in self.schema.fields
            if glue.has_choice(field.dataType)
        )

    def emptied(self) -> Table:
        """Return the same columns without rows and errors."""
        return Table(self.data.limit(0), self.schema)
