from __future__ import annotations

import pytest

from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import BookmarkConflict, Refusal, UsageError
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
    with pytest.raises(UsageError, match="without a place"):
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


@pytest.mark.parametrize("which", [{"from_run": "jr_1"}, {"to_run": "jr_1"}])
def test_pause_from_and_to_are_refused_for_now(world, which):
    with pytest.raises(UsageError, match="not supported yet"):
        world.session("jr_1", PAUSE, **which)


@pytest.mark.parametrize("option", [BookmarkOption.ENABLE, PAUSE])
def test_gs_bkm_001_a_damaged_bookmark_stops_the_run_before_it_selects(world, option):
    world.land("01.csv")
    world.run("jr_1")
    world.objects.put(world.store().uri, b"junk")
    for step in (BookmarkSession.load, lambda session: select(world, session)):
        with pytest.raises(Refusal) as caught:
            step(world.session("jr_2", option))
        assert caught.value.control == "GS-BKM-001"


def test_gs_bkm_005_the_loser_of_two_runs_keeps_its_facts(world):
    world.land("01.csv")
    one, two = world.session("jr_1"), world.session("jr_2")
    select(world, one), select(world, two)
    one.commit()
    with pytest.raises(BookmarkConflict, match="jr_1 committed sequence 1"):
        two.commit()
    facts = two.facts()
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
