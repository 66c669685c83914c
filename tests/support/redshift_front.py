"""A front that makes PostgreSQL answer Redshift's driver: TLS, and a start-up message that PostgreSQL takes.

The driver names itself in parameters that PostgreSQL refuses; the front leaves them out. What follows passes
as it is, both ways.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from glue_secure.embedded.account import EmbeddedAccount

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
KNOWN = {b"user", b"database", b"client_encoding", b"DateStyle", b"TimeZone", b"extra_float_digits"}


@dataclass
class Front:
    """Where it listens, and the protocol of each session that a client opened."""

    port: int
    protocols: list[str] = field(default_factory=list)


@contextlib.contextmanager
def redshift_front(account: EmbeddedAccount) -> Iterator[Front]:
    """Run it while the block runs, with the account's own certificate."""
    listener = socket.create_server(("127.0.0.1", 0))
    front = Front(listener.getsockname()[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(account.server_pair.certificate, account.server_pair.key)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_session, args=(client, context, account, front), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _session(plain: socket.socket, context: ssl.SSLContext, account: EmbeddedAccount, front: Front) -> None:
    with contextlib.suppress(OSError, struct.error), plain:
        if _exactly(plain, 8) != SSL_REQUEST:
            return
        plain.sendall(b"S")
        with context.wrap_socket(plain, server_side=True) as client:
            front.protocols.append(client.version() or "")
            (length,) = struct.unpack("!i", _exactly(client, 4))
            message = _exactly(client, length - 4)
            with _behind(account) as server:
                server.sendall(_started(message))
                _pump(client, server)


def _behind(account: EmbeddedAccount) -> ssl.SSLSocket:
    server = account.postgres
    found = socket.create_connection((server.host, server.port))
    found.sendall(SSL_REQUEST)
    _exactly(found, 1)
    return ssl.create_default_context(cafile=str(account.ca_pem)).wrap_socket(
        found, server_hostname=server.host
    )


def _started(message: bytes) -> bytes:
    words = message[4:].split(b"\0")
    kept = [
        part
        for name, value in zip(words[::2], words[1::2], strict=False)
        if name in KNOWN
        for part in (name, value)
    ]
    body = message[:4] + b"\0".join(kept) + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


def _pump(client: ssl.SSLSocket, server: ssl.SSLSocket) -> None:
    other = {client: server, server: client}
    while True:
        ready = [one for one in other if one.pending()] or select.select(list(other), [], [])[0]
        for one in ready:
            content = one.recv(65536)
            if not content:
                return
            other[one].sendall(content)


def _exactly(found: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        more = found.recv(count - len(content))
        if not more:
            raise OSError("the client went away")
        content += more
    return content
