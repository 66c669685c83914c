"""A dynamic frame as a value: a DataFrame, the schema that knows its choices, and the errors on its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from glue_secure.dynamicframe.frames.schema import from_spark
from glue_secure.dynamicframe.types import glue_types as glue


@dataclass(frozen=True, slots=True)
class Table:
    """What every function of this room takes and gives.

    Attributes:
        data: the DataFrame; its columns are the schema's fields, choices stored as structs.
        schema: its schema in Glue's types.
        errors: DataFrames of the records that failed, one per step that lost any, oldest first; each has
            the columns of :data:`~glue_secure.dynamicframe.frames.errors.COLUMNS`.
    """

    data: Any
    schema: glue.StructType
    errors: tuple[Any, ...] = ()

    @classmethod
    def of(cls, data: Any, errors: Iterable[Any] = ()) -> Table:
        """A DataFrame's own table; none of its structs is a choice."""
        schema = from_spark(data.schema)
        assert isinstance(schema, glue.StructType)  # noqa: S101 - a DataFrame's schema is a struct
        return cls(data, schema, tuple(errors))

    def with_data(self, data: Any, schema: glue.StructType | None = None) -> Table:
        """Other data, the same errors; the schema is the data's own when none is given."""
        return Table.of(data, self.errors) if schema is None else Table(data, schema, self.errors)

    def emptied(self) -> Table:
        """The same columns without rows or errors."""
        return Table(self.data.limit(0), self.schema)
