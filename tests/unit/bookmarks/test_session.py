from __future__ import annotations

import pytest

from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError
from glue_secure.core.evidence import canonical_json
from glue_secure.core.identifiers import RunId

DISABLE, PAUSE = BookmarkOption.DISABLE, BookmarkOption.PAUSE


def select(bookmark_fixture, session, ctx="flights"):
    return [
        entry.uri.key.removeprefix("flights/")
        for entry in session.select(ctx, bookmark_fixture.listing(), roots=(bookmark_fixture.landing,))
    ]


def test_a_run_reads_what_the_runs_before_have_not(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    assert bookmark_fixture.run("jr_1") == ["01.csv"]
    bookmark_fixture.clock.advance(minutes=1)
    bookmark_fixture.land("02.csv")
    assert bookmark_fixture.run("jr_2") == ["02.csv"]
    assert bookmark_fixture.run("jr_3") == []


def test_a_run_with_nothing_new_writes_nothing(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run("jr_1")
    before, bookmark_fixture.objects.calls[:] = bookmark_fixture.objects.keys("state"), []
    assert bookmark_fixture.run("jr_2") == []
    assert bookmark_fixture.objects.keys("state") == before
    assert not [call for call in bookmark_fixture.objects.calls if call[0] == "PutObject"]


def test_a_first_run_with_nothing_to_read_writes_nothing(bookmark_fixture):
    assert bookmark_fixture.run("jr_1") == []
    assert bookmark_fixture.objects.keys("state") == []


def test_a_run_that_does_not_commit_reads_the_same_again(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    assert select(bookmark_fixture, bookmark_fixture.session("jr_1")) == ["01.csv"]
    assert bookmark_fixture.run("jr_1_attempt_1", attempt=1) == ["01.csv"]
    state = bookmark_fixture.store().load().state
    assert (state.run, state.attempt, state.run_id) == (1, 1, "jr_1_attempt_1")


def test_each_context_is_tracked_and_an_unused_one_keeps_its_state(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    session = bookmark_fixture.session("jr_1")
    assert select(bookmark_fixture, session, "a") == select(bookmark_fixture, session, "b") == ["01.csv"]
    session.commit()
    bookmark_fixture.clock.advance(minutes=1)
    bookmark_fixture.land("02.csv")
    session = bookmark_fixture.session("jr_2")
    assert select(bookmark_fixture, session, "a") == ["02.csv"]
    session.commit()
    session = bookmark_fixture.session("jr_3")
    assert (select(bookmark_fixture, session, "a"), select(bookmark_fixture, session, "b")) == (
        [],
        ["02.csv"],
    )


def test_an_empty_context_is_not_tracked(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.land("_SUCCESS")
    for run in ("jr_1", "jr_2"):
        session = bookmark_fixture.session(run)
        assert select(bookmark_fixture, session, "") == select(bookmark_fixture, session, "") == ["01.csv"]
        session.commit()
    assert bookmark_fixture.objects.keys("state") == []


def test_one_context_for_two_sources_is_refused(bookmark_fixture):
    session = bookmark_fixture.session("jr_1")
    select(bookmark_fixture, session)
    with pytest.raises(UsageError, match="'flights', a second time"):
        select(bookmark_fixture, session)


def test_disable_reads_everything_and_stores_nothing(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run("jr_1")
    bookmark_fixture.objects.calls.clear()
    session = bookmark_fixture.session("jr_2", DISABLE)
    session.load()
    assert select(bookmark_fixture, session) == select(bookmark_fixture, session) == ["01.csv"]
    facts = session.commit()
    assert (facts.option, facts.uri, facts.contexts) == ("job-bookmark-disable", "", {})
    assert {uri.split("/")[2] for _, uri in bookmark_fixture.objects.calls} == {"landing"}


def test_disable_needs_no_store(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    session = BookmarkSession(
        option=DISABLE, store=None, now=bookmark_fixture.clock.now(), run_id=RunId("jr_1")
    )
    session.load()
    assert select(bookmark_fixture, session) == ["01.csv"]
    with pytest.raises(UsageError, match="without a location"):
        BookmarkSession(option=PAUSE, store=None, now=bookmark_fixture.clock.now(), run_id=RunId("jr_1"))


def test_pause_reads_new_objects_and_stores_nothing(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run("jr_1")
    bookmark_fixture.clock.advance(minutes=1)
    bookmark_fixture.land("02.csv")
    keys = bookmark_fixture.objects.keys("state")
    for run in ("jr_2", "jr_3"):
        assert bookmark_fixture.run(run, option=PAUSE) == ["02.csv"]
    assert bookmark_fixture.objects.keys("state") == keys
    assert bookmark_fixture.run("jr_4") == ["02.csv"]


@pytest.mark.parametrize("option", [BookmarkOption.ENABLE, PAUSE])
def test_gs_bkm_001_a_damaged_bookmark_stops_the_run_before_it_selects(bookmark_fixture, option):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run("jr_1")
    bookmark_fixture.objects.put(bookmark_fixture.store().uri, b"junk")
    for step in (BookmarkSession.load, lambda session: select(bookmark_fixture, session)):
        with pytest.raises(RefusedError) as caught:
            step(bookmark_fixture.session("jr_2", option))
        assert caught.value.control == "GS-BKM-001"


def test_gs_bkm_005_the_run_that_does_not_commit_keeps_its_report(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    one, two = bookmark_fixture.session("jr_1"), bookmark_fixture.session("jr_2")
    select(bookmark_fixture, one), select(bookmark_fixture, two)
    one.commit()
    with pytest.raises(BookmarkConflictError, match="jr_1 committed sequence 1"):
        two.commit()
    facts = two.report()
    assert (facts.sequence_before, facts.sequence_after) == (0, 0)
    assert facts.contexts["flights"].selected == 1


def test_the_report_has_the_states_before_and_after(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run("jr_1")
    bookmark_fixture.clock.advance(minutes=1)
    landed = bookmark_fixture.clock.now()
    bookmark_fixture.land("02.csv")
    session = bookmark_fixture.session("jr_2")
    select(bookmark_fixture, session)
    assert session.pending
    facts = session.commit()
    assert not session.pending
    assert (facts.sequence_before, facts.sequence_after, facts.recorded) == (1, 2, True)
    assert facts.digest_before != facts.digest_after == bookmark_fixture.store().load().digest
    assert facts.uri == "s3://state/bookmarks/123456789012/eu-west-1/curate/current"
    assert (facts.contexts["flights"].selected, facts.contexts["flights"].watermark) == (1, landed)
    assert b'"watermark":"2026-01-01T00:01:00+00:00"' in canonical_json(facts.as_mapping())
    idle = bookmark_fixture.session("jr_3")
    select(bookmark_fixture, idle)
    facts = idle.commit()
    assert (facts.sequence_before, facts.sequence_after) == (2, 2)
    assert (facts.contexts["flights"].selected, facts.contexts["flights"].watermark) == (0, landed)


def test_a_second_commit_of_one_run_stores_what_came_since(bookmark_fixture):
    bookmark_fixture.land("01.csv")
    session = bookmark_fixture.session("jr_1")
    select(bookmark_fixture, session, "a")
    session.commit()
    assert session.commit().sequence_after == 1
    select(bookmark_fixture, session, "b")
    assert session.commit().sequence_after == 2
    state = bookmark_fixture.store().load().state
    assert (state.run, state.version, set(state.contexts)) == (1, 2, {"a", "b"})


def two_days(bookmark_fixture):
    """Three runs that commit, one that finds nothing: what each run read is known."""
    for day, run in (("01.csv", "jr_1"), ("02.csv", "jr_2"), ("03.csv", "jr_3")):
        bookmark_fixture.land(day)
        assert bookmark_fixture.run(run) == [day]
        bookmark_fixture.clock.advance(hours=1)
    assert bookmark_fixture.run("jr_4") == []
    bookmark_fixture.land("04.csv")


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [
        ("jr_1", "jr_3", ["02.csv", "03.csv"]),
        ("jr_1", "jr_2", ["02.csv"]),
        ("jr_2", "jr_2", []),
    ],
)
def test_a_range_reads_the_input_between_two_runs_and_stores_nothing(bookmark_fixture, first, second, read):
    two_days(bookmark_fixture)
    keys = bookmark_fixture.objects.keys("state")
    for run in ("jr_5", "jr_6"):
        assert bookmark_fixture.run(run, option=PAUSE, from_run=first, to_run=second) == read
    assert bookmark_fixture.objects.keys("state") == keys
    assert bookmark_fixture.run("jr_7") == ["04.csv"]


def test_the_report_has_the_range(bookmark_fixture):
    two_days(bookmark_fixture)
    session = bookmark_fixture.session("jr_5", PAUSE, from_run="jr_1", to_run="jr_2")
    select(bookmark_fixture, session)
    facts = session.commit().as_mapping()
    assert (facts["from_run"], facts["to_run"]) == ("jr_1", "jr_2")
    assert (facts["sequence_before"], facts["sequence_after"]) == (3, 3)
    assert facts["contexts"]["flights"]["selected"] == 1


def test_a_source_that_a_run_of_the_range_did_not_read(bookmark_fixture):
    two_days(bookmark_fixture)
    session = bookmark_fixture.session("jr_5")
    assert select(bookmark_fixture, session, "new") == ["01.csv", "02.csv", "03.csv", "04.csv"]
    session.commit()
    for second, read in (("jr_3", []), ("jr_5", ["01.csv", "02.csv", "03.csv", "04.csv"])):
        session = bookmark_fixture.session("jr_6", PAUSE, from_run="jr_1", to_run=second)
        assert select(bookmark_fixture, session, "new") == read


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("jr_9", "jr_3", r"--job-bookmark-from\n.*'jr_9'"),
        ("jr_1", "jr_4", r"--job-bookmark-to\n.*'jr_4'"),
        ("", "jr_3", r"--job-bookmark-from\n.*''"),
        ("jr_3", "jr_1", "the earlier run first"),
    ],
)
def test_a_run_of_the_range_without_a_state_is_a_usage_error_before_anything_is_read(
    bookmark_fixture, first, second, says
):
    two_days(bookmark_fixture)
    with pytest.raises(UsageError, match=says):
        bookmark_fixture.session("jr_5", PAUSE, from_run=first, to_run=second).load()


@pytest.mark.parametrize(
    ("option", "bounds"),
    [
        (PAUSE, {"from_run": "jr_1"}),
        (PAUSE, {"to_run": "jr_1"}),
        (BookmarkOption.ENABLE, {"from_run": "jr_1", "to_run": "jr_2"}),
        (DISABLE, {"from_run": "jr_1", "to_run": "jr_2"}),
    ],
)
def test_a_range_is_checked_as_in_get_resolved_options(bookmark_fixture, option, bounds):
    with pytest.raises(UsageError, match="together, with job-bookmark-pause"):
        bookmark_fixture.session("jr_1", option, **bounds)


def test_half_a_range_without_pause_is_ignored_with_a_warning_as_in_glue(bookmark_fixture, caplog):
    bookmark_fixture.land("01.csv")
    assert bookmark_fixture.run("jr_1", from_run="jr_0") == ["01.csv"]
    assert "--job-bookmark-from has no effect with --job-bookmark-option job-bookmark-enable" in caplog.text


@pytest.mark.parametrize(("run", "attempt"), [("jr_1a", 0), ("jr_1a_attempt_1", 1), ("jr_1a_attempt_12", 12)])
def test_the_attempt_is_the_number_in_the_id_of_a_retry(bookmark_fixture, run, attempt):
    bookmark_fixture.land("01.csv")
    bookmark_fixture.run(run)
    state = bookmark_fixture.store().load().state
    assert (state.run, state.attempt, state.version) == (1, attempt, 1)


def test_a_state_of_another_kind_of_source_is_a_usage_error(bookmark_fixture):
    session = bookmark_fixture.session("jr_1")
    table = JdbcSourceState(table="t", keys=("id",), order="asc", values=("7",), types=("integer",))
    session.state_of("flights")
    session.propose("flights", table)
    session.commit()
    with pytest.raises(UsageError, match=r"(?s)found: +the state of a jdbc source.*an S3 source"):
        select(bookmark_fixture, bookmark_fixture.session("jr_2"))


def test_too_many_identities_are_rejected_before_anything_is_read(bookmark_fixture, monkeypatch):
    monkeypatch.setattr("glue_secure.bookmarks.session.MOST_IDENTITIES", 3)
    for name in ("01.csv", "02.csv"):
        bookmark_fixture.land(name)
    session = bookmark_fixture.session("jr_1")
    assert select(bookmark_fixture, session, "a") == ["01.csv", "02.csv"]
    with pytest.raises(UsageError, match=r"(?s)4 objects to remember.*maxFilesInBand"):
        select(bookmark_fixture, session, "b")


def test_a_bookmark_warns_at_half_of_its_limit_and_is_rejected_before_anything_is_written(
    bookmark_fixture, monkeypatch, caplog
):
    monkeypatch.setattr("glue_secure.bookmarks.session.MOST_BYTES", 1500)
    bookmark_fixture.land("a.csv")
    session = bookmark_fixture.session("jr_1")
    session.load()
    for number in range(4):
        session.select(f"orders {number}", bookmark_fixture.listing(), roots=(bookmark_fixture.landing,))
    (warning,) = (record.getMessage() for record in caplog.records)
    assert "more than half of the limit" in warning
    assert "`glue-secure bookmark forget curate CONTEXT`" in warning
    session.commit()
    session = bookmark_fixture.session("jr_2")
    session.load()
    with pytest.raises(UsageError, match="Nothing was written"):
        for number in range(4, 9):
            session.select(f"orders {number}", bookmark_fixture.listing(), roots=(bookmark_fixture.landing,))
