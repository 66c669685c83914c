"""Selection against a model that remembers every version of every file it ever saw."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from glue_secure.bookmarks.selection import select
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError, S3SourceState, identity
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
WINDOW = timedelta(seconds=60)
NAMES = st.sampled_from(["a", "b", "c", "d/e", "d/f", "g"])


class Bookmark(RuleBasedStateMachine):
    """Files land, change and go; the clock moves forward; runs select, and commit or do not.

    A file becomes visible up to a window after its modification time; beyond that Glue does not see
    it, and neither does the model look. The state passes through its JSON between runs.
    """

    max_files = 10_000

    @initialize()
    def begin(self):
        self.now = START
        self.files: dict[str, ObjectSummary] = {}
        self.processed: set[str] = set()
        self.state: S3SourceState | None = None
        self.writes = 0

    @rule(seconds=st.one_of(st.integers(0, 3), st.integers(0, 150)))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(name=NAMES, late=st.integers(0, 60), same_etag=st.booleans())
    def land(self, name, late, same_etag):
        """A file appears now with a modification time at most a window ago; or is rewritten in place."""
        time = self.now - timedelta(seconds=late)
        before = self.files.get(name)
        if before is not None and time < before.last_modified:
            time = before.last_modified
        self.writes += 1
        etag = before.etag if same_etag and before is not None else f"{self.writes}"
        self.files[name] = ObjectSummary(S3Uri("landing", name), 1, time, etag)

    @rule(name=NAMES)
    def delete(self, name):
        self.files.pop(name, None)

    def expected(self):
        return {identity(entry) for entry in self.files.values()} - self.processed

    @rule(commit=st.booleans(), order=st.randoms(use_true_random=False))
    def run(self, commit, order):
        listing = list(self.files.values())
        order.shuffle(listing)
        result = select(
            iter(listing), self.state, now=self.now, window=WINDOW, max_files_in_band=self.max_files
        )
        chosen = [identity(entry) for entry in result.new]
        assert len(chosen) == len(set(chosen))
        self.check(set(chosen), result)
        if commit and result.next_state is not None:
            self.processed |= set(chosen)
            self.state = through_json(result.next_state)

    def check(self, chosen, result):
        assert chosen == self.expected()
        assert result.deferred == 0

    @invariant()
    def the_state_is_bounded_by_the_window(self):
        if getattr(self, "state", None) is not None:
            assert len(self.state.seen) <= self.max_files
            assert all(time >= self.state.floor for time in self.state.seen.values())


class CappedBookmark(Bookmark):
    """With a full window, files wait: never lost, never twice, and all read once the window has passed."""

    max_files = 2

    def check(self, chosen, result):
        assert chosen <= self.expected()
        assert len(self.expected() - chosen) == result.deferred

    @precondition(lambda self: bool(self.files))
    @rule()
    def quiet_for_a_window(self):
        self.now += WINDOW + timedelta(seconds=1)
        expected = self.expected()
        result = select(self.files.values(), self.state, now=self.now, window=WINDOW, max_files_in_band=2)
        assert {identity(entry) for entry in result.new} == expected


TestBookmark = Bookmark.TestCase
TestCappedBookmark = CappedBookmark.TestCase
for case in (TestBookmark, TestCappedBookmark):
    case.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def through_json(source: S3SourceState) -> S3SourceState:
    state = BookmarkState.after(
        None, previous_digest="", job="j", run_id="r", attempt=0, contexts={"c": source}
    )
    return BookmarkState.from_bytes(state.to_bytes()).contexts["c"]


@given(st.binary(max_size=200))
def test_the_state_reader_refuses_any_other_bytes(body):
    with pytest.raises(BookmarkStateError):
        BookmarkState.from_bytes(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = ["schema", "job", "sequence", "run", "attempt", "version", "run_id", "previous_digest", "contexts"]


@given(st.sampled_from(FIELDS), JSON)
def test_the_state_reader_raises_only_its_own_error(name, value):
    import json

    shape = json.loads(
        BookmarkState.after(None, previous_digest="", job="j", run_id="r", attempt=0, contexts={}).to_bytes()
    )
    shape[name] = value
    body = json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    try:
        state = BookmarkState.from_bytes(body)
    except BookmarkStateError:
        return
    assert state.to_bytes() == body
