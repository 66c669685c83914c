"""Selection, removal and renaming of fields, including fields inside structs, arrays and choices.

Source: "DropFields class", "SelectFields class", "RenameField class", "SplitFields class" and
"DropNullFields class" of the AWS Glue developer guide. As in Glue, a path that does
not exist is ignored; a warning is logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.paths import Path, find, format_path, parse, parse_all

Tree = dict[str, Any]
"""Field name → tree of nested fields; an empty tree stands for the whole field."""


def select(table: Table, paths: str | Iterable[str]) -> Table:
    """Return only these fields, in the given order. A nested field remains in its struct."""
    tree = _tree("select_fields", table, parse_all(paths))
    known = dict(ex.columns(table))
    selected = [
        (name, ex.change_struct(known[name], _selector(tree[name])) if tree[name] else known[name])
        for name in tree
    ]
    return ex.project(table, [(name, value) for name, value in selected if value is not None])


def drop(table: Table, paths: str | Iterable[str]) -> Table:
    """Return the table without these fields. A struct without remaining fields is removed as well."""
    tree = _tree("drop_fields", table, parse_all(paths))
    return ex.project(table, _without(ex.columns(table), tree)) if tree else table


def rename(table: Table, old: str, new: str) -> Table:
    """Return the table with one field renamed in place, or moved if the new path has another parent.

    Raises:
        UsageError: the new path exists already, or the field would move out of or into an array.
    """
    source, target = parse(old), parse(new)
    kind = find(table.schema, source)
    if kind is None:
        ex.warn_missing("rename_field", format_path(source))
        return table
    if source == target:
        return table
    if find(table.schema, target) is not None:
        raise UsageError(
            "rename_field", found=f"an existing field {format_path(target)}", required="an unused name"
        )
    if [step.name for step in source[:-1]] == [step.name for step in target[:-1]]:
        return ex.project(table, _renamed(ex.columns(table), source, target[-1].name))
    value = ex.Value(".".join(ex.identifier(step.name) for step in source), kind)
    if not _structs_only(table.schema, source[:-1]):
        raise UsageError(
            "rename_field",
            found=f"{format_path(source)} to {format_path(target)}, out of an array",
            required="a new name with the same parent",
        )
    others = _without(ex.columns(table), _tree("rename_field", table, [source]))
    return ex.project(table, insert(others, target, value))


def split(table: Table, paths: str | Iterable[str]) -> tuple[Table, Table]:
    """Return a table with these fields and a table with all others."""
    path_list = [paths] if isinstance(paths, str) else list(paths)
    return select(table, path_list), drop(table, path_list)


def insert(fields: ex.Fields, target: Path, value: ex.Value) -> ex.Fields:
    """Return the fields with a value inserted at a path. Missing structs are created.

    Raises:
        UsageError: the path exists already, or a part of it is not a struct.
    """
    name, nested = target[0].name, target[1:]
    at = next((index for index, (known, _) in enumerate(fields) if known == name), None)
    if at is None:
        return [*fields, (name, ex.make_struct(insert([], nested, value)) if nested else value)]
    existing = fields[at][1]
    if not nested or not isinstance(existing.kind, glue.StructType):
        raise UsageError(
            "a target field", found=f"an existing field {format_path(target)}", required="an unused path"
        )
    changed = ex.make_struct(insert(ex.fields(existing), nested, value))
    return [*fields[:at], (name, changed), *fields[at + 1 :]]


def _tree(operation: str, table: Table, paths: list[Path]) -> Tree:
    root: Tree = {}
    for path in paths:
        if path[-1].depth:
            raise UsageError(
                operation, found=format_path(path), required="a field, not the elements of an array"
            )
        if find(table.schema, path) is None:
            ex.warn_missing(operation, format_path(path))
            continue
        tree = root
        for step in path[:-1]:
            if step.name in tree and not tree[step.name]:
                break  # the whole field is in the tree already
            tree = tree.setdefault(step.name, {})
        else:
            tree[path[-1].name] = {}
    return root


def _selector(tree: Tree) -> Callable[[ex.Value], ex.Value | None]:
    """Return a function that reduces a struct to the fields of a tree, or to None if it has none of them."""

    def select_fields(value: ex.Value) -> ex.Value | None:
        selected = []
        for name, part in ex.fields(value):
            if name in tree:
                reduced = ex.change_struct(part, _selector(tree[name])) if tree[name] else part
                if reduced is not None:
                    selected.append((name, reduced))
        return ex.struct(value, selected) if selected else None

    return select_fields


def _without(fields: ex.Fields, tree: Tree) -> ex.Fields:
    remaining: ex.Fields = []
    for name, value in fields:
        if name not in tree:
            remaining.append((name, value))
        elif tree[name]:

            def drop_nested(part: ex.Value, nested: Tree = tree[name]) -> ex.Value | None:
                nested_fields = _without(ex.fields(part), nested)
                return ex.struct(part, nested_fields) if nested_fields else None

            if (reduced := ex.change_struct(value, drop_nested)) is not None:
                remaining.append((name, reduced))
    return remaining


def _renamed(fields: ex.Fields, source: Path, new: str) -> ex.Fields:
    changed: ex.Fields = []
    for name, value in fields:
        if name != source[0].name:
            changed.append((name, value))
        elif len(source) == 1:
            changed.append((new, value))
        else:
            renamed = ex.change_struct(
                value, lambda part: ex.struct(part, _renamed(ex.fields(part), source[1:], new))
            )
            changed.append((name, renamed or value))
    return changed


def _structs_only(kind: glue.DataType, path: Path) -> bool:
    for step in path:
        if not isinstance(kind, glue.StructType):
            return False
        kind = kind.field_map[step.name].dataType
    return isinstance(kind, glue.StructType)
