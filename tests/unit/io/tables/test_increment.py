"""Which rows of a table are new to a bookmark."""

from __future__ import annotations

import pytest

from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.errors import UsageError
from glue_secure.io.tables.history import Commit, History, RowChange
from glue_secure.io.tables.increment import Selection, plan_increment, until_position

STATE = TableSourceState("iceberg", "db.orders", "id-1", "10")


def history(*changes, table_id="id-1", is_known=True):
    commits = [
        Commit(str(position), RowChange(change), operation=f"op-{change}")
        for position, change in enumerate(changes, 11)
    ]
    return History(table_id, tuple(commits), is_known)


def plan(found, state=STATE, **options):
    return plan_increment("db.orders", found, state, job="curate", transformation_ctx="orders", **options)


def test_the_first_read_is_of_all_rows_at_the_last_commit():
    increment = plan(history("changed", "added"), state=None)
    assert (increment.selection, increment.since, increment.until) == (Selection.ALL, "", "12")


def test_the_first_read_of_a_table_without_commits_is_of_nothing():
    increment = plan(history(), state=None)
    assert (increment.selection, increment.until) == (Selection.NOTHING, "")


def test_without_new_commits_nothing_is_read_and_the_position_stays():
    increment = plan(history())
    assert (increment.selection, increment.since, increment.until) == (Selection.NOTHING, "10", "10")


def test_added_rows_are_read_from_the_bookmark_to_the_last_commit():
    increment = plan(history("added", "none", "added"))
    assert (increment.selection, increment.since, increment.until) == (Selection.ADDED, "10", "13")


def test_a_compaction_has_no_new_rows_and_moves_the_position():
    increment = plan(history("none"))
    assert (increment.selection, increment.until) == (Selection.NOTHING, "11")


def test_commits_that_only_remove_rows_are_counted():
    increment = plan(history("removed", "added", "removed"))
    assert (increment.selection, increment.removed) == (Selection.ADDED, 2)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (
            history("added", "changed", "changed"),
            "changed or replaced rows since the bookmark (2 op-",
        ),
        (history("added", is_known=False), "commit 10, which expired or was rolled back"),
        (history("added", table_id="id-2"), "it was dropped and created again"),
    ],
    ids=["changed rows", "unknown commit", "another table"],
)
def test_rows_that_cannot_be_determined_stop_the_read_or_are_all_read(found, named):
    with pytest.raises(UsageError) as caught:
        plan(found)
    assert named in str(caught.value)
    assert "glue-secure bookmark skip curate orders" in str(caught.value)
    increment = plan(found, on_change="read_all")
    assert (increment.selection, increment.until) == (Selection.ALL, found.last)
    assert named in increment.reason


def test_a_range_ends_at_its_own_position():
    found = until_position(history("added", "added", "changed"), "12")
    assert [commit.position for commit in found.commits] == ["11", "12"]
    assert plan(found).selection is Selection.ADDED


def test_a_range_that_begins_where_it_ends_reads_nothing():
    found = until_position(history("added"), "10", since="10")
    assert plan(found).selection is Selection.NOTHING
    assert plan(found).until == "10"


def test_a_range_whose_end_is_gone_is_rejected():
    with pytest.raises(UsageError, match="not in the table's history any more"):
        until_position(history("added"), "99")


def test_changes_are_read_from_the_bookmark_to_the_last_commit():
    increment = plan(history("added", "changed", "removed"), on_change="read_changes")
    assert (increment.selection, increment.since, increment.until) == (Selection.CHANGED, "10", "13")
    assert increment.as_changes
    increment = plan(history("none"), on_change="read_changes")
    assert (increment.selection, increment.until, increment.as_changes) == (Selection.NOTHING, "11", True)
    increment = plan(history("added"), state=None, on_change="read_changes")
    assert (increment.selection, increment.as_changes) == (Selection.ALL, True)


@pytest.mark.parametrize(
    "found", [history("added", is_known=False), history("added", table_id="id-2")], ids=["expired", "dropped"]
)
def test_changes_after_a_commit_that_is_not_known_are_not_read(found):
    with pytest.raises(UsageError, match="commits that only add rows"):
        plan(found, on_change="read_changes")
