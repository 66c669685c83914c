"""Start, find and stop an embedded account.

Every change happens under a lock on the state folder, so two callers at once see one account.
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
    """Start an account that outlives this process, or return the one that runs already.

    Args:
        state: its folder; default ``GLUE_SECURE_LOCAL_STATE``, else below the user's state home.
        progress: told in words what is going on.
        seconds: how long the start may take, fetching jars not counted.

    Raises:
        UsageError: the folder, the machine or ``JAVA_HOME`` will not do.
        GlueSecureError: it did not start; the text holds the end of its logs. Nothing is left running.
    """
    folder = _made(folders.state_folder(state))
    with folders.locked(folder):
        running = _running(folder)
        if running is not None:
            return running
        account, lifeline = _start(folder, False, progress, seconds)
        os.write(lifeline, b"1")
        os.close(lifeline)
        return account


def status(state: str | os.PathLike[str] | None = None) -> EmbeddedAccount | None:
    """The account that runs in a state folder, or None. What a killed one left behind is removed."""
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return None
    with folders.locked(folder):
        return _running(folder)


def down(state: str | os.PathLike[str] | None = None) -> bool:
    """Stop the account and empty its state folder. True when one ran; harmless when none did."""
    folder = folders.state_folder(state)
    if not folder.is_dir():
        return False
    with folders.locked(folder):
        ran = _running(folder) is not None
        _remove(folder)
        return ran


@contextmanager
def embedded_account(
    state: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
    seconds: float = STARTUP_SECONDS,
) -> Iterator[EmbeddedAccount]:
    """An account that lives as long as the block, and no longer than this process, however it ends.

    Args:
        state: its folder; default a fresh temporary one, which is removed at the end.
        progress: told in words what is going on.
        seconds: how long the start may take, fetching jars not counted.

    Raises:
        UsageError: an account runs in that folder already, or as ``up``.
        GlueSecureError: as ``up``.
    """
    temporary = state is None
    folder = Path(tempfile.mkdtemp(prefix="glue-secure-")) if state is None else folders.state_folder(state)
    _made(folder)
    try:
        with folders.locked(folder):
            if _running(folder) is not None:
                raise UsageError(
                    f"an embedded account runs in {folder} already",
                    found="one that somebody else started",
                    required="a folder of its own for an account that ends with this block",
                    fix=f"glue-secure local down --state {folder}",
                )
            account, lifeline = _start(folder, temporary, progress, seconds)
        try:
            yield account
        finally:
            with suppress(FileNotFoundError), folders.locked(folder):
                # Somebody may have stopped it and started another one meanwhile: that one is not ours.
                spec = LaunchSpec.load(folder)
                if spec is not None and spec.supervisor == account.supervisor:
                    _remove(folder)
            os.close(lifeline)
    finally:
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _running(folder: Path) -> EmbeddedAccount | None:
    """The account that runs and answers. Anything less is removed."""
    spec = LaunchSpec.load(folder)
    if spec is None:
        if (folder / folders.MARKER).exists():
            folders.clear(folder)
        return None
    if spec.supervisor is not None and spec.supervisor.alive:
        # An spec without an account belongs to a start whose starter was killed: this lock says so.
        with suppress(UsageError, OSError):
            account = EmbeddedAccount.load(folder)
            if endpoint.responds(account.endpoint_url, account.ca_pem):
                served_certificate(account.postgres.host, account.postgres.port)
                return account
    _remove(folder)
    return None


def _remove(folder: Path) -> None:
    """End what runs and remove what lies in the folder. Called under its lock."""
    spec = LaunchSpec.load(folder)
    database: ProcessIdentity | None = None
    with suppress(UsageError):
        database = EmbeddedAccount.load(folder).postgres.process
    if spec is not None and spec.supervisor is not None:
        spec.supervisor.end(SHUTDOWN_SECONDS)
    # The database dies with its supervisor; it gets a moment, because it ends its sessions first.
    if database is not None and not database.wait(5.0):
        database.end(5.0)
    if spec is not None:
        shutil.rmtree(spec.postgres_home, ignore_errors=True)
    folders.clear(folder)


def _start(folder: Path, remove_folder: bool, progress: Progress | None, seconds: float) -> _Started:
    say = progress or artifacts.no_progress
    folders.claim(folder)
    spark = installed_spark()
    home = java_home(spark)
    jars = artifacts.fetch((artifacts.postgres_jar(), *spark.jars), home, progress=progress)
    home = launchable_java_home(home, spark, folder / "java")
    spec = LaunchSpec(create_home(folder), jars[0], jars[1:], home, remove_folder)
    say("starting the embedded account")
    try:
        return _spawned(folder, spec, seconds)
    except BaseException:
        _remove(folder)
        raise


def _spawned(folder: Path, spec: LaunchSpec, seconds: float) -> _Started:
    spec.dump(folder)
    reading, lifeline = os.pipe()
    try:
        with (folder / SUPERVISOR_LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "glue_secure.embedded.supervisor", str(folder), str(reading)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(os.environ),
                cwd=folder,
                pass_fds=(reading,),
                start_new_session=True,
            )
        supervisor = ProcessIdentity.of(process.pid)
        # It is watched by its identity from here on; Popen would complain that nobody waits for it.
        process.returncode = 0
        replace(spec, supervisor=supervisor).dump(folder)
        _await(folder, supervisor, seconds)
        return EmbeddedAccount.load(folder), lifeline
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(reading)


def _await(folder: Path, supervisor: ProcessIdentity, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not (folder / FILE_NAME).exists():
        ended = supervisor.wait(0.05)
        if not ended and time.monotonic() < until:
            continue
        if (folder / FILE_NAME).exists() and not ended:
            return
        why = "it ended" if ended else f"it was not ready after {seconds:.0f} s"
        logs = "\n".join(
            f"  {name}:\n{last_lines(folder / name)}"
            for name in (SUPERVISOR_LOG, POSTGRES_LOG)
            if last_lines(folder / name)
        )
        raise GlueSecureError(f"the embedded account did not start: {why}\n{logs}")


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the supervisor inherits: nothing that configures AWS, moto, PostgreSQL or warnings."""
    foreign = ("AWS_", "MOTO_", "PG")
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(foreign) and name not in ("PYTHONWARNINGS", "PYTHONDEVMODE")
    }
    # The package may have been found through sys.path alone, which a new process does not inherit.
    own = str(Path(glue_secure.__path__[0]).parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (own, environment.get("PYTHONPATH", ""))))
    return kept
