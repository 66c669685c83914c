"""The parts of Great Expectations that the gate uses: its classes and its decisions. Nothing here writes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed
from glue_secure.quality.suite import Rule, Suite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PACKAGE = "great-expectations"
MINIMUM, BELOW = (1, 24), (2, 0)
# Only Great Expectations' own classes are decided from metrics. Subclasses of other packages run unchanged.
_CORE = "great_expectations.expectations.core"


def check_package() -> tuple[Finding, ...]:
    """GS-DQ-003: check that a supported version of Great Expectations is installed."""
    resource = f"the package {PACKAGE}"
    try:
        installed = version(PACKAGE)
        numbers = tuple(int(number) for number in installed.split(".")[:2])
    except (PackageNotFoundError, ValueError):
        installed, numbers = "", ()
    if MINIMUM <= numbers < BELOW:
        return (passed("GS-DQ-003", resource, f"version {installed}"),)
    finding = failed(
        "GS-DQ-003",
        resource,
        found=f"version {installed}" if installed else "not installed",
        required="great-expectations>=1.24,<2, before the first read",
        fix="python -m pip install 'great-expectations>=1.24,<2', or remove --glue-secure-suites",
    )
    return (finding,)


@contextmanager
def suppress_messages() -> Iterator[None]:
    """Suppress log messages and warnings of Great Expectations, because they may contain values of rows."""
    logger = logging.getLogger("great_expectations")
    propagate, level = logger.propagate, logger.level
    logger.propagate, handler = False, logging.NullHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
        logger.setLevel(level)


def expectations(suite: Suite) -> tuple[Any, ...]:
    """Return the suite's rules as expectations of Great Expectations, in order.

    Raises:
        UsageError: Great Expectations does not know the type, or rejects the arguments.
    """
    with suppress_messages():
        import great_expectations.expectations.core  # noqa: F401 - registers the types
        from great_expectations.expectations.registry import get_expectation_impl

        return tuple(_expectation(get_expectation_impl, rule, suite) for rule in suite.rules)


def _expectation(implementation: Any, rule: Rule, suite: Suite) -> Any:
    try:
        return implementation(rule.kind)(**rule.arguments)
    except Exception as error:
        # The messages contain literals of the suite, so only the names of the arguments are reported.
        errors = error.errors() if hasattr(error, "errors") else ()
        names = sorted({".".join(map(str, item.get("loc", ()))) for item in errors})
        raise UsageError(
            f"expectation {rule.label} of suite {suite.location}",
            found=f"{type(error).__name__}" + (f" for {', '.join(names)}" if names else ""),
            required="a type and arguments that the installed Great Expectations accepts",
        ) from None


def is_core(expectation: Any) -> bool:
    """Return whether the expectation is one of Great Expectations' own."""
    return type(expectation).__module__.startswith(_CORE)


def execution_engine(frame: DataFrame) -> Any:
    """Return a Spark execution engine. An expectation needs it to recognize metrics of Spark."""
    from great_expectations.execution_engine import SparkDFExecutionEngine

    with suppress_messages():
        return SparkDFExecutionEngine(spark=frame.sparkSession, persist=False)


def row_condition_sql(condition: Any, engine: Any) -> str:
    """Return a row condition of an expectation as SQL.

    Raises:
        ValueError: the condition is a str, as in older versions.
    """
    filter_sql = getattr(condition, "pass_through_filter", None)
    if filter_sql is not None:
        return str(filter_sql)
    if isinstance(condition, str):
        raise ValueError("a row condition of an older version")
    return str(engine.condition_to_filter_clause(condition))


def decide(expectation: Any, metrics: Mapping[str, Any], engine: Any) -> bool | None:
    """Return Great Expectations' decision for the given metrics, or None if it cannot decide."""
    configuration = {"result_format": {"result_format": "BOOLEAN_ONLY"}}
    with suppress_messages():
        try:
            result = expectation._validate(
                metrics=dict(metrics), runtime_configuration=configuration, execution_engine=engine
            )
            return bool(result["success"])
        except Exception:
            return None


def to_metric_value(value: Any) -> Any:
    """Return a value as Great Expectations passes it on: decimals as numbers, dates as strings."""
    from great_expectations.util import convert_to_json_serializable

    return convert_to_json_serializable(data=value)
