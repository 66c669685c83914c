"""Repair of damaged bookmarks: damage is noticed before a commit, and no input is skipped afterwards."""

from __future__ import annotations

from itertools import count

import pytest

from glue_secure.bookmarks import operations
from glue_secure.bookmarks.high_water import BEGINNING
from glue_secure.bookmarks.repair import apply_repair, plan_repair
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.errors import ControlError, RefusedError, UsageError
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import PreconditionFailed

BY = "arn:aws:sts::123456789012:assumed-role/operator/example"
BASE = "bookmarks/123456789012/eu-west-1/curate"
NUMBERS = count(1)


class Mark:
    """A high-water mark in memory, which never goes back."""

    location = "dynamodb:marks"

    def __init__(self):
        self.value = None

    def key_of_table(self):
        return "key"

    def read(self):
        return self.value

    def advance(self, mark):
        if self.value is not None and mark.sequence <= self.value.sequence and mark != self.value:
            raise PreconditionFailed("no", code="ConditionalCheckFailedException", operation="UpdateItem")
        self.value = mark


@pytest.fixture
def ran(bookmark_fixture):
    """A job that has run four times, each reading one file; an hour apart."""
    for number in range(1, 5):
        bookmark_fixture.land(f"{number}.csv")
        assert bookmark_fixture.run(f"jr_{number}") == [f"{number}.csv"]
        bookmark_fixture.clock.advance(hours=1)
    return bookmark_fixture


def uri(name):
    return S3Uri("state", f"{BASE}/{name}")


def history(number):
    return uri(f"history/{number:012d}")


def repaired(ran, store=None, **more):
    store = store or ran.store()
    plan = plan_repair(store, ran.objects, **more)
    return plan, apply_repair(store, plan, run_id=f"command_{next(NUMBERS)}", by=BY)


def copy(ran, source, target):
    body = ran.objects.read(source).body
    if _body(ran, target) != body:  # a write without SSE-KMS would be damage of its own
        ran.objects.put(target, body)


def flipped(body):
    return bytes([*body[:300], body[300] ^ 1, *body[301:]])


