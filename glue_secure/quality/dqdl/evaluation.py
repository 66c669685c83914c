"""Evaluation of DQDL rulesets with Spark: outcomes of rules, and the rules that each row meets.

The meaning of rules, names of metrics and texts are those of the pages "DQDL rule type reference" and
"EvaluateDataQuality class" of the AWS Glue developer guide and, where these do not state them, of AWS's open
implementation (https://github.com/awslabs/deequ, package com.amazon.deequ.dqdl).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.quality.conditions import quoted
from glue_secure.quality.dqdl.rule_checks import RULE_CHECKS, Decision, RuleCheck, RuleSource, is_time
from glue_secure.quality.dqdl.ruleset import (
    AnyRule,
    CompositeRule,
    DqRule,
    Expression,
    parse,
    rule_label,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PASSED, FAILED = "Passed", "Failed"
OUTCOME_SCHEMA = (
    "Rule string, Outcome string, FailureReason string, EvaluatedMetrics map<string, double>,"
    " EvaluatedRule string"
)
"""Columns of the outcomes of rules, with Spark's types."""
ROW_COLUMNS = (
    "DataQualityRulesPass",
    "DataQualityRulesFail",
    "DataQualityRulesSkip",
    "DataQualityEvaluationResult",
)
"""Columns that the row-level outcomes have after the frame's own columns."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The outcome of one rule.

    Attributes:
        rule: the rule in DQDL.
        label: position from 1, type and columns, without literals of the rule.
        passed: whether the rule is met.
        reason: why it is not met; None if it is. It may contain values of rows.
        metrics: name of the metric → value.
    """

    rule: str
    label: str
    passed: bool
    reason: str | None = field(default=None, repr=False)
    metrics: Mapping[str, float] = field(default_factory=dict, repr=False)

    def as_row(self) -> tuple[str, str, str | None, dict[str, float], str]:
        """Return the row of ``OUTCOME_SCHEMA``."""
        return self.rule, PASSED if self.passed else FAILED, self.reason, dict(self.metrics), self.rule


@dataclass(frozen=True, slots=True)
class RulesetResult:
    """The result of an evaluation.

    Attributes:
        results: one result for each rule, in the order of the ruleset.
        rows: the evaluated rows with the columns ``ROW_COLUMNS``.
        other_sections: sections that were not evaluated, such as ``Analyzers``.
    """

    results: tuple[RuleResult, ...]
    rows: DataFrame
    other_sections: tuple[str, ...]


def evaluate(
    frame: DataFrame,
    ruleset: str,
    *,
    others: Mapping[str, DataFrame] | None = None,
    composite_by_row: bool = False,
    label_filtered_rows: bool = False,
) -> RulesetResult:
    """Evaluate a ruleset. Computes the frame once, and once more for each rule about unique values or SQL.

    Args:
        frame: the rows.
        ruleset: the document in DQDL.
        others: alias → frame that rules compare the rows with.
        composite_by_row: whether rules that are combined with ``and`` or ``or`` are combined for each row
            (``compositeRuleEvaluation.method`` is ``ROW``), not for the whole frame.
        label_filtered_rows: whether a rule is skipped by rows that its ``where`` clause leaves out
            (``rowLevelConfiguration.filteredRowLabel`` is ``SKIPPED``), not passed.

    Raises:
        UsageError: the document is not valid DQDL, or it has a rule that cannot be evaluated outside of AWS
            Glue. Nothing was computed.
    """
    document = parse(ruleset, location="of EvaluateDataQuality")
    if not document.rules:
        raise UsageError("a ruleset", found="no rules", required="Rules = [ RULE, ... ]")
    reject_unsupported(document.rules)
    source = RuleSource(frame, dict(others or {}))
    checks = {id(rule): source.check(rule) for rule in _leaves(document.rules)}
    values = source.aggregate([column for check in checks.values() for column in check.aggregates])
    decisions: dict[int, Decision] = {}
    for key, check in checks.items():
        count = len(check.aggregates)
        decisions[key], values = check.decide(values[:count]), values[count:]
    rows = frame
    conditions: list[Column | None] = []
    for rule in document.rules:
        rows, condition = _row_condition(rows, rule, checks)
        conditions.append(condition)
    results = []
    for number, rule in enumerate(document.rules, 1):
        decision = _combined(rule, decisions)
        condition = conditions[number - 1]
        if composite_by_row and isinstance(rule, CompositeRule) and condition is not None:
            broken = rows.where(~condition).limit(1).count()
            decision = Decision(not broken, None if not broken else decision.reason, decision.metrics)
        label = f"{number} {rule_label(rule)}"
        reason = None if decision.passed else decision.reason
        results.append(RuleResult(rule.text, label, decision.passed, reason, decision.metrics))
    texts = [result.rule for result in results]
    return RulesetResult(
        tuple(results),
        _with_outcomes(rows, frame, texts, conditions, label_filtered_rows),
        document.other_sections,
    )


