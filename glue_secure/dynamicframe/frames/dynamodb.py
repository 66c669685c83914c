"""Columns in DynamoDB's JSON, where every value stands in a struct that names its type.

``{"Item": {"id": {"S": "a"}, "sizes": {"L": [{"N": "1"}]}}}``. Numbers are texts there and stay texts.
Source: "DynamicFrame class" (unnest_ddb_json, simplify_ddb_json) and "DynamoDB connections" of the AWS Glue
developer guide; "AttributeValue" of the Amazon DynamoDB API reference.
"""

from __future__ import annotations

from functools import reduce

from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import first, lift
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.merging import merge

SCALARS = frozenset({"S", "N", "B", "BOOL"})
SETS = frozenset({"SS", "NS", "BS"})
DESCRIPTORS = SCALARS | SETS | {"L", "M", "NULL"}
ITEMS = ("Item", "NewImage", "OldImage", "Keys")
"""Structs of attributes that an export has at its top."""


def unnest_ddb_json(table: Table) -> Table:
    """The attributes of the items as columns, without their type descriptors; maps flattened with dots.

    Lists keep their elements as they are: columns of an array of structs are not unnested.
    """
    return ex.project(table, [part for name, value in _attributes(table) for part in _unnested(name, value)])


def simplify_ddb_json(table: Table) -> Table:
    """The attributes of the items as columns, without their type descriptors; maps stay structs.

    The elements of a list are simplified when all of them have one type and none is a map; else they stay.
    """
    return ex.project(table, [(name, _simple(value)) for name, value in _attributes(table)])


def _attributes(table: Table) -> ex.Fields:
    """The columns, with an export's structs of attributes opened."""
    found: ex.Fields = []
    for name, value in ex.columns(table):
        if name in ITEMS and isinstance(value.kind, glue.StructType) and not _described(value.kind):
            inner = ex.fields(value)
            prefix = "" if name == "Item" else f"{name}."
            found += [(f"{prefix}{part}", inside) for part, inside in inner]
        else:
            found.append((name, value))
    return found


def _unnested(name: str, value: ex.Value) -> ex.Fields:
    simple = _simple(value, lists=False)
    if not isinstance(simple.kind, glue.StructType):
        return [(name, simple)]
    return [found for part, inner in ex.fields(simple) for found in _flattened(f"{name}.{part}", inner)]


def _flattened(name: str, value: ex.Value) -> ex.Fields:
    if not isinstance(value.kind, glue.StructType):
        return [(name, value)]
    return [found for part, inner in ex.fields(value) for found in _flattened(f"{name}.{part}", inner)]


def _described(kind: glue.DataType) -> bool:
    """Whether the type is a value with its descriptor: a struct of nothing but descriptors."""
    return isinstance(kind, glue.StructType) and bool(kind.fields) and set(kind.field_map) <= DESCRIPTORS


def _simple(value: ex.Value, *, lists: bool = True) -> ex.Value:
    """The value without descriptors.

    Where items differ in an attribute's type, it becomes a choice, of texts first: S and N are both texts.
    """
    if not _described(value.kind):
        if isinstance(value.kind, glue.StructType):
            return ex.struct(value, [(name, _simple(part, lists=lists)) for name, part in ex.fields(value)])
        return value
    parts: dict[str, list[ex.Value]] = {}
    for name, part in ex.fields(value):
        if name != "NULL":
            simple = _inner(name, part, lists)
            parts.setdefault(simple.kind.typeName(), []).append(simple)
    if not parts:
        return ex.nothing(glue.NullType())
    kinds = [_same(found) for found in parts.values()]
    if len(kinds) == 1:
        return kinds[0]
    return ex.choice(value, [(found.kind.typeName(), found) for found in kinds])


def _inner(descriptor: str, value: ex.Value, lists: bool) -> ex.Value:
    if descriptor == "M" and isinstance(value.kind, glue.StructType):
        return ex.struct(value, [(name, _simple(part, lists=lists)) for name, part in ex.fields(value)])
    if descriptor != "L" or not lists or not isinstance(value.kind, glue.ArrayType):
        return value
    element = value.kind.elementType
    if not isinstance(element, glue.StructType) or not _described(element):
        return value
    names = set(element.field_map) - {"NULL"}
    if len(names) != 1 or names & {"M", "L"}:
        return value
    return ex.elements(value, lambda part: _simple(part))


def _same(values: list[ex.Value]) -> ex.Value:
    """One value of several of one kind; what differs inside them becomes a choice."""
    kind = reduce(merge, [value.kind for value in values])
    return first([lift(value, kind) for value in values], kind)
