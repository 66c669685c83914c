"""Checks a frame against a suite.

Supported rules are measured in at most three Spark jobs and decided by Great Expectations from the metrics.
Great Expectations validates all other rules itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glue_secure.quality import aggregation, fallback
from glue_secure.quality.conditions import quoted
from glue_secure.quality.expectations import decide, execution_engine, expectations, row_condition_sql
from glue_secure.quality.plans import CheckPlan, Planner
from glue_secure.quality.suite import Rule, Suite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ONE_PASS, GREAT_EXPECTATIONS = "one-pass", "great-expectations"
RULES_COLUMN = "glue_secure_failed_rules"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of one rule.

    Attributes:
        rule: the rule.
        passed: whether the rule is met; None if it could not be decided.
        rows: number of rows checked; None if it is not reported.
        unexpected: number of rows that break the rule; None if it is not reported.
        by: ``one-pass``, or ``great-expectations`` if Great Expectations validated the rule itself.
    """

    rule: Rule
    passed: bool | None
    rows: int | None
    unexpected: int | None
    by: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        outcomes: one outcome per rule, in the suite's order.
        jobs: number of Spark jobs, without those of Great Expectations.
    """

    outcomes: tuple[RuleOutcome, ...]
    jobs: int
    _plans: tuple[CheckPlan | None, ...] = field(repr=False, default=())

    def is_row_level(self, outcome: RuleOutcome) -> bool:
        """Return whether the rows that break the rule can be separated from the others."""
        plan = self._plans[outcome.rule.index - 1]
        return plan is not None and plan.unexpected is not None

    def split(self, frame: DataFrame, broken: Sequence[RuleOutcome]) -> tuple[DataFrame, DataFrame]:
        """Return the rows that meet all broken rules, and the rows that do not.

        Args:
            frame: the frame that was checked.
            broken: outcomes of broken row-level rules (:meth:`is_row_level`).

        Returns:
            The valid rows, and the invalid rows with an additional column ``glue_secure_failed_rules``.
        """
        from pyspark.sql import Window
        from pyspark.sql import functions as F

        helper_columns, labels = [], []
        for outcome in broken:
            plan = self._plans[outcome.rule.index - 1]
            assert plan is not None and plan.unexpected is not None  # noqa: S101 - row-level, as documented
            unexpected = plan.unexpected
            if plan.group is not None:
                # The condition is part of the key, so that rows outside the rule's domain are not duplicates.
                name = f"glue_secure_rule_{outcome.rule.index}"
                keys = [F.coalesce(unexpected, F.lit(False)), *map(quoted, plan.group.columns)]
                is_duplicate = F.count(F.lit(1)).over(Window.partitionBy(*keys)) > 1
                frame = frame.withColumn(name, unexpected & is_duplicate)
                helper_columns.append(name)
                unexpected = F.col(name)
            labels.append(F.when(unexpected, F.lit(outcome.rule.label)))
        marked = frame.withColumn(RULES_COLUMN, F.concat_ws("; ", *labels))
        valid = marked.where(F.col(RULES_COLUMN) == "").drop(RULES_COLUMN, *helper_columns)
        return valid, marked.where(F.col(RULES_COLUMN) != "").drop(*helper_columns)


class Checker:
    """Checks frames against one suite.

    Args:
        suite: the suite.

    Attributes:
        suite: the suite.
        expectations: the suite's rules as expectations of Great Expectations.

    Raises:
        UsageError: Great Expectations rejects a rule of the suite.
    """

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.expectations: tuple[Any, ...] = expectations(suite)

    def check(self, frame: DataFrame) -> CheckResult:
        """Check every rule. Raises Spark's exception if the frame cannot be computed."""
        engine = execution_engine(frame)
        planner = Planner(frame, lambda condition: row_condition_sql(condition, engine))
        planned = [
            planner.plan(rule.kind, expectation)
            for rule, expectation in zip(self.suite.rules, self.expectations, strict=True)
        ]
        plans = aggregation.resolvable(frame, planned)
        measured_plans = [plan for plan in plans if plan is not None]
        metrics_of_plans = iter(aggregation.measure(frame, measured_plans))
        unsupported = [
            expectation for expectation, plan in zip(self.expectations, plans, strict=True) if plan is None
        ]
        reports = iter(fallback.validate(frame, unsupported))
        outcomes = []
        for rule, expectation, plan in zip(self.suite.rules, self.expectations, plans, strict=True):
            if plan is None:
                report = next(reports)
                outcomes.append(
                    RuleOutcome(rule, report.passed, report.rows, report.unexpected, GREAT_EXPECTATIONS)
                )
                continue
            metrics = next(metrics_of_plans)
            rows, unexpected = (metrics[name] for name in plan.counted) if plan.counted else (None, None)
            outcomes.append(
                RuleOutcome(rule, decide(expectation, metrics, engine), rows, unexpected, ONE_PASS)
            )
        return CheckResult(tuple(outcomes), aggregation.job_count(measured_plans), tuple(plans))
