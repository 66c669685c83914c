"""Whether a commit that could not be verified is undone."""

from __future__ import annotations

import pytest

from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.undo import (
    decide_recent_undo,
    decide_undo,
    describe_recent_undo,
    describe_undo,
)

OWN = Commit("11", RowChange.ADDED, application="app-1", write="run/1")
OTHER_WRITE = Commit("12", RowChange.ADDED, application="app-1", write="run/2")
OTHER_APPLICATION = Commit("12", RowChange.ADDED, application="app-2")
UNNAMED = Commit("12", RowChange.ADDED)


def decide(*commits, before="10", is_known=True, **changes):
    own = [commit.position for commit in commits if commit is OWN]
    options = {"can_roll_back": True, "allowed": True}
    return decide_undo(History("id", commits, is_known), before, own, **{**options, **changes})


def test_a_table_is_returned_if_only_the_write_has_committed():
    undo = decide(OWN)
    assert (undo.roll_back, undo.published, undo.reason) == (True, ("11",), "")


@pytest.mark.parametrize(
    "other", [OTHER_WRITE, OTHER_APPLICATION, UNNAMED], ids=["write", "application", "unnamed"]
)
def test_a_table_is_not_returned_if_another_writer_has_committed(other):
    undo = decide(OWN, other)
    assert (undo.roll_back, undo.published) == (False, ("11",))
    assert undo.reason == "another writer has committed since: 12"


def test_commits_of_others_alone_are_never_removed():
    undo = decide(OTHER_APPLICATION)
    assert (undo.roll_back, undo.published) == (False, ())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"can_roll_back": False}, "no rollback"),
        ({"before": ""}, "no commit before"),
        ({"allowed": False}, "table_rollback = false"),
        ({"is_known": False}, "not part of the table's history"),
    ],
    ids=["format", "first commit", "policy", "history"],
)
def test_a_table_is_not_returned(changes, reason):
    undo = decide(OWN, **changes)
    assert (undo.roll_back, undo.published) == (False, ("11",))
    assert reason in undo.reason


def test_a_write_that_committed_nothing_has_nothing_to_undo():
    undo = decide()
    assert (undo.roll_back, undo.published, undo.reason) == (False, (), "")
    assert describe_undo("db.t", undo, before="10", command="RESTORE") == (
        "table db.t: nothing was committed"
    )


def test_what_is_still_published_is_named_with_the_statement_that_removes_it():
    undo = decide(OWN, OTHER_APPLICATION)
    text = describe_undo("db.t", undo, before="10", command="CALL x.system.rollback(10)")
    assert "commit 11 of this run, which is not verified: another writer has committed since: 12" in text
    assert "to remove it (this may also remove commit 12): CALL x.system.rollback(10)" in text


def test_a_rollback_is_named():
    undo = decide(OWN)
    assert describe_undo("db.t", undo, before="10", command="") == (
        "table db.t was returned to commit 10; commit 11 is not visible any more"
    )


def test_commits_of_others_are_named_if_none_is_the_write_s_own():
    text = describe_undo("db.t", decide(OTHER_APPLICATION), before="10", command="")
    assert text == "table db.t: no commit of this write was found; since it began, it has commit 12"


def made(position, application="app-1", write=""):
    return Commit(position, RowChange.CHANGED, application=application, write=write)


def decide_recent(*commits, verified=(), before="10", **changes):
    options = {"application": "app-1", "is_shared": False, "can_roll_back": True, "allowed": True}
    options |= changes
    return decide_recent_undo(RecentCommits(before, commits), verified=verified, **options)


def test_the_commits_of_the_script_s_own_writes_are_removed():
    undo = decide_recent(made("11"), made("12"))
    assert (undo.before, undo.removed, undo.remaining) == ("10", ("11", "12"), ())
    text = describe_recent_undo("db.t", undo, "CALL x")
    assert text == "table db.t was returned to commit 10; commit 11, 12 is not visible any more"


@pytest.mark.parametrize(
    ("other", "verified"),
    [(made("11", "app-2"), ()), (made("11", write="jr_1/1"), ()), (made("11"), ("11",))],
    ids=["other application", "write with an id", "verified merge"],
)
def test_no_commit_below_that_of_another_write_is_removed(other, verified):
    undo = decide_recent(other, made("12"), verified=verified)
    assert (undo.before, undo.removed, undo.remaining, undo.others) == ("11", ("12",), (), ())
    undo = decide_recent(made("10"), other, made("12"), before="9", verified=verified)
    assert (undo.before, undo.removed, undo.remaining, undo.earlier) == ("11", ("12",), ("10",), "9")
    undo = decide_recent(made("10"), other, before="9", verified=verified)
    assert (undo.removed, undo.remaining, undo.earlier, undo.others) == ((), ("10",), "9", ("11",))
    text = describe_recent_undo("db.t", undo, "CALL x")
    assert "shows commit 10, which this run has not verified: another writer has committed since" in text
    assert text.endswith("to remove it (this may also remove commit 11): CALL x")


def test_commits_without_an_application_stay():
    assert decide_recent(made("11", "app-2")).remaining == ()
    undo = decide_recent(made("11", ""), made("12", "", "other"), application="")
    assert (undo.removed, undo.remaining, undo.earlier, undo.others) == ((), ("11", "12"), "10", ())
    assert "nothing in it names the application" in undo.reason


def test_a_write_of_glue_secure_is_not_taken_for_one_of_the_script():
    undo = decide_recent(made("11", ""), made("12", "", "jr_2/1"), made("13", "", "jr_1/4"), application="")
    assert (undo.removed, undo.remaining, undo.others) == ((), ("11",), ("12", "13"))
    text = describe_recent_undo("db.t", undo, "RESTORE")
    assert "so that it may be another writer's" in text
    warning = "this may also remove commit 12, 13 and commits of another run or writer"
    assert text.endswith(f"to remove it ({warning}): RESTORE")
    alone = decide_recent(made("12", "", "jr_2/1"), application="")
    assert describe_recent_undo("db.t", alone, "RESTORE") == ""


def test_the_error_warns_that_a_removal_may_remove_the_commits_of_another_run():
    text = describe_recent_undo("db.t", decide_recent(made("11"), is_shared=True), "CALL x")
    assert text.endswith("to remove it (this may also remove commits of another run or writer): CALL x")


def test_commits_of_procedures_stay_and_are_named():
    undo = decide_recent(made("11", ""), made("12"), verified=("12",))
    assert (undo.removed, undo.remaining, undo.earlier, undo.others) == ((), ("11",), "10", ("12",))
    text = describe_recent_undo("db.t", undo, "CALL x")
    assert "shows commit 11, which this run has not verified: nothing in it names the application" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"can_roll_back": False}, "no rollback"),
        ({"before": ""}, "no commit before"),
        ({"allowed": False}, "table_rollback = false"),
        ({"is_shared": True}, "another run was open in this Spark application"),
    ],
    ids=["format", "first commit", "policy", "another run"],
)
def test_the_commits_of_the_script_s_own_writes_stay(changes, reason):
    undo = decide_recent(made("11"), **changes)
    assert (undo.removed, undo.remaining) == ((), ("11",))
    assert reason in undo.reason


def test_a_table_without_commits_since_the_start_is_not_named():
    assert describe_recent_undo("db.t", decide_recent(), "") == ""
