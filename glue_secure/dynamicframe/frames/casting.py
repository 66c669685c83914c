"""Casts between Glue types. A value that cannot be cast becomes null, with and without ANSI mode.

Every cast is a ``try_cast``, which follows the ANSI rules in Spark 3.5 and 4.1. Pairs of types that ANSI does
not cast yield null; a warning is logged.
"""

from __future__ import annotations

from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import is_open

NUMBERS = frozenset({"byte", "short", "int", "long", "float", "double", "decimal"})
DATES_AND_TIMES = frozenset({"date", "timestamp", "timestamp_ntz"})
CONTAINERS = (glue.ArrayType, glue.MapType, glue.StructType)


def cast(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """Return the value cast to another type, null where it cannot be cast.

    Of a choice, the alternative that is set is cast. A container is cast to a string as JSON. A type without
    specified parts (``struct``, ``array``, ``map``, ``choice``) selects the values of that kind.
    """
    if value.kind == kind or kind == glue.ChoiceType():
        return value
    if is_open(kind):
        return select_kind(value, kind)
    if isinstance(value.kind, glue.ChoiceType):
        return coalesce([cast(part, kind) for _, part in ex.alternatives(value)], kind)
    if isinstance(value.kind, glue.NullType):
        return ex.null(kind)
    if isinstance(value.kind, CONTAINERS):
        return _container(value, kind)
    if not castable(value.kind, kind):
        return _uncastable(value, kind)
    return ex.Value(f"try_cast({value.sql} as {ex.sql_type(kind)})", kind)


def select_kind(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """Return the value where it is of this kind, else null.

    If no value can be, the result has the null type.
    """
    name = kind.typeName()
    if isinstance(value.kind, glue.ChoiceType):
        alternative = dict(ex.alternatives(value)).get(name)
        if alternative is not None:
            return alternative if is_open(kind) else cast(alternative, kind)
    elif value.kind.typeName() == name:
        return value if is_open(kind) else cast(value, kind)
    if not isinstance(value.kind, glue.NullType):
        ex.LOG.warning(
            "a field of type %s has no values of type %s; its values become null", value.kind.typeName(), name
        )
    return ex.null(glue.NullType() if is_open(kind) else kind)


def coalesce(values: list[ex.Value], kind: glue.DataType) -> ex.Value:
    """Return the first value that is not null."""
    if not values:
        return ex.null(kind)
    return values[0] if len(values) == 1 else ex.Value(f"coalesce({_join_sql(values)})", kind)


def castable(source: glue.DataType, target: glue.DataType) -> bool:
    """Return whether ANSI mode can cast one atomic type to another."""
    source_name, target_name = source.typeName(), target.typeName()
    if isinstance(target, (*CONTAINERS, glue.ChoiceType)):
        return False
    names = (source_name, target_name)
    if source_name == target_name or "string" in names or "enum" in names:
        return True
    if source_name in NUMBERS:
        return target_name in NUMBERS or target_name in ("boolean", "timestamp")
    if source_name == "boolean":
        return target_name in NUMBERS
    if source_name in DATES_AND_TIMES:
        return target_name in DATES_AND_TIMES or (source_name == "timestamp" and target_name in NUMBERS)
    return False


def widen(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """Return the value in a type that :func:`glue.merge_types` merged from its type and others."""
    if value.kind == kind:
        return value
    if isinstance(value.kind, glue.NullType):
        return ex.null(kind)
    if isinstance(kind, glue.ChoiceType):
        parts = (
            dict(ex.alternatives(value))
            if isinstance(value.kind, glue.ChoiceType)
            else {value.kind.typeName(): value}
        )
        return ex.choice(
            value,
            [
                (name, widen(parts[name], alternative) if name in parts else ex.null(alternative))
                for name, alternative in kind.choices.items()
            ],
        )
    if isinstance(value.kind, glue.StructType) and isinstance(kind, glue.StructType):
        own_fields = dict(ex.fields(value))
        return ex.struct(
            value,
            [
                (
                    f.name,
                    widen(own_fields[f.name], f.dataType) if f.name in own_fields else ex.null(f.dataType),
                )
                for f in kind
            ],
        )
    if isinstance(value.kind, glue.ArrayType) and isinstance(kind, glue.ArrayType):
        element_type = kind.elementType
        return ex.elements(value, lambda element: widen(element, element_type))
    if isinstance(value.kind, glue.MapType) and isinstance(kind, glue.MapType):
        value_type = kind.valueType
        return ex.entries(value, lambda entry: widen(entry, value_type))
    return cast(value, kind)


def _container(value: ex.Value, kind: glue.DataType) -> ex.Value:
    if isinstance(kind, glue.StringType):
        return ex.Value(f"to_json({value.sql})", kind)
    if isinstance(value.kind, glue.StructType) and isinstance(kind, glue.StructType):
        own_fields = dict(ex.fields(value))
        return ex.struct(
            value,
            [
                (
                    f.name,
                    cast(own_fields[f.name], f.dataType) if f.name in own_fields else ex.null(f.dataType),
                )
                for f in kind
            ],
        )
    if isinstance(value.kind, glue.ArrayType) and isinstance(kind, glue.ArrayType):
        element = kind.elementType
        return ex.elements(value, lambda item: cast(item, element))
    if isinstance(value.kind, glue.MapType) and isinstance(kind, glue.MapType):
        entry = kind.valueType
        return ex.entries(value, lambda item: cast(item, entry))
    return _uncastable(value, kind)


def _uncastable(value: ex.Value, kind: glue.DataType) -> ex.Value:
    ex.LOG.warning(
        "a field of type %s cannot be cast to %s; its values become null",
        value.kind.typeName(),
        kind.typeName(),
    )
    return ex.null(kind)


def _join_sql(values: list[ex.Value]) -> str:
    return ", ".join(value.sql for value in values)
