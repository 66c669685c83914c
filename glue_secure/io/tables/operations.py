"""What glue-secure asks of a table, whatever its format. ``engines.spark.tables`` implements it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, get_args, runtime_checkable

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.io.tables.history import Commit, History, RecentCommits
from glue_secure.io.tables.increment import Increment
from glue_secure.io.tables.merge import Merge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TableMode = Literal["append", "overwrite_partitions", "overwrite", "create"]
TableFormat = Literal["iceberg", "delta", "hudi", "parquet", "csv", "json", "avro"]
Publish = Literal["at_once", "after_audit"]
TABLE_MODES: tuple[str, ...] = get_args(TableMode)


@dataclass(frozen=True, slots=True)
class NewObjects:
    """The objects that commits stored, as the table's metadata names them.

    Attributes:
        named: their locations.
        listed: prefixes whose objects after a key belong to the commits as well: the log of Delta Lake, whose
            checkpoints no commit names.
    """

    named: tuple[str, ...]
    listed: tuple[tuple[S3Uri, str], ...] = ()


class RemovedCommitsError(Exception):
    """A rollback has removed commits of other writers. The text says which, and how to read them."""


class BranchOperations(Protocol):
    """The branches of a table of Iceberg, on which commits are not visible to readers of the table."""

    def has_branch(self, branch: str) -> bool:
        """Return whether the table has a branch of this name."""

    def create_branch(self, branch: str, since: str) -> None:
        """Create a branch at a position, ``""`` for a table without commits. Fail if it exists."""

    def publish_branch(self, branch: str, since: str, commits: Sequence[Commit]) -> Iterator[str]:
        """Make commits of a branch the table's own, and yield each position that became visible.

        Commits that were added to the branch later are not published. The branch may be removed.

        Args:
            branch: the branch.
            since: the table's position when the branch was created.
            commits: the commits of the branch after ``since``, oldest first.

        Raises:
            UsageError: another writer has committed to the branch; or to the table since, and the commits do
                not only add rows. Nothing has become visible.
        """

    def drop_branch(self, branch: str) -> None:
        """Remove a branch. Its commits stay until snapshots are expired."""

    def drop_branch_statement(self, branch: str) -> str:
        """Return the SQL statement that removes a branch."""


class TableOperations(Protocol):
    """One table of Iceberg, Delta Lake or Hudi.

    Every position is a text as in :class:`~glue_secure.io.tables.history.Commit`. A ``branch`` is a branch of
    Iceberg; ``""`` is the table itself.
    """

    @property
    def format(self) -> str:
        """``iceberg``, ``delta`` or ``hudi``."""

    @property
    def name(self) -> str:
        """``database.table``, or the location of a table that the Data Catalog does not have."""

    @property
    def identifier(self) -> str:
        """``catalog.database.table`` of Iceberg, ``""`` for other formats."""

    @property
    def application(self) -> str:
        """Spark's application id, if the format stores it with each commit."""

    @property
    def can_roll_back(self) -> bool:
        """Whether :meth:`roll_back` exists for the format."""

    @property
    def branches(self) -> BranchOperations | None:
        """The branches of the table; None if the format has none."""

    @property
    def locations(self) -> Sequence[str]:
        """The locations below which the table stores objects, its own first."""

    @property
    def change_feed_statement(self) -> str:
        """SQL that turns the table's change data feed on; ``""`` if it is on.

        Raises:
            UsageError: the format has none that is read.
        """

    def is_in_use(self) -> bool:
        """Return whether the location of a table that is about to be created has commits of one already.

        False for Iceberg, whose tables the catalog names.
        """

    def created(self) -> Sequence[Commit]:
        """Return the commits of a table that this object was to create, also if others have made them."""

    def columns(self) -> Sequence[str]:
        """Return the names of the table's columns."""

    def loaded_once(self) -> AbstractContextManager[None]:
        """Let the calls of a block use one state of the table, which is loaded when the block begins.

        The block makes no commits.
        """

    @property
    def names_every_object(self) -> bool:
        """Whether :meth:`new_objects` never returns None."""

    def position(self, branch: str = "") -> str:
        """Return the position of the last commit, ``""`` if there is none."""

    def history(self, since: str | None, branch: str = "") -> History:
        """Return the commits after a position; ``""`` for all commits, None for the last one only."""

    def commits_since(self, moment: datetime) -> RecentCommits:
        """Return the commits that were made at a moment (UTC) or later, by the clocks of their writers."""

    def read(self, increment: Increment) -> DataFrame:
        """Return the rows that an increment selects; a frame without rows if it selects none.

        With ``as_changes``, the rows also have the columns ``_change_type``, ``_commit_version`` and
        ``_commit_timestamp``.
        """

    def write(
        self,
        frame: DataFrame,
        *,
        mode: TableMode,
        partition_by: Sequence[str],
        options: Mapping[str, str],
        write: str,
        branch: str = "",
    ) -> None:
        """Write a frame and commit it. ``write`` is stored with the commit where the format can."""

    def merge(self, frame: DataFrame, merge: Merge, *, write: str, branch: str = "") -> None:
        """Merge a frame and commit it. Raises UsageError if the format cannot."""

    def new_objects(self, since: str, branch: str = "", own: Collection[str] = ()) -> NewObjects | None:
        """Return the objects of commits; None if the metadata does not name all.

        Args:
            since: the position after which the commits are.
            branch: the branch that has them.
            own: the positions of the commits; ``()`` for all after ``since``.
        """

    def roll_back(self, position: str, since: str) -> bool:
        """Return the table to a position, if its last commit is ``since``. Called only if ``can_roll_back``.

        Returns:
            Whether the table shows ``position``. False if another writer has committed after ``since``, whose
            commit stays visible.

        Raises:
            RemovedCommitsError: a commit of another writer is not visible any more.
        """

    def undo_statement(self, position: str, own: Collection[str]) -> str:
        """Return SQL that returns the table to a position or removes its own commits, ``""`` for none.

        Args:
            position: the position.
            own: the positions of the commits to remove.
        """

    @property
    def removal(self) -> str:
        """The statement or command that removes a table which was just created; ``""`` for none.

        It may delete every object below the table's location.
        """


@runtime_checkable
class TableOpener(Protocol):
    """An engine that opens the tables which a script wrote to without glue-secure.

    Attributes:
        is_shared: whether another run was open in the Spark application since this run began.
    """

    is_shared: bool

    def written_table(self, write: UnmanagedWrite) -> TableOperations | None:
        """Return the table of a write, None if its format or name is not known."""
