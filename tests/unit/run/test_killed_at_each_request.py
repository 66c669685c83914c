"""A run that is killed, or gets an error, at any of its requests loses no data and does not skip any.

The run is real; S3 and the engine are in memory. Each case is one request of an undisturbed run, before and
after the request takes effect. A kill is a SIGKILL of a forked process, which saves the content of S3 before.
"""

from __future__ import annotations

import os
import pickle
import signal
import traceback
import warnings
from functools import partial

import pytest

from glue_secure.core.errors import BookmarkConflictError, GlueSecureError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError

SOURCE, TARGET = "s3://landing/flights/", "s3://curated/flights/"
LANDED = ("a.csv", "b.csv", "c.csv")
# More than any run here makes; a run that makes more fails the test that counts them.
MOST = 60


def job(run_fixture, run):
    """Read what is new, write it, commit; returns what was read."""
    running = run_fixture.start(run)
    found = running.reader.read_s3(SOURCE, format="csv", transformation_ctx="flights")
    if found:
        running.writer.write_s3(found, TARGET, format="parquet", mode="append")
    running.commit()
    return found


class Requests:
    """Counts a store's requests, and does something at one of them.

    Args:
        store: the fake store; its requests, and what the engine puts past them, are counted.
        at: number of the request, the first is 1.
        before: called before that request takes effect.
        after: called after.
    """

    def __init__(self, store, at=0, before=lambda: None, after=lambda: None):
        self.count = 0
        self._store = store
        for name in ("list", "encryption", "read", "write", "put"):
            setattr(store, name, self._watched(getattr(store, name), at, before, after))
        self._inside = False

    def _watched(self, real, at, before, after):
        def call(*arguments, **more):
            if self._inside:  # a put inside a write is one request
                return real(*arguments, **more)
            self.count += 1
            mine = self.count == at
            if mine:
                before()
            self._inside = True
            try:
                result = real(*arguments, **more)
                return iter(list(result)) if real.__name__ == "list" else result
            finally:
                self._inside = False
                if mine:
                    after()

        return call

    def stop(self):
        """Watch no longer."""
        for name in ("list", "encryption", "read", "write", "put"):
            delattr(self._store, name)


def killed(run_fixture, run, at, moment):
    """Run the job in a process of its own that dies at that request; returns whether it got so far."""
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: of forks beside threads
        child = os.fork()
    if child == 0:

        def die():
            with os.fdopen(sender, "wb") as pipe:
                pickle.dump((run_fixture.objects._buckets, run_fixture.clock.now()), pipe)
            os.kill(os.getpid(), signal.SIGKILL)

        try:
            Requests(run_fixture.objects, at, **{moment: die})
            job(run_fixture, run)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        left = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert (left, os.waitstatus_to_exitcode(status)) == (b"", 0), "the run failed by itself"
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    run_fixture.objects._buckets, now = pickle.loads(left)
    run_fixture.clock._now = now
    return True


def require_nothing_ahead(run_fixture):
    """Assert that everything the bookmark marks as read is in the target, encrypted under the run's key."""
    state = run_fixture.start("jr_8", job_bookmark_option="job-bookmark-pause")
    waiting = state.reader.read_s3(SOURCE, format="csv", transformation_ctx="flights")
    state.close()
    for name in set(LANDED) - set(waiting):
        seen = run_fixture.objects.encryption(_target(name))
        assert (seen.algorithm, seen.key) == ("aws:kms", str(run_fixture.key)), name


def require_sound_afterwards(run_fixture):
    """The next run ends well, everything is in the target, and the run after it finds nothing."""
    job(run_fixture, "jr_2")
    assert set(run_fixture.objects.keys("curated")) >= {_target(name).key for name in LANDED}
    assert job(run_fixture, "jr_3") == []
    assert run_fixture.evidence("jr_3")["outcome"] == "succeeded"


def _target(name):
    return S3Uri.parse(f"{TARGET}{name}.parquet")


@pytest.fixture
def landed(run_fixture):
    for name in LANDED:
        run_fixture.land(name)
    return run_fixture


def test_the_check_for_lost_data_detects_a_deleted_object(landed):
    job(landed, "jr_1")
    require_nothing_ahead(landed)
    landed.objects.delete(_target("b.csv"))
    with pytest.raises(ServiceError):
        require_nothing_ahead(landed)
    landed.objects.put(_target("b.csv"), algorithm="AES256")
    with pytest.raises(AssertionError, match=r"b\.csv"):
        require_nothing_ahead(landed)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_killed_at_any_request_loses_nothing(landed, moment):
    start = pickle.dumps((landed.objects._buckets, landed.clock.now()))
    outcomes = []
    for at in range(1, MOST):
        landed.objects._buckets, landed.clock._now = pickle.loads(start)
        if not killed(landed, "jr_1", at, moment):
            break
        outcomes.append(len(landed.objects.keys("state")))
        require_nothing_ahead(landed)
        require_sound_afterwards(landed)
    else:
        pytest.fail("the run makes more requests than are tried")
    assert len(outcomes) >= 12
    # Killed before the commit, between its two objects, and after it: all three were among them.
    assert set(outcomes) == {0, 1, 2}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "", "AccessDenied"])
def test_a_run_answered_with_an_error_at_any_request_loses_nothing(landed, code, moment):
    """``after`` is the answer that was lost on its way back: the request took effect."""

    def fail():
        raise ServiceError(f"S3: {code or 'no answer'}", code=code, operation="any")

    start = pickle.dumps((landed.objects._buckets, landed.clock.now()))
    failed = 0
    for at in range(1, MOST):
        landed.objects._buckets, landed.clock._now = pickle.loads(start)
        requests = Requests(landed.objects, at, **{moment: fail})
        try:
            job(landed, "jr_1")
        except (GlueSecureError, ServiceError):
            failed += 1
        finally:
            requests.stop()
        if requests.count < at:
            break
        require_nothing_ahead(landed)
        require_sound_afterwards(landed)
    else:
        pytest.fail("the run makes more requests than are tried")
    # Lost answers of conditional writes are cleared up, and a history entry may be missing for a while.
    assert failed >= 12


def test_of_two_concurrent_runs_one_commits_and_the_other_names_it(landed):
    start = pickle.dumps((landed.objects._buckets, landed.clock.now()))
    lost = 0
    for at in range(1, MOST):
        landed.objects._buckets, landed.clock._now = pickle.loads(start)
        other = []
        requests = Requests(landed.objects, at, before=partial(_note, other, landed))
        first = _outcome(landed, "jr_1")
        requests.stop()
        if requests.count < at:
            break
        moved = [each for each in (first, *other) if each == "committed"]
        if isinstance(first, BookmarkConflictError):
            lost += 1
            assert (first.control, other) == ("GS-BKM-005", ["committed"])
            assert "jr_5" in str(first)
        else:
            assert moved == ["committed"], (at, first, other)
        require_nothing_ahead(landed)
        require_sound_afterwards(landed)
    else:
        pytest.fail("the run makes more requests than are tried")
    assert lost >= 10


def _note(outcomes, run_fixture):
    outcomes.append(_outcome(run_fixture, "jr_5"))


def _outcome(run_fixture, run):
    """``committed``, ``nothing new``, or the conflict that stopped it."""
    try:
        return "committed" if job(run_fixture, run) else "nothing new"
    except BookmarkConflictError as conflict:
        return conflict
