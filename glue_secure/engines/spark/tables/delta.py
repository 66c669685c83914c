"""Tables of Delta Lake, by their location."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from glue_secure.core.identifiers import S3Uri, quoted
from glue_secure.core.ports import DYNAMIC, PARTITION_OVERWRITE_MODE
from glue_secure.engines.spark.tables.located import LoadedOnce, LocatedTable, temporary_view
from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.increment import Increment, Selection
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import NewObjects, RemovedCommitsError, TableMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CHANGE_FEED = "delta.enableChangeDataFeed"
_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_URI = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_CONVERT = "CONVERT"
"""Delta's name of a conversion."""
_SAVE_MODES = {"append": "append", "create": "errorifexists"}
Actions = Sequence[Mapping[str, Any]]
"""The actions of one version, as the log has them: ``{"add": {...}}``."""
Versions = Sequence[tuple[int, Actions, list[Any]]]
"""Versions: the number, the actions as the log has them, and as Delta's objects."""


@dataclass(frozen=True)
class DeltaLakeTable(LoadedOnce, LocatedTable):
    """See :class:`~glue_secure.io.tables.operations.TableOperations`."""

    format: str = field(default="delta", init=False)
    can_roll_back: bool = field(default=True, init=False)
    names_every_object: bool = field(default=False, init=False)
    _read: dict[tuple[int, int], Versions] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def change_feed_statement(self) -> str:
        """``ALTER TABLE`` that sets ``delta.enableChangeDataFeed``, ``""`` if it is ``true``."""
        properties = self._load()[1].metadata().configuration()
        value = properties.apply(_CHANGE_FEED) if properties.contains(_CHANGE_FEED) else ""
        if str(value).lower() == "true":
            return ""
        return f"ALTER TABLE {self._sql_name()} SET TBLPROPERTIES ({_CHANGE_FEED} = true)"

    def is_in_use(self) -> bool:
        """Return whether the location has a version of a table."""
        return int(self._load()[1].version()) >= 0

    def created(self) -> Sequence[Commit]:
        """Return the versions of a table that was just created."""
        return self.history("").commits

    def columns(self) -> Sequence[str]:
        """Return the names of the table's columns."""
        return list(self.spark.read.format("delta").load(self.path).columns)

    def position(self, branch: str = "") -> str:  # noqa: ARG002
        """Return the table's version."""
        version = int(self._load()[1].version())
        return str(version) if version >= 0 else ""

    def history(self, since: str | None, branch: str = "") -> History:  # noqa: ARG002
        """Return the versions after a position."""
        log, snapshot = self._load()
        table_id, last = str(snapshot.metadata().id()), int(snapshot.version())
        if last < 0:
            return History("", (), is_known=not since)
        first = last if since is None else (int(since) + 1 if since else 0)
        is_other = first > last + 1  # the table was created again, and has fewer versions
        versions = self._versions(log, last if is_other else first, last)
        commits = tuple(commit_of(version, actions) for version, actions, _ in versions)
        positions = [commit.position for commit in commits]
        is_known = not is_other and positions == list(map(str, range(first, last + 1)))
        return History(table_id, commits, is_known)

    def commits_since(self, moment: datetime) -> RecentCommits:
        """Return the versions of a moment or later."""
        log, snapshot = self._load()
        commits: list[Commit] = []
        for number in range(int(snapshot.version()), -1, -1):
            commit = next(
                (
                    commit_of(version, actions)
                    for version, actions, _ in _versions(self.spark, log, number, number)
                ),
                None,
            )
            if commit is None or (commit.made is not None and commit.made < moment):
                break
            commits.append(commit)
        before = int(snapshot.version()) - len(commits)
        return RecentCommits(str(before) if before >= 0 else "", tuple(reversed(commits)))

    def conversion(self) -> Commit | None:
        """Return the first version if it added existing objects of a table of Parquet, else None."""
        log, snapshot = self._load()
        if int(snapshot.version()) < 0:
            return None
        commits = (commit_of(version, actions) for version, actions, _ in self._versions(log, 0, 0))
        return next((commit for commit in commits if commit.operation == _CONVERT), None)

    def read(self, increment: Increment) -> DataFrame:
        """Return the rows of an increment. Added rows are read from the files of versions that only add."""
        if increment.as_changes:
            return self._changes(increment)
        reader = self.spark.read.format("delta")
        if increment.selection is Selection.ALL and increment.until:
            return reader.option("versionAsOf", increment.until).load(self.path)
        if increment.selection is not Selection.ADDED:
            return reader.load(self.path).limit(0)
        from pyspark.sql import DataFrame

        log, snapshot = self._load()
        jvm: Any = self.spark._jvm
        files = jvm.scala.collection.mutable.ArrayBuffer()
        for version, actions, objects in _versions(
            self.spark, log, int(increment.since) + 1, int(increment.until)
        ):
            # A DELETE adds files with the rows that it leaves, which an earlier run has read.
            if commit_of(version, actions).change is not RowChange.ADDED:
                continue
            for action, item in zip(actions, objects, strict=True):
                if action.get("add", {}).get("dataChange"):
                    getattr(files, "$plus$eq")(item)
        empty = jvm.scala.Option.empty()
        return DataFrame(log.createDataFrame(snapshot, files.toSeq(), False, empty), self.spark)

    def _changes(self, increment: Increment) -> DataFrame:
        """Return the change data feed of an increment. Without a bookmark, every row is an insert.

        https://docs.delta.io/latest/delta-change-data-feed.html
        """
        from pyspark.sql import functions

        if increment.selection is Selection.CHANGED:
            reader = self.spark.read.format("delta").option("readChangeFeed", "true")
            reader = reader.option("startingVersion", str(int(increment.since) + 1))
            return reader.option("endingVersion", increment.until).load(self.path)
        rows = self.read(replace(increment, as_changes=False))
        made = increment.commits[-1].made if increment.commits else None
        version = int(increment.until) if increment.until else None
        values = {
            "_change_type": functions.lit("insert"),
            "_commit_version": functions.lit(version).cast("bigint"),
            "_commit_timestamp": functions.lit(made).cast("timestamp"),
        }
        return rows.withColumns(values)

    def write(
        self,
        frame: DataFrame,
        *,
        mode: TableMode,
        partition_by: Sequence[str],
        options: Mapping[str, str],
        write: str,
        branch: str = "",  # noqa: ARG002
    ) -> None:
        """Write a frame with ``DataFrame.write``."""
        writer = frame.write.format("delta").options(**options).option("userMetadata", write)
        if mode == "overwrite_partitions":
            writer = writer.option(PARTITION_OVERWRITE_MODE, DYNAMIC)
        if mode == "create" and partition_by:
            writer = writer.partitionBy(*partition_by)
        writer.mode(_SAVE_MODES.get(mode, "overwrite")).save(self.path)

    def merge(self, frame: DataFrame, merge: Merge, *, write: str, branch: str = "") -> None:  # noqa: ARG002
        """Merge a frame with ``MERGE INTO``, which needs Delta's SQL extension."""
        with temporary_view(frame) as view:
            statement = merge.statement(self._sql_name(), view, self.columns(), frame.columns)
            self._sql_with_id(statement, write)

    def new_objects(
        self,
        since: str,
        branch: str = "",  # noqa: ARG002
        own: Collection[str] = (),
    ) -> NewObjects | None:
        """Return data and change files, and the log from the first version on; None with deletion vectors."""
        log, snapshot = self._load()
        first = int(since) + 1 if since else 0
        named = []
        for version, actions, _objects in self._versions(log, first, int(snapshot.version())):
            if own and str(version) not in own:
                continue
            if has_deletion_vectors(actions):
                return None
            named += [self._absolute(path) for path in paths_of(actions)]
        location = S3Uri.parse(self.path)
        prefix = location.child("_delta_log/")
        # The name of a checkpoint starts like that of its version. "-" is the character before ".".
        return NewObjects(tuple(dict.fromkeys(named)), ((prefix, prefix.child(f"{first:020d}-").key),))

    def roll_back(self, position: str, since: str) -> bool:
        """Return the table to a version with ``RESTORE``, a new version, if its last one is ``since``.

        ``RESTORE`` has no condition, but its version names the one that it has replaced. If this is a later
        one, the table is returned to it: a commit of another writer was removed.

        Raises:
            RemovedCommitsError: a further commit was made before the table was returned to the later one.
        """
        if str(self._load()[1].version()) != since:
            return False
        replaced, made = self._restore(position)
        if replaced == since:
            return True
        removed, again = self._restore(replaced)
        if again and removed != (made or replaced):
            raise RemovedCommitsError(
                f"table {self.name} shows commit {replaced} of another writer, without the commits that were "
                f"made after it: RESTORE to {position} replaced it, and RESTORE to {replaced} then replaced "
                f"commit {removed}, which was made meanwhile. Both can be read with the option "
                f"versionAsOf. Commit {since} of this run, which is not verified, is part of {replaced}"
            )
        return False

    def _restore(self, position: str) -> tuple[str, str]:
        """Return the table to a version.

        Returns:
            The version that ``RESTORE`` has replaced, and the one that it has made, ``""`` for none.
        """
        token, before = uuid.uuid4().hex, int(self._load()[1].version())
        self._sql_with_id(self.undo_statement(position), token)
        log, snapshot = self._load()
        versions = _versions(self.spark, log, before + 1, int(snapshot.version()))
        for version, actions, objects in versions:
            if commit_of(version, actions).write != token:
                continue
            infos = (item for item in objects if str(item.getClass().getSimpleName()) == "CommitInfo")
            read = next(infos).readVersion()
            return (str(read.get()) if read.isDefined() else str(version - 1)), str(version)
        return str(before), ""  # RESTORE makes no version if nothing changes

    def undo_statement(self, position: str, own: Collection[str] = ()) -> str:  # noqa: ARG002
        """Return ``RESTORE TABLE``."""
        return f"RESTORE TABLE {self._sql_name()} TO VERSION AS OF {position}"

    def _sql_name(self) -> str:
        return f"delta.{quoted(self.path)}"

    def _sql_with_id(self, statement: str, write: str) -> None:
        """Execute a statement whose commit has an id.

        Only a setting of the session names it. The statement runs in a copy of the session, so that commits
        of other threads do not have the id.
        """
        session: Any = self.spark._jsparkSession.cloneSession()
        session.conf().set(_METADATA, write)
        session.sql(statement)

    def _absolute(self, path: str) -> str:
        text = unquote(path)
        return text if _URI.match(text) else f"{self.path.rstrip('/')}/{text}"

    @contextmanager
    def loaded_once(self) -> Iterator[None]:
        """Load the table, and use it and the versions read of it until the block ends."""
        try:
            with super().loaded_once():
                yield
        finally:
            self._read.clear()

    def _versions(self, log: Any, first: int, last: int) -> Versions:
        """Return each version from ``first`` to ``last``; in a block of :meth:`loaded_once`, read once."""
        found = self._read.get((first, last))
        if found is None:
            found = list(_versions(self.spark, log, first, last))
            if self._loaded:
                self._read[first, last] = found
        return found

    def _load_newest(self) -> tuple[Any, Any]:
        jvm: Any = self.spark._jvm
        pair = jvm.org.apache.spark.sql.delta.DeltaLog.forTableWithSnapshot(
            self.spark._jsparkSession, self.path
        )
        return pair._1(), pair._2()


