"""Which Spark session a test process gets: the running one only if nothing has changed since it started."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from glue_secure.embedded import warm_session
from glue_secure.embedded.processes import ProcessIdentity


class Account:
    def __init__(self, state):
        self.state = state


@pytest.fixture
def account(tmp_path, monkeypatch):
    """An account whose sessions are processes that sleep."""
    processes = []

    def start(folder, wanted):
        processes.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        identity = ProcessIdentity.of(processes[-1].pid)
        session = warm_session.WarmSession(1, "hunter2", "", "", wanted, identity)
        (folder / "session.json").write_text(json.dumps(dataclasses.asdict(session)))
        return session

    monkeypatch.setattr(warm_session, "_start", start)
    yield Account(tmp_path)
    warm_session.end(tmp_path)
    for process in processes:
        process.kill()
        process.wait()


def use(account, *, unchanged=True):
    """Return the process of the session that a test process gets."""
    with warm_session.reserved(account) as session:
        if unchanged:
            warm_session.mark_unchanged(account)
        return session.process.pid


def test_an_unchanged_session_is_used_again(account):
    assert use(account) == use(account)


def test_a_session_that_was_not_returned_unchanged_is_replaced_and_ended(account):
    pid = use(account, unchanged=False)
    identity = ProcessIdentity.of(pid)
    assert use(account) != pid
    assert not identity.alive


@pytest.mark.parametrize("change", ["variable", "working directory", "file of glue-secure"])
def test_a_session_is_replaced_when_what_it_was_started_with_changes(account, monkeypatch, tmp_path, change):
    pid = use(account)
    if change == "variable":
        monkeypatch.setenv("MY_SETTING", "2")
    elif change == "working directory":
        monkeypatch.chdir(tmp_path)
    else:
        package = tmp_path / "package"
        package.mkdir()
        (package / "changed.py").touch()
        monkeypatch.setattr(warm_session.glue_secure, "__path__", [str(package)])
    assert use(account) != pid


def test_variables_of_a_terminal_do_not_matter(account, monkeypatch):
    pid = use(account)
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "x")
    assert use(account) == pid


def test_a_second_test_process_at_the_same_time_gets_no_running_session(account):
    with warm_session.reserved(account) as first:
        assert first is not None
        with warm_session.reserved(account) as second:
            assert second is None


def test_an_ended_session_leaves_no_process(account):
    identity = ProcessIdentity.of(use(account))
    warm_session.end(account.state)
    assert not identity.alive
    assert warm_session.load(account.state / warm_session.FOLDER) is None


def test_the_secret_is_not_in_the_repr_and_the_fingerprint_shows_no_variable(account, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    with warm_session.reserved(account) as session:
        assert "hunter2" not in repr(session)
    assert "hunter2" not in warm_session.fingerprint(os.environ)