def reject_unsupported(rules: Sequence[AnyRule]) -> None:
    """Raise UsageError for rules that need AWS Glue, such as rules that compare with earlier runs."""
    for rule in _leaves(rules):
        problem = ""
        if rule.kind not in RULE_CHECKS:
            problem = "this rule type is evaluated in AWS Glue only"
        elif any(isinstance(name, Expression) for name in rule.parameters):
            problem = "variables are evaluated in AWS Glue only"
        else:
            for condition in (rule.condition, rule.threshold):
                for operand in () if condition is None else condition.operands:
                    if isinstance(operand, Expression) and not is_time(operand.text):
                        problem = "variables and values of earlier runs are evaluated in AWS Glue only"
        if problem:
            raise UsageError(
                f"rule {rule_label(rule)}",
                found=problem,
                required=f"one of {', '.join(sorted(RULE_CHECKS))}, without variables and last()",
                fix="remove the rule from the ruleset, or run the job in AWS Glue",
            )


def _row_condition(
    rows: DataFrame, rule: AnyRule, checks: Mapping[int, RuleCheck]
) -> tuple[DataFrame, Column | None]:
    if isinstance(rule, DqRule):
        condition = checks[id(rule)].row
        return (rows, None) if condition is None else condition(rows)
    combined: Column | None = None
    for part in rule.parts:
        rows, of_part = _row_condition(rows, part, checks)
        if of_part is None:
            return rows, None
        if combined is None:
            combined = of_part
        else:
            combined = combined & of_part if rule.operator == "and" else combined | of_part
    return rows, combined


def _with_outcomes(
    rows: DataFrame,
    frame: DataFrame,
    texts: Sequence[str],
    conditions: Sequence[Column | None],
    label_filtered_rows: bool,
) -> DataFrame:
    from pyspark.sql import functions as F

    if not label_filtered_rows:
        conditions = [None if row is None else F.coalesce(row, F.lit(True)) for row in conditions]

    def rules_where(condition: Callable[[Column], Column], always: Sequence[str] = ()) -> Column:
        found = [
            F.when(condition(row), F.lit(text)) if row is not None else F.lit(text)
            for text, row in zip(texts, conditions, strict=True)
            if row is not None or text in always
        ]
        empty = F.array().cast("array<string>")
        return F.filter(F.array(*found), lambda text: text.isNotNull()) if found else empty

    dataset_rules = [text for text, row in zip(texts, conditions, strict=True) if row is None]
    passes = rules_where(lambda row: row)
    fails = rules_where(lambda row: ~row)
    skips = rules_where(lambda row: row.isNull(), dataset_rules)
    result = F.when(F.size(fails) == 0, PASSED).otherwise(FAILED)
    added = zip((passes, fails, skips, result), ROW_COLUMNS, strict=True)
    return rows.select(
        *(quoted(name) for name in frame.columns), *(column.alias(name) for column, name in added)
    )


def _leaves(rules: Sequence[AnyRule]) -> Iterator[DqRule]:
    for rule in rules:
        if isinstance(rule, CompositeRule):
            yield from _leaves(rule.parts)
        else:
            yield rule


def _combined(rule: AnyRule, decisions: Mapping[int, Decision]) -> Decision:
    if isinstance(rule, DqRule):
        return decisions[id(rule)]
    parts = [_combined(part, decisions) for part in rule.parts]
    passed = all(part.passed for part in parts) if rule.operator == "and" else any(p.passed for p in parts)
    reasons = [part.reason for part in parts if part.reason]
    metrics = {name: value for part in parts for name, value in part.metrics.items()}
    return Decision(passed, "\n".join(reasons) or None, metrics)
