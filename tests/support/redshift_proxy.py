"""A TLS proxy that lets Redshift's driver connect to PostgreSQL.

The driver's startup message contains parameters that PostgreSQL rejects; the proxy removes them. All later
messages are forwarded unchanged.
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
ACCEPTED_PARAMETERS = {
    b"user",
    b"database",
    b"client_encoding",
    b"DateStyle",
    b"TimeZone",
    b"extra_float_digits",
}


@dataclass
class RedshiftProxy:
    """The port, and the TLS version of each client session."""

    port: int
    protocols: list[str] = field(default_factory=list)


@contextlib.contextmanager
def redshift_proxy(account: EmbeddedAccount) -> Iterator[RedshiftProxy]:
    """Run the proxy with the account's own certificate while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = RedshiftProxy(listener.getsockname()[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(account.server_pair.certificate, account.server_pair.key)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_session, args=(client, context, account, proxy), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _session(
    plain: socket.socket, context: ssl.SSLContext, account: EmbeddedAccount, proxy: RedshiftProxy
) -> None:
    with contextlib.suppress(OSError, struct.error), plain:
        if _receive(plain, 8) != SSL_REQUEST:
            return
        plain.sendall(b"S")
        with context.wrap_socket(plain, server_side=True) as client:
            proxy.protocols.append(client.version() or "")
            (length,) = struct.unpack("!i", _receive(client, 4))
            message = _receive(client, length - 4)
            with _connect(account) as server:
                server.sendall(_accepted_startup(message))
                _forward(client, server)


def _connect(account: EmbeddedAccount) -> ssl.SSLSocket:
    server = account.postgres
    plain = socket.create_connection((server.host, server.port))
    plain.sendall(SSL_REQUEST)
    _receive(plain, 1)
    return ssl.create_default_context(cafile=str(account.ca_pem)).wrap_socket(
        plain, server_hostname=server.host
    )


def _accepted_startup(message: bytes) -> bytes:
    words = message[4:].split(b"\0")
    parameters = [
        part
        for name, value in zip(words[::2], words[1::2], strict=False)
        if name in ACCEPTED_PARAMETERS
        for part in (name, value)
    ]
    body = message[:4] + b"\0".join(parameters) + b"\0\0"
    return struct.pack("!i", len(body) + 4) + body


def _forward(client: ssl.SSLSocket, server: ssl.SSLSocket) -> None:
    other = {client: server, server: client}
    while True:
        ready = [connection for connection in other if connection.pending()] or select.select(
            list(other), [], []
        )[0]
        for connection in ready:
            content = connection.recv(65536)
            if not content:
                return
            other[connection].sendall(content)


def _receive(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        more = connection.recv(count - len(content))
        if not more:
            raise OSError("the connection was closed")
        content += more
    return content
