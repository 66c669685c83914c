"""Validation by Great Expectations itself, for expectations that :mod:`plans` does not support.

The data context is in memory: it opens no connection and writes no file. Results are reduced to outcomes and
counts.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.quality.expectations import suppress_messages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_INDEX = "glue_secure_index"


@dataclass(frozen=True, slots=True)
class FallbackReport:
    """Great Expectations' result for one expectation.

    Attributes:
        passed: whether the expectation is met; None if its validation raised an exception.
        rows: number of rows checked; None if it is not reported.
        unexpected: number of rows that break the expectation; None if it is not reported.
    """

    passed: bool | None
    rows: int | None = None
    unexpected: int | None = None


def validate(frame: DataFrame, expectations: Sequence[Any]) -> list[FallbackReport]:
    """Validate a frame and return one report per expectation, in order."""
    if not expectations:
        return []
    with suppress_messages():
        import great_expectations as gx

        # Versions with analytics read this when a context is created.
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_spark(f"gate-{uuid.uuid4().hex}", persist=False)
        asset = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")
        batch = asset.get_batch(batch_parameters={"dataframe": frame})
        suite = gx.ExpectationSuite(name="gate")
        for index, expectation in enumerate(expectations):
            suite.add_expectation(expectation.copy(update={"meta": {_INDEX: index}, "id": None}, deep=True))
        counts_only = {"result_format": "BASIC", "partial_unexpected_count": 0}
        try:
            results = batch.validate(suite, result_format=counts_only).results
        except Exception:
            results = ()
        by_index = {result.expectation_config.meta[_INDEX]: _report(result) for result in results}
    reports = [by_index.get(index, FallbackReport(None)) for index in range(len(expectations))]
    if len(reports) == 1:
        return reports
    # Metrics are computed in bundles. If one fails, all expectations of its bundle fail, so each is repeated
    # alone.
    return [
        validate(frame, [expectation])[0] if report.passed is None else report
        for expectation, report in zip(expectations, reports, strict=True)
    ]


def _report(result: Any) -> FallbackReport:
    if _has_exception(result.exception_info or {}):
        return FallbackReport(None)
    details = result.result or {}
    return FallbackReport(
        bool(result.success), _count(details.get("element_count")), _count(details.get("unexpected_count"))
    )


def _has_exception(info: Any) -> bool:
    """Return whether ``{"raised_exception": ...}``, or the same per metric, reports an exception."""
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(metric, dict) and metric.get("raised_exception") for metric in info.values())


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None
