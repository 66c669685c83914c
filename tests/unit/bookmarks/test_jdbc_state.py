"""The state of a table's source: strict, canonical, and without values in its repr."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.bookmarks.jdbc_state import KINDS, JdbcSourceState
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError

STATE = JdbcSourceState(
    table="public.orders",
    keys=("changed_at", "id", "name"),
    order="asc",
    types=("timestamptz", "integer", "string"),
    values=("2024-02-29 23:59:59.000001", "-12", "O'Hara"),
)
BOUND = replace(STATE, connection="ops", location="jdbc:postgresql://db:5432/shop")
TEXTS = {kind: st.from_regex(form, fullmatch=True) for kind, form in KINDS.items()}


def bookmark(source: JdbcSourceState) -> BookmarkState:
    return BookmarkState("curate", 1, 1, 0, 1, "jr_1", "", "", {"orders": source})


def test_a_state_survives_its_bytes():
    for state in (STATE, BOUND):
        assert BookmarkState.from_bytes(bookmark(state).to_bytes()).contexts["orders"] == state


def test_a_state_without_a_database_has_the_bytes_of_older_versions():
    older = {"kind", "table", "keys", "order", "types", "values"}
    assert set(STATE.as_json()) == older
    assert set(BOUND.as_json()) == older | {"connection", "location"}


def test_a_database_has_a_connection_and_a_location():
    with pytest.raises(BookmarkStateError, match="only one of them"):
        replace(BOUND, location="")


@given(
    st.lists(st.sampled_from(sorted(KINDS)).flatmap(lambda k: st.tuples(st.just(k), TEXTS[k])), min_size=1)
)
def test_every_valid_state_survives_serialisation(values):
    values = values[:32]
    state = JdbcSourceState(
        table="",
        keys=tuple(f"k{at}" for at in range(len(values))),
        order="desc",
        types=tuple(kind for kind, _ in values),
        values=tuple(value for _, value in values),
    )
    if all(character < "\ud800" or character > "\udfff" for value in state.values for character in value):
        assert BookmarkState.from_bytes(bookmark(state).to_bytes()).contexts["orders"] == state


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order", "up"),
        ("keys", []),
        ("keys", ["id", "id", "name"]),
        ("keys", ["", "id", "name"]),
        ("keys", "changed_at"),
        ("types", ["timestamptz", "float", "string"]),
        ("types", ["timestamptz", "integer"]),
        ("values", ["2024-02-29 23:59:59.000001", "12", None]),
        ("values", ["2024-02-29 23:59:59.000001", 12, "x"]),
        ("values", ["2024-02-29 23:59:59.000001", "1' or '1'='1", "x"]),
        ("values", ["infinity", "12", "x"]),
        ("values", ["2024-02-29 23:59:59.000001", "٣", "x"]),
        ("values", ["2024-02-29 23:59:59.000001", "NaN", "x"]),
        ("values", ["2024-02-29 23:59:59.000001", "12", "nul\x00"]),
        ("values", ["2024-02-29 23:59:59.000001", "12", "x" * 1025]),
        ("table", None),
        ("more", "fields"),
    ],
)
def test_an_invalid_state_is_rejected_without_showing_its_values(field, value):
    shape = json.loads(bookmark(STATE).to_bytes())
    shape["contexts"]["orders"][field] = value
    body = json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(BookmarkStateError) as caught:
        BookmarkState.from_bytes(body)
    assert "O'Hara" not in str(caught.value)
    assert "or '1'" not in str(caught.value)


def test_the_watermark_shows_times_and_only_the_type_of_other_values():
    shown = "changed_at=2024-02-29 23:59:59.000001 UTC, id=(integer, not shown), name=(string, not shown)"
    assert STATE.watermark == shown
    assert "O'Hara" not in repr(STATE)
    assert "-12" not in repr(STATE)
