"""A Spark session that outlives the process that uses it, so that pytest need not start one each time.

A process of its own starts Spark (``python -m glue_secure.embedded.warm_session FOLDER``) and waits. It ends
with its account, on SIGTERM, or after ``IDLE_SECONDS`` without use. A test process connects to Spark's JVM
(:mod:`glue_secure.testing.warm_session`), one at a time.

A session is replaced if anything that it was started with has changed (:func:`fingerprint`), or if its last
user did not return it unchanged.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import glue_secure
from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.postgres import last_lines
from glue_secure.embedded.processes import ProcessIdentity

IDLE_SECONDS = 3600.0
"""After this time without use, a session ends."""
START_SECONDS = 120.0
FOLDER = "spark-session"
LOG = "spark.log"
OUTSIDE_RUNS = "spark.glueSecure.outsideRuns"
"""Setting of a session whose reads and writes may be outside of a run, as those of tests are."""
_DESCRIPTION = "session.json"
_IN_USE = "in-use"
# Variables of a terminal or of one process. They do not change what Spark does.
_VOLATILE = ("_", "SHLVL", "OLDPWD", "COLUMNS", "LINES")
_VOLATILE_PREFIXES = ("PYTEST_", "TERM", "COV_CORE_")


@dataclass(frozen=True, slots=True)
class WarmSession:
    """A running session. The repr contains no secret.

    Attributes:
        port: port of Py4J's gateway on the loopback address.
        secret: the gateway's secret.
        hadoop: Hadoop's settings when the session started, as Hadoop serialises them, in base64.
        properties: the JVM's system properties when the session started, as a digest.
        fingerprint: what the session was started with.
        process: the process that keeps it.
    """

    port: int
    secret: str = field(repr=False)
    hadoop: str = field(repr=False)
    properties: str
    fingerprint: str
    process: ProcessIdentity


def fingerprint(environment: Mapping[str, str] = os.environ) -> str:
    """Return a digest of what a session depends on besides its account.

    It covers the interpreter, pyspark, the files of glue-secure, the working directory, and the environment
    variables, which Spark's Python workers inherit.
    """
    package = Path(glue_secure.__path__[0])
    stats = [(path, path.stat()) for kind in ("py", "jar") for path in sorted(package.rglob(f"*.{kind}"))]
    spark = installed_spark()
    parts: list[Any] = [
        (sys.executable, sys.version, str(spark.folder), spark.version, str(Path.cwd())),
        [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats],
        sorted(item for item in environment.items() if not _is_volatile(item[0])),
    ]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _is_volatile(name: str) -> bool:
    return name in _VOLATILE or name.startswith(_VOLATILE_PREFIXES)


@contextmanager
def reserved(account: EmbeddedAccount) -> Iterator[WarmSession | None]:
    """Reserve the account's session during the block, and start it if needed. Yield None if it is in use.

    If the block raises, or does not call :func:`mark_unchanged`, the next caller gets a new session.

    Raises:
        GlueSecureError: the session did not start; the message has the last lines of its log.
    """
    folder = account.state / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        wanted = fingerprint()
        session = load(folder)
        if session is None or session.fingerprint != wanted or (folder / _IN_USE).exists():
            end(account.state)
            session = _start(folder, wanted)
        (folder / _IN_USE).touch(mode=0o600)
        yield session
    finally:
        os.close(descriptor)


def mark_unchanged(account: EmbeddedAccount) -> None:
    """Record that the session is as it was started, so that the next test process can use it."""
    (account.state / FOLDER / _IN_USE).unlink()


def load(folder: Path) -> WarmSession | None:
    """Return the session that runs in a folder, None if none does."""
    try:
        content = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        session = WarmSession(**{**content, "process": ProcessIdentity(**content["process"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return session if session.process.alive else None


def end(state: Path) -> None:
    """End the session of an account's state folder, if there is one."""
    folder = state / FOLDER
    session = load(folder)
    if session is not None:
        session.process.end(20.0)
    for name in (_DESCRIPTION, _IN_USE):
        (folder / name).unlink(missing_ok=True)


def _start(folder: Path, wanted: str) -> WarmSession:
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "glue_secure.embedded.warm_session", str(folder), wanted],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": _python_path()},
            start_new_session=True,
        )
    identity = ProcessIdentity.of(process.pid)
    process.returncode = 0  # its identity tracks it, and it outlives this process
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        session = load(folder)
        if session is not None:
            return session
        if identity.wait(0.05):
            break
    identity.end(5.0)
    raise GlueSecureError(f"Spark did not start for the tests\n{last_lines(folder / LOG)}")


def _python_path() -> str:
    # This process may have found the package by a sys.path entry that a new process does not inherit.
    entries = [str(Path(glue_secure.__path__[0]).parent), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(dict.fromkeys(filter(None, os.pathsep.join(entries).split(os.pathsep))))


def digest_of_properties(jvm: Any) -> str:
    """Return a digest of the JVM's system properties."""
    return hashlib.sha256(
        str(jvm.java.util.TreeMap(jvm.java.lang.System.getProperties())).encode()
    ).hexdigest()


def hadoop_settings(gateway: Any, context: Any) -> str:
    """Return the Hadoop settings of a context of the JVM, as Hadoop serialises them, in base64."""
    stream = gateway.jvm.java.io.ByteArrayOutputStream()
    context.hadoopConfiguration().write(gateway.jvm.java.io.DataOutputStream(stream))
    return base64.b64encode(bytes(stream.toByteArray())).decode()


class _Ended(BaseException):
    """SIGTERM was received."""


def main() -> int:
    """Keep a session until SIGTERM, the end of the account, or ``IDLE_SECONDS`` without use."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGTERM, _end)
    account = EmbeddedAccount.load(folder.parent)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("glue-secure tests").config(OUTSIDE_RUNS, "allow")
    spark: Any = builder.getOrCreate()
    gateway = spark.sparkContext._gateway
    try:
        session = WarmSession(
            port=gateway.gateway_parameters.port,
            secret=gateway.gateway_parameters.auth_token,
            hadoop=hadoop_settings(gateway, spark.sparkContext._jsc),
            properties=digest_of_properties(gateway.jvm),
            fingerprint=wanted,
            process=ProcessIdentity.of(os.getpid()),
        )
        write_private(folder / _DESCRIPTION, json.dumps(asdict(session)) + "\n")
        while account.supervisor.alive and gateway.proc.poll() is None and not _is_idle(folder):
            time.sleep(1.0)
    except _Ended:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (folder / _DESCRIPTION).unlink(missing_ok=True)
        # The JVM ends with its standard input. Its shutdown hooks remove Spark's temporary folders.
        gateway.proc.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            gateway.proc.wait(10.0)
        gateway.proc.kill()
        gateway.proc.wait()
    # Not by way of atexit functions, which would call the JVM.
    os._exit(0)


def _is_idle(folder: Path) -> bool:
    """Return whether no process has used the session for ``IDLE_SECONDS``."""
    if (folder / _IN_USE).exists():
        return False
    # The folder changes whenever the marker is created or removed.
    return time.time() - folder.stat().st_mtime > IDLE_SECONDS


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended


if __name__ == "__main__":
    sys.exit(main())
