"""bench/quality.py: how rounds become ratios, and what the three ways measure."""

import importlib
import sys
from pathlib import Path

import pytest

from glue_secure.quality.plans import SUPPORTED

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("quality")
        for name in ("quality", "pairs"):
            sys.modules.pop(name, None)


def test_ratios_compare_runs_of_the_same_round(bench):
    first, second = dict.fromkeys(bench.WAYS, 2.0), dict.fromkeys(bench.WAYS, 1.0)
    found = {"rows": 1, "cores": 1, "rules": 1, "rounds": [{**first, "plain": 8.0}, {**second, "plain": 2.0}]}
    told = bench.summary(found)["plain"]
    assert (told["of hand"].lowest, told["of hand"].highest, told["seconds"].median) == (2, 4, 5)
    assert "plain" in bench.render(found)


def test_all_rules_of_the_benchmark_are_measured_in_one_pass(bench):
    assert {kind for kind, _ in bench.RULES} <= SUPPORTED
