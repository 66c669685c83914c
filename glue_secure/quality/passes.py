"""Measuring many plans over a frame at once: one aggregation, and one count of groups where rules need it.

Each is one Spark job. Only counts and aggregates come to the driver, never a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glue_secure.quality.conditions import quoted
from glue_secure.quality.plans import Counted, Group, Plan, Values


def analysed(frame: Any, plans: Sequence[Plan | None]) -> list[Plan | None]:
    """The plans whose columns Spark takes; a mismatch of types shows here, without a job."""
    made = [plan for plan in plans if plan is not None]
    if _is_taken(frame, made):
        return list(plans)
    return [plan if plan is not None and _is_taken(frame, [plan]) else None for plan in plans]


def _is_taken(frame: Any, plans: Sequence[Plan]) -> bool:
    columns = [column for plan in plans for column in plan.aggregates.values()]
    try:
        if columns:
            frame.agg(*columns)
        for group in dict.fromkeys(plan.group for plan in plans if plan.group is not None):
            _grouped_alone(frame, group)
    except Exception:
        return False
    return True


def measure(frame: Any, plans: Sequence[Plan]) -> list[Values]:
    """The metrics of each plan.

    Args:
        frame: the DataFrame.
        plans: plans that were :func:`analysed`.

    Returns:
        Metric name → value for each plan, in order.
    """
    columns: list[Any] = []
    places: list[dict[str, int]] = []
    known: dict[str, int] = {}
    for plan in plans:
        own = {}
        for name, column in plan.aggregates.items():
            text = str(column._jc.toString())
            if text not in known:
                known[text] = len(columns)
                columns.append(column.alias(f"m{len(columns)}"))
            own[name] = known[text]
        places.append(own)
    row = frame.agg(*columns).first() if columns else ()
    groups = list(dict.fromkeys(plan.group for plan in plans if plan.group is not None))
    counted = dict(zip(groups, count(frame, groups), strict=True))
    found = []
    for plan, own in zip(plans, places, strict=True):
        values = {name: row[place] for name, place in own.items()}
        found.append(plan.finish(values, counted[plan.group] if plan.group is not None else None))
    return found


def passes(plans: Sequence[Plan]) -> int:
    """How many jobs :func:`measure` runs."""
    return any(plan.aggregates for plan in plans) + any(plan.group is not None for plan in plans)


def count(frame: Any, groups: Sequence[Group]) -> list[Counted]:
    """Count each group's combinations, all of them in one shuffle."""
    if not groups:
        return []
    if len(groups) == 1:
        rows = _grouped_alone(frame, groups[0]).collect()
        return [Counted(int(rows[0]["distinct"]), int(rows[0]["shared"] or 0))]
    by_group = {int(row["g"]): row for row in _grouped_together(frame, groups).collect()}
    return [
        Counted(int(by_group[at]["distinct"]), int(by_group[at]["shared"] or 0))
        if at in by_group
        else Counted(0, 0)
        for at in range(len(groups))
    ]


def _totals() -> tuple[Any, Any]:
    from pyspark.sql import functions as F

    distinct = F.count(F.lit(1)).alias("distinct")
    return distinct, F.sum(F.when(F.col("n") > 1, F.col("n"))).alias("shared")


def _grouped_alone(frame: Any, group: Group) -> Any:
    from pyspark.sql import functions as F

    rows = frame if group.where is None else frame.where(group.where)
    keys = [quoted(name).alias(f"k{at}") for at, name in enumerate(group.columns)]
    by = [f"k{at}" for at in range(len(keys))]
    return rows.select(*keys).groupBy(*by).agg(F.count(F.lit(1)).alias("n")).agg(*_totals())


def _grouped_together(frame: Any, groups: Sequence[Group]) -> Any:
    """Each row once for each group, with that group's columns alone: what GROUPING SETS would expand to."""
    from pyspark.sql import functions as F

    types = {each.name: each.dataType for each in frame.schema.fields}
    slots = [(at, name) for at, group in enumerate(groups) for name in group.columns]
    made = []
    for at, group in enumerate(groups):
        fields = [F.lit(at).alias("g")]
        for place, (owner, name) in enumerate(slots):
            held = quoted(name) if owner == at else F.lit(None).cast(types[name])
            fields.append(held.alias(f"k{place}"))
        one = F.struct(*fields)
        made.append(one if group.where is None else F.when(group.where, one))
    rows = frame.select(F.explode(F.array(*made)).alias("e")).where(F.col("e").isNotNull())
    by = ["g", *(f"k{place}" for place in range(len(slots)))]
    keyed = rows.select(*(F.col(f"e.{name}").alias(name) for name in by))
    return keyed.groupBy(*by).agg(F.count(F.lit(1)).alias("n")).groupBy("g").agg(*_totals())
