"""Commits to tables and reads by them, with a table in memory whose commits are a list."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pytest
from run_fixture import KEY, OTHER_KEY

from glue_secure.core.errors import (
    BookmarkConflictError,
    EngineError,
    GlueSecureError,
    RefusedError,
    UsageError,
    VerificationError,
)
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.io.tables.history import Commit, History, RecentCommits, RowChange
from glue_secure.io.tables.increment import Selection
from glue_secure.io.tables.merge import Merge
from glue_secure.io.tables.operations import NewObjects, RemovedCommitsError


@dataclass
class MemoryTable:
    """A table that has a list of commits for each branch. Each commit stores one object."""

    objects: Any
    format: str = "iceberg"
    name: str = "db.orders"
    identifier: str = "glue_catalog.db.orders"
    application: str = ""
    can_roll_back: bool = True
    location: str = "s3://curated/orders"
    key: str = str(KEY)
    names_objects: bool = True
    commits: dict[str, list[Commit]] = field(default_factory=lambda: {"": []})
    restored: list[str] = field(default_factory=list)
    other_writer: bool = False
    number: int = 0
    has_change_feed: bool = True

    @property
    def branches(self):
        return self if self.format == "iceberg" else None

    @property
    def locations(self):
        return [self.location]

    @property
    def change_feed_statement(self):
        return "" if self.has_change_feed else f"ALTER TABLE {self.name}"

    def columns(self):
        return ["id", "email"]

    def loaded_once(self):
        return nullcontext()

    @property
    def names_every_object(self):
        return self.names_objects

    def position(self, branch=""):
        return self.history(None, branch).last

    def history(self, since, branch=""):
        commits = self.commits[branch]
        if since is None:
            return History("id-1", tuple(commits[-1:]))
        positions = ["", *(commit.position for commit in commits)]
        if since not in positions:
            return History("id-1", tuple(commits), is_known=False)
        return History("id-1", tuple(commits[positions.index(since) :]))

    def commits_since(self, moment):
        recent = [commit for commit in self.commits[""] if commit.made is None or commit.made >= moment]
        older = self.commits[""][: len(self.commits[""]) - len(recent)]
        return RecentCommits(older[-1].position if older else "", recent)

    def read(self, increment):
        if increment.selection is Selection.NOTHING:
            return []
        return [commit.position for commit in increment.commits if commit.rows]

    def add(self, *, write="", change=RowChange.ADDED, branch="", rows=1):
        self.number += 1
        position = str(self.number)
        self.commits[branch].append(Commit(position, change, "append", write=write, rows=rows))
        uri = S3Uri.parse(f"{self.location}/data-{position}.parquet")
        self.objects.put(uri, b"rows", algorithm="aws:kms", key=self.key)

    def write(self, frame, *, mode, partition_by, options, write, branch=""):
        self.add(write=write, branch=branch, rows=len(frame))
        if self.other_writer:
            self.add(write="another run/1")

    def merge(self, frame, merge, *, write, branch=""):
        self.add(write=write, change=RowChange.CHANGED, branch=branch, rows=len(frame))

    def is_in_use(self):
        return self.format != "iceberg" and bool(self.commits[""])

    def created(self):
        return self.history("").commits

    def new_objects(self, since, branch="", own=()):
        if not self.names_objects:
            return None
        commits = self.history(since, branch).commits
        commits = [commit for commit in commits if not own or commit.position in own]
        names = (f"{self.location}/data-{commit.position}.parquet" for commit in commits)
        return NewObjects(tuple(names))

    def roll_back(self, position, since):
        if self.commits[""][-1].position != since:
            return False
        positions = [commit.position for commit in self.commits[""]]
        self.commits[""] = self.commits[""][: positions.index(position) + 1]
        self.restored.append(position)
        return True

    @property
    def removal(self):
        return f"DROP TABLE {self.name}"

    def undo_statement(self, position, own):
        return f"RESTORE {self.name} TO {position}"

    def has_branch(self, branch):
        return branch in self.commits

    def create_branch(self, branch, since):
        assert branch not in self.commits
        present = self.commits[""]
        self.commits[branch] = [commit for commit in present if int(commit.position) <= int(since or 0)]

    def publish_branch(self, branch, since, commits):
        """Fast-forward, or pick each commit, which then has another position."""
        if self.history(None).last == since:
            self.commits[""] += commits
            yield from (commit.position for commit in commits)
        elif all(commit.change is RowChange.ADDED for commit in commits):
            for commit in commits:
                self.add(write=commit.write)
                yield self.commits[""][-1].position
        else:
            raise UsageError(f"branch {branch}", found="another commit", required=since, fix="start again")

    def drop_branch(self, branch):
        self.commits.pop(branch, None)

    def drop_branch_statement(self, branch):
        return f"DROP BRANCH {branch}"


@pytest.fixture
def table(run_fixture):
    memory = MemoryTable(run_fixture.objects)
    memory.add()
    return memory


def positions(table, branch=""):
    return [commit.position for commit in table.commits[branch]]


def test_a_commit_is_verified_and_recorded_with_its_objects(run_fixture, table):
    run = run_fixture.start()
    record = run.table_writer.write(["a", "b"], table)
    assert (record.table, record.commits, record.rows) == ("db.orders", ("2",), 2)
    assert [str(entry.uri) for entry in record.objects] == ["s3://curated/orders/data-2.parquet"]
    run.commit()
    assert run_fixture.evidence()["writes"][0]["commits"] == ["2"]


def test_without_receipts_only_the_objects_that_the_metadata_names_are_read_back(run_fixture, table):
    for name in range(50):
        run_fixture.objects.put(S3Uri("curated", f"orders/old-{name}.parquet"), b"x")
    run = run_fixture.start()
    run_fixture.objects.calls.clear()
    run.table_writer.write(["a"], table)
    heads = [call for call in run_fixture.objects.calls if call[0] == "HeadObject"]
    assert [str(call[1]) for call in heads] == ["s3://curated/orders/data-2.parquet"]


def test_gs_s3_004_a_commit_under_another_key_is_rolled_back(run_fixture, table):
    table.key = str(OTHER_KEY)
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run.table_writer.write(["a"], table)
    assert "table db.orders was returned to commit 1; commit 2 is not visible any more" in str(caught.value)
    assert (positions(table), table.restored) == (["1"], ["1"])
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()
    assert run_fixture.bookmark_keys() == []


def test_gs_s3_004_a_commit_is_not_rolled_back_over_that_of_another_writer(run_fixture, table):
    table.key, table.other_writer = str(OTHER_KEY), True
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run_fixture.start().table_writer.write(["a"], table)
    shown = "still shows commit 2 of this run, which is not verified: another writer has committed since: 3"
    assert shown in str(caught.value)
    assert "to remove it (this may also remove commit 3): RESTORE db.orders TO 1" in str(caught.value)
    assert (positions(table), table.restored) == (["1", "2", "3"], [])


def test_a_frame_without_rows_commits_nothing(run_fixture, table):
    record = run_fixture.start().table_writer.write([], table)
    assert (record.rows, record.commits, positions(table)) == (0, (), ["1"])


def test_an_overwrite_with_nothing_needs_its_parameter(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write([], table, mode="overwrite")
    assert positions(table) == ["1"]
    run.table_writer.write([], table, mode="overwrite", overwrite_with_nothing=True)
    assert positions(table) == ["1", "2"]


@pytest.mark.parametrize("option", ["fs.s3a.endpoint", "sse"])
def test_gs_s3_005_an_option_that_changes_the_connector(run_fixture, table, option):
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run_fixture.start().table_writer.write(["a"], table, options={option: "x"})
    assert positions(table) == ["1"]


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("hoodie.base.path", "s3://evidence/runs/orders", UsageError),
        ("hoodie.write.commit.callback.http.url", "http://x.example.com", RefusedError),
    ],
)
def test_an_option_with_another_place_than_the_table_s(run_fixture, table, option, value, error):
    with pytest.raises(error, match=option):
        run_fixture.start().table_writer.write(["a"], table, options={option: value})
    assert positions(table) == ["1"]


def test_gs_s3_009_a_table_below_the_evidence_is_rejected(run_fixture, table):
    table.location = "s3://evidence/runs/orders"
    with pytest.raises(RefusedError, match="GS-S3-009"):
        run_fixture.start().table_writer.write(["a"], table)
    assert positions(table) == ["1"]


def test_staged_commits_are_visible_after_the_commit_of_the_run(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.table_writer.merge(["a"], table, Merge(("id",)), staged=True)
    assert positions(table) == ["1"]
    run.commit()
    assert positions(table) == ["1", "2", "3"]
    assert list(table.commits) == [""]
    assert [write["branch"] for write in run_fixture.evidence()["writes"]][-1] == ""


def test_staged_commits_of_a_run_that_fails_stay_on_their_branch(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.close(ZeroDivisionError())
    assert positions(table) == ["1"]
    assert positions(table, "glue_secure_jr_1") == ["1", "2"]


def test_gs_s3_004_a_staged_commit_under_another_key_is_never_visible(run_fixture, table):
    table.key = str(OTHER_KEY)
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run_fixture.start().table_writer.write(["a"], table, staged=True)
    assert "not visible; to remove them: DROP BRANCH glue_secure_jr_1" in str(caught.value)
    assert (positions(table), table.restored) == (["1"], [])


def test_an_audit_gets_the_rows_of_the_branch_and_stops_the_run(run_fixture, table):
    seen = []

    def audit(frame):
        seen.append(frame)
        raise GlueSecureError("a rule is broken")

    run = run_fixture.start()
    with pytest.raises(GlueSecureError, match=r"(?s)a rule is broken.*DROP BRANCH glue_secure_jr_1"):
        run.table_writer.write(["a"], table, staged=True, audit=audit)
    assert seen == [["2"]]
    with pytest.raises(GlueSecureError, match="a rule is broken"):
        run.commit()
    assert positions(table) == ["1"]


def test_if_one_table_cannot_be_published_the_others_are_returned(run_fixture, table):
    second = MemoryTable(run_fixture.objects, name="db.lines", location="s3://curated/lines")
    second.add()
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.table_writer.merge(["a"], second, Merge(("id",)), staged=True)
    second.add(write="another run/1")
    with pytest.raises(GlueSecureError) as caught:
        run.commit()
    assert "table db.orders was returned to commit 1" in str(caught.value)
    assert "table db.lines: the commits of this run are on branch glue_secure_jr_1" in str(caught.value)
    assert (positions(table), positions(second)) == (["1"], ["1", "3"])
    assert run_fixture.bookmark_keys() == []


def test_a_publication_is_undone_without_the_commits_of_another_writer(run_fixture, table):
    second = MemoryTable(run_fixture.objects, name="db.lines", location="s3://curated/lines")
    second.add()
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.table_writer.merge(["a"], second, Merge(("id",)), staged=True)
    table.add(write="another run/1")
    second.add(write="another run/1")
    with pytest.raises(GlueSecureError, match=r"table db\.orders was returned to commit 3"):
        run.commit()
    assert (positions(table), positions(second)) == (["1", "3"], ["1", "3"])


def test_a_partial_publication_is_undone(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.table_writer.write(["b"], table, staged=True)
    table.add(write="another run/1")
    publish = table.publish_branch

    def fail_after_one(*arguments):
        yield next(publish(*arguments))
        raise ConnectionError("the catalog did not answer")

    table.publish_branch = fail_after_one
    with pytest.raises(GlueSecureError, match="returned to commit 4; commit 5 is not visible") as caught:
        run.commit()
    assert "to remove its branch: DROP BRANCH glue_secure_jr_1" in str(caught.value)
    assert positions(table) == ["1", "4"]


def test_a_partial_publication_that_cannot_be_undone_is_named(run_fixture, table):
    table.can_roll_back = False
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    table.drop_branch = lambda branch: 1 / 0
    with pytest.raises(GlueSecureError) as caught:
        run.commit()
    assert "table db.orders still shows commit 2 of this run: this format has no rollback" in str(
        caught.value
    )
    assert "not visible" not in str(caught.value)


def test_gs_s3_007_a_commit_on_the_branch_after_the_verification_is_not_published(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    table.add(write="another run/1", branch="glue_secure_jr_1")
    with pytest.raises(VerificationError, match="GS-S3-007") as caught:
        run.commit()
    assert "commit 3, which this run did not verify" in str(caught.value)
    assert positions(table) == ["1"]
    assert run_fixture.bookmark_keys() == []


def test_gs_s3_007_a_commit_of_another_writer_on_the_branch_during_a_write(run_fixture, table):
    write = table.write

    def with_other(frame, **named):
        write(frame, **named)
        table.add(write="another run/1", branch=named["branch"])

    table.write = with_other
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run_fixture.start().table_writer.write(["a"], table, staged=True)
    assert positions(table) == ["1"]


def test_the_branch_of_an_earlier_attempt_is_not_published(run_fixture, table):
    table.commits["glue_secure_jr_1"] = list(table.commits[""])
    table.add(write="jr_1/1", branch="glue_secure_jr_1")
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.commit()
    assert positions(table) == ["1", "3"]


def test_a_branch_begins_at_the_commit_that_was_read(run_fixture, table):
    has_branch = table.has_branch

    def with_other(branch):
        table.add(write="another run/1")
        return has_branch(branch)

    table.has_branch = with_other
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    assert positions(table, "glue_secure_jr_1") == ["1", "3"]
    run.commit()
    assert positions(table) == ["1", "2", "4"]


def test_gs_bkm_005_published_tables_are_returned_if_another_run_has_moved_the_bookmark(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)

    def conflict():
        raise BookmarkConflictError("GS-BKM-005", resource="b", found="2", required="1", fix="start again")

    run.bookmarks.commit = conflict
    with pytest.raises(BookmarkConflictError, match=r"table db\.orders was returned to commit 1"):
        run.commit()
    assert positions(table) == ["1"]


def test_published_tables_stay_if_the_bookmark_may_have_moved(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)

    def fail():
        raise VerificationError("GS-BKM-006", resource="b", found="SlowDown", required="1", fix="none")

    run.bookmarks.commit = fail
    with pytest.raises(
        VerificationError, match=r"table db\.orders shows commit 2 of this run, which is verified"
    ):
        run.commit()
    assert positions(table) == ["1", "2"]


@pytest.mark.parametrize(
    ("error", "expected", "shown"),
    [
        (ServiceError("denied", code="AccessDenied", operation="List"), VerificationError, "GS-S3-007"),
        (RuntimeError("a manifest cannot be read"), VerificationError, "GS-S3-007"),
        (KeyboardInterrupt("Ctrl-C"), KeyboardInterrupt, "Ctrl-C"),
    ],
    ids=["service", "spark", "interrupt"],
)
def test_a_commit_whose_objects_cannot_be_named_is_undone(run_fixture, table, error, expected, shown):
    run, calls = run_fixture.start(), []
    new_objects = table.new_objects

    def fail_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return new_objects(*arguments)

    table.new_objects = fail_once
    with pytest.raises(expected, match=shown):
        run.table_writer.write(["a"], table)
    assert positions(table) == ["1"]


def test_a_write_that_fails_after_its_commit_is_undone(run_fixture, table):
    write = table.write

    def unknown_state(*arguments, **named):
        write(*arguments, **named)
        raise RuntimeError(
            "An error occurred while calling o1.append.\n: CommitStateUnknownException: a timeout"
        )

    table.write = unknown_state
    with pytest.raises(EngineError, match="was returned to commit 1; commit 2 is not visible") as caught:
        run_fixture.start().table_writer.write(["a"], table)
    assert "cause:    RuntimeError: CommitStateUnknownException: a timeout" in str(caught.value)
    assert positions(table) == ["1"]


def test_a_write_that_fails_before_its_commit_raises_the_error_of_spark(run_fixture, table):
    def fail(*_arguments, **_named):
        table.add(write="another run/1")
        raise RuntimeError("cannot resolve column")

    table.write = fail
    with pytest.raises(RuntimeError, match="cannot resolve column"):
        run_fixture.start().table_writer.write(["a"], table)


def test_gs_s3_004_an_object_with_an_empty_path_segment_is_read_back(run_fixture, table):
    uri = S3Uri("curated", "orders//data.parquet")
    run_fixture.objects.put(uri, b"rows", algorithm="aws:kms", key=str(OTHER_KEY))
    table.new_objects = lambda *_: NewObjects(("s3a://curated/orders//data.parquet",))
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run_fixture.start().table_writer.write(["a"], table)


def test_another_write_of_the_run_is_never_undone(run_fixture, table):
    table.application, table.key = "app-1", str(OTHER_KEY)
    write = table.write

    def with_merge_elsewhere(*arguments, **named):
        write(*arguments, **named)
        table.commits[""].append(Commit("9", RowChange.CHANGED, application="app-1"))

    table.write = with_merge_elsewhere
    with pytest.raises(RefusedError, match="another writer has committed since: 9"):
        run_fixture.start().table_writer.write(["a"], table)
    assert (positions(table), table.restored) == (["1", "2", "9"], [])


def test_a_merge_that_fails_in_spark_undoes_no_commit_of_its_application(run_fixture, table):
    table.application = "app-1"

    def fail(*_arguments, **_named):
        table.commits[""].append(Commit("9", RowChange.CHANGED, application="app-1"))
        raise RuntimeError("a row of the table matches two rows")

    table.merge = fail
    with pytest.raises(RuntimeError, match="a row of the table matches two rows"):
        run_fixture.start().table_writer.merge(["a"], table, Merge(("id",)))
    assert (positions(table), table.restored) == (["1", "9"], [])


def test_a_commit_between_the_decision_and_the_rollback_is_not_removed(run_fixture, table):
    table.key = str(OTHER_KEY)
    history, calls = table.history, []

    def later(since, branch=""):
        calls.append(since)
        if table.number == 2 and calls.count("1") == 3:  # after the decision, right before the rollback
            table.add(write="another run/1")
        return history(since, branch)

    table.history = later
    with pytest.raises(RefusedError, match="another writer has committed since: 3") as caught:
        run_fixture.start().table_writer.write(["a"], table)
    assert (positions(table), table.restored) == (["1", "2", "3"], [])
    assert "to remove it (this may also remove commit 3): RESTORE db.orders TO 1" in str(caught.value)


def test_threads_write_to_a_table_with_ids_of_their_own(run_fixture, table):
    run = run_fixture.start()
    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(lambda _: run.table_writer.write(["a"], table), range(8)))
    assert sorted(commits for record in records for commits in record.commits) == sorted("23456789")
    assert len({commit.write for commit in table.commits[""]}) == 9


def test_a_failed_creation_names_the_statement_that_removes_the_table(run_fixture):
    table = MemoryTable(run_fixture.objects, key=str(OTHER_KEY))
    with pytest.raises(RefusedError, match=r"to remove it: DROP TABLE db\.orders"):
        run_fixture.start().table_writer.write(["a"], table, mode="create")


def failed_creation(run_fixture, table):
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run_fixture.start().table_writer.write(["a"], table, mode="create")
    assert "DROP TABLE" not in str(caught.value)
    return str(caught.value)


def test_no_statement_removes_a_created_table_with_a_commit_of_another_writer(run_fixture):
    table = MemoryTable(run_fixture.objects, key=str(OTHER_KEY), other_writer=True)
    assert "another writer has added commit 2" in failed_creation(run_fixture, table)


def test_no_statement_removes_a_table_that_another_writer_has_created(run_fixture):
    table = MemoryTable(run_fixture.objects, key=str(OTHER_KEY))
    table.write = lambda *_, **__: table.add(write="another run/1")
    message = failed_creation(run_fixture, table)
    assert "no commit of this write was found; it has commit 1 of another writer" in message


def test_no_command_removes_objects_that_were_at_the_location_before(run_fixture):
    run_fixture.objects.put(S3Uri("curated", "orders/of-another-job.parquet"), b"x")
    table = MemoryTable(run_fixture.objects, key=str(OTHER_KEY))
    assert "its location had other objects before" in failed_creation(run_fixture, table)


def test_no_command_removes_a_created_table_whose_commits_cannot_be_read(run_fixture):
    table = MemoryTable(run_fixture.objects, key=str(OTHER_KEY))
    table.created = lambda: 1 / 0
    assert "its commits cannot be read (ZeroDivisionError)" in failed_creation(run_fixture, table)


def test_the_location_of_a_failed_creation_is_not_adopted(run_fixture, table):
    table.format = "hudi"
    with pytest.raises(UsageError, match="perhaps of a creation that failed") as caught:
        run_fixture.start().table_writer.write(["a"], table, mode="create")
    assert "DROP TABLE" not in str(caught.value)
    assert positions(table) == ["1"]


def test_the_objects_of_another_writer_are_not_those_of_the_run(run_fixture, table):
    write = table.write

    def with_other(*arguments, **named):
        write(*arguments, **named)
        table.key = str(OTHER_KEY)
        table.add(write="another run/1")

    table.write = with_other
    record = run_fixture.start().table_writer.write(["a"], table)
    assert [str(entry.uri) for entry in record.objects] == ["s3://curated/orders/data-2.parquet"]


def test_the_objects_of_a_staged_commit_are_recorded_once(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.commit()
    objects = [entry["uri"] for write in run_fixture.evidence()["writes"] for entry in write["objects"]]
    assert objects == ["s3://curated/orders/data-2.parquet"]


def test_every_record_of_a_staged_table_names_it(run_fixture, table):
    run = run_fixture.start()
    run.table_writer.write(["a"], table, staged=True)
    run.commit()
    assert {write["table"] for write in run_fixture.evidence()["writes"]} == {"db.orders"}


def test_only_iceberg_has_branches(run_fixture, table):
    table.format = "delta"
    with pytest.raises(UsageError, match="an existing table of Iceberg"):
        run_fixture.start().table_writer.write(["a"], table, staged=True)
    assert positions(table) == ["1"]


def test_a_bookmark_reads_each_commit_once(run_fixture, table):
    run = run_fixture.start("jr_1")
    assert run.table_reader.read(table, transformation_ctx="orders") == ["1"]
    run.commit()
    run = run_fixture.start("jr_2")
    assert run.table_reader.read(table, transformation_ctx="orders") == []
    run.commit()
    table.add()
    table.add(change=RowChange.NONE, rows=0)
    run = run_fixture.start("jr_3")
    assert run.table_reader.read(table, transformation_ctx="orders") == ["2"]
    run.commit()
    read = run_fixture.evidence("jr_3")["reads"][0]
    assert (read["table"], read["since"], read["until"]) == ("db.orders", "1", "3")
    assert run_fixture.evidence("jr_3")["bookmark"]["contexts"]["orders"]["watermark"] == "iceberg 3"


def test_the_bookmark_of_a_run_that_fails_stays(run_fixture, table):
    run = run_fixture.start("jr_1")
    run.table_reader.read(table, transformation_ctx="orders")
    run.close(ZeroDivisionError())
    run = run_fixture.start("jr_2")
    assert run.table_reader.read(table, transformation_ctx="orders") == ["1"]


def test_a_read_whose_new_rows_cannot_be_determined_leaves_the_bookmark(run_fixture, table):
    run = run_fixture.start("jr_1")
    run.table_reader.read(table, transformation_ctx="orders")
    run.commit()
    table.add(change=RowChange.CHANGED)
    run = run_fixture.start("jr_2")
    with pytest.raises(UsageError, match="changed or replaced rows"):
        run.table_reader.read(table, transformation_ctx="orders")
    run.commit()
    assert run_fixture.evidence("jr_2")["bookmark"]["sequence_after"] == 1
    run = run_fixture.start("jr_3")
    rows = run.table_reader.read(table, transformation_ctx="orders", on_change="read_all")
    assert rows == ["2"]
    run.commit()
    assert run_fixture.evidence("jr_3")["bookmark"]["sequence_after"] == 2


@pytest.mark.parametrize(
    ("changes", "found"),
    [({"name": "db.others"}, "the state of table db.orders"), ({"format": "delta"}, "a table of delta")],
    ids=["another table", "another format"],
)
def test_a_context_belongs_to_one_table(run_fixture, table, changes, found):
    run = run_fixture.start("jr_1")
    run.table_reader.read(table, transformation_ctx="orders")
    run.commit()
    with pytest.raises(UsageError, match=found):
        run_fixture.start("jr_2").table_reader.read(replace(table, **changes), transformation_ctx="orders")


def test_gs_s3_006_a_table_outside_s3_is_rejected(run_fixture, table):
    table.location = "file:///tmp/orders"
    with pytest.raises(RefusedError, match="GS-S3-006"):
        run_fixture.start().table_reader.read(table)


def test_a_commit_of_100_files_costs_one_request_a_file_and_no_listing(run_fixture, table):
    class ManyFiles(MemoryTable):
        def new_objects(self, since, branch="", own=()):
            position = self.commits[branch][-1].position
            names = [f"{self.location}/data-{position}-{number}.parquet" for number in range(99)]
            for name in names:
                self.objects.put(S3Uri.parse(name), b"rows", algorithm="aws:kms", key=self.key)
            return NewObjects((*names, f"{self.location}/data-{position}.parquet"))

    large = ManyFiles(run_fixture.objects)
    large.add()
    for number in range(1_000):
        run_fixture.objects.put(S3Uri("curated", f"orders/earlier-{number}.parquet"), b"x")
    run = run_fixture.start()
    run_fixture.objects.calls.clear()
    record = run.table_writer.write(["a"], large)
    requests = [name for name, _ in run_fixture.objects.calls]
    assert len(record.objects) == 100
    assert not [name for name in requests if name.startswith("List")]
    assert len(requests) <= 110


class Killed(BaseException):
    """The end of the process, which no code handles."""


@pytest.mark.parametrize("point", ["before the publication", "after the publication", "before the bookmark"])
def test_a_run_that_is_killed_leaves_the_bookmark_behind_the_table(run_fixture, table, monkeypatch, point):
    target = MemoryTable(run_fixture.objects, name="db.copy", location="s3://curated/copy")
    target.add()

    def copy(run):
        rows = run.table_reader.read(table, transformation_ctx="orders")
        run.table_writer.write(rows, target, staged=True)
        return rows

    def kill(*_arguments, **_named):
        raise Killed

    run = run_fixture.start("jr_1")
    with monkeypatch.context() as patch:
        if point == "before the publication":
            patch.setattr(target, "publish_branch", kill)
        elif point == "after the publication":
            patch.setattr(target, "drop_branch", kill)
        else:
            patch.setattr(run.bookmarks, "commit", kill)
        patch.setattr(target, "roll_back", kill)  # a killed process undoes nothing
        copy(run)
        with pytest.raises(BaseException):  # noqa: B017 - what the interrupted run raises does not matter
            run.commit()
    assert run_fixture.bookmark_keys() == []
    assert len(positions(target)) == (1 if point == "before the publication" else 2)
    again = run_fixture.start("jr_2")
    assert copy(again) == ["1"]
    again.commit()
    assert len(positions(target)) == (2 if point == "before the publication" else 3)
    assert run_fixture.evidence("jr_2")["bookmark"]["sequence_after"] == 1


def test_a_column_policy_is_applied_to_appends_and_merges(run_fixture, table):
    policy = {
        "name": "customers",
        "columns": [{"column": "email", "action": "drop"}],
    }
    run_fixture.objects.put(S3Uri("config", "columns.json"), json.dumps(policy).encode())
    frames = []
    write, merge = table.write, table.merge

    def recorded(call, frame, *arguments, **named):
        frames.append(frame)
        call(frame, *arguments, **named)

    table.write, table.merge = partial(recorded, write), partial(recorded, merge)
    run = run_fixture.start(glue_secure_columns="s3://config/columns.json")
    run.table_writer.write(["a"], table)
    run.table_writer.merge(["b"], table, Merge(("id",)))
    run.commit()
    assert frames == [["protected-a"], ["protected-b"]]
    columns = run_fixture.evidence()["columns"]
    assert {(column["sink"], column["column"]) for column in columns} == {("db.orders", "email")}


def committed_by_spark(run_fixture, table, *, other=None, is_shared=False, **arguments):
    """Let Spark commit to the table without glue-secure, and return the error of the run's commit."""
    old = datetime(2020, 1, 1, tzinfo=timezone.utc)
    table.commits[""] = [replace(commit, made=old) for commit in table.commits[""]]
    run = run_fixture.start(**arguments)
    table.key, table.application = str(OTHER_KEY), "app-1"
    table.add(change=RowChange.CHANGED)
    table.commits[""][-1] = replace(table.commits[""][-1], application="app-1")
    table.key = str(KEY)
    if other is not None:
        other(table)
    run_fixture.engine.is_shared = is_shared
    run_fixture.engine.written_table = lambda write: table if write.table == "c.db.orders" else None
    write = UnmanagedWrite("s3a://curated/orders", "table", table="c.db.orders")
    run_fixture.engine.native = UnmanagedWriteReport((write,))
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run.commit()
    return str(caught.value)


