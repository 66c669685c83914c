"""Consecutive runs that read a database table: what moves the bookmark, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glue_secure.core.errors import UsageError

WHOLE = {
    "table_name": "public.orders",
    "column_name": "id",
    "position": 1,
    "not_null": True,
    "primary_position": 0,
}
FACTS = {"type_0": "bigint", "nulls_0": 0}


@pytest.fixture
def last(run_fixture, server, monkeypatch):
    """``last.value = "9"`` sets the key of the table's last row; None if there are no new rows."""
    last_row = type("Last", (), {"value": "9"})()
    session = run_fixture.engine.first_row

    def first_row(frame: Any, columns: Any = ()) -> Any:
        query = frame[0]
        if "glue_secure_session" in query:
            return session(frame)
        if "pg_typeof" in query:
            return FACTS
        if "as sequential" in query:
            return {"sequential": True}
        return {} if last_row.value is None else {"text_0": last_row.value}

    monkeypatch.setattr(run_fixture.engine, "first_row", first_row)
    monkeypatch.setattr(run_fixture.engine, "all_rows", lambda _frame: [dict(WHOLE)])
    return last_row


def read(run_fixture, run, **more):
    """Read the table in a run, and return the arguments of the engine's calls."""
    run.reader.read_jdbc("ops", "orders", transformation_ctx="orders", **more)
    return run_fixture.engine.asked("read_jdbc")[-1]


def test_a_commit_moves_the_bookmark_and_the_next_run_starts_there(run_fixture, last):
    run = run_fixture.start("jr_1")
    assert read(run_fixture, run)["predicates"] == ("(\"id\" <= CAST(E'9' AS bigint))",)
    run.commit()
    last.value = "12"
    run = run_fixture.start("jr_2")
    between = "(\"id\" > CAST(E'9' AS bigint)) and (\"id\" <= CAST(E'12' AS bigint))"
    assert read(run_fixture, run)["predicates"] == (between,)
    run.commit()
    last.value = None
    run = run_fixture.start("jr_3")
    call = read(run_fixture, run)
    assert (call["empty"], call["predicates"]) == (True, ())
    run.commit()
    assert [run_fixture.evidence(f"jr_{n}")["bookmark"]["sequence_after"] for n in (1, 2, 3)] == [1, 2, 2]
    assert "12" not in json.dumps(run_fixture.evidence("jr_2")["bookmark"]["contexts"])


def test_conditions_are_added_to_each_part_of_a_parallel_read(run_fixture, last):
    call = read(run_fixture, run_fixture.start(), options={"hashfield": "id", "hashpartitions": "2"})
    assert len(call["predicates"]) == 2
    assert all(part.endswith(" and ((\"id\" <= CAST(E'9' AS bigint)))") for part in call["predicates"])


def test_a_failed_read_that_the_script_catches_does_not_move_the_bookmark(run_fixture, last, monkeypatch):
    run = run_fixture.start("jr_1")
    whole = run_fixture.engine.read_jdbc

    def fails(**arguments: Any) -> Any:
        if arguments["table"] == "orders":
            raise OSError("connection reset")
        return whole(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run_fixture.engine, "read_jdbc", fails)
        with pytest.raises(OSError, match="reset"):
            read(run_fixture, run)
    run.commit()
    assert run_fixture.bookmark_keys() == []


def test_a_run_with_paused_bookmarks_reads_new_rows_and_does_not_move_the_bookmark(run_fixture, last):
    run = run_fixture.start("jr_1", job_bookmark_option="job-bookmark-pause")
    assert read(run_fixture, run)["predicates"]
    run.commit()
    assert run_fixture.bookmark_keys() == []


def test_a_range_reads_the_rows_between_two_earlier_runs(run_fixture, last):
    for number, value in enumerate(("9", "12", "20"), start=1):
        last.value = value
        run = run_fixture.start(f"jr_{number}")
        read(run_fixture, run)
        run.commit()
    before = run_fixture.bookmark_keys()
    paused = {"job_bookmark_option": "job-bookmark-pause"}
    run = run_fixture.start("jr_4", **paused, job_bookmark_from="jr_1", job_bookmark_to="jr_2")
    between = "(\"id\" > CAST(E'9' AS bigint)) and (\"id\" <= CAST(E'12' AS bigint))"
    assert read(run_fixture, run)["predicates"] == (between,)
    run.commit()
    assert run_fixture.bookmark_keys() == before


def test_without_bookmarks_or_a_context_everything_is_read(run_fixture, last):
    run = run_fixture.start("jr_1", job_bookmark_option="job-bookmark-disable")
    assert read(run_fixture, run, options={"jobBookmarkKeys": ["id"]})["predicates"] == ()
    run = run_fixture.start("jr_2")
    run.reader.read_jdbc("ops", "orders")
    assert run_fixture.engine.asked("read_jdbc")[-1]["predicates"] == ()


def test_a_context_cannot_be_used_for_two_tables(run_fixture, last):
    run = run_fixture.start()
    read(run_fixture, run)
    with pytest.raises(UsageError, match="used for two sources"):
        read(run_fixture, run)


def test_a_context_of_files_cannot_be_used_for_a_table(run_fixture, last):
    run_fixture.land("01.csv")
    run = run_fixture.start("jr_1")
    run.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="orders")
    run.commit()
    with pytest.raises(UsageError, match="state of a s3 source"):
        read(run_fixture, run_fixture.start("jr_2"))


@pytest.mark.parametrize("options", [{"hashfield": "id"}, {}], ids=["parts", "bookmark"])
def test_sparks_strides_are_rejected_where_spark_would_ignore_them(run_fixture, last, options):
    with pytest.raises(UsageError, match="partitionColumn"):
        read(run_fixture, run_fixture.start(), options={**options, "partitionColumn": "id"})
