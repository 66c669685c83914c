from __future__ import annotations

import pytest

from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError
from glue_secure.core.evidence import canonical_json
from glue_secure.core.identifiers import RunId

DISABLE, PAUSE = BookmarkOption.DISABLE, BookmarkOption.PAUSE


def select(world, session, ctx="flights"):
    return [
        entry.uri.key.removeprefix("flights/")
        for entry in session.select(ctx, world.listing(), roots=(world.landing,))
    ]


def test_a_run_reads_what_the_runs_before_have_not(world):
    world.land("01.csv")
    assert world.run("jr_1") == ["01.csv"]
    world.clock.advance(minutes=1)
    world.land("02.csv")
    assert world.run("jr_2") == ["02.csv"]
    assert world.run("jr_3") == []


def test_a_run_with_nothing_new_writes_nothing(world):
    world.land("01.csv")
    world.run("jr_1")
    before, world.objects.calls[:] = world.objects.keys("state"), []
    assert world.run("jr_2") == []
    assert world.objects.keys("state") == before
    assert not [call for call in world.objects.calls if call[0] == "PutObject"]


def test_a_first_run_with_nothing_to_read_writes_nothing(world):
    assert world.run("jr_1") == []
    assert world.objects.keys("state") == []


def test_a_run_that_does_not_commit_reads_the_same_again(world):
    world.land("01.csv")
    assert select(world, world.session("jr_1")) == ["01.csv"]
    assert world.run("jr_1_attempt_1", attempt=1) == ["01.csv"]
    state = world.store().load().state
    assert (state.run, state.attempt, state.run_id) == (1, 1, "jr_1_attempt_1")


def test_contexts_are_tracked_apart_and_unused_ones_keep_their_state(world):
    world.land("01.csv")
    session = world.session("jr_1")
    assert select(world, session, "a") == select(world, session, "b") == ["01.csv"]
    session.commit()
    world.clock.advance(minutes=1)
    world.land("02.csv")
    session = world.session("jr_2")
    assert select(world, session, "a") == ["02.csv"]
    session.commit()
    session = world.session("jr_3")
    assert (select(world, session, "a"), select(world, session, "b")) == ([], ["02.csv"])


def test_an_empty_context_is_not_tracked(world):
    world.land("01.csv")
    world.land("_SUCCESS")
    for run in ("jr_1", "jr_2"):
        session = world.session(run)
        assert select(world, session, "") == select(world, session, "") == ["01.csv"]
        session.commit()
    assert world.objects.keys("state") == []


def test_one_context_for_two_sources_is_refused(world):
    session = world.session("jr_1")
    select(world, session)
    with pytest.raises(UsageError, match="'flights', a second time"):
        select(world, session)


def test_disable_reads_everything_and_touches_no_state(world):
    world.land("01.csv")
    world.run("jr_1")
    world.objects.calls.clear()
    session = world.session("jr_2", DISABLE)
    session.load()
    assert select(world, session) == select(world, session) == ["01.csv"]
    facts = session.commit()
    assert (facts.option, facts.uri, facts.contexts) == ("job-bookmark-disable", "", {})
    assert {uri.split("/")[2] for _, uri in world.objects.calls} == {"landing"}


def test_disable_needs_no_store(world):
    world.land("01.csv")
    session = BookmarkSession(option=DISABLE, store=None, now=world.clock.now(), run_id=RunId("jr_1"))
    session.load()
    assert select(world, session) == ["01.csv"]
    with pytest.raises(UsageError, match="without a location"):
        BookmarkSession(option=PAUSE, store=None, now=world.clock.now(), run_id=RunId("jr_1"))


def test_pause_reads_what_is_new_and_moves_nothing(world):
    world.land("01.csv")
    world.run("jr_1")
    world.clock.advance(minutes=1)
    world.land("02.csv")
    keys = world.objects.keys("state")
    for run in ("jr_2", "jr_3"):
        assert world.run(run, option=PAUSE) == ["02.csv"]
    assert world.objects.keys("state") == keys
    assert world.run("jr_4") == ["02.csv"]


@pytest.mark.parametrize("option", [BookmarkOption.ENABLE, PAUSE])
def test_gs_bkm_001_a_damaged_bookmark_stops_the_run_before_it_selects(world, option):
    world.land("01.csv")
    world.run("jr_1")
    world.objects.put(world.store().uri, b"junk")
    for step in (BookmarkSession.load, lambda session: select(world, session)):
        with pytest.raises(RefusedError) as caught:
            step(world.session("jr_2", option))
        assert caught.value.control == "GS-BKM-001"


def test_gs_bkm_005_the_loser_of_two_runs_keeps_its_facts(world):
    world.land("01.csv")
    one, two = world.session("jr_1"), world.session("jr_2")
    select(world, one), select(world, two)
    one.commit()
    with pytest.raises(BookmarkConflictError, match="jr_1 committed sequence 1"):
        two.commit()
    facts = two.report()
    assert (facts.sequence_before, facts.sequence_after) == (0, 0)
    assert facts.contexts["flights"].selected == 1


def test_facts_tell_before_and_after(world):
    world.land("01.csv")
    world.run("jr_1")
    world.clock.advance(minutes=1)
    landed = world.clock.now()
    world.land("02.csv")
    session = world.session("jr_2")
    select(world, session)
    assert session.pending
    facts = session.commit()
    assert not session.pending
    assert (facts.sequence_before, facts.sequence_after, facts.recorded) == (1, 2, True)
    assert facts.digest_before != facts.digest_after == world.store().load().digest
    assert facts.uri == "s3://state/bookmarks/123456789012/eu-west-1/curate/current"
    assert (facts.contexts["flights"].selected, facts.contexts["flights"].watermark) == (1, landed)
    assert b'"watermark":"2026-01-01T00:01:00+00:00"' in canonical_json(facts.as_mapping())
    idle = world.session("jr_3")
    select(world, idle)
    facts = idle.commit()
    assert (facts.sequence_before, facts.sequence_after) == (2, 2)
    assert (facts.contexts["flights"].selected, facts.contexts["flights"].watermark) == (0, landed)


