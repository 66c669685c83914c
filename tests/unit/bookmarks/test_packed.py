"""Packed objects: the same objects as a list of them, in less memory."""

import sys
from datetime import datetime, timedelta, timezone

import pytest

from glue_secure.bookmarks import bounds, packed
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.packed import Locations, PackedObjects
from glue_secure.bookmarks.selection import select, select_all
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def entry(number, bucket="landing", etag="", name="part"):
    time = NOW - timedelta(seconds=number, microseconds=7)
    return ObjectSummary(
        S3Uri(bucket, f"in/{name}-{number:05}ü"), number, time, etag or f"{number:032x}", "GLACIER"
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(packed, "BLOCK", 8)
    monkeypatch.setattr(bounds, "PACK_FROM", 10)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 40])
def test_the_objects_come_back_as_they_were(count):
    entries = [entry(number, etag="" if number % 2 else f"ABC-{number}") for number in range(count)]
    objects = PackedObjects(entries)
    assert list(objects) == entries
    assert list(objects) == entries  # again
    assert len(objects) == count
    assert [objects[at] for at in range(-count, count)] == entries + entries
    assert objects[2:9:3] == entries[2:9:3]
    assert list(Locations(objects)) == [one.uri for one in entries]
    assert Locations(objects)[:3] == [one.uri for one in entries[:3]]
    with pytest.raises(IndexError):
        objects[count]


@pytest.mark.parametrize("etag", ["ABCDEF00112233445566778899AABBCC", "g" * 32, "0x" * 16, "e", "a-2"])
def test_every_entity_tag_comes_back(etag):
    entries = [entry(number, etag=etag) for number in range(9)]
    assert list(PackedObjects(entries)) == entries


@pytest.mark.parametrize("order", ["sorted", "overlapping", "reversed"])
def test_key_order_has_each_location_once(order):
    first, second = [entry(number) for number in range(0, 200, 2)], [entry(number) for number in range(200)]
    given = {
        "sorted": second,
        "overlapping": first + second + first,
        "reversed": second[::-1] + first,
    }[order]
    assert list(PackedObjects(given).in_key_order()) == second


def test_a_large_selection_is_that_of_a_small_one(monkeypatch):
    entries = [entry(number) for number in range(3000)]
    limits = Limits(max_files_in_band=20)

    def outcome():
        first = select(entries, None, now=NOW, limits=limits)
        late = [*entries, entry(5000, name="late")]
        second = select(late, first.next_state, now=NOW + timedelta(hours=1), limits=limits)
        everything = select_all(late + late)
        return [
            (type(found.new).__name__, (list(found.new), found.next_state, found.deferred, found.late))
            for found in (first, second, everything)
        ]

    large = outcome()
    monkeypatch.setattr(bounds, "PACK_FROM", sys.maxsize)
    small = outcome()
    assert [kind for kind, _ in large] == ["PackedObjects"] * 3
    assert [kind for kind, _ in small] == ["tuple"] * 3
    assert [found for _, found in large] == [found for _, found in small]
    assert large[1][1][3] == 1
