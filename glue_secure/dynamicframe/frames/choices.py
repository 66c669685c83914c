"""``resolveChoice`` and the options of ``toDF``.

Source: "DynamicFrame class" (resolveChoice, toDF), "ResolveChoice class" and "AWS Glue Scala DynamicFrame
class" of the AWS Glue developer guide. ``project`` selects the values of one type; other values become null.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import cast, select_kind
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import (
    ResolveAction,
    is_open,
    parse_action,
    parse_specs,
    parse_type,
)
from glue_secure.dynamicframe.types.paths import Path, find, format_path, parse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def resolve(table: Table, specs: Any, choice: str = "", catalog: glue.StructType | None = None) -> Table:
    """Return the table with choices resolved.

    Args:
        table: the frame.
        specs: one (path, action) or a list of them, applied in order; or None.
        choice: one action for all choices of the frame, or ``""``.
        catalog: the schema of the Data Catalog table, for ``match_catalog``.

    Raises:
        UsageError: both or neither of specs and choice are set, an action or type is unknown, ``make_cols``
            applies to the elements of an array, ``match_catalog`` has no table, or a new column exists
            already.
    """
    if (choice and specs) or (not choice and specs is None):
        raise UsageError(
            "resolveChoice",
            found="both specs and choice" if choice else "neither specs nor choice",
            required="either specs or choice",
        )
    if choice:
        action = parse_action(choice, whole=True)
        if action.name == "match_catalog" and catalog is None:
            raise UsageError(
                "resolveChoice", found="match_catalog without a table", required="database and table_name"
            )
        return ex.project(table, _resolve_all(ex.columns(table), action, catalog))
    for path, action in parse_specs(specs):
        if find(table.schema, path) is None:
            ex.warn_missing("resolveChoice", format_path(path))
        else:
            table = ex.project(table, _resolve_at(ex.columns(table), path, action))
    return table


def to_dataframe(table: Table, options: Iterable[Any] | None = None) -> DataFrame:
    """Return the DataFrame. As in Glue, a choice without an option remains a struct of its alternatives.

    Args:
        table: the frame.
        options: ``ResolveOption`` values, with the attributes ``path``, ``action`` and ``target``.

    Raises:
        UsageError: an action is unknown, or ``Project`` or ``Cast`` has no target.
    """
    for option in options or ():
        action = _option(option)
        path = parse(option.path)
        if find(table.schema, path) is None:
            ex.warn_missing("toDF", format_path(path))
        else:
            table = ex.project(table, _resolve_at(ex.columns(table), path, action))
    return table.data


def _option(option: Any) -> ResolveAction:
    name = str(getattr(option, "action", option)).lower()
    if name not in ("project", "cast", "keepasstruct") or not hasattr(option, "path"):
        raise UsageError(
            "toDF",
            found=repr(getattr(option, "action", option)),
            required="a ResolveOption whose action is Project, Cast or KeepAsStruct",
        )
    if name == "keepasstruct":
        return ResolveAction("make_struct")
    if option.target is None:
        raise UsageError("toDF", found=f"{option.action} without a target", required="the target type")
    if isinstance(option.target, glue.DataType):
        return ResolveAction(name, option.target)
    return ResolveAction(name, parse_type(option.target.simpleString()))


def _resolve_at(fields: ex.Fields, path: Path, action: ResolveAction) -> ex.Fields:
    """Return the fields of one struct with the choice at the path resolved."""
    resolved: ex.Fields = []
    for name, value in fields:
        if name == path[0].name:
            resolved += _resolve_field(name, value, path[0].depth, path[1:], action)
        else:
            resolved.append((name, value))
    return resolved


def _resolve_field(name: str, value: ex.Value, depth: int, path: Path, action: ResolveAction) -> ex.Fields:
    kind = value.kind
    element_choice = isinstance(kind, glue.ArrayType) and isinstance(kind.elementType, glue.ChoiceType)
    if not depth and not path and not element_choice:
        return _apply(name, value, action)
    if isinstance(kind, glue.ArrayType):
        element_depth = max(depth - 1, 0)

        def resolve_element(part: ex.Value) -> ex.Value:
            return _single(_resolve_field(name, part, element_depth, path, action), action)

        return [(name, ex.elements(value, resolve_element))]
    if isinstance(kind, glue.ChoiceType):
        names = ("array",) if depth else ("struct", "array")
        parts = [
            (alternative, _single(_resolve_field(alternative, part, depth, path, action), action))
            if alternative in names
            else (alternative, part)
            for alternative, part in ex.alternatives(value)
        ]
        return [(name, ex.choice(value, parts))]
    if isinstance(kind, glue.StructType) and path:
        return [(name, ex.struct(value, _resolve_at(ex.fields(value), path, action)))]
    return [(name, value)]


def _apply(name: str, value: ex.Value, action: ResolveAction) -> ex.Fields:
    if action.name == "cast" and action.kind is not None:
        return [(name, cast(value, action.kind))]
    if action.name == "project" and action.kind is not None:
        return [(name, select_kind(value, action.kind))]
    if not isinstance(value.kind, glue.ChoiceType):
        return [(name, value)]
    if action.name == "make_cols":
        return [(f"{name}_{alternative}", part) for alternative, part in ex.alternatives(value)]
    parts = [glue.Field(alternative, part.kind) for alternative, part in ex.alternatives(value)]
    return [(name, ex.Value(value.sql, glue.StructType(parts)))]


def _resolve_all(fields: ex.Fields, action: ResolveAction, catalog: glue.DataType | None) -> ex.Fields:
    resolved: ex.Fields = []
    for name, value in fields:
        resolved += _resolve_nested(name, value, action, _catalog_field(catalog, name))
    return resolved


def _resolve_nested(
    name: str, value: ex.Value, action: ResolveAction, catalog: glue.DataType | None
) -> ex.Fields:
    """Return one field with all choices in it resolved, the outermost first."""
    kind = value.kind
    if not glue.has_choice(kind):
        return [(name, value)]
    if isinstance(kind, glue.ChoiceType):
        if action.name == "match_catalog":
            if catalog is None or isinstance(catalog, glue.UnknownType):
                ex.LOG.warning(
                    "match_catalog: the table in the Data Catalog has no field %s; it remains a choice",
                    name,
                )
                return [(name, value)]
            return [(name, cast(value, catalog) if not is_open(catalog) else select_kind(value, catalog))]
        return [
            inner
            for outer, part in _apply(name, value, action)
            for inner in _resolve_nested(outer, part, action, catalog)
        ]
    if isinstance(kind, glue.StructType):
        return [(name, ex.struct(value, _resolve_all(ex.fields(value), action, catalog)))]
    if isinstance(kind, glue.ArrayType):
        inside = catalog.elementType if isinstance(catalog, glue.ArrayType) else None
        return [
            (
                name,
                ex.elements(value, lambda part: _single(_resolve_nested(name, part, action, inside), action)),
            )
        ]
    entry = catalog.valueType if isinstance(catalog, glue.MapType) else None
    return [
        (name, ex.entries(value, lambda part: _single(_resolve_nested(name, part, action, entry), action)))
    ]


def _single(fields: ex.Fields, action: ResolveAction) -> ex.Value:
    if len(fields) != 1 or (action.name == "make_cols" and not fields):
        raise UsageError(
            "resolveChoice",
            found="make_cols for the elements of an array or the values of a map",
            required="an action with one result",
            fix='use specs for that path: ("items[]", "make_struct") or ("items[]", "cast:<type>")',
        )
    return fields[0][1]


def _catalog_field(catalog: glue.DataType | None, name: str) -> glue.DataType | None:
    """Return the catalog's type of a field, ignoring case, because catalog names are lower case."""
    if not isinstance(catalog, glue.StructType):
        return None
    by_name = {field.name.lower(): field.dataType for field in catalog}
    return by_name.get(name.lower())
