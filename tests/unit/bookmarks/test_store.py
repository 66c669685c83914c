from __future__ import annotations

import re

import pytest

from glue_secure.bookmarks.repair import apply_repair, plan_repair
from glue_secure.bookmarks.state import BookmarkState
from glue_secure.core.errors import BookmarkConflictError, RefusedError, VerificationError
from glue_secure.core.evidence import digest
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import PreconditionFailed, ServiceError

BASE = "bookmarks/123456789012/eu-west-1/curate"
CURRENT = S3Uri("state", f"{BASE}/current")


def history(sequence: int) -> S3Uri:
    return S3Uri("state", f"{BASE}/history/{sequence:012d}")


def following(loaded, run: str) -> BookmarkState:
    return BookmarkState.after(
        loaded.state, previous_digest=loaded.digest, job="curate", run_id=run, attempt=0, contexts={}
    )


def commit(bookmark_fixture, run: str):
    store = bookmark_fixture.store()
    loaded = store.load()
    return store.commit(loaded, following(loaded, run))


def service_error(code: str, operation: str = "PutObject") -> ServiceError:
    return ServiceError(f"{operation}: {code}", code=code, operation=operation)


def refused(bookmark_fixture, control: str, error=RefusedError):
    with pytest.raises(error) as caught:
        bookmark_fixture.store().load()
    assert caught.value.control == control, str(caught.value)
    return caught.value


def follow(bookmark_fixture, fix: str) -> None:
    """Copy the object that the fix's command names, and assert that the copy has the bookmark's key."""
    command = re.search(r"aws s3 cp (\S+) (\S+) --sse aws:kms --sse-kms-key-id ([^`\s]+)", fix)
    assert command is not None, fix
    source, target, key = command.groups()
    assert key == str(bookmark_fixture.store()._envelope.key)
    bookmark_fixture.objects.copy(S3Uri.parse(source), S3Uri.parse(target))


def test_a_first_run_has_no_state(bookmark_fixture):
    loaded = bookmark_fixture.store().load()
    assert (loaded.state, loaded.etag, loaded.digest, loaded.sequence) == (None, None, "", 0)


def test_commits_form_a_chain_and_leave_history(bookmark_fixture):
    one, two, three = (commit(bookmark_fixture, f"jr_{i}") for i in (1, 2, 3))
    assert [s.sequence for s in (one, two, three)] == [1, 2, 3]
    assert (two.state.previous_digest, three.state.previous_digest) == (one.digest, two.digest)
    assert bookmark_fixture.objects.keys("state") == [CURRENT.key, *(history(i).key for i in (1, 2, 3))]
    for sequence, loaded in enumerate((one, two, three), 1):
        assert digest(bookmark_fixture.objects.read(history(sequence)).body) == loaded.digest
    assert bookmark_fixture.store().load() == three


def test_everything_is_written_sse_kms_under_the_bookmark_key(bookmark_fixture, make_envelope):
    commit(bookmark_fixture, "jr_1")
    for key in bookmark_fixture.objects.keys("state"):
        seen = bookmark_fixture.objects.encryption(S3Uri("state", key))
        assert (seen.algorithm, seen.key) == ("aws:kms", str(make_envelope().key))