def test_gs_s3_004_a_commit_of_spark_that_cannot_be_verified_is_undone(run_fixture, table):
    message = committed_by_spark(run_fixture, table)
    assert positions(table) == ["1"]
    assert "table db.orders was returned to commit 1; commit 2 is not visible any more" in message
    evidence = run_fixture.evidence()
    assert (evidence["outcome"], evidence["bookmark"]["sequence_after"]) == ("refused", 0)


def test_a_commit_of_spark_is_not_undone_below_that_of_another_writer(run_fixture, table):
    message = committed_by_spark(run_fixture, table, other=lambda target: target.add(write="other"))
    assert positions(table) == ["1", "2", "3"]
    assert "table db.orders shows commit 2, which this run has not verified: another writer" in message
    assert "to remove it (this may also remove commit 3): RESTORE db.orders TO 1" in message


def test_gs_s3_004_a_commit_of_spark_is_not_undone_if_another_run_may_have_made_it(run_fixture, table):
    message = committed_by_spark(run_fixture, table, is_shared=True)
    assert positions(table) == ["1", "2"]
    assert "another run was open in this Spark application, so that it may have made the commit" in message
    warning = "this may also remove commits of another run or writer"
    assert f"to remove it ({warning}): RESTORE db.orders TO 1" in message


