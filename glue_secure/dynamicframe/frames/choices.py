"""Choices resolved: ``resolveChoice`` and the options of ``toDF``.

Source: "DynamicFrame class" (resolveChoice, toDF), "ResolveChoice class" and "AWS Glue Scala DynamicFrame
class" of the AWS Glue developer guide. ``project`` keeps the values of the named type only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import cast, keep
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import (
    Action,
    is_open,
    parse_action,
    parse_specs,
    parse_type,
)
from glue_secure.dynamicframe.types.paths import Path, find, parse, show


def resolve(table: Table, specs: Any, choice: str = "", catalog: glue.StructType | None = None) -> Table:
    """The frame without the choices that are resolved.

    Args:
        table: the frame.
        specs: one (path, action) or a list of them, done one after the other; or None.
        choice: one action for every choice of the frame; or empty.
        catalog: the catalog table's fields, for ``match_catalog``.

    Raises:
        UsageError: both or neither of specs and choice, an unknown action or type, ``make_cols`` of an
            array's elements, ``match_catalog`` without a table, or a new column whose name is taken.
    """
    if (choice and specs) or (not choice and specs is None):
        raise UsageError(
            "resolveChoice",
            found="both specs and choice" if choice else "neither specs nor choice",
            required="one of specs and choice",
        )
    if choice:
        action = parse_action(choice, whole=True)
        if action.name == "match_catalog" and catalog is None:
            raise UsageError("resolveChoice", found="match_catalog alone", required="database and table_name")
        return ex.project(table, _all(ex.columns(table), action, catalog))
    for path, action in parse_specs(specs):
        if find(table.schema, path) is None:
            ex.missing("resolveChoice", show(path))
        else:
            table = ex.project(table, _fields(ex.columns(table), path, action))
    return table


def to_dataframe(table: Table, options: Iterable[Any] | None = None) -> Any:
    """The DataFrame; a choice without an option stays a struct of its alternatives, as in Glue.

    Args:
        table: the frame.
        options: ``ResolveOption`` values: whatever has a path, an action and a target.

    Raises:
        UsageError: an unknown action, or ``Project`` or ``Cast`` without a target.
    """
    for option in options or ():
        action = _option(option)
        path = parse(option.path)
        if find(table.schema, path) is None:
            ex.missing("toDF", show(path))
        else:
            table = ex.project(table, _fields(ex.columns(table), path, action))
    return table.data


def _option(option: Any) -> Action:
    name = str(getattr(option, "action", option)).lower()
    if name not in ("project", "cast", "keepasstruct") or not hasattr(option, "path"):
        raise UsageError(
            "toDF",
            found=repr(getattr(option, "action", option)),
            required="a ResolveOption whose action is Project, Cast or KeepAsStruct",
        )
    if name == "keepasstruct":
        return Action("make_struct")
    if option.target is None:
        raise UsageError("toDF", found=f"{option.action} alone", required="its target type")
    if isinstance(option.target, glue.DataType):
        return Action(name, option.target)
    return Action(name, parse_type(option.target.simpleString()))


def _fields(fields: ex.Fields, path: Path, action: Action) -> ex.Fields:
    """The fields of one struct, with what stands at the path resolved."""
    found: ex.Fields = []
    for name, value in fields:
        if name == path[0].name:
            found += _field(name, value, path[0].depth, path[1:], action)
        else:
            found.append((name, value))
    return found


def _field(name: str, value: ex.Value, depth: int, rest: Path, action: Action) -> ex.Fields:
    kind = value.kind
    element_choice = isinstance(kind, glue.ArrayType) and isinstance(kind.elementType, glue.ChoiceType)
    if not depth and not rest and not element_choice:
        return _resolved(name, value, action)
    if isinstance(kind, glue.ArrayType):
        below = max(depth - 1, 0)
        return [
            (name, ex.elements(value, lambda part: _one(_field(name, part, below, rest, action), action)))
        ]
    if isinstance(kind, glue.ChoiceType):
        wanted = ("array",) if depth else ("struct", "array")
        parts = [
            (alternative, _one(_field(alternative, part, depth, rest, action), action))
            if alternative in wanted
            else (alternative, part)
            for alternative, part in ex.alternatives(value)
        ]
        return [(name, ex.choice(value, parts))]
    if isinstance(kind, glue.StructType) and rest:
        return [(name, ex.struct(value, _fields(ex.fields(value), rest, action)))]
    return [(name, value)]


def _resolved(name: str, value: ex.Value, action: Action) -> ex.Fields:
    if action.name == "cast" and action.kind is not None:
        return [(name, cast(value, action.kind))]
    if action.name == "project" and action.kind is not None:
        return [(name, keep(value, action.kind))]
    if not isinstance(value.kind, glue.ChoiceType):
        return [(name, value)]
    if action.name == "make_cols":
        return [(f"{name}_{alternative}", part) for alternative, part in ex.alternatives(value)]
    parts = [glue.Field(alternative, part.kind) for alternative, part in ex.alternatives(value)]
    return [(name, ex.Value(value.sql, glue.StructType(parts)))]


def _all(fields: ex.Fields, action: Action, catalog: glue.DataType | None) -> ex.Fields:
    found: ex.Fields = []
    for name, value in fields:
        found += _every(name, value, action, _catalog_field(catalog, name))
    return found


def _every(name: str, value: ex.Value, action: Action, catalog: glue.DataType | None) -> ex.Fields:
    """One field with every choice in it resolved, from the outside in."""
    kind = value.kind
    if not glue.has_choice(kind):
        return [(name, value)]
    if isinstance(kind, glue.ChoiceType):
        if action.name == "match_catalog":
            if catalog is None or isinstance(catalog, glue.UnknownType):
                ex.LOG.warning("match_catalog: the catalog's table has no field %s; it stays a choice", name)
                return [(name, value)]
            return [(name, cast(value, catalog) if not is_open(catalog) else keep(value, catalog))]
        return [
            inner
            for outer, part in _resolved(name, value, action)
            for inner in _every(outer, part, action, catalog)
        ]
    if isinstance(kind, glue.StructType):
        return [(name, ex.struct(value, _all(ex.fields(value), action, catalog)))]
    if isinstance(kind, glue.ArrayType):
        inside = catalog.elementType if isinstance(catalog, glue.ArrayType) else None
        return [(name, ex.elements(value, lambda part: _one(_every(name, part, action, inside), action)))]
    entry = catalog.valueType if isinstance(catalog, glue.MapType) else None
    return [(name, ex.entries(value, lambda part: _one(_every(name, part, action, entry), action)))]


def _one(found: ex.Fields, action: Action) -> ex.Value:
    if len(found) != 1 or (action.name == "make_cols" and not found):
        raise UsageError(
            "resolveChoice",
            found="make_cols for the elements of an array or the values of a map",
            required="an action that gives one value",
            fix='name that path in specs: ("items[]", "make_struct") or ("items[]", "cast:<type>")',
        )
    return found[0][1]


def _catalog_field(catalog: glue.DataType | None, name: str) -> glue.DataType | None:
    """The catalog's type of a field; the catalog has its names in lower case."""
    if not isinstance(catalog, glue.StructType):
        return None
    by_name = {field.name.lower(): field.dataType for field in catalog}
    return by_name.get(name.lower())
