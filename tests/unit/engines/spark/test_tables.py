"""What commits of the formats did, from their metadata."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from py4j.protocol import Py4JJavaError

from glue_secure.bookmarks.table_state import TableSourceState
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.engines.spark import lake_tables
from glue_secure.engines.spark.lake_tables import LakeSink, LakeSource, LakeTable, lake_format, without_sync
from glue_secure.engines.spark.tables import delta, hudi, iceberg
from glue_secure.engines.spark.tables.delta import commit_of, has_deletion_vectors, paths_of
from glue_secure.engines.spark.tables.iceberg import change_of
from glue_secure.engines.spark.tables.opening import named_table
from glue_secure.engines.spark.tables.writing import split_name
from glue_secure.engines.spark.write_monitor.table_lookup import TableLookup
from glue_secure.io.call_checks import reject_table_options
from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.increment import Increment, Selection, plan_increment
from glue_secure.io.tables.operations import RemovedCommitsError

ADD = {"add": {"path": "part-1.parquet", "dataChange": True}}
REMOVE = {"remove": {"path": "part-0.parquet", "dataChange": True}}
MOVED = [
    {"add": {"path": "part-2.parquet", "dataChange": False}},
    {"remove": {"path": "part-1.parquet", "dataChange": False}},
]


def information(operation, **more):
    return {"commitInfo": {"operation": operation, **more}}


@pytest.mark.parametrize(
    ("actions", "change"),
    [
        ([information("WRITE"), ADD], RowChange.ADDED),
        ([information("MERGE"), ADD, REMOVE], RowChange.CHANGED),
        ([information("DELETE"), ADD, REMOVE], RowChange.REMOVED),
        ([information("DELETE"), REMOVE], RowChange.REMOVED),
        ([information("OPTIMIZE"), *MOVED], RowChange.NONE),
        ([information("RESTORE"), ADD, REMOVE], RowChange.CHANGED),
        ([information("RESTORE"), ADD], RowChange.CHANGED),
        ([information("RESTORE"), REMOVE], RowChange.CHANGED),
        ([information("RESTORE")], RowChange.NONE),
        ([information("SET TBLPROPERTIES"), {"metaData": {}}], RowChange.NONE),
        ([ADD], RowChange.ADDED),
    ],
    ids=[
        "write",
        "merge",
        "delete",
        "delete of files",
        "optimize",
        "restore",
        "restore of removed files",
        "restore of added files",
        "restore without files",
        "properties",
        "no information",
    ],
)
def test_what_a_version_of_delta_did(actions, change):
    assert commit_of(3, actions).change is change


def test_a_version_of_delta_names_its_write_and_rows():
    actions = [information("WRITE", userMetadata="jr_1/2", operationMetrics={"numOutputRows": "5"}), ADD]
    commit = commit_of(3, actions)
    assert (commit.position, commit.write, commit.rows, commit.operation) == ("3", "jr_1/2", 5, "WRITE")


def test_the_files_of_a_version_of_delta():
    change = {"cdc": {"path": "_change_data/cdc-1.parquet"}}
    assert paths_of([information("MERGE"), ADD, change, REMOVE]) == [
        "part-1.parquet",
        "_change_data/cdc-1.parquet",
    ]
    assert not has_deletion_vectors([ADD, REMOVE])
    vector = {"add": {"path": "part-1.parquet", "deletionVector": {"storageType": "u"}}}
    assert has_deletion_vectors([ADD, vector])


@pytest.mark.parametrize(
    ("operation", "added", "change"),
    [
        ("append", 2, RowChange.ADDED),
        ("append", 0, RowChange.ADDED),
        ("append", None, RowChange.ADDED),
        ("overwrite", None, RowChange.CHANGED),
        ("", None, RowChange.CHANGED),
        ("replace", 2, RowChange.NONE),
        ("overwrite", 2, RowChange.CHANGED),
        ("overwrite", 0, RowChange.REMOVED),
        ("delete", 0, RowChange.REMOVED),
    ],
)
def test_what_a_snapshot_of_iceberg_did(operation, added, change):
    assert change_of(operation, added) is change


def snapshot(number, operation, **summary):
    return SimpleNamespace(
        snapshotId=lambda: number,
        operation=lambda: operation,
        summary=lambda: summary,
        parentId=lambda: number - 1 or None,
        timestampMillis=lambda: 1000 * number,
    )


def test_a_snapshot_without_numbers_of_rows_may_have_added_some(monkeypatch):
    snapshots = [
        snapshot(1, "append"),
        snapshot(2, "overwrite"),
        snapshot(3, "overwrite", **{"total-records": "5"}),
        snapshot(4, "append", **{"added-records": "2", "total-records": "7"}),
    ]
    commits = [iceberg._commit(found) for found in snapshots]
    assert [(commit.change, commit.rows) for commit in commits] == [
        (RowChange.ADDED, None),
        (RowChange.CHANGED, None),
        (RowChange.REMOVED, 0),
        (RowChange.ADDED, 2),
    ]


def test_the_snapshots_of_iceberg_since_a_moment(monkeypatch):
    found = {number: snapshot(number, "append") for number in (1, 2, 3)}
    table = SimpleNamespace(currentSnapshot=lambda: found[3], snapshot=found.get)
    monkeypatch.setattr(iceberg.IcebergTable, "_load", lambda _table: table)
    recent = iceberg.IcebergTable(None, "c", "db", "t").commits_since(at(2))
    assert (recent.before, [commit.position for commit in recent.commits]) == ("1", ["2", "3"])
    recent = iceberg.IcebergTable(None, "c", "db", "t").commits_since(at(0))
    assert (recent.before, len(recent.commits)) == ("", 3)


def at(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc)


class Snapshots:
    """A table of Iceberg in memory: a session that records SQL, and the catalog's commits on a condition.

    Args:
        main: the snapshot that the table shows.
        branch: the last snapshot of branch ``b``.
        meanwhile: called before each commit, as another writer.
    """

    def __init__(self, monkeypatch, main="1", branch="3", meanwhile=()):
        self.references = {"main": main, "b": branch}
        self.texts, self.picked, self.attempts = [], iter(range(100, 200)), 0
        self._meanwhile = iter(meanwhile)
        builder = SimpleNamespace(buildFrom=_Metadata)
        packages = SimpleNamespace(iceberg=SimpleNamespace(TableMetadata=builder))
        self._jvm = SimpleNamespace(org=SimpleNamespace(apache=packages))
        self.table = iceberg.IcebergTable(self, "c", "db", "t")
        monkeypatch.setattr(iceberg.IcebergTable, "_load", lambda _table: self)

        def shown(*_):
            return History("id", (Commit(self.references["main"], RowChange.ADDED),))

        monkeypatch.setattr(iceberg.IcebergTable, "history", shown)

    def sql(self, text):
        self.texts.append(text)
        rows = [{"current_snapshot_id": next(self.picked)}] if "cherrypick" in text else []
        return SimpleNamespace(collect=lambda: rows)

    def operations(self):
        return self

    def current(self):
        return _Metadata(SimpleNamespace(references=dict(self.references)))

    def commit(self, base, metadata):
        self.attempts += 1
        self.references.update(next(self._meanwhile, {}))
        if base.references != self.references:
            kind = SimpleNamespace(getSimpleName=lambda: "CommitFailedException")
            raise _JavaError(SimpleNamespace(getClass=lambda: kind))
        self.references = metadata.references

    def publish(self, *commits, since="1"):
        return list(self.table.publish_branch("b", since, commits))


class _Metadata:
    """Iceberg's ``TableMetadata``, and its builder."""

    def __init__(self, base):
        self.references = dict(base.references)

    def currentSnapshot(self):
        return self.ref("main")

    def ref(self, name):
        position = self.references.get(name)
        return None if position is None else SimpleNamespace(snapshotId=lambda: int(position))

    def setBranchSnapshot(self, position, name):
        self.references[name] = str(position)
        return self

    def removeRef(self, name):
        self.references.pop(name)
        return self

    def build(self):
        return self


