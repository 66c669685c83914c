"""``unnest`` and ``relationalize``.

Source: "DynamicFrame class" (relationalize, unnest), "AWS Glue Scala DynamicFrame class" and "Code example:
joining and relationalizing data" of the AWS Glue developer guide. Names: a struct field becomes
``outer.inner``; the table of an array is ``<root>_<array>`` with the columns ``id`` (long), ``index`` (int)
and ``<array>.val`` or ``<array>.val.<field>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue


def unnest(table: Table) -> Table:
    """Return struct fields and alternatives of choices as top-level fields with dots in their names.

    Arrays remain arrays. Structs inside them are flattened with names that start with ``<array>.val.``.

    Raises:
        UsageError: two flattened fields have the same name.
    """
    return ex.project(table, [(name, _flatten_elements(name, value)) for name, value in _flat(table)])


def relationalize(table: Table, root_name: str, options: Mapping[str, Any] | None = None) -> dict[str, Table]:
    """Return the root table and one table for every array, at any depth.

    Maps are treated as arrays of entries.
    In the root table, an array column contains the key of the array's rows (long), or null if the array is
    null. Keys are unique within one table of one call. A table with arrays is computed immediately and stored
    in a local checkpoint, so that its keys do not change. If an executor with a part of the checkpoint is
    lost, the Spark job fails.

    Args:
        table: the frame.
        root_name: name of the root table and prefix of the others.
        options: must be empty; Glue has no options either.

    Returns:
        Tables by name, the root first.

    Raises:
        UsageError: there are options, or two flattened fields or tables have the same name.
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
    with_key = ex.select(flat.data, "*", f"monotonically_increasing_id() + 1L AS {ex.identifier(key)}")
    keyed = flat.with_data(with_key.localCheckpoint(eager=True), flat.schema)
    root_fields: ex.Fields = []
    for column, value in ex.columns(keyed):
        if column in arrays:
            array_key = f"if({value.sql} is null, cast(null as bigint), {ex.identifier(key)})"
            root_fields.append((column, ex.Value(array_key, glue.LongType())))
        else:
            root_fields.append((column, value))
    tables = {name: ex.project(keyed, root_fields)}
    for column, value in ex.columns(keyed):
        if column in arrays:
            child = f"{root_name}_{column}"
            nested = _tables(_pivoted(keyed, key, column, value), child, root_name)
            duplicates = sorted(tables.keys() & nested.keys())
            if duplicates:
                raise UsageError(
                    "relationalize",
                    found=f"two arrays whose table would be named {duplicates[0]}",
                    required="distinct table names",
                    fix="rename the field with dots in its name first (rename_field)",
                )
            tables.update(nested)
    return tables


def _pivoted(keyed: Table, key: str, column: str, value: ex.Value) -> Table:
    """Return one array as a table: ``id``, ``index``, and the element under ``<array>.val``."""
    if isinstance(value.kind, glue.MapType):
        entry = glue.StructType(
            [glue.Field("key", glue.StringType()), glue.Field("val", value.kind.valueType)]
        )
        kind: glue.DataType = entry
        pair = "named_struct('key', __m.key, 'val', __m.value)"
        exploded = f"transform(map_entries({value.sql}), __m -> {pair})"
        inner = column
    else:
        assert isinstance(value.kind, glue.ArrayType)  # noqa: S101 - callers check the type
        kind, exploded, inner = value.kind.elementType, value.sql, f"{column}.val"
    columns = f"posexplode({exploded}) AS (`index`, {ex.identifier(inner)})"
    data = ex.select(keyed.data, f"{ex.identifier(key)} AS `id`", columns)
    schema = [glue.Field("id", glue.LongType()), glue.Field("index", glue.IntegerType())]
    return keyed.with_data(data, glue.StructType([*schema, glue.Field(inner, kind)]))


def _flat(table: Table) -> ex.Fields:
    return [field for name, value in ex.columns(table) for field in _flattened(name, value)]


def _flattened(name: str, value: ex.Value) -> ex.Fields:
    if isinstance(value.kind, glue.StructType):
        parts = ex.fields(value)
    elif isinstance(value.kind, glue.ChoiceType):
        parts = ex.alternatives(value)
    else:
        return [(name, value)]
    return [field for part, inner in parts for field in _flattened(f"{name}.{part}", inner)]


def _flatten_elements(name: str, value: ex.Value) -> ex.Value:
    """Return an array with the structs of its elements flattened."""
    if not isinstance(value.kind, glue.ArrayType):
        return value
    element = value.kind.elementType
    if isinstance(element, glue.ArrayType):
        return ex.elements(value, lambda part: _flatten_elements(f"{name}.val", part))
    if not isinstance(element, (glue.StructType, glue.ChoiceType)):
        return value

    def flat(part: ex.Value) -> ex.Value:
        inner = [(path, _flatten_elements(path, field)) for path, field in _flattened(f"{name}.val", part)]
        return ex.struct(part, inner)

    return ex.elements(value, flat)
