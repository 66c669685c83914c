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

import glue_secure
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import artifacts, endpoint, lifecycle, supervisor
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
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in words:
                found.append(words)
    return found


def test_up_twice_is_one_account_and_down_leaves_nothing(state: Path) -> None:
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


def test_two_at_once_get_the_same_account(state: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: up(state), range(2))
    assert one == other
    assert len(processes_naming(str(state))) == 1


def test_a_killed_supervisor_takes_its_database_along_and_is_cleaned_up_after(state: Path) -> None:
    first = up(state)
    os.kill(first.supervisor.pid, signal.SIGKILL)
    assert everything_ended(first)
    assert status(state) is None
    assert not first.postgres.home.exists()
    second = up(state)
    assert second != first
    assert endpoint.responds(second.endpoint_url, second.ca_pem)


def test_a_dead_database_ends_the_account(state: Path) -> None:
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


@pytest.mark.parametrize("own_folder", [True, False])
def test_a_killed_owner_leaves_no_process_and_no_files(tmp_path: Path, own_folder: bool) -> None:
    named = str(tmp_path / "owned state") if own_folder else ""
    environment = {**os.environ, "PYTHONPATH": ROOT, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, named], stdout=subprocess.PIPE, text=True, env=environment
    ) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        account = EmbeddedAccount.load(folder)
        owner.kill()
    assert everything_ended(account)
    assert not account.postgres.home.exists()
    assert list(folder.iterdir()) == [] if own_folder else not folder.exists()


def test_a_starter_killed_before_the_account_was_ready_leaves_no_process(state: Path) -> None:
    code = "import sys; from glue_secure.embedded.lifecycle import up; up(sys.argv[1])"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(state)], env={**os.environ, "PYTHONPATH": ROOT}
    ) as starter:
        while not processes_naming(f"glue_secure.embedded.supervisor {state}"):
            assert starter.poll() is None
            time.sleep(0.01)
        starter.kill()
    until = time.monotonic() + 30
    while processes_naming(str(state)):
        assert time.monotonic() < until, processes_naming(str(state))
        time.sleep(0.1)
    assert status(state) is None


def test_an_owned_account_ends_with_its_block_and_is_nobody_else_s(state: Path) -> None:
    with embedded_account(state) as account:
        with pytest.raises(UsageError, match=r"runs in .* already"), embedded_account(state):
            pass
        assert status(state) == account
    assert everything_ended(account)
    assert list(state.iterdir()) == []


def test_a_failed_start_leaves_nothing_and_tells_the_log(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = artifacts.fetch

    def damaged(*arguments: object, **options: object) -> tuple[Path, ...]:
        jars = fetched(*arguments, **options)  # type: ignore[arg-type]
        return (jars[-1], *jars[1:])  # another jar in the place of PostgreSQL's

    monkeypatch.setattr(artifacts, "fetch", damaged)
    with pytest.raises(GlueSecureError, match=r"(?s)did not start: it ended.*supervisor.log:.*StopIteration"):
        up(state)
    assert processes_naming(str(state)) == []
    assert list(state.iterdir()) == []


def test_a_start_that_takes_too_long_is_ended(state: Path) -> None:
    with pytest.raises(GlueSecureError, match="not ready after 0 s"):
        up(state, seconds=0.01)
    assert processes_naming(str(state)) == []


def test_a_number_that_another_process_has_now_is_not_taken_for_the_account(state: Path) -> None:
    first = up(state)
    os.kill(first.supervisor.pid, signal.SIGKILL)
    assert everything_ended(first)
    spec = supervisor.LaunchSpec.load(state)
    assert spec is not None
    myself = ProcessIdentity.of(os.getpid())
    lifecycle.replace(spec, supervisor=ProcessIdentity(myself.pid, myself.started + 1)).dump(state)
    assert status(state) is None


def test_a_client_that_says_nothing_does_not_stop_the_endpoint(state: Path) -> None:
    account = up(state)
    port = int(account.endpoint_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        assert endpoint.responds(account.endpoint_url, account.ca_pem)


def test_the_endpoint_is_verified_under_its_own_authority(state: Path, tmp_path: Path) -> None:
    account = up(state)
    stranger = tmp_path / "stranger.pem"
    from glue_secure.embedded import pki

    pki.write_bundle(stranger, pki.system_roots())
    assert not endpoint.responds(account.endpoint_url, stranger)
