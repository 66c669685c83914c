"""The columns in which the objects of one read differ, for the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_NAMED = 50
"""Columns of a read that the evidence names; it counts the others."""


def merged_columns(
    objects: Sequence[Mapping[str, str]], *, total: int = 0, is_complete: bool = True
) -> tuple[str, ...]:
    """Return a text for each column that not all objects have, or that has several types.

    The texts are ``name (in 2 of 3 objects)`` and ``name (bigint, string)``, in the order in which the
    columns appear. Names are compared without their case, as Spark does. The result is empty if the objects
    have the same columns.

    Args:
        objects: the type of each column by its name, one mapping for each object; ``""`` for a column without
            values.
        total: number of objects of the read; more than ``objects`` if not all were compared.
        is_complete: whether the mappings have every column of the objects. If not, only types are compared.
    """
    seen: dict[str, tuple[str, list[str], int]] = {}
    for columns in objects:
        for name, type in columns.items():
            first, types, count = seen.get(name.lower(), (name, [], 0))
            is_new = type not in ("", *types)
            seen[name.lower()] = (first, [*types, type] if is_new else types, count + 1)
    texts = []
    for name, types, count in seen.values():
        facts = [", ".join(sorted(types))] if len(types) > 1 else []
        if is_complete and count < len(objects):
            facts.append(f"in {count} of {len(objects)} objects")
        if facts:
            texts.append(f"{name} ({'; '.join(facts)})")
    if len(texts) > MOST_NAMED:
        texts[MOST_NAMED:] = [f"{len(texts) - MOST_NAMED} more columns"]
    if total > len(objects) > 1:
        texts.append(f"{total - len(objects)} of {total} objects were not compared")
    return tuple(texts)