def _versions(
    spark: SparkSession, log: Any, first: int, last: int
) -> Iterator[tuple[int, Actions, list[Any]]]:
    """Yield each version from ``first`` to ``last``: its actions as the log has them, and as Delta's objects.

    https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions
    """
    if first > last:
        return
    # Delta Lake 4 has a second parameter, the table of Spark's catalog.
    jvm: Any = spark._jvm
    more = () if spark.version.startswith("3.") else (jvm.scala.Option.empty(),)
    changes = log.getChanges(first, *more, False)
    while changes.hasNext():
        pair = changes.next()
        version, items = int(pair._1()), pair._2()
        if version > last:
            return
        objects = [items.apply(number) for number in range(items.size())]
        yield version, [_action(item) for item in objects], objects


def _action(item: Any) -> Mapping[str, Any]:
    """Return an action of Delta as the log has it."""
    if str(item.getClass().getSimpleName()) != "CommitInfo":
        action: Mapping[str, Any] = json.loads(item.json())
        return action
    # The JSON of a CommitInfo that Delta has read is not valid: it quotes the parameters' values once less.
    information: dict[str, Any] = {"operation": str(item.operation())}
    if item.timestamp() is not None:
        information["timestamp"] = int(item.timestamp().getTime())
    metadata, metrics = item.userMetadata(), item.operationMetrics()
    if metadata.isDefined():
        information["userMetadata"] = str(metadata.get())
    rows = metrics.get().get("numOutputRows") if metrics.isDefined() else None
    if rows is not None and rows.isDefined():
        return {"commitInfo": {**information, "operationMetrics": {"numOutputRows": str(rows.get())}}}
    return {"commitInfo": information}


