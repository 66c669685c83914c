"""Measurement of many plans at once: one aggregation, and at most two jobs that count groups.

One Spark job counts the groups of all uniqueness rules, another the groups of all rules about distinct
values. Only counts and aggregates reach the driver, never a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from glue_secure.quality.conditions import quoted
from glue_secure.quality.plans import CheckPlan, CountMetrics, Group, Values

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def resolvable(frame: DataFrame, plans: Sequence[CheckPlan | None]) -> list[CheckPlan | None]:
    """Return the plans, with None for each whose columns Spark cannot resolve, such as with wrong types.

    Spark only analyzes the expressions; no job runs.
    """
    if _resolves(frame, [plan for plan in plans if plan is not None]):
        return list(plans)
    return [plan if plan is not None and _resolves(frame, [plan]) else None for plan in plans]


def _resolves(frame: DataFrame, plans: Sequence[CheckPlan]) -> bool:
    columns = [column for plan in plans for column in plan.aggregates.values()]
    try:
        if columns:
            frame.agg(*columns)
        for group in dict.fromkeys(plan.group for plan in plans if plan.group is not None):
            _count_distinct(*_rows_of_one(frame, group))
    except Exception:
        return False
    return True


def measure(frame: DataFrame, plans: Sequence[CheckPlan]) -> list[Values]:
    """Return the metrics of each plan.

    Args:
        frame: the DataFrame.
        plans: plans that are :func:`resolvable`.

    Returns:
        Metric name → value for each plan, in order.
    """
    columns: list[Column] = []
    positions: list[dict[str, int]] = []
    # Spark computes equal aggregates of several plans once. They cannot be compared here: a column's text is
    # the same for 1 and "1".
    for plan in plans:
        positions.append({name: len(columns) + index for index, name in enumerate(plan.aggregates)})
        columns += [
            column.alias(f"m{len(columns) + index}") for index, column in enumerate(plan.aggregates.values())
        ]
    row = frame.agg(*columns).first() if columns else ()
    groups = list(dict.fromkeys(plan.group for plan in plans if plan.group is not None))
    counts = dict(zip(groups, count(frame, groups), strict=True))
    metrics = []
    for plan, plan_positions in zip(plans, positions, strict=True):
        values = {name: row[position] for name, position in plan_positions.items()}
        metrics.append(plan.finish(values, counts[plan.group] if plan.group is not None else None))
    return metrics


def job_count(plans: Sequence[CheckPlan]) -> int:
    """Return the number of Spark jobs that :func:`measure` runs."""
    kinds = {plan.group.unique for plan in plans if plan.group is not None}
    return any(plan.aggregates for plan in plans) + len(kinds)


def count(frame: DataFrame, groups: Sequence[Group]) -> list[CountMetrics]:
    """Return the counts of each group, in one Spark job for shared rows and one for distinct combinations."""
    unique = [group for group in groups if group.unique]
    others = [group for group in groups if not group.unique]
    shared = zip(unique, _counts(_count_shared, frame, unique), strict=True)
    counts = {group: CountMetrics(shared=number) for group, number in shared}
    distinct = zip(others, _counts(_count_distinct, frame, others), strict=True)
    counts |= {group: CountMetrics(distinct=number) for group, number in distinct}
    return [counts[group] for group in groups]


def _counts(
    aggregate: Callable[[DataFrame, Sequence[str]], DataFrame], frame: DataFrame, groups: Sequence[Group]
) -> list[int]:
    """Return one number per group. Runs one Spark job."""
    if not groups:
        return []
    rows, keys = _rows_of_one(frame, groups[0]) if len(groups) == 1 else _rows_of_all(frame, groups)
    by_group = {int(row["g"]): int(row["number"] or 0) for row in aggregate(rows, keys).collect()}
    return [by_group.get(index, 0) for index in range(len(groups))]


def _count_distinct(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Count the combinations of each group.

    Usually there are few of them, so Spark aggregates partially before the shuffle.
    """
    from pyspark.sql import functions as F

    return rows.groupBy("g", *keys).agg(F.lit(1)).groupBy("g").agg(F.count(F.lit(1)).alias("number"))


def _count_shared(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Count the rows of each group that share their combination.

    Usually there are nearly as many combinations as rows, so a window, which sorts, takes half the time of a
    hash aggregation (bench/quality.py).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = rows.withColumn("n", F.count(F.lit(1)).over(Window.partitionBy("g", *keys)))
    return counted.where(F.col("n") > 1).groupBy("g").agg(F.count(F.lit(1)).alias("number"))


def _rows_of_one(frame: DataFrame, group: Group) -> tuple[DataFrame, list[str]]:
    """Return the rows of one group with the columns ``g`` (0) and ``k0``, ``k1``, ..., and the key names."""
    from pyspark.sql import functions as F

    rows = frame if group.where is None else frame.where(group.where)
    keys = [f"k{index}" for index in range(len(group.columns))]
    columns = [quoted(name).alias(key) for name, key in zip(group.columns, keys, strict=True)]
    return rows.select(F.lit(0).alias("g"), *columns), keys


def _rows_of_all(frame: DataFrame, groups: Sequence[Group]) -> tuple[DataFrame, list[str]]:
    """Return each row once per group, with the columns of that group only, as GROUPING SETS would.

    The columns are ``g`` (index of the group) and ``k0``, ``k1``, ... for the columns of all groups.
    """
    from pyspark.sql import functions as F

    types = {item.name: item.dataType for item in frame.schema.fields}
    slots = [(index, name) for index, group in enumerate(groups) for name in group.columns]
    structs = []
    for index, group in enumerate(groups):
        columns = [F.lit(index).alias("g")]
        for position, (owner, name) in enumerate(slots):
            column = quoted(name) if owner == index else F.lit(None).cast(types[name])
            columns.append(column.alias(f"k{position}"))
        struct = F.struct(*columns)
        structs.append(struct if group.where is None else F.when(group.where, struct))
    rows = frame.select(F.explode(F.array(*structs)).alias("e")).where(F.col("e").isNotNull())
    keys = [f"k{position}" for position in range(len(slots))]
    return rows.select(*(F.col(f"e.{name}").alias(name) for name in ("g", *keys))), keys
