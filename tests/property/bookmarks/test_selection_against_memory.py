"""Selection against a model that remembers every version of every file it ever saw.

Files land, also late, are uploaded for longer than the window, are written again and go; the clock moves
forward; runs select, and commit, fail or pause; two contexts read the same path. The model stores everything
and sorts it each time. Both must select the same objects, always. States pass through their bytes between
runs.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from glue_secure.bookmarks import bounds
from glue_secure.bookmarks.ascending import name_of
from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.state import BookmarkState, identity
from glue_secure.bookmarks.store import Loaded
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.evidence import digest
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.objects import ObjectSummary

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
WINDOW = timedelta(seconds=60)
NAMES = st.sampled_from(["a", "b", "c", "d/e", "d/f", "g", "h", "i"])
CONTEXTS = ("flights", "again")
# Few values, so that times meet each other and the window's edge.
STEPS = st.sampled_from([0, 1, 20, 40, 60, 61, 150])
LATE = st.sampled_from([0, 1, 20, 40, 59, 60])
BOUNDS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"files": st.integers(1, 4)}),
    st.fixed_dictionaries({"size": st.integers(1, 12)}),
)
UPLOADS = st.sampled_from([61, 150, 1000])
MAX_BYTES = 5_000


class StoredStates:
    """A job's states as bytes; what the store does without its cryptography."""

    job, uri = "j", S3Uri("state", "current")

    def __init__(self):
        self.bodies: list[bytes] = []

    def load(self):
        if not self.bodies:
            return Loaded(None, None, "", False)
        return Loaded(BookmarkState.from_bytes(self.bodies[-1]), "e", digest(self.bodies[-1]), True)

    def commit(self, loaded, state):
        assert (state.sequence, state.previous_digest) == (len(self.bodies) + 1, loaded.digest)
        self.bodies.append(state.to_bytes())
        return self.load()

    def states_of_runs(self, _loaded, runs):
        states = map(BookmarkState.from_bytes, self.bodies)
        return {state.run_id: state for state in states if state.run_id in runs}


def age(entry):
    return entry.last_modified, entry.uri.bucket, entry.uri.key


def within(entries, limits):
    """The oldest that a bound allows: the naive way."""
    entries = sorted(entries, key=age)
    if limits.files is not None:
        entries = entries[: limits.files]
    while limits.size is not None and len(entries) > 1 and sum(e.size for e in entries) > limits.size:
        entries.pop()
    return set(map(identity, entries))


