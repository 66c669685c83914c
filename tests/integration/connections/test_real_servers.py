"""Bad configurations of a real PostgreSQL and a real MariaDB: no password is sent to any of them.

Each test asserts the error of the run, that no credential was fetched, and that the real driver with the
options of a run does not log in either. MariaDB is the system's (apt-get install mariadb-server-core);
without it, its tests are skipped.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from driver_jars import recommended_jar

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.engines.registry import ENGINES, DatabaseEngine
from glue_secure.connections.jdbc import driver_options, plan_connection
from glue_secure.connections.manager import ConnectionManager
from glue_secure.connections.tls.handshake import Target, handshake, inspection_context
from glue_secure.connections.tls.trust_store import TrustStoreFile, trust_store
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.recorder import RunRecorder
from glue_secure.embedded import mariadb as local_mariadb
from glue_secure.embedded.artifacts import fetch, postgres_jar
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.java import java_home
from glue_secure.embedded.pki import KeyPair
from glue_secure.embedded.postgres import Postgres, create_home, server_user
from glue_secure.testing.fakes import FakeClock, FakeControlPlane, FakeObjectStore, FakeSecretStore

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
BY_NAME = {engine.name: engine for engine in ENGINES}
DRIVERS = ("postgresql", "mysql", "mariadb")
# Debian's OpenSSL neither loads a weak certificate nor supports TLS 1.1.
WEAK = """\
openssl_conf = first
[first]
ssl_conf = second
[second]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""


@dataclass
class RealServer:
    """A server whose certificate and settings can be changed.

    Attributes:
        port: on localhost.
        credentials: a user that may log in.
        database: an existing database.
        present: sets a certificate, and settings by the server's own names; returns when they are active.
        log: returns the server's log.
        conf: its configuration directory.
    """

    port: int
    credentials: Credentials
    database: str
    present: Callable[..., None]
    log: Callable[[], str]
    conf: Path


