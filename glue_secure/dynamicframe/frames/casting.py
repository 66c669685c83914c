"""Values cast to another type. A value that does not cast becomes null, whatever ANSI mode says.

Every cast is ``try_cast``, whose rules are ANSI's in Spark 3.5 and 4.1 alike; pairs of types that ANSI does
not cast at all give null (the log says so).
"""

from __future__ import annotations

from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import is_open

NUMBERS = frozenset({"byte", "short", "int", "long", "float", "double", "decimal"})
MOMENTS = frozenset({"date", "timestamp", "timestamp_ntz"})
CONTAINERS = (glue.ArrayType, glue.MapType, glue.StructType)


def cast(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """The value as another type, null where it does not cast.

    A choice casts whichever alternative is set. A container becomes a text as JSON. An open type
    (``struct``, ``array``, ``map``, ``choice``) keeps the values of that kind.
    """
    if value.kind == kind or kind == glue.ChoiceType():
        return value
    if is_open(kind):
        return keep(value, kind)
    if isinstance(value.kind, glue.ChoiceType):
        return first([cast(part, kind) for _, part in ex.alternatives(value)], kind)
    if isinstance(value.kind, glue.NullType):
        return ex.nothing(kind)
    if isinstance(value.kind, CONTAINERS):
        return _container(value, kind)
    if not castable(value.kind, kind):
        return _never(value, kind)
    return ex.Value(f"try_cast({value.sql} as {ex.sql_type(kind)})", kind)


def keep(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """The value where it is of that kind, else null; a kind the frame has none of is of the null type."""
    name = kind.typeName()
    if isinstance(value.kind, glue.ChoiceType):
        found = dict(ex.alternatives(value)).get(name)
        if found is not None:
            return found if is_open(kind) else cast(found, kind)
    elif value.kind.typeName() == name:
        return value if is_open(kind) else cast(value, kind)
    if not isinstance(value.kind, glue.NullType):
        ex.LOG.warning("a field of type %s holds no %s; its values become null", value.kind.typeName(), name)
    return ex.nothing(glue.NullType() if is_open(kind) else kind)


def first(values: list[ex.Value], kind: glue.DataType) -> ex.Value:
    """The first value that is set."""
    if not values:
        return ex.nothing(kind)
    return values[0] if len(values) == 1 else ex.Value(f"coalesce({_listed(values)})", kind)


def castable(source: glue.DataType, target: glue.DataType) -> bool:
    """Whether ANSI casts any value of one atomic type to the other."""
    one, other = source.typeName(), target.typeName()
    if isinstance(target, (*CONTAINERS, glue.ChoiceType)):
        return False
    if one == other or "string" in (one, other) or "enum" in (one, other):
        return True
    if one in NUMBERS:
        return other in NUMBERS or other in ("boolean", "timestamp")
    if one == "boolean":
        return other in NUMBERS
    if one in MOMENTS:
        return other in MOMENTS or (one == "timestamp" and other in NUMBERS)
    return False


def lift(value: ex.Value, kind: glue.DataType) -> ex.Value:
    """The value in a type that :func:`glue_secure.dynamicframe.types.merging.merge` made of its own and others."""
    if value.kind == kind:
        return value
    if isinstance(value.kind, glue.NullType):
        return ex.nothing(kind)
    if isinstance(kind, glue.ChoiceType):
        parts = (
            dict(ex.alternatives(value))
            if isinstance(value.kind, glue.ChoiceType)
            else {value.kind.typeName(): value}
        )
        return ex.choice(
            value,
            [
                (name, lift(parts[name], kind.choices[name]) if name in parts else ex.nothing(wanted))
                for name, wanted in kind.choices.items()
            ],
        )
    if isinstance(value.kind, glue.StructType) and isinstance(kind, glue.StructType):
        own = dict(ex.fields(value))
        return ex.struct(
            value,
            [
                (f.name, lift(own[f.name], f.dataType) if f.name in own else ex.nothing(f.dataType))
                for f in kind
            ],
        )
    if isinstance(value.kind, glue.ArrayType) and isinstance(kind, glue.ArrayType):
        wanted_element = kind.elementType
        return ex.elements(value, lambda element: lift(element, wanted_element))
    if isinstance(value.kind, glue.MapType) and isinstance(kind, glue.MapType):
        wanted_value = kind.valueType
        return ex.entries(value, lambda entry: lift(entry, wanted_value))
    return cast(value, kind)


def _container(value: ex.Value, kind: glue.DataType) -> ex.Value:
    if isinstance(kind, glue.StringType):
        return ex.Value(f"to_json({value.sql})", kind)
    if isinstance(value.kind, glue.StructType) and isinstance(kind, glue.StructType):
        own = dict(ex.fields(value))
        return ex.struct(
            value,
            [
                (f.name, cast(own[f.name], f.dataType) if f.name in own else ex.nothing(f.dataType))
                for f in kind
            ],
        )
    if isinstance(value.kind, glue.ArrayType) and isinstance(kind, glue.ArrayType):
        element = kind.elementType
        return ex.elements(value, lambda found: cast(found, element))
    if isinstance(value.kind, glue.MapType) and isinstance(kind, glue.MapType):
        entry = kind.valueType
        return ex.entries(value, lambda found: cast(found, entry))
    return _never(value, kind)


def _never(value: ex.Value, kind: glue.DataType) -> ex.Value:
    ex.LOG.warning("no %s casts to %s; its values become null", value.kind.typeName(), kind.typeName())
    return ex.nothing(kind)


def _listed(values: list[ex.Value]) -> str:
    return ", ".join(value.sql for value in values)
