"""Start, find and stop an embedded account.

Every change happens under a lock on the state folder, so that concurrent callers get the same account.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import glue_secure
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import artifacts, endpoint, folders, warm_session
from glue_secure.embedded.account import FILE_NAME, EmbeddedAccount
from glue_secure.embedded.artifacts import Progress
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.java import java_home, launchable_java_home
from glue_secure.embedded.postgres import create_home, last_lines, served_certificate
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.embedded.supervisor import POSTGRES_LOG, SUPERVISOR_LOG, LaunchSpec

STARTUP_SECONDS = 90.0
SHUTDOWN_SECONDS = 30.0
ANSWER_SECONDS = 60.0
"""How long a running account may be too busy to answer, for instance while it receives a large object."""
_LIFELINE_SECONDS = 10.0

_Started = tuple[EmbeddedAccount, int]


def up(
    state: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    seconds: float = STARTUP_SECONDS,
) -> EmbeddedAccount:
    """Start an account that outlives this process, or return the running account.

    Args:
        state: the account's folder; default: see ``folders.state_folder``.
        progress: called with messages about the progress.
        seconds: time limit of the start, not counting the download of JARs.

    Raises:
        UsageError: the folder, the machine or ``JAVA_HOME`` cannot be used.
        GlueSecureError: the account did not start. The message contains the last lines of its logs. No
            process is left running. Or an account runs already, and does not answer.
    """
    folder = folders.create(folders.state_folder(state))
    for _attempt in _until_answered(folder):
        with folders.locked(folder):
            running = _living(folder)
            if running is None:
                account, lifeline = _start(folder, False, progress, seconds)
                _detach(lifeline)
                os.close(lifeline)
                return account
            if _answers(running):
                return running
    raise _no_answer(folder)


def status(
    state: str | os.PathLike[str] | None = None, *, seconds: float = ANSWER_SECONDS
) -> EmbeddedAccount | None:
    """Return the account that runs in a state folder, or None. Remove the rests of a killed account.

    A running account is never removed, whatever its state.

    Args:
        state: the account's folder; default: see ``folders.state_folder``.
        seconds: how long to wait for an account that is too busy to answer.

    Raises:
        GlueSecureError: the account runs, and does not answer.
    """
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return None
    for _attempt in _until_answered(folder, seconds):
        with folders.locked(folder):
            running = _living(folder)
            if running is None or _answers(running):
                return running
    raise _no_answer(folder)


def down(state: str | os.PathLike[str] | None = None) -> bool:
    """Stop the account and empty its state folder. Return whether an account was running."""
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return False
    with folders.locked(folder):
        return _remove(folder)


@contextmanager
def embedded_account(
    state: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    seconds: float = STARTUP_SECONDS,
    keep: bool = False,
) -> Iterator[EmbeddedAccount]:
    """Run an account during the block. It also ends if this process ends for any reason.

    Args:
        state: the account's folder; default: a new temporary folder, which is removed at the end.
        progress: called with messages about the progress.
        seconds: time limit of the start, not counting the download of JARs.
        keep: let the account outlive a block that ends without an exception, as after ``up``. The default
            folder is then that of ``up``.

    Raises:
        UsageError: an account already runs in this folder, or as for ``up``.
        GlueSecureError: the account did not start, as for ``up``.
    """
    temporary = state is None and not keep
    folder = Path(tempfile.mkdtemp(prefix="glue-secure-")) if temporary else folders.state_folder(state)
    folders.create(folder)
    try:
        with folders.locked(folder):
            if _living(folder) is not None:
                raise UsageError(
                    f"an embedded account already runs in {folder}",
                    found="an account that another process started",
                    required="a folder without a running account",
                    fix=f"glue-secure local down --state {shlex.quote(str(folder))}",
                )
            account, lifeline = _start(folder, temporary, progress, seconds)
        ends = True
        try:
            yield account
            ends = not keep
        finally:
            if ends:
                with suppress(FileNotFoundError), folders.locked(folder):
                    # Another process may have stopped this account and started a new one in the folder.
                    spec = LaunchSpec.load(folder)
                    if spec is not None and spec.supervisor == account.supervisor:
                        _remove(folder)
            else:
                _detach(lifeline)
            os.close(lifeline)
    finally:
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)


def _detach(lifeline: int) -> None:
    """Let the account outlive this process."""
    with suppress(BrokenPipeError):  # the account was stopped meanwhile
        os.write(lifeline, b"1")


def _living(folder: Path) -> EmbeddedAccount | None:
    """Return the account whose process runs, or None. Remove the rests of an account that has ended.

    The caller has locked the folder.

    Raises:
        GlueSecureError: an account runs, and its description cannot be read.
    """
    spec = LaunchSpec.load(folder)
    if spec is None or spec.supervisor is None or not spec.supervisor.alive:
        if spec is None:
            # The description of a living account has the identity of its process, too.
            with suppress(UsageError):
                account = EmbeddedAccount.load(folder)
                if account.supervisor.alive:
                    return account
        if (folder / folders.MARKER).exists():
            _remove(folder)
        return None
    if not (folder / FILE_NAME).exists() and spec.supervisor.wait(_LIFELINE_SECONDS):
        # The starting process was killed, because this process has the lock. The account then ends by itself.
        _remove(folder)
        return None
    try:
        return EmbeddedAccount.load(folder)
    except UsageError as error:
        raise GlueSecureError(
            f"an embedded account runs in {folder} (process {spec.supervisor.pid}), and its file {FILE_NAME} "
            f"is missing or damaged\n  fix:      glue-secure local down --state {shlex.quote(str(folder))}, "
            "which deletes the account's data"
        ) from error


def _answers(account: EmbeddedAccount) -> bool:
    if not endpoint.responds(account.endpoint_url, account.ca_pem):
        return False
    try:
        served_certificate(account.postgres.host, account.postgres.port)
    except OSError:
        return False
    return True


def _until_answered(folder: Path, seconds: float = ANSWER_SECONDS) -> Iterator[None]:
    """Yield once per attempt, until the time is over. Between attempts the folder is not locked."""
    until = time.monotonic() + seconds
    yield
    while folder.is_dir() and time.monotonic() < until:
        time.sleep(0.2)
        yield


def _no_answer(folder: Path) -> GlueSecureError:
    return GlueSecureError(
        f"the embedded account in {folder} runs and does not answer\n"
        "  fix:      wait until its present work has ended; to give it up with all its data: "
        f"glue-secure local down --state {shlex.quote(str(folder))}"
    )


def _remove(folder: Path) -> bool:
    """End the account's processes and empty the folder. Return whether the account was running.

    The caller has locked the folder.
    """
    warm_session.end(folder)
    spec = LaunchSpec.load(folder)
    supervisor = spec.supervisor if spec is not None else None
    database: ProcessIdentity | None = None
    home = spec.postgres_home if spec is not None else None
    with suppress(UsageError):
        account = EmbeddedAccount.load(folder)
        supervisor, home = supervisor or account.supervisor, home or account.postgres.home
        database = account.postgres.process
    was_running = supervisor is not None and supervisor.alive
    if supervisor is not None:
        supervisor.end(SHUTDOWN_SECONDS)
    # The database ends with its supervisor, after it has ended its sessions.
    if database is not None and not database.wait(5.0):
        database.end(5.0)
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)
    folders.clear(folder)
    return was_running


def _start(folder: Path, remove_folder: bool, progress: Progress | None, seconds: float) -> _Started:
    report = progress or artifacts.no_progress
    folders.initialise(folder)
    spark = installed_spark()
    home = java_home(spark)
    jars = artifacts.fetch((artifacts.postgres_jar(), *spark.jars), home, progress=progress)
    home = launchable_java_home(home, spark, folder / "java")
    spec = LaunchSpec(create_home(folder), jars[0], jars[1:], home, remove_folder)
    report("starting the embedded account")
    try:
        return _spawn_supervisor(folder, spec, seconds)
    except BaseException:
        _remove(folder)
        raise


def _spawn_supervisor(folder: Path, spec: LaunchSpec, seconds: float) -> _Started:
    spec.dump(folder)
    reading, lifeline = os.pipe()
    try:
        with (folder / SUPERVISOR_LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "glue_secure.embedded.supervisor", str(folder), str(reading)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=supervisor_environment(os.environ),
                cwd=folder,
                pass_fds=(reading,),
                start_new_session=True,
            )
        supervisor = ProcessIdentity.of(process.pid)
        # From here on the process is tracked by its identity. This avoids Popen's warning that the process
        # still runs.
        process.returncode = 0
        replace(spec, supervisor=supervisor).dump(folder)
        _wait_until_ready(folder, supervisor, seconds)
        return EmbeddedAccount.load(folder), lifeline
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(reading)


def _wait_until_ready(folder: Path, supervisor: ProcessIdentity, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not (folder / FILE_NAME).exists():
        ended = supervisor.wait(0.05)
        if not ended and time.monotonic() < until:
            continue
        if (folder / FILE_NAME).exists() and not ended:
            return
        reason = "it ended" if ended else f"it was not ready after {seconds:.0f} s"
        logs = "\n".join(
            f"  {name}:\n{last_lines(folder / name)}"
            for name in (SUPERVISOR_LOG, POSTGRES_LOG)
            if last_lines(folder / name)
        )
        raise GlueSecureError(f"the embedded account did not start: {reason}\n{logs}")


def supervisor_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the supervisor's environment: without settings of AWS, moto, PostgreSQL and Python warnings."""
    excluded = ("AWS_", "MOTO_", "PG")
    inherited = {
        name: value
        for name, value in environment.items()
        if not name.startswith(excluded) and name not in ("PYTHONWARNINGS", "PYTHONDEVMODE")
    }
    # This process may have found the package by a sys.path entry that a new process does not inherit.
    package_parent = str(Path(glue_secure.__path__[0]).parent)
    inherited["PYTHONPATH"] = os.pathsep.join(
        filter(None, (package_parent, environment.get("PYTHONPATH", "")))
    )
    return inherited
