"""Commits to tables: each is verified, and undone or described if it cannot be verified."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from glue_secure.columns.enforcer import ColumnPolicyEnforcer, ProtectedFrame
from glue_secure.core.errors import ControlError, EngineError, GlueSecureError, UsageError, VerificationError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.identifiers import SCHEMES, S3Uri
from glue_secure.core.ports import Engine, ObjectStore, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite
from glue_secure.io.call_checks import reject_table_options
from glue_secure.io.read_objects import ReadObjects
from glue_secure.io.tables.history import Commit, History, RowChange
from glue_secure.io.tables.increment import Increment, Selection
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import (
    TABLE_MODES,
    BranchOperations,
    RemovedCommitsError,
    TableMode,
    TableOpener,
    TableOperations,
)
from glue_secure.io.tables.undo import (
    Undo,
    decide_recent_undo,
    decide_undo,
    describe_recent_undo,
    describe_undo,
)
from glue_secure.io.writer import DataWriter
from glue_secure.verification.target_guard import TargetGuard

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LOG = redacting_logger(__name__)


@dataclass(slots=True)
class StagedTable:
    """A table whose commits of this run are on a branch until the run commits.

    Attributes:
        table: the table.
        branch: the branch.
        since: the table's position when the branch was created, ``""`` for a table without commits.
        verified: the positions on the branch after ``since`` whose objects are verified, oldest first. Only
            these are published.
        before: the table's position when its publication began, None before.
        published: the positions that the publication made visible.
        objects: the objects of the verified commits, which the publication does not read back again.
    """

    table: TableOperations
    branch: str
    since: str
    verified: tuple[str, ...] = ()
    before: str | None = None
    published: tuple[str, ...] = ()
    objects: set[S3Uri] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Commit:
    """One write: what it does to a table, and where.

    Attributes:
        table: the table.
        write: the id of the write.
        since: the position before it.
        locations: where the table stores objects, its own location first.
        branch: the branch that it writes to, ``""`` for the table itself.
        is_new: whether it creates the table.
        is_alone: whether nothing was at the location of a table that it creates.
    """

    table: TableOperations
    write: str
    since: str
    locations: tuple[str, ...]
    branch: str = ""
    is_new: bool = False
    is_alone: bool = False

    def own(self, commits: Sequence[Commit]) -> tuple[str, ...]:
        """Return the positions of the commits that the write made."""
        return tuple(commit.position for commit in commits if commit.write == self.write)


class _ChangedTableError(Exception):
    """Another writer committed to a table between the decision to roll it back and the rollback."""


@dataclass(eq=False)
class TableWriter:
    """Writes frames to tables of Iceberg, Delta Lake and Hudi.

    Every public method is one operation of the run: a failure marks the run as failed.

    Attributes:
        writer: verifies the objects.
        guard: checks frames and targets.
        engine: the Spark session.
        objects: S3, called from the driver.
        columns: the run's column policy.
        recorder: receives findings and records.
        read_objects: the objects that the run has read.
        operation: the context of one operation of the run.
        run_id: names the branches of the run.
        may_roll_back: whether the policy file allows that a commit which cannot be verified is undone.
    """

    writer: DataWriter
    guard: TargetGuard
    engine: Engine
    objects: ObjectStore
    columns: ColumnPolicyEnforcer
    recorder: RunRecorder
    read_objects: ReadObjects
    operation: Operation
    run_id: str
    may_roll_back: bool = True
    _staged: dict[str, StagedTable] = field(default_factory=dict)
    _verified_positions: set[tuple[str, str]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _locks: dict[str, Any] = field(default_factory=lambda: defaultdict(threading.RLock))

    def write(
        self,
        frame: DataFrame | ProtectedFrame,
        table: TableOperations,
        *,
        mode: TableMode = "append",
        partition_by: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
        overwrite_with_nothing: bool = False,
        staged: bool = False,
        audit: Callable[[DataFrame], object] | None = None,
    ) -> WriteRecord:
        """Write a frame to a table, and verify every object of the commit.

        A frame that is known to have no rows commits nothing, unless ``overwrite_with_nothing`` is true or
        the table is created.

        Args:
            frame: a DataFrame, or a frame that the column policy was applied to already.
            table: the table.
            mode: what the write does to the rows that the table has; ``create`` needs a new table.
            partition_by: partition columns of a new table.
            options: options of Spark's writer.
            overwrite_with_nothing: whether an overwrite by a frame without rows removes the table's rows.
            staged: whether the commit goes to a branch, which :meth:`publish` makes visible.
            audit: called with the rows that the branch has and the table does not; raises to stop the run.

        Raises:
            UsageError: an unknown mode, or a branch of a table that has none.
            RefusedError: before the commit GS-S3-001 to -003, -005, -006, -008 to -010, GS-COL-001,
                GS-COL-003; after it GS-S3-004.
            VerificationError: GS-S3-007.
        """
        with self.operation():
            resource = f"a write to table {table.name}"
            if mode not in TABLE_MODES:
                raise UsageError(resource, found=repr(mode), required=", ".join(TABLE_MODES))
            if partition_by and mode != "create":
                raise UsageError(
                    resource,
                    found=f"partition_by with mode {mode!r}",
                    required="no partition_by: an existing table has its own partitions",
                )
            given = dict(options or {})
            if given:
                reject_table_options(given, resource, table.locations[0])
            self.guard.require_same_session(frame, table.name)
            protected = self.columns.protect(frame, table.name).frame
            if mode != "create" and not overwrite_with_nothing and self._has_no_rows(protected):
                return self._nothing_written(table)
            # Threads of the run write to a table one after the other: none counts as another writer.
            with self._locks[table.name]:
                commit = self._begin(table, staged=staged, is_new=mode == "create")

                def perform() -> None:
                    table.write(
                        protected,
                        mode=mode,
                        partition_by=partition_by,
                        options=given,
                        write=commit.write,
                        branch=commit.branch,
                    )

                return self._commit(commit, perform, audit)

    def merge(
        self,
        frame: DataFrame | ProtectedFrame,
        table: TableOperations,
        merge: Merge,
        *,
        staged: bool = False,
        audit: Callable[[DataFrame], object] | None = None,
    ) -> WriteRecord:
        """Merge a frame into a table, and verify every object of the commit. See :meth:`write`.

        Raises:
            UsageError: the format or the table cannot merge like this.
            RefusedError, VerificationError: as in :meth:`write`.
        """
        with self.operation():
            self.guard.require_same_session(frame, table.name)
            protected = self.columns.protect(frame, table.name).frame
            merge.check_columns(table.name, table.columns(), list(self.engine.columns(protected)))
            if self._has_no_rows(protected):
                return self._nothing_written(table)
            with self._locks[table.name]:
                commit = self._begin(table, staged=staged, is_new=False)

                def perform() -> None:
                    table.merge(protected, merge, write=commit.write, branch=commit.branch)

                return self._commit(commit, perform, audit)

    @property
    def staged(self) -> tuple[StagedTable, ...]:
        """The tables with commits on a branch whose publication has not begun."""
        return tuple(staged for staged in self._staged.values() if staged.before is None)

    def publish(self) -> None:
        """Make the staged commits of every table visible, in the order of the first write to each.

        Only commits that this run has verified are published. If one table cannot be published, every table
        whose publication has begun is returned to its position before, as
        :func:`~glue_secure.io.tables.undo.decide_undo` allows.

        Raises:
            UsageError: another writer has committed to a table, so that the branch cannot be published.
            RefusedError: an object that the publication stored is not as required.
            VerificationError: as RefusedError; or a branch has a commit that was not verified (GS-S3-007).
            GlueSecureError: a table could not be published.
        """
        for staged in self.staged:
            try:
                with self._locks[staged.table.name]:
                    self._publish(staged)
            except BaseException as error:
                described = self.withdraw(error)
                if described is error:
                    raise
                raise described from error

    @property
    def has_published(self) -> bool:
        """Whether the publication of a table has begun, and was not withdrawn."""
        return any(staged.before is not None for staged in self._staged.values())

    def withdraw(self, error: BaseException) -> BaseException:
        """Undo every publication after an error, and return the error with what the tables show then."""
        texts: list[str] = []
        for name, staged in list(self._staged.items()):
            if staged.before is not None:
                with self._locks[name]:
                    texts += self._withdraw(staged)
        return _with_outcome(error, [*texts, *self.unpublished()])

    def describe_published(self, error: BaseException) -> BaseException:
        """Return an error that also names what this run has published, which stays visible."""
        texts = [
            f"table {name} shows commit {', '.join(staged.published)} of this run, which is verified"
            for name, staged in self._staged.items()
            if staged.published
        ]
        return _with_outcome(error, texts)

    def undo_unverified(
        self, error: BaseException, writes: Sequence[UnmanagedWrite], started: datetime
    ) -> BaseException:
        """Undo the commits that a script made to tables without glue-secure, as far as the run owns them.

        Args:
            error: why they are not verified.
            writes: the writes that are not verified.
            started: the start of the run.

        Returns:
            The error, with what each table shows then, and how to remove it.
        """
        texts, unknown = [], set[str]()
        opener = self.engine if isinstance(self.engine, TableOpener) else None
        is_shared = opener is None or opener.is_shared
        for write in dict.fromkeys(replace(write, rows=None) for write in writes):
            table = None if opener is None else opener.written_table(write)
            if table is None:
                unknown.add(write.location)
                continue
            with self._locks[table.name]:
                texts.append(self._undo_recent(table, started, is_shared=is_shared))
        if unknown:
            texts.append(
                f"the commits of Spark to the tables at {', '.join(sorted(unknown))} are visible, and not "
                "all are verified"
            )
        return _with_outcome(error, [text for text in dict.fromkeys(texts) if text])

    def _undo_recent(self, table: TableOperations, started: datetime, *, is_shared: bool) -> str:
        """Undo the newest commits of a table that are not verified, and return what the table shows."""
        try:
            recent = table.commits_since(started)
            # By the table's id: a write of Spark to a location has no name of the Data Catalog.
            table_id = table.history(None).table_id
            verified = {position for known, position in self._verified_positions if known == table_id}
            undo = decide_recent_undo(
                recent,
                application=table.application,
                is_shared=is_shared,
                verified=verified,
                can_roll_back=table.can_roll_back,
                allowed=self.may_roll_back,
            )
            if undo.removed:
                try:
                    history = table.history(undo.before)
                    if tuple(commit.position for commit in history.commits) != undo.removed:
                        raise _ChangedTableError
                    self._roll_back(table, undo.before, history)
                except _ChangedTableError:
                    reason = "another writer has committed since"
                    remaining = (*undo.remaining, *undo.removed)
                    undo = replace(undo, removed=(), remaining=remaining, reason=reason)
            statement = table.undo_statement(undo.earlier, undo.remaining) if undo.earlier else ""
            return describe_recent_undo(table.name, undo, statement)
        except RemovedCommitsError as problem:
            return str(problem)
        except Exception as problem:
            _LOG.warning("table %s: its commits were not undone: %s", table.name, type(problem).__name__)
            return (
                f"table {table.name} may show commits of this run that are not verified: they could not be "
                f"undone ({type(problem).__name__})"
            )

    def unpublished(self) -> tuple[str, ...]:
        """Return a text for each branch that is not published: what it has, and how to remove it."""
        texts = []
        for staged in self.staged:
            branches = staged.table.branches
            statement = branches.drop_branch_statement(staged.branch) if branches is not None else ""
            texts.append(
                f"table {staged.table.name}: the commits of this run are on branch {staged.branch} and not "
                f"visible; to remove them: {statement}"
            )
        return tuple(texts)

    def _begin(self, table: TableOperations, *, staged: bool, is_new: bool) -> _Commit:
        """Check the table's locations and return the commit; create the branch of a staged write."""
        with nullcontext() if is_new else table.loaded_once():
            locations = tuple(table.locations)
            position = "" if is_new or staged else table.position()
        for location in locations:
            uri = S3Uri.parse(location)
            self.guard.reject_reserved_location(uri, "write to")
            self.guard.check_table_bucket(uri, table.identifier)
            self.guard.check_encryption(uri)
        if is_new and table.is_in_use():
            raise UsageError(
                f"mode='create' of table {table.name}",
                found=f"commits of a table at {table.locations[0]}, perhaps of a creation that failed",
                required="a location without a table",
                fix="use another location; or, if nothing uses the table, delete its objects",
            )
        write = f"{self.run_id}/{next(self._numbers)}"
        if not staged:
            is_alone = is_new and self._is_empty(S3Uri.parse(locations[0]))
            return _Commit(table, write, position, locations, is_new=is_new, is_alone=is_alone)
        branches = table.branches
        if branches is None or is_new:
            raise UsageError(
                f"a write to table {table.name}",
                found="publish='after_audit'",
                required="an existing table of Iceberg: other tables have no branches",
                fix="create the table first" if is_new else "remove publish='after_audit'",
            )
        known = self._staged.get(table.name)
        if known is None:
            known = self._stage(table, branches)
        return _Commit(table, write, table.position(known.branch), locations, known.branch)

    def _is_empty(self, location: S3Uri) -> bool:
        """Return whether a location certainly has no object."""
        try:
            return self.objects.first(S3Uri(location.bucket, location.as_prefix())) is None
        except Exception as problem:
            _LOG.warning("%s: whether it is empty is not known: %s", location, type(problem).__name__)
            return False

    def _stage(self, table: TableOperations, branches: BranchOperations) -> StagedTable:
        """Create the run's branch of a table. The metadata that this stores is verified like a write."""
        branch = f"glue_secure_{self.run_id}"
        since = table.position()

        def perform() -> None:
            if branches.has_branch(branch):
                _LOG.warning(
                    "table %s: branch %s of an earlier attempt of this run is removed", table.name, branch
                )
                branches.drop_branch(branch)
            branches.create_branch(branch, since)

        # The branch must not be there before: its rows would not be verified.
        self._verified(table, perform, lambda: since, commands=2)
        if not since and table.position():
            branches.drop_branch(branch)
            raise UsageError(
                f"a write to table {table.name}",
                found="the first commit of another writer, made while the branch of this run was created",
                required="a table whose commits do not change meanwhile",
                fix="start the job again. Nothing of this run is visible",
            )
        # A table without commits gets one without rows, to which the branch refers.
        verified = tuple(commit.position for commit in table.history(since, branch).commits)
        self._staged[table.name] = StagedTable(table, branch, since, verified)
        return self._staged[table.name]

    def _commit(
        self, commit: _Commit, perform: Callable[[], None], audit: Callable[[DataFrame], object] | None
    ) -> WriteRecord:
        table = commit.table
        has_begun = False
        since_then: History | None = None

        def begin() -> None:
            nonlocal has_begun
            has_begun = True
            perform()

        def made() -> Sequence[Commit]:
            nonlocal since_then
            if since_then is None:
                since_then = table.history(commit.since, commit.branch)
            return since_then.commits

        def facts() -> Mapping[str, Any]:
            own = commit.own(made())
            rows = [entry.rows for entry in made() if entry.position in own]
            known = [number for number in rows if number is not None]
            return {
                "table": table.name,
                "commits": own,
                "branch": commit.branch,
                "rows": sum(known) if len(known) == len(rows) else None,
            }

        try:
            # A table that is created is written by a command of its own.
            commands = 2 if commit.is_new else 1
            record = self._verified(
                table,
                begin,
                lambda: commit.since,
                commit.branch,
                facts,
                own=lambda: commit.own(made()),
                commands=commands,
                locations=commit.locations,
            )
            if commit.branch:
                self._accept(commit, record)
            if audit is not None:
                audit(self._rows_of(commit))
            made()
            table_id = since_then.table_id if since_then is not None else ""
            # A commit without an id cannot be distinguished from those of others, so that none is removed.
            verified = record.commits or [entry.position for entry in made()]
            self._verified_positions |= {(table_id, position) for position in verified}
        except BaseException as error:  # also an interrupt: Spark may have committed already
            if not has_begun:
                raise
            described = _with_outcome(error, self._end_failed_write(commit, error))
            if described is error:
                raise
            raise described from error
        return record

    def _end_failed_write(self, commit: _Commit, error: BaseException) -> Sequence[str]:
        """Undo a write that failed after it began. Return what the table shows, and how to remove it.

        The result is empty if an error of Spark came before its commit.
        """
        if commit.branch:
            return self.unpublished()
        if commit.is_new:
            return [self._describe_creation(commit)]
        undo, text = self._undo(commit.table, commit.since, commit.own, is_verified=False)
        # A write did not make the commits that do not have its id.
        has_committed = undo is None or undo.published
        return [text] if has_committed or isinstance(error, ControlError) else []

    @staticmethod
    def _describe_creation(commit: _Commit) -> str:
        """Return what a failed creation has left, with the command that removes it and nothing else."""
        table = commit.table
        try:
            made = table.created()
        except Exception as problem:
            return (
                f"table {table.name} may have been created, and is not verified: its commits cannot be read "
                f"({type(problem).__name__})"
            )
        own = commit.own(made)
        others = ", ".join(entry.position for entry in made if entry.position not in own)
        if not own:
            has_others = f"; it has commit {others} of another writer" if others else ""
            return f"table {table.name}: no commit of this write was found{has_others}"
        text = f"table {table.name} was created by commit {', '.join(own)} of this run, and is not verified"
        if others:
            return (
                f"{text}; another writer has added commit {others}, so that it must not be removed as it is"
            )
        if not (commit.is_alone and table.removal):
            return f"{text}; its location had other objects before, so that these must not be removed with it"
        return f"{text}; to remove it: {table.removal}"

    def _accept(self, commit: _Commit, record: WriteRecord) -> None:
        """Remember the verified commits of a branch. Raise VerificationError if it has others."""
        made = commit.table.history(commit.since, commit.branch)
        self._require_commits(commit.table, commit.branch, made, record.commits)
        staged = self._staged[commit.table.name]
        staged.verified += record.commits
        staged.objects |= {encryption.uri for encryption in record.objects}

    @staticmethod
    def _require_commits(
        table: TableOperations, branch: str, history: History, verified: Sequence[str]
    ) -> None:
        """Raise VerificationError if a branch does not have exactly the verified commits."""
        positions = tuple(entry.position for entry in history.commits)
        if history.is_known and positions == tuple(verified):
            return
        foreign = ", ".join(position for position in positions if position not in verified)
        raise VerificationError(
            "GS-S3-007",
            resource=f"branch {branch} of table {table.name}",
            found=f"commit {foreign}, which this run did not verify" if foreign else "other commits",
            required=f"only the verified commits of this run: {', '.join(verified) or 'none'}",
            fix="find what else writes to the branch, and start the job again. The branch is not published",
        )

    def _verified(
        self,
        table: TableOperations,
        perform: Callable[[], None],
        since: Callable[[], str],
        branch: str = "",
        facts: Callable[[], Mapping[str, Any]] | None = None,
        *,
        own: Callable[[], Collection[str]] = tuple,
        known: Collection[S3Uri] = (),
        commands: int = 1,
        locations: Sequence[str] = (),
    ) -> WriteRecord:
        """Commit, and verify the objects of the own commits after ``since``; all if none is known as own.

        Objects that are ``known`` are verified already.
        ``since`` and ``own`` are called after the commit.
        """

        def named() -> Sequence[S3Uri] | None:
            try:
                with table.loaded_once():
                    objects = table.new_objects(since(), branch, own())
                if objects is None:
                    return None
                uris = [uri for uri in map(_location, objects.named) if uri not in known]
                for prefix, after in objects.listed:
                    uris += [entry.uri for entry in self.objects.list(prefix, start_after=after)]
            except ControlError:
                raise
            except Exception as problem:
                raise VerificationError(
                    "GS-S3-007",
                    resource=f"the objects of a commit to table {table.name}",
                    found=f"{type(problem).__name__}: {problem}",
                    required="the names of all objects that the commit stored",
                    fix="grant the job's role s3:GetObject and s3:ListBucket at the table's locations, and "
                    "start the job again",
                    aws_code=problem.code if isinstance(problem, ServiceError) else None,
                ) from problem
            return uris

        return self.writer.write_table(
            locations or table.locations,
            format=table.format,
            perform=perform,
            named=named,
            is_listed=not table.names_every_object,
            facts=facts or (lambda: {"table": table.name, "branch": branch}),
            commands=commands,
        )

    def _rows_of(self, commit: _Commit) -> DataFrame:
        """Return the rows that a branch has since a commit: the added ones, or all if rows were changed."""
        history = commit.table.history(commit.since, commit.branch)
        changes = {entry.change for entry in history.commits}
        if changes == {RowChange.ADDED} and commit.since:
            increment = Increment(Selection.ADDED, commit.since, history.last, history.commits)
        else:
            increment = Increment(Selection.ALL, "", history.last)
        return commit.table.read(increment)

    def _undo(
        self,
        table: TableOperations,
        since: str,
        own_of: Callable[[Sequence[Commit]], Collection[str]],
        *,
        is_verified: bool,
    ) -> tuple[Undo | None, str]:
        """Return a table to a position if nothing but own commits followed it.

        Returns:
            The decision, None if it is not known; and what is published, with how to remove it.
        """
        try:
            undo, history = self._decide(table, since, own_of)
            if undo.roll_back:
                try:
                    self._roll_back(table, since, history)
                except _ChangedTableError:
                    undo = replace(self._decide(table, since, own_of)[0], roll_back=False)
            statement = ""
            if since and undo.published and not undo.roll_back:
                statement = table.undo_statement(since, undo.published)
            text = describe_undo(table.name, undo, before=since, command=statement, is_verified=is_verified)
            return undo, text
        except RemovedCommitsError as problem:
            return None, str(problem)
        except Exception as problem:
            _LOG.warning("table %s: the failed write was not undone: %s", table.name, type(problem).__name__)
            state = "" if is_verified else " that is not verified"
            return None, (
                f"table {table.name} may show a commit of this run{state}: "
                f"it could not be undone ({type(problem).__name__}); its commit before was {since or 'none'}"
            )

    def _decide(
        self, table: TableOperations, since: str, own_of: Callable[[Sequence[Commit]], Collection[str]]
    ) -> tuple[Undo, History]:
        history = table.history(since)
        own = own_of(history.commits)
        can_roll_back, allowed = table.can_roll_back, self.may_roll_back
        return decide_undo(history, since, own, can_roll_back=can_roll_back, allowed=allowed), history

    def _roll_back(self, table: TableOperations, position: str, decided: History) -> None:
        """Return a table to a position if its commits are those of the decision, and verify what this stores.

        Raises:
            _ChangedTableError: another writer has committed since the decision.
        """

        def perform() -> None:
            present = table.history(position)
            is_same = present.is_known and list(present.commits) == list(decided.commits)
            if not is_same or not table.roll_back(position, decided.last):
                raise _ChangedTableError

        def since() -> str:
            # A rollback of Delta Lake is a further version. One of Iceberg makes no snapshot.
            return decided.last if table.history(decided.last).is_known else position

        self._verified(table, perform, since)

    def _withdraw(self, staged: StagedTable) -> Sequence[str]:
        """Undo the publication of a table. Return what it shows then; nothing if it was not published."""
        own = (*staged.verified, *staged.published)
        undo, text = self._undo(staged.table, staged.before or "", lambda _commits: own, is_verified=True)
        if undo is not None and not undo.published and not undo.others and not staged.published:
            staged.before = None
            return []
        del self._staged[staged.table.name]
        branches = staged.table.branches
        with suppress(Exception):  # the state of the table is more important than its branch
            if branches is not None and branches.has_branch(staged.branch):
                text += f"; to remove its branch: {branches.drop_branch_statement(staged.branch)}"
        return [text]

    def _publish(self, staged: StagedTable) -> None:
        table, branches = staged.table, staged.table.branches
        assert branches is not None  # noqa: S101 - only tables with branches are staged

        def perform() -> None:
            history = table.history(staged.since, staged.branch)
            self._require_commits(table, staged.branch, history, staged.verified)
            staged.before = table.position()
            for position in branches.publish_branch(staged.branch, staged.since, history.commits):
                staged.published += (position,)
            branches.drop_branch(staged.branch)

        def facts() -> Mapping[str, Any]:
            return {"table": table.name, "commits": staged.published}

        # One command publishes each commit at most, another removes the branch.
        commands = 1 + max(1, len(staged.verified))
        self._verified(
            table,
            perform,
            lambda: staged.before or "",
            facts=facts,
            known=staged.objects,
            commands=commands,
        )
        _LOG.info("table %s: commit %s is published", table.name, ", ".join(staged.published))

    def _has_no_rows(self, frame: DataFrame) -> bool:
        if self.engine.is_certainly_empty(frame):
            return True
        return self.read_objects.selected_nothing and self.engine.is_empty(frame)

    def _nothing_written(self, table: TableOperations) -> WriteRecord:
        return self.recorder.write(
            WriteRecord(table.locations[0], table.format, 0, (), 0.0, table=table.name)
        )


