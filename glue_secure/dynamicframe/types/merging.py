"""The type of a field that has one type here and another there."""

from __future__ import annotations

from glue_secure.dynamicframe.types import glue_types as glue

DIGITS = 38
"""The most digits that Spark's decimals hold."""


def merge(one: glue.DataType, other: glue.DataType) -> glue.DataType:
    """One type for the values of both: containers merge inside, what differs becomes a choice.

    The null type gives way to any other. Two decimals become one with room for both.
    """
    if one == other or isinstance(other, (glue.NullType, glue.UnknownType)):
        return one
    if isinstance(one, (glue.NullType, glue.UnknownType)):
        return other
    if isinstance(one, glue.ChoiceType) or isinstance(other, glue.ChoiceType):
        parts = dict(one.choices) if isinstance(one, glue.ChoiceType) else {one.typeName(): one}
        for kind in other.choices.values() if isinstance(other, glue.ChoiceType) else [other]:
            name = kind.typeName()
            parts[name] = merge(parts[name], kind) if name in parts else kind
        return glue.ChoiceType(parts.values())
    if isinstance(one, glue.StructType) and isinstance(other, glue.StructType):
        return merge_structs(one, other)
    if isinstance(one, glue.ArrayType) and isinstance(other, glue.ArrayType) and one.name == other.name:
        return type(one)(merge(one.elementType, other.elementType))
    if isinstance(one, glue.MapType) and isinstance(other, glue.MapType):
        return glue.MapType(merge(one.valueType, other.valueType))
    if isinstance(one, glue.DecimalType) and isinstance(other, glue.DecimalType):
        whole = max(one.precision - one.scale, other.precision - other.scale)
        scale = min(max(one.scale, other.scale), DIGITS - whole)
        return glue.DecimalType(whole + scale, scale)
    if isinstance(one, glue.EnumType) and isinstance(other, glue.EnumType):
        return glue.EnumType(dict.fromkeys((*one.options, *other.options)))
    return glue.ChoiceType([one, other])


def merge_structs(one: glue.StructType, other: glue.StructType) -> glue.StructType:
    """The fields of the first, then those that only the second has; shared ones merged."""
    found = {field.name: field.dataType for field in one}
    for field in other:
        known = found.get(field.name)
        found[field.name] = field.dataType if known is None else merge(known, field.dataType)
    return glue.StructType([glue.Field(name, kind) for name, kind in found.items()])
