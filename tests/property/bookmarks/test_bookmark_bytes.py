"""The reader of a bookmark's state, with arbitrary bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = ["schema", "job", "sequence", "run", "attempt", "version", "run_id", "previous_digest", "contexts"]


@given(st.binary(max_size=200))
def test_the_state_reader_refuses_any_other_bytes(body):
    with pytest.raises(BookmarkStateError):
        BookmarkState.from_bytes(body)


@given(st.sampled_from(FIELDS), JSON)
def test_the_state_reader_raises_only_its_own_error(name, value):
    shape = json.loads(
        BookmarkState.after(None, previous_digest="", job="j", run_id="r", attempt=0, contexts={}).to_bytes()
    )
    shape[name] = value
    _read_or_refused(shape)


@given(st.sampled_from(["kind", "floor", "high_water", "seen", "last", "listed_to"]), JSON)
def test_the_reader_of_a_source_raises_only_its_own_error(name, value):
    shape = json.loads(
        BookmarkState.after(None, previous_digest="", job="j", run_id="r", attempt=0, contexts={}).to_bytes()
    )
    time = "2026-01-01T12:00:00Z"
    source = {"kind": "s3", "floor": time, "high_water": time, "seen": {}, "last": "", "listed_to": {}}
    shape["contexts"] = {"flights": source | {name: value}}
    _read_or_refused(shape)


def _read_or_refused(shape):
    body = json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        encoded = body.encode() + b"\n"
    except UnicodeEncodeError:
        return
    try:
        state = BookmarkState.from_bytes(encoded)
    except BookmarkStateError:
        return
    assert state.to_bytes() == encoded