def _location(text: str) -> S3Uri:
    """Return the location of an object. Unlike the locations of a job, its key may be of any form.

    Raises:
        ValueError: the text names no object of S3.
    """
    scheme, separator, path = text.partition("://")
    bucket, _, key = path.partition("/")
    if not separator or scheme.lower() not in SCHEMES or not key:
        raise ValueError(f"not an object of S3: {text!r}")
    return S3Uri(bucket, key)


def _cause_of(error: Exception) -> str:
    """Return the first line of an error's message that says more than which call failed, with its type."""
    lines = [line.lstrip(": ") for line in str(error).splitlines() if line.strip()]
    message = next((line for line in lines if not line.startswith("An error occurred while calling")), "")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _with_outcome(error: BaseException, texts: Sequence[str]) -> BaseException:
    """Return an error of the same kind that also says what the tables show.

    An interrupt stays as it is, and the texts are logged.
    """
    if not texts:
        return error
    text = "\n  ".join(texts)
    if isinstance(error, ControlError):
        return error.with_outcome("\n  ".join([error.outcome, text] if error.outcome else [text]))
    if isinstance(error, UsageError):
        fix = f"{error.fix}\n  {text}" if error.fix else ""
        required = error.required if fix else f"{error.required}\n  {text}"
        return UsageError(error.resource, found=error.found, required=required, fix=fix)
    if isinstance(error, EngineError):
        return EngineError(
            error.resource, cause=error.cause, location=error.location, fix=error.fix, outcome=text
        )
    if isinstance(error, GlueSecureError):
        return GlueSecureError(f"{error}\n  {text}", aws_code=error.aws_code)
    if isinstance(error, Exception):
        return EngineError("a commit to a table", cause=_cause_of(error), outcome=text)
    _LOG.error("%s", text)
    return error
