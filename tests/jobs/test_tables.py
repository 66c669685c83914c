"""Tables by name: the example jobs; reads with a bookmark, writes, merges, branches and rollbacks.

``table_program.py`` has the scenarios, which share one Spark session in another process. The example jobs are
part of the suite. The other scenarios are marked long: the decisions that they show with Spark are tested
without it in ``tests/unit/io/tables``. The JARs have 230 MB.
"""

from __future__ import annotations

import pytest
from separate_session import results_of

from glue_secure.embedded import table_formats
from glue_secure.embedded.installed_spark import installed_spark

# All scenarios run in the fixture of the first test: minutes on a busy machine.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(2400)]
ALL = ("iceberg", "delta", "hudi")
SCENARIOS = {
    "modes": ALL,
    "bookmark": ALL,
    "bookmark_after_a_change": ("iceberg", "delta"),
    "failed_run": ALL,
    "merge": ("iceberg", "delta"),
    "upsert": ("hudi",),
    "write_audit_publish": ("iceberg",),
    "failed_audit": ("iceberg",),
    "concurrent_audit": ("iceberg",),
    "rolled_back": ALL,
    "merge_rolled_back": ("iceberg", "delta"),
    "not_rolled_back": ("iceberg", "delta"),
    "spark_rolled_back": ("iceberg", "delta"),
    "two_runs": ("iceberg", "delta"),
    "two_merges": ("iceberg", "delta"),
    "concurrent_rollback": ("delta",),
    "changes": ("delta",),
    "changes_from_postgresql": ("delta",),
    "example_jobs": ALL,
    "glue_sink": ("delta", "hudi"),
}
IN_THE_SUITE = ("example_jobs",)


def names_of(scenario):
    available = table_formats.TABLE_FORMAT_JARS[installed_spark().line]
    return [f"{scenario}-{format}" for format in SCENARIOS[scenario] if format in available]


@pytest.fixture(scope="module")
def results(request, glue_account, tmp_path_factory):
    """Return the results of the scenarios of the selected tests."""
    items = (item for item in request.session.items if item.path == request.path)
    # A scenario of formats that the Spark line does not have has no name.
    names = [name for item in items if isinstance(name := item.callspec.params["result"], str)]
    folder = tmp_path_factory.mktemp("tables")
    return results_of("../jobs/table_program.py", names, glue_account, folder, guarded=True, timeout=2300)


@pytest.fixture
def result(request, results):
    """Return the result of the scenario that the test names; every object of its table is encrypted."""
    found = results[request.param]
    assert "error" not in found, found["error"]
    assert found["encryptions"] == [["aws:kms", found["key"]]]
    return found


def scenario(name):
    marks = () if name in IN_THE_SUITE else pytest.mark.long
    names = [pytest.param(found, marks=marks) for found in names_of(name)]
    return pytest.mark.parametrize("result", names, indirect=True)


@scenario("modes")
def test_every_mode_of_a_write(result):
    assert result["appended"] == [[1, "a", 1], [2, "b", 2], [3, "c", 2]]
    assert result["partitions"] == [[1, "a", 1], [4, "d", 2]]
    assert result["overwritten"] == [[5, "e", 3]]
    assert (result["rows"], result["commits"]) == (1, 1)
    assert result["recorded"] == [True, True]
    assert result["unrecorded"] == []


@scenario("bookmark")
def test_a_bookmark_reads_the_rows_of_each_commit_once(result):
    assert result["first"] == [[1, "a", 1]]
    assert result["nothing"] == result["again"] == []
    assert result["added"] == [[2, "b", 1], [3, "c", 1]]
    assert result["range"] == [True, True, True]


@scenario("bookmark_after_a_change")
def test_changed_rows_stop_a_bookmarked_read(result):
    assert "changed or replaced rows since the bookmark" in result["stopped"]
    assert result["read_all"] == [[1, "z", 1], [2, "b", 1], [3, "c", 1]]
    assert result["then"] == []


@scenario("failed_run")
def test_a_run_that_fails_after_its_commit_leaves_the_bookmark(result):
    assert result["sequence"] == 0
    assert result["read"] == [[1, "a", 1], [2, "b", 1]]


@scenario("merge")
def test_a_merge_updates_inserts_and_deletes(result):
    assert result["rows"] == [[1, "z", 1], [3, "c", 1], [4, "d", 1]]
    assert (result["commits"], result["objects"]) == (1, True)


@scenario("upsert")
def test_a_merge_into_hudi_is_an_upsert(result):
    assert result["rows"] == [[1, "a", 1], [2, "z", 1], [3, "c", 1]]
    assert (result["commits"], result["objects"]) == (1, True)


@scenario("write_audit_publish")
def test_audited_rows_are_visible_after_the_commit_of_the_job(result):
    assert result["before"] == [[1, "a", 1]]
    assert result["after"] == [[1, "z", 1], [2, "b", 1]]
    assert result["branches"] == ["main"]
    assert result["outcome"] == "succeeded"
    # No write of glue-secure counts as one of the script, which a column policy would forbid.
    assert result["created"] == result["kinds"] == ["s3"]


@scenario("failed_audit")
def test_rows_of_a_run_that_fails_stay_on_their_branch(result):
    assert result["rows"] == [[1, "a", 1]]
    assert result["branches"] == 2


@scenario("concurrent_audit")
def test_a_branch_is_published_over_another_commit_only_if_it_adds_rows(result):
    assert result["added"] == [[1, "a", 1], [2, "b", 1], [9, "x", 1]]
    assert "which another writer made since the branch was created" in result["message"]
    assert result["rows"] == [[1, "a", 1], [2, "b", 1], [8, "y", 1], [9, "x", 1]]


