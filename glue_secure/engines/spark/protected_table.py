"""The table of a frame to which a column policy was applied."""

from __future__ import annotations

from glue_secure.columns.enforcer import ProtectedFrame
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue


def with_protected_data(table: Table, protected: ProtectedFrame) -> Table:
    """Return the table with the protected data. Columns without a decision keep their types, also choices."""
    if not protected.decisions:
        return table
    changed = {decision.column.path[0] for decision in protected.decisions}
    before = {field.name: field for field in table.schema.fields}
    after = Table.of(protected.frame).schema.fields
    fields = [field if field.name in changed else before[field.name] for field in after]
    return table.with_data(protected.frame, glue.StructType(fields))
