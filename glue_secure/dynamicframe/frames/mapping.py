"""``apply_mapping``: the result has the fields that are mapped, and no others.

Source: "ApplyMapping class" and "AWS Glue Scala DynamicFrame class" (applyMapping) of the AWS Glue developer
guide: dots nest and unnest, backticks hold a name with dots, fields under arrays cannot be mapped.
"""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import expressions as ex
from glue_secure.dynamicframe.frames.casting import cast
from glue_secure.dynamicframe.frames.columns import place
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.mapping_specs import parse_mappings
from glue_secure.dynamicframe.types.paths import Path, quote, show


def apply(table: Table, mappings: Any, case_sensitive: bool = False) -> Table:
    """The mapped fields, renamed, nested, unnested and cast.

    A value that does not cast becomes null. A source that the frame does not have gives no field, as in
    Glue; the log names it.

    Args:
        table: the frame.
        mappings: one tuple or a list of them, see
            :func:`~glue_secure.dynamicframe.types.mapping_specs.parse_mappings`.
        case_sensitive: whether the names of sources must match in case too.

    Raises:
        UsageError: a mapping of another form, an unknown type, a source under an array, a target named twice.
    """
    fields: ex.Fields = []
    for mapping in parse_mappings(mappings):
        value = _source(ex.columns(table), mapping.source, case_sensitive, show(mapping.source))
        if value is None:
            ex.missing("apply_mapping", show(mapping.source))
            continue
        if any(step.depth for step in mapping.target):
            raise UsageError("apply_mapping", found=show(mapping.target), required="a target without []")
        mapped = value if mapping.kind is None else cast(value, mapping.kind)
        fields = place(fields, mapping.target, mapped)
    return ex.project(table, fields)


def _source(fields: ex.Fields, path: Path, case_sensitive: bool, whole: str) -> ex.Value | None:
    value = _named(fields, path[0].name, case_sensitive)
    if value is None:
        return None
    if path[0].depth:
        raise _under_array(whole)
    if len(path) == 1:
        return value
    if isinstance(value.kind, glue.ChoiceType) and "struct" in value.kind.choices:
        value = dict(ex.alternatives(value))["struct"]
    if isinstance(value.kind, glue.ArrayType):
        raise _under_array(whole)
    if not isinstance(value.kind, glue.StructType):
        return None
    return _source(ex.fields(value), path[1:], case_sensitive, whole)


def _named(fields: ex.Fields, name: str, case_sensitive: bool) -> ex.Value | None:
    exact = dict(fields).get(name)
    if exact is not None or case_sensitive:
        return exact
    near = [(known, value) for known, value in fields if known.lower() == name.lower()]
    if len(near) > 1:
        raise UsageError(
            "apply_mapping",
            found=f"{quote(name)} means any of {', '.join(known for known, _ in near)}",
            required="one field",
            fix="write the name as the frame has it, or case_sensitive=True",
        )
    return near[0][1] if near else None


def _under_array(path: str) -> UsageError:
    return UsageError(
        "apply_mapping",
        found=f"the source {path} under an array",
        required="fields of structs; Glue cannot map columns nested under arrays",
        fix="relationalize the frame first, or map the whole array",
    )