class _JavaError(Py4JJavaError):
    def __init__(self, java_exception):
        Exception.__init__(self)
        self.java_exception = java_exception

    def __str__(self):
        return "an error of the JVM"


ADDITIONS = (Commit("2", RowChange.ADDED), Commit("3", RowChange.ADDED))
CHANGES = (Commit("2", RowChange.ADDED), Commit("3", RowChange.CHANGED))


def test_a_branch_is_published_and_removed_in_one_commit(monkeypatch):
    table = Snapshots(monkeypatch)
    assert table.publish(*CHANGES) == ["2", "3"]
    assert (table.references, table.attempts, table.texts) == ({"main": "3"}, 1, [])


def test_a_commit_to_another_branch_does_not_stop_the_publication(monkeypatch):
    table = Snapshots(monkeypatch, meanwhile=[{"audit": "7"}])
    assert table.publish(*CHANGES) == ["2", "3"]
    assert (table.references, table.attempts) == ({"main": "3", "audit": "7"}, 2)


@pytest.mark.parametrize("meanwhile", [(), ({"b": "8"},)], ids=["before", "meanwhile"])
def test_nothing_is_published_if_the_branch_does_not_end_with_the_verified_snapshot(monkeypatch, meanwhile):
    table = Snapshots(monkeypatch, branch="3" if meanwhile else "8", meanwhile=meanwhile)
    with pytest.raises(UsageError, match="commit 8, which this run did not verify"):
        table.publish(*CHANGES)
    assert table.references == {"main": "1", "b": "8"}


