"""bench/quality.py: the ratios of a benchmark, and its suite."""

import importlib
import sys
from pathlib import Path

import pytest

from glue_secure.quality.conditions import COLUMN_CONDITIONS, RECORD_CONDITIONS
from glue_secure.quality.plans import AGGREGATES

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("quality")
        for name in ("quality", "pairs"):
            sys.modules.pop(name, None)


def test_ratios_compare_runs_of_the_same_round(bench):
    first, second = dict.fromkeys(bench.METHODS, 2.0), dict.fromkeys(bench.METHODS, 1.0)
    result = {
        "rows": 1,
        "cores": 1,
        "rules": 1,
        "rounds": [{**first, "default": 8.0}, {**second, "default": 2.0}],
    }
    spreads = bench.summary(result)["default"]
    assert (spreads["ratio"].lowest, spreads["ratio"].highest, spreads["seconds"].median) == (2, 4, 5)
    assert "default" in bench.render(result)


def test_all_rules_of_the_benchmark_are_measured_in_one_pass(bench):
    planned = {*COLUMN_CONDITIONS, *RECORD_CONDITIONS, *AGGREGATES}
    planned |= {"expect_column_values_to_be_unique", "expect_table_row_count_to_be_between"}
    planned |= {"expect_column_to_exist"}
    assert {kind for kind, _ in bench.RULES} <= planned
