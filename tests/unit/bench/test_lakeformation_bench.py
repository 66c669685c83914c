"""bench/lakeformation.py: small, it measures what it says; large, the pass stays one pass and flat."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("lakeformation")
        sys.modules.pop("lakeformation", None)


def test_a_plan_is_one_pass_of_pages_and_grants_go_in_twenties(bench):
    found = {one.what: one for one in bench.measure(300, 20, 5, lambda _what: None)}
    grants = 300 + 20
    assert found["plan"].steps == 5 + 300 + grants
    # a look each: settings, databases, tags, expressions, filters, locations, opt-ins, grants
    assert found["plan"].requests == 8
    # of the 5 tags: the databases, and 60 tables on a page of a hundred
    assert found["again"].requests == 8 + 5 * 2
    assert found["again"].steps == found["apply"].steps == 0
    assert found["apply"].requests == 5 + 300 + grants // 20 + found["again"].requests


@pytest.mark.long
def test_memory_goes_with_the_file_and_not_with_the_account(bench):
    whole = bench.measure(10_000, 500, 50, lambda _what: None)
    tenth = bench.measure(1_000, 500, 50, lambda _what: None)
    assert whole[-1].peak - tenth[-1].peak < bench.TARGET_FLAT