@pytest.mark.parametrize("meanwhile", [(), ({"main": "9"},)], ids=["before", "meanwhile"])
def test_appends_are_picked_over_the_commit_of_another_writer_and_named_as_they_are_then(
    monkeypatch, meanwhile
):
    table = Snapshots(monkeypatch, main="1" if meanwhile else "9", meanwhile=meanwhile)
    assert table.publish(*ADDITIONS) == ["100", "101"]
    assert ["snapshot_id => 2" in table.texts[0], "snapshot_id => 3" in table.texts[1]] == [True, True]


@pytest.mark.parametrize("meanwhile", [(), ({"main": "9"},)], ids=["before", "meanwhile"])
def test_changes_are_not_published_over_the_commit_of_another_writer(monkeypatch, meanwhile):
    table = Snapshots(monkeypatch, main="1" if meanwhile else "9", meanwhile=meanwhile)
    with pytest.raises(UsageError, match="commit 9, which another writer made"):
        table.publish(*CHANGES)
    assert (table.references, table.texts) == ({"main": "9", "b": "3"}, [])


def test_a_catalog_that_never_accepts_a_commit_ends_the_publication(monkeypatch):
    table = Snapshots(monkeypatch, meanwhile=({"audit": str(number)} for number in range(100)))
    with pytest.raises(Py4JJavaError):
        table.publish(*CHANGES)
    assert table.references["main"] == "1"


@pytest.mark.parametrize(
    ("meanwhile", "rolled_back", "shown"),
    [((), True, "1"), (({"main": "4"},), False, "4"), (({"audit": "7"},), True, "1")],
    ids=["alone", "another commit", "another branch"],
)
def test_a_rollback_of_iceberg_removes_no_commit_of_another_writer(
    monkeypatch, meanwhile, rolled_back, shown
):
    table = Snapshots(monkeypatch, main="3", meanwhile=meanwhile)
    assert table.table.roll_back("1", "3") is rolled_back
    assert table.references["main"] == shown


class DeltaLog:
    """The versions of a table of Delta Lake, and the frame of the files that a read selects."""

    def __init__(self, monkeypatch, versions, table_id="id"):
        def of(_spark, _log, first, last):
            for number, actions in sorted(versions.items()):
                if first <= number <= last:
                    paths = [action.get("add", {}).get("path") for action in actions]
                    yield number, actions, paths

        state = SimpleNamespace(
            metadata=lambda: SimpleNamespace(id=lambda: table_id), version=lambda: max(versions)
        )
        monkeypatch.setattr(delta, "_versions", of)
        monkeypatch.setattr(delta.DeltaLakeTable, "_load", lambda _table: (self, state))
        monkeypatch.setattr("pyspark.sql.DataFrame", lambda frame, _spark: frame)
        files = type("Files", (list,), {"$plus$eq": list.append, "toSeq": list.copy})
        mutable = SimpleNamespace(ArrayBuffer=files)
        scala = SimpleNamespace(
            collection=SimpleNamespace(mutable=mutable), Option=SimpleNamespace(empty=lambda: None)
        )
        reader = SimpleNamespace(
            format=lambda _name: reader, option=lambda *_: reader, load=lambda _path: reader
        )
        self.table = delta.DeltaLakeTable(
            SimpleNamespace(_jvm=SimpleNamespace(scala=scala), read=reader), "s3a://b/t", "db.t"
        )

    @staticmethod
    def createDataFrame(_snapshot, files, *_):
        return files

    def plan(self, since, table_id="id", **options):
        state = TableSourceState("delta", "db.t", table_id, since)
        return plan_increment("db.t", self.table.history(since), state, **options)


