"""``EvaluateDataQuality`` in Glue: awsgluedq's own class, whose results in S3 are verified."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glue_secure.engines.awsglue.frames import DynamicFrame, DynamicFrameCollection, wrap, wrap_frame
from glue_secure.engines.awsglue.optional_packages import required, transforms_of
from glue_secure.quality.publishing import EvaluationOptions, evaluation_options, evaluation_record

awsgluedq_transforms = transforms_of("awsgluedq")

_KIND = re.compile(r"\(*(\w+)")


def _guarded(base: Any) -> type:
    class EvaluateDataQuality(base):  # type: ignore[misc]
        """awsgluedq's class. ``resultsS3Prefix`` is checked, and verified at ``job.commit``."""

        def __call__(
            self,
            frame: Any,
            ruleset: str,
            publishing_options: Mapping[str, Any] | None = None,
            additional_options: Mapping[str, Any] | None = None,
            transformation_ctx: str = "",
        ) -> DynamicFrame:
            """Return the outcomes of the rules.

            Raises:
                UsageError: an option has a value that is not possible.
                RefusedError: as :meth:`DynamicFrame.spigot` for ``resultsS3Prefix``; GS-SEC-007.
            """
            frame = wrap_frame(frame)
            with frame.glue_ctx.operation("EvaluateDataQuality") as run:
                options = _admit(run, publishing_options, additional_options)
                given = _given(
                    publishing_options=publishing_options,
                    additional_options=additional_options,
                    transformation_ctx=transformation_ctx,
                )
                outcomes = wrap_frame(super().__call__(frame=frame, ruleset=ruleset, **given))
                _record(run, options, ruleset, outcomes)
                return outcomes

        def process_rows(
            self,
            frame: Any,
            additional_data_sources: Mapping[str, Any] | None = None,
            ruleset: str = "",
            publishing_options: Mapping[str, Any] | None = None,
            additional_options: Mapping[str, Any] | None = None,
            transformation_ctx: str = "",
        ) -> DynamicFrameCollection:
            """Return the outcomes of the rules, the rows with their outcomes, and the frame.

            Raises as :meth:`__call__` does.
            """
            frame = wrap_frame(frame)
            with frame.glue_ctx.operation("EvaluateDataQuality") as run:
                options = _admit(run, publishing_options, additional_options)
                given = _given(
                    additional_data_sources=additional_data_sources,
                    publishing_options=publishing_options,
                    additional_options=additional_options,
                    transformation_ctx=transformation_ctx,
                )
                frames: DynamicFrameCollection = wrap(
                    super().process_rows(frame=frame, ruleset=ruleset, **given)
                )
                _record(run, options, ruleset, frames["ruleOutcomes"])
                return frames

    return EvaluateDataQuality


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that the script passed, because versions of awsgluedq differ in optional ones."""
    return {name: value for name, value in arguments.items() if value}


def _admit(
    run: Any, publishing: Mapping[str, Any] | None, additional: Mapping[str, Any] | None
) -> EvaluationOptions:
    options = evaluation_options(publishing, additional, publishes=True)
    if options.results:
        run.columns.reject_unprotectable_sink(options.results)
        run.writer.verify_at_commit(options.results, format="json", saves_rdds=True)
    return options


def _record(run: Any, options: EvaluationOptions, ruleset: str, outcomes: DynamicFrame) -> None:
    rows = outcomes.toDF().select("Rule", "Outcome").collect()
    labels = [
        (f"{number} {kind[1] if (kind := _KIND.match(str(rule))) else 'rule'}", outcome == "Passed")
        for number, (rule, outcome) in enumerate(rows, 1)
    ]
    run.recorder.gates.append(evaluation_record(options, ruleset, labels, by="awsgluedq"))


def __getattr__(name: str) -> Any:
    if name != "EvaluateDataQuality":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = _guarded(required(awsgluedq_transforms, "awsgluedq").EvaluateDataQuality)
    return globals()[name]