def test_current_is_written_before_history(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    puts = [uri for operation, uri in bookmark_fixture.objects.calls if operation == "PutObject"]
    assert puts == [str(CURRENT), str(history(1))]


def test_a_commit_first_records_a_state_that_a_crash_left_unrecorded(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    bookmark_fixture.objects.delete(history(1))
    bookmark_fixture.objects.calls.clear()
    commit(bookmark_fixture, "jr_2")
    puts = [uri for operation, uri in bookmark_fixture.objects.calls if operation == "PutObject"]
    assert puts == [str(history(1)), str(CURRENT), str(history(2))]


def test_a_history_entry_that_cannot_be_written_does_not_undo_the_commit(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()
    state = following(loaded, "jr_1")
    bookmark_fixture.objects.before_write = lambda uri: (
        bookmark_fixture.objects.fail_next("PutObject", service_error("SlowDown"))
        if uri == history(1)
        else None
    )
    assert not store.commit(loaded, state).in_history
    assert bookmark_fixture.store().load().sequence == 1
    bookmark_fixture.objects.fail_next("PutObject", service_error("AccessDenied"))
    loaded = bookmark_fixture.store().load()
    with pytest.raises(VerificationError, match="recording the loaded state"):
        bookmark_fixture.store().commit(loaded, following(loaded, "jr_2"))
    assert bookmark_fixture.store().load().sequence == 1, "the next commit insists on the history first"


def test_gs_bkm_001_a_tampered_object_is_not_a_first_run(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    body = bytearray(bookmark_fixture.objects.read(CURRENT).body)
    body[len(body) // 2] ^= 1
    bookmark_fixture.objects.put(CURRENT, bytes(body))
    assert refused(bookmark_fixture, "GS-BKM-001").resource == str(CURRENT)


def test_gs_bkm_001_an_authentic_message_without_a_state(bookmark_fixture, make_envelope):
    bookmark_fixture.objects.put(CURRENT, make_envelope().seal(b"{}", resource=""))
    assert "schema" in refused(bookmark_fixture, "GS-BKM-001").found


def test_gs_bkm_002_a_foreign_jobs_object_copied_here(bookmark_fixture):
    other = bookmark_fixture.store("other")
    other.commit(
        other.load(),
        BookmarkState.after(None, previous_digest="", job="other", run_id="jr_9", attempt=0, contexts={}),
    )
    bookmark_fixture.objects.copy(other.uri, CURRENT)
    assert "glue-secure:job='other'" in refused(bookmark_fixture, "GS-BKM-002").found


def test_gs_bkm_002_a_state_that_names_another_job(bookmark_fixture, make_envelope):
    state = BookmarkState.after(None, previous_digest="", job="other", run_id="r", attempt=0, contexts={})
    bookmark_fixture.objects.put(CURRENT, make_envelope().seal(state.to_bytes(), resource=""))
    assert refused(bookmark_fixture, "GS-BKM-002").found == "job 'other'"


def test_gs_bkm_003_a_deleted_object_is_not_a_first_run(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    bookmark_fixture.objects.delete(CURRENT)
    refusal = refused(bookmark_fixture, "GS-BKM-003")
    assert str(history(1)) in refusal.found
    follow(bookmark_fixture, refusal.fix)
    assert bookmark_fixture.store().load().sequence == 1


def test_gs_bkm_003_a_renamed_object(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    bookmark_fixture.objects.copy(CURRENT, S3Uri("state", f"{BASE}/current.bak"))
    bookmark_fixture.objects.delete(CURRENT)
    refused(bookmark_fixture, "GS-BKM-003")


def test_gs_bkm_003_deleted_during_the_run(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.delete(CURRENT)
    with pytest.raises(RefusedError) as caught:
        store.commit(loaded, following(loaded, "jr_2"))
    assert caught.value.control == "GS-BKM-003"
    follow(bookmark_fixture, caught.value.fix)
    assert bookmark_fixture.store().load().sequence == 1


def test_gs_bkm_004_an_older_state_restored(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    commit(bookmark_fixture, "jr_2")
    bookmark_fixture.objects.copy(history(1), CURRENT)
    refusal = refused(bookmark_fixture, "GS-BKM-004")
    assert "sequence 1 of run jr_1" in refusal.found
    assert "sequence 2" in refusal.required
    follow(bookmark_fixture, refusal.fix)
    assert bookmark_fixture.store().load().sequence == 2


def test_gs_bkm_004_a_replaced_predecessor(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    commit(bookmark_fixture, "jr_2")
    bookmark_fixture.objects.copy(CURRENT, history(1))
    refusal = refused(bookmark_fixture, "GS-BKM-004")
    assert refusal.resource == str(history(1))
    assert f"list-object-versions --bucket state --prefix {history(1).key}`" in refusal.fix


def test_gs_bkm_004_the_history_has_another_state_of_that_sequence(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.copy(history(1), history(2))
    with pytest.raises(RefusedError) as caught:
        store.commit(loaded, following(loaded, "jr_2"))
    assert caught.value.control == "GS-BKM-004"
    assert f"aws s3 cp {history(2)} {CURRENT} --sse" in caught.value.fix


def test_a_lifecycle_rule_may_remove_old_history(bookmark_fixture):
    for run in ("jr_1", "jr_2", "jr_3"):
        commit(bookmark_fixture, run)
    bookmark_fixture.objects.delete(history(1))
    bookmark_fixture.objects.delete(history(2))
    assert bookmark_fixture.store().load().sequence == 3


def test_loading_lists_only_the_end_of_the_history(bookmark_fixture):
    for i in range(5):
        commit(bookmark_fixture, f"jr_{i}")
    seen = []
    inner = bookmark_fixture.objects.list
    bookmark_fixture.objects.list = lambda prefix, *, start_after="": (
        seen.append(start_after) or inner(prefix, start_after=start_after)
    )
    bookmark_fixture.store().load()
    assert seen == [history(3).key]


def test_other_names_in_the_history_are_not_sequence_numbers(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    for name in ("zzz", "copy/000000000998"):
        bookmark_fixture.objects.put(S3Uri("state", f"{BASE}/history/{name}"))
    assert bookmark_fixture.store().load().sequence == 1


@pytest.mark.parametrize("before", [0, 1])
def test_a_commit_between_the_two_reads_of_a_load_is_not_a_rollback(bookmark_fixture, before):
    for i in range(before):
        commit(bookmark_fixture, f"jr_{i}")
    inner, done = bookmark_fixture.objects.list, []

    def list_after_another_commit(prefix, *, start_after=""):
        if not done:
            done.append(True)
            commit(bookmark_fixture, "jr_quick")
        return inner(prefix, start_after=start_after)

    bookmark_fixture.objects.list = list_after_another_commit
    assert bookmark_fixture.store().load().state.run_id == "jr_quick"


@pytest.mark.parametrize("before", [0, 1])
def test_gs_bkm_005_of_two_commits_one_succeeds_and_the_other_names_it(bookmark_fixture, before):
    for i in range(before):
        commit(bookmark_fixture, f"jr_{i}")
    slow, quick = bookmark_fixture.store(), bookmark_fixture.store()
    loaded, same = slow.load(), quick.load()
    winner = quick.commit(same, following(same, "jr_quick"))
    with pytest.raises(BookmarkConflictError) as caught:
        slow.commit(loaded, following(loaded, "jr_slow"))
    assert caught.value.control == "GS-BKM-005"
    assert caught.value.found == f"run jr_quick committed sequence {before + 1} first"
    assert bookmark_fixture.store().load().digest == winner.digest


def test_gs_bkm_005_the_race_is_decided_by_the_write(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()

    def quicker(uri):
        bookmark_fixture.objects.before_write = None
        commit(bookmark_fixture, "jr_quick")

    bookmark_fixture.objects.before_write = quicker
    with pytest.raises(BookmarkConflictError, match="jr_quick"):
        store.commit(loaded, following(loaded, "jr_slow"))


def test_gs_bkm_005_a_winner_that_cannot_be_read(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.put(CURRENT, b"junk")
    with pytest.raises(BookmarkConflictError, match="does not decrypt"):
        store.commit(loaded, following(loaded, "jr_1"))
    bookmark_fixture.objects.fail_next("GetObject", service_error("AccessDenied", "GetObject"))
    with pytest.raises(BookmarkConflictError, match="cannot be read"):
        store.commit(loaded, following(loaded, "jr_1"))


@pytest.mark.parametrize("code", ["", "PreconditionFailed", "InternalError"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_lost_response_of_a_successful_write_is_a_commit(bookmark_fixture, code, before):
    for i in range(before):
        commit(bookmark_fixture, f"jr_{i}")
    kind = PreconditionFailed if code == "PreconditionFailed" else ServiceError
    bookmark_fixture.objects.lose_next_response(kind("PutObject: lost", code=code, operation="PutObject"))
    committed = commit(bookmark_fixture, "jr_mine")
    assert committed.sequence == before + 1
    assert bookmark_fixture.store().load() == committed
    assert committed.in_history


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "409", "OperationAborted"])
def test_a_conflict_in_progress_is_retried(bookmark_fixture, code):
    bookmark_fixture.objects.fail_next(
        "PutObject", PreconditionFailed("409", code=code, operation="PutObject"), times=3
    )
    assert commit(bookmark_fixture, "jr_1").sequence == 1


def test_gs_bkm_006_a_conflict_that_does_not_end(bookmark_fixture):
    error = PreconditionFailed("409", code="ConditionalRequestConflict", operation="PutObject")
    bookmark_fixture.objects.fail_next("PutObject", error, times=4)
    with pytest.raises(VerificationError) as caught:
        commit(bookmark_fixture, "jr_1")
    assert (caught.value.control, caught.value.aws_code) == ("GS-BKM-006", "ConditionalRequestConflict")
    assert bookmark_fixture.objects.keys("state") == []


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2"])
def test_gs_bkm_006_access_denied_is_not_a_first_run(bookmark_fixture, operation):
    bookmark_fixture.objects.fail_next(operation, service_error("AccessDenied", operation))
    refusal = refused(bookmark_fixture, "GS-BKM-006", VerificationError)
    assert (refusal.aws_code, refusal.exit_code) == ("AccessDenied", 4)
    assert operation in refusal.found


def test_gs_bkm_006_a_missing_bucket_is_not_a_first_run(bookmark_fixture):
    bookmark_fixture.prefix = S3Uri("gone", "bookmarks")
    assert refused(bookmark_fixture, "GS-BKM-006", VerificationError).aws_code == "NoSuchBucket"
    bookmark_fixture.prefix = S3Uri("state", "bookmarks")
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects._buckets.pop("state")
    with pytest.raises(VerificationError) as caught:
        store.commit(loaded, following(loaded, "jr_1"))
    assert caught.value.control == "GS-BKM-006"


def test_gs_bkm_006_a_failed_write_reports_that_the_bookmark_did_not_move(bookmark_fixture):
    bookmark_fixture.objects.fail_next("PutObject", service_error("AccessDenied"))
    with pytest.raises(VerificationError, match="the bookmark did not move") as caught:
        commit(bookmark_fixture, "jr_1")
    assert (caught.value.control, caught.value.aws_code) == ("GS-BKM-006", "AccessDenied")


def test_gs_bkm_006_a_write_whose_outcome_cannot_be_read(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.lose_next_response()
    bookmark_fixture.objects.fail_next("GetObject", service_error("AccessDenied", "GetObject"))
    with pytest.raises(VerificationError, match="whether the write took effect"):
        store.commit(loaded, following(loaded, "jr_1"))


def test_gs_bkm_006_a_server_that_ignores_the_encryption_headers(bookmark_fixture):
    bookmark_fixture.objects.lose_next_response(service_error("EncryptionMismatch"))
    with pytest.raises(VerificationError) as caught:
        commit(bookmark_fixture, "jr_1")
    assert caught.value.aws_code == "EncryptionMismatch"


def test_a_state_that_does_not_follow_the_loaded_one_is_a_value_error(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    store = bookmark_fixture.store()
    loaded = store.load()
    with pytest.raises(ValueError, match="does not follow"):
        store.commit(loaded, loaded.state)


def test_each_job_account_and_region_has_its_own_location(bookmark_fixture):
    uris = {
        str(bookmark_fixture.store(j, account=a, region=r).uri)
        for j in ("a", "b")
        for a in ("1" * 12, "2" * 12)
        for r in ("x", "y")
    }
    assert len(uris) == 8


def test_a_lost_response_is_a_commit_even_if_another_run_committed_since(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.lose_next_response()
    inner = bookmark_fixture.objects.read

    def read_after_the_next_run(uri, **more):
        bookmark_fixture.objects.read = inner
        commit(bookmark_fixture, "jr_next")
        return inner(uri)

    bookmark_fixture.objects.read = read_after_the_next_run
    mine = store.commit(loaded, following(loaded, "jr_mine"))
    there = bookmark_fixture.store().load()
    assert (there.state.run_id, there.state.previous_digest) == ("jr_next", mine.digest)
    with pytest.raises(BookmarkConflictError):
        store.commit(mine, following(mine, "jr_mine"))


def test_gs_bkm_003_deleted_while_the_write_had_no_response(bookmark_fixture):
    commit(bookmark_fixture, "jr_1")
    store = bookmark_fixture.store()
    loaded = store.load()
    bookmark_fixture.objects.fail_next("PutObject", service_error("InternalError"))
    bookmark_fixture.objects.delete(CURRENT)
    with pytest.raises(RefusedError) as caught:
        store.commit(loaded, following(loaded, "jr_2"))
    assert caught.value.control == "GS-BKM-003"


def test_gs_bkm_006_a_history_entry_that_is_not_encrypted_as_requested(bookmark_fixture):
    store = bookmark_fixture.store()
    loaded = store.load()

    def lose_the_second(uri):
        if uri == history(1):
            bookmark_fixture.objects.lose_next_response(service_error("EncryptionMismatch"))

    bookmark_fixture.objects.before_write = lose_the_second
    with pytest.raises(VerificationError, match="recording the committed state"):
        store.commit(loaded, following(loaded, "jr_1"))


def test_of_concurrent_threads_exactly_one_commits(bookmark_fixture):
    from concurrent.futures import ThreadPoolExecutor

    stores = [bookmark_fixture.store() for _ in range(8)]
    loads = [store.load() for store in stores]

    def attempt(i):
        try:
            return stores[i].commit(loads[i], following(loads[i], f"jr_{i}")).state.run_id
        except BookmarkConflictError as conflict:
            return conflict

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(8)))
    winners = [result for result in results if isinstance(result, str)]
    assert len(winners) == 1
    assert all(f"run {winners[0]} " in str(r) for r in results if isinstance(r, BookmarkConflictError))


def test_the_history_goes_back_to_the_first_state(bookmark_fixture):
    for run in ("jr_1", "jr_2", "jr_2", "jr_3"):
        commit(bookmark_fixture, run)
    store = bookmark_fixture.store()
    entries = list(store.history(store.load()))
    assert [entry.sequence for entry in entries] == [4, 3, 2, 1]
    assert all(entry.in_history for entry in entries)
    found = store.states_of_runs(store.load(), ("jr_2", "jr_3", "jr_9"))
    assert {run: state.sequence for run, state in found.items()} == {"jr_2": 3, "jr_3": 4}


def test_a_job_without_bookmark_has_no_state_of_any_run(bookmark_fixture):
    store = bookmark_fixture.store()
    assert store.states_of_runs(store.load(), ("jr_1",)) == {}


def test_gs_bkm_004_a_history_with_a_missing_or_replaced_state(bookmark_fixture):
    for run in ("jr_1", "jr_2", "jr_3"):
        commit(bookmark_fixture, run)
    store = bookmark_fixture.store()
    first = bookmark_fixture.objects.read(history(1)).body
    bookmark_fixture.objects.delete(history(1))
    with pytest.raises(RefusedError, match="GS-BKM-004") as caught:
        store.states_of_runs(store.load(), ("jr_1",))
    assert caught.value.found == "no object"
    bookmark_fixture.objects.put(history(1), first[:-1] + b"\0")
    with pytest.raises(RefusedError, match="GS-BKM-004") as caught:
        store.states_of_runs(store.load(), ("jr_1",))
    assert caught.value.found == "another state"


LOADED = ("GS-BKM-001", "GS-BKM-002", "GS-BKM-003", "GS-BKM-004")


def controls(loaded) -> list[str]:
    assert {finding.verdict for finding in loaded.findings} <= {Verdict.PASS}
    return sorted(finding.control for finding in loaded.findings)


def test_a_first_run_passes_every_check_of_the_bookmark(bookmark_fixture):
    assert controls(bookmark_fixture.store().load()) == [*LOADED]


def test_a_committed_bookmark_passes_every_check_of_the_bookmark(bookmark_fixture):
    bookmark_fixture.land("a.csv")
    bookmark_fixture.run("jr_1")
    assert controls(bookmark_fixture.store().load()) == [*LOADED]


@pytest.mark.parametrize(
    ("name", "without", "lost"),
    [
        ("check_first_run", lambda *_, **__: (), LOADED),
        ("check_newest", lambda *_, **__: (), LOADED[2:]),
    ],
)
def test_without_its_check_a_control_does_not_pass(bookmark_fixture, monkeypatch, name, without, lost):
    if name == "check_newest":
        bookmark_fixture.land("a.csv")
        bookmark_fixture.run("jr_1")
    monkeypatch.setattr(f"glue_secure.bookmarks.store.{name}", without)
    assert not set(lost) & set(controls(bookmark_fixture.store().load()))


def test_an_object_that_is_too_large_is_not_read_whole(bookmark_fixture, monkeypatch):
    store = bookmark_fixture.store()
    commit(bookmark_fixture, "jr_1")
    body = b"x" * (9 * 1024 * 1024)
    bookmark_fixture.objects.put(store.uri, body)
    sizes = []
    read = bookmark_fixture.objects.read

    def recorded(uri, **more):
        found = read(uri, **more)
        sizes.append(len(found.body))
        return found

    monkeypatch.setattr(bookmark_fixture.objects, "read", recorded)
    with pytest.raises(RefusedError, match="more than the 8388608 bytes"):
        store.load()
    assert max(sizes) == 8 * 1024 * 1024 + 1
    # A repair keeps all of it.
    repaired = apply_repair(store, plan_repair(store, bookmark_fixture.objects), run_id="c", by="arn:x")
    assert repaired.sequence == 2
    (moved,) = [key for key in bookmark_fixture.objects.keys("state") if "/damaged/" in key]
    assert read(S3Uri("state", moved)).body == body
