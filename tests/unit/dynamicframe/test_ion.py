"""Amazon Ion as records of plain Python values."""

from __future__ import annotations

import bz2
import datetime
import gzip
from decimal import Decimal

import pytest

from glue_secure.dynamicframe.types.ion import read
from glue_secure.dynamicframe.types.values import plain

simpleion = pytest.importorskip("amazon.ion.simpleion")

TEXT = b"""{id: 1, price: 2.50, rate: 1.5e0, at: 2024-05-06T07:08:09Z, kind: 'new', raw: {{aGk=}},
 tags: ["a", "b"], gone: null.int, ok: true, place: x::{city: "Bonn"}, many: (1 2)}"""
RECORD = {
    "id": 1, "price": Decimal("2.50"), "rate": 1.5,
    "at": datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc), "kind": "new", "raw": b"hi",
    "tags": ["a", "b"], "gone": None, "ok": True, "place": {"city": "Bonn"}, "many": [1, 2],
}  # fmt: skip


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["plain", "gzip", "bzip2"])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_text_and_binary_ion_are_read_as_plain_values(binary, pack):
    data = simpleion.dumps(simpleion.loads(TEXT), binary=True) if binary else TEXT
    found, problem, same = read(pack(data))
    assert (found, problem, same) == ([RECORD], "", False)
    assert {type(value) for value in found[0].values()} <= {
        int, Decimal, float, datetime.datetime, str, bytes, list, type(None), bool, dict,
    }  # fmt: skip
    assert plain(found[0]) == RECORD


def test_several_structs_and_lists_of_structs_are_records():
    assert read(b"{a: 1} {a: 2} [{a: 3}, {a: 4}]")[0] == [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]


def test_records_before_a_malformed_position_are_returned_and_the_problem_quotes_no_data():
    found, problem, _ = read(b'{a: 1} {a: "hunter2')
    assert found == [{"a": 1}]
    assert problem.startswith("malformed Ion")
    assert "hunter2" not in problem
    assert read(b"{a: 1} 7")[:2] == ([{"a": 1}], "a value that is not an Ion struct")
    assert read(b"{a: " * 200 + b"1" + b"}" * 200)[1] == "malformed Ion: nested too deeply"
