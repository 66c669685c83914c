"""The process of an embedded account: it runs moto in itself and PostgreSQL as a child process.

``lifecycle`` runs it as ``python -m glue_secure.embedded.supervisor STATE LIFELINE``. LIFELINE is the read
end of a pipe. End of file means that the starting process has ended, so this process ends as well. A byte
means that the account is detached and outlives the starting process.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cryptography import x509

from glue_secure.connections.tls import trust_store
from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded import folders, pki, spark_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.postgres import Postgres
from glue_secure.embedded.processes import ProcessIdentity

POSTGRES_LOG = "postgres.log"
SUPERVISOR_LOG = "supervisor.log"
_FILE_NAME = "launch.json"
_SECONDS_TO_START = 30.0


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """The choices of the starting process. They are also needed to clean up after a killed supervisor.

    Attributes:
        postgres_home: the database's folder, which may be outside the state folder.
        postgres_jar: the archive that contains the database server.
        spark_jars: JARs for Spark's class path.
        java_home: the Java installation that Spark uses.
        remove_folder: whether to remove the state folder when the account ends.
        supervisor: the supervisor process, None until it is started.
    """

    postgres_home: Path
    postgres_jar: Path
    spark_jars: tuple[Path, ...]
    java_home: Path
    remove_folder: bool
    supervisor: ProcessIdentity | None = None

    def dump(self, state: Path) -> None:
        """Write the spec to the state folder."""
        process = self.supervisor
        content = {
            "postgres_home": str(self.postgres_home),
            "postgres_jar": str(self.postgres_jar),
            "spark_jars": [str(jar) for jar in self.spark_jars],
            "java_home": str(self.java_home),
            "remove_folder": self.remove_folder,
            "supervisor": {"pid": process.pid, "started": process.started} if process else None,
        }
        folders.write_private(state / _FILE_NAME, json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, state: Path) -> LaunchSpec | None:
        """Read the spec from the state folder; None if there is no readable spec."""
        try:
            content = json.loads((state / _FILE_NAME).read_text(encoding="utf-8"))
            process = content["supervisor"]
            return cls(
                postgres_home=Path(content["postgres_home"]),
                postgres_jar=Path(content["postgres_jar"]),
                spark_jars=tuple(Path(jar) for jar in content["spark_jars"]),
                java_home=Path(content["java_home"]),
                remove_folder=bool(content["remove_folder"]),
                supervisor=ProcessIdentity(**process) if process else None,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


class _ShutdownRequested(BaseException):
    """A signal requested the end. A BaseException, so that no ``except Exception`` catches it."""


def main() -> int:
    """Run an account until a signal is received, or the starting process or the database ends."""
    state, lifeline = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    threading.Thread(target=_watch, args=(lifeline, os.getppid()), daemon=True).start()
    spec = LaunchSpec.load(state)
    if spec is None:
        raise GlueSecureError(f"no readable {_FILE_NAME} in {state}")
    postgres = Postgres(spec.postgres_home, state / POSTGRES_LOG)
    requested = False
    try:
        _serve(state, spec, postgres)
        sys.stderr.write("PostgreSQL ended unexpectedly\n")
    except _ShutdownRequested:
        requested = True
    finally:
        # A second signal would interrupt the cleanup.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        postgres.stop()
        if requested:
            folders.clear(state)
            if spec.remove_folder:
                with suppress(OSError):
                    state.rmdir()
    return 0 if requested else 1


def _serve(state: Path, spec: LaunchSpec, postgres: Postgres) -> None:
    # Importing moto and starting PostgreSQL take about the same time, so they run in parallel. PostgreSQL
    # must be started by the main thread: the parent death signal depends on the thread (prctl(2)).
    importing = threading.Thread(target=_import_moto, daemon=True)
    importing.start()
    now = dt.datetime.now(dt.timezone.utc)
    authority = pki.create_authority(state, now=now)
    pair = pki.issue(
        authority,
        pki.LOCALHOST,
        folder=state,
        stem="server",
        not_before=now - pki.SKEW,
        not_after=now + pki.LIFETIME,
    )
    server = postgres.start(spec.postgres_jar, pair)
    _create_database(server.port, server.user, server.password, server.database, authority.certificate)
    importing.join()
    from glue_secure.embedded.endpoint import Endpoint

    endpoint = Endpoint(pair)
    endpoint.start()
    trusted = (*pki.system_roots(), x509.load_pem_x509_certificate(authority.certificate.read_bytes()))
    pki.write_trust_store(state / "trust.p12", trusted)
    account = EmbeddedAccount(
        state=state,
        endpoint_url=endpoint.url,
        # The format of an access key, with a text that shows its origin.
        access_key_id="AKIALOCAL" + secrets.token_hex(6).upper()[:11],
        secret_access_key=secrets.token_urlsafe(30),
        ca_pem=authority.certificate,
        trust_store=state / "trust.p12",
        trust_store_password=trust_store.PASSWORD,
        postgres=server,
        spark_jars=spec.spark_jars,
        java_home=spec.java_home,
        supervisor=ProcessIdentity.of(os.getpid()),
    )
    spark_files.write(account)
    account.dump()
    postgres.wait()


def _import_moto() -> None:
    import moto.glue.responses
    import moto.kms.responses
    import moto.moto_server.werkzeug_app
    import moto.s3.responses
    import moto.secretsmanager.responses  # noqa: F401


def _create_database(port: int, user: str, password: str, database: str, authority: Path) -> None:
    import psycopg
    from psycopg import pq, sql

    # The server accepts connections, and presents its certificate, before it accepts sessions.
    until = time.monotonic() + _SECONDS_TO_START
    conninfo = f"host=localhost port={port} user={user} dbname=postgres sslmode=require"
    while pq.PGconn.ping(conninfo.encode()) == pq.Ping.REJECT and time.monotonic() < until:
        time.sleep(0.05)
    with psycopg.connect(
        host="localhost",
        port=port,
        user=user,
        password=password,
        dbname="postgres",
        sslmode="verify-full",
        sslrootcert=str(authority),
        autocommit=True,
    ) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _ShutdownRequested


def _watch(lifeline: int, starter: int) -> None:
    """End this process when the starting process has ended, unless that process detached it before."""
    while True:
        readable, _, _ = select.select([lifeline], [], [], 1.0)
        if readable and os.read(lifeline, 1):
            return
        # A forked child of the starting process may have inherited the pipe, so the parent is checked too.
        if readable or os.getppid() != starter:
            os.kill(os.getpid(), signal.SIGTERM)
            return


if __name__ == "__main__":
    sys.exit(main())
