"""Combinations on a local cluster and with Hive, with the request guard and without it.

Each session is a process of its own. One runs a few combinations with the suite; the others are marked long.
"""

from __future__ import annotations

import functools
import subprocess

import pytest
from bypass_matrix import NOT_OBSERVED, SESSIONS, combinations_of
from separate_session import results_of

# These run with the suite, with the guard.
ALWAYS = {
    "cluster_short_files_thread_aes256",
    "cluster_glue_files_session_planned",
    "cluster_short_model_script_planned",
    "cluster_glue_put_executor_aes256",
    "cluster_short_put_executor_killed_planned",
}
MASTERS = {"cluster": SESSIONS["cluster"]}


def rows():
    for session in filter(None, SESSIONS):
        for row in combinations_of(session):
            marks = () if row.name in ALWAYS else (pytest.mark.long,)
            yield pytest.param(row, True, id=f"{row.name}-guarded", marks=marks)
            if row.expected(guarded=False)[0] != NOT_OBSERVED:
                yield pytest.param(row, False, id=f"{row.name}-listed", marks=pytest.mark.long)


@pytest.fixture(scope="module")
def run_session(request, glue_account, tmp_path_factory):
    """Return a function that runs the selected combinations of a session once, in one process.

    It returns their results, and why the process failed, ``""`` if it did not.
    """
    items = (item for item in request.session.items if item.path == request.path)
    selected = [item.callspec.params for item in items]

    @functools.cache
    def run(session, guarded):
        names = [
            params["row"].name
            for params in selected
            if (params["row"].session, params["guarded"]) == (session, guarded)
        ]
        try:
            results = results_of(
                "run_combinations.py",
                [session, *names],
                glue_account,
                tmp_path_factory.mktemp(session),
                guarded=guarded,
                master=MASTERS.get(session, "local[2]"),
            )
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return {}, str(error)
        return results, ""

    return run


@pytest.mark.parametrize(("row", "guarded"), list(rows()))
def test_every_combination_of_a_session_is_encrypted_rejected_or_detected(row, guarded, run_session):
    results, failure = run_session(row.session, guarded)
    assert failure == ""
    assert results[row.name]["problem"] == ""