class Bookmark(RuleBasedStateMachine):
    """Everything but promises about keys. A file becomes visible up to a window after its modification."""

    max_files = 10_000

    @initialize()
    def begin(self):
        self.now = START
        self.files: dict[str, ObjectSummary] = {}
        self.store = StoredStates()
        self.done: dict[str, set[str]] = {name: set() for name in CONTEXTS}
        self.history: dict[str, dict[str, set[str]]] = {}
        self.times: dict[str, datetime] = {}
        self.uploads: set[str] = set()
        self.writes = self.runs = 0

    @rule(seconds=STEPS)
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(name=NAMES, late=LATE, same_etag=st.booleans(), size=st.integers(0, 5))
    def land(self, name, late, same_etag, size):
        """A file appears now with a modification time at most a window ago; or is rewritten in place."""
        time = self.now - timedelta(seconds=late)
        before = self.files.get(name)
        if before is not None and time < before.last_modified:
            time = before.last_modified
        self.writes += 1
        etag = before.etag if same_etag and before is not None else f"{self.writes}"
        self.files[name] = ObjectSummary(S3Uri("landing", name), size, time, etag)
        self.times[identity(self.files[name])] = time

    @rule(name=NAMES, seconds=UPLOADS, size=st.integers(0, 5))
    def end_a_multipart_upload(self, name, seconds, size):
        """A file appears now with the time at which its upload began, longer than a window ago."""
        if name in self.files:
            return
        self.land(name, seconds, False, size)
        self.uploads.add(identity(self.files[name]))

    @rule(names=st.sets(NAMES), late=LATE)
    def land_together(self, names, late):
        """Several files of one second."""
        for name in sorted(names):
            self.land(name, late, False, 1)

    @rule(names=st.lists(NAMES, min_size=2, max_size=4, unique=True), step=STEPS)
    def land_in_turn(self, names, step):
        """Several files, some time apart."""
        for name in names:
            self.land(name, 0, False, 1)
            self.time_passes(step)

    @rule(name=NAMES)
    def delete(self, name):
        self.files.pop(name, None)

    def limits(self, bound):
        return Limits(window=WINDOW, max_files_in_band=self.max_files, **bound)

    def session(self, option=BookmarkOption.ENABLE, **more):
        self.runs += 1
        run = RunId(f"jr_{self.runs}")
        return BookmarkSession(option=option, store=self.store, now=self.now, run_id=run, **more)

    def listing(self, order):
        listing = list(self.files.values())
        order.shuffle(listing)
        return listing

    def expected(self, context, limits):
        """What the model would read: all that is not done, up to the window's and the bound's limits.

        A bounded run that finds files with a time before the floor of its state reads only these.
        """
        state = self.store.load().state
        source = state.contexts.get(context) if state is not None else None
        if source is not None and (limits.files or limits.size):
            late = [
                entry
                for entry in self.files.values()
                if identity(entry) not in self.done[context] and entry.last_modified < source.floor
            ]
            if late:
                return within(late, limits)
        floor = self.now - limits.window
        waiting = sorted(
            (entry for entry in self.files.values() if identity(entry) not in self.done[context]), key=age
        )
        settled = [entry for entry in waiting if entry.last_modified < floor]
        remembered = sum(1 for name in self.done[context] if self.times[name] >= floor)
        capacity = max(0, limits.max_files_in_band - remembered)
        return within([*settled, *waiting[len(settled) :][:capacity]], limits)

    @rule(
        contexts=st.sets(st.sampled_from(CONTEXTS), min_size=1),
        ends=st.sampled_from(["commit", "commit", "commit", "fail", "pause"]),
        bound=BOUNDS,
        order=st.randoms(use_true_random=False),
    )
    def run(self, contexts, ends, bound, order):
        limits = self.limits(bound)
        session = self.session(BookmarkOption.PAUSE if ends == "pause" else BookmarkOption.ENABLE)
        selected = {}
        for context in sorted(contexts):
            expected = self.expected(context, limits)
            new = session.select(context, self.listing(order), limits=limits)
            selected[context] = set(map(identity, new))
            assert len(new) == len(selected[context])
            assert selected[context] == expected
            assert [e.uri.key for e in new] == sorted(e.uri.key for e in new)
            left = {identity(e) for e in self.files.values()} - self.done[context] - expected
            assert session.report().contexts[context].deferred == len(left)
        if ends == "fail":
            return
        before = len(self.store.bodies)
        session.commit()
        if ends == "commit" and any(selected.values()):
            for context, names in selected.items():
                self.done[context] |= names
            self.history[f"jr_{self.runs}"] = {name: set(done) for name, done in self.done.items()}
        assert len(self.store.bodies) - before == (ends == "commit" and any(selected.values()))

    @rule(bound=BOUNDS, order=st.randoms(use_true_random=False))
    def run_untracked(self, bound, order):
        limits = self.limits(bound)
        everything = within(self.files.values(), limits)
        for session, context in ((self.session(), ""), (self.session(BookmarkOption.DISABLE), "flights")):
            assert (
                set(map(identity, session.select(context, self.listing(order), limits=limits))) == everything
            )

    @precondition(lambda self: len(self.history) >= 1)
    @rule(data=st.data(), bound=BOUNDS)
    def run_a_range(self, data, bound):
        """Pause with from and to: what one run had done and the other not, as far as it is there."""
        runs = sorted(self.history, key=lambda run: int(run[3:]))
        first = data.draw(st.integers(0, len(runs) - 1))
        second = data.draw(st.integers(first, len(runs) - 1))
        limits = self.limits(bound)
        session = self.session(BookmarkOption.PAUSE, from_run=runs[first], to_run=runs[second])
        before = len(self.store.bodies)
        for context in CONTEXTS:
            wanted = self.history[runs[second]][context] - self.history[runs[first]][context]
            there = [entry for entry in self.files.values() if identity(entry) in wanted]
            if not self.uploads.isdisjoint(map(identity, there)):
                continue  # a state does not name the run that read a file before its floor
            new = session.select(context, iter(self.files.values()), limits=limits)
            assert set(map(identity, new)) == within(there, limits)
        session.commit()
        assert len(self.store.bodies) == before

    @rule()
    def reset(self):
        """Everything is to be read again; the history goes on."""
        loaded = self.store.load()
        if loaded.state is None:
            return
        self.runs += 1
        after = BookmarkState.after(
            loaded.state,
            previous_digest=loaded.digest,
            job="j",
            run_id=f"jr_{self.runs}",
            attempt=0,
            contexts={},
        )
        shape = {name: getattr(after, name) for name in after.__slots__}
        self.store.commit(loaded, BookmarkState(**(shape | {"contexts": {}})))
        self.done = {name: set() for name in CONTEXTS}
        self.history[f"jr_{self.runs}"] = {name: set() for name in CONTEXTS}

    @rule(order=st.randoms(use_true_random=False))
    def quiet_for_a_window(self, order):
        """Whatever waited, a run without a bound, a window later, leaves nothing behind."""
        self.now += WINDOW + timedelta(seconds=1)
        session = self.session()
        for context in CONTEXTS:
            left = {identity(entry) for entry in self.files.values()} - self.done[context]
            new = session.select(context, self.listing(order), limits=self.limits({}))
            assert set(map(identity, new)) == left

    @invariant()
    def the_state_is_small(self):
        if getattr(self, "store", None) is not None and self.store.bodies:
            assert len(self.store.bodies[-1]) < MAX_BYTES
            for state in BookmarkState.from_bytes(self.store.bodies[-1]).contexts.values():
                assert len(state.seen) <= self.max_files


