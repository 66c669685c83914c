"""Keys that grow with time: start keys of the next listing, and violations."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.bookmarks.ascending import MOST_LOCATIONS, name_of
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.selection import select
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri

T = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROOT = S3Uri("landing", "flights/")
PROMISED = Limits(keys_ascending=True)
NAME = "s3://landing/flights"


def at(seconds):
    return T + timedelta(seconds=seconds)


def marks(listing, now, *, state=None, limits=PROMISED, locations=(ROOT,)):
    return dict(select(listing, state, now=at(now), limits=limits, locations=locations).next_state.listed_to)


def test_the_start_key_is_two_windows_back_and_one_object_before_the_last(entry):
    listing = [entry(f"{second:06}", second) for second in range(0, 9000, 300)]
    # The floor is 8700 - 900; what is older than 6900 is more than a window older than any object to come.
    assert marks(listing, 8700) == {NAME: "flights/006300"}


def test_a_key_within_a_window_of_the_floor_is_not_a_start_key(entry):
    """An object to come was modified at the floor or later; within a window of it, its key may be smaller."""
    listing = [entry("a", 1100), entry("b", 1100), entry("c", 1101), entry("d", 2000)]
    assert marks(listing, 2900) == {}
    assert marks(listing, 2901) == {NAME: "flights/a"}


def test_the_start_key_of_a_bounded_run_is_a_window_before_its_last_object(entry):
    listing = [entry(f"{second:06}", second) for second in range(0, 9000, 300)]
    limits = Limits(files=10, keys_ascending=True)
    first = select(listing, None, now=at(80_000), limits=limits, locations=(ROOT,)).next_state
    assert (first.floor, first.last.key) == (at(2700), "flights/002700")
    assert dict(first.listed_to) == {NAME: "flights/001500"}
    rest = [one for one in listing if one.uri.key > first.listed_to[NAME]]
    second = select(rest, first, now=at(80_000), limits=limits, locations=(ROOT,))
    assert [one.uri.key for one in second.new] == [f"flights/{n:06}" for n in range(3000, 6000, 300)]


def test_a_start_key_stays_until_a_run_without_keys_ascending(entry):
    listing = [entry(f"{second:06}", second) for second in range(0, 9000, 300)]
    state = select(listing, None, now=at(8700), limits=PROMISED, locations=(ROOT,)).next_state
    tail = [*listing[22:], entry("009001", 9001)]
    assert marks(tail, 9002, state=state) == {NAME: "flights/006900"}
    assert marks([entry("009001", 9001)], 9002, state=state) == {NAME: "flights/006300"}
    assert marks([*listing, entry("009001", 9001)], 9002, state=state, limits=Limits()) == {}


def test_an_object_more_than_a_window_older_than_a_smaller_key_breaks_the_promise(entry):
    with pytest.raises(UsageError, match=r"(?s)flights/b, modified 0:15:01 before flights/a.*0:15:00"):
        marks([entry("a", 2000), entry("b", 1099)], 5000)
    assert marks([entry("a", 2000), entry("b", 1100)], 5000) == {NAME: "flights/a"}


def test_a_listing_out_of_key_order_gives_no_start_key(entry):
    assert marks([entry("b", 0), entry("a", 1), entry("c", 2)], 9000) == {}


def test_each_location_has_its_own_start_key(entry):
    east, west = S3Uri("landing", "flights/east"), S3Uri("landing", "flights/west/")
    listing = [
        entry(f"{side}/{number}", second)
        for side, begin in (("east", 0), ("west", 5000))
        for number, second in enumerate(range(begin, begin + 3000, 500))
    ]
    assert marks(listing, 9000, locations=(east, west)) == {
        "s3://landing/flights/east": "flights/east/4",
        "s3://landing/flights/west": "flights/west/3",
    }


def test_a_source_with_more_than_the_most_locations_stores_no_start_keys(entry):
    roots = [S3Uri("landing", f"flights/{number}") for number in range(MOST_LOCATIONS + 1)]
    listing = [entry(f"{number}/{part}", part) for number in range(3) for part in range(3)]
    assert marks(listing, 9000, locations=roots) == {}


def test_a_location_has_the_same_name_with_and_without_its_last_slash():
    assert name_of(S3Uri("b", "in/")) == name_of(S3Uri("b", "in")) == "s3://b/in"