def test_the_versions_of_delta_since_a_moment(monkeypatch):
    versions = {number: [information("WRITE", timestamp=1000 * number), ADD] for number in range(1, 4)}
    versions[0] = [ADD]
    table = DeltaLog(monkeypatch, versions).table
    recent = table.commits_since(at(2))
    assert (recent.before, [commit.position for commit in recent.commits]) == ("1", ["2", "3"])
    assert recent.commits[0].made == at(2)
    assert table.commits_since(at(4)) == RecentCommits("3", ())


@pytest.mark.parametrize(
    ("first", "is_new"),
    [
        ([information("CONVERT", timestamp=2000), ADD], True),
        ([information("CONVERT", timestamp=1000), ADD], False),
        ([information("CONVERT"), ADD], True),
        ([information("CREATE TABLE", timestamp=2000), ADD], False),
        (None, False),
    ],
    ids=["in the run", "before the run", "time not known", "no conversion", "removed from the log"],
)
def test_a_conversion_to_delta_is_of_the_run_if_it_made_the_first_version(monkeypatch, first, is_new):
    log = DeltaLog(
        monkeypatch, {1: [information("CONVERT", timestamp=3000)], **({0: first} if first else {})}
    )
    system = SimpleNamespace(currentTimeMillis=lambda: 2000)
    log.table.spark._jvm.java = SimpleNamespace(lang=SimpleNamespace(System=system))
    assert TableLookup(log.table.spark).has_converted("s3a://b/t") == is_new


def test_a_location_without_a_version_was_not_converted_to_delta(monkeypatch):
    assert DeltaLog(monkeypatch, {-1: []}).table.conversion() is None


@pytest.mark.parametrize("replaced", ["6", "7"], ids=["alone", "another commit"])
def test_a_rollback_of_delta_that_has_removed_the_commit_of_another_writer_is_reverted(monkeypatch, replaced):
    table = DeltaLog(monkeypatch, {number: [ADD] for number in range(7)}).table
    restored = []

    def restore(_table, position):
        restored.append(position)
        return (replaced, "8") if position == "5" else ("8", "9")

    monkeypatch.setattr(delta.DeltaLakeTable, "_restore", restore)
    assert table.roll_back("5", "6") is (replaced == "6")
    assert restored == (["5"] if replaced == "6" else ["5", "7"])


@pytest.mark.parametrize("again", ["10", ""], ids=["replaced", "nothing changed"])
def test_a_commit_that_a_rollback_of_delta_could_not_keep_is_named(monkeypatch, again):
    table = DeltaLog(monkeypatch, {number: [ADD] for number in range(7)}).table
    answers = iter([("7", "8"), ("9", again)])
    monkeypatch.setattr(delta.DeltaLakeTable, "_restore", lambda *_: next(answers))
    if not again:
        assert table.roll_back("5", "6") is False
        return
    with pytest.raises(RemovedCommitsError) as caught:
        table.roll_back("5", "6")
    text = str(caught.value)
    assert text.startswith("table db.t shows commit 7 of another writer, without the commits")
    assert "RESTORE to 7 then replaced commit 9" in text
    assert "Commit 6 of this run, which is not verified, is part of 7" in text


def restoring(monkeypatch, versions, made):
    """Let ``RESTORE`` append versions: those of others, and its own if it makes one."""
    table = DeltaLog(monkeypatch, versions).table
    known = dict(versions)

    def of(_spark, _log, first, last):
        for number in range(first, last + 1):
            read_version = SimpleNamespace(isDefined=lambda: True, get=lambda number=number: number - 1)
            info = SimpleNamespace(
                getClass=lambda: SimpleNamespace(getSimpleName=lambda: "CommitInfo"),
                readVersion=lambda read_version=read_version: read_version,
            )
            yield number, known[number], [info]

    state = SimpleNamespace(version=lambda: max(known))

    def sql(_table, _text, token):
        for kind in made:
            known[max(known) + 1] = [information("WRITE", userMetadata=token if kind == "own" else "")]

    monkeypatch.setattr(delta, "_versions", of)
    monkeypatch.setattr(delta.DeltaLakeTable, "_sql_with_id", sql)
    monkeypatch.setattr(delta.DeltaLakeTable, "_load", lambda _table: (None, state))
    return table._restore("1")


