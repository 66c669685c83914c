import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import glue_secure
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import artifacts, endpoint, lifecycle, pki, supervisor
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients
from glue_secure.embedded.lifecycle import down, embedded_account, status, up
from glue_secure.embedded.processes import ProcessIdentity

ROOT = str(Path(glue_secure.__path__[0]).parent)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a state"
    yield folder
    down(folder)


def everything_ended(account: EmbeddedAccount) -> bool:
    return account.supervisor.wait(20) and account.postgres.process.wait(20)


def processes_naming(text: str) -> list[str]:
    commands = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in command:
                commands.append(command)
    return commands


def test_up_twice_returns_one_account_and_down_removes_every_file(state: Path) -> None:
    first = up(state)
    assert up(state) == first
    assert status(state) == first
    assert clients(first)("s3").list_buckets()["Buckets"] == []
    assert down(state)
    assert everything_ended(first)
    assert list(state.iterdir()) == []
    assert not first.postgres.home.exists()
    assert not down(state)
    assert status(state) is None


def test_two_concurrent_callers_get_the_same_account(state: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: up(state), range(2))
    assert first == second
    assert len(processes_naming(str(state))) == 1


def test_the_database_ends_with_a_killed_supervisor_and_its_files_are_removed(state: Path) -> None:
    first = up(state)
    os.kill(first.supervisor.pid, signal.SIGKILL)
    assert everything_ended(first)
    assert status(state) is None
    assert not first.postgres.home.exists()
    second = up(state)
    assert second != first
    assert endpoint.responds(second.endpoint_url, second.ca_pem)


def test_the_account_ends_with_its_database(state: Path) -> None:
    first = up(state)
    os.kill(first.postgres.process.pid, signal.SIGKILL)
    assert everything_ended(first)
    assert status(state) is None


OWNER = """
import sys, time
from glue_secure.embedded.lifecycle import embedded_account
with embedded_account(sys.argv[1] or None) as account:
    account.dump()
    print(account.state, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("temporary", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_killed_owner_leaves_no_process_and_no_files(tmp_path: Path, temporary: bool) -> None:
    state = "" if temporary else str(tmp_path / "owned state")
    environment = {**os.environ, "PYTHONPATH": ROOT, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, state], stdout=subprocess.PIPE, text=True, env=environment
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        account = EmbeddedAccount.load(folder)
        owner.kill()
    assert everything_ended(account)
    assert not account.postgres.home.exists()
    assert not folder.exists() if temporary else list(folder.iterdir()) == []


def test_no_process_is_left_if_the_caller_is_killed_before_the_account_is_ready(state: Path) -> None:
    code = "import sys; from glue_secure.embedded.lifecycle import up; up(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(state)], env={**os.environ, "PYTHONPATH": ROOT}
    ) as caller:
        while not processes_naming(f"glue_secure.embedded.supervisor {state}"):
            assert caller.poll() is None
            time.sleep(0.01)
        caller.kill()
    until = time.monotonic() + 30
    while processes_naming(str(state)):
        assert time.monotonic() < until, processes_naming(str(state))
        time.sleep(0.1)
    assert status(state) is None


def test_an_owned_account_ends_with_its_block_and_cannot_be_owned_twice(state: Path) -> None:
    with embedded_account(state) as account:
        with pytest.raises(UsageError, match="already runs in"), embedded_account(state):
            pass
        assert status(state) == account
    assert everything_ended(account)
    assert list(state.iterdir()) == []


@pytest.mark.long
def test_an_account_outlives_its_block_on_request_unless_the_block_raises(state: Path) -> None:
    with pytest.raises(ZeroDivisionError), embedded_account(state, keep=True) as first:
        raise ZeroDivisionError
    assert everything_ended(first)
    with embedded_account(state, keep=True) as second:
        pass
    assert status(state) == second
    assert down(state)
    assert everything_ended(second)


def test_a_failed_start_leaves_no_files_and_its_error_contains_the_log(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = artifacts.fetch

    def fetch_wrong_jar(*arguments: object, **options: object) -> tuple[Path, ...]:
        jars = fetch(*arguments, **options)  # type: ignore[arg-type]
        return (jars[-1], *jars[1:])  # another JAR instead of PostgreSQL's

    monkeypatch.setattr(artifacts, "fetch", fetch_wrong_jar)
    with pytest.raises(GlueSecureError, match=r"(?s)did not start: it ended.*supervisor.log:.*StopIteration"):
        up(state)
    assert processes_naming(str(state)) == []
    assert list(state.iterdir()) == []


def test_a_start_is_ended_after_its_time_limit(state: Path) -> None:
    with pytest.raises(GlueSecureError, match="not ready after 0 s"):
        up(state, seconds=0.01)
    assert processes_naming(str(state)) == []


@pytest.mark.long
def test_another_process_with_the_supervisor_s_id_is_not_taken_for_the_account(state: Path) -> None:
    first = up(state)
    os.kill(first.supervisor.pid, signal.SIGKILL)
    assert everything_ended(first)
    spec = supervisor.LaunchSpec.load(state)
    assert spec is not None
    myself = ProcessIdentity.of(os.getpid())
    lifecycle.replace(spec, supervisor=ProcessIdentity(myself.pid, myself.started + 1)).dump(state)
    assert status(state) is None


def test_a_busy_account_is_waited_for_and_only_down_removes_it(state: Path) -> None:
    account = up(state)
    clients(account)("s3").create_bucket(Bucket="still-here")
    os.kill(account.supervisor.pid, signal.SIGSTOP)
    try:
        with pytest.raises(GlueSecureError, match=r"runs and does not answer(.|\n)*local down --state"):
            status(state, seconds=0)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(up, state)
            time.sleep(0.5)
            os.kill(account.supervisor.pid, signal.SIGCONT)
            assert waiting.result() == account
    finally:
        os.kill(account.supervisor.pid, signal.SIGCONT)
    assert [bucket["Name"] for bucket in clients(account)("s3").list_buckets()["Buckets"]] == ["still-here"]


@pytest.mark.parametrize("name", ["account.json", pytest.param("launch.json", marks=pytest.mark.long)])
def test_a_damaged_file_does_not_end_a_running_account(state: Path, name: str) -> None:
    account = up(state)
    (state / name).write_text("{")
    try:
        assert status(state) == account
    except GlueSecureError as error:
        assert f"local down --state '{state}'" in str(error)
    assert account.supervisor.alive
    assert down(state)
    assert everything_ended(account)
    assert list(state.iterdir()) == []


def test_a_client_that_sends_nothing_does_not_block_the_endpoint(glue_account: EmbeddedAccount) -> None:
    port = int(glue_account.endpoint_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert endpoint.responds(glue_account.endpoint_url, glue_account.ca_pem)


def test_the_endpoint_is_verified_under_its_own_authority(
    glue_account: EmbeddedAccount, tmp_path: Path
) -> None:
    other_authorities = tmp_path / "other.pem"
    roots = (root.public_bytes(Encoding.PEM) for root in pki.system_roots())
    other_authorities.write_bytes(b"".join(roots))
    assert not endpoint.responds(glue_account.endpoint_url, other_authorities)
