"""``apply_mapping``.

Source: "ApplyMapping class" and "AWS Glue Scala DynamicFrame class" (applyMapping) of the AWS Glue developer
guide: dots nest and unnest, backticks quote a name with dots, fields inside arrays cannot be mapped.
"""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import cast
from glue_secure.dynamicframe.frames.columns import insert
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import parse_mappings
from glue_secure.dynamicframe.types.paths import Path, format_path, quote


def apply(table: Table, mappings: Any, case_sensitive: bool = False) -> Table:
    """Return the mapped fields, renamed, nested, unnested and cast. Other fields are dropped.

    A value that cannot be cast becomes null. As in Glue, a mapping whose source does not exist is ignored; a
    warning is logged.

    Args:
        table: the frame.
        mappings: one tuple or a list of them, see
            :func:`~glue_secure.dynamicframe.types.mapping_specs.parse_mappings`.
        case_sensitive: whether the names of source fields must match in case.

    Raises:
        UsageError: a mapping has another form, an unknown type, a source inside an array or a duplicate
            target.
    """
    fields: ex.Fields = []
    for mapping in parse_mappings(mappings):
        value = _source(ex.columns(table), mapping.source, case_sensitive, format_path(mapping.source))
        if value is None:
            ex.warn_missing("apply_mapping", format_path(mapping.source))
            continue
        if any(step.depth for step in mapping.target):
            raise UsageError(
                "apply_mapping", found=format_path(mapping.target), required="a target without []"
            )
        mapped = value if mapping.kind is None else cast(value, mapping.kind)
        fields = insert(fields, mapping.target, mapped)
    return ex.project(table, fields)


def _source(fields: ex.Fields, path: Path, case_sensitive: bool, full_path: str) -> ex.Value | None:
    value = _named(fields, path[0].name, case_sensitive)
    if value is None:
        return None
    if path[0].depth:
        raise _inside_array(full_path)
    if len(path) == 1:
        return value
    if isinstance(value.kind, glue.ChoiceType) and "struct" in value.kind.choices:
        value = dict(ex.alternatives(value))["struct"]
    if isinstance(value.kind, glue.ArrayType):
        raise _inside_array(full_path)
    if not isinstance(value.kind, glue.StructType):
        return None
    return _source(ex.fields(value), path[1:], case_sensitive, full_path)


def _named(fields: ex.Fields, name: str, case_sensitive: bool) -> ex.Value | None:
    exact = dict(fields).get(name)
    if exact is not None or case_sensitive:
        return exact
    matches = [(known, value) for known, value in fields if known.lower() == name.lower()]
    if len(matches) > 1:
        raise UsageError(
            "apply_mapping",
            found=f"{quote(name)}, which matches {', '.join(known for known, _ in matches)}",
            required="one matching field",
            fix="set case_sensitive=True and write the name as in the frame's schema",
        )
    return matches[0][1] if matches else None


def _inside_array(path: str) -> UsageError:
    return UsageError(
        "apply_mapping",
        found=f"the source {path} inside an array",
        required="fields of structs; Glue cannot map columns nested in arrays",
        fix="relationalize the frame first, or map the whole array",
    )
