"""bench/columns.py: how rounds become rates and ratios."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("columns")
        for name in ("columns", "pairs"):
            sys.modules.pop(name, None)


def test_ratios_are_of_pairs_and_of_one_core(bench):
    slow = dict.fromkeys((*bench.VARIANTS, *bench.LIMITS), 100.0)
    result = {"rows": 10, "cores": 2, "rounds": [{**slow, "tokenise": 50.0}, {**slow, "copy": 400.0}] * 2}
    spread = bench.summary(result)["tokenise"]
    assert (spread["of copy"].lowest, spread["of copy"].median, spread["of copy"].highest) == (
        0.25,
        0.375,
        0.5,
    )
    assert spread["of AES"].highest == 0.5
    assert bench.summary(result)["seal()"]["of AES"].median == 1
    assert "tokenise" in bench.render(result)


def test_the_limits_use_the_values_that_the_variants_write(bench):
    assert set(bench.limits(10)) == set(bench.LIMITS)
    assert len(set(bench.texts(10))) == 10
