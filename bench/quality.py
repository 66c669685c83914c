"""What it costs to hold a frame against a suite: plain Great Expectations, the gate, an aggregation by hand.

Each round measures the same Parquet files (on the local disk, one Spark session) with the same suite of
twelve expectations, four ways; every other round goes the other way round:

    hand   one aggregation and one count of keys, written by hand, decided by nobody
    gate   the gate's own check (``glue_secure/quality/checker.py``)
    plain  Great Expectations as its guide shows it: an ephemeral context, ``batch.validate(suite)``, its
           default result format, the frame not cached
    counts the same with ``result_format="BOOLEAN_ONLY"``, the least that can be asked of it

Ratios are of pairs: each way against ``hand`` of its round. Before the first round every way runs once.
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

WAYS = ("hand", "gate", "counts", "plain")
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


def _lay(spark: Any, rows: int, folder: str) -> str:
    from pyspark.sql import functions as F

    place = f"{folder}/flights"
    carriers = F.array(*(F.lit(one) for one in ("AA", "B6", "DL", "UA")))
    spark.range(rows, numPartitions=spark.sparkContext.defaultParallelism).select(
        "id",
        F.element_at(carriers, (F.col("id") % 4 + 1).cast("int")).alias("carrier"),
        (F.hash("id") % 100 + 90).alias("delay"),
        F.concat(F.lit("N"), F.abs(F.hash("id") % 100_000).cast("string")).alias("tail"),
        (F.col("id") % 1000).alias("left"),
        (F.col("id") % 1000 + 7).alias("landed"),
    ).write.parquet(place)
    return place


def _by_hand(frame: Any) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    one = {
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
    frame.agg(*(column.alias(name) for name, column in one.items())).first()
    # A window sorts the keys; groupBy("id").count() hashes them first, for nothing where each is another.
    doubles = F.count(F.lit(1)).over(Window.partitionBy("id"))
    frame.where("id is not null").select("id", doubles.alias("n")).where("n > 1").count()


def _plainly(frame: Any, form: str | None) -> None:
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_spark(uuid.uuid4().hex, persist=False)
        whole = source.add_dataframe_asset("flights").add_batch_definition_whole_dataframe("all")
        batch = whole.get_batch(batch_parameters={"dataframe": frame})
        made = [get_expectation_impl(kind)(**given) for kind, given in RULES]
        how = {} if form is None else {"result_format": form}
        if not batch.validate(gx.ExpectationSuite(name="flights", expectations=made), **how).success:
            raise RuntimeError("the suite is broken, and should be met")


def measure(rows: int, rounds: int, cores: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of each way in each round."""
    from verify import session

    from glue_secure.quality.checker import Checker
    from glue_secure.quality.suite import Suite

    listed = [{"type": kind, "kwargs": given} for kind, given in RULES]
    suite = Suite.parse(json.dumps({"name": "flights", "expectations": listed}).encode(), location="flights")
    checker = Checker(suite)

    def gate(frame: Any) -> None:
        if not all(one.passed for one in checker.check(frame).outcomes):
            raise RuntimeError("the suite is broken, and should be met")

    ways: dict[str, Callable[[Any], None]] = {
        "hand": _by_hand,
        "gate": gate,
        "counts": lambda frame: _plainly(frame, "BOOLEAN_ONLY"),
        "plain": lambda frame: _plainly(frame, None),
    }
    found = []
    with tempfile.TemporaryDirectory() as folder, session(cores) as spark:
        spark.conf.set("spark.sql.shuffle.partitions", 2 * cores)
        place = _lay(spark, rows, folder)
        for number in range(rounds + 1):
            taken = {}
            for way in WAYS if number % 2 else reversed(WAYS):
                frame, begun = spark.read.parquet(place), time.perf_counter()
                ways[way](frame)
                taken[way] = time.perf_counter() - begun
            say(f"{'warm-up' if not number else f'round {number}'}: {_line(taken)}")
            if number:
                found.append(taken)
    return {"rows": rows, "cores": cores, "rules": len(RULES), "rounds": found}


def summary(found: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Way → its seconds, and its ratio to ``hand`` of the same round."""
    return {
        way: {
            "seconds": Spread.of([one[way] for one in found["rounds"]]),
            "of hand": Spread.of([one[way] / one["hand"] for one in found["rounds"]]),
        }
        for way in WAYS
    }


def render(found: Mapping[str, Any]) -> str:
    """The summary as text."""
    lines = [f"{found['rows']:,} rows, {found['rules']} rules, local[{found['cores']}]"]
    for way, told in summary(found).items():
        lines.append(f"{way:7} {told['seconds']} s")
        lines.append(f"        {told['of hand']} of hand")
    return "\n".join(lines)


def _line(taken: Mapping[str, float]) -> str:
    return ", ".join(f"{way} {seconds:.1f} s" for way, seconds in taken.items())


if __name__ == "__main__":
    run(__doc__, measure, summary, render, rows=5_000_000, rounds=6, cores=2)
