"""Tables of Iceberg, through an Iceberg catalog of the session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import quoted
from glue_secure.engines.spark.tables.located import (
    LoadedOnce,
    newest_iceberg_table,
    no_change_feed,
    temporary_view,
)
from glue_secure.engines.spark.write_monitor.spark_hooks import suppress_write_monitoring
from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.increment import Increment, Selection
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import NewObjects, TableMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WRITE = "glue-secure-write"
"""The property of a snapshot that names the write."""
BRANCH_DAYS = 7
"""Days after which ``expire_snapshots`` removes a branch that was not published."""
_MAIN = "main"
_ATTEMPTS = 10
"""Attempts to commit a change of the table's snapshot while other writers commit."""
_STAGING = ("spark.wap.branch", "spark.wap.id")
# Properties that name further locations. https://iceberg.apache.org/docs/1.10.0/configuration/
_PATHS = (
    "write.data.path",
    "write.folder-storage.path",
    "write.metadata.path",
    "write.object-storage.path",
)


@dataclass(frozen=True)
class IcebergTable(LoadedOnce):
    """See :class:`~glue_secure.io.tables.operations.TableOperations`.

    Attributes:
        spark: the session.
        catalog: name of the session's Iceberg catalog.
        database: the database's name.
        table: the table's name.
        new_location: S3 location of a table that does not exist yet, ``""`` for an existing one.
        is_in_bucket: whether the catalog is a table bucket of Amazon S3 Tables, not the Data Catalog.
    """

    spark: SparkSession
    catalog: str
    database: str
    table: str
    new_location: str = ""
    is_in_bucket: bool = field(default=False, kw_only=True)
    format: str = field(default="iceberg", init=False)
    can_roll_back: bool = field(default=True, init=False)
    names_every_object: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        """``database.table``, with the catalog's name if this is a table bucket."""
        return self.identifier if self.is_in_bucket else f"{self.database}.{self.table}"

    @property
    def identifier(self) -> str:
        """``catalog.database.table``."""
        return f"{self.catalog}.{self.database}.{self.table}"

    @property
    def branches(self) -> IcebergTable:
        """The table itself."""
        return self

    @property
    def application(self) -> str:
        """Spark's application id."""
        return str(self.spark.sparkContext.applicationId)

    @property
    def locations(self) -> Sequence[str]:
        """The table's location, and those that its properties name."""
        if self.new_location:
            return [self.new_location]
        loaded = self._load()
        properties = loaded.properties()
        others = (properties.get(name) for name in _PATHS)
        return list(dict.fromkeys([str(loaded.location()), *(str(path) for path in others if path)]))

    @property
    def change_feed_statement(self) -> str:
        """Raise UsageError: glue-secure reads no changes of Iceberg."""
        raise no_change_feed(self.name, "Iceberg")

    def is_in_use(self) -> bool:
        """Return False: ``CREATE TABLE`` of the catalog fails for a table that exists."""
        return False

    def created(self) -> Sequence[Commit]:
        """Return the snapshots of a table that was just created."""
        return self.history("").commits

    def columns(self) -> Sequence[str]:
        """Return the names of the table's columns."""
        fields = self._load().schema().columns()
        return [str(column.name()) for column in fields]

    def position(self, branch: str = "") -> str:
        """Return the snapshot that the table or a branch shows."""
        table = self._load()
        tip = table.snapshot(branch) if branch else table.currentSnapshot()
        return "" if tip is None else str(tip.snapshotId())

    def history(self, since: str | None, branch: str = "") -> History:
        """Return the snapshots after a position that are ancestors of the present one."""
        table = self._load()
        tip = table.snapshot(branch) if branch else table.currentSnapshot()
        commits, position = [], ""
        for snapshot in _ancestors(table, tip):
            position = str(snapshot.snapshotId())
            if position == since:
                break
            commits.append(_commit(snapshot))
            parent = snapshot.parentId()
            position = "" if parent is None else str(parent)
            if since is None:
                break
        # Without the snapshot itself, the position is known as the parent of the oldest one that is left.
        is_known = since is None or position == since
        return History(str(table.uuid().toString()), tuple(reversed(commits)), is_known)

    def commits_since(self, moment: datetime) -> RecentCommits:
        """Return the snapshots of a moment or later that are ancestors of the present one."""
        table, commits, before = self._load(), [], ""
        for snapshot in _ancestors(table, table.currentSnapshot()):
            commit = _commit(snapshot)
            before = commit.position
            if commit.made is not None and commit.made < moment:
                break
            commits.append(commit)
            parent = snapshot.parentId()
            before = "" if parent is None else str(parent)
        return RecentCommits(before, tuple(reversed(commits)))

    def read(self, increment: Increment) -> DataFrame:
        """Return the rows of an increment. Appends are read by Iceberg's incremental append scan."""
        reader = self.spark.read.format("iceberg")
        if increment.selection is Selection.ADDED:
            reader = reader.option("start-snapshot-id", increment.since)
            return reader.option("end-snapshot-id", increment.until).load(self._sql_name())
        if increment.until and increment.selection is Selection.ALL:
            # Iceberg 1.11 for Spark 4.1 rejects its own option, and has Spark's.
            version = "snapshot-id" if self.spark.version.startswith("3.") else "versionAsOf"
            return reader.option(version, increment.until).load(self._sql_name())
        return reader.load(self._sql_name()).limit(0)

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
        """Write a frame with ``DataFrame.writeTo``. Options that are table properties set these on creation.

        Raises:
            UsageError: the session writes to a branch of its own or stages snapshots, outside of the commits
                that are verified; or a property of a new table names a further location.
        """
        from pyspark.sql import functions

        properties = properties_in(options) if mode == "create" else {}
        if mode != "create":
            self._reject_own_staging()
        given = {name: text for name, text in options.items() if name not in properties}
        target = frame.writeTo(self._sql_name(branch)).options(**given)
        target = target.option(f"snapshot-property.{WRITE}", write)
        if mode == "create":
            target = target.using("iceberg")
            for name, text in {**properties, "location": self.new_location}.items():
                target = target.tableProperty(name, text)
            if partition_by:
                first, *others = (functions.col(quoted(name)) for name in partition_by)
                target = target.partitionedBy(first, *others)
            target.create()
        elif mode == "append":
            target.append()
        elif mode == "overwrite_partitions":
            target.overwritePartitions()
        else:
            target.overwrite(functions.lit(True))

    def merge(self, frame: DataFrame, merge: Merge, *, write: str, branch: str = "") -> None:
        """Merge a frame with ``MERGE INTO``.

        The snapshot has the id of the write if a thread of Python has one of the JVM
        (``PYSPARK_PIN_THREAD``, which is on by default).

        Raises:
            UsageError: as for :meth:`write`; or a merge into a branch would have no id.
        """
        self._reject_own_staging()
        if branch and not _has_pinned_threads(self.spark):
            raise UsageError(
                f"a merge into branch {branch} of table {self.name}",
                found="PYSPARK_PIN_THREAD=false",
                required="PYSPARK_PIN_THREAD=true, as by default: the commit has no id otherwise",
                fix="unset PYSPARK_PIN_THREAD",
            )
        with temporary_view(frame) as view:
            statement = merge.statement(self._sql_name(branch), view, self.columns(), frame.columns)
            _with_commit_property(self.spark, write, lambda: self.spark.sql(statement))

    def _reject_own_staging(self) -> None:
        """Raise UsageError if Iceberg would put the commit elsewhere than on the table or the given branch.

        https://iceberg.apache.org/docs/1.10.0/branching/#audit-branch
        """
        names = [name for name in _STAGING if self.spark.conf.get(name, "")]
        if names and str(self._load().properties().get("write.wap.enabled")).lower() == "true":
            raise UsageError(
                f"a write to table {self.name}",
                found=f"{names[0]} in the session, and write.wap.enabled=true of the table",
                required="no audit branch of the session: its commits are not those that are verified",
                fix=f"call job.spark.conf.unset('{names[0]}'), and write with publish='after_audit'",
            )

    def new_objects(self, since: str, branch: str = "", own: Collection[str] = ()) -> NewObjects:
        """Return data, delete and statistics files, manifests, manifest lists and metadata files."""
        table = self._load()
        tip = table.snapshot(branch) if branch else table.currentSnapshot()
        snapshots = []
        for snapshot in _ancestors(table, tip):
            if str(snapshot.snapshotId()) == since:
                break
            if not own or str(snapshot.snapshotId()) in own:
                snapshots.append(snapshot)
        metadata = table.operations().current()
        named = [str(metadata.metadataFileLocation())]
        ids = {snapshot.snapshotId() for snapshot in snapshots}
        for snapshot in snapshots:
            named.append(str(snapshot.manifestListLocation()))
            manifests = snapshot.allManifests(table.io())
            named += [str(m.path()) for m in manifests if m.snapshotId() == snapshot.snapshotId()]
            for files in (snapshot.addedDataFiles(table.io()), snapshot.addedDeleteFiles(table.io())):
                named += [str(file.location()) for file in files]
        named += [str(file.path()) for file in table.statisticsFiles() if file.snapshotId() in ids]
        if snapshots:
            first = snapshots[-1].timestampMillis()
            previous = metadata.previousFiles()
            named += [str(entry.file()) for entry in previous if entry.timestampMillis() >= first]
        return NewObjects(tuple(dict.fromkeys(named)))

    def roll_back(self, position: str, since: str) -> bool:
        """Return the table to a snapshot, as ``rollback_to_snapshot`` does, if its last one is ``since``."""
        return self._point_main(since, position)

    @property
    def removal(self) -> str:
        """``DROP TABLE``."""
        return f"DROP TABLE {self._sql_name()}"

    def undo_statement(self, position: str, own: Collection[str] = ()) -> str:  # noqa: ARG002
        """Return a call of ``rollback_to_snapshot``."""
        return (
            f"CALL {self.catalog}.system.rollback_to_snapshot(table => '{self._argument()}', "
            f"snapshot_id => {position})"
        )

    def has_branch(self, branch: str) -> bool:
        """Return whether the table has a branch or tag of this name."""
        return bool(self._load().refs().containsKey(branch))

    def create_branch(self, branch: str, since: str) -> None:
        """Create a branch at a snapshot. Iceberg creates one without rows in a table that has none."""
        version = f"AS OF VERSION {since} " if since else ""
        self.spark.sql(
            f"ALTER TABLE {self._sql_name()} CREATE BRANCH {quoted(branch)} {version}"
            f"RETAIN {BRANCH_DAYS} DAYS"
        )

    def publish_branch(self, branch: str, since: str, commits: Sequence[Commit]) -> Iterator[str]:
        """Fast-forward the table to the last commit, or cherry-pick appends if the table has moved on."""
        if not commits:
            return
        tip = commits[-1].position
        if self._point_main(since, tip, branch=branch):
            yield from (commit.position for commit in commits)
        elif all(commit.change is RowChange.ADDED for commit in commits):
            for commit in commits:
                arguments = f"table => '{self._argument()}', snapshot_id => {commit.position}"
                statement = f"CALL {self.catalog}.system.cherrypick_snapshot({arguments})"
                # Another run of the application must not report the call as an unmanaged write.
                with suppress_write_monitoring():
                    position = str(self.spark.sql(statement).collect()[0]["current_snapshot_id"])
                yield position
        else:
            raise UsageError(
                f"publication of branch {branch} of table {self.name}",
                found=f"commit {self.history(None).last}, which another writer made since the branch was "
                "created",
                required=f"commit {since or 'none'}, because the branch does not only add rows",
                fix="start the job again: it reads the table's new commit. Nothing of this run is visible",
            )

    def _point_main(self, expected: str, position: str, *, branch: str = "") -> bool:
        """Let the table show a snapshot, in one commit that is made on a condition, and remove a branch.

        The catalog replaces the table's metadata only if they are those that were checked, so that no commit
        of another writer is removed. Iceberg's procedures repeat their commit on new metadata instead.

        Args:
            expected: the snapshot that the table must show now, ``""`` for none.
            position: the snapshot to show.
            branch: a branch that must end with ``position`` and is removed; ``""`` for none.

        Returns:
            Whether the table shows ``position``. False if it does not show ``expected`` any more.

        Raises:
            UsageError: another writer has committed to the branch.
        """
        from py4j.protocol import Py4JJavaError

        jvm: Any = self.spark._jvm
        for left in reversed(range(_ATTEMPTS)):
            operations = self._load().operations()
            base = operations.current()
            shown = base.currentSnapshot()
            if ("" if shown is None else str(shown.snapshotId())) != expected:
                return False
            metadata = jvm.org.apache.iceberg.TableMetadata.buildFrom(base)
            metadata = metadata.setBranchSnapshot(int(position), _MAIN)
            if branch:
                self._require_end(branch, base.ref(branch), position)
                metadata = metadata.removeRef(branch)
            try:
                operations.commit(base, metadata.build())
            except Py4JJavaError as error:
                kind = str(error.java_exception.getClass().getSimpleName())
                # Another writer has committed, perhaps to another branch.
                if kind != "CommitFailedException" or not left:
                    raise
            else:
                return True
        raise AssertionError  # the last attempt returns or raises

    def _require_end(self, branch: str, reference: Any, position: str) -> None:
        """Raise UsageError if a branch does not end with a snapshot."""
        end = "" if reference is None else str(reference.snapshotId())
        if end != position:
            raise UsageError(
                f"publication of branch {branch} of table {self.name}",
                found=f"commit {end}, which this run did not verify" if end else "no branch any more",
                required=f"commit {position} at its end",
                fix="find what else writes to the branch, and start the job again. Nothing of it is visible",
            )

    def drop_branch(self, branch: str) -> None:
        """Remove a branch."""
        self.spark.sql(self.drop_branch_statement(branch))

    def drop_branch_statement(self, branch: str) -> str:
        """Return ``ALTER TABLE ... DROP BRANCH``."""
        return f"ALTER TABLE {self._sql_name()} DROP BRANCH IF EXISTS {quoted(branch)}"

    def _sql_name(self, branch: str = "") -> str:
        parts = [self.catalog, self.database, self.table, *([f"branch_{branch}"] if branch else [])]
        return ".".join(map(quoted, parts))

    def _argument(self) -> str:
        return f"{quoted(self.database)}.{quoted(self.table)}"

    def _load_newest(self) -> Any:
        """Return Iceberg's ``Table``."""
        return newest_iceberg_table(self.spark._jvm, self.spark._jsparkSession, self._sql_name())