def commit_of(version: int, actions: Actions) -> Commit:
    """Return what a version did."""
    information: Mapping[str, Any] = next(
        (action["commitInfo"] for action in actions if "commitInfo" in action), {}
    )
    added = any(action.get("add", {}).get("dataChange") for action in actions)
    removed = any(action.get("remove", {}).get("dataChange") for action in actions)
    operation = str(information.get("operation") or "")
    if operation == "RESTORE" and (added or removed):
        change = RowChange.CHANGED
    elif added and removed:
        # A DELETE rewrites files, or adds the same file with a deletion vector.
        change = RowChange.REMOVED if operation == "DELETE" else RowChange.CHANGED
    elif added:
        change = RowChange.ADDED
    else:
        change = RowChange.REMOVED if removed else RowChange.NONE
    rows = (information.get("operationMetrics") or {}).get("numOutputRows")
    made = information.get("timestamp")
    return Commit(
        str(version),
        change,
        operation,
        write=str(information.get("userMetadata") or ""),
        rows=int(rows) if rows is not None else None,
        made=datetime.fromtimestamp(made / 1000, timezone.utc) if made is not None else None,
    )


def paths_of(actions: Actions) -> list[str]:
    """Return the paths of the data and change files that a version added."""
    return [str(action[kind]["path"]) for action in actions for kind in ("add", "cdc") if kind in action]


def has_deletion_vectors(actions: Actions) -> bool:
    """Return whether a version added a file with a deletion vector, whose path is encoded."""
    return any(action.get("add", {}).get("deletionVector") for action in actions)
