"""Start, find and stop an embedded account.

Every change happens under a lock on the state folder, so that concurrent callers get the same account.
"""

from __future__ import annotations

import os
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
from glue_secure.embedded import artifacts, endpoint, folders
from glue_secure.embedded.account import FILE_NAME, EmbeddedAccount
from glue_secure.embedded.artifacts import Progress
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.java import java_home, launchable_java_home
from glue_secure.embedded.postgres import create_home, last_lines, served_certificate
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.embedded.supervisor import POSTGRES_LOG, SUPERVISOR_LOG, LaunchSpec

STARTUP_SECONDS = 90.0
SHUTDOWN_SECONDS = 30.0

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
            process is left running.
    """
    folder = _created(folders.state_folder(state))
    with folders.locked(folder):
        running = _running(folder)
        if running is not None:
            return running
        account, lifeline = _start(folder, False, progress, seconds)
        os.write(lifeline, b"1")
        os.close(lifeline)
        return account


def status(state: str | os.PathLike[str] | None = None) -> EmbeddedAccount | None:
    """Return the account that runs in a state folder, or None. Remove the rests of a killed account."""
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return None
    with folders.locked(folder):
        return _running(folder)


def down(state: str | os.PathLike[str] | None = None) -> bool:
    """Stop the account and empty its state folder. Return whether an account was running."""
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return False
    with folders.locked(folder):
        was_running = _running(folder) is not None
        _remove(folder)
        return was_running


@contextmanager
def embedded_account(
    state: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    seconds: float = STARTUP_SECONDS,
) -> Iterator[EmbeddedAccount]:
    """Run an account during the block. It also ends if this process ends for any reason.

    Args:
        state: the account's folder; default: a new temporary folder, which is removed at the end.
        progress: called with messages about the progress.
        seconds: time limit of the start, not counting the download of JARs.

    Raises:
        UsageError: an account already runs in this folder, or as for ``up``.
        GlueSecureError: as for ``up``.
    """
    temporary = state is None
    folder = Path(tempfile.mkdtemp(prefix="glue-secure-")) if state is None else folders.state_folder(state)
    _created(folder)
    try:
        with folders.locked(folder):
            if _running(folder) is not None:
                raise UsageError(
                    f"an embedded account already runs in {folder}",
                    found="an account that another process started",
                    required="a separate folder for an account that ends with this block",
                    fix=f"glue-secure local down --state {folder}",
                )
            account, lifeline = _start(folder, temporary, progress, seconds)
        try:
            yield account
        finally:
            with suppress(FileNotFoundError), folders.locked(folder):
                # Another process may have stopped this account and started a new one in the folder.
                spec = LaunchSpec.load(folder)
                if spec is not None and spec.supervisor == account.supervisor:
                    _remove(folder)
            os.close(lifeline)
    finally:
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)


def _created(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _running(folder: Path) -> EmbeddedAccount | None:
    """Return the account that runs and responds. Remove an account that does not respond."""
    spec = LaunchSpec.load(folder)
    if spec is None:
        if (folder / folders.MARKER).exists():
            folders.clear(folder)
        return None
    if spec.supervisor is not None and spec.supervisor.alive:
        # A launch spec without an account file means that the starting process was killed, because this
        # process has the lock.
        with suppress(UsageError, OSError):
            account = EmbeddedAccount.load(folder)
            if endpoint.responds(account.endpoint_url, account.ca_pem):
                served_certificate(account.postgres.host, account.postgres.port)
                return account
    _remove(folder)
    return None


def _remove(folder: Path) -> None:
    """End the account's processes and empty the folder. The caller has locked the folder."""
    spec = LaunchSpec.load(folder)
    database: ProcessIdentity | None = None
    with suppress(UsageError):
        database = EmbeddedAccount.load(folder).postgres.process
    if spec is not None and spec.supervisor is not None:
        spec.supervisor.end(SHUTDOWN_SECONDS)
    # The database ends with its supervisor, after it has ended its sessions.
    if database is not None and not database.wait(5.0):
        database.end(5.0)
    if spec is not None:
        shutil.rmtree(spec.postgres_home, ignore_errors=True)
    folders.clear(folder)


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
