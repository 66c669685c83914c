"""bench/audit.py: the number of API calls of an audit."""

import importlib
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.delitem(sys.modules, "audit", raising=False)
    yield importlib.import_module("audit")
    sys.modules.pop("audit", None)


def test_an_audit_needs_few_calls_for_each_resource(bench):
    measured = bench.measure(300, 60, 15, latency=0)
    # Two pages of jobs, the runs of each job, and three pages of log groups are the calls that grow.
    assert measured.calls_each <= bench.TARGET_CALLS
    assert measured.calls > 300
