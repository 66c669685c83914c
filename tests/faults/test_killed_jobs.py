"""A job that is killed (SIGKILL) at any point loses nothing, and its bookmark is never ahead of its data."""

from __future__ import annotations

import pytest
from fault_bench import campaign


@pytest.mark.parametrize(
    ("kills", "mode"),
    [
        (8, "overwrite"),
        pytest.param(200, "overwrite", marks=[pytest.mark.long, pytest.mark.timeout(2400)]),
        pytest.param(40, "append", marks=[pytest.mark.long, pytest.mark.timeout(1200)]),
    ],
)
def test_a_killed_job_skips_nothing_and_leaves_what_an_undisturbed_one_leaves(
    glue_account, proxy, worker, fault_seed, record_property, kills, mode
):
    tally = campaign(glue_account, proxy, worker, seed=fault_seed, kills=kills, mode=mode)
    record_property("tally", str(tally))
    print(tally)
    assert sum(tally.kills.values()) == kills
    # An appending run that was killed after a write leaves rows that the next run writes again.
    assert bool(sum(tally.repeated.values())) == (mode == "append")
