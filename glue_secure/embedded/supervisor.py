"""The process behind an embedded account: it runs moto in itself and PostgreSQL as its child.

Run as ``python -m glue_secure.embedded.supervisor STATE LIFELINE`` by ``lifecycle``; never by hand.
LIFELINE is the read end of a pipe. Its end of file means that the starter is gone, and so is this
process then; a byte means that the account is detached and outlives its starter.
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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cryptography import x509

from glue_secure.core.errors import GlueSecureError
from glue_secure.embedded import folders, pki, spark_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.postgres import Postgres
from glue_secure.embedded.processes import ProcessIdentity

POSTGRES_LOG = "postgres.log"
SUPERVISOR_LOG = "supervisor.log"
_FILE_NAME = "launch.json"


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What the starter decided, and what must be found again when the supervisor was killed.

    Attributes:
        postgres_home: the database's folder, perhaps outside the state folder.
        postgres_jar: the archive it is unpacked from.
        spark_jars: what Spark needs.
        java_home: the Java that Spark runs on.
        remove_folder: whether the state folder itself goes when the account ends.
        supervisor: the process, once it is known.
    """

    postgres_home: Path
    postgres_jar: Path
    spark_jars: tuple[Path, ...]
    java_home: Path
    remove_folder: bool
    supervisor: ProcessIdentity | None = None

    def dump(self, state: Path) -> None:
        """Write it into the state folder."""
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
        """Read it from the state folder; None where there is none."""
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


class _Ended(BaseException):
    """A signal asked for the end. Not an Exception: nothing on the way may swallow it."""


def main() -> int:
    """Run an account until a signal, the starter's end or the database's end."""
    state, lifeline = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    threading.Thread(target=_watch, args=(lifeline, os.getppid()), daemon=True).start()
    spec = LaunchSpec.load(state)
    if spec is None:
        raise GlueSecureError(f"no spec in {state}")
    postgres = Postgres(spec.postgres_home, state / POSTGRES_LOG)
    asked = False
    try:
        _serve(state, spec, postgres)
        sys.stderr.write("PostgreSQL ended by itself\n")
    except _Ended:
        asked = True
    finally:
        # From here on a second signal would only leave things behind.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        postgres.stop()
        if asked:
            folders.clear(state)
            if spec.remove_folder:
                with suppress(OSError):
                    state.rmdir()
    return 0 if asked else 1


def _serve(state: Path, spec: LaunchSpec, postgres: Postgres) -> None:
    # moto's import and PostgreSQL's start take about the same time, so they overlap. PostgreSQL's
    # parent must be the main thread: the death signal follows the thread, not the process (prctl(2)).
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
    pki.write_bundle(state / "ca-bundle.pem", trusted)
    pki.write_trust_store(state / "trust.p12", trusted)
    account = EmbeddedAccount(
        state=state,
        endpoint_url=endpoint.url,
        # The shape of an access key, and a text that shows where it comes from.
        access_key_id="AKIALOCAL" + secrets.token_hex(6).upper()[:11],
        secret_access_key=secrets.token_urlsafe(30),
        ca_pem=authority.certificate,
        ca_bundle=state / "ca-bundle.pem",
        trust_store=state / "trust.p12",
        trust_store_password=pki.TRUST_STORE_PASSWORD,
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
    from psycopg import sql

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
    raise _Ended


def _watch(lifeline: int, starter: int) -> None:
    """End this process when its starter is gone, unless the starter let go of it first."""
    while True:
        readable, _, _ = select.select([lifeline], [], [], 1.0)
        if readable and os.read(lifeline, 1):
            return
        # A child that the starter forked may hold the pipe open, so the parent is asked after too.
        if readable or os.getppid() != starter:
            os.kill(os.getpid(), signal.SIGTERM)
            return


if __name__ == "__main__":
    sys.exit(main())