class CappedBookmark(Bookmark):
    """With capacity for two files in the window, files wait, and each is read exactly once."""

    max_files = 2


class NoBand(Bookmark):
    """Without capacity, a file is read once it has left the window."""

    max_files = 0


class AscendingKeys(RuleBasedStateMachine):
    """Keys that grow with time, to within a window: what is not listed is nothing that a run would read."""

    @initialize()
    def begin(self):
        self.now = START
        self.files: dict[str, ObjectSummary] = {}
        self.store, self.done = StoredStates(), set()
        self.root, self.runs, self.landed = S3Uri("landing", "in"), 0, 0

    @rule(seconds=STEPS)
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(
        landing=st.lists(st.tuples(STEPS, LATE, LATE, st.integers(0, 5)), min_size=1, max_size=6),
    )
    def land(self, landing):
        """Each key is of a time at most a window after the modification; names are never used again."""
        for seconds, late, ahead, size in landing:
            self.now += timedelta(seconds=seconds)
            time = self.now - timedelta(seconds=late)
            self.landed += 1
            second = int((time - START).total_seconds()) + ahead + 100
            name = f"in/{second:08}-{self.landed:04}"
            self.files[name] = ObjectSummary(S3Uri("landing", name), size, time, "e")

    @rule(which=st.integers(0, 30))
    def delete(self, which):
        for name in sorted(self.files)[which : which + 1]:
            if identity(self.files[name]) in self.done:
                del self.files[name]

    @rule(
        ends=st.sampled_from(["commit", "commit", "commit", "fail"]),
        bound=BOUNDS,
        promised=st.sampled_from([True, True, True, False]),
    )
    def run(self, ends, bound, promised):
        limits = Limits(window=WINDOW, keys_ascending=promised, **bound)
        self.runs += 1
        session = BookmarkSession(
            option=BookmarkOption.ENABLE, store=self.store, now=self.now, run_id=RunId(f"jr_{self.runs}")
        )
        mark = session.listed_to("flights", limits).get(name_of(self.root), "")
        assert promised or not mark
        listing = [self.files[name] for name in sorted(self.files) if name > mark]
        left = [entry for entry in self.files.values() if identity(entry) not in self.done]
        new = session.select("flights", iter(listing), locations=(self.root,), limits=limits)
        assert set(map(identity, new)) == within(left, limits)
        if ends == "commit":
            session.commit()
            self.done |= set(map(identity, new))

    @invariant()
    def the_state_is_small(self):
        if getattr(self, "store", None) is not None and self.store.bodies:
            assert len(self.store.bodies[-1]) < MAX_BYTES


MACHINES = (Bookmark, CappedBookmark, NoBand, AscendingKeys)


@pytest.mark.parametrize("machine", MACHINES)
def test_selection_equals_a_model_with_perfect_memory(machine, monkeypatch):
    _check(monkeypatch, machine, examples=60, steps=40)


@pytest.mark.long
@pytest.mark.parametrize("machine", MACHINES)
def test_selection_equals_a_model_with_perfect_memory_in_many_more_histories(machine, monkeypatch):
    _check(monkeypatch, machine, examples=5000, steps=60)


def _check(monkeypatch, machine, *, examples, steps):
    # What is beyond a bound is let go while the listing passes; here, almost at once.
    monkeypatch.setattr(bounds, "_MIN_CAPACITY", 2)
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps))
