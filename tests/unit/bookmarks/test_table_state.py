"""The state of one table of Iceberg, Delta Lake or Hudi."""

from __future__ import annotations

import pytest

from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError
from glue_secure.bookmarks.table_state import TableSourceState

STATE = TableSourceState("iceberg", "db.orders", "5f0c-id", "8446386295627460145")


def bookmark(source):
    return BookmarkState.after(
        None, previous_digest="", job="curate", run_id="jr_1", attempt=0, contexts={"orders": source}
    )


def test_a_state_is_read_as_it_was_written():
    stored = bookmark(STATE).to_bytes()
    assert BookmarkState.from_bytes(stored).contexts["orders"] == STATE


def test_the_state_has_one_position_whatever_the_table_has():
    assert len(bookmark(STATE).to_bytes()) < 400
    assert STATE.watermark == "iceberg 8446386295627460145"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "parquet"},
        {"position": "-1"},
        {"position": ""},
        {"position": "1a"},
        {"table": ""},
        {"table_id": ""},
        {"table_id": "x" * 513},
    ],
    ids=lambda changes: " ".join(changes) + str(len(str(changes))),
)
def test_a_state_that_no_read_makes_is_rejected(changes):
    shape = STATE.as_json() | changes
    with pytest.raises(BookmarkStateError):
        TableSourceState.from_json(shape, "contexts[0]")


def test_an_unknown_field_is_rejected():
    with pytest.raises(BookmarkStateError, match="unknown field"):
        TableSourceState.from_json({**STATE.as_json(), "more": "1"}, "contexts[0]")


def test_the_command_line_shows_the_table_and_the_position():
    from glue_secure.cli.bookmark import _source

    assert _source(STATE, reveal=False) == {
        "kind": "table",
        "watermark": "iceberg 8446386295627460145",
        "table": "db.orders",
        "format": "iceberg",
        "position": "8446386295627460145",
    }