@pytest.mark.parametrize(
    ("made", "found"),
    [(["own"], ("3", "4")), (["other", "own", "other"], ("4", "5")), ([], ("3", ""))],
    ids=["alone", "others before and after", "nothing changed"],
)
def test_a_restore_of_delta_names_the_version_that_it_replaced_and_its_own(monkeypatch, made, found):
    assert restoring(monkeypatch, {number: [ADD] for number in range(4)}, made) == found


def test_a_rollback_of_delta_does_not_start_after_the_commit_of_another_writer(monkeypatch):
    table = DeltaLog(monkeypatch, {number: [ADD] for number in range(8)}).table
    assert table.roll_back("5", "6") is False


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("c.db.t", iceberg.IcebergTable(None, "c", "db", "t")),
        ("delta.`s3a://b/a``b`", delta.DeltaLakeTable(None, "s3a://b/a`b", "s3a://b/a`b")),
        ("c.db.more.t", None),
        ("db.t", None),
        ("", None),
    ],
)
def test_a_table_is_opened_by_the_name_that_a_plan_reports(name, found):
    assert named_table(None, name) == found


def added(path):
    return {"add": {"path": path, "dataChange": True}}


def test_rows_that_a_delete_leaves_are_not_read_again(monkeypatch):
    versions = {4: [information("DELETE"), REMOVE, added("left")], 5: [information("WRITE"), added("new")]}
    log = DeltaLog(monkeypatch, versions)
    increment = log.plan("3")
    assert (increment.selection, increment.removed) == (Selection.ADDED, 1)
    assert log.table.read(increment) == ["new"]


def test_rows_of_an_undone_commit_stop_a_bookmarked_read(monkeypatch):
    versions = {
        4: [information("WRITE"), added("unverified")],
        5: [information("RESTORE"), {"remove": {"path": "unverified", "dataChange": True}}],
        6: [information("WRITE"), added("repeated")],
    }
    with pytest.raises(UsageError, match="1 RESTORE"):
        DeltaLog(monkeypatch, versions).plan("3")


def test_a_table_that_was_created_again_with_fewer_versions_is_read_completely(monkeypatch):
    versions = {0: [information("WRITE"), added("a")], 1: [information("WRITE"), added("b")]}
    log = DeltaLog(monkeypatch, versions, table_id="another id")
    increment = log.plan("10", on_change="read_all")
    assert (increment.selection, increment.until) == (Selection.ALL, "1")


def test_a_merge_into_a_branch_needs_threads_of_the_jvm(monkeypatch):
    session = SimpleNamespace(conf={}, sparkContext=SimpleNamespace(_gateway=object()))
    table = iceberg.IcebergTable(session, "c", "db", "t")
    with pytest.raises(UsageError, match="unset PYSPARK_PIN_THREAD"):
        table.merge(None, None, write="run/1", branch="audit")


@pytest.mark.parametrize("setting", ["spark.wap.branch", "spark.wap.id"])
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_write_does_not_go_to_an_audit_branch_of_the_session(monkeypatch, setting, enabled):
    session = SimpleNamespace(conf={setting: "audit"})
    table = iceberg.IcebergTable(session, "c", "db", "t")
    loaded = SimpleNamespace(properties=lambda: {"write.wap.enabled": enabled})
    monkeypatch.setattr(iceberg.IcebergTable, "_load", lambda _table: loaded)
    if enabled == "false":
        table._reject_own_staging()
        return
    with pytest.raises(UsageError, match="publish='after_audit'"):
        table.merge(None, None, write="run/1")


class Timeline:
    """A timeline of Hudi: each instant's time of request, and of completion or None."""

    def __init__(self, monkeypatch, *instants):
        self.instants = [
            SimpleNamespace(requestedTime=lambda name=name: name, getCompletionTime=lambda end=end: end)
            for name, end in instants
        ]
        self.options, self.conditions = {}, []
        client = SimpleNamespace(getActiveTimeline=lambda: self)
        monkeypatch.setattr(hudi.HudiTable, "_client_of_location", lambda _table: client)
        self.table = hudi.HudiTable(SimpleNamespace(read=self), "s3a://b/t", "db.t")

    def getCommitsTimeline(self):
        return self

    def filterCompletedInstants(self):
        completed = [instant for instant in self.instants if instant.getCompletionTime()]
        return SimpleNamespace(empty=lambda: not completed)

    def getInstants(self):
        return self.instants

    def format(self, _name):
        return self

    def option(self, name, text):
        self.options[name] = text
        return self

    def load(self, _path):
        return self

    def where(self, condition):
        self.conditions.append(condition)
        return self


