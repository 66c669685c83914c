"""``unnest`` and ``relationalize``: nested records as flat ones, arrays as tables of their own.

Source: "DynamicFrame class" (relationalize, unnest), "AWS Glue Scala DynamicFrame class" and "Code example:
joining and relationalizing data" of the AWS Glue developer guide. Names: a struct's field becomes
``outer.inner``; the table of an array is ``<root>_<array>`` with columns ``id`` (long), ``index`` (int) and
``<array>.val`` or ``<array>.val.<field>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue


def unnest(table: Table) -> Table:
    """Structs and choices as top-level fields with dots in their names.

    Arrays stay; the structs in them are flattened too, with names after ``<array>.val.``.

    Raises:
        UsageError: a flattened name is taken.
    """
    return ex.project(table, [(name, _element_names(name, value)) for name, value in _flat(table)])


def relationalize(table: Table, root_name: str, options: Mapping[str, Any] | None = None) -> dict[str, Table]:
    """The root table and one table for every array in it, however deep; maps count as arrays of entries.

    In the root, an array's column holds the key of its rows (long), null where the array is. Keys are unique
    within one table of one call. A table with arrays is computed at once and kept by Spark (a local
    checkpoint), so its keys are the same in every later action; if an executor that holds a part of it is
    lost, the job fails rather than give other keys.

    Args:
        table: the frame.
        root_name: the root table's name, and the start of all others.
        options: none are known, in Glue neither.

    Returns:
        Tables by name, the root first.

    Raises:
        UsageError: an option was given, or a flattened name is taken.
    """
    if options:
        raise UsageError("relationalize", found=f"options {sorted(options)}", required="no options")
    return _tables(table, root_name, root_name)


def _tables(table: Table, name: str, root_name: str) -> dict[str, Table]:
    fields = _flat(table)
    arrays = [column for column, value in fields if isinstance(value.kind, (glue.ArrayType, glue.MapType))]
    flat = ex.project(table, fields)
    if not arrays:
        return {name: flat}
    key = "__key"
    while key in dict(fields):
        key += "_"
    kept = ex.select(flat.data, "*", f"monotonically_increasing_id() + 1L AS {ex.identifier(key)}")
    keyed = flat.with_data(kept.localCheckpoint(eager=True), flat.schema)
    own: ex.Fields = []
    for column, value in ex.columns(keyed):
        if column in arrays:
            there = f"if({value.sql} is null, cast(null as bigint), {ex.identifier(key)})"
            own.append((column, ex.Value(there, glue.LongType())))
        else:
            own.append((column, value))
    found = {name: ex.project(keyed, own)}
    for column, value in ex.columns(keyed):
        if column in arrays:
            child = f"{root_name}_{column}"
            below = _tables(_pivoted(keyed, key, column, value), child, root_name)
            twice = sorted(found.keys() & below.keys())
            if twice:
                raise UsageError(
                    "relationalize",
                    found=f"two arrays whose table is called {twice[0]}",
                    required="names that differ",
                    fix="rename the field with dots in its name first (rename_field)",
                )
            found.update(below)
    return found


def _pivoted(keyed: Table, key: str, column: str, value: ex.Value) -> Table:
    """The rows of one array: id, index, and the element under the array's name with ``.val``."""
    if isinstance(value.kind, glue.MapType):
        entry = glue.StructType(
            [glue.Field("key", glue.StringType()), glue.Field("val", value.kind.valueType)]
        )
        kind: glue.DataType = entry
        pair = "named_struct('key', __m.key, 'val', __m.value)"
        exploded = f"transform(map_entries({value.sql}), __m -> {pair})"
        inner = column
    else:
        assert isinstance(value.kind, glue.ArrayType)  # noqa: S101 - only arrays and maps come here
        kind, exploded, inner = value.kind.elementType, value.sql, f"{column}.val"
    columns = f"posexplode({exploded}) AS (`index`, {ex.identifier(inner)})"
    data = ex.select(keyed.data, f"{ex.identifier(key)} AS `id`", columns)
    schema = [glue.Field("id", glue.LongType()), glue.Field("index", glue.IntegerType())]
    return keyed.with_data(data, glue.StructType([*schema, glue.Field(inner, kind)]))


def _flat(table: Table) -> ex.Fields:
    return [found for name, value in ex.columns(table) for found in _flattened(name, value)]


def _flattened(name: str, value: ex.Value) -> ex.Fields:
    if isinstance(value.kind, glue.StructType):
        parts = ex.fields(value)
    elif isinstance(value.kind, glue.ChoiceType):
        parts = ex.alternatives(value)
    else:
        return [(name, value)]
    return [found for part, inner in parts for found in _flattened(f"{name}.{part}", inner)]


def _element_names(name: str, value: ex.Value) -> ex.Value:
    """An array with the structs of its elements flattened."""
    if not isinstance(value.kind, glue.ArrayType):
        return value
    element = value.kind.elementType
    if isinstance(element, glue.ArrayType):
        return ex.elements(value, lambda part: _element_names(f"{name}.val", part))
    if not isinstance(element, (glue.StructType, glue.ChoiceType)):
        return value

    def flat(part: ex.Value) -> ex.Value:
        inner = [(path, _element_names(path, found)) for path, found in _flattened(f"{name}.val", part)]
        return ex.struct(part, inner)

    return ex.elements(value, flat)
