"""Bad servers of every protocol: nothing is sent to them, and no password is fetched.

The servers speak the start of their protocol and TLS (tests/support); those that a real PostgreSQL
and a real MariaDB can present are tested with these, too (tests/spark/test_jdbc.py, test_mysql.py).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
NO_TLS = {
    TlsNegotiation.POSTGRESQL: b"N",
    TlsNegotiation.MYSQL: b"\x0a8.0.33\0"
    + bytes(12)
    + b"\0"
    + bytes.fromhex("00f7 2d 0200 0f80")
    + bytes(40),
    TlsNegotiation.TDS: b"\x02",
    TlsNegotiation.TLS: b'\0\0\0\0\4\0\0\0"\0\0\0 (DESCRIPTION=(ERR=12514))',
}
GIBBERISH = {
    TlsNegotiation.POSTGRESQL: b"H",
    TlsNegotiation.MYSQL: b"SSH-2.0-OpenSSH_9.6",
    TlsNegotiation.TDS: b"\x07",
    TlsNegotiation.TLS: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}
ERRORS = {TlsNegotiation.MYSQL: b"\xff\x10\x04Too many connections"}
ALL = tuple(engine.name for engine in ENGINES)


@dataclass
class Case:
    """What a server presents, and the control that must fail."""

    control: str
    present: Callable[[Any, Any], Any] = lambda make, ca: make.issue(by=ca, names=("localhost",), which=1)
    serve: dict[str, Any] | None = None
    unknown_to: tuple[str, ...] = ()

    def error_of(self, engine: Any) -> type[RefusedError | VerificationError]:
        return VerificationError if engine.name in self.unknown_to else RefusedError


def issued(**changes: Any) -> Callable[[Any, Any], Any]:
    return lambda make, ca: make.issue(by=ca, **{"names": ("localhost",), "which": 1, **changes})


CASES = {
    "expired": Case("GS-TLS-003", issued(start=NOW - 9 * DAY, end=NOW - DAY)),
    "not yet valid": Case("GS-TLS-003", issued(start=NOW + DAY, end=NOW + 9 * DAY)),
    "wrong name": Case("GS-TLS-002", issued(names=("db.example.com", "127.0.0.1"))),
    "no name": Case("GS-TLS-002", issued(names=(), name="localhost")),
    "self-signed": Case(
        "GS-TLS-003", lambda make, ca: make.issue("localhost", names=("localhost",), which=2)
    ),
    "unknown authority": Case(
        "GS-TLS-003",
        lambda make, ca: make.issue(by=make.authority("Other", which=3), names=("localhost",), which=4),
    ),
    "an authority of the same name": Case(
        "GS-TLS-003",
        lambda make, ca: make.issue(
            by=make.authority("Test CA", which=5, kind="RSA2048"), names=("localhost",), which=6
        ),
    ),
    "weak RSA key": Case("GS-TLS-004", issued(kind="RSA1024")),
    "SHA-1": Case("GS-TLS-004", issued(sha1=True)),
    "client certificate demanded": Case(
        "GS-TLS-009", serve={"version": ssl.TLSVersion.TLSv1_2, "client_ca": True}, unknown_to=("sqlserver",)
    ),
    "TLS 1.1 only": Case("GS-TLS-009", serve={"version": ssl.TLSVersion.TLSv1_1}, unknown_to=("sqlserver",)),
    "no TLS": Case("GS-TLS-009", serve={"answer": NO_TLS}),
    "no server of this kind": Case("GS-TLS-009", serve={"answer": GIBBERISH}),
    "silent": Case("GS-TLS-009", serve={"silent": True}, unknown_to=ALL),
    "reset": Case("GS-TLS-009", serve={"reset": True}, unknown_to=ALL),
}


def connect(run_fixture: Any, engine: Any, port: int, ca: Any) -> None:
    run_fixture.clock.advance(seconds=(NOW - run_fixture.clock.now()).total_seconds())
    url = engine.bare_form.format(host="localhost", port=port, database="ops")
    properties = {
        "JDBC_CONNECTION_URL": url,
        "JDBC_ENFORCE_SSL": "true",
        "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
        "SECRET_ID": "ops/postgres",
    }
    run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "JDBC", properties)
    run_fixture.objects.put(S3Uri("config", "ca.pem"), ca.pem)


def options_of(case: Case, engine: Any, ca: Any) -> dict[str, Any]:
    options = dict(case.serve or {})
    if options.get("client_ca"):
        options["client_ca"] = ca.pem
    if isinstance(options.get("answer"), dict):
        options["answer"] = options["answer"][engine.negotiation]
    return options


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the timeout of ten seconds; these servers answer at once or never."""
    from glue_secure.connections import verification

    probe = verification.probe
    monkeypatch.setattr(verification, "probe", lambda *a, **options: probe(*a, **{**options, "timeout": 0.5}))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_nothing_is_sent_to_a_bad_server_and_no_password_is_fetched(
    run_fixture: Any, make: Any, serve: Any, engine: Any, name: str
) -> None:
    case = CASES[name]
    ca = make.authority(kind="RSA2048")
    options = options_of(case, engine, ca)
    bare = {"answer", "silent", "reset"} & options.keys()
    server = serve(None if bare else case.present(make, ca), negotiation=engine.negotiation.value, **options)
    connect(run_fixture, engine, server.port, ca)
    with pytest.raises(case.error_of(engine)) as caught:
        run_fixture.start().reader.read_jdbc("ops", "airlines")
    assert caught.value.control == case.control, str(caught.value)
    assert run_fixture.log == []
    assert run_fixture.engine.asked("read_jdbc") == []
    assert server.connections > 0
    # If TLS starts with the first byte, a server without TLS receives the ClientHello.
    hello = b"\x16\x03" if engine.negotiation is TlsNegotiation.TLS and bare else b""
    assert server.received_bytes[:2] in (b"", hello), "nothing is sent after the handshake, or instead of it"


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_the_password_is_fetched_after_a_good_server_was_verified(
    run_fixture: Any, make: Any, serve: Any, engine: Any
) -> None:
    ca = make.authority(kind="RSA2048")
    server = serve(issued()(make, ca), negotiation=engine.negotiation.value)
    connect(run_fixture, engine, server.port, ca)
    run_fixture.start().reader.read_jdbc("ops", "airlines")
    assert run_fixture.log == ["secret ops/postgres"]
    assert server.received_bytes == b""


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_negotiation_reaches_the_handshake(make: Any, serve: Any, engine: Any) -> None:
    from glue_secure.connections.tls.certificates import load_authorities
    from glue_secure.connections.tls.probe import probe

    ca = make.authority()
    server = serve(make.issue(by=ca, names=("localhost",), which=1), negotiation=engine.negotiation.value)
    trusted = load_authorities(ca.pem, resource="c")
    facts = probe("localhost", server.port, trusted, now=NOW, resource="c", negotiation=engine.negotiation)
    assert facts.subject == "CN=database" and server.received_bytes == b""


def test_an_error_of_mysql_instead_of_a_greeting_is_not_shown(
    run_fixture: Any, make: Any, serve: Any
) -> None:
    engine = next(engine for engine in ENGINES if engine.name == "mysql")
    server = serve(negotiation="mysql", answer=ERRORS[TlsNegotiation.MYSQL])
    connect(run_fixture, engine, server.port, make.authority())
    with pytest.raises(VerificationError, match="GS-TLS-009") as caught:
        run_fixture.start().reader.read_jdbc("ops", "airlines")
    assert "Too many" not in str(caught.value)