@pytest.mark.parametrize(
    ("instants", "until", "last", "conditions"),
    [
        ([("100", "200"), ("150", "180")], "200", "150", []),
        ([("100", "200"), ("150", "180")], "180", "150", ["_hoodie_commit_time not in ('100')"]),
        ([("100", None), ("150", "180")], "180", "150", ["_hoodie_commit_time not in ('100')"]),
        ([("100", "120"), ("150", None)], "120", "100", []),
    ],
    ids=["completed later", "completed after the position", "pending", "requested later"],
)
def test_a_view_of_hudi_has_what_was_completed_up_to_its_position(
    monkeypatch, instants, until, last, conditions
):
    timeline = Timeline(monkeypatch, *instants)
    timeline.table.read(Increment(Selection.ALL, "", until))
    assert (timeline.options, timeline.conditions) == ({"as.of.instant": last}, conditions)


def test_a_location_with_a_completed_commit_of_hudi_is_in_use(monkeypatch):
    assert Timeline(monkeypatch, ("100", "200")).table.is_in_use()
    assert not Timeline(monkeypatch, ("100", None)).table.is_in_use()


def test_the_statement_that_undoes_a_write_of_hudi_names_its_own_instants(monkeypatch):
    commits = (
        Commit("2", RowChange.ADDED, instant="100", write="run/1"),
        Commit("3", RowChange.ADDED, instant="101", write="other"),
    )
    monkeypatch.setattr(hudi.HudiTable, "history", lambda *_: History("t", commits))
    statement = hudi.HudiTable(None, "s3a://b/t", "db.t").undo_statement("1", ("2",))
    assert statement == "CALL rollback_to_instant(table => 'db.t', instant_time => '100')"


def test_the_statement_that_undoes_a_write_of_hudi_by_location_gives_the_table_a_name(monkeypatch):
    commits = (Commit("2", RowChange.ADDED, instant="100", write="run/1"),)
    monkeypatch.setattr(hudi.HudiTable, "history", lambda *_: History("t", commits))
    table = hudi.HudiTable(None, "s3a://b/it's", "s3a://b/it's")
    assert table.undo_statement("1", ("2",)) == (
        "CREATE TABLE glue_secure_undo USING hudi LOCATION 's3a://b/it\\'s'; "
        "CALL rollback_to_instant(table => 'glue_secure_undo', instant_time => '100')"
    )
    assert table.undo_statement("1", ()) == ""


def test_the_commits_of_a_table_of_hudi_that_was_created_are_read(monkeypatch):
    commits = (Commit("2", RowChange.ADDED, instant="100", write="run/1"),)

    def history(table, _since):
        return History("t", () if table.is_new else commits)

    monkeypatch.setattr(hudi.HudiTable, "history", history)
    assert hudi.HudiTable(None, "s3a://b/t", "db.t", is_new=True).created() == commits


def test_no_command_removes_a_bucket():
    assert hudi.HudiTable(None, "s3a://lake/", "s3a://lake/").removal == ""
    assert hudi.HudiTable(None, "s3a://lake", "s3a://lake").removal == ""


def test_the_command_that_removes_a_table_without_an_entry_in_the_data_catalog():
    assert hudi.HudiTable(None, "s3a://lake/t", "db.t").removal == "aws s3 rm --recursive s3://lake/t/"


@pytest.mark.parametrize("name", ["orders", ".orders", "db.", "a.b.c", ""])
def test_a_table_is_named_with_its_database(name):
    with pytest.raises(UsageError, match=r"DATABASE\.TABLE"):
        split_name(name)


def test_the_read_of_a_table_without_a_bookmark_names_no_transformation_context():
    records, frame = [], object()
    run = SimpleNamespace(
        sources=SimpleNamespace(check_locations=lambda *_, **__: ()),
        recorder=SimpleNamespace(read=lambda record, _scan: records.append(record)),
    )
    reader = SimpleNamespace(options=lambda **_: reader, format=lambda _: reader, load=lambda _: frame)
    read = LakeSource(SimpleNamespace(read=reader), "delta", {"path": "s3://lake/orders"}).read
    assert read(run, dynamic=False) is frame
    assert [(record.format, record.transformation_ctx) for record in records] == [("delta", "")]


