"""Expectations that one pass does not decide, run by Great Expectations as they are.

The context lives in memory: it opens no connection and writes no file, and what it reports is cut down to
outcomes and counts before anybody sees it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.quality.expectations import unheard

_MARK = "glue_secure_index"


@dataclass(frozen=True, slots=True)
class Reported:
    """What Great Expectations made of one expectation.

    Attributes:
        passed: its success; None where it raised instead.
        rows: rows looked at; None where it does not tell.
        unexpected: rows that break it; None likewise.
    """

    passed: bool | None
    rows: int | None = None
    unexpected: int | None = None


def run(frame: Any, expectations: Sequence[Any]) -> list[Reported]:
    """Validate a frame; one result for each expectation, in order."""
    if not expectations:
        return []
    with unheard():
        import great_expectations as gx

        # Versions that have analytics ask this when a context is made.
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_spark(f"gate-{uuid.uuid4().hex}", persist=False)
        whole = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")
        batch = whole.get_batch(batch_parameters={"dataframe": frame})
        suite = gx.ExpectationSuite(name="gate")
        for at, expectation in enumerate(expectations):
            suite.add_expectation(expectation.copy(update={"meta": {_MARK: at}, "id": None}, deep=True))
        counts = {"result_format": "BASIC", "partial_unexpected_count": 0}
        try:
            results = batch.validate(suite, result_format=counts).results
        except Exception:
            results = ()
        found = {result.expectation_config.meta[_MARK]: _reported(result) for result in results}
    told = [found.get(at, Reported(None)) for at in range(len(expectations))]
    if len(told) == 1:
        return told
    # Metrics are computed in bundles, and one that fails takes the others of its bundle with it.
    return [
        run(frame, [one])[0] if report.passed is None else report
        for one, report in zip(expectations, told, strict=True)
    ]


def _reported(result: Any) -> Reported:
    told = result.result or {}
    if _raised(result.exception_info or {}):
        return Reported(None)
    rows, unexpected = told.get("element_count"), told.get("unexpected_count")
    return Reported(bool(result.success), _count(rows), _count(unexpected))


def _raised(told: Any) -> bool:
    """``{"raised_exception": ...}``, or one such for each metric."""
    if "raised_exception" in told:
        return bool(told["raised_exception"])
    return any(isinstance(each, dict) and each.get("raised_exception") for each in told.values())


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None