class _Call:
    """``java.util.concurrent.Callable`` in Python, through Py4J. ``error`` is what the function raised."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self.error: BaseException | None = None

    def call(self) -> None:
        """Call the function."""
        try:
            self._function()
        except BaseException as error:  # Py4J would replace it
            self.error = error

    class Java:
        """Py4J's declaration of the implemented interfaces."""

        implements = ("java.util.concurrent.Callable",)


def _with_commit_property(spark: SparkSession, write: str, perform: Callable[[], object]) -> None:
    """Call a function, and let the snapshots that it commits on this thread have the id of the write.

    https://iceberg.apache.org/docs/1.10.0/spark-configuration/#commitmetadata
    """
    from pyspark.java_gateway import ensure_callback_server_started

    jvm: Any = spark._jvm
    ensure_callback_server_started(spark.sparkContext._gateway)
    properties = jvm.java.util.HashMap()
    properties.put(WRITE, write)
    call = _Call(perform)
    error = jvm.java.lang.Class.forName("java.lang.RuntimeException")
    jvm.org.apache.iceberg.spark.CommitMetadata.withCommitProperties(properties, call, error)
    if call.error is not None:
        raise call.error


def _has_pinned_threads(spark: SparkSession) -> bool:
    from py4j.clientserver import ClientServer

    return isinstance(spark.sparkContext._gateway, ClientServer)


