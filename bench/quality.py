"""The cost of a check: Great Expectations, the gate, and a hand-written aggregation.

Each round measures the same Parquet files (on a local disk, in one Spark session) with the same suite of
twelve expectations and four methods. Every second round runs the methods in reverse order:

    hand-written   one aggregation and one count of keys, without a decision
    gate           the gate's check (``glue_secure/quality/checker.py``)
    boolean-only   Great Expectations with ``result_format="BOOLEAN_ONLY"``
    default        Great Expectations as in its guide: an ephemeral context, ``batch.validate(suite)``, the
                   default result format, the frame not cached

Ratios compare each method with ``hand-written`` of the same round. Each method runs once before the first
round.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from pairs import Spread
from rounds import run

METHODS = ("hand-written", "gate", "boolean-only", "default")
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("expect_column_values_to_not_be_null", {"column": "id"}),
    ("expect_column_values_to_be_unique", {"column": "id"}),
    ("expect_column_values_to_not_be_null", {"column": "carrier", "mostly": 0.5}),
    ("expect_column_values_to_be_in_set", {"column": "carrier", "value_set": ["AA", "B6", "DL", "UA"]}),
    ("expect_column_values_to_be_between", {"column": "delay", "min_value": -60, "max_value": 2000}),
    ("expect_column_values_to_match_regex", {"column": "tail", "regex": "^N[0-9]+$"}),
    ("expect_column_value_lengths_to_be_between", {"column": "tail", "min_value": 2, "max_value": 9}),
    ("expect_column_mean_to_be_between", {"column": "delay", "min_value": 0, "max_value": 200}),
    ("expect_column_max_to_be_between", {"column": "delay", "max_value": 2000}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "landed", "column_B": "left"}),
    ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ("expect_column_to_exist", {"column": "carrier"}),
)


def _write_rows(spark: Any, rows: int, folder: str) -> str:
    from pyspark.sql import functions as F

    location = f"{folder}/flights"
    carriers = F.array(*(F.lit(carrier) for carrier in ("AA", "B6", "DL", "UA")))
    spark.range(rows, numPartitions=spark.sparkContext.defaultParallelism).select(
        "id",
        F.element_at(carriers, (F.col("id") % 4 + 1).cast("int")).alias("carrier"),
        (F.hash("id") % 100 + 90).alias("delay"),
        F.concat(F.lit("N"), F.abs(F.hash("id") % 100_000).cast("string")).alias("tail"),
        (F.col("id") % 1000).alias("left"),
        (F.col("id") % 1000 + 7).alias("landed"),
    ).write.parquet(location)
    return location


def _aggregate(frame: Any) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    columns = {
        "rows": F.count(F.lit(1)),
        "ids": F.count("id"),
        "carriers": F.count("carrier"),
        "set": F.count(F.when(~F.col("carrier").isin("AA", "B6", "DL", "UA"), 1)),
        "delays": F.count(F.when(~F.col("delay").between(-60, 2000), 1)),
        "tails": F.count(F.when(~F.col("tail").rlike("^N[0-9]+$"), 1)),
        "lengths": F.count(F.when(~F.length("tail").between(2, 9), 1)),
        "mean": F.mean("delay"),
        "max": F.max("delay"),
        "order": F.count(F.when(~(F.col("landed") > F.col("left")), 1)),
    }
    frame.agg(*(column.alias(name) for name, column in columns.items())).first()
    # A window sorts the keys. groupBy("id").count() would hash them first, which is useless for unique keys.
    duplicates = F.count(F.lit(1)).over(Window.partitionBy("id"))
    frame.where("id is not null").select("id", duplicates.alias("n")).where("n > 1").count()


def _validate(frame: Any, result_format: str | None) -> None:
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_spark(uuid.uuid4().hex, persist=False)
        asset = source.add_dataframe_asset("flights").add_batch_definition_whole_dataframe("all")
        batch = asset.get_batch(batch_parameters={"dataframe": frame})
        expectations = [get_expectation_impl(kind)(**arguments) for kind, arguments in RULES]
        options = {} if result_format is None else {"result_format": result_format}
        suite = gx.ExpectationSuite(name="flights", expectations=expectations)
        if not batch.validate(suite, **options).success:
            raise RuntimeError("a rule of the suite is broken; all should be met")


def measure(rows: int, rounds: int, cores: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Return the seconds of each method in each round."""
    from verify import session

    from glue_secure.quality.checker import Checker
    from glue_secure.quality.suite import Suite

    items = [{"type": kind, "kwargs": arguments} for kind, arguments in RULES]
    body = json.dumps({"name": "flights", "expectations": items}).encode()
    checker = Checker(Suite.parse(body, location="flights"))

    def gate(frame: Any) -> None:
        if not all(outcome.passed for outcome in checker.check(frame).outcomes):
            raise RuntimeError("a rule of the suite is broken; all should be met")

    methods: dict[str, Callable[[Any], None]] = {
        "hand-written": _aggregate,
        "gate": gate,
        "boolean-only": lambda frame: _validate(frame, "BOOLEAN_ONLY"),
        "default": lambda frame: _validate(frame, None),
    }
    results = []
    with tempfile.TemporaryDirectory() as folder, session(cores) as spark:
        spark.conf.set("spark.sql.shuffle.partitions", 2 * cores)
        location = _write_rows(spark, rows, folder)
        for number in range(rounds + 1):
            seconds = {}
            for method in METHODS if number % 2 else reversed(METHODS):
                frame, started = spark.read.parquet(location), time.perf_counter()
                methods[method](frame)
                seconds[method] = time.perf_counter() - started
            log(f"{'warm-up' if not number else f'round {number}'}: {_line(seconds)}")
            if number:
                results.append(seconds)
    return {"rows": rows, "cores": cores, "rules": len(RULES), "rounds": results}


def summary(result: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Return method → its seconds, and its ratio to ``hand-written`` of the same round."""
    return {
        method: {
            "seconds": Spread.of([seconds[method] for seconds in result["rounds"]]),
            "ratio": Spread.of([seconds[method] / seconds["hand-written"] for seconds in result["rounds"]]),
        }
        for method in METHODS
    }


def render(result: Mapping[str, Any]) -> str:
    """Return the summary as text."""
    lines = [f"{result['rows']:,} rows, {result['rules']} rules, local[{result['cores']}]"]
    for method, spreads in summary(result).items():
        lines.append(f"{method:13} {spreads['seconds']} s")
        lines.append(f"              {spreads['ratio']} of hand-written")
    return "\n".join(lines)


def _line(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{method} {duration:.1f} s" for method, duration in seconds.items())


if __name__ == "__main__":
    run(__doc__, measure, summary, render, rows=5_000_000, rounds=6, cores=2)
