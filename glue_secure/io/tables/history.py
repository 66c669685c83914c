"""What a table's own metadata says about its commits, alike for Iceberg, Delta Lake and Hudi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class RowChange(str, Enum):
    """What a commit did to the rows of a table.

    For Hudi, a commit that upserts counts as ``ADDED``: its incremental query returns inserted and updated
    rows alike.
    """

    ADDED = "added"
    """It added rows and changed none."""
    NONE = "none"
    """It changed files or metadata only: a compaction."""
    REMOVED = "removed"
    """It removed rows and added none."""
    CHANGED = "changed"
    """It changed or replaced rows."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a table.

    Attributes:
        position: where a reader that has read this commit is: the snapshot id of Iceberg, the version of
            Delta Lake, the completion time of Hudi's instant.
        change: what it did to the rows.
        operation: the format's name of the operation, for messages (``overwrite``, ``MERGE``).
        application: Spark's application id, ``""`` if the format does not record it.
        write: the id that glue-secure gave to the write, ``""`` if the format recorded none.
        instant: the time by which Hudi's rows name the commit; ``""`` for the other formats.
        rows: number of rows that it wrote; None if the format does not say.
        made: when it was made, by the clock of its writer; None if that is not known.
    """

    position: str
    change: RowChange
    operation: str = ""
    application: str = ""
    write: str = ""
    instant: str = ""
    rows: int | None = None
    made: datetime | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The commits of a table's present state that follow a position, oldest first.

    Attributes:
        table_id: the id that the format gave to the table; another table of the same name has another one.
        commits: the commits after the position; without a position, at least the last one.
        is_known: whether the position is part of the table's present history, so that ``commits`` is
            complete. False if its commit has been removed from the metadata or was rolled back.
    """

    table_id: str
    commits: Sequence[Commit]
    is_known: bool = True

    @property
    def last(self) -> str:
        """The position after the last commit, ``""`` if there is none."""
        return self.commits[-1].position if self.commits else ""


@dataclass(frozen=True, slots=True)
class RecentCommits:
    """The commits that a table has since a moment, oldest first.

    Attributes:
        before: the position before the first of them, ``""`` for a table without earlier commits.
        commits: the commits.
    """

    before: str
    commits: Sequence[Commit]
