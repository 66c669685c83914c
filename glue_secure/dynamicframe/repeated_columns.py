"""DataFrames with several columns of one name, as joins make them: a DynamicFrame has one field of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_LOG = redacting_logger(__name__)
_FIX = "rename or drop one of the columns before DynamicFrame.fromDF"


def without_repeats(dataframe: DataFrame) -> DataFrame:
    """Return the frame with one column of each name, at the place of the first.

    Where the columns of a name differ, a null gives way to the other's value, so that the key of an outer
    join is complete. Two different values fail the Spark job: AWS does not document which of them Glue takes.

    Raises:
        UsageError: columns of one name have different types, or a type that cannot be compared.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(dataframe.columns):
        places.setdefault(name, []).append(place)
    repeated = [name for name, found in places.items() if len(found) > 1]
    if not repeated:
        return dataframe
    from pyspark.sql import functions as F

    for name in repeated:
        types = {dataframe.schema[place].dataType.simpleString() for place in places[name]}
        if len(types) > 1 or "map<" in next(iter(types)):
            raise UsageError(
                "DynamicFrame.fromDF",
                found=f"several columns {name!r} of {' and '.join(sorted(types))}",
                required="one column of each name, or columns of one type that can be compared",
                fix=_FIX,
            )
    _LOG.warning(
        "DynamicFrame.fromDF: the frame has several columns %s; a DynamicFrame has one: %s",
        ", ".join(map(repr, repeated)),
        _FIX,
    )
    numbered = dataframe.toDF(*(str(place) for place in range(len(dataframe.columns))))

    def merged(name: str) -> Column:
        first, *others = (F.col(f"`{place}`") for place in places[name])
        value = first
        for other in others:
            error = F.raise_error(f"columns {name!r} of one record have different values: {_FIX}")
            value = F.when(value != other, error.cast(dataframe.schema[places[name][0]].dataType)).otherwise(
                F.coalesce(value, other)
            )
        return value.alias(name)

    return numbered.select([merged(name) for name in places])
