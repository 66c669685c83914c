"""The mark outside the bucket detects a rollback without history, and no crash locks a job out."""

from __future__ import annotations

import pytest

from glue_secure.bookmarks.high_water import BEGINNING
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError, VerificationError
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.service import PreconditionFailed, ServiceError


class FakeHighWater:
    """A conditional item in memory."""

    location = "dynamodb:marks"

    def __init__(self):
        self.mark: HighWaterMark | None = None
        self.fail: dict[str, ServiceError] = {}
        self.lose: ServiceError | None = None

    def key_of_table(self):
        return ""

    def read(self):
        self._said("GetItem")
        return self.mark

    def advance(self, mark):
        self._said("UpdateItem")
        if self.mark is not None and mark.sequence <= self.mark.sequence:
            raise PreconditionFailed("no", code="ConditionalCheckFailedException", operation="UpdateItem")
        self.mark = mark
        if self.lose is not None:
            error, self.lose = self.lose, None
            raise error

    def _said(self, operation):
        if operation in self.fail:
            raise self.fail.pop(operation)


def denied(operation: str) -> ServiceError:
    return ServiceError("no", code="AccessDeniedException", operation=operation)


@pytest.fixture
def mark():
    return FakeHighWater()


@pytest.fixture
def store(bookmark_fixture, make_envelope, mark):
    return BookmarkStore(
        objects=bookmark_fixture.objects,
        envelope=make_envelope(),
        prefix=bookmark_fixture.prefix,
        mark=mark,
        pause=lambda _: None,
    )


def commit(store, run="jr_1", loaded=None):
    loaded = loaded or store.load()
    state = BookmarkState.after(
        loaded.state, previous_digest=loaded.digest, job=store.job, run_id=run, attempt=0, contexts={}
    )
    return store.commit(loaded, state)


def refused(store, control):
    with pytest.raises(RefusedError) as caught:
        store.load()
    assert (caught.value.control, caught.value.resource) == (control, str(store.uri))
    return caught.value


def forget_history(bookmark_fixture, store, *sequences):
    for sequence in sequences:
        bookmark_fixture.objects.delete(store.history_uri(sequence))


def test_each_commit_moves_the_mark(store, mark):
    for sequence in (1, 2, 3):
        done = commit(store)
        assert mark.mark == HighWaterMark(sequence, done.digest)
    assert store.load().sequence == 3


def test_a_first_run_has_neither_and_loading_writes_nothing(store, mark):
    assert store.load().state is None
    assert mark.mark is None


def test_gs_bkm_004_an_older_state_with_its_newer_history_deleted(bookmark_fixture, store):
    for _ in range(3):
        commit(store)
    bookmark_fixture.objects.copy(store.history_uri(2), store.uri)
    forget_history(bookmark_fixture, store, 3)
    assert bookmark_fixture.store().load().sequence == 2  # not detected without the mark
    assert "sequence 3" in refused(store, "GS-BKM-004").required


def test_gs_bkm_003_everything_deleted(bookmark_fixture, store):
    commit(store)
    bookmark_fixture.objects.delete(store.uri)
    forget_history(bookmark_fixture, store, 1)
    assert bookmark_fixture.store().load().state is None
    refused(store, "GS-BKM-003")


def test_gs_bkm_004_another_state_of_the_same_sequence(store, mark):
    commit(store)
    mark.mark = HighWaterMark(1, "0" * 64)
    refused(store, "GS-BKM-004")


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_crash_between_current_and_mark_is_caught_up(bookmark_fixture, store, mark, before):
    for _ in range(before):
        commit(store)
    loaded = store.load()
    mark.fail["GetItem"] = denied("GetItem")  # asked when the answer to the advance is not known
    if before == 0:
        mark.advance(BEGINNING)
    mark.fail["UpdateItem"] = denied("UpdateItem")
    if before == 0:
        # The mark of the beginning is there; the crash is at the second write.
        del mark.fail["UpdateItem"], mark.fail["GetItem"]
        bookmark_fixture.objects.before_write = lambda _: mark.fail.update(UpdateItem=denied("UpdateItem"))
    with pytest.raises(VerificationError) as caught:
        commit(store, loaded=loaded)
    bookmark_fixture.objects.before_write = None
    assert (caught.value.control, caught.value.exit_code) == ("GS-BKM-006", 4)
    assert caught.value.resource == "dynamodb:marks"
    mark.fail.clear()
    assert mark.mark is not None
    assert mark.mark.sequence == before
    again = store.load()
    assert again.sequence == before + 1
    assert mark.mark == HighWaterMark(before + 1, again.digest)
    commit(store)
    assert [entry.sequence for entry in store.history(store.load())] == list(range(before + 2, 0, -1))


