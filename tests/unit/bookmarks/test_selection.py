from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.selection import is_data, select
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

T = datetime(2026, 1, 1, tzinfo=timezone.utc)


def at(seconds):
    return T + timedelta(seconds=seconds)


def names(selection):
    return [item.uri.key.removeprefix("flights/") for item in selection.new]


def test_the_same_listing_again_selects_nothing(entry):
    listing = [entry("a", 0), entry("b", 3000), entry("c", 3599)]
    first = select(listing, None, now=at(3600))
    assert names(first) == ["a", "b", "c"]
    assert set(first.next_state.seen.values()) == {at(3000), at(3599)}, "only the window is remembered"
    assert (first.next_state.floor, first.next_state.high_water) == (at(2700), at(3599))
    again = select(listing, first.next_state, now=at(3601))
    assert (again.new, again.next_state) == ((), None)


def test_objects_with_equal_timestamps_are_distinguished(entry):
    state = select([entry("a", 100)], None, now=at(100)).next_state
    assert names(select([entry("a", 100), entry("b", 100)], state, now=at(101))) == ["b"]


def test_a_late_arrival_inside_the_window_is_selected(entry):
    state = select([entry("b", 1000)], None, now=at(1000)).next_state
    assert names(select([entry("a", 500), entry("b", 1000)], state, now=at(1400))) == ["a"]


def test_an_arrival_from_before_the_window_is_noticed_and_read_once(entry):
    """S3 dates a multipart upload by its start: it appears with a time before the floor."""
    state = select([entry("b", 1000)], None, now=at(1000)).next_state
    listing = [entry("a", 99), entry("b", 1000)]
    late = select(listing, state, now=at(1001))
    assert (names(late), late.late) == (["a"], 1)
    again = select(listing, late.next_state, now=at(9000))
    assert (names(again), again.unchecked) == ([], "")


def test_late_objects_are_found_beside_deleted_ones(entry):
    old = [entry(f"{number:04}", number % 80) for number in range(2000)]
    state = select(old, None, now=at(5000)).next_state
    listing = [*old[10:], *(entry(f"late {number}", 7) for number in range(20))]
    found = select(listing, state, now=at(5001))
    assert (len(found.new), found.late, found.unchecked) == (20, 20, "")
    assert select(listing, found.next_state, now=at(9000)).new == ()


def test_more_changes_than_can_be_decoded_are_reported_and_not_read(entry):
    state = select([entry("b", 1000)], None, now=at(1000)).next_state
    listing = [*(entry(f"{number:04}", 7) for number in range(500)), entry("b", 1000)]
    found = select(listing, state, now=at(1001))
    assert found.new == ()
    assert found.unchecked.endswith("at least 500 have appeared and are not read")


def test_a_bounded_run_reads_late_objects_first(entry):
    state = select([entry("b", 1000)], None, now=at(1000)).next_state
    listing = [entry("late 1", 50), entry("late 2", 60), entry("b", 1000), entry("c", 1001)]
    read = []
    for second in (2000, 2001, 2002, 9000):
        found = select(listing, state, now=at(second), limits=Limits(files=1))
        state = found.next_state or state
        read.append(names(found))
    assert read == [["late 1"], ["late 2"], ["c"], []]


def test_another_location_or_filter_is_not_compared(entry):
    state = select([entry("b", 1000)], None, now=at(1000), scope="one").next_state
    listing = [entry("a", 99), entry("b", 1000), entry("c", 1000)]
    found = select(listing, state, now=at(1001), scope="two")
    assert (names(found), found.unread) == (["c"], 1)
    assert found.unchecked == "locations or filters have changed: 1 objects before the floor are not read"
    assert names(select([entry("z", 9), *listing], found.next_state, now=at(1002), scope="two")) == ["z"]


def test_a_state_of_an_older_version_is_compared_from_its_next_commit_on(entry):
    older = replace(select([entry("b", 1000)], None, now=at(1000)).next_state, finished="", scope="")
    assert "finished" not in older.as_json()
    found = select([entry("a", 99), entry("c", 1000)], older, now=at(1001))
    assert (names(found), found.unchecked) == (
        ["c"],
        "the state is of an older version, or was made by a command",
    )
    assert found.next_state.finished


def test_the_window_includes_its_start(entry):
    state = select([entry("a", 100), entry("b", 1000)], None, now=at(1000)).next_state
    assert state.floor == at(100)
    assert names(select([entry("a", 100), entry("c", 100)], state, now=at(1000))) == ["c"]