def properties_in(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options that are properties of a table, not of a write: ``format-version``, ``write.*``, ...

    https://iceberg.apache.org/docs/1.10.0/configuration/ and /docs/1.10.0/spark-configuration/#write-options

    Raises:
        UsageError: one names a location that was not checked.
    """
    found = {
        name: text
        for name, text in options.items()
        if name == "format-version" or ("." in name and not name.startswith("snapshot-property."))
    }
    for name in _PATHS:
        if name in found:
            raise UsageError(
                "options of a table of Iceberg that is created",
                found=name,
                required="objects below the table's location",
                fix=f"create the table first, and set {name} with ALTER TABLE ... SET TBLPROPERTIES",
            )
    return found


def _ancestors(table: Any, snapshot: Any) -> Iterator[Any]:
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parentId()
        snapshot = None if parent is None else table.snapshot(parent)


def _commit(snapshot: Any) -> Commit:
    summary = snapshot.summary()
    added, total = summary.get("added-records"), summary.get("total-records")
    has_metrics = added is not None or total is not None
    rows = int(added or 0) if has_metrics else None
    operation = str(snapshot.operation())
    return Commit(
        str(snapshot.snapshotId()),
        change_of(operation, rows),
        operation,
        application=str(summary.get("spark.app.id") or ""),
        write=str(summary.get(WRITE) or ""),
        rows=rows,
        made=datetime.fromtimestamp(snapshot.timestampMillis() / 1000, timezone.utc),
    )


def change_of(operation: str, added: int | None) -> RowChange:
    """Return what a snapshot did to the rows.

    Only ``operation`` is required in a summary: writers other than Spark may leave out the numbers of rows.
    https://iceberg.apache.org/spec/#snapshots

    Args:
        operation: ``append``, ``replace``, ``overwrite`` or ``delete``.
        added: the number of rows that it added; None if the summary has no numbers.
    """
    if operation == "replace":
        return RowChange.NONE
    if operation == "append":
        return RowChange.ADDED
    if operation == "delete" or (operation == "overwrite" and added == 0):
        return RowChange.REMOVED
    return RowChange.CHANGED
