"""Faults of S3 and the other services: 500, 503, resets, truncated bodies, lost responses, timeouts."""

from __future__ import annotations

import pytest
from fault_bench import harm
from fault_proxy import FAULTS


@pytest.mark.parametrize("runs", [6, pytest.param(120, marks=[pytest.mark.long, pytest.mark.timeout(2400)])])
def test_bad_answers_lose_nothing_and_the_bookmark_is_never_ahead(
    glue_account, proxy, worker, fault_seed, runs
):
    tally = harm(glue_account, proxy, worker, seed=fault_seed, runs=runs)
    print(tally)
    assert set(+tally.faults) == set(FAULTS), "each kind was met"
    assert sum(tally.failed.values()) >= runs // 12, "some were too many for retries"
    assert sum(tally.failed.values()) < sum(tally.faults.values()), "and some were not"
