"""Options and evidence of ``EvaluateDataQuality``, with what has no effect outside of AWS Glue.

Source: "EvaluateDataQuality class" of the AWS Glue developer guide, ``AdditionalOptionKeys`` of the Glue API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import GateRecord, GateRule, digest
from glue_secure.core.ignored_options import likely_name
from glue_secure.core.options import truth
from glue_secure.core.redaction import redacting_logger

_LOG = redacting_logger(__name__)
_CONTEXT, _RESULTS = "dataQualityEvaluationContext", "resultsS3Prefix"
_METRICS, _STUDIO = "enableDataQualityCloudWatchMetrics", "enableDataQualityResultsPublishing"
_COMPOSITE, _FILTERED = "compositeRuleEvaluation.method", "rowLevelConfiguration.filteredRowLabel"
_PUBLISHING = (_CONTEXT, _METRICS, _STUDIO, _RESULTS)
_ADDITIONAL = (
    _COMPOSITE,
    "dataQualityResultsPublishing.strategy",
    "observations.scope",
    "performanceTuning.caching",
    "publishAggregatedMetrics.status",
    _FILTERED,
)


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What an evaluation uses of its options.

    Attributes:
        context: ``dataQualityEvaluationContext``, the name of the evaluation.
        results: S3 location for the outcomes, ``""`` for none.
        composite_by_row: whether combined rules are combined for each row.
        label_filtered_rows: whether rows that a ``where`` clause leaves out skip the rule.
    """

    context: str
    results: str
    composite_by_row: bool
    label_filtered_rows: bool


def evaluation_options(
    publishing: Mapping[str, Any] | None, additional: Mapping[str, Any] | None, *, publishes: bool
) -> EvaluationOptions:
    """Return the options of a call. A warning names what is not published outside of AWS Glue.

    Args:
        publishing: ``publishing_options``.
        additional: ``additional_options``.
        publishes: whether AWS Glue evaluates the rules, so that every option has its effect.

    Raises:
        UsageError: a value that is not possible; outside of AWS Glue an unknown option, with the likely name.
    """
    publishing, additional = dict(publishing or {}), dict(additional or {})
    context = str(publishing.get(_CONTEXT) or "default_context")
    if not publishes:
        _reject_unknown(publishing, _PUBLISHING, "publishing_options")
        _reject_unknown(additional, _ADDITIONAL, "additional_options")
        if truth(_METRICS, publishing.get(_METRICS, False)):
            _warn(context, _METRICS, "metrics are published to Amazon CloudWatch by AWS Glue only")
        if truth(_STUDIO, publishing.get(_STUDIO, False)):
            _warn(context, _STUDIO, "results are shown in AWS Glue Studio only; they are in the evidence")
        if str(additional.get("publishAggregatedMetrics.status", "")).upper() == "ENABLED":
            _warn(
                context, "publishAggregatedMetrics.status", "aggregated metrics are computed by AWS Glue only"
            )
    method = str(additional.get(_COMPOSITE, "DATASET")).upper()
    if method not in ("ROW", "DATASET"):
        raise UsageError(_COMPOSITE, found=repr(additional[_COMPOSITE]), required="ROW or DATASET")
    results = str(publishing.get(_RESULTS) or "")
    # AWS's example passes the name of a bucket.
    return EvaluationOptions(
        context=context,
        results=results if "://" in results or not results else f"s3://{results}",
        composite_by_row=method == "ROW",
        label_filtered_rows=str(additional.get(_FILTERED, "")).upper() == "SKIPPED",
    )


def evaluation_record(
    options: EvaluationOptions, ruleset: str, outcomes: Iterable[tuple[str, bool]], *, by: str
) -> GateRecord:
    """Return the record of an evaluation for the evidence. A warning lists the rules that failed.

    Args:
        options: the options of the call.
        ruleset: the document, of which the record has the SHA-256.
        outcomes: label, without literals of the rule, and whether the rule passed.
        by: what evaluated the rules.
    """
    rules = tuple(
        GateRule(label, "info", "met" if passed else "broken", None, None, by) for label, passed in outcomes
    )
    failed = [rule.rule for rule in rules if rule.outcome == "broken"]
    if failed:
        _LOG.warning("EvaluateDataQuality %s: rules that failed: %s", options.context, "; ".join(failed))
    sink = f"EvaluateDataQuality {options.context}"
    outcome = "reported" if failed else "passed"
    return GateRecord(sink, options.context, "the script", digest(ruleset.encode()), outcome, rules)


def _reject_unknown(options: Mapping[str, Any], known: tuple[str, ...], resource: str) -> None:
    for name in options:
        if name not in known:
            likely = likely_name(name, known)
            raise UsageError(
                f"{resource} of EvaluateDataQuality",
                found=f"unknown option {name}" + (f"; did you mean {likely}?" if likely else ""),
                required=f"one of {', '.join(known)}",
            )


def _warn(context: str, option: str, reason: str) -> None:
    _LOG.warning("EvaluateDataQuality %s: %s has no effect here: %s", context, option, reason)
