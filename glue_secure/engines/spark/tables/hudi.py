"""Tables of Hudi, by their location.

https://hudi.apache.org/docs/timeline
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.tables.located import LocatedTable, no_change_feed
from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.increment import Increment, Selection
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import TableMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WRITE = "glue-secure-write"
"""The key of an instant's metadata that names the write."""
_OPERATION = "hoodie.datasource.write.operation"
_KEYS = "hoodie.datasource.write.recordkey.field"
_PARTITIONS = "hoodie.datasource.write.partitionpath.field"
_PRECOMBINE = "hoodie.datasource.write.precombine.field"
_LOCATIONS = ("path", "hoodie.base.path")
_OPERATIONS = {
    "append": "insert",
    "overwrite": "insert_overwrite_table",
    "overwrite_partitions": "insert_overwrite",
    "create": "insert",
}
# https://github.com/apache/hudi/blob/release-1.0.2/hudi-common/src/main/java/org/apache/hudi/common/model/WriteOperationType.java
_CHANGES = {
    "CLUSTER": RowChange.NONE,
    "COMPACT": RowChange.NONE,
    "LOG_COMPACT": RowChange.NONE,
    "INDEX": RowChange.NONE,
    "BUCKET_RESCALE": RowChange.NONE,
    "DELETE": RowChange.REMOVED,
    "DELETE_PREPPED": RowChange.REMOVED,
    "DELETE_PARTITION": RowChange.REMOVED,
    "INSERT": RowChange.ADDED,
    "INSERT_PREPPED": RowChange.ADDED,
    "UPSERT": RowChange.ADDED,
    "UPSERT_PREPPED": RowChange.ADDED,
    "BULK_INSERT": RowChange.ADDED,
    "BULK_INSERT_PREPPED": RowChange.ADDED,
    "BOOTSTRAP": RowChange.ADDED,
}