def test_options_of_a_new_table_of_iceberg_are_those_of_the_write_or_properties():
    properties = {"format-version": "2", "write.merge.mode": "merge-on-read"}
    of_the_write = {"fanout-enabled": "true", "snapshot-property.owner": "ann"}
    assert iceberg.properties_in({**properties, **of_the_write}) == properties
    with pytest.raises(UsageError, match=r"write\.data\.path"):
        iceberg.properties_in({"write.data.path": "s3://elsewhere/"})


def test_the_format_of_a_call_is_a_tables_or_none():
    assert (
        lake_format("s3", "Delta") == lake_format("delta", None) == lake_format("delta", "delta") == "delta"
    )
    assert lake_format("iceberg", None) == "iceberg"
    assert lake_format("s3", "parquet") == lake_format("s3", None) == lake_format("kafka", "delta") == ""
    source = LakeSource(None, "delta", {"path": "s3://lake/orders"})
    assert source.with_format("DELTA", {"versionAsOf": 3}).options["versionAsOf"] == 3
    with pytest.raises(UsageError, match="setFormat of a delta table"):
        source.with_format("csv", {})


SYNC = {
    "hoodie.table.name": "orders",
    "hoodie.datasource.hive_sync.enable": "true",
    "hoodie.datasource.hive_sync.database": "db",
    "hoodie.datasource.hive_sync.partition_fields": "day",
}


def test_hudi_s_synchronisation_names_a_table_of_the_data_catalog():
    options, synced = without_sync(SYNC, _hudi())
    assert options == {"hoodie.table.name": "orders"}
    assert (synced.database, synced.name, synced.location) == ("db", "orders", "s3://b/x")


def test_a_synchronisation_that_is_off_has_no_table():
    options, synced = without_sync({**SYNC, "hoodie.datasource.hive_sync.enable": "false"}, _hudi())
    assert (options, synced) == ({"hoodie.table.name": "orders"}, None)


def test_a_synchronisation_without_a_database_is_rejected():
    options = {name: text for name, text in SYNC.items() if "database" not in name}
    with pytest.raises(UsageError, match=r"hive_sync\.database"):
        without_sync(options, _hudi())


def test_options_of_other_formats_are_not_changed():
    table = LakeTable("", "s3://b/x", "s3://b/x", "delta")
    assert without_sync(SYNC, table) == (SYNC, None)


def _hudi():
    return LakeTable("", "s3://b/x", "s3://b/x", "hudi")


ELSEWHERE = "s3://evidence/reserved/t"


@pytest.mark.parametrize(
    ("option", "value", "error", "found"),
    [
        ("hoodie.base.path", ELSEWHERE, UsageError, "one location"),
        ("Hoodie.Base.Path", "/reserved/t", UsageError, "one location"),
        ("hoodie.bootstrap.base.path", ELSEWHERE, UsageError, "one location"),
        ("Path", ELSEWHERE, UsageError, "one location"),
        ("of.another.version", ELSEWHERE, UsageError, "one location"),
        ("hoodie.write.commit.callback.http.url", "http://x.example.com", RefusedError, "GS-S3-002"),
        ("hoodie.datasource.hive_sync.metastore.uris", "thrift://x.example.com", RefusedError, "GS-S3-002"),
        ("hoodie.datasource.hive_sync.jdbcurl", "jdbc:hive2://x.example.com", RefusedError, "GS-S3-002"),
        ("Password", "hunter2", RefusedError, "GS-TLS-008"),
        ("hoodie.datasource.hive_sync.password", "hunter2", RefusedError, "GS-TLS-008"),
        ("fs.s3a.endpoint", "https://x.example.com", RefusedError, "GS-S3-005"),
    ],
)
@pytest.mark.parametrize("kind", ["sink", "source"])
def test_a_table_takes_no_option_that_files_do_not_take(kind, option, value, error, found):
    table = LakeTable("", "s3://curated/t", "s3://curated/t", "hudi")
    options = {"path": "s3://curated/t", option: value}
    run = SimpleNamespace(sources=SimpleNamespace(check_locations=lambda *_, **__: ()))
    with pytest.raises(error, match=found) as caught:
        if kind == "sink":
            LakeSink(table, options, syncs_itself=True).write(run, SimpleNamespace(sparkSession=None))
        else:
            table.read(run, SimpleNamespace(read=None), options, "")
    assert option in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_options_of_tables_that_name_no_other_place_are_accepted():
    options = {
        "hoodie.base.path": "s3a://curated/t/",
        "hoodie.datasource.write.partitionpath.field": "day",
        "write.object-storage.partitioned-paths": "false",
        "snapshot-property.origin": "http://wiki.example.com",
        "comment": "s3://elsewhere/ has more",
        "hoodie.write.commit.callback.http.url": "https://x.example.com",
    }
    assert reject_table_options(options, "write", "s3://curated/t") is None