def removes_commits(*_):
    raise RemovedCommitsError("RESTORE has replaced commit 9")


def test_a_commit_that_a_rollback_removed_is_in_the_error(run_fixture, table):
    table.key, table.roll_back = str(OTHER_KEY), removes_commits
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run_fixture.start().table_writer.write(["a"], table)
    assert "RESTORE has replaced commit 9" in str(caught.value)


def test_a_commit_that_a_rollback_of_spark_s_commits_removed_is_in_the_error(run_fixture, table):
    table.roll_back = removes_commits
    assert "RESTORE has replaced commit 9" in committed_by_spark(run_fixture, table)


def test_a_verified_commit_is_known_by_another_name_of_the_table(run_fixture, table):
    old = datetime(2020, 1, 1, tzinfo=timezone.utc)
    table.commits[""] = [replace(commit, made=old) for commit in table.commits[""]]
    table.format = "delta"
    run = run_fixture.start()
    run.table_writer.write(["a"], table)
    table.commits[""][-1] = replace(table.commits[""][-1], write="")  # as of a format that stores no id
    table.key = str(OTHER_KEY)
    table.add()
    by_location = replace(table, name=table.location)
    run_fixture.engine.is_shared = False
    run_fixture.engine.written_table = lambda _write: by_location
    write = UnmanagedWrite("s3a://curated/orders", "table", table="delta.`s3a://curated/orders`")
    run_fixture.engine.native = UnmanagedWriteReport((write,))
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        run.commit()
    message = str(caught.value)
    assert "shows commit 3, which this run has not verified" in message
    assert "commit 2, 3" not in message
    assert message.count("RESTORE s3://curated/orders TO 2") == 1


