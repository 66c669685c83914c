"""Which rows of a table are new to a bookmark: the decision, without Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from glue_secure.bookmarks.findings import command
from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.errors import UsageError
from glue_secure.io.tables.history import Commit, History, RowChange

ERROR, READ_ALL, READ_CHANGES = "error", "read_all", "read_changes"
ON_CHANGE = (ERROR, READ_ALL, READ_CHANGES)


class Selection(str, Enum):
    """What is read."""

    ALL = "all"
    """All rows at ``until``."""
    ADDED = "added"
    """The rows that ``commits`` added."""
    CHANGED = "changed"
    """The changes of rows by ``commits``, from the table's change data feed."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Increment:
    """What one run reads of a table.

    Attributes:
        selection: which rows.
        since: the position after which rows are new, ``""`` if all rows are read.
        until: the position up to which rows are read, ``""`` for a table without commits.
        commits: the commits after ``since``, up to ``until``.
        removed: number of these commits that removed rows and added none. Their rows are in what was read
            earlier.
        reason: why all rows are read although there is a bookmark, ``""`` otherwise.
        as_changes: whether the rows have the columns of the change data feed.
    """

    selection: Selection
    since: str
    until: str
    commits: Sequence[Commit] = ()
    removed: int = 0
    reason: str = ""
    as_changes: bool = False


def plan_increment(
    table: str,
    history: History,
    state: TableSourceState | None,
    *,
    on_change: str = ERROR,
    job: str = "",
    transformation_ctx: str = "",
) -> Increment:
    """Return what a run reads.

    Args:
        table: ``database.table``, for messages.
        history: the commits after the position of ``state``.
        state: the bookmark's state of the source; None for the first read.
        on_change: the action if rows were changed since the bookmark, or if the commits since then are not
            known: ``error``, or ``read_all`` rows at the present commit. ``read_changes`` reads the changes
            of rows, and is ``error`` if the commits are not known.
        job: the job's name, for messages.
        transformation_ctx: the source's name, for messages.

    Raises:
        UsageError: the new rows cannot be determined, and ``on_change`` is ``error``.
    """
    as_changes = on_change == READ_CHANGES
    if state is None:
        selection = Selection.ALL if history.commits else Selection.NOTHING
        return Increment(selection, "", history.last, history.commits, as_changes=as_changes)
    problem = _unknown_commits(table, history, state) or ("" if as_changes else _changes(history))
    if problem:
        if on_change == READ_ALL:
            return Increment(Selection.ALL, "", history.last, history.commits, reason=problem)
        raise UsageError(
            f"the bookmark {transformation_ctx!r} of table {table}",
            found=problem,
            required="commits that only add rows since the bookmark",
            fix="in a job that merges its input by key, job.read.table(..., on_change='read_all') reads the "
            "whole table in this case; a job that overwrites its target reads without bookmark; "
            f"{command('skip', job, transformation_ctx)} leaves the changed rows out for good",
        )
    removed = sum(commit.change is RowChange.REMOVED for commit in history.commits)
    until = history.last or state.position
    if as_changes:
        is_changed = any(commit.change is not RowChange.NONE for commit in history.commits)
        selection = Selection.CHANGED if is_changed else Selection.NOTHING
        return Increment(selection, state.position, until, history.commits, as_changes=True)
    if not any(commit.change is RowChange.ADDED for commit in history.commits):
        return Increment(Selection.NOTHING, state.position, until, history.commits, removed)
    return Increment(Selection.ADDED, state.position, until, history.commits, removed)


def until_position(history: History, position: str, since: str = "") -> History:
    """Return the history up to a position, for a run that repeats a range.

    Args:
        history: the commits after ``since``.
        position: the position.
        since: the position at which the range begins. If it is the last one too, the range has no commits.

    Raises:
        UsageError: the position is not in the history any more.
    """
    if position == since:
        return History(history.table_id, (), history.is_known)
    for number, commit in enumerate(history.commits, 1):
        if commit.position == position:
            return History(history.table_id, history.commits[:number], history.is_known)
    raise UsageError(
        "--job-bookmark-to",
        found=f"commit {position}, which is not in the table's history any more",
        required="a commit that the table still has",
        fix="choose a later run, or read the table without a bookmark",
    )


def _unknown_commits(table: str, history: History, state: TableSourceState) -> str:
    """Return why the commits since the bookmark are not known, ``""`` if they are."""
    if state.table_id != history.table_id:
        return f"another table with the name {table}: it was dropped and created again"
    if not history.is_known:
        return f"commit {state.position}, which expired or was rolled back"
    return ""


def _changes(history: History) -> str:
    """Return which commits changed or replaced rows, ``""`` if none did."""
    changed = Counter(
        commit.operation or commit.change.value
        for commit in history.commits
        if commit.change is RowChange.CHANGED
    )
    named = ", ".join(f"{count} {operation}" for operation, count in sorted(changed.items()))
    return f"commits that changed or replaced rows since the bookmark ({named})" if named else ""
