"""A job that is killed (SIGKILL) at any point loses nothing, and its bookmark is never ahead of its data."""

from __future__ import annotations

import pytest
from fault_bench import campaign

KILLS = 20


@pytest.mark.long
def test_a_killed_job_skips_nothing_and_leaves_what_an_undisturbed_one_leaves(
    glue_account, proxy, worker, fault_seed
):
    tally = campaign(glue_account, proxy, worker, seed=fault_seed, kills=KILLS)
    assert sum(tally.kills.values()) == KILLS