@dataclass(frozen=True)
class HudiTable(LocatedTable):
    """See :class:`~glue_secure.io.tables.operations.TableOperations`.

    Attributes:
        is_new: whether the table does not exist yet.
    """

    is_new: bool = False
    format: str = field(default="hudi", init=False)
    can_roll_back: bool = field(default=False, init=False)
    names_every_object: bool = field(default=False, init=False)

    @property
    def change_feed_statement(self) -> str:
        """Raise UsageError: glue-secure reads no changes of Hudi."""
        raise no_change_feed(self.name, "Hudi")

    def is_in_use(self) -> bool:
        """Return whether the location has a completed instant of a table."""
        client = self._client_of_location()
        return client is not None and not client.getActiveTimeline().filterCompletedInstants().empty()

    def created(self) -> Sequence[Commit]:
        """Return the completed instants of a table that was just created."""
        return replace(self, is_new=False).history("").commits

    def columns(self) -> Sequence[str]:
        """Return the names of the table's columns, without Hudi's own."""
        columns = list(self.spark.read.format("hudi").load(self.path).columns)
        return [name for name in columns if not name.startswith("_hoodie_")]

    def loaded_once(self) -> AbstractContextManager[None]:
        """Do nothing: each call loads Hudi's timeline."""
        return nullcontext()

    def position(self, branch: str = "") -> str:  # noqa: ARG002
        """Return the completion time of the last instant."""
        return self.history(None).last

    def history(self, since: str | None, branch: str = "") -> History:  # noqa: ARG002
        """Return the completed instants after a position, by the time of their completion."""
        client = self._client()
        if client is None:
            return History("", (), is_known=not since)
        timeline = client.getActiveTimeline()
        instants = sorted(
            timeline.getCommitsTimeline().filterCompletedInstants().getInstants(),
            key=lambda instant: str(instant.getCompletionTime()),
        )
        ends = [str(instant.getCompletionTime()) for instant in instants]
        new = [instant for instant, end in zip(instants, ends, strict=True) if not since or end > since]
        if since is None:
            new = new[-1:]
        commits = tuple(_commit(timeline, instant) for instant in new)
        # An instant that Hudi has archived is not in the active timeline; others may be missing with it.
        is_known = not since or since in ends
        return History(self._id(client), commits, is_known)

    def commits_since(self, moment: datetime) -> RecentCommits:  # noqa: ARG002
        """Return no commit: no write of a script outside glue-secure is undone for Hudi."""
        return RecentCommits("", ())

    def read(self, increment: Increment) -> DataFrame:
        """Return the rows of an increment, with Hudi's own columns, as its readers do.

        The rows name the instant that wrote them. They are selected by it, because Hudi's incremental query
        returns whole files in a session without Hudi's extension.
        """
        from pyspark.sql import functions

        reader = self.spark.read.format("hudi")
        if increment.selection is Selection.NOTHING or not increment.until:
            return reader.load(self.path).limit(0)
        if increment.selection is Selection.ALL:
            last, later = self._view(increment.until)
            frame = reader.option("as.of.instant", last).load(self.path)
            # Instants that were requested before the last one, and completed later, are read by the next run.
            names = ", ".join(f"'{instant}'" for instant in later)
            return frame.where(f"_hoodie_commit_time not in ({names})") if later else frame
        reader = reader.option("hoodie.datasource.query.type", "incremental")
        reader = reader.option("hoodie.datasource.read.begin.instanttime", increment.since)
        reader = reader.option("hoodie.datasource.read.end.instanttime", increment.until)
        instants = [commit.instant for commit in increment.commits]
        return reader.load(self.path).where(functions.col("_hoodie_commit_time").isin(instants))

    def _view(self, until: str) -> tuple[str, Sequence[str]]:
        """Return the instants by which all rows up to a position are read.

        Commits do not complete in the order in which they were requested. Rows name the time of the request.

        Returns:
            The last instant that was requested among those completed up to ``until``; and the instants that
            were requested before it and not completed up to then.
        """
        client = self._client()
        timeline = [] if client is None else client.getActiveTimeline().getCommitsTimeline().getInstants()
        ends = {str(instant.requestedTime()): str(instant.getCompletionTime() or "") for instant in timeline}
        last = max((requested for requested, end in ends.items() if end and end <= until), default="")
        if not last:
            raise UsageError(
                f"a read of table {self.name}",
                found=f"no commit completed up to {until}: Hudi has archived them, or the table was removed",
                required="a commit that the table still has",
                fix="start the job again",
            )
        return last, [name for name, end in ends.items() if name < last and not (end and end <= until)]

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
        """Write a frame with ``DataFrame.write``. An ``append`` is an insert, which ignores existing keys."""
        given = {**self._table_options(), _OPERATION: _OPERATIONS[mode], **options}
        if partition_by:
            given[_PARTITIONS] = ",".join(partition_by)
        self._save(frame, given, write)

    def merge(self, frame: DataFrame, merge: Merge, *, write: str, branch: str = "") -> None:  # noqa: ARG002
        """Upsert a frame by the table's record key.

        Raises:
            UsageError: the merge is not an upsert by the record key.
        """
        options = self._table_options()
        keys = options.get(_KEYS, "").split(",")
        actions = (merge.when_matched, merge.when_not_matched, merge.delete_when)
        if actions != ("update", "insert", "") or sorted(keys) != sorted(merge.on):
            raise UsageError(
                f"a merge into {self.name}, a table of Hudi",
                found=f"on={list(merge.on)}, when_matched={merge.when_matched!r}, "
                f"when_not_matched={merge.when_not_matched!r}, delete_when={merge.delete_when!r}",
                required=f"an upsert by the record key: on={keys}, and the default of the others",
                fix="delete with Hudi's write operation 'delete'; its rows are found by the record key",
            )
        self._save(frame, {**options, _OPERATION: "upsert"}, write)

    def new_objects(self, since: str, branch: str = "", own: Collection[str] = ()) -> None:  # noqa: ARG002
        """Return None: an instant does not name the files of Hudi's metadata table."""
        return

    def roll_back(self, position: str, since: str) -> bool:  # noqa: ARG002
        """Raise UsageError: a rollback of Hudi deletes files, and is left to its owner."""
        raise UsageError(f"table {self.name}", found=f"rollback to {position}", required="another format")

    def undo_statement(self, position: str, own: Collection[str]) -> str:
        """Return calls of Hudi's procedure, for the write's own instants after a position.

        The procedure needs a table's name. A table that only has a location gets one in Spark's catalog.
        """
        commits = self.history(position).commits
        instants = [commit.instant for commit in commits if commit.position in own]
        name, statements = self.name, list[str]()
        if "://" in name and instants:
            name, path = "glue_secure_undo", self.path.replace("\\", "\\\\").replace("'", "\\'")
            statements.append(f"CREATE TABLE {name} USING hudi LOCATION '{path}'")
        statements += (
            f"CALL rollback_to_instant(table => '{name}', instant_time => '{instant}')"
            for instant in reversed(instants)
        )
        return "; ".join(statements)

    def _save(self, frame: DataFrame, options: Mapping[str, str], write: str) -> None:
        # Hudi prefers its own names of the location to that of save, and would not find the id of the write.
        given = {name: text for name, text in options.items() if name.lower() not in _LOCATIONS}
        names = {"hoodie.datasource.write.commitmeta.key.prefix": WRITE, WRITE: write}
        writer = frame.write.format("hudi").options(**{**given, **names})
        writer.mode("append").save(self.path)

    def _table_options(self) -> dict[str, str]:
        """Return the options of Hudi's writer that follow from the table."""
        client = self._client()
        if client is None:
            return {"hoodie.table.name": self.name.rpartition(".")[2].rpartition("/")[2]}
        config = client.getTableConfig()
        found = {
            "hoodie.table.name": config.getTableName(),
            _KEYS: config.getRecordKeyFieldProp(),
            _PARTITIONS: config.getPartitionFieldProp(),
            _PRECOMBINE: config.getPreCombineField(),
        }
        return {name: str(value) for name, value in found.items() if value}

    def _client(self) -> Any | None:
        """Return Hudi's ``HoodieTableMetaClient``; None for a table that does not exist yet."""
        return None if self.is_new else self._client_of_location()

    def _client_of_location(self) -> Any | None:
        from py4j.protocol import Py4JJavaError

        jvm: Any = self.spark._jvm
        hadoop = self.spark._jsc.hadoopConfiguration()
        configuration = jvm.org.apache.hudi.storage.hadoop.HadoopStorageConfiguration(hadoop)
        builder = jvm.org.apache.hudi.common.table.HoodieTableMetaClient.builder()
        try:
            return builder.setConf(configuration).setBasePath(self.path).build()
        except Py4JJavaError as error:
            if str(error.java_exception.getClass().getName()).endswith(".TableNotFoundException"):
                return None
            raise

    @staticmethod
    def _id(client: Any) -> str:
        # Hudi gives its tables no id. A table that was dropped and created again has other instants, so that
        # a bookmark's position is not among them.
        return str(client.getTableConfig().getTableName())


def _commit(timeline: Any, instant: Any) -> Commit:
    metadata = timeline.readCommitMetadata(instant)
    operation = str(metadata.getOperationType().toString())
    extra = metadata.getExtraMetadata()
    return Commit(
        str(instant.getCompletionTime()),
        _CHANGES.get(operation, RowChange.CHANGED),
        operation,
        write=str(extra.get(WRITE) or ""),
        instant=str(instant.requestedTime()),
        rows=int(metadata.fetchTotalRecordsWritten()),
    )