@pytest.mark.parametrize(("second", "etag"), [(101, "e"), (100, "f"), (101, "f")])
def test_a_file_rewritten_in_place_is_selected_again(entry, second, etag):
    state = select([entry("a", 100)], None, now=at(100)).next_state
    assert names(select([entry("a", second, etag)], state, now=at(200))) == ["a"]


def test_deleted_objects_are_not_selected_and_new_ones_are(entry):
    state = select([entry("a", 100), entry("b", 100)], None, now=at(100)).next_state
    assert names(select([], state, now=at(101))) == []
    assert names(select([entry("c", 101)], state, now=at(101))) == ["c"]


def test_after_a_clock_goes_back_nothing_is_read_twice(entry):
    listing = [entry("a", 5000), entry("b", 9000)]
    state = select(listing, None, now=at(9000)).next_state
    back = select([*listing, entry("c", 8500)], state, now=at(6000))
    assert names(back) == ["c"]
    assert back.next_state.floor == state.floor
    assert names(select(listing, back.next_state, now=at(9001))) == []


def test_an_object_ahead_of_this_clock_is_read_once(entry):
    first = select([entry("a", 500)], None, now=at(100))
    assert names(first) == ["a"]
    assert names(select([entry("a", 500)], first.next_state, now=at(200))) == []


def test_the_newest_beyond_max_files_in_band_wait_and_are_read_later(entry):
    listing = [entry(f"{i}", 1000 + i) for i in range(5)]
    first = select(listing, None, now=at(1010), limits=Limits(max_files_in_band=3))
    assert (names(first), first.deferred) == (["0", "1", "2"], 2)
    full = select(listing, first.next_state, now=at(1011), limits=Limits(max_files_in_band=3))
    assert (names(full), full.deferred, full.next_state) == ([], 2, None)
    later = select(listing, first.next_state, now=at(1004 + 901), limits=Limits(max_files_in_band=3))
    assert (names(later), later.deferred) == (["3", "4"], 0)


def test_overlapping_paths_select_an_object_once(entry):
    assert names(
        select([entry("a", 0), entry("b", 3600), entry("a", 0), entry("b", 3600)], None, now=at(3600))
    ) == ["a", "b"]


def test_selection_streams_its_listing(entry):
    state = select([entry("a", 80_000)], None, now=at(80_000)).next_state
    old = (ObjectSummary(S3Uri("landing", f"flights/{i}"), 1, T, "e") for i in range(50_000))
    tracemalloc.start()
    result = select(old, state, now=at(80_100))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (result.new, result.listed) == ((), 50_000)
    assert peak < 1_000_000


def test_the_state_of_a_bulk_load_stays_small():
    listing = (ObjectSummary(S3Uri("landing", f"flights/{i:06}"), 1, at(i), "e") for i in range(20_000))
    result = select(listing, None, now=at(20_000))
    assert (len(result.new), len(result.next_state.seen)) == (20_000, 900)
    body = BookmarkState.after(
        None, previous_digest="", job="j", run_id="r", attempt=0, contexts={"c": result.next_state}
    ).to_bytes()
    assert len(body) < 100_000


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("in/a.csv", True),
        ("in/_day=1/a.csv", True),
        ("in/a_b/_x=1.csv", True),
        ("in/", False),
        ("in/sub/", False),
        ("in/sub_$folder$", False),
        ("in/_SUCCESS", False),
        ("in/_temporary/0/a.csv", False),
        ("in/.hidden", False),
        ("in/.spark=1/a.csv", False),
        ("in/a.csv._COPYING_", False),
        ("in/_metadata", False),
    ],
)
def test_names_that_spark_ignores_are_ignored(key, data):
    assert is_data(S3Uri("b", key), (S3Uri("b", "in"),)) is data


def test_a_location_whose_own_name_is_hidden_is_read():
    assert is_data(S3Uri("b", "_in/.x/a.csv"), (S3Uri("b", "_in/.x"),))
    assert is_data(S3Uri("b", "_in/a.csv"), ())
    assert not is_data(S3Uri("b", "in/_a.csv"), (S3Uri("b", "in/_a.csv"),))


def test_an_object_of_the_floors_own_second_may_appear_after_the_listing(entry):
    """S3's times are whole seconds, and the window can be shorter than one."""
    limits = Limits(window=timedelta(milliseconds=200))
    now = at(1000) + timedelta(milliseconds=700)
    state = select([entry("a", 1000)], None, now=now, limits=limits).next_state
    found = select([entry("a", 1000), entry("b", 1000)], state, now=at(1001), limits=limits)
    assert (names(found), found.late) == (["b"], 0)