DAMAGES = {
    "bytes": lambda ran, place: ran.objects.put(place, b"\x02" + b"x" * 600),
    "empty": lambda ran, place: ran.objects.put(place, b""),
    "cut": lambda ran, place: ran.objects.put(place, ran.objects.read(place).body[:-10]),
    "flipped": lambda ran, place: ran.objects.put(place, flipped(ran.objects.read(place).body)),
    "older": lambda ran, place: copy(ran, history(1), place),
    "deleted": lambda ran, place: ran.objects.delete(place),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", ["current", "newest", "predecessor", "oldest", "all", "history"])
def test_after_a_repair_the_job_runs_and_skips_nothing(ran, place, damage):
    places = {
        "current": [uri("current")],
        "newest": [history(4)],
        "predecessor": [history(3)],
        "oldest": [history(1)],
        "history": [history(number) for number in (4, 3, 2, 1)],
        "all": [uri("current"), *(history(number) for number in (4, 3, 2, 1))],
    }[place]
    before = {target: ran.objects.read(target).body for target in places}
    for target in places:
        DAMAGES[damage](ran, target)
    changed = [target for target in places if _body(ran, target) != before[target]]
    if not changed:  # the oldest state is its own older copy
        return
    damaged = [_body(ran, target) for target in changed]
    ran.land("new.csv")
    if (place, damage) == ("all", "deleted"):
        with pytest.raises(UsageError, match="nothing to do"):
            repaired(ran)
        return
    plan, stored = repaired(ran)
    store = ran.store()
    states = [entry.state.sequence for entry in operations.history(store, ran.objects)]
    assert states[0] == stored.sequence == plan.sequence
    assert set(states).isdisjoint(plan.lost)
    read = ran.run("jr_new")
    assert "new.csv" in read
    if place in ("newest", "predecessor", "oldest", "history", "current") and plan.base.sequence == 4:
        assert read == ["new.csv"]
    ran.clock.advance(hours=1)
    ran.land("later.csv")
    assert ran.run("jr_later") == ["later.csv"]
    assert operations.verify(ran.store(), ran.objects, (ran.store()._envelope.key,)).sequence
    aside = {_body(ran, S3Uri("state", key)) for key in ran.objects.keys("state") if "/damaged/" in key}
    assert {body for body in damaged if body is not None} - set(before.values()) <= aside
    with pytest.raises(UsageError, match="nothing to do"):
        repaired(ran)


def _body(ran, target):
    return ran.objects.read(target).body if target.key in ran.objects.keys("state") else None


def test_damage_to_the_newest_entry_of_the_history_is_noticed_before_a_commit(ran):
    ran.objects.put(history(4), b"damaged")
    with pytest.raises(RefusedError, match=r"GS-BKM-004(.|\n)*`glue-secure bookmark repair curate`"):
        ran.store().load()


def test_a_stray_object_far_ahead_is_moved_aside(ran):
    ran.objects.put(history(999), b"junk")
    with pytest.raises(RefusedError, match=r"GS-BKM-004(.|\n)*`glue-secure bookmark repair curate`"):
        ran.run("jr_5")
    plan, stored = repaired(ran)
    assert (stored.sequence, plan.lost) == (5, ())
    (aside,) = (key for key in ran.objects.keys("state") if "/damaged/" in key)
    assert ran.objects.read(S3Uri("state", aside)).body == b"junk"
    assert ran.run("jr_5") == []


def test_a_bookmark_without_damage_is_not_repaired(ran):
    with pytest.raises(UsageError, match="4 states without damage"):
        repaired(ran)


def test_an_object_under_another_key_is_not_damaged_by_default(ran, make_envelope, other_key):
    other = BookmarkStore(
        objects=ran.objects, envelope=make_envelope(key=other_key), prefix=ran.prefix, pause=lambda _: None
    )
    body = other._envelope.seal(ran.store().load().state.to_bytes(), resource="x")
    ran.objects.put(uri("current"), body)
    with pytest.raises(RefusedError, match=f"--decrypt-keys {other_key}") as caught:
        repaired(ran)
    assert "`glue-secure bookmark repair curate --other-keys`" in str(caught.value)
    _plan, stored = repaired(ran, other_keys=True)
    assert stored.sequence == 5


@pytest.mark.parametrize("loss", ["rolled back", "all deleted", "newest deleted"])
def test_a_repair_is_the_way_back_with_a_mark_ahead_of_every_state(bookmark_fixture, make_envelope, loss):
    mark = Mark()

    def store():
        return BookmarkStore(
            objects=bookmark_fixture.objects,
            envelope=make_envelope(),
            prefix=bookmark_fixture.prefix,
            mark=mark,
            pause=lambda _: None,
        )

    for number in range(1, 5):
        bookmark_fixture.land(f"{number}.csv")
        bookmark_fixture.run(f"jr_{number}", store=store())
        bookmark_fixture.clock.advance(hours=1)
    assert mark.value.sequence == 4
    if loss == "all deleted":
        for key in bookmark_fixture.objects.keys("state"):
            bookmark_fixture.objects.delete(S3Uri("state", key))
    else:
        copy(bookmark_fixture, history(2), uri("current"))
        for number in (3, 4) if loss == "rolled back" else (4,):
            bookmark_fixture.objects.delete(history(number))
    with pytest.raises(ControlError, match="`glue-secure bookmark repair curate`"):
        store().load()
    plan, stored = repaired(bookmark_fixture, store())
    assert stored.sequence == 5
    assert mark.value == HighWaterMark(5, stored.digest)
    lost = {"rolled back": (3, 4), "all deleted": (1, 2, 3, 4), "newest deleted": (4,)}[loss]
    assert plan.lost == lost
    read = {"rolled back": ["3.csv", "4.csv"], "newest deleted": ["4.csv"]}
    everything = [f"{number}.csv" for number in range(1, 5)]
    assert bookmark_fixture.run("jr_5", store=store()) == read.get(loss, everything)
    assert mark.value != BEGINNING
    verified = operations.verify(store(), bookmark_fixture.objects, (make_envelope().key,))
    assert verified.sequence == 6


@pytest.mark.parametrize("lost", [(0,), (3,), (2, 1), (1, 1), (True,)])
def test_a_state_names_only_earlier_states_as_lost(lost):
    with pytest.raises(BookmarkStateError, match="lost"):
        BookmarkState("curate", 3, 1, 0, 1, "c", "", "a" * 64, {}, "repair", BY, "", 1, lost)


def test_only_a_repair_has_lost_states():
    with pytest.raises(BookmarkStateError, match="not of a repair"):
        BookmarkState("curate", 3, 1, 0, 1, "jr_3", "", "a" * 64, {}, lost=(1,))
