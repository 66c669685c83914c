"""bench/lakeformation.py: numbers of steps and requests, and memory."""

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


def test_a_plan_reads_each_list_once_and_grants_are_batched(bench):
    measured = {operation.name: operation for operation in bench.measure(300, 20, 5, lambda _name: None)}
    grants = 300 + 20
    assert measured["plan"].steps == 5 + 300 + grants
    # one request each: settings, databases, tags, expressions, filters, locations, opt-ins, grants
    assert measured["plan"].requests == 8
    # for each of the 5 tags: a search of databases and one of tables (60 tables, one page)
    assert measured["again"].requests == 8 + 5 * 2
    assert measured["again"].steps == measured["apply"].steps == 0
    assert measured["apply"].requests == 5 + 300 + grants // 20 + measured["again"].requests


@pytest.mark.long
def test_memory_does_not_depend_on_the_size_of_the_account(bench):
    full = bench.measure(10_000, 500, 50, lambda _name: None)
    tenth = bench.measure(1_000, 500, 50, lambda _name: None)
    assert full[-1].peak - tenth[-1].peak < bench.TARGET_FLAT
