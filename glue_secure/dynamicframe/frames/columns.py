"""Fields kept, dropped, renamed, split off; all of them also inside structs, arrays and choices.

Source: "DropFields class", "SelectFields class", "RenameField class", "SplitFields class" and
"DropNullFields class" of the AWS Glue developer guide. A path that the frame does not have changes nothing,
as in Glue; the log says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.paths import Path, find, null_fields, parse, parse_all, show

Tree = dict[str, Any]
"""Names to trees; an empty tree is a whole field."""


def select(table: Table, paths: str | Iterable[str]) -> Table:
    """Only these fields, in the order named; of a nested one the struct round it stays."""
    tree = _tree("select_fields", table, parse_all(paths))
    known = dict(ex.columns(table))
    kept = [
        (name, ex.inside(known[name], _keeping(tree[name])) if tree[name] else known[name]) for name in tree
    ]
    return ex.project(table, [(name, value) for name, value in kept if value is not None])


def drop(table: Table, paths: str | Iterable[str]) -> Table:
    """All but these fields; a struct that loses its last field goes too. Arrays need no brackets."""
    tree = _tree("drop_fields", table, parse_all(paths))
    return ex.project(table, _without(ex.columns(table), tree)) if tree else table


def rename(table: Table, old: str, new: str) -> Table:
    """One field under another name, in its place; under another parent it moves there.

    Raises:
        UsageError: the new name is taken, or the field would move out of or into an array.
    """
    source, target = parse(old), parse(new)
    kind = find(table.schema, source)
    if kind is None:
        ex.missing("rename_field", show(source))
        return table
    if source == target:
        return table
    if find(table.schema, target) is not None:
        raise UsageError(
            "rename_field", found=f"a field {show(target)} already", required="a name that is free"
        )
    if [step.name for step in source[:-1]] == [step.name for step in target[:-1]]:
        return ex.project(table, _renamed(ex.columns(table), source, target[-1].name))
    value = ex.Value(".".join(ex.identifier(step.name) for step in source), kind)
    if not _structs_only(table.schema, source[:-1]):
        raise UsageError(
            "rename_field",
            found=f"{show(source)} to {show(target)}, out of an array",
            required="a new name beside the old one",
        )
    left = _without(ex.columns(table), _tree("rename_field", table, [source]))
    return ex.project(table, place(left, target, value))


def split(table: Table, paths: str | Iterable[str]) -> tuple[Table, Table]:
    """The fields named, and the rest."""
    named = [paths] if isinstance(paths, str) else list(paths)
    return select(table, named), drop(table, named)


def drop_nulls(table: Table) -> Table:
    """Without the fields of the null type, also in structs and arrays of structs; maps are not entered."""
    found = list(null_fields(table.schema))
    return drop(table, found) if found else table


def place(fields: ex.Fields, target: Path, value: ex.Value) -> ex.Fields:
    """The fields with a value put at a path; structs on the way are made.

    Raises:
        UsageError: something else stands at the path or on the way.
    """
    name, rest = target[0].name, target[1:]
    at = next((index for index, (known, _) in enumerate(fields) if known == name), None)
    if at is None:
        return [*fields, (name, ex.make_struct(place([], rest, value)) if rest else value)]
    standing = fields[at][1]
    if not rest or not isinstance(standing.kind, glue.StructType):
        raise UsageError("a target field", found=f"{show(target)} is taken", required="a path that is free")
    changed = ex.make_struct(place(ex.fields(standing), rest, value))
    return [*fields[:at], (name, changed), *fields[at + 1 :]]


def _tree(what: str, table: Table, paths: list[Path]) -> Tree:
    root: Tree = {}
    for path in paths:
        if path[-1].depth:
            raise UsageError(what, found=show(path), required="a field, not the elements of an array")
        if find(table.schema, path) is None:
            ex.missing(what, show(path))
            continue
        tree = root
        for step in path[:-1]:
            if step.name in tree and not tree[step.name]:
                break  # The whole field is named already.
            tree = tree.setdefault(step.name, {})
        else:
            tree[path[-1].name] = {}
    return root


def _keeping(tree: Tree) -> Any:
    def keep(value: ex.Value) -> ex.Value | None:
        kept = []
        for name, part in ex.fields(value):
            if name in tree:
                found = ex.inside(part, _keeping(tree[name])) if tree[name] else part
                if found is not None:
                    kept.append((name, found))
        return ex.struct(value, kept) if kept else None

    return keep


def _without(fields: ex.Fields, tree: Tree) -> ex.Fields:
    kept: ex.Fields = []
    for name, value in fields:
        if name not in tree:
            kept.append((name, value))
        elif tree[name]:
            below = tree[name]

            def cut(part: ex.Value, below: Tree = below) -> ex.Value | None:
                left = _without(ex.fields(part), below)
                return ex.struct(part, left) if left else None

            if (found := ex.inside(value, cut)) is not None:
                kept.append((name, found))
    return kept


def _renamed(fields: ex.Fields, source: Path, new: str) -> ex.Fields:
    changed: ex.Fields = []
    for name, value in fields:
        if name != source[0].name:
            changed.append((name, value))
        elif len(source) == 1:
            changed.append((new, value))
        else:
            found = ex.inside(value, lambda part: ex.struct(part, _renamed(ex.fields(part), source[1:], new)))
            changed.append((name, found or value))
    return changed


def _structs_only(kind: glue.DataType, path: Path) -> bool:
    for step in path:
        if not isinstance(kind, glue.StructType):
            return False
        kind = kind.field_map[step.name].dataType
    return isinstance(kind, glue.StructType)