def test_a_second_commit_of_one_run_stores_what_came_since(world):
    world.land("01.csv")
    session = world.session("jr_1")
    select(world, session, "a")
    session.commit()
    assert session.commit().sequence_after == 1
    select(world, session, "b")
    assert session.commit().sequence_after == 2
    state = world.store().load().state
    assert (state.run, state.version, set(state.contexts)) == (1, 2, {"a", "b"})


def two_days(world):
    """Three runs that commit, one that finds nothing: what each run read is known."""
    for day, run in (("01.csv", "jr_1"), ("02.csv", "jr_2"), ("03.csv", "jr_3")):
        world.land(day)
        assert world.run(run) == [day]
        world.clock.advance(hours=1)
    assert world.run("jr_4") == []
    world.land("04.csv")


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [
        ("jr_1", "jr_3", ["02.csv", "03.csv"]),
        ("jr_1", "jr_2", ["02.csv"]),
        ("jr_2", "jr_2", []),
    ],
)
def test_a_range_reads_what_came_after_the_one_run_up_to_the_other_and_moves_nothing(
    world, first, second, read
):
    two_days(world)
    keys = world.objects.keys("state")
    for run in ("jr_5", "jr_6"):
        assert world.run(run, option=PAUSE, from_run=first, to_run=second) == read
    assert world.objects.keys("state") == keys
    assert world.run("jr_7") == ["04.csv"]


def test_a_range_is_told_in_the_facts(world):
    two_days(world)
    session = world.session("jr_5", PAUSE, from_run="jr_1", to_run="jr_2")
    select(world, session)
    facts = session.commit().as_mapping()
    assert (facts["from_run"], facts["to_run"]) == ("jr_1", "jr_2")
    assert (facts["sequence_before"], facts["sequence_after"]) == (3, 3)
    assert facts["contexts"]["flights"]["selected"] == 1


def test_a_source_that_a_run_of_the_range_did_not_know(world):
    two_days(world)
    session = world.session("jr_5")
    assert select(world, session, "new") == ["01.csv", "02.csv", "03.csv", "04.csv"]
    session.commit()
    for second, read in (("jr_3", []), ("jr_5", ["01.csv", "02.csv", "03.csv", "04.csv"])):
        session = world.session("jr_6", PAUSE, from_run="jr_1", to_run=second)
        assert select(world, session, "new") == read


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("jr_9", "jr_3", r"--job-bookmark-from\n.*'jr_9'"),
        ("jr_1", "jr_4", r"--job-bookmark-to\n.*'jr_4'"),
        ("", "jr_3", r"--job-bookmark-from\n.*''"),
        ("jr_3", "jr_1", "the earlier run first"),
    ],
)
def test_a_run_of_the_range_that_recorded_no_state_is_wrong_usage_before_anything_is_read(
    world, first, second, says
):
    two_days(world)
    with pytest.raises(UsageError, match=says):
        world.session("jr_5", PAUSE, from_run=first, to_run=second).load()


@pytest.mark.parametrize(
    ("option", "bounds"),
    [
        (PAUSE, {"from_run": "jr_1"}),
        (PAUSE, {"to_run": "jr_1"}),
        (BookmarkOption.ENABLE, {"from_run": "jr_1", "to_run": "jr_2"}),
        (DISABLE, {"from_run": "jr_1", "to_run": "jr_2"}),
    ],
)
def test_a_range_is_judged_as_get_resolved_options_judges_it(world, option, bounds):
    with pytest.raises(UsageError, match="together, with job-bookmark-pause"):
        world.session("jr_1", option, **bounds)


def test_half_a_range_without_pause_does_nothing_as_in_glue_and_a_warning_says_so(world, caplog):
    world.land("01.csv")
    assert world.run("jr_1", from_run="jr_0") == ["01.csv"]
    assert "--job-bookmark-from has no effect with --job-bookmark-option job-bookmark-enable" in caplog.text


@pytest.mark.parametrize(("run", "attempt"), [("jr_1a", 0), ("jr_1a_attempt_1", 1), ("jr_1a_attempt_12", 12)])
def test_the_attempt_is_what_glue_writes_into_the_id_of_a_retry(world, run, attempt):
    world.land("01.csv")
    world.run(run)
    state = world.store().load().state
    assert (state.run, state.attempt, state.version) == (1, attempt, 1)


def test_a_state_of_another_kind_of_source_is_wrong_usage_and_not_a_first_run(world):
    session = world.session("jr_1")
    table = JdbcSourceState(table="t", keys=("id",), order="asc", values=("7",), types=("integer",))
    session.state_of("flights")
    session.propose("flights", table)
    session.commit()
    with pytest.raises(UsageError, match=r"(?s)found: +the state of a jdbc source.*an S3 source"):
        select(world, world.session("jr_2"))


def test_more_than_a_bookmark_can_hold_is_refused_before_anything_is_read(world, monkeypatch):
    monkeypatch.setattr("glue_secure.bookmarks.session.MOST_IDENTITIES", 3)
    for name in ("01.csv", "02.csv"):
        world.land(name)
    session = world.session("jr_1")
    assert select(world, session, "a") == ["01.csv", "02.csv"]
    with pytest.raises(UsageError, match=r"(?s)4 objects to remember.*maxFilesInBand"):
        select(world, session, "b")
