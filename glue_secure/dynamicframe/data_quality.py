"""``EvaluateDataQuality`` of ``awsgluedq.transforms`` for plain Spark.

Source: "EvaluateDataQuality class" of the AWS Glue developer guide, and "Data Quality for ETL jobs in AWS
Glue Studio notebooks" for ``process_rows``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.typed_calls import context_of
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.transforms import GlueTransform
from glue_secure.quality.publishing import EvaluationOptions, evaluation_options, evaluation_record

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from glue_secure.quality.dqdl.evaluation import RulesetResult
    from glue_secure.run.run import Run

_LOG = redacting_logger(__name__)
RULE_OUTCOMES, ROW_LEVEL_OUTCOMES, ORIGINAL_DATA = "ruleOutcomes", "rowLevelOutcomes", "originalData"


class EvaluateDataQuality(GlueTransform):
    """Evaluates a ruleset in DQDL. The rules do not stop the job: the script decides by their outcomes."""

    def __call__(
        self,
        frame: DynamicFrame,
        ruleset: str,
        publishing_options: Mapping[str, Any] | None = None,
        additional_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Return the outcomes of the rules.

        Args:
            frame: the rows. Its error records are not evaluated.
            ruleset: the document in DQDL.
            publishing_options: ``resultsS3Prefix`` writes the outcomes to S3 as JSON, under the run's key.
            additional_options: ``compositeRuleEvaluation.method``; the others have no effect here.
            transformation_ctx: not used, as in Glue.

        Returns:
            A frame with a row for each rule and the columns Rule, Outcome (``Passed`` or ``Failed``),
            FailureReason, EvaluatedMetrics (map of string and double) and EvaluatedRule.

        Raises:
            UsageError: the document is not valid DQDL, it has a rule that AWS Glue alone can evaluate, or an
                option is unknown. Nothing was computed.
            RefusedError: ``resultsS3Prefix`` violates a control of S3 writes, or there is no run.
        """
        collection = self.process_rows(
            frame,
            ruleset=ruleset,
            publishing_options=publishing_options,
            additional_options=additional_options,
            transformation_ctx=transformation_ctx,
        )
        return collection[RULE_OUTCOMES]

    def process_rows(
        self,
        frame: DynamicFrame,
        additional_data_sources: Mapping[str, DynamicFrame] | None = None,
        ruleset: str = "",
        publishing_options: Mapping[str, Any] | None = None,
        additional_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",  # noqa: ARG002 - awsgluedq's signature
    ) -> DynamicFrameCollection:
        """Return the outcomes of the rules, and the rows with the rules that each row meets.

        ``additional_data_sources`` has the frames that rules compare the rows with, by alias. See
        :meth:`__call__` for the other arguments and the errors.

        Returns:
            ``ruleOutcomes`` as :meth:`__call__` returns it; ``rowLevelOutcomes``, the rows with the columns
            DataQualityRulesPass, DataQualityRulesFail and DataQualityRulesSkip (arrays of rules) and
            DataQualityEvaluationResult (``Passed`` or ``Failed``); and ``originalData``, the frame.
        """
        context = context_of(frame, "EvaluateDataQuality")
        run: Run = context.require_run("EvaluateDataQuality")
        with run.operation():
            options = evaluation_options(publishing_options, additional_options, publishes=False)
            others = {alias: other.toDF() for alias, other in (additional_data_sources or {}).items()}
            result = _evaluate(frame.toDF(), ruleset, others, options)
            for section in result.other_sections:
                _LOG.warning("EvaluateDataQuality %s: %s is not evaluated here", options.context, section)
            labels = [(each.label, each.passed) for each in result.results]
            run.recorder.gates.append(evaluation_record(options, ruleset, labels, by="dqdl"))
            outcomes = _outcomes(context.spark_session, result)
            if options.results:
                run.writer.write_s3(outcomes, _results_location(run, options), format="json")
        frames = {
            RULE_OUTCOMES: DynamicFrame.fromDF(outcomes, context, RULE_OUTCOMES),
            ROW_LEVEL_OUTCOMES: DynamicFrame.fromDF(result.rows, context, ROW_LEVEL_OUTCOMES),
            ORIGINAL_DATA: frame,
        }
        return DynamicFrameCollection(frames, context)


def _evaluate(
    data: DataFrame, ruleset: str, others: Mapping[str, DataFrame], options: EvaluationOptions
) -> RulesetResult:
    try:
        from glue_secure.quality.dqdl.evaluation import evaluate
    except ModuleNotFoundError as error:
        raise UsageError(
            "EvaluateDataQuality",
            found=f"the Python module {error.name} is not installed",
            required="the parser of DQDL rulesets",
            fix="python -m pip install 'lark>=1.2,<2'",
        ) from None
    return evaluate(
        data,
        ruleset,
        others=others,
        composite_by_row=options.composite_by_row,
        label_filtered_rows=options.label_filtered_rows,
    )


def _outcomes(session: Any, result: RulesetResult) -> DataFrame:
    from glue_secure.quality.dqdl.evaluation import OUTCOME_SCHEMA

    rows = [each.as_row() for each in result.results]
    frame: DataFrame = session.createDataFrame(rows, OUTCOME_SCHEMA).coalesce(1)
    return frame


def _results_location(run: Run, options: EvaluationOptions) -> str:
    return f"{options.results.rstrip('/')}/{options.context}/run={run.identity.run_id}/"