@scenario("rolled_back")
def test_a_commit_that_cannot_be_verified_is_undone_where_the_format_can(request, result):
    if "hudi" in request.node.name:
        assert result["rows"] == [[1, "a", 1], [2, "b", 1]]
        assert "to remove it: CALL rollback_to_instant" in result["message"]
    else:
        assert result["rows"] == [[1, "a", 1]]
        assert "is not visible any more" in result["message"]
    assert "GS-S3-004" in result["message"]
    assert result["sequence"] == 0


@scenario("merge_rolled_back")
def test_a_merge_that_cannot_be_verified_is_undone(result):
    assert result["rows"] == [[1, "a", 1]]
    assert "is not visible any more" in result["message"]


@scenario("not_rolled_back")
def test_the_rows_of_another_writer_are_never_undone(result):
    assert result["rows"] == [[1, "a", 1], [2, "b", 1], [9, "x", 1]]
    assert "another writer has committed since" in result["message"]
    assert "to remove it (this may also remove commit " in result["message"]


@scenario("spark_rolled_back")
def test_a_commit_of_spark_that_cannot_be_verified_is_undone_or_the_statement_undoes_it(request, result):
    assert "GS-S3-004" in result["message"]
    if "iceberg" in request.node.name:
        assert result["rows"] == [[1, "a", 1]]
        assert "is not visible any more" in result["message"]
    else:
        assert result["rows"] == [[1, "z", 1]]
        assert "nothing in it names the application that made it" in result["message"]
        assert "to remove it: RESTORE TABLE delta." in result["message"]
    assert result["then"] == [[1, "a", 1]]
    assert result["sequence"] == 0


@scenario("concurrent_rollback")
def test_a_rollback_never_removes_a_commit_that_was_made_meanwhile(result):
    assert result["rows"] == [[1, "a", 1], [2, "b", 1], [9, "x", 1]]
    assert "another writer has committed since" in result["message"]


@scenario("changes")
def test_a_bookmark_reads_each_change_of_a_row_once(result):
    assert "no change data feed" in result["message"]
    assert result["first"] == [[1, "a", "insert"], [2, "b", "insert"]]
    assert result["then"] == [
        [1, "a", "update_preimage"],
        [1, "z", "update_postimage"],
        [2, "b", "delete"],
        [3, "c", "insert"],
    ]
    assert result["again"] == []


@scenario("two_runs")
def test_gs_s3_004_a_run_does_not_undo_what_another_run_of_the_session_committed(request, result):
    assert result["rows"] == [[1, "y", 1], [2, "b", 1]]
    assert result["merged"] == 1
    reason = "nothing in it names the application" if "delta" in request.node.name else "another run was open"
    assert reason in result["message"]
    assert "to remove it" in result["message"]


@scenario("two_merges")
def test_gs_s3_004_a_merge_is_not_undone_together_with_that_of_another_run(result):
    assert result["rows"] == [[1, "z", 1], [9, "x", 1]]
    assert "another writer has committed since" in result["message"]


BEFORE = [[1, "ann", 6.5], [2, "bob", 7.5]]
PUBLISHED = [*BEFORE, [3, "cid", 8.5], [4, "dan", 9.5]]


@scenario("example_jobs")
def test_the_example_jobs_of_both_apis(request, result):
    if "hudi" in request.node.name:
        assert result["glue"] == [[1, "ann", 5.5], [2, "bob", 6.5]]
        assert result["catalog"] == ["create-table"]
        assert result["upserted"] == [[1, "ann", 5.5], [2, "bob", 7.5], [3, "cid", 8.5]]
        return
    if "delta" in request.node.name:
        assert result["upserted"] == result["again"] == [[1, "ann", 5.5], [2, "bob", 7.5]]
        assert result["glue"] == [*BEFORE, [3, "cid", 8.5]]
        return
    assert result["appended"] == [[1, "ann", 5.5], [2, "bob", 6.5]]
    assert result["compacted"] == [True, True]
    assert result["copied"] == [[1, "2026-01-01"], [2, "2026-01-02"]]
    assert result["partitions"] == [["2026-01-01"], ["2026-01-02"]]
    assert result["catalog"] == ["create-partitions"]
    assert result["upserted"] == BEFORE
    assert result["published"] == PUBLISHED
    assert result["not_published"]
    assert result["gate"] == "passed"
    assert "GS-DQ-001" in result["message"]
    assert result["message_glue"] == 'not published: ColumnValues "amount" > 0'
    first = [[1, "ann", 9.5], [3, "cid", 8.5], [4, "dan", 9.5], [6, "fay", 2.5]]
    second = [first[0], *first[2:]]
    assert result["changed"] == [first, second, [first[0], [4, "dan", 0.5], first[3]]]


@scenario("changes_from_postgresql")
def test_changes_from_postgresql_are_applied_to_delta_lake(result):
    assert result["changed"] == [
        [[1, "ann", 9.5], [3, "cid", 8.5], [6, "fay", 2.5]],
        [[1, "ann", 9.5], [6, "fay", 2.5]],
    ]


@scenario("glue_sink")
def test_a_sink_of_awsglue_writes_tables_and_registers_those_of_hudi(request, result):
    assert result["rows"] == [[1, "a", 1], [2, "b", 1]]
    assert result["outcome"] == "succeeded"
    assert result["synced"] == ([1, 2] if "glue_sink-hudi" in request.node.name else [])
