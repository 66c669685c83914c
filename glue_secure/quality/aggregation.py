"""Measuring many plans over a frame at once: one aggregation, and counts of groups where rules need them.

All rules of uniqueness are one Spark job, and all that count different values another. Only counts and
aggregates come to the driver, never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
            _distinct(*_alone(frame, group))
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
    for plan in plans:  # what two plans share Spark computes once; texts of columns do not tell 1 from "1"
        places.append({name: len(columns) + at for at, name in enumerate(plan.aggregates)})
        columns += [
            column.alias(f"m{len(columns) + at}") for at, column in enumerate(plan.aggregates.values())
        ]
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
    kinds = {plan.group.unique for plan in plans if plan.group is not None}
    return any(plan.aggregates for plan in plans) + len(kinds)


def count(frame: Any, groups: Sequence[Group]) -> list[Counted]:
    """Count each group: those that ask for shared rows in one shuffle, those for combinations in another."""
    unique, others = [one for one in groups if one.unique], [one for one in groups if not one.unique]
    counted = dict(zip(unique, _counts(_shared, frame, unique), strict=True))
    found = {group: Counted(shared=number) for group, number in counted.items()}
    distinct = dict(zip(others, _counts(_distinct, frame, others), strict=True))
    found |= {group: Counted(distinct=number) for group, number in distinct.items()}
    return [found[group] for group in groups]


def _counts(how: Callable[[Any, Sequence[str]], Any], frame: Any, groups: Sequence[Group]) -> list[int]:
    """One number for each group, in one job."""
    if not groups:
        return []
    rows, keys = _alone(frame, groups[0]) if len(groups) == 1 else _together(frame, groups)
    by_group = {int(row["g"]): int(row["number"] or 0) for row in how(rows, keys).collect()}
    return [by_group.get(at, 0) for at in range(len(groups))]


def _distinct(rows: Any, keys: Sequence[str]) -> Any:
    """How many combinations each group has: few as a rule, so that each side adds up its own first."""
    from pyspark.sql import functions as F

    return rows.groupBy("g", *keys).agg(F.lit(1)).groupBy("g").agg(F.count(F.lit(1)).alias("number"))


def _shared(rows: Any, keys: Sequence[str]) -> Any:
    """How many rows share their combination: nearly as many as rows, so that they are sorted, not added up.

    Half the time of a hash aggregation where every key is another (bench/quality.py).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = rows.withColumn("n", F.count(F.lit(1)).over(Window.partitionBy("g", *keys)))
    return counted.where(F.col("n") > 1).groupBy("g").agg(F.count(F.lit(1)).alias("number"))


def _alone(frame: Any, group: Group) -> tuple[Any, list[str]]:
    """The rows of one group as ``g`` and its keys."""
    from pyspark.sql import functions as F

    rows = frame if group.where is None else frame.where(group.where)
    keys = [f"k{at}" for at in range(len(group.columns))]
    held = [quoted(name).alias(key) for name, key in zip(group.columns, keys, strict=True)]
    return rows.select(F.lit(0).alias("g"), *held), keys


def _together(frame: Any, groups: Sequence[Group]) -> tuple[Any, list[str]]:
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
    keys = [f"k{place}" for place in range(len(slots))]
    return rows.select(*(F.col(f"e.{name}").alias(name) for name in ("g", *keys))), keys
