"""A suite held against a frame: measured in one pass where it can be, decided by Great Expectations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from glue_secure.quality import aggregation, fallback
from glue_secure.quality.conditions import quoted
from glue_secure.quality.expectations import decide, engine, expectations
from glue_secure.quality.plans import Plan, Planner
from glue_secure.quality.suite import Rule, Suite

ONE_PASS, AS_IT_IS = "one-pass", "great-expectations"
RULES_COLUMN = "glue_secure_failed_rules"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule.

    Attributes:
        rule: the rule.
        passed: whether it is met; None where that could not be decided.
        rows: rows that it looked at, None where that is not told.
        unexpected: rows that break it, likewise.
        by: ``one-pass``, or ``great-expectations`` where it ran there as it is.
    """

    rule: Rule
    passed: bool | None
    rows: int | None
    unexpected: int | None
    by: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A frame that was checked.

    Attributes:
        outcomes: one for each rule, in the suite's order.
        jobs: Spark jobs that it took, without those of Great Expectations.
    """

    outcomes: tuple[Outcome, ...]
    jobs: int
    _plans: tuple[Plan | None, ...] = field(repr=False, default=())

    def tells_rows(self, outcome: Outcome) -> bool:
        """Whether the rows that break the rule can be told from the others."""
        plan = self._plans[outcome.rule.index - 1]
        return plan is not None and plan.unexpected is not None


class Checker:
    """Holds frames against one suite.

    Raises:
        UsageError: Great Expectations does not take the suite.
    """

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self._expectations = expectations(suite)

    def check(self, frame: Any) -> Checked:
        """Hold every rule against the frame. Raises what Spark raises when the frame cannot be computed."""
        judge = engine(frame)
        planner = Planner(frame, lambda condition: _clause(judge, condition))
        asked = [
            planner.plan(rule.kind, expectation)
            for rule, expectation in zip(self.suite.rules, self._expectations, strict=True)
        ]
        plans = aggregation.analysed(frame, asked)
        planned = [plan for plan in plans if plan is not None]
        measured = iter(aggregation.measure(frame, planned))
        left = [each for each, plan in zip(self._expectations, plans, strict=True) if plan is None]
        reported = iter(fallback.run(frame, left))
        outcomes = []
        for rule, expectation, plan in zip(self.suite.rules, self._expectations, plans, strict=True):
            if plan is None:
                told = next(reported)
                outcomes.append(Outcome(rule, told.passed, told.rows, told.unexpected, AS_IT_IS))
                continue
            metrics = next(measured)
            rows, unexpected = (metrics[name] for name in plan.counted) if plan.counted else (None, None)
            outcomes.append(Outcome(rule, decide(expectation, metrics, judge), rows, unexpected, ONE_PASS))
        return Checked(tuple(outcomes), aggregation.passes(planned), tuple(plans))

    def split(self, frame: Any, checked: Checked, broken: Sequence[Outcome]) -> tuple[Any, Any]:
        """The rows that meet ``broken``, and those that do not, with the rules in ``RULES_COLUMN``."""
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        marked, helpers, texts = frame, [], []
        for outcome in broken:
            plan = checked._plans[outcome.rule.index - 1]
            assert plan is not None  # noqa: S101 - tells_rows() was asked
            breaks = plan.unexpected
            if plan.group is not None:
                # Rows outside the rule's domain must not count as somebody's double.
                name = f"glue_secure_rule_{outcome.rule.index}"
                keys = [F.coalesce(breaks, F.lit(False)), *map(quoted, plan.group.columns)]
                doubles = F.count(F.lit(1)).over(Window.partitionBy(*keys)) > 1
                marked = marked.withColumn(name, breaks & doubles)
                helpers.append(name)
                breaks = F.col(name)
            texts.append(F.when(breaks, F.lit(outcome.rule.label)))
        marked = marked.withColumn(RULES_COLUMN, F.concat_ws("; ", *texts))
        good = marked.where(F.col(RULES_COLUMN) == "").drop(RULES_COLUMN, *helpers)
        return good, marked.where(F.col(RULES_COLUMN) != "").drop(*helpers)


def _clause(judge: Any, condition: Any) -> str:
    """A row condition as SQL, by Great Expectations itself."""
    plain = getattr(condition, "pass_through_filter", None)
    if plain is not None:
        return str(plain)
    if isinstance(condition, str):
        raise ValueError("a condition of an older version")
    return str(judge.condition_to_filter_clause(condition))
