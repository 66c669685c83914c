"""A server that sends a little at a time does not extend the handshake beyond its deadline."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest
from tls_servers import mysql_greeting

from glue_secure.connections.engines.engine import TlsNegotiation
from glue_secure.connections.tls.certificates import load_authorities
from glue_secure.connections.tls.negotiation import Deadline
from glue_secure.connections.tls.probe import probe
from glue_secure.core.errors import VerificationError

GREETING = struct.pack("<I", len(mysql_greeting()))[:3] + b"\0" + mysql_greeting()
EMPTY_PACKET = struct.pack("!BBHHBB", 0x04, 0, 8, 0, 0, 0)
HELLO = b"\x16\x03\x03\x40\x00" + bytes(16384)
# What each server sends, one item every 50 ms.
SERVERS = {
    "a greeting of MySQL, by byte": (TlsNegotiation.MYSQL, [bytes([byte]) for byte in GREETING]),
    "empty packets of TDS": (TlsNegotiation.TDS, [EMPTY_PACKET] * 100),
    "a packet of TDS, by byte": (TlsNegotiation.TDS, [b"\x04\x01\x40\x00" + bytes(4), *[b"\0"] * 100]),
    "a TLS record, by byte": (TlsNegotiation.TLS, [bytes([byte]) for byte in HELLO[:100]]),
    "nothing": (TlsNegotiation.POSTGRESQL, []),
}


@pytest.fixture
def slow_server() -> Iterator[Callable[[list[bytes]], int]]:
    """Return a function that starts a server, and returns its port."""
    stop, listeners = threading.Event(), []

    def start(parts: list[bytes]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            client, _ = listener.accept()
            with client:
                for part in parts:
                    if stop.wait(0.05):
                        return
                    try:
                        client.sendall(part)
                    except OSError:
                        return
                stop.wait(10)

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    stop.set()
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("name", SERVERS)
def test_the_deadline_ends_the_handshake(make, slow_server, name):
    negotiation, parts = SERVERS[name]
    port = slow_server(parts)
    trusted = load_authorities(make.authority().pem, resource="c")
    started = time.monotonic()
    with pytest.raises(VerificationError, match=r"GS-TLS-009") as caught:
        probe(
            "127.0.0.1",
            port,
            trusted,
            now=datetime.now(timezone.utc),
            resource="c",
            negotiation=negotiation,
            timeout=0.5,
        )
    assert time.monotonic() - started < 2
    assert "in 0.5 seconds" in caught.value.found


def test_the_total_deadline_applies_to_every_handshake(make, slow_server):
    port = slow_server([])
    trusted = load_authorities(make.authority().pem, resource="c")
    started = time.monotonic()
    with pytest.raises(VerificationError, match=r"GS-TLS-009"):
        now = datetime.now(timezone.utc)
        probe("127.0.0.1", port, trusted, now=now, resource="c", timeout=30, total_timeout=0.5)
    assert time.monotonic() - started < 2


def test_a_deadline_that_passed_raises():
    deadline = Deadline(0.01)
    assert 0 < deadline.remaining() <= 0.01
    time.sleep(0.02)
    with pytest.raises(TimeoutError):
        deadline.remaining()
