from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError, S3SourceState
from glue_secure.core.identifiers import S3Uri

T = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SOURCE = S3SourceState(
    T, T + timedelta(minutes=5), {"a" * 32: T, "b" * 32: T, "c" * 32: T + timedelta(seconds=1.5)}
)
STOPPED = S3SourceState(T, T, {}, S3Uri("landing", "flights/é 7"), {"s3://landing/flights": "flights/é 3"})
DIGEST = "0" * 64


def first(**changes):
    values = {"job": "curate", "run_id": "jr_1", "attempt": 0, "contexts": {"flights": SOURCE}}
    return BookmarkState.after(None, **({"previous_digest": ""} | values | changes))


def test_a_state_is_restored_from_its_canonical_json():
    state = first()
    assert BookmarkState.from_bytes(state.to_bytes()) == state
    assert json.loads(state.to_bytes())["contexts"]["flights"] == {
        "kind": "s3",
        "floor": "2026-01-01T12:00:00Z",
        "high_water": "2026-01-01T12:05:00Z",
        "seen": {"2026-01-01T12:00:00Z": ["a" * 32, "b" * 32], "2026-01-01T12:00:01.500000Z": ["c" * 32]},
        "last": "",
        "listed_to": {},
    }


def test_a_state_of_a_bounded_run_is_restored():
    state = first(contexts={"flights": STOPPED})
    assert BookmarkState.from_bytes(state.to_bytes()) == state
    shape = json.loads(state.to_bytes())["contexts"]["flights"]
    assert (shape["last"], shape["listed_to"]) == (
        "s3://landing/flights/é 7",
        {"s3://landing/flights": "flights/é 3"},
    )


def test_the_same_state_has_the_same_bytes_whatever_the_order_it_was_built_in():
    turned = S3SourceState(SOURCE.floor, SOURCE.high_water, dict(reversed(SOURCE.seen.items())))
    assert (
        first(contexts={"x": turned, "a": SOURCE}).to_bytes()
        == first(contexts={"a": SOURCE, "x": turned}).to_bytes()
    )


def test_counters_follow_glue():
    one = first()
    two = BookmarkState.after(
        one, previous_digest=DIGEST, job="curate", run_id="jr_2", attempt=1, contexts={"b": SOURCE}
    )
    assert (one.sequence, one.run, one.attempt, one.version, one.previous_run_id) == (1, 1, 0, 1, "")
    assert (two.sequence, two.run, two.attempt, two.version, two.previous_run_id) == (2, 2, 1, 2, "jr_1")
    assert set(two.contexts) == {"flights", "b"}, "a context that the run did not use keeps its state"
    again = BookmarkState.after(
        two, previous_digest=DIGEST, job="curate", run_id="jr_2", attempt=1, contexts={}
    )
    assert (again.run, again.version, again.previous_run_id) == (2, 3, "jr_1"), "one run, two commits"


def change(**changes):
    def apply(shape):
        shape.update(changes)

    return apply


def in_source(**changes):
    def apply(shape):
        shape["contexts"]["flights"].update(changes)

    return apply


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (change(schema=2), "schema: not 1"),
        (change(schema="1"), "schema: not 1"),
        (lambda s: s.pop("schema"), "schema: not 1"),
        (lambda s: s.pop("run"), "lacks run"),
        (change(more=1), "1 unknown field"),
        (change(run="1"), "run: not of type int"),
        (change(run=True), "run: not of type int"),
        (change(job=None), "job: not of type str"),
        (change(contexts=[]), "contexts: not of type dict"),
        (change(sequence=0), "counters"),
        (change(sequence=2), "previous_digest"),
        (change(sequence=2, previous_digest="zz"), "previous_digest: not a SHA-256"),
        (change(contexts={"x": 1}), "not an object"),
        (in_source(kind="kafka"), "kind: not one of s3, jdbc"),
        (in_source(kind=["s3"]), "kind: not one of s3, jdbc"),
        (in_source(extra=1), "unknown field"),
        (in_source(floor="2026-01-01T12:00:00+00:00"), "not a UTC time"),
        (in_source(floor="yesterday"), "not a UTC time"),
        (in_source(floor=1), "not a UTC time"),
        (in_source(last=1), "last: not a text"),
        (in_source(last="landing/a"), "last: not an S3 location"),
        (in_source(last="s3://landing/../a"), "last: not an S3 location"),
        (in_source(last="s3a://landing/a"), "canonical"),
        (in_source(listed_to=[]), "listed_to: not an object"),
        (in_source(listed_to={"s3://landing": 1}), "listed_to: not a text"),
        (in_source(seen=[]), "not an object"),
        (in_source(seen={"2026-01-01T12:00:00Z": "x"}), "not a list"),
        (in_source(seen={"2026-01-01T12:00:00Z": ["x"]}), "not an identity"),
        (in_source(seen={"2025-01-01T12:00:00Z": ["a" * 32]}), "older than floor"),
        (in_source(seen={"2026-01-01T12:00:00Z": ["a" * 32, "a" * 32]}), "canonical"),
        (in_source(seen={"2026-01-01T12:00:00.000000Z": ["a" * 32]}), "canonical"),
    ],
)
def test_the_reader_rejects_bytes_that_the_writer_does_not_make(damage, says):
    shape = json.loads(first().to_bytes())
    damage(shape)
    body = json.dumps(shape, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(BookmarkStateError, match=says):
        BookmarkState.from_bytes(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"NaN",
        b"[" * 100_000,
        first().to_bytes()[:-1],
        b" " + first().to_bytes(),
    ],
)
def test_bytes_that_are_not_a_bookmark_state_are_rejected(body):
    with pytest.raises(BookmarkStateError):
        BookmarkState.from_bytes(body)


def test_a_repeated_name_is_refused():
    body = first().to_bytes().replace(b'"run":1', b'"run":1,"run":1')
    with pytest.raises(BookmarkStateError, match="canonical"):
        BookmarkState.from_bytes(body)


def test_a_full_window_is_under_100_kilobytes():
    seen = {f"{i:032x}": T + timedelta(milliseconds=i) for i in range(1000)}
    assert len(first(contexts={"flights": S3SourceState(T, T, seen)}).to_bytes()) < 100_000


def test_a_time_without_utc_is_refused():
    naive = S3SourceState(datetime(2026, 1, 1), datetime(2026, 1, 1))
    with pytest.raises(BookmarkStateError, match="not UTC"):
        first(contexts={"x": naive}).to_bytes()
