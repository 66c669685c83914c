"""Kinds of requests in the benchmark of appends to tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))


@pytest.mark.parametrize(
    ("method", "path", "target", "kind"),
    [
        ("POST", "/", "AWSGlue.GetTable", "GetTable"),
        ("GET", "/bucket?list-type=2&prefix=table%2F", "", "LIST of the table"),
        ("GET", "/bucket?list-type=2&prefix=table%2F_delta_log%2F0001.json", "", "LIST of the log"),
        ("GET", "/bucket?prefix=table%2F_delta_log", "", "LIST of the log"),
        ("GET", "/bucket?location", "", "GET of the bucket"),
        ("GET", "/bucket/table/part-0.parquet", "", "GET"),
        ("HEAD", "/bucket/table/part-0.parquet", "", "HEAD"),
        ("POST", "/bucket?delete", "", "DELETE"),
    ],
)
def test_a_request_is_counted_by_its_kind(method, path, target, kind):
    import table_append

    assert table_append.kind_of(method, path, target) == kind


def measured(total, listings=0):
    from table_append import Measured

    return Measured({"PUT": total - listings, "LIST of the table": listings}, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("way", "added", "listings", "is_met"),
    [
        (1, 110, 0, True),
        (1, 111, 0, False),
        (1, 10, 1, False),
        (2, 120, 0, True),
        (2, 121, 0, False),
        (2, 10, 1, False),
    ],
)
def test_the_requirement_is_on_added_requests_and_listings(capsys, way, added, listings, is_met):
    from table_append import WAYS, report

    rounds = [{name: measured(100) for name in WAYS} | {WAYS[way]: measured(100 + added, listings)}]
    assert report("iceberg", 100_000, rounds) is is_met
    assert f"{added / 100:.2f}" in capsys.readouterr().out
