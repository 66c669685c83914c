"""Whether a commit that could not be verified is undone: the decision, without Spark."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from glue_secure.io.tables.history import History, RecentCommits

# RUN_ID/NUMBER, the id that glue-secure gives to a write.
_WRITE_OF_GLUE_SECURE = re.compile(r"[^/\s]+/[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Undo:
    """What happens to the commits of a write whose verification failed.

    Attributes:
        published: the positions of the commits that the write made; empty if it made none.
        roll_back: whether the table is returned to the position before the write.
        reason: why the table is not returned to that position, ``""`` if it is or if nothing was committed.
        others: the positions of the other commits since then.
    """

    published: tuple[str, ...]
    roll_back: bool
    reason: str = ""
    others: tuple[str, ...] = ()


def decide_undo(
    history: History, before: str, own: Collection[str], *, can_roll_back: bool, allowed: bool
) -> Undo:
    """Return whether a table is returned to the position that it had before a write.

    It is only returned to that position if every commit since then is the write's own: a rollback would
    otherwise remove what another writer has published.

    Args:
        history: the table's commits after ``before``, read after the failure.
        before: the position before the write, ``""`` for a table without commits.
        own: the positions of the write's own commits.
        can_roll_back: whether the format has a rollback.
        allowed: whether the policy allows it.
    """
    published = tuple(commit.position for commit in history.commits if commit.position in own)
    if not history.commits and history.is_known:
        return Undo((), False)
    others = tuple(commit.position for commit in history.commits if commit.position not in own)
    if not history.is_known:
        reason = f"commit {before or 'none'} is not part of the table's history any more"
        return Undo(published, False, reason, others)
    if others:
        reason = f"another writer has committed since: {', '.join(others[:3])}"
        return Undo(published, False, reason, others)
    if not can_roll_back:
        return Undo(published, False, "this format has no rollback that glue-secure uses")
    if not before:
        return Undo(published, False, "the table had no commit before")
    if not allowed:
        return Undo(published, False, "the policy file has table_rollback = false")
    return Undo(published, True)


def describe_undo(table: str, undo: Undo, *, before: str, command: str, is_verified: bool = False) -> str:
    """Return what is published after a failure, and how to remove it, as lines of an error.

    Args:
        table: ``database.table``.
        undo: the decision, which was carried out.
        before: the position before the write.
        command: a statement that returns the table to ``before``; ``""`` if there is none.
        is_verified: whether the objects of the commits were verified before the failure.
    """
    commits = ", ".join(undo.published)
    if undo.roll_back:
        return f"table {table} was returned to commit {before}; commit {commits} is not visible any more"
    others = ", ".join(undo.others)
    if not undo.published:
        if undo.others:
            return f"table {table}: no commit of this write was found; since it began, it has commit {others}"
        return f"table {table}: nothing was committed"
    state = "" if is_verified else ", which is not verified"
    lines = [f"table {table} still shows commit {commits} of this run{state}: {undo.reason}"]
    if command:
        also = f" (this may also remove commit {others})" if others else ""
        lines.append(f"to remove it{also}: {command}")
    return "\n  ".join(lines)


@dataclass(frozen=True, slots=True)
class RecentUndo:
    """What happens to the commits of a script's own writes, after their verification failed.

    Attributes:
        before: the position to which the table is returned, ``""`` for none.
        removed: the positions that the run provably made, after ``before``, up to the newest; empty if the
            table is not returned.
        remaining: the positions since the run's start that may be of the run and stay.
        earlier: the position before the first of all these, ``""`` for none.
        others: the positions after ``earlier`` that are of others, or verified.
        reason: why the table is not returned.
        may_be_foreign: whether the remaining commits may be of another run or writer.
    """

    before: str
    removed: tuple[str, ...]
    remaining: tuple[str, ...]
    earlier: str
    others: tuple[str, ...]
    reason: str = ""
    may_be_foreign: bool = False


def decide_recent_undo(
    recent: RecentCommits,
    *,
    application: str,
    is_shared: bool,
    verified: Collection[str],
    can_roll_back: bool,
    allowed: bool,
) -> RecentUndo:
    """Return whether the newest commits of a table are removed, because the run made and did not verify them.

    A commit provably belongs to the run if it was made since the run's start and has the id of its Spark
    application, which no other run has used since. Only commits after the last one of anything else are
    removed.

    Args:
        recent: the table's commits since the run's start.
        application: the run's Spark application; ``""`` if the format does not record it.
        is_shared: whether another run was open in the application since the run's start.
        verified: the positions that ``job.write`` has verified.
        can_roll_back: whether the format has a rollback.
        allowed: whether the policy allows it.
    """
    known = [commit for commit in recent.commits if commit.position not in verified]
    own = [
        commit.position
        for commit in known
        if application and commit.application == application and not commit.write
    ]
    # Without an application, any commit may be the run's; as without one that names it: procedures do not. A
    # write of glue-secure is verified by the run that made it.
    possible = own or [
        commit.position
        for commit in known
        if not commit.application and not _WRITE_OF_GLUE_SECURE.match(commit.write)
    ]
    positions = [commit.position for commit in recent.commits]
    start = min((positions.index(position) for position in possible), default=len(positions))
    earlier = positions[start - 1] if start else recent.before
    others = tuple(position for position in positions[start:] if position not in possible)
    first = len(recent.commits)
    while first and recent.commits[first - 1].position in own:
        first -= 1
    newest = tuple(commit.position for commit in recent.commits[first:])
    before = recent.commits[first - 1].position if first else recent.before
    reason = ""
    if possible and not own:
        reason = "nothing in it names the application that made it, so that it may be another writer's"
    elif own and not newest:
        reason = "another writer has committed since"
    elif own and is_shared:
        reason = "another run was open in this Spark application, so that it may have made the commit"
    elif not can_roll_back:
        reason = "this format has no rollback that glue-secure uses"
    elif not before:
        reason = "the table had no commit before"
    elif not allowed:
        reason = "the policy file has table_rollback = false"
    if possible and not reason:
        remaining = tuple(position for position in own if position not in newest)
        return RecentUndo(before, newest, remaining, earlier, others)
    may_be_foreign = bool(possible) and (not own or is_shared)
    return RecentUndo("", (), tuple(possible), earlier, others, reason, may_be_foreign)


def describe_recent_undo(table: str, undo: RecentUndo, command: str) -> str:
    """Return what a table shows after :func:`decide_recent_undo`, as lines of an error; ``""`` for nothing.

    Args:
        table: ``database.table``, or the location.
        undo: the decision, which was carried out.
        command: a statement that returns the table to ``undo.earlier``; ``""`` if there is none.
    """
    lines = []
    if undo.removed:
        lines.append(
            f"table {table} was returned to commit {undo.before}; commit {', '.join(undo.removed)} is not "
            "visible any more"
        )
    if undo.remaining:
        why = undo.reason or "other commits follow"
        commits = ", ".join(undo.remaining)
        lines.append(f"table {table} shows commit {commits}, which this run has not verified: {why}")
        if command:
            also = [f"commit {', '.join(undo.others)}"] if undo.others else []
            also += ["commits of another run or writer"] if undo.may_be_foreign else []
            warning = f" (this may also remove {' and '.join(also)})" if also else ""
            lines.append(f"to remove it{warning}: {command}")
    return "\n  ".join(lines)