def test_a_verified_commit_without_an_id_is_not_undone(run_fixture, table):
    old = datetime(2020, 1, 1, tzinfo=timezone.utc)
    table.commits[""] = [replace(commit, made=old) for commit in table.commits[""]]
    write, table.application = table.write, "app-1"

    def write_without_id(*args, **kwargs):
        write(*args, **kwargs)
        table.commits[""][-1] = replace(table.commits[""][-1], write="", application="app-1")

    table.write = write_without_id
    run = run_fixture.start()
    run.table_writer.write(["a"], table)
    table.key = str(OTHER_KEY)
    table.add()
    table.commits[""][-1] = replace(table.commits[""][-1], application="app-1")
    run_fixture.engine.is_shared = False
    run_fixture.engine.written_table = lambda _write: table
    unmanaged = UnmanagedWrite("s3a://curated/orders", "table", table="c.db.orders")
    run_fixture.engine.native = UnmanagedWriteReport((unmanaged,))
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()
    assert positions(table) == ["1", "2"]


def test_a_commit_of_another_writer_during_the_undo_is_not_removed(run_fixture, table):
    roll_back = table.roll_back

    def later(position, since):
        table.add(write="other")
        return roll_back(position, since)

    table.roll_back = later
    message = committed_by_spark(run_fixture, table)
    assert positions(table) == ["1", "2", "3"]
    assert "shows commit 2, which this run has not verified: another writer has committed since" in message


def test_the_changes_of_a_table_are_read_once(run_fixture, table):
    read = []

    def changes(run):
        table.read = lambda increment: read.append(increment.selection) or []
        run.table_reader.read(table, transformation_ctx="orders", on_change="read_changes")
        run.commit()

    changes(run_fixture.start("jr_1"))
    table.add(change=RowChange.CHANGED)
    changes(run_fixture.start("jr_2"))
    changes(run_fixture.start("jr_3"))
    assert read == [Selection.ALL, Selection.CHANGED, Selection.NOTHING]


def test_a_table_without_a_change_data_feed_names_the_statement(run_fixture, table):
    table.has_change_feed = False
    run = run_fixture.start()
    with pytest.raises(UsageError, match="ALTER TABLE db"):
        run.table_reader.read(table, transformation_ctx="orders", on_change="read_changes")
