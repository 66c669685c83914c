"""Two runs of a job at once, against a real endpoint: one commits, and the other reports the conflict."""

from __future__ import annotations

import pytest
from fault_bench import race


@pytest.mark.parametrize("races", [4, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_of_two_runs_that_meet_anywhere_exactly_one_commits(
    glue_account, proxy, worker, other_worker, fault_seed, races
):
    ends = race(glue_account, proxy, worker, other_worker, seed=fault_seed, races=races)
    print(ends)
    assert ends["lost"] + ends["overwritten"] >= races // 4