def test_after_a_crash_before_current_the_next_run_starts(bookmark_fixture, store, mark):
    bookmark_fixture.objects.fail_next("PutObject", denied("PutObject"))
    with pytest.raises(VerificationError):
        commit(store)
    assert mark.mark == BEGINNING
    assert commit(store).sequence == 1


def test_a_bookmark_that_does_not_follow_the_marked_state_is_refused(store, mark):
    commit(store)
    commit(store)
    mark.mark = HighWaterMark(1, "0" * 64)
    assert "--adopt" in refused(store, "GS-BKM-004").fix


def test_a_bookmark_several_states_ahead_of_the_mark_is_refused_until_adopted(bookmark_fixture, store, mark):
    commit(store)
    for _ in range(2):
        commit(bookmark_fixture.store())
    assert "verify curate --adopt" in refused(store, "GS-BKM-004").fix
    assert mark.mark.sequence == 1
    assert store.adopt().sequence == 3
    assert mark.mark == HighWaterMark(3, store.load().digest)


def test_a_bookmark_without_a_mark_is_refused_until_adopted(bookmark_fixture, store, mark):
    commit(bookmark_fixture.store())
    assert "--adopt" in refused(store, "GS-BKM-004").fix
    store.adopt()
    assert mark.mark.sequence == 1
    commit(store)


def test_adopting_never_goes_back(bookmark_fixture, store, mark):
    for _ in range(2):
        commit(store)
    newest = mark.mark
    bookmark_fixture.objects.copy(store.history_uri(1), store.uri)
    forget_history(bookmark_fixture, store, 2)
    with pytest.raises(RefusedError):
        store.adopt()
    assert mark.mark == newest


def test_adopting_checks_the_history(bookmark_fixture, store, mark):
    for _ in range(3):
        commit(bookmark_fixture.store())
    forget_history(bookmark_fixture, store, 1)
    with pytest.raises(RefusedError) as caught:
        store.adopt()
    assert caught.value.resource == str(store.history_uri(1))
    assert mark.mark is None


def test_adopting_without_a_mark_is_a_usage_error(bookmark_fixture):
    with pytest.raises(UsageError):
        bookmark_fixture.store().adopt()


def test_a_lost_response_of_the_mark_is_a_commit(store, mark):
    commit(store)
    mark.lose = ServiceError("no answer", code="", operation="UpdateItem")
    assert commit(store).sequence == 2


@pytest.mark.parametrize("operation", ["GetItem", "UpdateItem"])
def test_gs_bkm_006_an_error_of_the_mark_is_not_a_missing_mark(store, mark, operation):
    mark.fail[operation] = denied(operation)
    with pytest.raises(VerificationError) as caught:
        commit(store)
    assert (caught.value.control, caught.value.resource) == ("GS-BKM-006", "dynamodb:marks")


def test_a_commit_between_the_two_reads_is_not_a_rollback(bookmark_fixture, store, mark):
    commit(store)
    reading, once = mark.read, []

    def slow():
        seen = reading()
        if not once:
            once.append(seen)
            commit(store, "jr_2")
            commit(store, "jr_3")
        return seen

    mark.read = slow
    assert store.load().sequence == 3


def test_of_two_concurrent_commits_one_succeeds_and_sets_the_mark(store, mark):
    commit(store)
    loaded = store.load()
    won = commit(store, "jr_2", loaded)
    with pytest.raises(BookmarkConflictError):
        commit(store, "jr_3", loaded)
    assert mark.mark == HighWaterMark(2, won.digest)
