"""Great Expectations itself, as far as the gate uses it: its classes, its decisions, nothing that writes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.quality.suite import Rule, Suite

PACKAGE = "great-expectations"
AT_LEAST, BELOW = (1, 24), (2, 0)
# What a suite's own class of that name may be judged by; a subclass of somebody else's runs as it is.
_CORE = "great_expectations.expectations.core"


def require_package() -> str:
    """The version that is installed.

    Raises:
        RefusedError: GS-DQ-003, there is none, or one that is not served here.
    """
    try:
        found = version(PACKAGE)
        numbers = tuple(int(one) for one in found.split(".")[:2])
    except (PackageNotFoundError, ValueError):
        found, numbers = "", ()
    if not AT_LEAST <= numbers < BELOW:
        raise RefusedError(
            "GS-DQ-003",
            resource="the package great_expectations",
            found=f"version {found}" if found else "not installed",
            required="great-expectations>=1.24,<2, before the first read",
            fix="pip install 'glue-secure[quality]', or take --glue-secure-suites away",
        )
    return found


@contextmanager
def unheard() -> Iterator[None]:
    """What Great Expectations says in the block goes nowhere: its messages may quote rows."""
    logger = logging.getLogger("great_expectations")
    disabled, level = logger.propagate, logger.level
    logger.propagate, silent = False, logging.NullHandler()
    logger.addHandler(silent)
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(silent)
        logger.propagate = disabled
        logger.setLevel(level)


def expectations(suite: Suite) -> tuple[Any, ...]:
    """The suite's rules as objects of Great Expectations, in order.

    Raises:
        UsageError: a type that it does not know, or arguments that it does not take.
    """
    with unheard():
        import great_expectations.expectations.core  # noqa: F401 - it registers the types
        from great_expectations.expectations.registry import get_expectation_impl

        return tuple(_made(get_expectation_impl, rule, suite) for rule in suite.rules)


def _made(implementation: Any, rule: Rule, suite: Suite) -> Any:
    try:
        return implementation(rule.kind)(**rule.arguments)
    except Exception as error:
        # The messages quote the suite's literals; where they stand says enough.
        errors = error.errors() if hasattr(error, "errors") else ()
        places = sorted({".".join(map(str, one.get("loc", ()))) for one in errors})
        raise UsageError(
            f"expectation {rule.label} of suite {suite.place}",
            found=f"{type(error).__name__}" + (f" at {', '.join(places)}" if places else ""),
            required="a type and arguments that the installed Great Expectations takes",
        ) from None


def is_core(expectation: Any) -> bool:
    """Whether the rule is one of Great Expectations' own."""
    return type(expectation).__module__.startswith(_CORE)


def engine(frame: Any) -> Any:
    """What tells an expectation that the metrics are Spark's; it runs nothing."""
    from great_expectations.execution_engine import SparkDFExecutionEngine

    with unheard():
        return SparkDFExecutionEngine(spark=frame.sparkSession, persist=False)


def decide(expectation: Any, metrics: Mapping[str, Any], execution_engine: Any) -> bool | None:
    """What Great Expectations makes of metrics that it would else compute; None when it cannot decide."""
    plain = {"result_format": {"result_format": "BOOLEAN_ONLY"}}
    with unheard():
        try:
            found = expectation._validate(
                metrics=dict(metrics), runtime_configuration=plain, execution_engine=execution_engine
            )
            return bool(found["success"])
        except Exception:
            return None


def as_reported(value: Any) -> Any:
    """A metric as Great Expectations hands it on: decimals as numbers, dates as text."""
    from great_expectations.util import convert_to_json_serializable

    return convert_to_json_serializable(data=value)
