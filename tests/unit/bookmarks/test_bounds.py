"""Bounded runs: the oldest first, and a state with the end of the run, not its objects."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.bookmarks import bounds
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.selection import select, select_all, select_range
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

T = datetime(2026, 1, 1, tzinfo=timezone.utc)
LONG_AFTER = T + timedelta(days=1)


def at(seconds):
    return T + timedelta(seconds=seconds)


def names(selection):
    return [item.uri.key.removeprefix("flights/") for item in selection.new]


def state_bytes(*sources):
    contexts = {f"c{index}": source for index, source in enumerate(sources)}
    return len(
        BookmarkState.after(
            None, previous_digest="", job="j", run_id="r", attempt=0, contexts=contexts
        ).to_bytes()
    )


def test_a_bounded_run_reads_the_oldest_and_the_next_run_continues(entry):
    listing = [entry(name, second) for name, second in (("d", 1), ("a", 4), ("b", 2), ("c", 3))]
    limits = Limits(files=3)
    first = select(listing, None, now=LONG_AFTER, limits=limits)
    assert (names(first), first.deferred) == (["b", "c", "d"], 1)
    second = select(listing, first.next_state, now=LONG_AFTER, limits=limits)
    assert (names(second), second.deferred) == (["a"], 0)
    assert select(listing, second.next_state, now=LONG_AFTER, limits=limits).new == ()


def test_equal_times_are_cut_by_bucket_and_key(entry):
    listing = [entry(name, 5) for name in "edcba"]
    state, read = None, []
    for _ in range(3):
        result = select(listing, state, now=LONG_AFTER, limits=Limits(files=2))
        read.append(names(result))
        state = result.next_state
    assert read == [["a", "b"], ["c", "d"], ["e"]]


def test_the_end_of_a_bounded_run_is_stored_as_time_and_key(entry):
    listing = [entry(f"{i:04}", 5) for i in range(3000)]
    state = select(listing, None, now=LONG_AFTER, limits=Limits(files=2000)).next_state
    assert (state.floor, state.last, dict(state.seen)) == (at(5), S3Uri("landing", "flights/1999"), {})
    assert state_bytes(state) < 700


def test_an_object_read_inside_the_window_is_not_read_again_by_a_bounded_run(entry):
    """An arrival older than what was read, and a bound that stops at it, long after."""
    seen = select([entry("x", 100)], None, now=at(100), limits=Limits()).next_state
    listing = [entry("x", 100), entry("y", 60), entry("z", 61)]
    first = select(listing, seen, now=LONG_AFTER, limits=Limits(files=1))
    assert names(first) == ["y"]
    assert names(select(listing, first.next_state, now=LONG_AFTER)) == ["z"]


def test_the_end_of_a_bounded_run_stays_valid_when_the_window_grows(entry):
    listing = [entry(name, 5) for name in "abcd"]
    state = select(listing, None, now=at(7), limits=Limits(window=timedelta(), files=2)).next_state
    grown = select(listing, state, now=at(8), limits=Limits(window=timedelta(hours=1), files=1))
    assert (names(grown), grown.next_state.floor, grown.next_state.last.key) == (["c"], at(5), "flights/b")
    assert names(select(listing, grown.next_state, now=LONG_AFTER)) == ["d"]


def test_a_size_bounds_the_bytes_and_one_object_is_always_read(entry):
    def sized(name, second, size):
        made = entry(name, second)
        return ObjectSummary(made.uri, size, made.last_modified, made.etag)

    listing = [sized("a", 1, 40), sized("b", 2, 60), sized("c", 3, 1), sized("d", 4, 500), sized("e", 5, 1)]
    state, read = None, []
    while True:
        result = select(listing, state, now=LONG_AFTER, limits=Limits(size=100))
        if not result.new:
            break
        read.append(names(result))
        state = result.next_state
    assert read == [["a", "b"], ["c"], ["d"], ["e"]]


def test_the_bound_counts_over_settled_and_recent_objects_together(entry):
    listing = [entry("a", 0), entry("b", 3590), entry("c", 3595)]
    result = select(listing, None, now=at(3600), limits=Limits(files=2))
    assert (names(result), result.deferred) == (["a", "b"], 1)
    state = result.next_state
    assert (state.floor, state.last, len(state.seen)) == (at(2700), None, 1)
    assert names(select(listing, state, now=at(3600), limits=Limits(files=2))) == ["c"]


def test_after_one_object_larger_than_the_bound_not_even_an_empty_one_follows(entry):
    """Found by the model in its long mode: the larger one settled, the empty one recent."""
    large, empty = entry("a", 0), entry("b", 3595)
    listing = [
        ObjectSummary(large.uri, 5, large.last_modified, "e"),
        ObjectSummary(empty.uri, 0, empty.last_modified, "e"),
    ]
    first = select(listing, None, now=at(3600), limits=Limits(size=1))
    assert (names(first), first.deferred) == (["a"], 1)
    assert names(select(listing, first.next_state, now=at(3600), limits=Limits(size=1))) == ["b"]


def test_with_a_full_window_an_object_waits_until_it_has_left_the_window(entry):
    none = Limits(max_files_in_band=0)
    first = select([entry("a", 0), entry("b", 3590)], None, now=at(3600), limits=none)
    assert (names(first), first.deferred, dict(first.next_state.seen)) == (["a"], 1, {})
    assert names(select([entry("b", 3590)], first.next_state, now=at(3590 + 901), limits=none)) == ["b"]


def test_a_bound_without_a_bookmark_reads_the_oldest_each_time(entry):
    listing = [entry("b", 1), entry("a", 2), entry("_SUCCESS", 0)]
    for _ in range(2):
        result = select_all(listing, limits=Limits(files=1))
        assert (names(result), result.deferred, result.next_state) == (["b"], 1, None)


def test_a_range_has_the_objects_that_one_state_covers_and_the_other_does_not(entry):
    listing = [entry(name, second) for name, second in (("a", 5), ("b", 5), ("c", 5), ("d", 6))]
    one = select(listing, None, now=LONG_AFTER, limits=Limits(files=1)).next_state
    three = select(listing, one, now=LONG_AFTER, limits=Limits(files=2)).next_state
    assert names(select_range(listing, one, three)) == ["b", "c"]
    assert names(select_range(listing, None, one)) == ["a"]
    assert names(select_range(listing, three, None)) == []
    assert names(select_range(listing, three, three)) == []
    rewritten = [entry("b", 4000, "f"), entry("c", 5)]
    assert names(select_range(rewritten, one, three)) == ["c"], "b is not what was read then"
    assert names(select_range(listing, None, three, limits=Limits(files=2))) == ["a", "b"]


def test_overlapping_paths_do_not_use_up_the_bound(entry):
    listing = [entry(name, 5) for name in "aabbcc"]
    assert names(select(listing, None, now=LONG_AFTER, limits=Limits(files=2))) == ["a", "b"]


def test_objects_beyond_the_bound_are_not_in_memory():
    listing = (ObjectSummary(S3Uri("landing", f"{i:06}"), 1, T, "e") for i in range(20_000, 0, -1))
    tracemalloc.start()
    result = select(listing, None, now=LONG_AFTER, limits=Limits(files=10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(result.new), result.new[0].uri.key, result.deferred) == (10, "000001", 19_990)
    assert peak < 3_000_000


@pytest.mark.parametrize("limits", [Limits(files=900), Limits(size=900)])
def test_the_oldest_of_a_stream_in_any_order_are_those_of_a_sort(limits, monkeypatch):
    monkeypatch.setattr(bounds, "_MIN_CAPACITY", 16)
    stream = [
        ObjectSummary(S3Uri("landing", f"{i * 7919 % 5003:05}"), 1 + i % 3, at(i * 31 % 17), "e")
        for i in range(5003)
    ]
    oldest = bounds.Oldest(limits.files, limits.size)
    for one in stream:
        oldest.add(one)
    ordered = sorted(stream, key=bounds.age_order)
    expected = ordered[: bounds.within(ordered, limits.files, limits.size)]
    assert oldest.selected() == expected
    assert oldest.left_out == len(stream) - len(expected)


class Many:
    """Objects made as they are listed."""

    def __init__(self, count, time_of):
        self._count, self._time_of = count, time_of

    def __iter__(self):
        return (
            ObjectSummary(S3Uri("landing", f"flights/{i:07}"), 1, self._time_of(i), "e")
            for i in range(self._count)
        )


LATER = T + timedelta(days=30)
PATTERNS = {
    "one second": (lambda _: T, {}),
    "one second, bounded": (lambda _: T, {"files": 0.4}),
    "one second, now": (lambda _: LATER, {}),
    "one second, now, bounded": (lambda _: LATER, {"files": 0.4}),
    "one each second": (lambda i: T + timedelta(seconds=i * 2), {}),
    "a thousand each second, bounded by size": (lambda i: T + timedelta(seconds=i // 1000), {"size": 0.6}),
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_after_a_million_files_the_state_is_under_100_kilobytes(count, pattern):
    """In as many runs as the bound needs; each object is read once. 20,000 files show the same."""
    time_of, bound = PATTERNS[pattern]
    limits = Limits(**{name: int(part * count) for name, part in bound.items()})
    listing, state, read, largest, now = Many(count, time_of), None, 0, 0, LATER
    for _ in range(5):
        result = select(listing, state, now=now, limits=limits)
        if not result.new:
            break
        state, read = result.next_state, read + len(result.new)
        largest = max(largest, state_bytes(state))
        now += timedelta(hours=1)
    assert read == count
    assert largest < 100_000