@pytest.fixture(scope="module")
def good(make: Any, tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    folder = tmp_path_factory.mktemp("good")
    ca = make.authority(kind="RSA2048")
    return pair(make.issue(by=ca, names=("localhost",), kind="RSA2048", which=1), folder)


@pytest.fixture(scope="module")
def postgresql(good: KeyPair, make: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    folder = tmp_path_factory.mktemp("postgresql")
    home, log = create_home(folder), folder / "log"
    server = Postgres(home, log, weak_openssl(home))
    try:
        running = server.start(fetch([postgres_jar()], java_home(installed_spark()))[0], good)
        conf = home / "conf"
        usual = {name: (conf / name).read_text() for name in ("postgresql.conf", "pg_hba.conf")}

        def present(shown: KeyPair, *, access: str = "", **settings: str) -> None:
            write_private(conf / "server.key", shown.key.read_bytes(), 0o600, owner=server_user())
            write_private(conf / "server.pem", shown.certificate.read_bytes(), 0o644)
            write_private(conf / "client-ca.pem", make.authority(kind="RSA2048").pem, 0o644)
            more = {"log_connections": "on", **settings}
            lines = "".join(f"{name} = '{value}'\n" for name, value in more.items())
            (conf / "postgresql.conf").write_text(usual["postgresql.conf"] + lines)
            (conf / "pg_hba.conf").write_text(
                access or usual["pg_hba.conf"] + "host all all all scram-sha-256\n"
            )
            before = log.read_text().count("received SIGHUP")
            os.kill(running.process.pid, signal.SIGHUP)
            until(lambda: log.read_text().count("received SIGHUP") > before)
            until(
                lambda: (
                    served_certificate(running.port, TlsNegotiation.POSTGRESQL)
                    == expected_certificate(shown, settings)
                )
            )

        yield RealServer(
            running.port,
            Credentials(running.user, running.password),
            "postgres",
            present,
            log.read_text,
            conf,
        )
    finally:
        server.stop()


@pytest.fixture(scope="module")
def mariadb(good: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    if local_mariadb.server_program() is None:
        pytest.skip("no MariaDB server on this machine (Debian: apt-get install mariadb-server-core)")
    folder = tmp_path_factory.mktemp("mariadb")
    home = create_home(folder)
    with local_mariadb.MariaDb(folder, good, weak_openssl(home)) as server:

        def present(shown: KeyPair, **settings: str) -> None:
            options = {f"--{name}".replace("_", "-"): value for name, value in settings.items()}
            words = (f"{name}={value}" if value else name for name, value in options.items())
            server.present(shown, "--require-secure-transport=OFF", *words)

        log = Path(str(server._home)) / "log"
        yield RealServer(
            server.port,
            Credentials(server.user, server.password),
            server.database,
            present,
            lambda: log.read_text(errors="replace"),
            log.parent,
        )


@dataclass(frozen=True)
class BadServer:
    """A certificate, or settings of the two servers, and the control that must fail."""

    control: str
    certificate: Callable[[Any, Any], Any] | None = None
    postgresql: dict[str, str] = field(default_factory=dict)
    mariadb: dict[str, str] = field(default_factory=dict)


def issued(**changes: Any) -> Callable[[Any, Any], Any]:
    return lambda make, ca: make.issue(
        by=ca, **{"names": ("localhost",), "kind": "RSA2048", "which": 1, **changes}
    )


BAD = {
    "expired": BadServer("GS-TLS-003", issued(start=NOW - 9 * DAY, end=NOW - DAY)),
    "not yet valid": BadServer("GS-TLS-003", issued(start=NOW + DAY, end=NOW + 9 * DAY)),
    "wrong name": BadServer("GS-TLS-002", issued(names=("db.example.com",))),
    "no name": BadServer("GS-TLS-002", issued(names=(), name="localhost")),
    "self-signed": BadServer(
        "GS-TLS-003", lambda make, ca: make.issue("localhost", names=("localhost",), kind="RSA2048", which=2)
    ),
    "unknown authority": BadServer(
        "GS-TLS-003",
        lambda make, ca: make.issue(
            by=make.authority("Other", kind="RSA2048", which=3),
            names=("localhost",),
            kind="RSA2048",
            which=1,
        ),
    ),
    "an authority of the same name": BadServer(
        "GS-TLS-003",
        lambda make, ca: make.issue(
            by=make.authority("Test CA", kind="RSA2048", which=4),
            names=("localhost",),
            kind="RSA2048",
            which=1,
        ),
    ),
    "weak key": BadServer("GS-TLS-004", issued(kind="RSA1024")),
    "SHA-1": BadServer("GS-TLS-004", issued(sha1=True)),
    "TLS 1.1 only": BadServer(
        "GS-TLS-009",
        postgresql={"ssl_min_protocol_version": "TLSv1.1", "ssl_max_protocol_version": "TLSv1.1"},
        mariadb={"tls_version": "TLSv1.1"},
    ),
    "no TLS": BadServer("GS-TLS-009", postgresql={"ssl": "off"}, mariadb={"skip_ssl": ""}),
}
# The drivers accept these, and only the probe rejects them: the drivers fall back to the common name, and
# jdk.certpath.disabledAlgorithms rejects RSA under 1024 bits, and SHA-1 only for the JDK's own authorities.
ACCEPTED_BY_DRIVERS = ("no name", "weak key", "SHA-1")


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("which", DRIVERS)
def test_a_bad_server_refuses_before_a_credential_is_sent(
    request: Any, drivers: Any, make: Any, good: KeyPair, tmp_path: Path, which: str, name: str
) -> None:
    bad, ca = BAD[name], make.authority(kind="RSA2048")
    kind = "postgresql" if which == "postgresql" else "mariadb"
    server = request.getfixturevalue(kind)
    server.present(
        pair(bad.certificate(make, ca), tmp_path) if bad.certificate else good, **getattr(bad, kind)
    )
    try:
        log_before = server.log()
        fetched: list[str] = []
        with pytest.raises(RefusedError) as caught:
            manager_of(BY_NAME[which], server, ca, fetched).open("ops", {})
        assert caught.value.control == bad.control, str(caught.value)
        assert fetched == [], "the password was fetched for a server that was not verified"
        if name not in ACCEPTED_BY_DRIVERS:
            complaint = login(which, drivers, server, ca, tmp_path)
            assert complaint, "the driver logged in"
            assert "authorized" not in server.log()[len(log_before) :]
            assert server.credentials.password not in complaint
    finally:
        server.present(good)


@pytest.mark.parametrize("which", DRIVERS)
def test_the_driver_logs_in_to_a_good_server(
    request: Any, drivers: Any, make: Any, good: KeyPair, tmp_path: Path, which: str
) -> None:
    """Control for the test above: the login works."""
    server = request.getfixturevalue("postgresql" if which == "postgresql" else "mariadb")
    server.present(good)
    fetched: list[str] = []
    with pytest.raises(SessionStartedError):
        manager_of(BY_NAME[which], server, make.authority(kind="RSA2048"), fetched).open("ops", {})
    assert fetched == ["ops/secret"]
    assert login(which, drivers, server, make.authority(kind="RSA2048"), tmp_path) == ""


@pytest.mark.parametrize("which", DRIVERS)
def test_nothing_is_sent_through_a_proxy_that_strips_tls(
    request: Any, drivers: Any, make: Any, good: KeyPair, tmp_path: Path, which: str
) -> None:
    server = request.getfixturevalue("postgresql" if which == "postgresql" else "mariadb")
    server.present(good)
    ca = make.authority(kind="RSA2048")
    with TlsStrippingProxy(BY_NAME[which].negotiation, server.port) as proxy:
        behind = replace(server, port=proxy.port)
        fetched: list[str] = []
        with pytest.raises(RefusedError) as caught:
            manager_of(BY_NAME[which], behind, ca, fetched).open("ops", {})
        assert (caught.value.control, fetched) == ("GS-TLS-009", [])
        assert login(which, drivers, behind, ca, tmp_path)
        assert server.credentials.user.encode() not in bytes(proxy.received)
        assert proxy.received == b"", "a client sent plain text"


def test_a_server_that_requires_a_client_certificate_ends_the_session(
    postgresql: RealServer, drivers: Any, make: Any, good: KeyPair, tmp_path: Path
) -> None:
    """PostgreSQL requests the certificate in the handshake and ends the session afterwards."""
    access = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
    postgresql.present(good, access=access, ssl_ca_file=str(postgresql.conf / "client-ca.pem"))
    try:
        log_before = postgresql.log()
        complaint = login("postgresql", drivers, postgresql, make.authority(kind="RSA2048"), tmp_path)
        assert "client certificate" in complaint
        assert "authenticated" not in postgresql.log()[len(log_before) :]
    finally:
        postgresql.present(good)


class SessionStartedError(Exception):
    """All checks before the first session passed."""


class NoDatabase:
    """An engine that raises when a session would start."""

    def share_file(self, name: str, content: bytes) -> str:
        return name

    def jar_of(self, name: str) -> Path | None:
        return recommended_jar(name)

    def suppress_jdbc_logs(self) -> bool:
        return True

    def read_jdbc(self, **_: Any) -> Any:
        raise SessionStartedError


class Secrets(FakeSecretStore):
    """Records the ids of the fetched secrets."""

    fetched: list[str]

    def credentials(self, secret_id: str) -> Credentials:
        self.fetched.append(secret_id)
        return super().credentials(secret_id)


def manager_of(engine: DatabaseEngine, server: RealServer, ca: Any, fetched: list[str]) -> ConnectionManager:
    objects = FakeObjectStore("config")
    objects.put(S3Uri("config", "ca.pem"), ca.pem)
    secrets = Secrets({"ops/secret": server.credentials})
    secrets.fetched = fetched
    return ConnectionManager(
        catalog=FakeControlPlane(connections={"ops": connection(engine, server)}),
        objects=objects,
        secrets=secrets,
        engine=NoDatabase(),  # type: ignore[arg-type]
        clock=FakeClock(NOW),
        recorder=RunRecorder(NOW),
    )


def connection(engine: DatabaseEngine, server: RealServer) -> GlueConnection:
    properties = {
        "JDBC_CONNECTION_URL": engine.bare_form.format(
            host="localhost", port=server.port, database=server.database
        ),
        "JDBC_ENFORCE_SSL": "true",
        "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
        "SECRET_ID": "ops/secret",
    }
    return GlueConnection("ops", "JDBC", properties)


def login(which: str, drivers: Any, server: RealServer, ca: Any, folder: Path) -> str:
    """Log in with the real driver and the options of a run. Return its error, ``""`` if it logs in."""
    plan = plan_connection(connection(BY_NAME[which], server), {})
    store = folder / "anchor.p12"
    store.write_bytes(trust_store(ca.pem.decode()))
    options = driver_options(plan, ca.pem.decode(), TrustStoreFile(str(store)))
    login_options = {"user": server.credentials.user, "password": server.credentials.password}
    return str(drivers.login(which, plan.url, {**options, **login_options}))


class TlsStrippingProxy:
    """A proxy that removes TLS from a server's first answer, and records the plain text that clients send."""

    def __init__(self, negotiation: TlsNegotiation, port: int) -> None:
        self._negotiation, self._target = negotiation, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = bytearray()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> TlsStrippingProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                with client, socket.create_connection(("127.0.0.1", self._target), timeout=5) as server:
                    client.settimeout(5)
                    self._strip(client, server)
                    self.received += client.recv(4096)
            except OSError:
                continue

    def _strip(self, client: socket.socket, server: socket.socket) -> None:
        if self._negotiation is TlsNegotiation.POSTGRESQL:
            assert client.recv(8) == struct.pack("!II", 8, 80877103)
            client.sendall(b"N")
            return
        greeting = bytearray(server.recv(4096))
        flags = greeting.index(0, 5) + 1 + 4 + 8 + 1
        (before,) = struct.unpack_from("<H", greeting, flags)
        assert before & 0x800
        struct.pack_into("<H", greeting, flags, before & ~0x800)
        client.sendall(greeting)


def weak_openssl(folder: Path) -> dict[str, str]:
    (folder / "openssl.cnf").write_text(WEAK)
    (folder / "openssl.cnf").chmod(0o644)
    return {"OPENSSL_CONF": str(folder / "openssl.cnf")}


def pair(issued: Any, folder: Path) -> KeyPair:
    key_pair = KeyPair(folder / "shown.pem", folder / "shown.key")
    key_pair.certificate.write_bytes(issued.pem)
    key_pair.key.write_bytes(
        issued.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return key_pair


def served_certificate(port: int, negotiation: TlsNegotiation) -> bytes | None:
    """Return the server's certificate, DER; None if it has no TLS 1.2 or 1.3."""
    try:
        return handshake(
            Target("localhost", port, negotiation, 5.0, "test"), inspection_context()
        ).certificate
    except (RefusedError, VerificationError):
        return None


def expected_certificate(shown: KeyPair, settings: dict[str, str]) -> bytes | None:
    if settings.get("ssl") == "off" or settings.get("ssl_max_protocol_version") == "TLSv1.1":
        return None
    return ssl.PEM_cert_to_DER_cert(shown.certificate.read_text())


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "the server did not take its new settings"
        time.sleep(0.02)
