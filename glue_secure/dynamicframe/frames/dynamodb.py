"""``unnest_ddb_json`` and ``simplify_ddb_json``: DynamoDB JSON as plain columns.

In DynamoDB JSON each value is a struct that names its type.

Example: ``{"Item": {"id": {"S": "a"}, "sizes": {"L": [{"N": "1"}]}}}``. Numbers are strings there and remain
strings. Source: "DynamicFrame class" (unnest_ddb_json, simplify_ddb_json) and "DynamoDB connections" of the
AWS Glue developer guide; "AttributeValue" of the Amazon DynamoDB API reference.
"""

from __future__ import annotations

from functools import reduce

from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import coalesce, widen
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

SCALARS = frozenset({"S", "N", "B", "BOOL"})
SETS = frozenset({"SS", "NS", "BS"})
DESCRIPTORS = SCALARS | SETS | {"L", "M", "NULL"}
ITEMS = ("Item", "NewImage", "OldImage", "Keys")
"""The top-level structs of attributes in a DynamoDB export."""


def unnest_ddb_json(table: Table) -> Table:
    """Return the attributes of the items as columns without type descriptors. Maps are flattened with dots.

    The elements of lists do not change.
    """
    return ex.project(table, [part for name, value in _attributes(table) for part in _unnested(name, value)])


def simplify_ddb_json(table: Table) -> Table:
    """Return the attributes of the items as columns without type descriptors. Maps remain structs.

    The elements of a list are simplified if all have the same type and none is a map or list.
    """
    return ex.project(table, [(name, _simple(value)) for name, value in _attributes(table)])


def _attributes(table: Table) -> ex.Fields:
    """Return the columns, with the top-level structs of an export replaced by their attributes."""
    attributes: ex.Fields = []
    for name, value in ex.columns(table):
        if name in ITEMS and isinstance(value.kind, glue.StructType) and not _is_attribute_value(value.kind):
            prefix = "" if name == "Item" else f"{name}."
            attributes += [(f"{prefix}{part}", nested) for part, nested in ex.fields(value)]
        else:
            attributes.append((name, value))
    return attributes


def _unnested(name: str, value: ex.Value) -> ex.Fields:
    simple = _simple(value, lists=False)
    if not isinstance(simple.kind, glue.StructType):
        return [(name, simple)]
    return [field for part, inner in ex.fields(simple) for field in _flattened(f"{name}.{part}", inner)]


def _flattened(name: str, value: ex.Value) -> ex.Fields:
    if not isinstance(value.kind, glue.StructType):
        return [(name, value)]
    return [field for part, inner in ex.fields(value) for field in _flattened(f"{name}.{part}", inner)]


def _is_attribute_value(kind: glue.DataType) -> bool:
    """Return whether the type is a struct of type descriptors only."""
    return isinstance(kind, glue.StructType) and bool(kind.fields) and set(kind.field_map) <= DESCRIPTORS


def _simple(value: ex.Value, *, lists: bool = True) -> ex.Value:
    """Return the value without type descriptors.

    An attribute whose type differs between items becomes a choice. S and N are both strings.
    """
    if not _is_attribute_value(value.kind):
        if isinstance(value.kind, glue.StructType):
            return ex.struct(value, [(name, _simple(part, lists=lists)) for name, part in ex.fields(value)])
        return value
    parts: dict[str, list[ex.Value]] = {}
    for name, part in ex.fields(value):
        if name != "NULL":
            simple = _inner(name, part, lists)
            parts.setdefault(simple.kind.typeName(), []).append(simple)
    if not parts:
        return ex.null(glue.NullType())
    kinds = [_merged(values) for values in parts.values()]
    if len(kinds) == 1:
        return kinds[0]
    return ex.choice(value, [(kind.kind.typeName(), kind) for kind in kinds])


def _inner(descriptor: str, value: ex.Value, lists: bool) -> ex.Value:
    if descriptor == "M" and isinstance(value.kind, glue.StructType):
        return ex.struct(value, [(name, _simple(part, lists=lists)) for name, part in ex.fields(value)])
    if descriptor != "L" or not lists or not isinstance(value.kind, glue.ArrayType):
        return value
    element = value.kind.elementType
    if not isinstance(element, glue.StructType) or not _is_attribute_value(element):
        return value
    names = set(element.field_map) - {"NULL"}
    if len(names) != 1 or names & {"M", "L"}:
        return value
    return ex.elements(value, lambda part: _simple(part))


def _merged(values: list[ex.Value]) -> ex.Value:
    """Return one value for several of the same kind. Nested fields whose types differ become choices."""
    kind = reduce(glue.merge_types, [value.kind for value in values])
    return coalesce([widen(value, kind) for value in values], kind)