def test_hudi_writes_to_the_location_of_the_table_and_names_the_write(monkeypatch):
    given, saved = {}, []

    def with_options(**options):
        given.update(options)
        return writer

    writer = SimpleNamespace(
        format=lambda _name: writer, options=with_options, mode=lambda _mode: writer, save=saved.append
    )
    table = hudi.HudiTable(None, "s3a://b/t", "db.t", is_new=True)
    table.write(
        SimpleNamespace(write=writer),
        mode="append",
        partition_by=(),
        options={"Hoodie.Base.Path": "s3a://x/y", hudi.WRITE: "other", "hoodie.table.name": "t"},
        write="run/1",
    )
    assert (saved, given[hudi.WRITE], given["hoodie.table.name"]) == (["s3a://b/t"], "run/1", "t")
    assert not [name for name in given if name.lower() == "hoodie.base.path"]


ACCOUNT = "123456789012"
PARTNER, OWN = "s3://partner/t", "s3://curated/t"


def read_by_path(monkeypatch, path, **glue_ids):
    """Read a table of Iceberg by its name. Return what Spark reads, and the locations that are checked."""
    settings = {}
    for name, glue_id in glue_ids.items():
        catalog = f"spark.sql.catalog.{name}"
        settings |= {catalog: "org.apache.iceberg.spark.SparkCatalog", f"{catalog}.type": "glue"}
        settings |= {f"{catalog}.glue.id": glue_id} if glue_id else {}
    places = {"partner": [PARTNER, f"{PARTNER}-data"], "own": [OWN], "other": ["s3://moved/t"]}
    described = SimpleNamespace(
        database="db", name="t", location=OWN, classification="iceberg", parameters={}, in_lake=True, serde={}
    )
    checked = []

    def check(locations, **_):
        checked.extend(map(str, locations))
        return ()

    run = SimpleNamespace(
        engine=SimpleNamespace(settings_in_force=lambda: settings),
        preflight=SimpleNamespace(account=ACCOUNT),
        reader=SimpleNamespace(catalog_table=lambda *_: described),
        sources=SimpleNamespace(check_locations=check),
        recorder=SimpleNamespace(read=lambda *_: None),
    )
    reader = SimpleNamespace(options=lambda **_: SimpleNamespace(table=lambda name: name))
    spark = SimpleNamespace(read=reader, conf=SimpleNamespace(get=settings.get))
    monkeypatch.setattr(
        lake_tables, "IcebergTable", lambda _spark, name, *_: SimpleNamespace(locations=places[name])
    )
    return LakeSource(spark, "iceberg", {"path": path}).read(run, dynamic=False), checked


@pytest.mark.parametrize(
    ("path", "read", "checked"),
    [
        ("partner.db.t", "`partner`.`db`.`t`", [PARTNER, f"{PARTNER}-data"]),
        ("own.db.t", "`own`.`db`.`t`", [OWN]),
        ("other.db.t", "`other`.`db`.`t`", ["s3://moved/t"]),
        ("db.t", "`other`.`db`.`t`", [OWN]),
    ],
)
def test_the_table_that_is_read_is_the_one_that_is_checked(monkeypatch, path, read, checked):
    found = read_by_path(monkeypatch, path, partner="999999999999", own=ACCOUNT, other="")
    assert (found[0].replace("`", ""), found[1]) == (read.replace("`", ""), checked)


@pytest.mark.parametrize("glue_id", ["999999999999", f"{ACCOUNT}:s3tablescatalog/lake"])
def test_a_table_of_the_data_catalog_is_not_read_by_the_catalog_of_another_account(monkeypatch, glue_id):
    with pytest.raises(UsageError, match="no Iceberg catalog in the session"):
        read_by_path(monkeypatch, "db.t", partner=glue_id)
